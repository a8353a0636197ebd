//! Sorting of one weight vector: the hot loop of every synchronization.
//!
//! Vectors of the usual lengths are sorted in two stages. The range of the weights is divided into
//! some hundred thousand levels, so that a weight's level and its position fit in 32 bits, and two
//! passes of a radix sort put the weights in the order of their levels. Few weights share a level,
//! and those are then sorted among themselves. Other vectors are sorted exactly: short ones by
//! comparison, and very long ones, as well as those with many weights at one level, by a radix sort
//! of three passes over all bits of a weight.
//!
//! The exact sorts pack a weight and its position into one integer, with the weight's
//! order-preserving bits above the position. Comparing these integers compares weights and breaks
//! ties by position.

use std::ops::Range;

const POSITION_BITS: u32 = 32;
const DIGIT_BITS: u32 = 11;
const BUCKETS: usize = 1 << DIGIT_BITS;

/// Length from which sorting by level is faster than by comparison.
const BY_LEVEL_FROM: usize = 128;
/// Greatest length for which 32 bits have room for enough levels besides the positions.
const BY_LEVEL_TO: usize = 1 << 14;
/// Greatest number of weights at one level that are sorted by insertion.
const CROWD: usize = 64;

/// Number of positions from which a bit set sorts them faster than comparisons.
const MANY_POSITIONS: usize = 32;

/// Sorts weight vectors one after another in the same buffers.
#[derive(Default)]
pub(super) struct Argsort {
    pairs: Vec<u64>,
    spare: Vec<u64>,
    entries: Vec<u32>,
    order: Vec<u32>,
    /// One bit per position.
    marks: Vec<u64>,
}

impl Argsort {
    /// Returns the positions of `vector`'s entries from the smallest to the largest. Ties are
    /// broken by position, both zeros are equal, and NaN comes last. The vector must have fewer
    /// than 2³² entries.
    pub(super) fn order(&mut self, vector: &[f32]) -> &[u32] {
        let sorted = match vector.len() {
            ..BY_LEVEL_FROM => {
                self.sort_by_comparison(vector);
                true
            }
            BY_LEVEL_FROM..=1024 => self.sort_by_level::<256>(vector),
            1025..=8192 => self.sort_by_level::<512>(vector),
            8193..=BY_LEVEL_TO => self.sort_by_level::<1024>(vector),
            _ => false,
        };
        if !sorted {
            self.sort_by_radix(vector);
        }
        &self.order
    }

    /// The latest result of [`Argsort::order`].
    pub(super) fn sorted(&self) -> &[u32] {
        &self.order
    }

    /// Sorts those positions of the latest result that have the given ranks.
    pub(super) fn sort_positions(&mut self, ranks: Range<usize>) {
        let words = self.order.len().div_ceil(64);
        let positions = &mut self.order[ranks];
        if positions.len() < MANY_POSITIONS {
            return positions.sort_unstable();
        }
        // Set a bit for each position, then read the bits in order.
        self.marks.clear();
        self.marks.resize(words, 0);
        for &position in &*positions {
            self.marks[position as usize / 64] |= 1u64 << (position % 64);
        }
        let mut slots = positions.iter_mut();
        for (first, &marks) in (0..).step_by(64).zip(&self.marks) {
            let mut left = marks;
            while let Some(slot) = if left == 0 { None } else { slots.next() } {
                *slot = first + left.trailing_zeros();
                left &= left - 1;
            }
        }
    }

    fn sort_by_comparison(&mut self, vector: &[f32]) {
        self.pairs.clear();
        self.pairs.extend(pairs(vector));
        self.pairs.sort_unstable();
        self.order.clear();
        self.order.extend(self.pairs.iter().map(|&pair| pair as u32));
    }

    /// Sorts in two radix passes, over the lower and the upper digit of the levels, in base `BASE`.
    /// Returns false, without a result, if the weights have no levels or too many share one.
    fn sort_by_level<const BASE: usize>(&mut self, vector: &[f32]) -> bool {
        let position_bits = usize::BITS - (vector.len() - 1).leading_zeros();
        let level_bits = (2 * BASE.ilog2()).min(32 - position_bits);
        let Some(levels) = Levels::of(vector, level_bits) else { return false };
        let Self { entries: first, order: second, .. } = self;
        first.resize(vector.len(), 0);
        second.resize(vector.len(), 0);
        for ((entry, &weight), position) in first.iter_mut().zip(vector).zip(0..) {
            *entry = levels.level(weight) << position_bits | position;
        }

        let lower = |entry: u32| (entry >> position_bits) as usize % BASE;
        let upper = |entry: u32| (entry >> position_bits) as usize / BASE % BASE;
        let mut next = [[0u32; BASE]; 2];
        for &entry in &*first {
            next[0][lower(entry)] += 1;
            next[1][upper(entry)] += 1;
        }
        next.iter_mut().for_each(|counts| to_starts(counts));
        scatter(first.iter().copied(), &mut next[0], lower, |slot, entry| second[slot] = entry);
        scatter(second.iter().copied(), &mut next[1], upper, |slot, entry| first[slot] = entry);
        std::mem::swap(first, second);
        sort_within_levels(second, position_bits, vector)
    }

