//! Compares two files: whether the weights of one are a permutation of the other's, and which one.

use rayon::prelude::*;
use serde::Serialize;

use super::file::{TensorFile, TensorFileError};
use super::layout::Layout;
use crate::method::{CycleSummary, permutation, ranking};

/// The corresponding weight matrices of two files.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Partners {
    /// Index of a matrix in the first file and of its partner in the second, in the order of the
    /// first file.
    pub pairs: Vec<(usize, usize)>,
    /// Indices of matrices in the first file without a partner.
    pub only_first: Vec<usize>,
    /// Indices of matrices in the second file without a partner.
    pub only_second: Vec<usize>,
}

/// Finds the corresponding weight matrices of two files: first those with the same name and shape,
/// then each remaining matrix and the next one of the same shape. Shapes are compared in PyTorch's
/// order, so that a transposed matrix matches. `layout` overrides the formats' layouts.
pub(crate) fn partners(
    first: &TensorFile,
    second: &TensorFile,
    layout: Option<Layout>,
) -> Partners {
    let shape = |file: &TensorFile, index: usize| {
        let tensor = &file.tensors()[index];
        layout.unwrap_or_else(|| file.layout(tensor)).output_first(&tensor.shape)
    };
    let matches = |a: usize, b: usize| shape(first, a) == shape(second, b);
    let named = |a: usize, b: usize| first.tensors()[a].name == second.tensors()[b].name;
    let mut left = second.matrices();
    let mut find = |wanted: &dyn Fn(usize) -> bool| {
        let position = left.iter().position(|&b| wanted(b))?;
        Some(left.remove(position))
    };
    let matrices = first.matrices();
    let by_name: Vec<Option<usize>> =
        matrices.iter().map(|&a| find(&|b| named(a, b) && matches(a, b))).collect();
    let mut partners = Partners::default();
    for (&a, by_name) in matrices.iter().zip(by_name) {
        match by_name.or_else(|| find(&|b| matches(a, b))) {
            Some(b) => partners.pairs.push((a, b)),
            None => partners.only_first.push(a),
        }
    }
    partners.only_second = left;
    partners
}

/// Comparison of the weight vectors of one matrix with those of another.
///
/// A weight vector is a permutation of its partner if both have the same values, to the bit, each
/// with the same frequency. Positive and negative zero count as the same value. The cycles are
/// those of the permutation from one vector's ranking to the other's, whether or not their values
/// agree.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Comparison {
    /// Number of weight vectors.
    pub vectors: usize,
    /// Number of weights in each.
    pub length: usize,
    /// Number of vectors that are a permutation of their partner.
    pub permuted: usize,
    /// Number of cycles of at least two weights, in all vectors together.
    pub cycles: usize,
    /// Number of weights in the longest cycle; 0 if no rank changed.
    pub longest: usize,
    /// Number of weights that kept their rank.
    pub fixed_points: usize,
    /// Fraction of the weights whose rank changed, from 0 to 1.
    pub moved: f64,
}

impl Comparison {
    /// Returns true if every weight vector is a permutation of its partner.
    pub fn is_permutation(&self) -> bool {
        self.permuted == self.vectors
    }
}

struct Matrix {
    values: Vec<f32>,
    shape: Vec<usize>,
    layout: Layout,
}

/// Compares the matrix at index `a` of the first file with its partner at `b` of the second, as
/// found by [`partners()`].
///
/// # Errors
/// A tensor that cannot be read.
///
/// # Panics
/// If the shapes differ.
pub fn compare(
    first: &TensorFile,
    a: usize,
    second: &TensorFile,
    b: usize,
    layout: Option<Layout>,
) -> Result<Comparison, TensorFileError> {
    let matrix = |file: &TensorFile, index: usize| {
        let values = file.read(index)?;
        let info = &file.tensors()[index];
        let layout = layout.unwrap_or_else(|| file.layout(info));
        Ok(Matrix { values, shape: info.shape.clone(), layout })
    };
    Ok(compare_matrices(&matrix(first, a)?, &matrix(second, b)?))
}

