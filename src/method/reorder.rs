//! Sorting of weights whose order at an earlier time is known, such as one training step ago.
//!
//! From one step to the next, a weight passes few others. So the weights are taken in their earlier
//! order and sorted by odd-even transposition: neighbours are compared and swapped, in turns
//! beginning at even and at odd indices, until no pair is out of order. The number of turns grows
//! with the distance that the farthest weight moves. No comparison depends on the result of another
//! in the same pass, so a whole vector of an instruction set is processed at a time. If weights
//! moved too far for this, the vector is sorted from scratch.

use super::argsort::Argsort;
use super::distance::RankChange;
use super::ranking::{replace_ranks, share};
use super::vectors::assert_whole;
use crate::instructions::{InstructionSet, vectorized};
use rayon::prelude::*;
use std::cell::RefCell;
use std::ops::{Add, Range};

/// Bits of an index or position. Longer vectors are sorted from scratch.
const INDEX_BITS: u32 = 14;

/// Bits of a double-precision number that are free for both, besides a single-precision weight.
const PAYLOAD: u64 = (1 << (2 * INDEX_BITS)) - 1;

/// After [`PATIENCE`] turns it is clear whether weights moved far: if there are still more swaps
/// than one for every [`FEW`] pairs, sorting from scratch is faster.
const PATIENCE: usize = 3;
const FEW: usize = 6;

/// Number of turns that cost as much as sorting from scratch.
const MAX_TURNS: usize = 20;

/// Greatest fraction of tied weights in a vector up to which they are put in order one by one.
const FEW_TIES: f64 = 0.1;

thread_local! {
    /// Allocating new buffers would cost a tenth of the time of a piece.
    static BUFFERS: RefCell<Reorder> = RefCell::default();
}

/// Sorts weight vectors one after another in the same buffers.
#[derive(Default)]
struct Reorder {
    argsort: Argsort,
    /// Bits of the weights in their earlier order, two in each number.
    pairs: Vec<u64>,
    /// Entries at even and at odd indices of the order reached so far. Both are padded with
    /// infinity to a whole number of blocks and one more.
    entries: [Vec<f64>; 2],
    /// Entries after the next turn.
    next: [Vec<f64>; 2],
}

/// Entries of each parity that are processed together.
const BLOCK: usize = 8;

impl Reorder {
    /// Updates `order`, the positions of `vector`'s entries in ascending order at an earlier time,
    /// to the current order. Within `ties`, which are ranges of ranks, entries are in order of
    /// position. Returns how the ranks changed.
    fn reorder(
        &mut self,
        vector: &[f32],
        ties: impl Iterator<Item = Range<usize>> + Clone,
        order: &mut [u32],
    ) -> RankChange {
        let tied: usize = ties.clone().map(|tie| tie.len()).sum();
        let few = tied as f64 <= FEW_TIES * order.len() as f64;
        let set = InstructionSet::current();
        if few && self.make_entries(set, vector, order) && self.sort_entries(set) {
            ties.for_each(|ranks| self.sort_positions(ranks));
            let [even, odd] = &self.entries;
            let pairs = order.len().div_ceil(2);
            let [moved, sum, squares] = write_order(set, &even[..pairs], &odd[..pairs], order);
            return RankChange::of_sums(order.len(), moved, sum, squares);
        }
        let mut ranks = vec![0; order.len()];
        for (place, &position) in (0..).zip(&*order) {
            ranks[position as usize] = place;
        }
        self.argsort.order(vector);
        ties.for_each(|ranks| self.argsort.sort_positions(ranks));
        order.copy_from_slice(self.argsort.sorted());
        replace_ranks(order, &mut ranks)
    }

    /// Makes entries of the weights in their earlier order. Returns false if there are too many or
    /// one is not finite.
    fn make_entries(&mut self, set: InstructionSet, vector: &[f32], order: &[u32]) -> bool {
        if order.len() > 1 << INDEX_BITS {
            return false;
        }
        let (pairs, last) = order.as_chunks::<2>();
        self.gather(vector, pairs);
        let length = (pairs.len() + last.len()).next_multiple_of(BLOCK) + 1;
        for entries in self.entries.iter_mut().chain(&mut self.next) {
            entries.resize(length, f64::INFINITY);
            entries[pairs.len()..].fill(f64::INFINITY);
        }
        let [even, odd] = &mut self.entries;
        let finite = make_entries(
            set,
            &self.pairs,
            pairs,
            &mut even[..pairs.len()],
            &mut odd[..pairs.len()],
        );
        let &[position] = last else { return finite };
        let weight = vector[position as usize];
        even[pairs.len()] = entry(weight, 2 * pairs.len() as u32, position);
        finite && weight.is_finite()
    }

