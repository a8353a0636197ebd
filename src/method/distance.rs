//! Ranking distance: how far weights moved in the ranking (section 3 of the paper).

use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use std::ops::Add;

/// Number of weights summed at a time. A sum of this many squares below 2⁵² fits in 64 bits.
pub(super) const PIECE: usize = 4096;

/// Statistics of how the ranks of some weights changed. They are integers, so their sums are the
/// same in any order and on any number of threads.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RankChange {
    weights: u64,
    moved: u64,
    /// Sum of the distances; below, that of their squares.
    sum: u128,
    squares: u128,
}

impl RankChange {
    /// Compares two rankings of the same weights: of one vector, or of all vectors of a matrix one
    /// after the other. Vectors must be shorter than 2²⁶.
    ///
    /// # Panics
    /// If the rankings differ in length.
    pub fn between(before: &[u32], after: &[u32]) -> Self {
        assert_eq!(before.len(), after.len(), "two rankings of the same weights");
        before
            .par_chunks(PIECE)
            .zip(after.par_chunks(PIECE))
            .map(|(before, after)| {
                Self::of_piece(
                    before.iter().zip(after).map(|(before, &after)| before.abs_diff(after)),
                )
            })
            .reduce(Self::default, Self::add)
    }

    /// Statistics of `weights` weights, `moved` of which changed rank, from the sums of their
    /// distances and of the squares of these.
    pub(super) fn of_sums(weights: usize, moved: u64, sum: u64, squares: u64) -> Self {
        Self { weights: weights as u64, moved, sum: sum.into(), squares: squares.into() }
    }

    /// Statistics of up to [`PIECE`] weights with these distances.
    #[inline]
    pub(super) fn of_piece(distances: impl Iterator<Item = u32>) -> Self {
        let (mut weights, mut moved, mut sum, mut squares) = (0, 0, 0, 0);
        for distance in distances {
            let distance = u64::from(distance);
            weights += 1;
            moved += u64::from(distance != 0);
            sum += distance;
            squares += distance * distance;
        }
        Self { weights, moved, sum: sum.into(), squares: squares.into() }
    }

    /// Fraction of the weights whose rank changed; 0 if there are no weights.
    pub fn moved(self) -> f32 {
        self.moved as f32 / self.weights.max(1) as f32
    }

    /// Ranking distance of the weights; 0 if there are none.
    pub fn distance(self) -> RankingDistance {
        let count = u128::from(self.weights.max(1));
        let variance = (count * self.squares - self.sum * self.sum) as f64 / (count * count) as f64;
        RankingDistance { mean: self.sum as f64 / count as f64, sd: variance.sqrt() }
    }
}

impl Add for RankChange {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            weights: self.weights + other.weights,
            moved: self.moved + other.moved,
            sum: self.sum + other.sum,
            squares: self.squares + other.squares,
        }
    }
}

/// Mean and standard deviation of the ranking distance D_t = |R_t - R_{t-1}| over all weights of a
/// matrix.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct RankingDistance {
    /// Mean, in ranks: from 0 to half the length of a vector.
    pub mean: f64,
    /// Population standard deviation, in ranks.
    pub sd: f64,
}

impl RankingDistance {
    /// Distance between two rankings of the same weights: of one vector, or of all vectors of a
    /// matrix one after the other; 0 if there are no weights. Vectors must be shorter than 2²⁶.
    ///
    /// # Panics
    /// If the rankings differ in length.
    pub fn between(before: &[u32], after: &[u32]) -> Self {
        RankChange::between(before, after).distance()
    }

    /// The distance as a fraction of the vectors' length `len`, as in the paper's figure 3.
    pub fn ratio(self, len: usize) -> Self {
        Self { mean: self.mean / len as f64, sd: self.sd / len as f64 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::{collection::vec, prelude::*};

    #[test]
    fn distances_are_averaged_over_all_weights() {
        // Distances 3, 1, 1, 1, 0, 0: mean 1, squared deviations 4, 0, 0, 0, 1, 1.
        let distance = RankingDistance::between(&[3, 0, 1, 2, 0, 1], &[0, 1, 2, 3, 0, 1]);
        assert_eq!(distance, RankingDistance { mean: 1.0, sd: 1.0 });
        assert_eq!(distance.ratio(4), RankingDistance { mean: 0.25, sd: 0.25 });
    }

    #[test]
    fn nothing_moved_is_zero() {
        let zero = RankingDistance { mean: 0.0, sd: 0.0 };
        assert_eq!(RankingDistance::between(&[1, 0, 2], &[1, 0, 2]), zero);
        assert_eq!(RankingDistance::between(&[], &[]), zero);
    }

    #[test]
    fn a_reversal_moves_half_the_length_on_average() {
        let before: Vec<u32> = (0..10_000).collect();
        let after: Vec<u32> = before.iter().rev().copied().collect();
        assert_eq!(RankingDistance::between(&before, &after).ratio(10_000).mean, 0.5);
    }

    proptest! {
        #[test]
        fn it_is_the_textbook_formula(
            pairs in vec((0u32..10_000, 0u32..10_000), 1..9000),
        ) {
            let (before, after): (Vec<u32>, Vec<u32>) = pairs.iter().copied().unzip();
            let count = pairs.len() as f64;
            let distances = || pairs.iter().map(|&(a, b)| (f64::from(a) - f64::from(b)).abs());
            let mean = distances().sum::<f64>() / count;
            let variance = distances().map(|d| (d - mean).powi(2)).sum::<f64>() / count;
            let change = RankChange::between(&before, &after);
            let moved = pairs.iter().filter(|(before, after)| before != after).count();
            prop_assert_eq!(change.moved(), moved as f32 / pairs.len() as f32);
            let distance = change.distance();
            prop_assert!((distance.mean - mean).abs() < 1e-6);
            prop_assert!((distance.sd - variance.sqrt()).abs() < 1e-6);
        }
    }
}
