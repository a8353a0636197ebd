//! The order of one weight vector: the hot loop of every synchronization.
//!
//! A weight and its position are packed into one integer, the weight's order-preserving bits above
//! the position, so that comparing integers compares weights and breaks ties by position. Short
//! vectors are sorted by comparison. Long ones go through a radix sort of three passes of eleven
//! bits, which looks only at the weight's bits, keeps ties in place, and needs no comparison.

const POSITION_BITS: u32 = 32;
const DIGIT_BITS: u32 = 11;
const BUCKETS: usize = 1 << DIGIT_BITS;

/// From this length on, three passes and their counters are cheaper than comparisons.
const RADIX_FROM: usize = 1024;

/// Sorts weight vectors one after the other in the same buffers.
#[derive(Default)]
pub(super) struct Argsort {
    pairs: Vec<u64>,
    spare: Vec<u64>,
    order: Vec<u32>,
}

impl Argsort {
    /// The positions of `vector`'s entries (fewer than 2³² of them) from the smallest to the
    /// largest: ties by position, both zeros equal, NaN last.
    pub fn order(&mut self, vector: &[f32]) -> &[u32] {
        if vector.len() < RADIX_FROM {
            self.sort_by_comparison(vector);
        } else {
            self.sort_by_radix(vector);
        }
        &self.order
    }

    fn sort_by_comparison(&mut self, vector: &[f32]) {
        self.pairs.clear();
        self.pairs.extend(pairs(vector));
        self.pairs.sort_unstable();
        self.order.clear();
        self.order.extend(self.pairs.iter().map(|&pair| pair as u32));
    }

    fn sort_by_radix(&mut self, vector: &[f32]) {
        let Self { pairs: first, spare: second, order } = self;
        first.resize(vector.len(), 0);
        second.resize(vector.len(), 0);
        order.resize(vector.len(), 0);

        let mut next = bucket_starts(vector);
        deal(pairs(vector), 0, &mut next[0], |slot, pair| first[slot] = pair);
        deal(first.iter().copied(), 1, &mut next[1], |slot, pair| second[slot] = pair);
        deal(second.iter().copied(), 2, &mut next[2], |slot, pair| order[slot] = pair as u32);
    }
}

/// Every weight packed with its position.
fn pairs(vector: &[f32]) -> impl Iterator<Item = u64> {
    (0..).zip(vector).map(|(position, &weight)| {
        let position: u64 = position;
        u64::from(key(weight)) << POSITION_BITS | position
    })
}

/// An integer that orders as the weight does. Flipping the sign bit puts positive above negative
/// numbers; flipping all other bits of negative numbers too makes them ascend. The sign of a weight
/// is as good as random, so the flip is computed rather than branched on.
fn key(weight: f32) -> u32 {
    const SIGN: u32 = 1 << 31;
    let bits = weight.to_bits();
    if weight.is_nan() {
        u32::MAX
    } else if bits == SIGN {
        SIGN
    } else {
        let all_if_negative = (bits.cast_signed() >> 31).cast_unsigned();
        bits ^ (all_if_negative | SIGN)
    }
}

/// The `pass`-th digit of a packed weight, the least significant one first.
fn digit(pair: u64, pass: u32) -> usize {
    (pair >> (POSITION_BITS + pass * DIGIT_BITS)) as usize % BUCKETS
}

/// Where the bucket of every digit begins, for each of the three passes.
fn bucket_starts(vector: &[f32]) -> [[u32; BUCKETS]; 3] {
    let mut starts = [[0; BUCKETS]; 3];
    for pair in pairs(vector) {
        for (pass, counts) in (0..).zip(&mut starts) {
            counts[digit(pair, pass)] += 1;
        }
    }
    for counts in &mut starts {
        let mut start = 0;
        for count in counts {
            start += std::mem::replace(count, start);
        }
    }
    starts
}

/// Deals the pairs into buckets by one digit, keeping their order within a bucket.
fn deal(
    pairs: impl Iterator<Item = u64>,
    pass: u32,
    next: &mut [u32; BUCKETS],
    mut put: impl FnMut(usize, u64),
) {
    for pair in pairs {
        let slot = &mut next[digit(pair, pass)];
        put(*slot as usize, pair);
        *slot += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::{collection::vec, prelude::*};

    #[test]
    fn keys_order_as_the_numbers_do() {
        let ascending = [
            f32::NEG_INFINITY,
            f32::MIN,
            -1.0,
            -f32::MIN_POSITIVE,
            -f32::from_bits(1),
            0.0,
            f32::from_bits(1),
            f32::MIN_POSITIVE,
            1.0,
            f32::MAX,
            f32::INFINITY,
            f32::NAN,
        ];
        assert!(ascending.map(key).is_sorted_by(|a, b| a < b));
        assert_eq!(key(-0.0), key(0.0));
        assert_eq!(key(-f32::NAN), key(f32::NAN));
    }

    proptest! {
        #[test]
        fn both_sorts_agree_on_any_bits(bits in vec(any::<u32>(), 0..300)) {
            let vector: Vec<f32> = bits.into_iter().map(f32::from_bits).collect();
            assert_both_sorts_agree(&vector)?;
        }

        #[test]
        fn both_sorts_agree_on_ties(few in vec(-3i8..3, 0..3000)) {
            let vector: Vec<f32> = few.into_iter().map(|value| f32::from(value) * 0.08).collect();
            assert_both_sorts_agree(&vector)?;
        }
    }

    /// Reuses the buffers for the second sort, as a run over many vectors does.
    fn assert_both_sorts_agree(vector: &[f32]) -> Result<(), TestCaseError> {
        let mut argsort = Argsort::default();
        argsort.sort_by_comparison(vector);
        let by_comparison = argsort.order.clone();
        argsort.sort_by_radix(vector);
        prop_assert_eq!(by_comparison, argsort.order);
        Ok(())
    }
}
