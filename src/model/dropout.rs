//! Which values dropout keeps, as a function of seed, step and place alone.

use rand::Rng;
use rayon::prelude::*;

use crate::random::{Purpose, stream};

/// Values per stream of random numbers: enough to make its set-up cheap, few enough to share among threads.
const BLOCK: usize = 1 << 14;

/// The factors of `elements` values at dropout layer `site` (counted from 1) in training step `step`: 0 with
/// probability `rate`, else 1 / (1 - rate). The rate is kept to 1 in 65,536.
pub(super) fn mask(seed: u64, step: u64, site: u64, elements: usize, rate: f64) -> Vec<f32> {
    let threshold = (rate * 65_536.0).round() as u32;
    let scale = (1.0 / (1.0 - rate)) as f32;
    let mut mask = vec![0.0; elements];
    mask.par_chunks_mut(BLOCK).enumerate().for_each(|(block, mask)| {
        let mut random = [0; 2 * BLOCK];
        let random = &mut random[..2 * mask.len()];
        stream(seed, Purpose::Dropout, step, site << 32 | block as u64).fill_bytes(random);
        for (factor, bytes) in mask.iter_mut().zip(random.chunks_exact(2)) {
            let keep = u32::from(u16::from_le_bytes([bytes[0], bytes[1]])) >= threshold;
            *factor = if keep { scale } else { 0.0 };
        }
    });
    mask
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_its_rate_and_the_mean() {
        let mask = mask(1, 1, 1, 100_000, 0.4);
        let dropped = mask.iter().filter(|&&factor| factor == 0.0).count();
        // Three standard deviations of a binomial are 465.
        assert!((39_500..40_500).contains(&dropped), "{dropped}");
        assert!(mask.iter().all(|&factor| factor == 0.0 || (factor - 1.0 / 0.6).abs() < 1e-6));
    }

    #[test]
    fn is_a_function_of_seed_step_and_site() {
        let reference = mask(1, 2, 3, 40_000, 0.5);
        assert_eq!(reference, mask(1, 2, 3, 40_000, 0.5));
        // A longer layer begins with the same values.
        assert_eq!(reference[..], mask(1, 2, 3, 50_000, 0.5)[..40_000]);
        for other in
            [mask(2, 2, 3, 40_000, 0.5), mask(1, 3, 3, 40_000, 0.5), mask(1, 2, 4, 40_000, 0.5)]
        {
            assert_ne!(reference, other);
        }
    }

    #[test]
    fn without_a_rate_nothing_changes() {
        assert_eq!(mask(1, 1, 1, 10, 0.0), [1.0; 10]);
    }
}
