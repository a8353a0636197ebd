//! Sums of outer products over pairs of rows.

use pulp::{Simd, WithSimd};

use super::{Tile, load, multiply_add, store, with_rows};
use crate::kernels::InstructionSet;

/// Indices of two rows to multiply.
#[derive(Debug, Clone, Copy)]
pub(in crate::kernels) struct Pair {
    pub left: u32,
    pub right: u32,
}

/// Pairs of rows, and the number of rows that they require on either side.
pub(in crate::kernels) struct Pairs {
    pairs: Vec<Pair>,
    rows: [usize; 2],
}

impl FromIterator<Pair> for Pairs {
    fn from_iter<I: IntoIterator<Item = Pair>>(pairs: I) -> Pairs {
        let pairs: Vec<Pair> = pairs.into_iter().collect();
        let most =
            |row: fn(&Pair) -> u32| pairs.iter().map(row).max().map_or(0, |row| row as usize + 1);
        Pairs { rows: [most(|pair| pair.left), most(|pair| pair.right)], pairs }
    }
}

/// Adds outer products to `sums`: for each channel, the sum over pairs of
/// `left[pair.left][channel]` times the row `right[pair.right]`.
pub(in crate::kernels) struct Outer<'a> {
    pub pairs: &'a Pairs,
    /// Number of pairs to use, from the first on.
    pub count: usize,
    /// Rows of channels, `stride` values apart.
    pub left: &'a [f32],
    pub stride: usize,
    pub channels: usize,
    /// Rows of `width` values.
    pub right: &'a [f32],
    /// A tile's width, or one vector.
    pub width: usize,
    /// `[channels][width]`
    pub sums: &'a mut [f32],
}

impl Outer<'_> {
    pub(crate) fn run(self, set: InstructionSet) {
        let rows = self.pairs.rows[0];
        assert!(rows == 0 || (rows - 1) * self.stride + self.channels <= self.left.len());
        let tile = Tile::of(set);
        assert!(self.width == tile.width || self.width == tile.vector);
        assert!(self.pairs.rows[1] * self.width <= self.right.len());
        set.run(self);
    }

    #[inline(always)]
    fn blocks<S: Simd, const V: usize>(self, simd: S, most: usize) {
        let pairs = &self.pairs.pairs[..self.count];
        if pairs.is_empty() {
            return;
        }
        let blocks = self.channels.div_ceil(most);
        let mut sums = self.sums;
        for block in 0..blocks {
            let (first, last) =
                (self.channels * block / blocks, self.channels * (block + 1) / blocks);
            let here;
            (here, sums) = sums.split_at_mut((last - first) * V * S::F32_LANES);
            let left = &self.left[first..];
            // SAFETY: `run` asserted that `left` and `right` contain the rows of all pairs, and the
            // channels of this block are within a row.
            with_rows!(S, last - first, R => unsafe {
                add::<S, R, V>(simd, pairs, left, self.stride, self.right, here)
            });
        }
    }
}

impl WithSimd for Outer<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let most = if S::F32_LANES == 16 { 12 } else { 6 };
        if self.width == S::F32_LANES {
            self.blocks::<S, 1>(simd, most);
        } else {
            self.blocks::<S, 2>(simd, most);
        }
    }
}

/// Adds the sums of a block of `R` channels.
///
/// # Safety
/// For each pair, `left` must contain `R` values at `pair.left` times `stride`, and `right` must
/// contain `V` vectors at `pair.right` times their length.
#[inline(always)]
unsafe fn add<S: Simd, const R: usize, const V: usize>(
    simd: S,
    pairs: &[Pair],
    left: &[f32],
    stride: usize,
    right: &[f32],
    sums: &mut [f32],
) {
    let width = V * S::F32_LANES;
    let mut block = [[simd.splat_f32s(0.0); V]; R];
    for pair in pairs {
        // SAFETY: the caller guarantees that these rows exist.
        let (factors, vectors) = unsafe {
            let right = right.as_ptr().add(pair.right as usize * width);
            let left = left.as_ptr().add(pair.left as usize * stride);
            (left, right.cast::<[S::f32s; V]>().read_unaligned())
        };
        for (row, sums) in block.iter_mut().enumerate() {
            // SAFETY: the caller guarantees `R` values at `factors`.
            let factor = simd.splat_f32s(unsafe { *factors.add(row) });
            for (sum, &vector) in sums.iter_mut().zip(&vectors) {
                *sum = multiply_add(simd, factor, vector, *sum);
            }
        }
    }
    // A loop of constant length, so that the block never leaves the registers.
    for row in 0..R {
        let sums = &mut sums[row * width..][..width];
        let mut total: [S::f32s; V] = load(simd, sums);
        for (total, &sum) in total.iter_mut().zip(&block[row]) {
            *total = simd.add_f32s(*total, sum);
        }
        store(simd, sums, total);
    }
}
