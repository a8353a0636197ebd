//! Weights in the order in which [`Gather`](super::Gather) reads them.

use rayon::prelude::*;

use super::{Scratch, Tile};

/// Numbers that are worth another thread.
const WORTH_A_THREAD: usize = 1 << 16;

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
        let mut packed = Scratch::new(self.packed(tile));
        self.pack_into(tile, weights, &mut packed);
        packed
    }

    /// How many numbers that is.
    pub fn packed(&self, tile: Tile) -> usize {
        self.columns.div_ceil(tile.width) * self.panel(tile)
    }

    fn panel(&self, tile: Tile) -> usize {
        tile.width * self.taps.len() * self.channels
    }

    /// The same, into memory for as many numbers.
    pub fn pack_into(&self, tile: Tile, weights: &[f32], packed: &mut [f32]) {
        let panel = self.panel(tile);
        if panel > 0 {
            let panels = packed.par_chunks_exact_mut(panel).with_min_len(WORTH_A_THREAD / panel);
            panels.enumerate().for_each(|(index, packed)| {
                self.pack_panel(tile.width, index * tile.width, weights, packed);
            });
        }
    }

    /// The panel of columns beginning with `first`, into `[taps][channels][width]`.
    fn pack_panel(&self, width: usize, first: usize, weights: &[f32], packed: &mut [f32]) {
        let columns = width.min(self.columns - first);
        if columns < width {
            packed.fill(0.0);
        }
        for channel in 0..self.channels {
            for (tap, place) in self.taps.iter().enumerate() {
                let from = first * self.column_stride + channel * self.channel_stride + place;
                let row = &mut packed[(tap * self.channels + channel) * width..][..columns];
                let weights = weights[from..].iter().step_by(self.column_stride);
                for (packed, weight) in row.iter_mut().zip(weights) {
                    *packed = *weight;
                }
            }
        }
    }
}
