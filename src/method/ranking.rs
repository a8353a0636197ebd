//! Rankings of weight vectors (section 3 of the paper).
//!
//! Ties are broken by position, so that a ranking is always a permutation of 0, 1, …, len - 1, even
//! if weights are pruned or share one value. Both zeros count as equal, since a product may flip
//! the sign of a pruned weight. NaN of either sign ranks last.

use super::argsort::Argsort;
use super::distance::{PIECE, RankChange};
use super::vectors::assert_whole;
use rayon::prelude::*;
use std::ops::Add;

/// Returns the ranking R_j of a weight vector: for each entry, the number of entries before it in
/// ascending order. The vector must have fewer than 2³² entries.
pub fn ranking(vector: &[f32]) -> Vec<u32> {
    let mut ranks = vec![0; vector.len()];
    write_ranks(Argsort::default().order(vector), &mut ranks);
    ranks
}

/// Whether `ranks` is a ranking of `length` entries: each number below `length` exactly once.
pub fn is_ranking(ranks: &[u32], length: usize) -> bool {
    let mut seen = vec![false; length];
    let new =
        |&rank: &u32| seen.get_mut(rank as usize).is_some_and(|s| !std::mem::replace(s, true));
    ranks.len() == length && ranks.iter().all(new)
}

/// Returns the positions of a vector's entries in ascending order of value: the inverse of
/// [`ranking`].
pub fn order(vector: &[f32]) -> Vec<u32> {
    Argsort::default().order(vector).to_vec()
}

/// Writes the ranking of each vector of length `len` in `values` to the same range of `ranks`.
///
/// # Panics
/// If `len` is 0, `values` is not a whole number of vectors, or `ranks` has another length.
pub fn rank_vectors(values: &[f32], len: usize, ranks: &mut [u32]) {
    assert_whole(values.len(), len);
    assert_eq!(values.len(), ranks.len(), "one rank for each weight");
    values
        .par_chunks(len)
        .zip(ranks.par_chunks_mut(len))
        .with_min_len(share(len))
        .for_each_init(Argsort::default, |argsort, (vector, ranks)| {
            write_ranks(argsort.order(vector), ranks)
        });
}

/// Number of vectors of length `len` in a piece of work that is worth sharing between threads.
pub(super) fn share(len: usize) -> usize {
    (4096 / len).max(1)
}

/// Returns the vectors of length `len` in `values`, each sorted ascending: the paper's weight
/// profiles.
///
/// # Panics
/// If `len` is 0 or `values` is not a whole number of vectors.
pub fn sort_vectors(values: &[f32], len: usize) -> Vec<f32> {
    assert_whole(values.len(), len);
    let mut sorted = vec![0.0; values.len()];
    values.par_chunks(len).zip(sorted.par_chunks_mut(len)).for_each_init(
        Argsort::default,
        |argsort, (vector, sorted)| {
            for (value, &position) in sorted.iter_mut().zip(argsort.order(vector)) {
                *value = vector[position as usize];
            }
        },
    );
    sorted
}

pub(super) fn write_ranks(order: &[u32], ranks: &mut [u32]) {
    for (rank, &position) in (0..).zip(order) {
        ranks[position as usize] = rank;
    }
}

/// Replaces earlier ranks by those of `order`. Returns how they changed.
pub(super) fn replace_ranks(order: &[u32], ranks: &mut [u32]) -> RankChange {
    let pieces = order.chunks(PIECE).zip((0u32..).step_by(PIECE));
    let changes = pieces.map(|(order, first)| {
        RankChange::of_piece((first..).zip(order).map(|(rank, &position)| {
            std::mem::replace(&mut ranks[position as usize], rank).abs_diff(rank)
        }))
    });
    changes.fold(RankChange::default(), RankChange::add)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::{collection::vec, prelude::*};

    #[test]
    fn the_smallest_ranks_zero() {
        assert_eq!(ranking(&[0.3, -0.1, 0.2, 0.5]), [2, 0, 1, 3]);
        assert_eq!(order(&[0.3, -0.1, 0.2, 0.5]), [1, 2, 0, 3]);
        assert!(ranking(&[]).is_empty());
    }

    #[test]
    fn ties_rank_by_position_and_zeros_tie() {
        assert_eq!(ranking(&[0.08, 0.0, 0.08, -0.0, 0.0]), [3, 0, 4, 1, 2]);
    }

    #[test]
    fn nan_ranks_last_whatever_its_sign() {
        assert_eq!(ranking(&[-f32::NAN, f32::INFINITY, f32::NAN, 1.0]), [2, 1, 3, 0]);
    }

    #[test]
    fn each_vector_is_ranked_and_sorted_alone() {
        let values = [3.0, 1.0, 2.0, -1.0, -2.0, -3.0];
        let mut ranks = [9; 6];
        rank_vectors(&values, 3, &mut ranks);
        assert_eq!(ranks, [2, 0, 1, 2, 1, 0]);
        assert_eq!(sort_vectors(&values, 3), [1.0, 2.0, 3.0, -3.0, -2.0, -1.0]);
    }

    proptest! {
        #[test]
        fn order_and_ranking_are_inverse(vector in vec(-2.0f32..2.0, 0..2000)) {
            let ranks = ranking(&vector);
            for (rank, position) in order(&vector).into_iter().enumerate() {
                prop_assert_eq!(ranks[position as usize] as usize, rank);
            }
        }

        #[test]
        fn larger_weights_rank_higher(vector in vec(prop_oneof![-1.0f32..1.0, Just(0.0)], 2..50)) {
            let ranks = ranking(&vector);
            for p in 0..vector.len() {
                for q in 0..vector.len() {
                    if vector[p] > vector[q] {
                        prop_assert!(ranks[p] > ranks[q]);
                    }
                }
            }
        }
    }
}
