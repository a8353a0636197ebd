//! The reservoir: values that training may rearrange but never change.

use super::{
    VectorShape,
    argsort::Argsort,
    distance::RankChange,
    prune::{Priority, PruneRule},
    ranking::{replace_ranks, share, sort_vectors, write_ranks},
    reachable::log10_reachable,
    reorder::{OrderedMatrix, ties_of},
    vectors::all_finite,
};
use rayon::prelude::*;
use std::ops::Range;
use thiserror::Error;

/// The sorted initial values of one parameter's weight vectors, the paper's θ_sorted.
///
/// The initial weights are kept as they were before pruning, so that the pruning ratio p can go up
/// and down: the same p gives the same values, regardless of earlier ones.
#[derive(Debug, Clone)]
pub struct Reservoir {
    shape: VectorShape,
    initial: Vec<f32>,
    priority: Option<Priority>,
    pruning_ratio: f64,
    sorted: Vec<f32>,
    zeros: usize,
    /// Ranges of `sorted` with equal values within a vector.
    ties: Vec<Range<usize>>,
}

/// Why a reservoir cannot be created or pruned as requested.
#[derive(Debug, Clone, Copy, PartialEq, Error)]
pub enum ReservoirError {
    /// The weights do not divide into vectors of the given length.
    #[error("{weights} weights cannot be divided into weight vectors of length {len}")]
    Ragged {
        /// Number of initial weights.
        weights: usize,
        /// The requested length.
        len: usize,
    },
    /// An initial weight is NaN or infinite.
    #[error("initial weight {index} is {value}; every initial weight must be a finite number")]
    NotFinite {
        /// Position in the parameter.
        index: usize,
        /// Value of the weight.
        value: f32,
    },
    /// The number of priorities is not that of the weights.
    #[error("{priorities} pruning priorities for {weights} weights; give one for each weight")]
    PriorityCount {
        /// Number of priorities.
        priorities: usize,
        /// Number of initial weights.
        weights: usize,
    },
    /// A priority is outside [0, 1).
    #[error("pruning priority {index} is {value}; a priority is at least 0 and less than 1")]
    PriorityRange {
        /// Position in the parameter.
        index: usize,
        /// Value of the priority.
        value: f32,
    },
    /// A pruning ratio is outside [0, 1).
    #[error("the pruning ratio is {ratio}; it must be at least 0 and less than 1")]
    Ratio {
        /// The requested ratio.
        ratio: f64,
    },
    /// The parameter is never pruned.
    #[error("this parameter is never pruned, so its pruning ratio cannot be {ratio}, only 0")]
    NeverPruned {
        /// The requested ratio.
        ratio: f64,
    },
}

impl Reservoir {
    /// The reservoir of a parameter that is never pruned, such as a bias. Stores -0 as +0.
    ///
    /// # Errors
    /// If the weights are not a whole number of vectors of length `len`, or not all finite.
    pub fn new(initial: Vec<f32>, len: usize) -> Result<Self, ReservoirError> {
        Self::with_priority(initial, len, None)
    }

    /// The reservoir of a parameter that may be pruned. Its pruning ratio p starts at 0.
    ///
    /// `priority` has one number for each weight, uniform in [0, 1): the lower, the sooner the
    /// weight is pruned as p grows.
    ///
    /// # Errors
    /// As [`Reservoir::new`], and if `priority` does not have one number in [0, 1) for each weight.
    pub fn prunable(
        initial: Vec<f32>,
        len: usize,
        priority: Vec<f32>,
        rule: PruneRule,
    ) -> Result<Self, ReservoirError> {
        let (priorities, weights) = (priority.len(), initial.len());
        if priorities != weights {
            return Err(ReservoirError::PriorityCount { priorities, weights });
        }
        if let Some(index) = priority.iter().position(|value| !(0.0..1.0).contains(value)) {
            return Err(ReservoirError::PriorityRange { index, value: priority[index] });
        }
        vector_shape(weights, len)?;
        Self::with_priority(initial, len, Some(Priority::new(rule, priority, len)))
    }

