//! Sums of products of values gathered from several offsets of a source.

use std::ops::Range;

use pulp::{Simd, WithSimd};

use super::{Tile, load, multiply_add, store, with_rows};
use crate::kernels::InstructionSet;

/// Offset of a tap beyond the edge of an image, which reads zeros.
pub(in crate::kernels) const PADDING: u32 = u32::MAX;

/// Products summed at a time, so that the weights of a panel stay in the second-level cache. Longer
/// sums are split into parts of about this length. Shorter parts would fit the first-level cache,
/// but reloading the sums would cost more than that gains.
const DEPTH: usize = 2400;

/// Computes rows of output: each is the sum over taps and channels of
/// `source[offset of the tap + channel]` times a row of weights.
pub(in crate::kernels) struct Gather<'a> {
    pub source: &'a [f32],
    /// Number of values read at each offset of the source.
    pub channels: usize,
    /// Number of offsets read for each row of output.
    pub taps: usize,
    /// The offsets, `[blocks of rows][taps][tile rows]`: each the first of `channels` values, or
    /// [`PADDING`].
    pub offsets: &'a [u32],
    /// Weights, packed by [`Pack`](super::Pack).
    pub weights: &'a [f32],
    /// Offset of each row of output.
    pub rows: &'a [u32],
    /// Number of values in a row of output.
    pub columns: usize,
    /// Added to each row of output.
    pub bias: Option<&'a [f32]>,
    /// Whether negative sums become zero.
    pub relu: bool,
    pub outputs: &'a mut [f32],
}

impl Gather<'_> {
    pub(crate) fn run(self, set: InstructionSet) {
        let tile = Tile::of(set);
        assert!(self.offsets.len() >= self.rows.len().next_multiple_of(tile.rows) * self.taps);
        set.run(self);
    }

    #[inline(always)]
    fn panels<S: Simd, const R: usize, const V: usize>(mut self, simd: S) {
        let zeros = vec![0.0; self.channels];
        let parts = parts(self.taps, self.channels);
        for part in &parts {
            for first in (0..self.columns).step_by(V * S::F32_LANES) {
                if self.columns - first > S::F32_LANES {
                    self.panel::<S, R, V>(simd, &zeros, part, first, V * S::F32_LANES);
                } else {
                    self.panel::<S, R, 1>(simd, &zeros, part, first, V * S::F32_LANES);
                }
            }
        }
    }

    /// Computes the panel of columns from `first` on, `V` vectors wide, whose rows of weights are
    /// `width` long.
    #[inline(always)]
    fn panel<S: Simd, const R: usize, const V: usize>(
        &mut self,
        simd: S,
        zeros: &[f32],
        part: &Part,
        first: usize,
        width: usize,
    ) {
        let rows = self.rows;
        let (blocks, rest) = rows.as_chunks::<R>();
        let panel = Panel {
            part,
            zeros,
            columns: first..self.columns.min(first + V * S::F32_LANES),
            width,
        };
        for (block, rows) in blocks.iter().enumerate() {
            self.block::<S, R, R, V>(simd, &panel, block, rows);
        }
        if !rest.is_empty() {
            with_rows!(S, rest.len(), L => {
                let mut rows = [0; L];
                rows.copy_from_slice(rest);
                self.block::<S, R, L, V>(simd, &panel, blocks.len(), &rows);
            });
        }
    }

    /// Computes `L` rows of a panel, with offsets laid out for blocks of `R`. All sizes are
    /// constants, so that the sums stay in registers.
    #[inline(always)]
    fn block<S: Simd, const R: usize, const L: usize, const V: usize>(
        &mut self,
        simd: S,
        panel: &Panel,
        block: usize,
        rows: &[u32; L],
    ) {
        let Panel { part: Part { taps, channels, begins, ends }, zeros, ref columns, width } =
            *panel;
        // One row instead of all `L`, because an array of all would be zeroed in memory first.
        let start = match self.bias {
            Some(bias) => load(simd, &bias[columns.clone()]),
            None => [simd.splat_f32s(0.0); V],
        };
        let mut sums = [start; L];
        if !begins {
            for row in 0..L {
                sums[row] = load(simd, &self.outputs[rows[row] as usize..][columns.clone()]);
            }
        }
        let offsets: &[[u32; R]] = self.offsets[block * self.taps * R..].as_chunks().0;
        let mut tap = taps.start;
        while tap < taps.end {
            let (here, from) = (leading::<L>(&offsets[tap]), tap * width * self.channels);
            let mut length = channels.len();
            tap += 1;
            if here.contains(&PADDING) {
                if *here == [PADDING; L] {
                    continue;
                }
            } else {
                // Taps whose values are contiguous are merged into one.
                while tap < taps.end && are_contiguous(here, leading(&offsets[tap]), length) {
                    length += self.channels;
                    tap += 1;
                }
            }
            let mut factors = [zeros[..channels.len()].as_ptr(); L];
            for (factors, &offset) in factors.iter_mut().zip(here) {
                if offset != PADDING {
                    *factors = self.source[offset as usize + channels.start..][..length].as_ptr();
                }
            }
            let from = columns.start * self.taps * self.channels + from + channels.start * width;
            let weights = self.weights[from..][..length * width].as_ptr();
            // SAFETY: the slices of source, zeros and weights were cut to these lengths above; a
            // padded tap is never merged, so `length` does not exceed that of `zeros`. `width` is
            // that of a packed panel, at least `V` vectors.
            sums = unsafe { multiply(simd, factors, length, weights, width, sums) };
        }
        if self.relu && *ends {
            let zero = simd.splat_f32s(0.0);
            for sum in sums.as_flattened_mut() {
                // Keeps NaN, so that it reaches the loss and is noticed.
                *sum = simd.select_f32s(simd.less_than_f32s(*sum, zero), zero, *sum);
            }
        }
        for row in 0..L {
            store(simd, &mut self.outputs[rows[row] as usize..][columns.clone()], sums[row]);
        }
    }
}

