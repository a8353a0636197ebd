//! Sums of products over pairs of rows.

use pulp::{Simd, WithSimd};

use super::{Tile, load, multiply_add, store, with_rows};
use crate::kernels::InstructionSet;

/// The numbers of two rows that are multiplied with each other.
#[derive(Debug, Clone, Copy)]
pub(in crate::kernels) struct Pair {
    pub left: u32,
    pub right: u32,
}

/// Pairs of rows, and how many rows there must be on either side.
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

/// For each channel, adds to a row of sums the sum over pairs of `left[pair's left][channel]` times the row
/// `right[pair's right]`.
pub(in crate::kernels) struct Outer<'a> {
    pub pairs: &'a Pairs,
    /// How many of the pairs to take, from the first.
    pub count: usize,
    /// Rows of channels, each `stride` numbers after the one before.
    pub left: &'a [f32],
    pub stride: usize,
    pub channels: usize,
    /// Rows that are `width` long.
    pub right: &'a [f32],
    /// That of a tile, or one vector.
    pub width: usize,
    /// `[channels][width]`
    pub sums: &'a mut [f32],
}

impl Outer<'_> {
    pub fn run(self, set: InstructionSet) {
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
            // SAFETY: `run` asserted that there are the rows of all pairs.
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
/// Each pair's `left` is a row of which `R` numbers are in `left`, beginning `stride` after the row before; its `right` is a
/// row of `V` vectors in `right`.
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
        // SAFETY: the caller promises that these rows are there.
        let (factors, vectors) = unsafe {
            let right = right.as_ptr().add(pair.right as usize * width);
            let left = left.as_ptr().add(pair.left as usize * stride);
            (left, right.cast::<[S::f32s; V]>().read_unaligned())
        };
        for (row, sums) in block.iter_mut().enumerate() {
            // SAFETY: as above.
            let factor = simd.splat_f32s(unsafe { *factors.add(row) });
            for (sum, &vector) in sums.iter_mut().zip(&vectors) {
                *sum = multiply_add(simd, factor, vector, *sum);
            }
        }
    }
    // So many that it is known when this is compiled: the block then never leaves the registers.
    for row in 0..R {
        let sums = &mut sums[row * width..][..width];
        let mut total: [S::f32s; V] = load(simd, sums);
        for (total, &sum) in total.iter_mut().zip(&block[row]) {
            *total = simd.add_f32s(*total, sum);
        }
        store(simd, sums, total);
    }
}