    fn with_priority(
        mut initial: Vec<f32>,
        len: usize,
        priority: Option<Priority>,
    ) -> Result<Self, ReservoirError> {
        let shape = vector_shape(initial.len(), len)?;
        if let Some(index) = initial.iter().position(|value| !value.is_finite()) {
            return Err(ReservoirError::NotFinite { index, value: initial[index] });
        }
        // Both zeros tie, so only one of them may occur, or a second sync could change bits.
        initial.iter_mut().for_each(|value| *value += 0.0);
        let (pruning_ratio, sorted, zeros, ties) = (0.0, vec![], 0, vec![]);
        let mut reservoir = Self { shape, initial, priority, pruning_ratio, sorted, zeros, ties };
        reservoir.sort();
        Ok(reservoir)
    }

    /// Updates what depends on the pruning ratio.
    fn sort(&mut self) {
        self.sorted = sort_vectors(&self.pruned_initial(), self.shape.len);
        self.zeros = self.sorted.iter().filter(|&&value| value == 0.0).count();
        self.ties = ties(&self.sorted, self.shape.len);
    }

    /// Sets the pruning ratio p and sorts again. Weights follow at the next [`Reservoir::sync`].
    ///
    /// Masks are nested: a larger p prunes all weights that a smaller one does, and more. A vector
    /// may lose all its weights if p is close to 1.
    ///
    /// # Errors
    /// If p is not in [0, 1), or not 0 for a parameter that is never pruned. The reservoir is then
    /// unchanged.
    pub fn set_pruning_ratio(&mut self, p: f64) -> Result<(), ReservoirError> {
        if !(0.0..1.0).contains(&p) {
            return Err(ReservoirError::Ratio { ratio: p });
        }
        if self.priority.is_none() && p > 0.0 {
            return Err(ReservoirError::NeverPruned { ratio: p });
        }
        if p != self.pruning_ratio {
            self.pruning_ratio = p;
            self.sort();
        }
        Ok(())
    }

    /// The pruning ratio p: 0 at first, and always for a parameter that is never pruned.
    pub fn pruning_ratio(&self) -> f64 {
        self.pruning_ratio
    }

    /// Number of zeros in all vectors together, pruned or initial.
    pub fn zeros(&self) -> usize {
        self.zeros
    }

    /// Number and length of the weight vectors.
    pub fn shape(&self) -> VectorShape {
        self.shape
    }

    /// Values of vector `j` in ascending order.
    ///
    /// # Panics
    /// If there is no such vector.
    pub fn sorted(&self, j: usize) -> &[f32] {
        &self.sorted[j * self.shape.len..][..self.shape.len]
    }

    /// The initial weights θ_0 at their original positions, zero where pruned: what a network
    /// starts from.
    pub fn pruned_initial(&self) -> Vec<f32> {
        let mut weights = self.initial.clone();
        if let Some(priority) = &self.priority {
            priority.prune(&mut weights, self.pruning_ratio);
        }
        weights
    }

    /// Synchronizes: θ ← σ_θ(θ_sorted). Each vector of `weights` is overwritten by the reservoir's
    /// values in the vector's own ranking, so that the smallest weight becomes the smallest value.
    ///
    /// Other code relies on two properties:
    ///
    /// - Each resulting vector is a permutation of the reservoir's, bit for bit.
    ///   [`Reservoir::foreign_vectors`] checks this, [`Reservoir::encode`] codes the permutation,
    ///   and `.lperm` snapshots store that code.
    /// - The result has the ranking that [`Reservoir::rank`] gave before. The distance monitor of
    ///   training therefore keeps an order across a sync.
    ///
    /// # Panics
    /// If the number of weights is not that of the reservoir.
    pub fn sync(&self, weights: &mut [f32]) {
        self.assert_same_size(weights);
        let len = self.shape.len;
        weights
            .par_chunks_mut(len)
            .zip(self.sorted.par_chunks(len))
            .for_each_init(Argsort::default, |argsort, (vector, sorted)| {
                write_back(sorted, argsort.order(vector), vector)
            });
    }