    fn sort_by_radix(&mut self, vector: &[f32]) {
        let Self { pairs: first, spare: second, order, .. } = self;
        first.resize(vector.len(), 0);
        second.resize(vector.len(), 0);
        order.resize(vector.len(), 0);

        let mut next = bucket_starts(vector);
        let digit = |pass| move |pair| digit(pair, pass);
        scatter(pairs(vector), &mut next[0], digit(0), |slot, pair| first[slot] = pair);
        scatter(first.iter().copied(), &mut next[1], digit(1), |slot, pair| second[slot] = pair);
        scatter(second.iter().copied(), &mut next[2], digit(2), |slot, pair| {
            order[slot] = pair as u32
        });
    }
}

/// Equally wide levels from the smallest weight to the largest.
#[derive(Clone, Copy)]
struct Levels {
    lowest: f32,
    /// Number of levels per unit of weight.
    density: f32,
}

impl Levels {
    /// Divides the range of `vector` into 2^`bits` levels, with `bits` at most 22. Returns `None`
    /// if a weight is not finite or the number of levels per unit of weight is not a normal number.
    fn of(vector: &[f32], bits: u32) -> Option<Self> {
        const LANES: usize = 8;
        let (lanes, rest) = vector.as_chunks::<LANES>();
        let mut low = [f32::INFINITY; LANES];
        let mut high = [f32::NEG_INFINITY; LANES];
        // The comparisons ignore NaN. This sum catches NaN and infinity.
        let mut zero = [0.0; LANES];
        let mut last = [vector.first().copied().unwrap_or_default(); LANES];
        last[..rest.len()].copy_from_slice(rest);
        for weights in lanes.iter().chain([&last]) {
            for (lane, &weight) in weights.iter().enumerate() {
                low[lane] = if weight < low[lane] { weight } else { low[lane] };
                high[lane] = if weight > high[lane] { weight } else { high[lane] };
                zero[lane] += weight * 0.0;
            }
        }
        let lowest = low.into_iter().fold(f32::INFINITY, f32::min);
        let highest = high.into_iter().fold(f32::NEG_INFINITY, f32::max);
        let density = ((1 << bits) - 1) as f32 / (highest - lowest);
        let finite = zero.into_iter().all(|zero| zero == 0.0);
        (finite && density.is_normal()).then_some(Levels { lowest, density })
    }

    /// Each operation is monotonic, so levels are in the order of the weights, though unequal
    /// weights may share one.
    fn level(self, weight: f32) -> u32 {
        // From this value on, floats are integers, counted by their lowest bits.
        const WHOLE: f32 = (1 << 23) as f32;
        ((weight - self.lowest) * self.density + WHOLE).to_bits() - WHOLE.to_bits()
    }
}

/// Turns entries ordered by level into positions ordered by weight. Returns false if too many
/// unsorted weights share a level.
fn sort_within_levels(entries: &mut [u32], position_bits: u32, vector: &[f32]) -> bool {
    const BLOCK: usize = 16;
    let mask = (1 << position_bits) - 1;
    let is_same = |a: u32, b: u32| (a ^ b) >> position_bits == 0;
    let mut start = 0;
    while start + 1 < entries.len() {
        // Most blocks have no two entries of one level, which a check of the whole block finds
        // quickly.
        if let Some(block) = entries[start..].first_chunk::<{ BLOCK + 1 }>() {
            let pairs = block.iter().zip(&block[1..]);
            if !pairs.fold(false, |any, (&a, &b)| any | is_same(a, b)) {
                start += BLOCK;
                continue;
            }
        }
        let first = entries[start];
        let others = entries[start..].iter().position(|&entry| !is_same(first, entry));
        let end = others.map_or(entries.len(), |length| start + length);
        if !sort_level(&mut entries[start..end], |entry| key(vector[(entry & mask) as usize])) {
            return false;
        }
        start = end;
    }
    entries.iter_mut().for_each(|entry| *entry &= mask);
    true
}

/// Sorts the entries of one level by weight. Returns false if there are more than [`CROWD`] and
/// they are not sorted already.
fn sort_level(entries: &mut [u32], weight: impl Fn(u32) -> u32) -> bool {
    if entries.len() > CROWD {
        return entries.is_sorted_by_key(|&entry| weight(entry));
    }
    for last in 1..entries.len() {
        let mut place = last;
        while place > 0 && weight(entries[place - 1]) > weight(entries[place]) {
            entries.swap(place - 1, place);
            place -= 1;
        }
    }
    true
}

/// Packs each weight with its position.
fn pairs(vector: &[f32]) -> impl Iterator<Item = u64> {
    (0..).zip(vector).map(|(position, &weight)| {
        let position: u64 = position;
        u64::from(key(weight)) << POSITION_BITS | position
    })
}

