//! Summary of a weight matrix.

use rayon::prelude::*;

use super::layout::Layout;
use super::percentiles::{PERCENTILES, percentiles};
use crate::method::{Profile, evenly};

/// Number of points of a profile.
const POINTS: usize = 200;

/// Maximum number of weights from which a profile is computed. A larger matrix is represented by
/// evenly spaced weight vectors, at least one.
const PROFILED_WEIGHTS: usize = 1 << 22;

/// Number of weights added up at a time. It limits the rounding error of a sum to that of a few
/// thousand additions.
const PIECE: usize = 4096;

/// Summary of a weight matrix. All values except the profile are over all weights.
#[derive(Debug, Clone, PartialEq)]
pub struct MatrixSummary {
    /// Name as in the file.
    pub name: String,
    /// Shape as in the file.
    pub shape: Vec<usize>,
    /// Number of weight vectors, which is the number of neurons; at least 1.
    pub vectors: usize,
    /// Number of weights in each vector, the paper's #w_j; at least 1.
    pub length: usize,
    /// Number of weights that are zero, of either sign.
    pub zeros: usize,
    /// Mean of the weights; NaN if a weight is NaN.
    pub mean: f32,
    /// Standard deviation of the population; NaN if a weight is NaN.
    pub sd: f32,
    /// Values at [`PERCENTILES`]: the smallest weight first, the largest last.
    pub percentiles: [f32; PERCENTILES.len()],
    /// The sorted weight vectors as bands, and their similarity (SoWP). A matrix with more than
    /// 4,194,304 weights is represented by evenly spaced vectors with at most that many.
    pub profile: Profile,
}

impl MatrixSummary {
    /// Summarizes the `values` of a tensor of `shape`, with the last axis running fastest. Returns
    /// `None` for a tensor with fewer than two axes, an empty one, or one with a different number
    /// of values.
    pub fn of(name: String, shape: Vec<usize>, values: &[f32], layout: Layout) -> Option<Self> {
        let vectors = layout.vectors(&shape);
        if shape.len() < 2 || values.is_empty() || vectors.elements() != values.len() {
            return None;
        }
        let percentiles = percentiles(values);
        let (mean, sd) = mean_and_sd(values);
        let chosen_vectors = PROFILED_WEIGHTS / vectors.len;
        let chosen: Vec<f32> = evenly(vectors.count, chosen_vectors)
            .flat_map(|vector| layout.vector(values, &shape, vector))
            .collect();
        Some(Self {
            name,
            shape,
            vectors: vectors.count,
            length: vectors.len,
            zeros: values.par_iter().filter(|value| **value == 0.0).count(),
            mean,
            sd,
            percentiles,
            profile: Profile::of(&chosen, vectors.len, POINTS, usize::MAX),
        })
    }
}

/// Mean and standard deviation. Differences from the first value are added up, so that the mean of
/// equal values has no rounding error.
fn mean_and_sd(values: &[f32]) -> (f32, f32) {
    let count = values.len() as f64;
    let first = f64::from(values[0]);
    let mean = first + sum(values, |value| f64::from(value) - first) / count;
    let variance = sum(values, |value| (f64::from(value) - mean).powi(2)) / count;
    (mean as f32, variance.sqrt() as f32)
}

/// Sum of `term` over all values, with the same bits for any number of threads.
fn sum(values: &[f32], term: impl Fn(f32) -> f64 + Sync) -> f64 {
    let pieces = values.par_chunks(PIECE);
    let sums: Vec<f64> = pieces.map(|piece| piece.iter().map(|&value| term(value)).sum()).collect();
    sums.iter().sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn summary(shape: &[usize], values: &[f32], layout: Layout) -> MatrixSummary {
        MatrixSummary::of("a".into(), shape.into(), values, layout).unwrap()
    }

    #[test]
    fn numbers_are_over_all_weights() {
        let summed = summary(&[2, 3], &[3.0, 0.0, 1.0, -0.0, 1.0, 1.0], Layout::OutputFirst);
        assert_eq!((summed.vectors, summed.length, summed.zeros), (2, 3, 2));
        assert_eq!((summed.mean, summed.sd), (1.0, 1.0));
        assert_eq!(summed.percentiles, [0.0, 0.0, 0.0, 1.0, 1.5, 2.5, 3.0]);
        // The sorted vectors are 0 1 3 and 0 1 1: 1/3 apart on average from 0 1 2, whose deviation
        // is √(2/3).
        let expected = (1.0 / 3.0) / (2f32 / 3.0).sqrt();
        assert!((summed.profile.similarity - expected).abs() < 1e-6);
    }

    #[test]
    fn a_transposed_matrix_has_the_same_numbers() {
        let rows = summary(&[2, 3], &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0], Layout::OutputFirst);
        let columns = summary(&[3, 2], &[1.0, 4.0, 2.0, 5.0, 3.0, 6.0], Layout::OutputLast);
        assert_eq!(MatrixSummary { shape: vec![2, 3], ..columns }, rows);
    }

    #[test]
    fn equal_weights_do_not_deviate() {
        let summed = summary(&[3, 3], &[0.08; 9], Layout::OutputFirst);
        assert_eq!((summed.mean, summed.sd, summed.profile.similarity), (0.08, 0.0, 0.0));
    }

    #[test]
    fn what_is_not_a_number_shows() {
        let summed = summary(&[1, 3], &[1.0, f32::NAN, 2.0], Layout::OutputFirst);
        assert!(summed.mean.is_nan() && summed.sd.is_nan());
        assert_eq!(summed.percentiles[0], 1.0);
    }

    #[test]
    fn only_matrices_are_summed_up() {
        let none = |shape: &[usize], values: &[f32]| {
            MatrixSummary::of("a".into(), shape.into(), values, Layout::OutputFirst).is_none()
        };
        assert!(none(&[3], &[1.0; 3]) && none(&[], &[1.0]) && none(&[0, 3], &[]));
        assert!(none(&[2, 2], &[1.0; 3]));
    }
}
