//! Dense layers: `[batch, inputs]` times the transpose of the weights `[outputs, inputs]`, and both
//! gradients.
//!
//! The time to read large weights bounds the cost, so each pass reads them once, in long contiguous
//! runs.

use rayon::prelude::*;

use super::{
    InstructionSet,
    instructions::vectorized,
    layout::transpose_strided,
    multiply::{Dots, Product, Scratch, Tile},
    relu::at_least,
};

/// Number of products worth another thread.
const WORTH_A_THREAD: usize = 1_000_000;

/// Number of outputs worth another thread when they are finished.
const NUMBERS_WORTH_A_THREAD: usize = 1 << 16;

/// Samples finished at a time.
const SAMPLES: usize = 8;

/// Panels of columns that a thread computes at a time.
const PANELS: usize = 8;

/// Shape of a dense layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Dense {
    /// Number of samples.
    pub batch: usize,
    /// Values per sample.
    pub inputs: usize,
    /// Output values per sample.
    pub outputs: usize,
}

impl Dense {
    /// Computes `outputs` (`[batch, outputs]`) = `inputs` (`[batch, inputs]`) times the transpose
    /// of `weights` (`[outputs, inputs]`), plus `bias` (one value per output), then max(x, 0) if
    /// `relu`.
    ///
    /// # Panics
    /// If a slice's length does not match the shape. This holds for the other methods, too.
    pub fn forward(
        &self,
        set: InstructionSet,
        inputs: &[f32],
        weights: &[f32],
        bias: Option<&[f32]>,
        relu: bool,
        outputs: &mut [f32],
    ) {
        self.check(inputs, weights, outputs, bias);
        let mut sums = Scratch::new(outputs.len());
        let (depth, batch) = (self.inputs, self.batch.max(1));
        let share = self.share(self.outputs, Dots::rows_per_block(set));
        let dots =
            |left: &[f32], sums: &mut [f32]| Dots { depth, left, right: inputs, sums }.run(set);
        if share < self.outputs && depth > 0 {
            let shares = sums.par_chunks_mut(share * batch).zip(weights.par_chunks(share * depth));
            shares.for_each(|(sums, weights)| dots(weights, sums));
        } else {
            dots(weights, &mut sums);
        }
        let finished = SAMPLES * self.outputs.max(1);
        outputs
            .par_chunks_mut(finished)
            .with_min_len(NUMBERS_WORTH_A_THREAD / finished)
            .enumerate()
            .for_each(|(share, outputs)| {
                let sums = &sums[share * SAMPLES..];
                finish(set, batch, self.outputs, sums, bias, relu, outputs);
            });
    }

    /// Computes the gradient of the inputs from the gradient of the outputs (before any ReLU).
    pub fn backward_inputs(
        &self,
        set: InstructionSet,
        gradient: &[f32],
        weights: &[f32],
        inputs_gradient: &mut [f32],
    ) {
        self.check(inputs_gradient, weights, gradient, None);
        let width = PANELS * Tile::of(set).width;
        let share = |share: usize| {
            let first = share * width;
            let columns = width.min(self.inputs - first);
            let mut sums = Scratch::new(self.batch * columns);
            let product = Product {
                depth: self.outputs,
                left: gradient,
                left_strides: [self.outputs, 1],
                right: &weights[first..],
                right_stride: self.inputs,
                columns,
                outputs: &mut sums,
            };
            product.run(set);
            sums
        };
        let shares = self.inputs.div_ceil(width);
        let shares: Vec<_> = if shares > 1 {
            (0..shares).into_par_iter().map(share).collect()
        } else {
            (0..shares).map(share).collect()
        };
        for (sample, gradient) in inputs_gradient.chunks_exact_mut(self.inputs.max(1)).enumerate() {
            for (gradient, sums) in gradient.chunks_mut(width).zip(&shares) {
                gradient.copy_from_slice(&sums[sample * gradient.len()..][..gradient.len()]);
            }
        }
    }

    /// Computes the gradients of weights and bias from the gradient of the outputs (before any
    /// ReLU).
    pub fn backward_weights(
        &self,
        set: InstructionSet,
        inputs: &[f32],
        gradient: &[f32],
        weights_gradient: &mut [f32],
        bias_gradient: Option<&mut [f32]>,
    ) {
        self.check(inputs, weights_gradient, gradient, bias_gradient.as_deref());
        if let Some(bias_gradient) = bias_gradient {
            bias_gradient.fill(0.0);
            for gradient in gradient.chunks_exact(self.outputs.max(1)) {
                for (bias, gradient) in bias_gradient.iter_mut().zip(gradient) {
                    *bias += gradient;
                }
            }
        }
        let share = self.share(self.outputs, 1);
        let product = |first: usize, outputs: &mut [f32]| {
            let product = Product {
                depth: self.batch,
                left: gradient.get(first..).unwrap_or_default(),
                left_strides: [1, self.outputs],
                right: inputs,
                right_stride: self.inputs,
                columns: self.inputs,
                outputs,
            };
            product.run(set);
        };
        if share < self.outputs && self.inputs > 0 {
            let shares = weights_gradient.par_chunks_mut(share * self.inputs).enumerate();
            shares.for_each(|(index, gradient)| product(index * share, gradient));
        } else {
            product(0, weights_gradient);
        }
    }

    /// Rows that a thread computes, out of the given number: a multiple of `multiple`.
    fn share(&self, rows: usize, multiple: usize) -> usize {
        let products = self.batch * self.inputs * self.outputs;
        let shares = (products / WORTH_A_THREAD).clamp(1, rayon::current_num_threads());
        rows.div_ceil(shares).next_multiple_of(multiple)
    }

