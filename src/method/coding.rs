//! Entropy coding of a synchronized parameter (section 7 of the paper). A reader who has the
//! initial values needs only the permutation of each weight vector.
//!
//! The *classes* of a vector are its distinct initial values in ascending order; class c occurs m_c
//! times. Position by position, a range coder encodes the class of the value there, with
//! probability
//!
//! ```text
//! (remaining values of the class) / (remaining positions)
//! ```
//!
//! The product over all positions is ∏ m_c! / n!, so a vector costs the logarithm of the number of
//! its distinct arrangements. If all values differ this is the Lehmer code: each position states
//! which of the remaining values it takes. If many are equal (pruned weights are zero, a weight
//! agnostic network shares one value), exchanging equal values costs nothing, so pruning makes the
//! code smaller. The counts are kept in a Fenwick tree, and all vectors of a parameter are coded in
//! one stream.

use constriction::stream::model::{DecoderModel, EncoderModel, EntropyModel};
use constriction::stream::queue::{DefaultRangeDecoder, DefaultRangeEncoder};
use constriction::stream::{Decode, Encode};
use std::borrow::Borrow;
use std::num::NonZero;
use thiserror::Error;

use super::{Reservoir, VectorShape, argsort::Argsort};

/// Probabilities are multiples of 2^-`PRECISION`. The coder's range has 32 to 64 bits, which leaves
/// at least four for rounding and costs 0.002 bits per weight.
const PRECISION: usize = 28;

/// Greatest length of a weight vector that can be coded.
const MOST_WEIGHTS: usize = 1 << PRECISION;

/// Why weights cannot be encoded, or a code cannot be decoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum CodingError {
    /// A weight vector is too long.
    #[error(
        "a weight vector of {len} weights is too long to be coded; the limit is {MOST_WEIGHTS}"
    )]
    TooLong {
        /// Length of the vector.
        len: usize,
    },
    /// A weight vector has a value that, compared bit by bit, is not among its initial ones, or not
    /// as often.
    #[error("weight vector {vector} is not a permutation of its initial values")]
    Foreign {
        /// Index of the vector, from 0.
        vector: usize,
    },
    /// The bytes are not a code.
    #[error("the code does not decode to a permutation of weight vector {vector}")]
    Damaged {
        /// Index of the vector, from 0.
        vector: usize,
    },
}

impl Reservoir {
    /// Encodes synchronized `weights`. [`Reservoir::decode`] restores them bit for bit. The code
    /// has at most as many bits as the logarithm to base 2 of the number of reachable weights
    /// ([`Reservoir::log10_reachable`]), plus 0.002 for each weight, plus 64.
    ///
    /// # Errors
    /// If a vector of `weights` is not a permutation of the reservoir's, bit for bit, or is too
    /// long.
    ///
    /// # Panics
    /// If the number of weights is not that of the reservoir.
    pub fn encode(&self, weights: &[f32]) -> Result<Vec<u8>, CodingError> {
        let len = self.codable()?;
        assert_eq!(weights.len(), self.shape().elements(), "the reservoir's number of weights");
        let (mut coder, mut argsort) = (DefaultRangeEncoder::new(), Argsort::default());
        for (vector, weights) in weights.chunks(len).enumerate() {
            let sorted = self.sorted(vector);
            let foreign = CodingError::Foreign { vector };
            let classes = classes(weights, sorted, &mut argsort).ok_or(foreign)?;
            let mut remaining = Remaining::new(sorted);
            for class in classes {
                if !remaining.is_certain() {
                    coder.encode_symbol(class, &remaining).map_err(|_| foreign)?;
                }
                remaining.take(class);
            }
        }
        let Ok(words) = coder.into_compressed();
        Ok(to_bytes(&words))
    }

