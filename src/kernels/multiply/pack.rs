//! Weights in the order in which [`Gather`](super::Gather) reads them.

use rayon::prelude::*;

use super::{Scratch, Tile};

/// Where the weights of a multiplication lie: number (column, channel, tap) at
/// `column * column_stride + channel * channel_stride + taps[tap]`.
pub(in crate::kernels) struct Pack<'a> {
    pub columns: usize,
    pub column_stride: usize,
    pub channels: usize,
    pub channel_stride: usize,
    pub taps: &'a [usize],
}

impl Pack<'_> {
    /// The weights as `[panels][taps][channels][width of the tile]`; the last panel ends in columns of zeros.
    pub fn pack(&self, tile: Tile, weights: &[f32]) -> Scratch {
        let depth = self.taps.len() * self.channels;
        let mut packed = Scratch::new(self.columns.div_ceil(tile.width) * tile.width * depth);
        if depth > 0 {
            packed.par_chunks_mut(tile.width * depth).enumerate().for_each(|(panel, packed)| {
                self.pack_panel(tile.width, panel * tile.width, weights, packed);
            });
        }
        packed
    }

    fn pack_panel(&self, width: usize, first: usize, weights: &[f32], packed: &mut [f32]) {
        let columns = width.min(self.columns - first);
        for channel in 0..self.channels {
            for column in 0..width {
                let from = (first + column) * self.column_stride + channel * self.channel_stride;
                for (tap, place) in self.taps.iter().enumerate() {
                    packed[(tap * self.channels + channel) * width + column] =
                        if column < columns { weights[from + place] } else { 0.0 };
                }
            }
        }
    }
}
