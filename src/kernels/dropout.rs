//! Which values dropout keeps, as a function of seed, step and place alone.
//!
//! The random numbers are those of the stream `(seed, Purpose::Dropout, step, site)`: ChaCha with 8 rounds, whose blocks
//! of 16 words are functions of their number. A value takes 16 bits. Eight blocks are computed at once, one per lane of
//! a vector, and make one *group* of 256 values, in the order in which the vectors hold them: the low halves of the
//! first words of all eight blocks, then their high halves, then the second words.

use rayon::prelude::*;

use super::InstructionSet;
use super::instructions::vectorized;
use crate::random::{Purpose, key};

/// Blocks that are computed at once.
const LANES: usize = 8;

/// Values per group.
const GROUP: usize = LANES * 16 * 2;

/// Values per share of a thread.
const SHARE: usize = 64 * GROUP;

/// Dropout of one layer in one training step: each value becomes 0 with probability `rate`, else it is multiplied by
/// 1 / (1 - rate). Which values are dropped depends on their position in memory, and on nothing else that is not here.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Dropout {
    /// The run's seed.
    pub seed: u64,
    /// The training step, counted from 1.
    pub step: u64,
    /// The dropout layer of the network, counted from 1.
    pub site: u64,
    /// The probability, at least 0 and below 1; kept to 1 in 65,536.
    pub rate: f64,
}

impl Dropout {
    /// Values with dropout. The backward pass is the same: it takes the gradient of the outputs to that of the values.
    ///
    /// # Panics
    /// Lengths that differ.
    pub fn apply(&self, set: InstructionSet, values: &[f32], outputs: &mut [f32]) {
        assert_eq!(values.len(), outputs.len());
        let shares = outputs.par_chunks_mut(SHARE).zip(values.par_chunks(SHARE));
        shares.enumerate().for_each(|(share, (outputs, values))| {
            self.fill(set, share * SHARE, outputs);
            multiply(set, outputs, values);
        });
    }

    /// What [`Dropout::apply`] multiplies the first `elements` values by.
    pub fn factors(&self, elements: usize) -> Vec<f32> {
        let set = InstructionSet::current();
        let mut factors = vec![0.0; elements];
        factors
            .par_chunks_mut(SHARE)
            .enumerate()
            .for_each(|(share, factors)| self.fill(set, share * SHARE, factors));
        factors
    }

    /// The factors of the values at `start` and after it.
    pub(super) fn fill(&self, set: InstructionSet, start: usize, factors: &mut [f32]) {
        let bytes = key(self.seed, Purpose::Dropout, self.step, self.site);
        let mut words = [0; 8];
        for (word, bytes) in words.iter_mut().zip(bytes.as_chunks().0) {
            *word = u32::from_le_bytes(*bytes);
        }
        let threshold = (self.rate * 65_536.0).round().min(65_535.0) as u32;
        let scale = (1.0 / (1.0 - self.rate)) as f32;
        fill(set, words, threshold, scale, start, factors);
    }
}

vectorized! {
    fn multiply<'a>(outputs: &'a mut [f32], values: &'a [f32]) {
        for (output, value) in outputs.iter_mut().zip(values) {
            *output *= value;
        }
    }
}

vectorized! {
    fn fill<'a>(key: [u32; 8], threshold: u32, scale: f32, start: usize, factors: &'a mut [f32]) {
        // A start in the middle of a group: the group's end, then whole groups.
        let (mut group, middle) = ((start / GROUP) as u64, start % GROUP);
        let mut whole = [0.0; GROUP];
        let mut rest = factors;
        if middle > 0 {
            fill_group(&key, threshold, scale, group, &mut whole);
            let head = rest.len().min(GROUP - middle);
            let (first, others) = rest.split_at_mut(head);
            first.copy_from_slice(&whole[middle..middle + head]);
            (rest, group) = (others, group + 1);
        }
        let (groups, tail) = rest.as_chunks_mut();
        for factors in groups {
            fill_group(&key, threshold, scale, group, factors);
            group += 1;
        }
        if !tail.is_empty() {
            fill_group(&key, threshold, scale, group, &mut whole);
            tail.copy_from_slice(&whole[..tail.len()]);
        }
    }
}

/// The factors of one group.
#[inline(always)]
fn fill_group(key: &[u32; 8], threshold: u32, scale: f32, group: u64, factors: &mut [f32; GROUP]) {
    let words = blocks(key, group * LANES as u64);
    let (factors, _) = factors.as_chunks_mut::<{ 2 * LANES }>();
    for (factors, words) in factors.iter_mut().zip(&words) {
        for lane in 0..LANES {
            factors[lane] = if words[lane] & 0xffff >= threshold { scale } else { 0.0 };
            factors[lane + LANES] = if words[lane] >> 16 >= threshold { scale } else { 0.0 };
        }
    }
}

/// One word of eight blocks.
type Words = [u32; LANES];