    /// Decodes the result of [`Reservoir::encode`]. Any other bytes give an error or some
    /// permutation of the reservoir's values. The amount of memory allocated depends only on the
    /// reservoir.
    ///
    /// # Errors
    /// If the bytes lead to no permutation, or if the vectors are too long to be coded.
    pub fn decode(&self, code: &[u8]) -> Result<Vec<f32>, CodingError> {
        let VectorShape { count, .. } = self.shape();
        self.codable()?;
        let Ok(mut coder) = DefaultRangeDecoder::from_compressed(to_words(code));
        let mut weights = Vec::with_capacity(self.shape().elements());
        for vector in 0..count {
            let sorted = self.sorted(vector);
            let values: Vec<f32> = runs(sorted).map(|run| run[0]).collect();
            let mut remaining = Remaining::new(sorted);
            for _ in sorted {
                let class = if remaining.is_certain() {
                    remaining.find(0)
                } else {
                    coder.decode_symbol(&remaining).map_err(|_| CodingError::Damaged { vector })?
                };
                remaining.take(class);
                weights.push(values[class]);
            }
        }
        Ok(weights)
    }

    /// Length of the weight vectors, if they can be coded.
    fn codable(&self) -> Result<usize, CodingError> {
        match self.shape().len {
            len if len > MOST_WEIGHTS => Err(CodingError::TooLong { len }),
            len => Ok(len),
        }
    }
}

/// Runs of equal values in a sorted vector: one slice per class.
fn runs(sorted: &[f32]) -> impl Iterator<Item = &[f32]> {
    sorted.chunk_by(|a, b| a == b)
}

/// Returns the class of each weight; `None` if the weights are no permutation of `sorted`.
fn classes(weights: &[f32], sorted: &[f32], argsort: &mut Argsort) -> Option<Vec<usize>> {
    let mut classes = vec![0; weights.len()];
    let mut positions = argsort.order(weights).iter().map(|&position| position as usize);
    for (class, run) in runs(sorted).enumerate() {
        for (value, position) in run.iter().zip(&mut positions) {
            if weights[position].to_bits() != value.to_bits() {
                return None;
            }
            classes[position] = class;
        }
    }
    Some(classes)
}

/// Number of remaining values of each class, as a Fenwick tree: entry i holds the sum of the counts
/// from i - (i & -i) to i - 1.
struct Remaining {
    counts: Vec<u32>,
    tree: Vec<u32>,
    total: u32,
}

impl Remaining {
    fn new(sorted: &[f32]) -> Self {
        let counts: Vec<u32> = runs(sorted).map(|run| run.len() as u32).collect();
        let mut tree = vec![0; counts.len() + 1];
        for (node, &count) in (1..).zip(&counts) {
            tree[node] += count;
            let parent = node + lowest_bit(node);
            if parent < tree.len() {
                tree[parent] += tree[node];
            }
        }
        Remaining { counts, tree, total: sorted.len() as u32 }
    }

    /// Whether at most one class remains.
    fn is_certain(&self) -> bool {
        self.total == 0 || self.counts[self.find(0)] == self.total
    }

    /// Number of remaining values of the classes before `class`.
    fn below(&self, class: usize) -> u32 {
        let (mut node, mut sum) = (class, 0);
        while node > 0 {
            sum += self.tree[node];
            node -= lowest_bit(node);
        }
        sum
    }

    /// Returns the class of the `rank`-th remaining value, counted from 0. `rank` must be less than
    /// the total.
    fn find(&self, mut rank: u32) -> usize {
        let (mut class, mut step) = (0, self.tree.len().next_power_of_two());
        while step > 0 {
            if let Some(&sum) = self.tree.get(class + step)
                && sum <= rank
            {
                class += step;
                rank -= sum;
            }
            step /= 2;
        }
        class
    }

    /// Removes one value of `class`.
    fn take(&mut self, class: usize) {
        self.counts[class] -= 1;
        self.total -= 1;
        let mut node = class + 1;
        while node < self.tree.len() {
            self.tree[node] -= 1;
            node += lowest_bit(node);
        }
    }