/// Some columns of the outputs, and the part of their sums to compute.
struct Panel<'a> {
    part: &'a Part,
    /// Read in place of padding.
    zeros: &'a [f32],
    columns: Range<usize>,
    /// Length of a row of weights.
    width: usize,
}

/// The first `L` offsets of a tap.
#[inline(always)]
fn leading<const L: usize>(offsets: &[u32]) -> &[u32; L] {
    match offsets.first_chunk() {
        Some(offsets) => offsets,
        None => unreachable!("a block has at most as many rows as a tile"),
    }
}

/// Whether each of the offsets `after` is `distance` greater than that in `before`.
#[inline(always)]
fn are_contiguous<const R: usize>(before: &[u32; R], after: &[u32; R], distance: usize) -> bool {
    let apart = |row: usize| after[row].wrapping_sub(before[row]) ^ distance as u32;
    (0..R).fold(0, |all, row| all | apart(row)) == 0
}

/// A range of the products of all sums.
struct Part {
    taps: Range<usize>,
    channels: Range<usize>,
    /// Whether this is the first part of the sums, and whether it is the last.
    begins: bool,
    ends: bool,
}

impl WithSimd for Gather<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        match (S::F32_LANES, super::is_portable::<S>()) {
            (16, _) => self.panels::<S, 12, 2>(simd),
            (_, false) => self.panels::<S, 6, 2>(simd),
            (_, true) => self.panels::<S, 6, 1>(simd),
        }
    }
}

/// Splits taps and channels into parts of about [`DEPTH`] products.
fn parts(taps: usize, channels: usize) -> Vec<Part> {
    let channel_parts = channels.div_ceil(DEPTH).max(1);
    let tap_parts = (taps * channels).div_ceil(DEPTH).clamp(1, taps.max(1));
    let count = tap_parts * channel_parts;
    let part =
        |total: usize, parts: usize, part: usize| total * part / parts..total * (part + 1) / parts;
    let parts = (0..count).map(|index| Part {
        taps: part(taps, tap_parts, index / channel_parts),
        channels: part(channels, channel_parts, index % channel_parts),
        begins: index == 0,
        ends: index + 1 == count,
    });
    parts.collect()
}

/// Adds the products of `length` values of each row with as many rows of weights to a block of
/// sums.
///
/// # Safety
/// `length` values must be readable from each of `rows`, and `length` times `width` from `weights`.
/// `width` must be at least `V` vectors.
#[inline(always)]
unsafe fn multiply<S: Simd, const R: usize, const V: usize>(
    simd: S,
    rows: [*const f32; R],
    length: usize,
    weights: *const f32,
    width: usize,
    mut sums: [[S::f32s; V]; R],
) -> [[S::f32s; V]; R] {
    for index in 0..length {
        // SAFETY: `index` is less than `length`, and `width` is at least `V` vectors.
        let weights: [S::f32s; V] =
            unsafe { weights.add(index * width).cast::<[S::f32s; V]>().read_unaligned() };
        for row in 0..R {
            // SAFETY: `index` is less than `length`.
            let factor = simd.splat_f32s(unsafe { *rows[row].add(index) });
            for vector in 0..V {
                sums[row][vector] = multiply_add(simd, factor, weights[vector], sums[row][vector]);
            }
        }
    }
    sums
}
