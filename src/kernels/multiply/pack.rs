//! Packing of weights into the order in which [`Gather`](super::Gather) reads them.

use rayon::prelude::*;

use super::{Scratch, Tile};

/// Number of values worth another thread.
const WORTH_A_THREAD: usize = 1 << 16;

/// Layout of the weights to pack: the weight of (column, channel, tap) is at
/// `column * column_stride + channel * channel_stride + taps[tap]`.
pub(in crate::kernels) struct Pack<'a> {
    pub columns: usize,
    pub column_stride: usize,
    pub channels: usize,
    pub channel_stride: usize,
    pub taps: &'a [usize],
}

impl Pack<'_> {
    /// Packs weights to `[panels][taps][channels][tile width]`. Missing columns of the last panel
    /// become zeros.
    pub(crate) fn pack(&self, tile: Tile, weights: &[f32]) -> Scratch {
        let mut packed = Scratch::new(self.packed_len(tile));
        self.pack_into(tile, weights, &mut packed);
        packed
    }

    /// Number of packed values.
    pub(crate) fn packed_len(&self, tile: Tile) -> usize {
        self.columns.div_ceil(tile.width) * self.panel(tile)
    }

    fn panel(&self, tile: Tile) -> usize {
        tile.width * self.taps.len() * self.channels
    }

    /// [`pack`](Self::pack) into existing memory.
    pub(crate) fn pack_into(&self, tile: Tile, weights: &[f32], packed: &mut [f32]) {
        let panel = self.panel(tile);
        if panel > 0 {
            let panels = packed.par_chunks_exact_mut(panel).with_min_len(WORTH_A_THREAD / panel);
            panels.enumerate().for_each(|(index, packed)| {
                self.pack_panel(tile.width, index * tile.width, weights, packed);
            });
        }
    }

    /// Packs the panel of columns from `first` on, to `[taps][channels][width]`.
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