    /// [`Reservoir::sync`] that also updates `ranks`, the rankings at an earlier time, to those of
    /// the result, as defined by [`Reservoir::rank`]. Returns how they changed. Returns `None` if a
    /// weight is not finite; its vector is then unchanged, while others may be synchronized.
    ///
    /// # Panics
    /// If the number of weights or ranks is not that of the reservoir, or if an entry of `ranks` is
    /// no rank.
    pub fn sync_and_rank(&self, weights: &mut [f32], ranks: &mut [u32]) -> Option<RankChange> {
        self.assert_same_size(weights);
        assert_eq!(weights.len(), ranks.len(), "one rank for each weight");
        let len = self.shape.len;
        let vectors = weights.par_chunks_mut(len).zip(ranks.par_chunks_mut(len)).enumerate();
        let sync = |argsort: &mut Argsort, (j, (vector, ranks)): (_, (&mut [f32], &mut [u32]))| {
            // The vector has to be read for sorting anyway.
            if !all_finite(vector) {
                return None;
            }
            let order = self.order_of(j, vector, argsort);
            write_back(self.sorted(j), order, vector);
            Some(replace_ranks(order, ranks))
        };
        let changes = vectors.with_min_len(share(len)).map_init(Argsort::default, sync);
        changes.try_reduce(RankChange::default, |one, other| Some(one + other))
    }

    /// Ranks each vector of `weights` as it will be once synchronized: by its own ranking, except
    /// that weights that get equal values (zeros, a shared value) rank by position. The order of θ
    /// among equal values has no meaning and is lost by a sync, so this is the ranking that a sync
    /// preserves.
    ///
    /// # Panics
    /// If the number of weights or ranks is not that of the reservoir.
    pub fn rank(&self, weights: &[f32], ranks: &mut [u32]) {
        self.assert_same_size(weights);
        assert_eq!(weights.len(), ranks.len(), "one rank for each weight");
        let len = self.shape.len;
        let vectors = weights.par_chunks(len).zip(ranks.par_chunks_mut(len)).enumerate();
        vectors
            .with_min_len(share(len))
            .for_each_init(Argsort::default, |argsort, (j, (vector, ranks))| {
                write_ranks(self.order_of(j, vector, argsort), ranks)
            });
    }

