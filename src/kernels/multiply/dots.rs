//! Products of every row of one matrix with every row of another.

use std::ops::Range;

use pulp::{Simd, WithSimd};

use super::{Scratch, multiply_add};
use crate::kernels::InstructionSet;

/// Numbers of a row that are taken at a time, so that [`COLUMNS`] rows of them stay in the second cache.
const DEPTH: usize = 1024;

/// How far apart rows lie where they are multiplied: an odd number of lines of the caches, and so of vectors.
const STRIDE: usize = DEPTH + 16;

/// Rows of the right matrix that are taken at a time: a multiple of every tile's columns.
const COLUMNS: usize = 60;

/// `sums[row][column]` = the sum over `depth` of `left[row]` times `right[column]`: along both go vectors, so neither
/// has to be turned. Sums are kept per lane and added up at the end.
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
    /// Rows of the left matrix that are best taken together: whoever shares them out gives multiples of it.
    pub fn rows_together(set: InstructionSet) -> usize {
        match set {
            InstructionSet::Portable => 2,
            InstructionSet::Avx2 => 4,
            InstructionSet::Avx512 => 5,
        }
    }

    pub fn run(self, set: InstructionSet) {
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

    /// Adds a tile of products where there are rows and columns for it.
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

/// Copies a part of some rows of a matrix to where they lie well: each begins with a line of the caches and ends, in
/// zeros, with a whole vector, and no two lie a power of two apart, of which the nearest cache could hold few.
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

/// The products of every left with every right row, laid out as above, `depth` numbers long. Whatever lies where there is
/// no row makes products of its own.
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
    // Loops all through: what is handed a closure is compiled without the instructions that are meant.
    for place in (0..end).step_by(S::F32_LANES) {
        let mut vectors = [simd.splat_f32s(0.0); C];
        for (column, vector) in vectors.iter_mut().enumerate() {
            // SAFETY: a whole vector begins at this place of each row, as was just asserted.
            *vector = unsafe { read::<S>(right, column * STRIDE + place) };
        }
        for (row, sums) in sums.iter_mut().enumerate() {
            // SAFETY: as above.
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

/// The vector that begins at a place.
///
/// # Safety
/// It ends within `numbers`.
#[inline(always)]
unsafe fn read<S: Simd>(numbers: &[f32], place: usize) -> S::f32s {
    // SAFETY: the caller promises that it is there.
    unsafe { numbers.as_ptr().add(place).cast::<S::f32s>().read_unaligned() }
}
