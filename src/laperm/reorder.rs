//! The order of weights whose order at an earlier time is known, such as one training step ago.
//!
//! From step to step few weights overtake others, and those that do overtake few. So the weights are
//! taken in the order they had, and each that is no longer above the one before it is inserted where
//! it belongs now. Where they moved too far for that, they are sorted anew.

use super::argsort::{Argsort, key};
use super::distance::{PIECE, RankChange};
use super::ranking::replace_ranks;
use super::vectors::assert_whole;
use rayon::prelude::*;
use std::iter;
use std::ops::{Add, Range};

/// So many places that a weight moves down, on average, are more work than to sort anew.
const PATIENCE: usize = 2;

/// So many weights are too few to tell the average by.
const FEW_WEIGHTS: usize = 32;

/// Up to this share of a vector, weights that tie are put in their places one by one.
const FEW_TIES: f64 = 0.1;

/// Vectors of weights that are too little work to share out between threads, in weights.
const SHARE: usize = 1 << 14;

/// Orders weight vectors one after the other in the same buffers.
#[derive(Default)]
pub(super) struct Reorder {
    argsort: Argsort,
    /// The weights in the order known so far.
    weights: Vec<f32>,
    /// For each of them, its place in the order of the earlier time.
    places: Vec<u32>,
}

impl Reorder {
    /// `order` has the positions of `vector`'s entries in ascending order at an earlier time; it becomes that of now, but
    /// by position within `ties`, which are ranges of ranks. What became of the ranks.
    pub fn reorder(
        &mut self,
        vector: &[f32],
        ties: impl Iterator<Item = Range<usize>> + Clone,
        order: &mut [u32],
    ) -> RankChange {
        self.places.clear();
        self.places.extend(0..order.len() as u32);
        let tied: usize = ties.clone().map(|tie| tie.len()).sum();
        if tied as f64 <= FEW_TIES * order.len() as f64 && self.insert_weights(vector, order) {
            ties.for_each(|ranks| self.insert_positions(ranks, order));
            return self.change();
        }
        self.argsort.order(vector);
        ties.for_each(|ranks| self.argsort.sort_positions(ranks));
        self.replace(order)
    }

    /// Inserts each weight among those before it; gives up, and says so, where they moved too far.
    fn insert_weights(&mut self, vector: &[f32], order: &mut [u32]) -> bool {
        self.weights.resize(order.len(), 0.0);
        let (mut passed, mut last) = (0, f32::NEG_INFINITY);
        for place in 0..order.len() {
            let (position, weight) = (order[place], vector[order[place] as usize]);
            self.weights[place] = weight;
            // Equal weights and what is not a number are looked at more closely.
            if weight > last {
                last = weight;
                continue;
            }
            passed += self.insert(0, place, order, |other, at| {
                // Most are told apart by this alone.
                other > weight || (key(other), at) > (key(weight), position)
            });
            if passed > PATIENCE * (place + FEW_WEIGHTS) {
                return false;
            }
            last = self.weights[place];
        }
        true
    }

    /// Puts the positions that have these ranks in ascending order.
    fn insert_positions(&mut self, ranks: Range<usize>, order: &mut [u32]) {
        for place in ranks.clone() {
            let position = order[place];
            self.insert(ranks.start, place, order, |_, at| at > position);
        }
    }

    /// Moves what is at `place` before all that directly precedes it, back to `first`, and comes later by weight and
    /// position; how much that is.
    #[inline]
    fn insert(
        &mut self,
        first: usize,
        place: usize,
        order: &mut [u32],
        comes_later: impl Fn(f32, u32) -> bool,
    ) -> usize {
        let (weights, places) = (&mut self.weights[first..=place], &mut self.places[first..=place]);
        let order = &mut order[first..=place];
        let moved = (weights[place - first], places[place - first], order[place - first]);
        let mut at = place - first;
        while at > 0 && comes_later(weights[at - 1], order[at - 1]) {
            (weights[at], places[at], order[at]) = (weights[at - 1], places[at - 1], order[at - 1]);
            at -= 1;
        }
        (weights[at], places[at], order[at]) = moved;
        place - first - at
    }

    fn change(&self) -> RankChange {
        let pieces = self.places.chunks(PIECE).zip((0u32..).step_by(PIECE));
        let changes = pieces.map(|(before, first)| {
            let distance = |(before, now): (&u32, u32)| before.abs_diff(now);
            RankChange::of_piece(before.iter().zip(first..).map(distance))
        });
        changes.fold(RankChange::default(), RankChange::add)
    }

    /// Replaces an order, which is on the way from the earlier one, by that which was found.
    fn replace(&mut self, order: &mut [u32]) -> RankChange {
        let mut ranks = vec![0; order.len()];
        for (&position, &place) in order.iter().zip(&self.places) {
            ranks[position as usize] = place;
        }
        order.copy_from_slice(self.argsort.sorted());
        replace_ranks(order, &mut ranks)
    }
}