    /// Collects the weights at the positions in `order`, in blocks of pairs: one weight at a time,
    /// the loop and its stores would cost more than its loads.
    fn gather(&mut self, vector: &[f32], order: &[[u32; 2]]) {
        let at = |position: u32| u64::from(vector[position as usize].to_bits());
        let gather = |pairs: &mut [u64], order: &[[u32; 2]]| {
            for (pair, &[one, other]) in pairs.iter_mut().zip(order) {
                *pair = at(one) | at(other) << 32;
            }
        };
        self.pairs.resize(order.len(), 0);
        let (blocks, rest) = self.pairs.as_chunks_mut::<4>();
        let (order_of_blocks, order_of_rest) = order.as_chunks::<4>();
        blocks.iter_mut().zip(order_of_blocks).for_each(|(block, order)| gather(block, order));
        gather(rest, order_of_rest);
    }

    /// Sorts the entries. Returns false if the weights moved too far.
    fn sort_entries(&mut self, set: InstructionSet) -> bool {
        for turn in 1..=MAX_TURNS {
            let ([even, odd], [next_even, next_odd]) = (&self.entries, &mut self.next);
            // The smaller entry of the first pair has no neighbour before it in the second half of
            // the turn.
            next_even[0] = f64::min(even[0], odd[0]);
            let passed = odd_even_turn(set, even, odd, &mut next_even[1..], next_odd);
            std::mem::swap(&mut self.entries, &mut self.next);
            if passed == 0 {
                return true;
            }
            if turn == PATIENCE && passed > (self.pairs.len() / FEW) as u64 {
                return false;
            }
        }
        false
    }

    /// Sorts the entries that have the given ranks by position.
    fn sort_positions(&mut self, ranks: Range<usize>) {
        let slot = |place: usize| (place % 2, place / 2);
        let mut entries: Vec<f64> =
            ranks.clone().map(slot).map(|(parity, at)| self.entries[parity][at]).collect();
        entries.sort_unstable_by_key(|&entry| payload(entry));
        for ((parity, at), entry) in ranks.map(slot).zip(entries) {
            self.entries[parity][at] = entry;
        }
    }
}

/// Packs a weight, its position in the vector and its index in the earlier order into a number that
/// orders by weight, then by position.
#[inline(always)]
fn entry(weight: f32, place: u32, position: u32) -> f64 {
    // Adding zero turns -0 into +0.
    let bits = f64::from(weight + 0.0).to_bits();
    f64::from_bits(bits | (u64::from(position << INDEX_BITS | place) ^ negative(bits)) & PAYLOAD)
}

/// Position and earlier index of an entry, position in the upper bits.
#[inline(always)]
fn payload(entry: f64) -> u32 {
    let bits = entry.to_bits();
    ((bits ^ negative(bits)) & PAYLOAD) as u32
}

/// All ones for a negative number, zero otherwise: among negative numbers, lower bits mean a
/// greater number.
#[inline(always)]
fn negative(bits: u64) -> u64 {
    (bits.cast_signed() >> 63).cast_unsigned()
}

vectorized! {
    /// Makes entries of the pairs of weights in an order. Returns whether all weights are finite.
    fn make_entries<'a>(
        weights: &'a [u64],
        order: &'a [[u32; 2]],
        even: &'a mut [f64],
        odd: &'a mut [f64],
    ) -> bool {
        let pairs = even.len();
        // Slices of one length, so that bounds are checked only once.
        let (weights, order, odd) = (&weights[..pairs], &order[..pairs], &mut odd[..pairs]);
        let mut finite = true;
        for pair in 0..pairs {
            let place = 2 * pair as u32;
            let one = f32::from_bits(weights[pair] as u32);
            let other = f32::from_bits((weights[pair] >> 32) as u32);
            even[pair] = entry(one, place, order[pair][0]);
            odd[pair] = entry(other, place + 1, order[pair][1]);
            finite &= one.is_finite() & other.is_finite();
        }
        finite
    }
}