/// Returns an integer that orders as the weight does. Flipping the sign bit puts positive above
/// negative numbers; flipping all other bits of negative numbers, too, makes them ascend. The sign
/// of a weight is practically random, so the mask is computed rather than branched on.
pub(super) fn key(weight: f32) -> u32 {
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

/// Returns the weight with this key.
pub(super) fn weight_of(key: u32) -> f32 {
    const SIGN: u32 = 1 << 31;
    f32::from_bits(if key & SIGN == 0 { !key } else { key ^ SIGN })
}

/// The `pass`-th digit of a packed weight, from the least significant.
fn digit(pair: u64, pass: u32) -> usize {
    (pair >> (POSITION_BITS + pass * DIGIT_BITS)) as usize % BUCKETS
}

/// Start of each digit's bucket, for each of the three passes.
fn bucket_starts(vector: &[f32]) -> [[u32; BUCKETS]; 3] {
    let mut starts = [[0; BUCKETS]; 3];
    for pair in pairs(vector) {
        for (pass, counts) in (0..).zip(&mut starts) {
            counts[digit(pair, pass)] += 1;
        }
    }
    starts.iter_mut().for_each(|counts| to_starts(counts));
    starts
}

/// Turns the sizes of consecutive buckets into their starts.
fn to_starts(counts: &mut [u32]) {
    let mut start = 0;
    for count in counts {
        start += std::mem::replace(count, start);
    }
}

/// Distributes entries to buckets by one digit, keeping their order within a bucket.
fn scatter<T: Copy, const N: usize>(
    entries: impl Iterator<Item = T>,
    next: &mut [u32; N],
    digit: impl Fn(T) -> usize,
    mut put: impl FnMut(usize, T),
) {
    for entry in entries {
        let slot = &mut next[digit(entry)];
        put(*slot as usize, entry);
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
        let bits = |numbers: [f32; 12]| numbers.map(|number| (number.to_bits(), number.is_nan()));
        let back = bits(ascending.map(|number| weight_of(key(number))));
        assert!(back.iter().zip(bits(ascending)).all(|(a, b)| *a == b || a.1 && b.1));
        assert_eq!(key(-0.0), key(0.0));
        assert_eq!(key(-f32::NAN), key(f32::NAN));
    }

    /// Vectors of spread weights, of few distinct weights, with an outlier, or of arbitrary bits.
    fn vectors() -> impl Strategy<Value = Vec<f32>> {
        let lengths = || prop_oneof![0usize..300, 1000usize..1100, 4000usize..9000];
        let spread = lengths().prop_flat_map(|length| vec(-0.05f32..0.05, length));
        let few = lengths()
            .prop_flat_map(|length| vec((-3i8..3).prop_map(|v| f32::from(v) * 0.08), length));
        let with_outlier = (lengths(), any::<f32>()).prop_flat_map(|(length, outlier)| {
            vec(-0.05f32..0.05, length).prop_map(move |mut weights| {
                weights.push(outlier);
                weights
            })
        });
        let bits =
            lengths().prop_flat_map(|length| vec(any::<u32>().prop_map(f32::from_bits), length));
        prop_oneof![spread, few, with_outlier, bits]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(128))]

        /// Reuses the buffers, as a sync of many vectors does.
        #[test]
        fn all_sorts_agree(vector in vectors()) {
            let mut argsort = Argsort::default();
            argsort.sort_by_comparison(&vector);
            let by_comparison = argsort.order.clone();
            argsort.sort_by_radix(&vector);
            prop_assert_eq!(&by_comparison, &argsort.order);
            prop_assert_eq!(&by_comparison, argsort.order(&vector));
            if !vector.is_empty() && argsort.sort_by_level::<256>(&vector) {
                prop_assert_eq!(&by_comparison, &argsort.order);
            }
        }

        #[test]
        fn positions_are_sorted_where_asked(vector in vectors(), ends in any::<[prop::sample::Index; 2]>()) {
            let mut argsort = Argsort::default();
            let mut order = argsort.order(&vector).to_vec();
            let mut ends = ends.map(|end| end.index(vector.len() + 1));
            ends.sort_unstable();
            let ranks = ends[0]..ends[1];
            argsort.sort_positions(ranks.clone());
            order[ranks].sort_unstable();
            prop_assert_eq!(&order[..], argsort.sorted());
        }
    }

    #[test]
    fn spread_weights_need_no_other_sort_and_a_crowd_does() {
        let mut weights: Vec<f32> = (0..5000).map(|i| (i as f32 * 0.7).sin()).collect();
        assert!(Argsort::default().sort_by_level::<1024>(&weights));
        weights.push(1e9);
        assert!(!Argsort::default().sort_by_level::<1024>(&weights));
        for hopeless in [f32::NAN, f32::INFINITY, f32::MAX] {
            weights.extend([hopeless, -hopeless]);
            assert!(!Argsort::default().sort_by_level::<1024>(&weights));
        }
    }
}