    /// Start and size of a class's interval, in units of the coder's probability.
    fn interval(&self, class: usize) -> Option<(u32, NonZero<u32>)> {
        let (below, count) = (self.below(class), *self.counts.get(class)?);
        let begin = below * self.unit();
        // The last class gets the remainder of the division.
        let end = if below + count == self.total {
            1 << PRECISION
        } else {
            (below + count) * self.unit()
        };
        Some((begin, NonZero::new(end - begin).filter(|_| count > 0)?))
    }

    /// Size of the interval of one value.
    fn unit(&self) -> u32 {
        (1 << PRECISION) / self.total
    }
}

fn lowest_bit(node: usize) -> usize {
    node & node.wrapping_neg()
}

impl EntropyModel<PRECISION> for Remaining {
    type Symbol = usize;
    type Probability = u32;
}

impl EncoderModel<PRECISION> for Remaining {
    fn left_cumulative_and_probability(
        &self,
        class: impl Borrow<usize>,
    ) -> Option<(u32, NonZero<u32>)> {
        self.interval(*class.borrow())
    }
}

impl DecoderModel<PRECISION> for Remaining {
    fn quantile_function(&self, quantile: u32) -> (usize, u32, NonZero<u32>) {
        let class = self.find((quantile / self.unit()).min(self.total - 1));
        match self.interval(class) {
            Some((begin, share)) => (class, begin, share),
            None => unreachable!("every remaining value has a class"),
        }
    }
}

/// Serializes words, most significant byte first. Trailing zeros are omitted, since a decoder reads
/// zeros beyond the end.
fn to_bytes(words: &[u32]) -> Vec<u8> {
    let mut bytes: Vec<u8> = words.iter().flat_map(|word| word.to_be_bytes()).collect();
    bytes.truncate(bytes.iter().rposition(|&byte| byte != 0).map_or(0, |last| last + 1));
    bytes
}

