//! Ranking distance: how far weights moved among their neighbours (section 3 of the paper).

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

/// Weights summed up at a time. Within one such piece, squares below 2⁵² fit a 64-bit sum.
const PIECE: usize = 4096;

/// Mean and standard deviation of the ranking distance D_t = |R_t - R_{t-1}| over all weights of a
/// matrix.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct RankingDistance {
    /// Mean, in ranks: from 0 to half the vectors' length.
    pub mean: f64,
    /// Standard deviation (of the population), in ranks.
    pub sd: f64,
}

impl RankingDistance {
    /// The distance between two rankings of the same weights: of one vector, or of every vector of
    /// a matrix one after the other. It is zero for none. Vectors are shorter than 2²⁶.
    ///
    /// # Panics
    /// If there is not one rank after for each before.
    pub fn between(before: &[u32], after: &[u32]) -> Self {
        assert_eq!(before.len(), after.len(), "two rankings of the same weights");
        // Whole numbers add up to the same in any order, on any number of threads.
        let (sum, squares) = before
            .par_chunks(PIECE)
            .zip(after.par_chunks(PIECE))
            .map(|(before, after)| piece_sums(before, after))
            .reduce(|| (0, 0), |a, b| (a.0 + b.0, a.1 + b.1));
        let count = before.len().max(1) as u128;
        let variance = (count * squares - sum * sum) as f64 / (count * count) as f64;
        Self { mean: sum as f64 / count as f64, sd: variance.sqrt() }
    }

    /// The same as a fraction of the vectors' length `len`, as the paper's figure 3 shows it.
    pub fn ratio(self, len: usize) -> Self {
        Self { mean: self.mean / len as f64, sd: self.sd / len as f64 }
    }
}

/// Sum of the distances and of their squares.
fn piece_sums(before: &[u32], after: &[u32]) -> (u128, u128) {
    let distances = before.iter().zip(after).map(|(before, &after)| before.abs_diff(after).into());
    let (sum, squares) = distances.fold((0, 0), |(sum, squares): (u64, u64), distance: u64| {
        (sum + distance, squares + distance * distance)
    });
    (sum.into(), squares.into())
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
            let distance = RankingDistance::between(&before, &after);
            prop_assert!((distance.mean - mean).abs() < 1e-6);
            prop_assert!((distance.sd - variance.sqrt()).abs() < 1e-6);
        }
    }
}