    fn check(&self, inputs: &[f32], weights: &[f32], outputs: &[f32], bias: Option<&[f32]>) {
        assert_eq!(inputs.len(), self.batch * self.inputs, "inputs");
        assert_eq!(outputs.len(), self.batch * self.outputs, "outputs");
        assert_eq!(weights.len(), self.inputs * self.outputs, "weights");
        assert!(bias.is_none_or(|bias| bias.len() == self.outputs), "bias");
    }
}

vectorized! {
    /// Finishes the outputs of some samples: transposes their columns of `sums`
    /// (`[outputs, batch]`), adds the bias and applies ReLU.
    fn finish<'a>(
        batch: usize,
        units: usize,
        sums: &'a [f32],
        bias: Option<&'a [f32]>,
        relu: bool,
        outputs: &'a mut [f32],
    ) {
        transpose_strided([units, outputs.len() / units], [batch, units], sums, outputs);
        for outputs in outputs.chunks_exact_mut(units) {
            if let Some(bias) = bias {
                for (output, bias) in outputs.iter_mut().zip(bias) {
                    *output += bias;
                }
            }
            if relu {
                for output in outputs {
                    *output = at_least(*output, 0.0);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::kernels::testing::{assert_close, numbers};

    /// Sum of `terms` products in double precision.
    fn sum(terms: usize, product: impl Fn(usize) -> (f32, f32)) -> f64 {
        (0..terms).map(product).map(|(a, b)| f64::from(a) * f64::from(b)).sum()
    }

    fn sums(rows: usize, columns: usize, sum: impl Fn(usize, usize) -> f64) -> Vec<f32> {
        (0..rows * columns).map(|index| sum(index / columns, index % columns) as f32).collect()
    }

    fn compare(dense: Dense, set: InstructionSet, tolerance: f32) {
        let Dense { batch, inputs: from, outputs: to } = dense;
        let (inputs, weights) = (numbers(batch * from, 1), numbers(to * from, 2));
        let (bias, gradient) = (numbers(to, 3), numbers(batch * to, 4));
        let (mut outputs, mut inputs_gradient) =
            (vec![f32::NAN; batch * to], vec![f32::NAN; batch * from]);
        let (mut weights_gradient, mut bias_gradient) =
            (vec![f32::NAN; to * from], vec![f32::NAN; to]);

        for relu in [false, true] {
            dense.forward(set, &inputs, &weights, Some(&bias), relu, &mut outputs);
            let book = sums(batch, to, |sample, to| {
                let sum = sum(from, |k| (inputs[sample * from + k], weights[to * from + k]));
                let sum = sum + f64::from(bias[to]);
                if relu { sum.max(0.0) } else { sum }
            });
            assert_close("outputs", &outputs, &book, tolerance);
        }
        dense.backward_inputs(set, &gradient, &weights, &mut inputs_gradient);
        let book = sums(batch, from, |sample, input| {
            sum(to, |k| (gradient[sample * to + k], weights[k * from + input]))
        });
        assert_close("gradient of inputs", &inputs_gradient, &book, tolerance);
        dense.backward_weights(
            set,
            &inputs,
            &gradient,
            &mut weights_gradient,
            Some(&mut bias_gradient),
        );
        let book = sums(to, from, |output, input| {
            sum(batch, |k| (gradient[k * to + output], inputs[k * from + input]))
        });
        assert_close("gradient of weights", &weights_gradient, &book, tolerance);
        let book = sums(1, to, |_, output| sum(batch, |k| (gradient[k * to + output], 1.0)));
        assert_close("gradient of bias", &bias_gradient, &book, tolerance);
    }

    #[test]
    fn what_is_not_a_number_is_not_hidden_by_relu() {
        for set in InstructionSet::available() {
            let mut outputs = [0.0; 3];
            let weights = [1.0, f32::NAN, -1.0];
            Dense { batch: 1, inputs: 1, outputs: 3 }.forward(
                set,
                &[2.0],
                &weights,
                None,
                true,
                &mut outputs,
            );
            assert!(outputs[0] == 2.0 && outputs[1].is_nan() && outputs[2] == 0.0, "{outputs:?}");
        }
    }

    #[test]
    fn deep_sums_and_large_batches_are_right_too() {
        for set in InstructionSet::available() {
            compare(Dense { batch: 5, inputs: 5_000, outputs: 7 }, set, 1e-3);
            compare(Dense { batch: 3, inputs: 7, outputs: 5_000 }, set, 1e-3);
            compare(Dense { batch: 1_100, inputs: 70, outputs: 23 }, set, 1e-3);
        }
    }

    #[test]
    fn results_do_not_depend_on_the_number_of_threads() {
        let dense = Dense { batch: 50, inputs: 300, outputs: 101 };
        let (inputs, weights) = (numbers(50 * 300, 1), numbers(101 * 300, 2));
        let gradient = numbers(50 * 101, 3);
        for set in InstructionSet::available() {
            let results = |threads: usize| {
                let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
                let (mut outputs, mut inputs_gradient) = (gradient.clone(), inputs.clone());
                let mut weights_gradient = weights.clone();
                pool.install(|| {
                    dense.forward(set, &inputs, &weights, None, false, &mut outputs);
                    dense.backward_inputs(set, &gradient, &weights, &mut inputs_gradient);
                    dense.backward_weights(set, &inputs, &gradient, &mut weights_gradient, None);
                });
                [outputs, inputs_gradient, weights_gradient]
            };
            let one = results(1);
            assert!(one == results(2) && one == results(3), "{}", set.name());
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(128))]

        #[test]
        fn computes_what_the_book_says(batch in 1..40usize, inputs in 1..600usize, outputs in 1..70usize) {
            for set in InstructionSet::available() {
                compare(Dense { batch, inputs, outputs }, set, 1e-4);
            }
        }
    }
}
