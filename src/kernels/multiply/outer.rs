//! Sums of products over pairs of places.

use pulp::{Simd, WithSimd};

use super::{Tile, load, multiply_add, store};
use crate::kernels::InstructionSet;

/// The numbers of two rows that are multiplied with each other.
#[derive(Debug, Clone, Copy)]
pub(in crate::kernels) struct Pair {
    pub left: u32,
    pub right: u32,
}

/// For each channel, adds to a row of sums the sum over pairs of `left[pair's left][channel]` times the row
/// `right[pair's right]`.
pub(in crate::kernels) struct Outer<'a> {
    pub pairs: &'a [Pair],
    /// Rows of `stride` numbers, of which the first are the channels.
    pub left: &'a [f32],
    pub stride: usize,
    pub channels: usize,
    /// Rows that are as wide as a tile.
    pub right: &'a [f32],
    /// `[channels][width of the tile]`
    pub sums: &'a mut [f32],
}

impl Outer<'_> {
    pub fn run(self, set: InstructionSet) {
        if self.pairs.is_empty() {
            return;
        }
        assert!(self.channels <= self.stride);
        let rows = (self.left.len() / self.stride, self.right.len() / Tile::of(set).width);
        let within = |pair: &Pair| (pair.left as usize) < rows.0 && (pair.right as usize) < rows.1;
        assert!(self.pairs.iter().all(within));
        set.run(self);
    }

    #[inline(always)]
    pub fn blocks<S: Simd, const V: usize>(self, simd: S, most: usize) {
        let count = self.channels;
        let blocks = count.div_ceil(most);
        let mut sums = self.sums;
        for block in 0..blocks {
            let (first, last) = (count * block / blocks, count * (block + 1) / blocks);
            let here;
            (here, sums) = sums.split_at_mut((last - first) * V * S::F32_LANES);
            let left = &self.left[first..];
            macro_rules! dispatch {
                ($($rows:literal)*) => {
                    match last - first {
                        // SAFETY: `run` looked at each pair.
                        $($rows => unsafe { add::<S, $rows, V>(simd, self.pairs, left, self.stride, self.right, here) },)*
                        _ => unreachable!(),
                    }
                };
            }
            if S::F32_LANES == 16 {
                dispatch!(1 2 3 4 5 6 7 8 9 10 11 12);
            } else {
                dispatch!(1 2 3 4 5 6);
            }
        }
    }
}

impl WithSimd for Outer<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        match (S::F32_LANES, super::is_portable::<S>()) {
            (16, _) => self.blocks::<S, 2>(simd, 12),
            (_, false) => self.blocks::<S, 2>(simd, 6),
            (_, true) => self.blocks::<S, 1>(simd, 6),
        }
    }
}

/// Adds the sums of a block of `R` channels.
///
/// # Safety
/// Each pair's `left` is a row of `stride` numbers of which `R` are in `left`, its `right` a row of `V` vectors in `right`.
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
        for row in 0..R {
            // SAFETY: as above.
            let factor = simd.splat_f32s(unsafe { *factors.add(row) });
            for vector in 0..V {
                block[row][vector] =
                    multiply_add(simd, factor, vectors[vector], block[row][vector]);
            }
        }
    }
    for (block, sums) in block.into_iter().zip(sums.chunks_exact_mut(width)) {
        let before: [S::f32s; V] = load(simd, sums);
        store::<S, V>(
            simd,
            sums,
            std::array::from_fn(|vector| simd.add_f32s(before[vector], block[vector])),
        );
    }
}
