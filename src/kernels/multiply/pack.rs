//! Weights in the order in which [`Gather`](super::Gather) reads them.

use rayon::prelude::*;

use super::{Scratch, Tile};
use crate::kernels::layout::turn;

/// Channels and columns that are transposed at a time, to stay in the nearest cache.
const CHANNELS: usize = 64;
const COLUMNS: usize = 8;

/// Panels that are packed at a time.
const PANELS: usize = 4;

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
        let depth = self.taps.len() * self.channels;
        let mut packed = Scratch::new(self.columns.div_ceil(tile.width) * tile.width * depth);
        if depth > 0 {
            let panel = tile.width * depth;
            let groups = packed.par_chunks_mut(PANELS * panel);
            let groups = groups.with_min_len(WORTH_A_THREAD / (PANELS * panel));
            groups.enumerate().for_each(|(group, packed)| {
                let first = group * PANELS * tile.width;
                if self.taps == [0] && self.column_stride == 1 {
                    return self.copy(tile.width, first, weights, packed);
                }
                for (index, packed) in packed.chunks_exact_mut(panel).enumerate() {
                    self.pack_panel(tile.width, first + index * tile.width, weights, packed);
                }
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
        if self.taps == [0] && self.channel_stride == 1 {
            return self.transpose(width, &weights[first * self.column_stride..], columns, packed);
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

    /// Several panels of a single tap whose columns are neighbours: goes along the rows, as memory is fastest.
    fn copy(&self, width: usize, first: usize, weights: &[f32], packed: &mut [f32]) {
        let panels = packed.len() / (width * self.channels);
        let columns = first..self.columns.min(first + panels * width);
        for channel in 0..self.channels {
            let from = &weights[channel * self.channel_stride..][columns.clone()];
            for (panel, from) in from.chunks(width).enumerate() {
                let to = &mut packed[(panel * self.channels + channel) * width..][..width];
                let (numbers, zeros) = to.split_at_mut(from.len());
                numbers.copy_from_slice(from);
                zeros.fill(0.0);
            }
        }
    }

    /// A panel of a single tap whose channels are neighbours: here columns may lie powers of two apart, where the nearest
    /// cache cannot hold one line of each.
    fn transpose(&self, width: usize, weights: &[f32], columns: usize, packed: &mut [f32]) {
        for (block, packed) in packed.chunks_mut(CHANNELS * width).enumerate() {
            let channels = packed.len() / width;
            for first in (0..columns).step_by(COLUMNS) {
                let from = first * self.column_stride + block * CHANNELS;
                let (count, strides) = (COLUMNS.min(columns - first), [self.column_stride, width]);
                turn([count, channels], strides, &weights[from..], &mut packed[first..]);
            }
        }
    }
}
