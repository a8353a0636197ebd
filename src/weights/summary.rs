//! One weight matrix, summed up.

use rayon::prelude::*;

use super::layout::Layout;
use super::percentiles::{PERCENTILES, percentiles};
use crate::method::{Profile, evenly};

/// Positions at which a profile is kept.
const POINTS: usize = 200;

/// A profile is drawn from evenly chosen weight vectors that have no more weights than this together (but from one
/// vector at least). A matrix of up to four million weights is looked at whole.
const PROFILED_WEIGHTS: usize = 1 << 22;

/// Weights summed up at a time, so that the sum's error stays that of a few thousand additions.
const PIECE: usize = 4096;

/// One weight matrix, summed up. Except for the profile, every number is over all weights.
#[derive(Debug, Clone, PartialEq)]
pub struct MatrixSummary {
    /// The matrix's name, as in the file.
    pub name: String,
    /// Its shape, as in the file.
    pub shape: Vec<usize>,
    /// Number of weight vectors, which is the number of neurons; at least 1.
    pub vectors: usize,
    /// Number of weights in each vector, the paper's #w_j; at least 1.
    pub length: usize,
    /// Number of weights that are zero, of either sign.
    pub zeros: usize,
    /// Mean of the weights; NaN if one is, as for [`sd`](Self::sd).
    pub mean: f32,
    /// Standard deviation (of the population).
    pub sd: f32,
    /// The values at [`PERCENTILES`]: the smallest weight first, the largest last.
    pub percentiles: [f32; PERCENTILES.len()],
    /// The sorted weight vectors as bands, and their similarity (SoWP): of all vectors where the matrix has no more
    /// than 4,194,304 weights, else of evenly chosen ones that have so many together.
    pub profile: Profile,
}

impl MatrixSummary {
    /// Sums up the `values` of a tensor of `shape`, which lie in the tensor's order, the last axis running fastest.
    /// There is nothing to sum up of a tensor with fewer than two axes, of an empty one, or of one with another
    /// number of values.
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

/// Equal values are their own mean, without a rounding error.
fn mean_and_sd(values: &[f32]) -> (f32, f32) {
    let count = values.len() as f64;
    let first = f64::from(values[0]);
    let mean = first + sum(values, |value| f64::from(value) - first) / count;
    let variance = sum(values, |value| (f64::from(value) - mean).powi(2)) / count;
    (mean as f32, variance.sqrt() as f32)
}

/// The same bits on any number of threads.
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
        // The sorted vectors are 0 1 3 and 0 1 1: 1/3 apart on average from 0 1 2, whose deviation is √(2/3).
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
