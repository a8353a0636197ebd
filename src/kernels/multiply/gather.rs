//! Sums of products over several places of a source.

use std::ops::Range;

use pulp::{Simd, WithSimd};

use super::{Tile, load, multiply_add, store};
use crate::kernels::InstructionSet;

/// The place of a tap beyond the edge of an image: it reads zeros.
pub(in crate::kernels) const PADDING: u32 = u32::MAX;

/// Products that are summed up at a time, so that the weights of a panel stay in the second cache. Deeper sums are made of
/// several parts; going back to a sum costs more than the nearest cache would gain.
const DEPTH: usize = 2400;

/// A row of output is the sum over taps and channels of `source[place of the tap + channel]` times a row of weights.
pub(in crate::kernels) struct Gather<'a> {
    pub source: &'a [f32],
    /// Numbers that are read at each place of the source.
    pub channels: usize,
    /// Places that are read for each row of output.
    pub taps: usize,
    /// These places, `[blocks of rows][taps][rows of the tile]`: the beginnings of `channels` numbers, or [`PADDING`].
    pub places: &'a [u32],
    /// The weights, packed as by [`Pack`](super::Pack).
    pub weights: &'a [f32],
    /// Where the rows of output begin.
    pub rows: &'a [u32],
    /// Numbers of a row of output.
    pub columns: usize,
    /// What is added to each row of output.
    pub bias: Option<&'a [f32]>,
    /// Whether negative sums become zero.
    pub relu: bool,
    pub outputs: &'a mut [f32],
}

impl Gather<'_> {
    pub fn run(self, set: InstructionSet) {
        let tile = Tile::of(set);
        assert!(self.places.len() >= self.rows.len().next_multiple_of(tile.rows) * self.taps);
        set.run(self);
    }

    #[inline(always)]
    fn panels<S: Simd, const R: usize, const V: usize>(mut self, simd: S) {
        let zeros = vec![0.0; self.channels];
        let parts = parts(self.taps, self.channels);
        for (index, part) in parts.iter().enumerate() {
            let end = End { first: index == 0, last: index + 1 == parts.len() };
            for first in (0..self.columns).step_by(V * S::F32_LANES) {
                if self.columns - first > S::F32_LANES {
                    self.panel::<S, R, V>(simd, &zeros, part, end, first, V * S::F32_LANES);
                } else {
                    self.panel::<S, R, 1>(simd, &zeros, part, end, first, V * S::F32_LANES);
                }
            }
        }
    }

    /// A panel of columns beginning with `first`, `V` vectors wide, whose rows of weights are `width` long.
    #[inline(always)]
    fn panel<S: Simd, const R: usize, const V: usize>(
        &mut self,
        simd: S,
        zeros: &[f32],
        (taps, channels): &(Range<usize>, Range<usize>),
        end: End,
        first: usize,
        width: usize,
    ) {
        let columns = first..self.columns.min(first + V * S::F32_LANES);
        let bias: [S::f32s; V] = match self.bias {
            Some(bias) => load(simd, &bias[columns.clone()]),
            None => [simd.splat_f32s(0.0); V],
        };
        let length = channels.len();
        for (block, rows) in self.rows.chunks(R).enumerate() {
            let mut sums = [bias; R];
            if !end.first {
                for (sums, &row) in sums.iter_mut().zip(rows) {
                    *sums = load(simd, &self.outputs[row as usize..][columns.clone()]);
                }
            }
            let places: &[[u32; R]] = self.places[block * self.taps * R..].as_chunks().0;
            let mut tap = taps.start;
            while tap < taps.end {
                let (here, from) = (&places[tap], tap * width * self.channels);
                let mut length = length;
                tap += 1;
                if here.contains(&PADDING) {
                    if *here == [PADDING; R] {
                        continue;
                    }
                } else {
                    // Taps whose numbers follow each other are as good as one.
                    while tap < taps.end && follow(here, &places[tap], length) {
                        length += self.channels;
                        tap += 1;
                    }
                }
                let mut factors = [zeros[..channels.len()].as_ptr(); R];
                for (factors, &place) in factors.iter_mut().zip(here) {
                    if place != PADDING {
                        *factors =
                            self.source[place as usize + channels.start..][..length].as_ptr();
                    }
                }
                let from = first * self.taps * self.channels + from + channels.start * width;
                let weights = self.weights[from..][..length * width].as_ptr();
                // SAFETY: the slices were just cut to these lengths.
                sums = unsafe { multiply(simd, factors, length, weights, width, sums) };
            }
            for (sums, &row) in sums.iter_mut().zip(rows) {
                if self.relu && end.last {
                    let zero = simd.splat_f32s(0.0);
                    for sum in sums.iter_mut() {
                        // What is not a number stays so, to be noticed at the end.
                        *sum = simd.select_f32s(simd.less_than_f32s(*sum, zero), zero, *sum);
                    }
                }
                store(simd, &mut self.outputs[row as usize..][columns.clone()], *sums);
            }
        }
    }
}

/// Whether each of these places lies `distance` numbers after that in `before`.
#[inline(always)]
fn follow<const R: usize>(before: &[u32; R], after: &[u32; R], distance: usize) -> bool {
    let apart = |row: usize| after[row].wrapping_sub(before[row]) ^ distance as u32;
    (0..R).fold(0, |all, row| all | apart(row)) == 0
}

/// Whether a part of the products begins or ends the sums.
#[derive(Clone, Copy)]
struct End {
    first: bool,
    last: bool,
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

/// Taps and channels in parts of about [`DEPTH`] products.
fn parts(taps: usize, channels: usize) -> Vec<(Range<usize>, Range<usize>)> {
    let channel_parts = channels.div_ceil(DEPTH).max(1);
    let tap_parts = (taps * channels).div_ceil(DEPTH).clamp(1, taps.max(1));
    let part =
        |total: usize, parts: usize, part: usize| total * part / parts..total * (part + 1) / parts;
    (0..tap_parts * channel_parts)
        .map(|index| {
            (
                part(taps, tap_parts, index / channel_parts),
                part(channels, channel_parts, index % channel_parts),
            )
        })
        .collect()
}

/// Adds the products of `length` numbers of each row with as many rows of weights to a block of sums.
///
/// # Safety
/// `length` numbers can be read from each of `rows`, and `length` times `width` from `weights`; `width` is at least `V`
/// vectors.
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
        // SAFETY: `index` is less than `length`.
        let weights: [S::f32s; V] =
            unsafe { weights.add(index * width).cast::<[S::f32s; V]>().read_unaligned() };
        for row in 0..R {
            // SAFETY: as above.
            let factor = simd.splat_f32s(unsafe { *rows[row].add(index) });
            for vector in 0..V {
                sums[row][vector] = multiply_add(simd, factor, weights[vector], sums[row][vector]);
            }
        }
    }
    sums
}
