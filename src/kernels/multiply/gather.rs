//! Sums of products over several places of a source.

use std::ops::Range;

use pulp::{Simd, WithSimd};

use super::{Tile, load, multiply_add, store, with_rows};
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

    /// A panel of columns beginning with `first`, `V` vectors wide, whose rows of weights are `width` long.
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

    /// `L` rows of a panel, whose places lie as for `R` of them. The sums stay in registers: everything about them is
    /// known when this is compiled.
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
        // One row, and not all of them: those would be filled with zeros in memory first.
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
        let places: &[[u32; R]] = self.places[block * self.taps * R..].as_chunks().0;
        let mut tap = taps.start;
        while tap < taps.end {
            let (here, from) = (first_of::<L>(&places[tap]), tap * width * self.channels);
            let mut length = channels.len();
            tap += 1;
            if here.contains(&PADDING) {
                if *here == [PADDING; L] {
                    continue;
                }
            } else {
                // Taps whose numbers follow each other are as good as one.
                while tap < taps.end && follow(here, first_of(&places[tap]), length) {
                    length += self.channels;
                    tap += 1;
                }
            }
            let mut factors = [zeros[..channels.len()].as_ptr(); L];
            for (factors, &place) in factors.iter_mut().zip(here) {
                if place != PADDING {
                    *factors = self.source[place as usize + channels.start..][..length].as_ptr();
                }
            }
            let from = columns.start * self.taps * self.channels + from + channels.start * width;
            let weights = self.weights[from..][..length * width].as_ptr();
            // SAFETY: the slices were just cut to these lengths.
            sums = unsafe { multiply(simd, factors, length, weights, width, sums) };
        }
        if self.relu && *ends {
            let zero = simd.splat_f32s(0.0);
            for sum in sums.as_flattened_mut() {
                // What is not a number stays so, to be noticed at the end.
                *sum = simd.select_f32s(simd.less_than_f32s(*sum, zero), zero, *sum);
            }
        }
        for row in 0..L {
            store(simd, &mut self.outputs[rows[row] as usize..][columns.clone()], sums[row]);
        }
    }
}

/// Some columns of the outputs, and what is summed up for them.
struct Panel<'a> {
    part: &'a Part,
    /// What padding reads.
    zeros: &'a [f32],
    columns: Range<usize>,
    /// Length of a row of weights.
    width: usize,
}

/// The first places of a tap.
#[inline(always)]
fn first_of<const L: usize>(places: &[u32]) -> &[u32; L] {
    match places.first_chunk() {
        Some(places) => places,
        None => unreachable!("a block has at most as many rows as a tile"),
    }
}

/// Whether each of these places lies `distance` numbers after that in `before`.
#[inline(always)]
fn follow<const R: usize>(before: &[u32; R], after: &[u32; R], distance: usize) -> bool {
    let apart = |row: usize| after[row].wrapping_sub(before[row]) ^ distance as u32;
    (0..R).fold(0, |all, row| all | apart(row)) == 0
}

/// A part of the products of all sums.
struct Part {
    taps: Range<usize>,
    channels: Range<usize>,
    /// Whether sums begin with this part, and whether they end with it.
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

/// Taps and channels in parts of about [`DEPTH`] products.
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