    /// Pairs weights with their orders at an earlier time, for [`reorder`](super::reorder()) to
    /// update them to the ranking of [`Reservoir::rank`]. `orders` has, for each vector, the
    /// positions of its entries from the lowest rank to the highest (or in any order, such as 0, 1,
    /// …).
    ///
    /// # Panics
    /// If the number of weights or positions is not that of the reservoir.
    pub fn ordered<'a>(&'a self, weights: &'a [f32], orders: &'a mut [u32]) -> OrderedMatrix<'a> {
        self.assert_same_size(weights);
        OrderedMatrix::new(weights, self.shape.len, orders).with_ties(&self.ties)
    }

    /// [`Reservoir::rank`] for vector `j` alone.
    ///
    /// # Panics
    /// If there is no such vector, or if `vector` has another length.
    pub fn rank_vector(&self, j: usize, vector: &[f32]) -> Vec<u32> {
        assert_eq!(vector.len(), self.shape.len, "a vector of the reservoir's length");
        let mut ranks = vec![0; vector.len()];
        write_ranks(self.order_of(j, vector, &mut Argsort::default()), &mut ranks);
        ranks
    }

    /// Positions of the entries of vector `j` in ascending order, by position among entries that
    /// get equal values.
    fn order_of<'a>(&self, j: usize, vector: &[f32], argsort: &'a mut Argsort) -> &'a [u32] {
        argsort.order(vector);
        self.ties_of(j).for_each(|ranks| argsort.sort_positions(ranks));
        argsort.sorted()
    }

    /// Ranks of vector `j` that get equal values.
    fn ties_of(&self, j: usize) -> impl Iterator<Item = Range<usize>> + Clone {
        ties_of(&self.ties, self.shape.len, j)
    }

    /// Returns a synchronized copy of `weights`.
    ///
    /// # Panics
    /// As [`Reservoir::sync`].
    pub fn synced(&self, weights: &[f32]) -> Vec<f32> {
        let mut copy = weights.to_vec();
        self.sync(&mut copy);
        copy
    }

    /// Returns the indices, ascending, of vectors of `weights` that are no permutation of the
    /// reservoir's.
    ///
    /// Values are compared bit by bit, except that both zeros are equal: they mean the same to a
    /// network, and a multiplication may have flipped the sign.
    ///
    /// # Panics
    /// As [`Reservoir::sync`].
    pub fn foreign_vectors(&self, weights: &[f32]) -> Vec<usize> {
        self.assert_same_size(weights);
        let sorted = sort_vectors(weights, self.shape.len);
        let vectors = sorted.chunks(self.shape.len).enumerate();
        vectors.filter(|&(j, vector)| vector != self.sorted(j)).map(|(j, _)| j).collect()
    }

    /// Logarithm to base 10 of the number of distinct weights that can be reached by permutation;
    /// see [`log10_reachable`].
    pub fn log10_reachable(&self) -> f64 {
        log10_reachable(&self.sorted, self.shape.len)
    }

    fn assert_same_size(&self, weights: &[f32]) {
        assert_eq!(weights.len(), self.shape.elements(), "the reservoir's number of weights");
    }
}

/// Writes the ascending values `sorted` to a vector whose entries have this ascending `order`.
#[inline(always)]
fn write_back(sorted: &[f32], order: &[u32], vector: &mut [f32]) {
    for (&value, &position) in sorted.iter().zip(order) {
        vector[position as usize] = value;
    }
}

fn vector_shape(weights: usize, len: usize) -> Result<VectorShape, ReservoirError> {
    if len == 0 || !weights.is_multiple_of(len) {
        return Err(ReservoirError::Ragged { weights, len });
    }
    Ok(VectorShape { count: weights / len, len })
}

