//! Weights in the order in which [`Gather`](super::Gather) reads them.

use rayon::prelude::*;

use super::{Scratch, Tile};

/// Channels and taps of a panel that are written at a time, to stay in the nearest cache.
const CHANNELS: usize = 256;

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

    /// The panel of columns beginning with `first`, into `[taps][channels][width]`.
    fn pack_panel(&self, width: usize, first: usize, weights: &[f32], packed: &mut [f32]) {
        let columns = width.min(self.columns - first);
        if columns < width {
            packed.fill(0.0);
        }
        if self.column_stride == 1 && self.taps == [0] {
            for (channel, row) in packed.chunks_exact_mut(width).enumerate() {
                let from = channel * self.channel_stride + first;
                row[..columns].copy_from_slice(&weights[from..][..columns]);
            }
            return;
        }
        let block = CHANNELS.div_ceil(self.taps.len());
        for start in (0..self.channels).step_by(block) {
            for column in 0..columns {
                let from = (first + column) * self.column_stride;
                for channel in start..self.channels.min(start + block) {
                    let weights = &weights[from + channel * self.channel_stride..];
                    for (tap, &place) in self.taps.iter().enumerate() {
                        packed[(tap * self.channels + channel) * width + column] = weights[place];
                    }
                }
            }
        }
    }
}
