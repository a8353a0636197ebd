//! ReLU by itself, and the sums at the end of residual blocks. Each value is read once and written
//! once.

use rayon::prelude::*;

use super::InstructionSet;
use super::instructions::vectorized;

/// Values per share of a thread.
const SHARE: usize = 1 << 14;

/// Computes max(x, 0) of each value. NaN stays NaN.
///
/// # Panics
/// If the lengths differ.
pub fn relu(set: InstructionSet, values: &[f32], outputs: &mut [f32]) {
    assert_eq!(values.len(), outputs.len());
    let shares = outputs.par_chunks_mut(SHARE).zip(values.par_chunks(SHARE));
    shares.for_each(|(outputs, values)| relu_share(set, values, outputs));
}

/// Adds `values` to `sums`, then applies max(x, 0) to the sums if `relu`. NaN stays NaN. The
/// backward pass is [`relu_backward`], the same for both summands.
///
/// # Panics
/// If the lengths differ.
pub fn add(set: InstructionSet, values: &[f32], relu: bool, sums: &mut [f32]) {
    assert_eq!(values.len(), sums.len());
    let floor = if relu { 0.0 } else { f32::NEG_INFINITY };
    let shares = sums.par_chunks_mut(SHARE).zip(values.par_chunks(SHARE));
    shares.for_each(|(sums, values)| add_share(set, floor, values, sums));
}

/// Turns the gradient after a ReLU, which produced `outputs`, into the gradient before it: 0
/// wherever the output is not greater than 0.
///
/// # Panics
/// If the lengths differ.
pub fn relu_backward(set: InstructionSet, outputs: &[f32], gradient: &mut [f32]) {
    assert_eq!(outputs.len(), gradient.len());
    let shares = gradient.par_chunks_mut(SHARE).zip(outputs.par_chunks(SHARE));
    shares.for_each(|(gradient, outputs)| relu_backward_share(set, outputs, gradient));
}

vectorized! {
    fn relu_share<'a>(values: &'a [f32], outputs: &'a mut [f32]) {
        for (output, &value) in outputs.iter_mut().zip(values) {
            *output = at_least(value, 0.0);
        }
    }
}

vectorized! {
    fn add_share<'a>(floor: f32, values: &'a [f32], sums: &'a mut [f32]) {
        for (sum, value) in sums.iter_mut().zip(values) {
            *sum = at_least(*sum + value, floor);
        }
    }
}

vectorized! {
    fn relu_backward_share<'a>(outputs: &'a [f32], gradient: &'a mut [f32]) {
        for (gradient, &output) in gradient.iter_mut().zip(outputs) {
            *gradient = if output > 0.0 { *gradient } else { 0.0 };
        }
    }
}

/// Returns the greater of `value` and `floor`. A NaN `value` is returned unchanged, so that it shows
/// in the loss.
#[inline(always)]
pub(super) fn at_least(value: f32, floor: f32) -> f32 {
    if value < floor { floor } else { value }
}

#[cfg(test)]
mod tests {
    use super::*;

    const VALUES: [f32; 6] = [-1.5, -0.0, 0.0, 2.5, f32::NEG_INFINITY, f32::INFINITY];
    const OTHERS: [f32; 6] = [2.0, -1.0, 0.0, -3.0, 1.0, 1.0];

    /// More than one share of values, and not a whole number of vectors.
    fn many(values: [f32; 6]) -> Vec<f32> {
        values.repeat(SHARE / 6 + 5)
    }

    #[test]
    fn forward_and_backward_by_hand() {
        let (values, others) = (many(VALUES), many(OTHERS));
        for set in InstructionSet::available() {
            let mut outputs = vec![f32::NAN; values.len()];
            relu(set, &values, &mut outputs);
            assert_eq!(outputs, many([0.0, 0.0, 0.0, 2.5, 0.0, f32::INFINITY]));
            let mut gradient = others.clone();
            relu_backward(set, &outputs, &mut gradient);
            assert_eq!(gradient, many([0.0, 0.0, 0.0, -3.0, 0.0, 1.0]));
            let mut sums = values.clone();
            add(set, &others, true, &mut sums);
            assert_eq!(sums, many([0.5, 0.0, 0.0, 0.0, 0.0, f32::INFINITY]));
            let mut sums = values.clone();
            add(set, &others, false, &mut sums);
            assert_eq!(sums, many([0.5, -1.0, 0.0, -0.5, f32::NEG_INFINITY, f32::INFINITY]));
        }
    }

    #[test]
    fn not_a_number_is_not_hidden() {
        for set in InstructionSet::available() {
            let mut outputs = [0.0; 9];
            relu(set, &[f32::NAN; 9], &mut outputs);
            assert!(outputs.iter().all(|output| output.is_nan()), "{}", set.name());
            for relu in [false, true] {
                let mut sums = [1.0; 9];
                add(set, &[f32::NAN; 9], relu, &mut sums);
                assert!(sums.iter().all(|sum| sum.is_nan()), "{}", set.name());
            }
        }
    }
}
