//! Peak rate of floating-point arithmetic.

use std::hint::black_box;
use std::time::{Duration, Instant};

use pulp::{Simd, WithSimd};

use super::InstructionSet;

/// Independent sums: enough to hide the latency of an addition, few enough for 16 registers.
const SUMS: usize = 12;

/// Rounds per measurement: about a millisecond, so that all threads compute at the same time.
const ROUNDS: usize = 500_000;

/// Measures the rate of multiplications and additions that access no memory, in 10^9 operations per
/// second, on all threads of rayon's pool together. Returns the best of the measurements made
/// within `patience`.
pub(crate) fn arithmetic_peak(set: InstructionSet, patience: Duration) -> f64 {
    let begun = Instant::now();
    let mut best = 0.0f64;
    while best == 0.0 || begun.elapsed() < patience {
        let rates = rayon::broadcast(|_| {
            let begun = Instant::now();
            let operations = set.run(Sums { fused: set != InstructionSet::Portable });
            operations as f64 / begun.elapsed().as_secs_f64()
        });
        best = best.max(rates.iter().sum());
    }
    best / 1e9
}

/// Adds products to [`SUMS`] vectors in registers. Returns the number of operations.
struct Sums {
    /// Whether multiplication and addition are a single instruction.
    fused: bool,
}

impl WithSimd for Sums {
    type Output = usize;

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> usize {
        let factor = simd.splat_f32s(black_box(0.5));
        let mut sums = [simd.splat_f32s(black_box(1.0)); SUMS];
        for _ in 0..ROUNDS {
            for sum in &mut sums {
                *sum = if self.fused {
                    simd.mul_add_f32s(*sum, factor, factor)
                } else {
                    simd.add_f32s(simd.mul_f32s(*sum, factor), factor)
                };
            }
        }
        black_box(sums.map(|sum| simd.reduce_sum_f32s(sum)));
        2 * ROUNDS * SUMS * S::F32_LANES
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_instruction_set_reaches_something() {
        for set in InstructionSet::available() {
            let peak = arithmetic_peak(set, Duration::ZERO);
            assert!(peak.is_finite() && peak > 0.0, "{}: {peak}", set.name());
        }
    }
}