fn to_words(bytes: &[u8]) -> Vec<u32> {
    let word = |chunk: &[u8]| {
        let mut word = [0; 4];
        word[..chunk.len()].copy_from_slice(chunk);
        u32::from_be_bytes(word)
    };
    bytes.chunks(4).map(word).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::method::PruneRule;
    use crate::random::{Purpose, stream};
    use proptest::{collection::vec, prelude::*};
    use rand::RngExt;

    fn reservoir(initial: &[f32], len: usize) -> Reservoir {
        Reservoir::new(initial.to_vec(), len).unwrap()
    }

    /// The logarithm to base 2 of the number of arrangements.
    fn bound(reservoir: &Reservoir) -> f64 {
        reservoir.log10_reachable() * std::f64::consts::LOG2_10
    }

    #[test]
    fn what_can_only_be_one_way_costs_nothing() {
        for (initial, len) in [(&[0.5; 6][..], 3), (&[1.0, 2.0, 3.0][..], 1), (&[][..], 4)] {
            let reservoir = reservoir(initial, len);
            assert_eq!(reservoir.encode(initial), Ok(vec![]));
            assert_eq!(reservoir.decode(&[]).as_deref(), Ok(initial));
        }
    }

    #[test]
    fn one_bit_says_which_of_two_comes_first() {
        let reservoir = reservoir(&[1.0, 2.0], 2);
        assert_eq!(reservoir.encode(&[1.0, 2.0]), Ok(vec![]));
        assert_eq!(reservoir.encode(&[2.0, 1.0]), Ok(vec![0x80]));
        assert_eq!(reservoir.decode(&[0x7f]), Ok(vec![1.0, 2.0]));
        assert_eq!(reservoir.decode(&[0x80]), Ok(vec![2.0, 1.0]));
    }

    #[test]
    fn only_a_permutation_to_the_bit_has_a_code() {
        let reservoir = reservoir(&[0.0, 1.0, 0.0, 1.0], 2);
        for foreign in [[0.0, 1.0, 1.0, 1.0], [0.0, 1.0, -0.0, 1.0], [1.0, 0.0, f32::NAN, 0.0]] {
            assert_eq!(reservoir.encode(&foreign), Err(CodingError::Foreign { vector: 1 }));
        }
    }

    #[test]
    fn half_of_the_weights_pruned_cost_less() {
        let (count, len) = (20, 500);
        let mut random = stream(1, Purpose::Pruning, 0, 0);
        let mut draw = || (0..count * len).map(|_| random.random::<f32>()).collect::<Vec<_>>();
        let (initial, priority, order) = (draw(), draw(), draw());
        let mut reservoir =
            Reservoir::prunable(initial, len, priority, PruneRule::Independent).unwrap();
        let mut lengths = [0.0, 0.5, 0.9].map(|p| {
            reservoir.set_pruning_ratio(p).unwrap();
            let weights = reservoir.synced(&order);
            let code = reservoir.encode(&weights).unwrap();
            assert_eq!(reservoir.decode(&code).unwrap(), weights);
            assert!(code.len() as f64 * 8.0 < bound(&reservoir) * 1.02, "p = {p}");
            code.len()
        });
        assert!(lengths.is_sorted_by(|a, b| a > b), "{lengths:?}");
        lengths.reverse();
        assert!(lengths[0] * 3 < lengths[2]);
    }

    /// Initial values, more or less of which are equal, and weights to sort them by.
    fn values(shape: VectorShape) -> impl Strategy<Value = (Vec<f32>, Vec<f32>)> {
        let different = prop_oneof![Just(2u32), Just(10), Just(1000), Just(u32::MAX)];
        (different, any::<u64>()).prop_map(move |(different, seed)| {
            let mut random = stream(seed, Purpose::InitialWeights, 0, 0);
            let mut draw = |different| -> Vec<f32> {
                let value = |_| random.random_range(0..different) as f32 / 1000.0;
                (0..shape.elements()).map(value).collect()
            };
            (draw(different), draw(u32::MAX))
        })
    }

    fn small() -> impl Strategy<Value = VectorShape> {
        (0usize..5, 1usize..300).prop_map(|(count, len)| VectorShape { count, len })
    }

    /// At least 10,000 weights, in few long or many short vectors.
    fn large() -> impl Strategy<Value = VectorShape> {
        (10_000usize..30_000, 1u32..14).prop_map(|(elements, octaves)| {
            let len = 9usize << octaves.min(10);
            VectorShape { count: elements.div_ceil(len), len }
        })
    }

    proptest! {
        #[test]
        fn decoding_undoes_encoding(
            (len, (initial, order)) in small().prop_flat_map(|s| (Just(s.len), values(s)))
        ) {
            let reservoir = reservoir(&initial, len);
            let weights = reservoir.synced(&order);
            let code = reservoir.encode(&weights).unwrap();
            prop_assert_eq!(reservoir.decode(&code), Ok(weights));
        }

        #[test]
        fn any_bytes_give_a_permutation_or_an_error(
            (len, (initial, _)) in small().prop_flat_map(|s| (Just(s.len), values(s))),
            bytes in vec(any::<u8>(), 0..400),
        ) {
            let reservoir = reservoir(&initial, len);
            if let Ok(weights) = reservoir.decode(&bytes) {
                prop_assert!(reservoir.foreign_vectors(&weights).is_empty());
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]
        #[test]
        fn a_code_is_as_short_as_can_be(
            (len, (initial, order)) in large().prop_flat_map(|s| (Just(s.len), values(s)))
        ) {
            let reservoir = reservoir(&initial, len);
            let weights = reservoir.synced(&order);
            let code = reservoir.encode(&weights).unwrap();
            let (bits, bound) = (code.len() as f64 * 8.0, bound(&reservoir));
            prop_assert!(bits <= bound * 1.02, "{} bits for a bound of {}", bits, bound);
            prop_assert_eq!(reservoir.decode(&code), Ok(weights));
        }
    }
}
