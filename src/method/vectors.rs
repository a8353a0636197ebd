//! Division of a parameter's weights into weight vectors.

use serde::{Deserialize, Serialize};

/// A parameter seen as a weight matrix: `count` weight vectors w_j of `len` entries each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct VectorShape {
    /// Number of weight vectors, which is the number of neurons.
    pub count: usize,
    /// Number of weights in each vector, the paper's #w_j.
    pub len: usize,
}

impl VectorShape {
    /// The weight vectors of a parameter whose first axis runs over neurons: the rows of a dense
    /// `[out, in]`, the flattened kernels of a convolution `[out, in, height, width]`. A parameter
    /// with one axis (a bias) or none is a single vector.
    pub fn of(shape: &[usize]) -> Self {
        match shape {
            [count, rest @ ..] if !rest.is_empty() => {
                Self { count: *count, len: rest.iter().product() }
            }
            bias => Self { count: 1, len: bias.iter().product() },
        }
    }

    /// Number of weights in all vectors together, the paper's #W.
    pub fn elements(self) -> usize {
        self.count * self.len
    }
}

/// Whether all weights are finite.
pub(crate) fn all_finite(weights: &[f32]) -> bool {
    // No early exit at the first one that is not finite: checking after each weight is slower.
    weights.iter().fold(true, |all, weight| all & weight.is_finite())
}

/// Panics unless `elements` weights are a whole number of vectors of length `len`.
pub(super) fn assert_whole(elements: usize, len: usize) {
    assert!(
        len > 0 && elements.is_multiple_of(len),
        "{elements} weights are not a whole number of weight vectors of length {len}"
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_axis_counts_neurons() {
        assert_eq!(VectorShape::of(&[10, 784]), VectorShape { count: 10, len: 784 });
        assert_eq!(VectorShape::of(&[64, 32, 3, 3]), VectorShape { count: 64, len: 288 });
        assert_eq!(VectorShape::of(&[64, 32, 3, 3]).elements(), 18_432);
    }

    #[test]
    fn a_bias_is_one_vector() {
        assert_eq!(VectorShape::of(&[128]), VectorShape { count: 1, len: 128 });
        assert_eq!(VectorShape::of(&[]), VectorShape { count: 1, len: 1 });
    }
}
