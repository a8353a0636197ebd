//! Dot products of every row of one matrix with every row of another.

use std::ops::Range;

use pulp::{Simd, WithSimd};

use super::{Scratch, multiply_add};
use crate::kernels::InstructionSet;

/// Values of a row multiplied at a time, so that [`COLUMNS`] rows of them stay in the second-level
/// cache.
const DEPTH: usize = 1024;

/// Distance between copied rows: an odd number of cache lines, and so of vectors.
const STRIDE: usize = DEPTH + 16;

/// Rows of the right matrix multiplied at a time: a multiple of the columns of every register
/// block.
const COLUMNS: usize = 60;

/// `sums[row][column]` = the dot product of `left[row]` and `right[column]`. Vectors run along both
/// rows, so neither matrix has to be transposed. Sums are kept per lane and reduced at the end.
pub(in crate::kernels) struct Dots<'a> {
    pub depth: usize,
    /// `[rows][depth]`
    pub left: &'a [f32],
    /// `[columns][depth]`
    pub right: &'a [f32],
    /// `[rows][columns]`
    pub sums: &'a mut [f32],
}

impl Dots<'_> {
    /// Rows of the left matrix per register block. Callers that split the matrix should split it at
    /// multiples of this number.
    pub(crate) fn rows_per_block(set: InstructionSet) -> usize {
        match set {
            InstructionSet::Portable => 2,
            InstructionSet::Avx2 => 4,
            InstructionSet::Avx512 => 5,
        }
    }

    pub(crate) fn run(self, set: InstructionSet) {
        self.sums.fill(0.0);
        if self.depth > 0 && !self.sums.is_empty() {
            set.run(self);
        }
    }

    #[inline(always)]
    fn tiles<S: Simd, const R: usize, const C: usize>(mut self, simd: S) {
        let [rows, columns] = [self.left, self.right].map(|matrix| matrix.len() / self.depth);
        let mut left = Scratch::new(R * STRIDE);
        let mut right = Scratch::new(COLUMNS.min(columns.next_multiple_of(C)) * STRIDE);
        for first in (0..columns).step_by(COLUMNS) {
            for from in (0..self.depth).step_by(DEPTH) {
                let last = columns.min(first + COLUMNS);
                let part = from..self.depth.min(from + DEPTH);
                lay_out::<S>(self.right, self.depth, first..last, &part, &mut right);
                for row in (0..rows).step_by(R) {
                    lay_out::<S>(self.left, self.depth, row..rows.min(row + R), &part, &mut left);
                    for (column, right) in
                        (first..last).step_by(C).zip(right.chunks_exact(C * STRIDE))
                    {
                        let products = products::<S, R, C>(simd, &left, right, part.len());
                        self.add([row, column], columns, products);
                    }
                }
            }
        }
    }

    /// Adds a block of products to `sums`, as far as its rows and columns exist.
    #[inline(always)]
    fn add<const R: usize, const C: usize>(
        &mut self,
        [row, column]: [usize; 2],
        columns: usize,
        products: [[f32; C]; R],
    ) {
        let rows = self.sums[row * columns..].chunks_mut(columns);
        for (sums, products) in rows.zip(products) {
            for (sum, product) in sums[column..].iter_mut().zip(products) {
                *sum += product;
            }
        }
    }
}

impl WithSimd for Dots<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        match (S::F32_LANES, super::is_portable::<S>()) {
            (16, _) => self.tiles::<S, 5, 5>(simd),
            (_, false) => self.tiles::<S, 4, 3>(simd),
            (_, true) => self.tiles::<S, 2, 2>(simd),
        }
    }
}

/// Copies a part of some rows to a layout that is fast to read. Each row starts at a cache line and
/// is padded with zeros to a whole vector. No two rows are a power of two apart, which would make
/// them compete for the same few cache lines.
#[inline(always)]
fn lay_out<S: Simd>(
    matrix: &[f32],
    depth: usize,
    rows: Range<usize>,
    part: &Range<usize>,
    to: &mut [f32],
) {
    let rows = matrix[rows.start * depth..rows.end * depth].chunks_exact(depth);
    for (row, to) in rows.zip(to.chunks_exact_mut(STRIDE)) {
        let (numbers, zeros) =
            to[..part.len().next_multiple_of(S::F32_LANES)].split_at_mut(part.len());
        numbers.copy_from_slice(&row[part.clone()]);
        zeros.fill(0.0);
    }
}

/// Dot products of `R` left with `C` right rows, copied as above, over `depth` values. Missing rows
/// of a partial block hold old values; [`Dots::add`] ignores their products.
#[inline(always)]
fn products<S: Simd, const R: usize, const C: usize>(
    simd: S,
    left: &[f32],
    right: &[f32],
    depth: usize,
) -> [[f32; C]; R] {
    let end = depth.next_multiple_of(S::F32_LANES);
    assert!(end <= STRIDE && left.len() >= R * STRIDE && right.len() >= C * STRIDE);
    let mut sums = [[simd.splat_f32s(0.0); C]; R];
    // Plain loops throughout: a closure would be compiled without the instruction set's vectors.
    for place in (0..end).step_by(S::F32_LANES) {
        let mut vectors = [simd.splat_f32s(0.0); C];
        for (column, vector) in vectors.iter_mut().enumerate() {
            // SAFETY: the assertion above covers a whole vector at every `place` of `C` rows.
            *vector = unsafe { read::<S>(right, column * STRIDE + place) };
        }
        for (row, sums) in sums.iter_mut().enumerate() {
            // SAFETY: the same holds for `R` rows.
            let left = unsafe { read::<S>(left, row * STRIDE + place) };
            for (sum, &right) in sums.iter_mut().zip(&vectors) {
                *sum = multiply_add(simd, left, right, *sum);
            }
        }
    }
    let mut products = [[0.0; C]; R];
    for (products, sums) in products.iter_mut().zip(&sums) {
        for (product, &sum) in products.iter_mut().zip(sums) {
            *product = simd.reduce_sum_f32s(sum);
        }
    }
    products
}

/// Reads the vector at an offset.
///
/// # Safety
/// The vector must end within `numbers`.
#[inline(always)]
unsafe fn read<S: Simd>(numbers: &[f32], place: usize) -> S::f32s {
    // SAFETY: guaranteed by the caller.
    unsafe { numbers.as_ptr().add(place).cast::<S::f32s>().read_unaligned() }
}
