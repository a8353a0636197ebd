//! Dropout masks as a function of seed, step and position alone.
//!
//! The random numbers are those of the stream `(seed, Purpose::Dropout, step, site)`: ChaCha with 8
//! rounds, whose blocks of 16 words are functions of a counter. A value uses 16 bits. Sixteen
//! blocks are computed together, one per vector lane. They make one *group* of 512 values, in the
//! order in which the vectors hold them: the low halves of the first words of all blocks, then
//! their high halves, then the same of the second words, and so on.

use pulp::{Simd, WithSimd};
use rayon::prelude::*;

use super::InstructionSet;
use super::instructions::vectorized;
use crate::random::{Purpose, key};

/// Blocks per group: the lanes of the widest vector, or of two narrower ones.
const LANES: usize = 16;

/// Values per group.
const GROUP: usize = LANES * 16 * 2;

/// Values per share of a thread.
const SHARE: usize = 32 * GROUP;

/// Dropout of one layer in one training step. Each value becomes 0 with probability `rate`, and is
/// otherwise multiplied by 1 / (1 - rate). Which values are dropped depends only on these fields
/// and on their position in memory.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Dropout {
    /// Seed of the run.
    pub seed: u64,
    /// Training step, counted from 1.
    pub step: u64,
    /// Dropout layer of the network, counted from 1.
    pub site: u64,
    /// Probability of dropping a value, in [0, 1), rounded to a multiple of 1/65,536.
    pub rate: f64,
}

impl Dropout {
    /// Applies dropout. The backward pass is the same function: applied to the gradient of the
    /// outputs, it returns that of the values.
    ///
    /// # Panics
    /// If the lengths differ.
    pub fn apply(&self, set: InstructionSet, values: &[f32], outputs: &mut [f32]) {
        assert_eq!(values.len(), outputs.len());
        let shares = outputs.par_chunks_mut(SHARE).zip(values.par_chunks(SHARE));
        shares.enumerate().for_each(|(share, (outputs, values))| {
            self.fill(set, share * SHARE, outputs);
            multiply(set, outputs, values);
        });
    }

    /// Returns the factors by which [`Dropout::apply`] multiplies the first `elements` values.
    pub fn factors(&self, elements: usize) -> Vec<f32> {
        let set = InstructionSet::current();
        let mut factors = vec![0.0; elements];
        factors
            .par_chunks_mut(SHARE)
            .enumerate()
            .for_each(|(share, factors)| self.fill(set, share * SHARE, factors));
        factors
    }

    /// Writes the factors of the values from `start` on.
    pub(super) fn fill(&self, set: InstructionSet, start: usize, factors: &mut [f32]) {
        let bytes = key(self.seed, Purpose::Dropout, self.step, self.site);
        let mut words = [0; 8];
        for (word, bytes) in words.iter_mut().zip(bytes.as_chunks().0) {
            *word = u32::from_le_bytes(*bytes);
        }
        let threshold = (self.rate * 65_536.0).round().min(65_535.0) as u32;
        let scale = (1.0 / (1.0 - self.rate)) as f32;
        set.run(Fill { key: words, threshold, scale, start, factors });
    }
}

vectorized! {
    fn multiply<'a>(outputs: &'a mut [f32], values: &'a [f32]) {
        for (output, value) in outputs.iter_mut().zip(values) {
            *output *= value;
        }
    }
}

/// Kernel of [`Dropout::fill`].
struct Fill<'a> {
    key: [u32; 8],
    threshold: u32,
    scale: f32,
    start: usize,
    factors: &'a mut [f32],
}

impl WithSimd for Fill<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Fill { key, threshold, scale, start, factors } = self;
        let (mut group, mut skipped) = ((start / GROUP) as u64, start % GROUP);
        let mut rest = factors;
        while !rest.is_empty() {
            let count = rest.len().min(GROUP - skipped);
            let (factors, after) = rest.split_at_mut(count);
            match factors.as_mut_array() {
                Some(whole) => fill_group(simd, &key, threshold, scale, group, whole),
                None => {
                    let mut whole = [0.0; GROUP];
                    fill_group(simd, &key, threshold, scale, group, &mut whole);
                    factors.copy_from_slice(&whole[skipped..][..count]);
                }
            }
            (rest, group, skipped) = (after, group + 1, 0);
        }
    }
}

/// Writes the factors of one group.
#[inline(always)]
fn fill_group<S: Simd>(
    simd: S,
    key: &[u32; 8],
    threshold: u32,
    scale: f32,
    group: u64,
    factors: &mut [f32; GROUP],
) {
    let (threshold, low) = (simd.splat_u32s(threshold), simd.splat_u32s(0xffff));
    let (scale, zero) = (simd.splat_f32s(scale), simd.splat_f32s(0.0));
    let factor =
        |bits| simd.select_f32s(simd.greater_than_or_equal_u32s(bits, threshold), scale, zero);
    let (factors, _) = S::as_mut_simd_f32s(factors);
    let parts = LANES / S::F32_LANES;
    for part in 0..parts {
        let words = blocks(simd, key, group, part);
        for (words, factors) in words.into_iter().zip(factors.chunks_exact_mut(2 * parts)) {
            factors[part] = factor(simd.and_u32s(words, low));
            factors[parts + part] = factor(simd.wrapping_dyn_shr_u32s(words, simd.splat_u32s(16)));
        }
    }
}