/// The words of eight blocks of ChaCha8, the first of which has number `first`.
#[inline(always)]
fn blocks(key: &[u32; 8], first: u64) -> [Words; 16] {
    let mut start = [[0; LANES]; 16];
    let constants = [0x6170_7865, 0x3320_646e, 0x7962_2d32, 0x6b20_6574];
    for (words, word) in start.iter_mut().zip(constants.iter().chain(key)) {
        *words = [*word; LANES];
    }
    for lane in 0..LANES {
        let number = first + lane as u64;
        (start[12][lane], start[13][lane]) = (number as u32, (number >> 32) as u32);
    }
    let mut words = start;
    for _ in 0..4 {
        for i in 0..4 {
            quarter_round(&mut words, [i, 4 + i, 8 + i, 12 + i]);
        }
        for i in 0..4 {
            quarter_round(&mut words, [i, 4 + (i + 1) % 4, 8 + (i + 2) % 4, 12 + (i + 3) % 4]);
        }
    }
    for (words, start) in words.iter_mut().zip(&start) {
        *words = add(*words, *start);
    }
    words
}

#[inline(always)]
fn quarter_round(words: &mut [Words; 16], [a, b, c, d]: [usize; 4]) {
    for (one, two, three, bits) in [(a, b, d, 16), (c, d, b, 12), (a, b, d, 8), (c, d, b, 7)] {
        words[one] = add(words[one], words[two]);
        words[three] = rotated_sum(words[three], words[one], bits);
    }
}

#[inline(always)]
fn add(a: Words, b: Words) -> Words {
    std::array::from_fn(|lane| a[lane].wrapping_add(b[lane]))
}

/// Their exclusive or, rotated to the left.
#[inline(always)]
fn rotated_sum(a: Words, b: Words, bits: u32) -> Words {
    std::array::from_fn(|lane| (a[lane] ^ b[lane]).rotate_left(bits))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rand::Rng;

    use super::*;
    use crate::random::stream;

    const DROPOUT: Dropout = Dropout { seed: 1, step: 2, site: 3, rate: 0.4 };

    /// The same factors from the stream of bytes, one at a time.
    fn by_the_book(dropout: &Dropout, elements: usize) -> Vec<f32> {
        let mut bytes = vec![0; elements.div_ceil(GROUP) * GROUP * 2];
        stream(dropout.seed, Purpose::Dropout, dropout.step, dropout.site).fill_bytes(&mut bytes);
        let factor = |i: usize| {
            let (group, word, half, lane) = (i / 256, i % 256 / 16, i % 16 / 8, i % 8);
            let at = (group * 8 + lane) * 64 + word * 4 + half * 2;
            let bits = f64::from(u16::from_le_bytes([bytes[at], bytes[at + 1]]));
            let dropped = bits < (dropout.rate * 65_536.0).round();
            if dropped { 0.0 } else { (1.0 / (1.0 - dropout.rate)) as f32 }
        };
        (0..elements).map(factor).collect()
    }

    proptest! {
        #[test]
        fn the_random_numbers_are_the_streams(
            seed: u64, step: u64, site: u64, rate in 0.0..0.99, elements in 0..1000usize, start in 0..1000usize,
        ) {
            let dropout = Dropout { seed, step, site, rate };
            let expected = by_the_book(&dropout, start + elements);
            for set in InstructionSet::available() {
                let mut factors = vec![f32::NAN; elements];
                dropout.fill(set, start, &mut factors);
                prop_assert_eq!(&factors, &expected[start..], "{}", set.name());
            }
        }
    }

    #[test]
    fn values_are_multiplied_by_their_factors() {
        let values: Vec<f32> = (0..2 * SHARE + 77).map(|i| i as f32).collect();
        let expected: Vec<f32> =
            values.iter().zip(by_the_book(&DROPOUT, values.len())).map(|(x, f)| x * f).collect();
        for set in InstructionSet::available() {
            let mut outputs = vec![f32::NAN; values.len()];
            DROPOUT.apply(set, &values, &mut outputs);
            assert!(outputs == expected, "{}", set.name());
        }
    }

    #[test]
    fn keeps_its_rate_and_the_mean() {
        let factors = DROPOUT.factors(100_000);
        let dropped = factors.iter().filter(|&&factor| factor == 0.0).count();
        // Three standard deviations of a binomial are 465.
        assert!((39_500..40_500).contains(&dropped), "{dropped}");
        assert!(factors.iter().all(|&factor| factor == 0.0 || (factor - 1.0 / 0.6).abs() < 1e-6));
    }

    #[test]
    fn is_a_function_of_seed_step_and_site() {
        let reference = DROPOUT.factors(40_000);
        assert_eq!(reference, DROPOUT.factors(40_000));
        // A longer layer begins with the same values.
        assert_eq!(reference[..], DROPOUT.factors(50_000)[..40_000]);
        for other in [
            Dropout { seed: 2, ..DROPOUT },
            Dropout { step: 3, ..DROPOUT },
            Dropout { site: 4, ..DROPOUT },
        ] {
            assert_ne!(reference, other.factors(40_000));
        }
    }

    #[test]
    fn without_a_rate_nothing_changes() {
        assert_eq!(Dropout { rate: 0.0, ..DROPOUT }.factors(10), [1.0; 10]);
    }
}