/// Ranges of equal values within each vector.
fn ties(sorted: &[f32], len: usize) -> Vec<Range<usize>> {
    let ties_of = |(j, vector): (usize, &[f32])| {
        let mut end = j * len;
        let runs = vector.chunk_by(|a, b| a == b).map(|run| {
            end += run.len();
            end - run.len()..end
        });
        runs.filter(|run| run.len() > 1).collect::<Vec<_>>()
    };
    sorted.par_chunks(len).enumerate().flat_map_iter(ties_of).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::method::{invert, rank_vectors, ranking, reorder};
    use proptest::{collection::vec, prelude::*};

    #[test]
    fn a_sync_puts_the_smallest_value_on_the_smallest_weight() {
        let reservoir = Reservoir::new(vec![0.3, -0.1, 0.2, 5.0, 6.0, 4.0], 3).unwrap();
        assert_eq!(reservoir.sorted(0), [-0.1, 0.2, 0.3]);
        assert_eq!(reservoir.sorted(1), [4.0, 5.0, 6.0]);

        let mut weights = [7.0, 8.0, -9.0, 0.0, 0.5, 0.1];
        assert_eq!(reservoir.synced(&weights), [0.2, 0.3, -0.1, 4.0, 6.0, 5.0]);
        assert_eq!(weights, [7.0, 8.0, -9.0, 0.0, 0.5, 0.1]);
        reservoir.sync(&mut weights);
        assert_eq!(weights, [0.2, 0.3, -0.1, 4.0, 6.0, 5.0]);
    }

    #[test]
    fn pruning_sorts_zeros_among_the_values() {
        let (initial, priority) = (vec![-3.0, 1.0, 2.0, -1.0], vec![0.9, 0.1, 0.4, 0.6]);
        let mut reservoir =
            Reservoir::prunable(initial.clone(), 4, priority, PruneRule::Independent).unwrap();
        assert_eq!((reservoir.pruning_ratio(), reservoir.zeros()), (0.0, 0));

        reservoir.set_pruning_ratio(0.5).unwrap();
        assert_eq!(reservoir.pruned_initial(), [-3.0, 0.0, 0.0, -1.0]);
        assert_eq!(reservoir.sorted(0), [-3.0, -1.0, 0.0, 0.0]);
        assert_eq!((reservoir.pruning_ratio(), reservoir.zeros()), (0.5, 2));
        assert_eq!(reservoir.synced(&[4.0, 3.0, 2.0, 1.0]), [0.0, 0.0, -1.0, -3.0]);
        assert!((reservoir.log10_reachable() - 12f64.log10()).abs() < 1e-12);

        reservoir.set_pruning_ratio(0.0).unwrap();
        assert_eq!(reservoir.pruned_initial(), initial);
        assert_eq!(reservoir.sorted(0), [-3.0, -1.0, 1.0, 2.0]);
    }

    #[test]
    fn foreign_vectors_are_named() {
        let reservoir = Reservoir::new(vec![1.0, 2.0, 2.0, 0.0, -1.0, 3.0], 3).unwrap();
        assert!(reservoir.foreign_vectors(&[2.0, 1.0, 2.0, 3.0, -0.0, -1.0]).is_empty());
        assert_eq!(reservoir.foreign_vectors(&[2.0, 1.0, 1.0, 3.0, 0.0, -1.0]), [0]);
        let next_up = 3f32.next_up();
        assert_eq!(reservoir.foreign_vectors(&[f32::NAN, 1.0, 2.0, next_up, 0.0, -1.0]), [0, 1]);
    }

    #[test]
    fn what_is_not_finite_is_not_synchronized() {
        let reservoir = Reservoir::new(vec![0.3, -0.1, 0.2, 5.0, 6.0, 4.0], 3).unwrap();
        for odd in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            let (mut weights, mut ranks) = ([1.0, 2.0, 3.0, 1.0, odd, 2.0], [0, 1, 2, 2, 1, 0]);
            assert_eq!(reservoir.sync_and_rank(&mut weights, &mut ranks), None);
            assert_eq!(weights[4].to_bits(), odd.to_bits());
            assert_eq!(ranks[3..], [2, 1, 0]);
        }
    }

    #[test]
    fn bad_input_is_refused_with_a_reason() {
        let refused = |initial: &[f32], len| Reservoir::new(initial.to_vec(), len).unwrap_err();
        assert_eq!(refused(&[1.0; 5], 2), ReservoirError::Ragged { weights: 5, len: 2 });
        assert_eq!(refused(&[1.0; 5], 0), ReservoirError::Ragged { weights: 5, len: 0 });
        assert_eq!(
            refused(&[1.0, f32::INFINITY], 2),
            ReservoirError::NotFinite { index: 1, value: f32::INFINITY },
        );

        let refused = |priority: &[f32]| {
            Reservoir::prunable(vec![1.0; 2], 2, priority.to_vec(), PruneRule::Exact).unwrap_err()
        };
        assert_eq!(refused(&[0.5]), ReservoirError::PriorityCount { priorities: 1, weights: 2 });
        assert_eq!(refused(&[0.5, 1.0]), ReservoirError::PriorityRange { index: 1, value: 1.0 },);
    }

    #[test]
    fn a_refused_pruning_ratio_changes_nothing() {
        let mut never = Reservoir::new(vec![1.0, 2.0], 2).unwrap();
        let refused = never.set_pruning_ratio(0.5);
        assert_eq!(refused, Err(ReservoirError::NeverPruned { ratio: 0.5 }));
        assert_eq!(never.set_pruning_ratio(0.0), Ok(()));

        let (initial, priority) = (vec![1.0, 2.0], vec![0.1, 0.2]);
        let mut prunable = Reservoir::prunable(initial, 2, priority, PruneRule::Exact).unwrap();
        prunable.set_pruning_ratio(0.5).unwrap();
        for ratio in [-0.1, 1.0, f64::INFINITY] {
            assert_eq!(prunable.set_pruning_ratio(ratio), Err(ReservoirError::Ratio { ratio }));
        }
        assert!(prunable.set_pruning_ratio(f64::NAN).is_err());
        assert_eq!((prunable.pruning_ratio(), prunable.sorted(0)), (0.5, &[0.0, 2.0][..]));
    }

    /// Matrices of short and long vectors, with ties and zeros, and weights for them.
    fn matrices() -> impl Strategy<Value = (usize, Vec<f32>, Vec<f32>, Vec<f32>)> {
        let weight =
            || prop_oneof![4 => -1.0f32..1.0, 1 => Just(0.0), 1 => Just(-0.0), 1 => Just(0.08)];
        let len = prop_oneof![4 => 1usize..40, 1 => 1000usize..1100];
        (len, 1usize..6).prop_flat_map(move |(len, count)| {
            let elements = count * len;
            let priority = vec(0.0f32..1.0, elements);
            (Just(len), vec(weight(), elements), vec(weight(), elements), priority)
        })
    }

    fn rule() -> impl Strategy<Value = PruneRule> {
        prop_oneof![Just(PruneRule::Independent), Just(PruneRule::Exact)]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn a_sync_keeps_the_values((len, initial, weights, _) in matrices()) {
            let reservoir = Reservoir::new(initial, len).unwrap();
            let synced = reservoir.synced(&weights);
            prop_assert_eq!(sort_vectors(&synced, len), &reservoir.sorted[..]);
            prop_assert!(reservoir.foreign_vectors(&synced).is_empty());
        }

        /// Equal values may be in either order. What holds with ties, too, is that a weight of
        /// higher rank never gets the smaller value.
        #[test]
        fn a_sync_gives_the_ranking_of_what_it_replaced((len, initial, weights, _) in matrices()) {
            let synced = Reservoir::new(initial.clone(), len).unwrap().synced(&weights);
            for (before, after) in weights.chunks(len).zip(synced.chunks(len)) {
                let by_rank = super::super::order(before).into_iter().map(|i| after[i as usize]);
                prop_assert!(by_rank.is_sorted());
            }
            let distinct: Vec<f32> = (0..initial.len()).map(|i| i as f32).collect();
            let synced = Reservoir::new(distinct, len).unwrap().synced(&weights);
            for (before, after) in weights.chunks(len).zip(synced.chunks(len)) {
                prop_assert_eq!(ranking(before), ranking(after));
            }
        }

        #[test]
        fn ranking_at_once_is_syncing_and_ranking_after(
            (len, initial, weights, _) in matrices(),
        ) {
            let reservoir = Reservoir::new(initial.clone(), len).unwrap();
            let synced = reservoir.synced(&weights);
            let (mut before, mut after) = (vec![0; synced.len()], vec![0; synced.len()]);
            rank_vectors(&initial, len, &mut before);
            rank_vectors(&synced, len, &mut after);
            let change = RankChange::between(&before, &after);

            let mut ranks = before.clone();
            let mut orders = invert(&before, len);
            prop_assert_eq!(reorder(vec![reservoir.ordered(&weights, &mut orders)]), [change]);
            prop_assert_eq!(&invert(&orders, len), &after);
            reservoir.rank(&weights, &mut ranks);
            prop_assert_eq!(&ranks, &after);
            for (j, vector) in weights.chunks(len).enumerate() {
                prop_assert_eq!(&reservoir.rank_vector(j, vector)[..], &after[j * len..][..len]);
            }
            let (mut at_once, mut ranks) = (weights, before);
            prop_assert_eq!(reservoir.sync_and_rank(&mut at_once, &mut ranks), Some(change));
            prop_assert_eq!((at_once, ranks), (synced, after));
        }

        #[test]
        fn a_second_sync_changes_nothing((len, initial, weights, _) in matrices()) {
            let reservoir = Reservoir::new(initial, len).unwrap();
            let bits = |weights: &[f32]| weights.iter().map(|w| w.to_bits()).collect::<Vec<_>>();
            let once = reservoir.synced(&weights);
            prop_assert_eq!(bits(&reservoir.synced(&once)), bits(&once));
        }

        #[test]
        fn masks_are_nested_and_p_can_go_back(
            (len, initial, _, priority) in matrices(),
            rule in rule(),
            (low, high) in (0.0..0.5, 0.5..0.999),
        ) {
            let mut reservoir = Reservoir::prunable(initial, len, priority, rule).unwrap();
            reservoir.set_pruning_ratio(low).unwrap();
            let (sparse, sorted) = (reservoir.pruned_initial(), reservoir.sorted.clone());
            reservoir.set_pruning_ratio(high).unwrap();
            for (sparser, weight) in reservoir.pruned_initial().iter().zip(&sparse) {
                prop_assert!(*sparser == 0.0 || sparser == weight);
            }
            reservoir.set_pruning_ratio(low).unwrap();
            prop_assert_eq!(reservoir.pruned_initial(), sparse);
            prop_assert_eq!(reservoir.sorted, sorted);
        }

        #[test]
        fn the_number_of_threads_does_not_matter((len, initial, weights, priority) in matrices()) {
            let on_threads = |threads| {
                let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
                pool.install(|| {
                    let (initial, priority) = (initial.clone(), priority.clone());
                    let mut reservoir =
                        Reservoir::prunable(initial, len, priority, PruneRule::Exact).unwrap();
                    reservoir.set_pruning_ratio(0.3).unwrap();
                    reservoir.synced(&weights).into_iter().map(f32::to_bits).collect::<Vec<_>>()
                })
            };
            prop_assert_eq!(on_threads(1), on_threads(3));
        }
    }

    #[test]
    fn a_sync_keeps_the_ranking_even_among_equals() {
        // Two zeros and two ones; the order of weights that get equal values does not count.
        let reservoir = Reservoir::new(vec![1.0, 0.0, 0.0, 1.0], 4).expect("valid");
        let mut weights = [0.4, -0.2, -0.3, 0.3];
        let mut before = [0; 4];
        reservoir.rank(&weights, &mut before);
        assert_eq!(before, [2, 0, 1, 3]);
        assert_eq!(reservoir.rank_vector(0, &weights), before);
        let mut after = [0; 4];
        reservoir.sync_and_rank(&mut weights, &mut after);
        assert_eq!((weights, after), ([1.0, 0.0, 0.0, 1.0], before));
        reservoir.rank(&weights, &mut after);
        assert_eq!(after, before);
    }

    #[test]
    fn syncing_and_ranking_at_once_is_both() {
        let reservoir = Reservoir::new(vec![0.3, 0.1, 0.2, 6.0, 4.0, 5.0], 3).expect("valid");
        let mut weights = [7.0, 9.0, 8.0, 1.0, 2.0, 3.0];
        let synced = reservoir.synced(&weights);
        let mut ranks = [0; 6];
        reservoir.sync_and_rank(&mut weights, &mut ranks);
        assert_eq!(weights[..], synced[..]);
        assert_eq!(ranks, [0, 2, 1, 0, 1, 2]);
    }
}