/// Computes one part of a group's blocks of ChaCha8, word by word.
#[inline(always)]
fn blocks<S: Simd>(simd: S, key: &[u32; 8], group: u64, part: usize) -> [S::u32s; 16] {
    // The counters of a group's blocks differ only in their last four bits.
    const OFFSETS: [u32; LANES] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15];
    let first = group * LANES as u64;
    let offsets = S::as_simd_u32s(&OFFSETS).0[part];
    let start: [S::u32s; 16] = [
        simd.splat_u32s(0x6170_7865),
        simd.splat_u32s(0x3320_646e),
        simd.splat_u32s(0x7962_2d32),
        simd.splat_u32s(0x6b20_6574),
        simd.splat_u32s(key[0]),
        simd.splat_u32s(key[1]),
        simd.splat_u32s(key[2]),
        simd.splat_u32s(key[3]),
        simd.splat_u32s(key[4]),
        simd.splat_u32s(key[5]),
        simd.splat_u32s(key[6]),
        simd.splat_u32s(key[7]),
        simd.or_u32s(simd.splat_u32s(first as u32), offsets),
        simd.splat_u32s((first >> 32) as u32),
        simd.splat_u32s(0),
        simd.splat_u32s(0),
    ];
    let mut words = rounds(simd, start);
    for (word, start) in words.iter_mut().zip(start) {
        *word = simd.add_u32s(*word, start);
    }
    words
}

/// The eight rounds of ChaCha8: four times the columns and then the diagonals of the matrix of
/// words.
#[inline(always)]
fn rounds<S: Simd>(simd: S, mut words: [S::u32s; 16]) -> [S::u32s; 16] {
    for _ in 0..4 {
        quarter_round::<S, 0, 4, 8, 12>(simd, &mut words);
        quarter_round::<S, 1, 5, 9, 13>(simd, &mut words);
        quarter_round::<S, 2, 6, 10, 14>(simd, &mut words);
        quarter_round::<S, 3, 7, 11, 15>(simd, &mut words);
        quarter_round::<S, 0, 5, 10, 15>(simd, &mut words);
        quarter_round::<S, 1, 6, 11, 12>(simd, &mut words);
        quarter_round::<S, 2, 7, 8, 13>(simd, &mut words);
        quarter_round::<S, 3, 4, 9, 14>(simd, &mut words);
    }
    words
}

#[inline(always)]
fn quarter_round<S: Simd, const A: usize, const B: usize, const C: usize, const D: usize>(
    simd: S,
    words: &mut [S::u32s; 16],
) {
    words[A] = simd.add_u32s(words[A], words[B]);
    words[D] = rotate_left(simd, simd.xor_u32s(words[D], words[A]), 16);
    words[C] = simd.add_u32s(words[C], words[D]);
    words[B] = rotate_left(simd, simd.xor_u32s(words[B], words[C]), 12);
    words[A] = simd.add_u32s(words[A], words[B]);
    words[D] = rotate_left(simd, simd.xor_u32s(words[D], words[A]), 8);
    words[C] = simd.add_u32s(words[C], words[D]);
    words[B] = rotate_left(simd, simd.xor_u32s(words[B], words[C]), 7);
}

/// Rotates each word to the left.
#[inline(always)]
fn rotate_left<S: Simd>(simd: S, words: S::u32s, bits: u32) -> S::u32s {
    let left = simd.wrapping_dyn_shl_u32s(words, simd.splat_u32s(bits));
    let right = simd.wrapping_dyn_shr_u32s(words, simd.splat_u32s(32 - bits));
    simd.or_u32s(left, right)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rand::Rng;

    use super::*;
    use crate::random::stream;

    const DROPOUT: Dropout = Dropout { seed: 1, step: 2, site: 3, rate: 0.4 };

    /// Reference: the same factors from the byte stream, one at a time.
    fn by_the_book(dropout: &Dropout, elements: usize) -> Vec<f32> {
        let mut bytes = vec![0; elements.div_ceil(GROUP) * GROUP * 2];
        stream(dropout.seed, Purpose::Dropout, dropout.step, dropout.site).fill_bytes(&mut bytes);
        let factor = |i: usize| {
            let (group, word, half, lane) = (i / 512, i % 512 / 32, i % 32 / 16, i % 16);
            let at = (group * 16 + lane) * 64 + word * 4 + half * 2;
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
        // Three standard deviations of this binomial distribution are 465.
        assert!((39_500..40_500).contains(&dropped), "{dropped}");
        assert!(factors.iter().all(|&factor| factor == 0.0 || (factor - 1.0 / 0.6).abs() < 1e-6));
    }

    #[test]
    fn is_a_function_of_seed_step_and_site() {
        let reference = DROPOUT.factors(40_000);
        assert_eq!(reference, DROPOUT.factors(40_000));
        // The values of a longer layer begin with the same factors.
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