vectorized! {
    /// Swaps each entry at an even index with the next one if they are out of order, and then each
    /// entry at an odd index with the next one. Writes the entries at even indices from the second
    /// on, and those at odd indices. Returns the number of swaps. Both halves of the turn are done
    /// together, so that each entry is read and written only once.
    fn odd_even_turn<'a>(
        even: &'a [f64],
        odd: &'a [f64],
        next_even: &'a mut [f64],
        next_odd: &'a mut [f64],
    ) -> u64 {
        let count = odd.len() - 1;
        let (even_after, odd_after) = (&even[1..][..count], &odd[1..][..count]);
        let (even, odd) = (&even[..count], &odd[..count]);
        let (next_even, next_odd) = (&mut next_even[..count], &mut next_odd[..count]);
        let mut passed = 0;
        for i in 0..count {
            let greater = if odd[i] < even[i] { even[i] } else { odd[i] };
            let less = if odd_after[i] < even_after[i] { odd_after[i] } else { even_after[i] };
            next_odd[i] = if less < greater { less } else { greater };
            next_even[i] = if less < greater { greater } else { less };
            passed += u64::from(odd[i] < even[i]) + u64::from(less < greater);
        }
        passed
    }
}

vectorized! {
    /// Writes the positions in the order found. Returns the number of weights that moved, the sum
    /// of their distances, and the sum of the squares of these.
    fn write_order<'a>(even: &'a [f64], odd: &'a [f64], order: &'a mut [u32]) -> [u64; 3] {
        let (order, last) = order.as_chunks_mut::<2>();
        let pairs = order.len();
        // Slices of one length, so that bounds are checked only once. No sum reaches 2^32: each
        // turn moves a weight by at most 2, and tied weights, at most a tenth of the vector, are
        // only exchanged among themselves.
        let (evens, odds) = (&even[..pairs], &odd[..pairs]);
        let (mut moved, mut sum, mut squares) = (0u32, 0u32, 0u32);
        for pair in 0..pairs {
            let place = 2 * pair as u32;
            let (even, odd) = (payload(evens[pair]), payload(odds[pair]));
            let (one, other) = (distance(even, place), distance(odd, place + 1));
            order[pair] = [even >> INDEX_BITS, odd >> INDEX_BITS];
            moved += u32::from(one != 0) + u32::from(other != 0);
            sum += one + other;
            squares += one * one + other * other;
        }
        if let ([last], Some(&entry)) = (last, even.last()) {
            let distance = distance(payload(entry), 2 * pairs as u32);
            *last = payload(entry) >> INDEX_BITS;
            moved += u32::from(distance != 0);
            sum += distance;
            squares += distance * distance;
        }
        [moved, sum, squares].map(u64::from)
    }
}

/// Distance between an entry's earlier index and its current one.
#[inline(always)]
fn distance(payload: u32, now: u32) -> u32 {
    (payload & ((1 << INDEX_BITS) - 1)).abs_diff(now)
}

/// A weight matrix, and the order of the entries of each of its vectors at an earlier time.
#[derive(Debug)]
pub struct OrderedMatrix<'a> {
    values: &'a [f32],
    len: usize,
    /// Index of the first vector here among those that `ties` counts.
    first: usize,
    ties: &'a [Range<usize>],
    orders: &'a mut [u32],
}

impl<'a> OrderedMatrix<'a> {
    /// `orders` has, for each vector of length `len` in `values`, the positions of its entries in
    /// ascending order at an earlier time (or in any order, such as 0, 1, …).
    ///
    /// # Panics
    /// If `len` is 0, `values` is not a whole number of vectors, or `orders` has another length.
    pub fn new(values: &'a [f32], len: usize, orders: &'a mut [u32]) -> Self {
        assert_whole(values.len(), len);
        assert_eq!(values.len(), orders.len(), "one position for each weight");
        Self { values, len, first: 0, ties: &[], orders }
    }

    /// Orders entries with ranks in `ties` by position. The ranges count through all vectors.
    pub(super) fn with_ties(self, ties: &'a [Range<usize>]) -> Self {
        Self { ties, ..self }
    }

    /// Splits the matrix into pieces of some vectors, each about the same amount of work.
    fn pieces(self) -> impl Iterator<Item = OrderedMatrix<'a>> {
        let Self { values, len, ties, orders, .. } = self;
        let vectors = share(len);
        let pieces = values.chunks(vectors * len).zip(orders.chunks_mut(vectors * len));
        (0..).step_by(vectors).zip(pieces).map(move |(first, (values, orders))| OrderedMatrix {
            values,
            len,
            first,
            ties,
            orders,
        })
    }

    fn reorder(self, buffers: &mut Reorder) -> RankChange {
        let Self { values, len, first, ties, orders } = self;
        let vectors = (first..).zip(values.chunks(len).zip(orders.chunks_mut(len)));
        let changes = vectors
            .map(|(j, (vector, order))| buffers.reorder(vector, ties_of(ties, len, j), order));
        changes.fold(RankChange::default(), RankChange::add)
    }
}