fn compare_matrices(first: &Matrix, second: &Matrix) -> Comparison {
    let vectors = first.layout.vectors(&first.shape);
    assert_eq!(vectors, second.layout.vectors(&second.shape), "partners have the same shape");
    let compared: Vec<(bool, CycleSummary)> = (0..vectors.count)
        .into_par_iter()
        .map(|vector| {
            let entries = |matrix: &Matrix| -> Vec<f32> {
                matrix.layout.vector(&matrix.values, &matrix.shape, vector).collect()
            };
            compare_vectors(&entries(first), &entries(second))
        })
        .collect();
    let cycles = || compared.iter().map(|(_, cycles)| cycles);
    let fixed_points: usize = cycles().map(|cycles| cycles.fixed_points).sum();
    Comparison {
        vectors: vectors.count,
        length: vectors.len,
        permuted: compared.iter().filter(|(permuted, _)| *permuted).count(),
        cycles: cycles().map(|cycles| cycles.cycles).sum(),
        // A matrix without vectors has no cycles.
        longest: cycles().map(|cycles| cycles.longest).max().unwrap_or(0),
        fixed_points,
        moved: 1.0 - fixed_points as f64 / vectors.elements().max(1) as f64,
    }
}

/// Returns whether the vectors have the same values, and the cycles between their rankings.
fn compare_vectors(before: &[f32], after: &[f32]) -> (bool, CycleSummary) {
    let (from, to) = (ranking(before), ranking(after));
    let same = |(a, b): (f32, f32)| a == b || (a.is_nan() && b.is_nan());
    let permuted = sorted(before, &from).into_iter().zip(sorted(after, &to)).all(same);
    (permuted, CycleSummary::of(&permutation(&from, &to)))
}

/// Returns the values in ascending order, given their ranks.
fn sorted(values: &[f32], ranks: &[u32]) -> Vec<f32> {
    let mut sorted = vec![0.0; values.len()];
    for (&value, &rank) in values.iter().zip(ranks) {
        sorted[rank as usize] = value;
    }
    sorted
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matrix(shape: &[usize], values: &[f32], layout: Layout) -> Matrix {
        Matrix { values: values.into(), shape: shape.into(), layout }
    }

    #[test]
    fn a_permutation_is_found_across_layouts() {
        // 1 2 3 became 2 1 3, and 4 5 6 became 6 4 5.
        let rows = matrix(&[2, 3], &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0], Layout::OutputFirst);
        let columns = matrix(&[3, 2], &[2.0, 6.0, 1.0, 4.0, 3.0, 5.0], Layout::OutputLast);
        let expected = Comparison {
            vectors: 2,
            length: 3,
            permuted: 2,
            cycles: 2,
            longest: 3,
            fixed_points: 1,
            moved: 5.0 / 6.0,
        };
        let compared = compare_matrices(&rows, &columns);
        assert!(compared.is_permutation());
        assert_eq!(Comparison { moved: expected.moved, ..compared.clone() }, expected);
        assert!((compared.moved - expected.moved).abs() < 1e-12);
    }

    #[test]
    fn values_are_compared_vector_by_vector_and_to_the_bit() {
        let ours = matrix(&[3, 2], &[1.0, 2.0, 3.0, 4.0, -0.0, 7.0], Layout::OutputFirst);
        let theirs =
            matrix(&[3, 2], &[1.0, 3.0, 4.0, 3.0f32.next_up(), 7.0, 0.0], Layout::OutputFirst);
        let compared = compare_matrices(&ours, &theirs);
        assert_eq!((compared.permuted, compared.is_permutation()), (1, false));
        assert_eq!((compared.cycles, compared.fixed_points), (2, 2));
    }
}