/// [`reorder_vectors`] where the ranks in `ties` of vector j go by position.
pub(super) fn reorder_vectors_with_ties<T>(
    values: &[f32],
    len: usize,
    ties: impl Fn(usize) -> T + Sync,
    orders: &mut [u32],
) -> RankChange
where
    T: Iterator<Item = Range<usize>> + Clone,
{
    assert_whole(values.len(), len);
    assert_eq!(values.len(), orders.len(), "one position for each weight");
    let vectors = values.par_chunks(len).zip(orders.par_chunks_mut(len)).enumerate();
    vectors
        .with_min_len((SHARE / len).max(1))
        .map_init(Reorder::default, |reorder, (j, (vector, order))| {
            reorder.reorder(vector, ties(j), order)
        })
        .reduce(RankChange::default, RankChange::add)
}

/// `orders` has, for every vector of length `len` in `values`, the positions of its entries in
/// ascending order at an earlier time (or in any order, such as 0, 1, …); they become those of now.
/// What became of the ranks.
///
/// # Panics
/// If `len` is 0 or `values` is not a whole number of vectors, or `orders` is not as long or has a
/// position in it that there is not.
pub fn reorder_vectors(values: &[f32], len: usize, orders: &mut [u32]) -> RankChange {
    reorder_vectors_with_ties(values, len, |_| iter::empty(), orders)
}

/// The inverse of every permutation of length `len`: of rankings the orders, of orders the rankings.
///
/// # Panics
/// If `len` is 0 or `permutations` is not a whole number of them, or a number in it is not below `len`.
pub fn invert(permutations: &[u32], len: usize) -> Vec<u32> {
    assert_whole(permutations.len(), len);
    let mut inverses = vec![0; permutations.len()];
    for (permutation, inverse) in permutations.chunks(len).zip(inverses.chunks_mut(len)) {
        for (place, &image) in (0..).zip(permutation) {
            inverse[image as usize] = place;
        }
    }
    inverses
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::laperm::rank_vectors;
    use proptest::{collection::vec, prelude::*};

    #[test]
    fn a_weight_that_overtakes_two_others_moves_three() {
        let mut orders = [2, 0, 1, 3];
        // The smallest weight becomes the second largest: 2, 1 and 1 ranks, and none.
        let change = reorder_vectors(&[0.3, 0.4, 0.45, 0.5], 4, &mut orders);
        assert_eq!(orders, [0, 1, 2, 3]);
        let distance = change.distance();
        assert_eq!((distance.mean, change.moved()), (1.0, 0.75));
    }

    #[test]
    fn an_inverse_by_hand() {
        assert_eq!(invert(&[2, 0, 1, 1, 0, 2], 3), [1, 2, 0, 1, 0, 2]);
    }

    /// Vectors of this length before and after a training step that moves them little, far, only here and there, or in
    /// levels, many of them alike.
    fn steps() -> impl Strategy<Value = (usize, Vec<f32>, Vec<f32>)> {
        let few = || (-3i8..3).prop_map(f32::from);
        let odd = || prop_oneof![9 => -1.0f32..1.0, 1 => any::<u32>().prop_map(f32::from_bits)];
        let lengths = prop_oneof![1usize..9, 100usize..200, Just(784usize)];
        lengths.prop_flat_map(move |len| {
            let count = len * (1 + 900 / len);
            let spread = || vec(-1.0f32..1.0, count);
            let moved = |by: f32| {
                let step = move |(weight, step): (&f32, &f32)| weight + by * step;
                (spread(), spread()).prop_map(move |(before, steps)| {
                    let after = before.iter().zip(&steps).map(step).collect();
                    (before, after)
                })
            };
            let pair = prop_oneof![
                moved(1e-3),
                moved(0.01),
                moved(1.0),
                (vec(odd(), count), vec(odd(), count)),
                (vec(few(), count), vec(few(), count)),
            ];
            pair.prop_map(move |(before, after)| (len, before, after))
        })
    }

    proptest! {
        #[test]
        fn reordering_is_ranking_anew((len, before, after) in steps()) {
            let ranks = |weights: &[f32]| {
                let mut ranks = vec![0; weights.len()];
                rank_vectors(weights, len, &mut ranks);
                ranks
            };
            let (before, now) = (ranks(&before), ranks(&after));
            let mut orders = invert(&before, len);
            let change = reorder_vectors(&after, len, &mut orders);
            prop_assert_eq!(invert(&orders, len), now.clone());
            prop_assert_eq!(change, RankChange::between(&before, &now));
            prop_assert_eq!(reorder_vectors(&after, len, &mut orders).moved(), 0.0);
        }
    }
}