/// Updates the orders of all matrices to their current weights. Returns for each matrix how its
/// ranks changed. Matrices are processed together because a small one alone is too little work for
/// many threads.
///
/// # Panics
/// If an order contains a position outside its vector.
pub fn reorder(matrices: Vec<OrderedMatrix<'_>>) -> Vec<RankChange> {
    let mut changes = vec![RankChange::default(); matrices.len()];
    let mut pieces = Vec::new();
    for (index, matrix) in matrices.into_iter().enumerate() {
        pieces.extend(matrix.pieces().map(|piece| (index, piece)));
    }
    let reordered = pieces
        .into_par_iter()
        .with_max_len(1)
        .map(|(index, piece)| (index, BUFFERS.with_borrow_mut(|buffers| piece.reorder(buffers))));
    for (index, change) in reordered.collect::<Vec<_>>() {
        changes[index] = changes[index] + change;
    }
    changes
}

/// Returns the ties that are ranks of vector `j`, out of `ties`, which are ascending and count
/// through all vectors of length `len`.
pub(super) fn ties_of(
    ties: &[Range<usize>],
    len: usize,
    j: usize,
) -> impl Iterator<Item = Range<usize>> + Clone {
    let (start, end) = (j * len, (j + 1) * len);
    let from = |end| ties.partition_point(|tie| tie.start < end);
    ties[from(start)..from(end)].iter().map(move |tie| tie.start - start..tie.end - start)
}

/// Inverts each permutation of length `len`: rankings become orders, and orders become rankings.
///
/// # Panics
/// If `len` is 0, `permutations` is not a whole number of them, or an entry is not below `len`.
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
    use crate::method::rank_vectors;
    use proptest::{collection::vec, prelude::*};

    fn reordered(values: &[f32], len: usize, orders: &mut [u32]) -> RankChange {
        reorder(vec![OrderedMatrix::new(values, len, orders)])[0]
    }

    #[test]
    fn a_weight_that_overtakes_two_others_moves_three() {
        let mut orders = [2, 0, 1, 3];
        // The smallest weight becomes the second largest: 2, 1 and 1 ranks, and none.
        let change = reordered(&[0.3, 0.4, 0.45, 0.5], 4, &mut orders);
        assert_eq!(orders, [0, 1, 2, 3]);
        let distance = change.distance();
        assert_eq!((distance.mean, change.moved()), (1.0, 0.75));
    }

    #[test]
    fn each_matrix_has_its_own_change() {
        let vectors = share(2) + 1; // more than a piece
        let still: Vec<f32> = (0..2 * vectors).map(|weight| weight as f32).collect();
        let mut orders = [0, 1].repeat(vectors);
        let (mut few, mut last) = ([0, 1, 2], [0, 1]);
        let changes = reorder(vec![
            OrderedMatrix::new(&[2.0, 1.0, 0.0], 3, &mut few),
            OrderedMatrix::new(&still, 2, &mut orders),
            OrderedMatrix::new(&[1.0, 0.0], 2, &mut last),
        ]);
        let mean = |change: &RankChange| change.distance().mean;
        assert_eq!(changes.iter().map(mean).collect::<Vec<_>>(), [4.0 / 3.0, 0.0, 1.0]);
        assert_eq!((few, last), ([2, 1, 0], [1, 0]));
        assert_eq!(orders, [0, 1].repeat(vectors));
    }

    #[test]
    fn as_many_ties_as_are_put_in_place_may_move_as_far_as_they_can() {
        let len = 1 << INDEX_BITS;
        let tied = (FEW_TIES * len as f64) as usize;
        let mut values: Vec<f32> = (0..len).map(|weight| weight as f32).collect();
        values[..tied].fill(-1.0);
        let backwards = (0..tied as u32).rev().chain(tied as u32..len as u32);
        let before: Vec<u32> = backwards.collect();
        let (mut orders, all) = (before.clone(), 0..tied);
        let matrix = OrderedMatrix::new(&values, len, &mut orders);
        let changes = reorder(vec![matrix.with_ties(std::slice::from_ref(&all))]);
        let now: Vec<u32> = (0..len as u32).collect();
        assert_eq!(changes, [RankChange::between(&before, &now)]);
        assert_eq!(orders, now);
    }

    #[test]
    fn an_inverse_by_hand() {
        assert_eq!(invert(&[2, 0, 1, 1, 0, 2], 3), [1, 2, 0, 1, 0, 2]);
    }

    /// Vectors of this length before and after a training step. Weights move little, far, or only
    /// here and there, or take few distinct values.
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
            let change = reordered(&after, len, &mut orders);
            prop_assert_eq!(invert(&orders, len), now.clone());
            prop_assert_eq!(change, RankChange::between(&before, &now));
            prop_assert_eq!(reordered(&after, len, &mut orders).moved(), 0.0);
        }
    }
}
