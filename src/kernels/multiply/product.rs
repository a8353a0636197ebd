//! Product of two matrices, the right one in row-major order.

use pulp::{Simd, WithSimd};

use super::{Scratch, load, multiply_add, store, with_rows};
use crate::kernels::InstructionSet;

/// Rows of the right matrix multiplied at a time, so that a panel of them stays in the first-level
/// caches.
const DEPTH: usize = 512;

/// `outputs[row][column]` = the sum over `depth` of `left[row][depth]` times
/// `right[depth][column]`. Panels of the right matrix are copied to a buffer in which their rows
/// are contiguous.
pub(in crate::kernels) struct Product<'a> {
    pub depth: usize,
    pub left: &'a [f32],
    /// Distance between the rows of the left matrix, and between the values of a row.
    pub left_strides: [usize; 2],
    pub right: &'a [f32],
    /// Distance between the rows of the right matrix.
    pub right_stride: usize,
    pub columns: usize,
    /// `[rows][columns]`
    pub outputs: &'a mut [f32],
}

impl Product<'_> {
    pub(crate) fn run(self, set: InstructionSet) {
        if self.depth == 0 || self.outputs.is_empty() {
            return self.outputs.fill(0.0);
        }
        let rows = self.outputs.len() / self.columns;
        let [row, place] = self.left_strides;
        assert!((rows - 1) * row + (self.depth - 1) * place < self.left.len());
        set.run(self);
    }

    #[inline(always)]
    fn panels<S: Simd, const V: usize>(mut self, simd: S, most: usize) {
        let width = V * S::F32_LANES;
        let mut panel = Scratch::new(self.depth.min(DEPTH) * width);
        for from in (0..self.depth).step_by(DEPTH) {
            let depth = DEPTH.min(self.depth - from);
            for first in (0..self.columns).step_by(width) {
                let columns = width.min(self.columns - first);
                if columns <= S::F32_LANES {
                    self.panel::<S, 1>(simd, most, [from, depth], [first, columns], &mut panel);
                } else {
                    self.panel::<S, V>(simd, most, [from, depth], [first, columns], &mut panel);
                }
            }
        }
    }

    /// Adds the products of some rows of the right matrix to some columns of the outputs.
    #[inline(always)]
    fn panel<S: Simd, const V: usize>(
        &mut self,
        simd: S,
        most: usize,
        [from, depth]: [usize; 2],
        [first, columns]: [usize; 2],
        panel: &mut [f32],
    ) {
        let width = V * S::F32_LANES;
        let panel = &mut panel[..depth * width];
        for (place, row) in panel.chunks_exact_mut(width).enumerate() {
            let numbers = &self.right[(from + place) * self.right_stride + first..][..columns];
            store(simd, row, load::<S, V>(simd, numbers));
        }
        let [row_stride, depth_stride] = self.left_strides;
        let rows = self.outputs.len() / self.columns;
        let blocks = rows.div_ceil(most);
        for block in 0..blocks {
            let (begin, end) = (rows * block / blocks, rows * (block + 1) / blocks);
            let left = self.left[begin * row_stride + from * depth_stride..].as_ptr();
            let outputs = &mut self.outputs[begin * self.columns + first..];
            with_rows!(S, end - begin, R => {
                let mut sums = [[simd.splat_f32s(0.0); V]; R];
                if from > 0 {
                    for (sums, row) in sums.iter_mut().zip(outputs.chunks(self.columns)) {
                        *sums = load(simd, &row[..columns]);
                    }
                }
                // SAFETY: `run` asserted that `left` contains the last value of its last row; this
                // block and range of depth are within the matrix.
                sums = unsafe { add::<S, R, V>(simd, left, self.left_strides, panel, sums) };
                for (sums, row) in sums.into_iter().zip(outputs.chunks_mut(self.columns)) {
                    store(simd, &mut row[..columns], sums);
                }
            });
        }
    }
}

impl WithSimd for Product<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        match (S::F32_LANES, super::is_portable::<S>()) {
            (16, _) => self.panels::<S, 2>(simd, 12),
            (_, false) => self.panels::<S, 2>(simd, 6),
            (_, true) => self.panels::<S, 1>(simd, 6),
        }
    }
}

/// Adds the products of a panel with the values of `R` rows, the first of which is at `left`.
///
/// # Safety
/// At `left`, `R` rows with one value per row of the panel must be readable, at the given strides.
#[inline(always)]
unsafe fn add<S: Simd, const R: usize, const V: usize>(
    simd: S,
    left: *const f32,
    [row_stride, depth_stride]: [usize; 2],
    panel: &[f32],
    mut sums: [[S::f32s; V]; R],
) -> [[S::f32s; V]; R] {
    let rows = S::as_simd_f32s(panel).0.as_chunks::<V>().0;
    for (place, vectors) in rows.iter().enumerate() {
        for (row, sums) in sums.iter_mut().enumerate() {
            // SAFETY: guaranteed by the caller.
            let factor = unsafe { *left.add(row * row_stride + place * depth_stride) };
            let factor = simd.splat_f32s(factor);
            for (sum, &vector) in sums.iter_mut().zip(vectors) {
                *sum = multiply_add(simd, factor, vector, *sum);
            }
        }
    }
    sums
}
