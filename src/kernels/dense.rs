//! Dense layers: `[batch, inputs]` times weights `[outputs, inputs]`, and both gradients.
//!
//! Large weights are the cost, so each pass is arranged to go over them once, in long runs.

use rayon::prelude::*;

use super::{
    InstructionSet,
    multiply::{Gather, Pack, Scratch, Tile},
    relu::at_least,
};

/// Products (sums of two) that are worth another thread.
const WORTH_A_THREAD: usize = 1_000_000;

/// Panels of columns whose weights are packed and used at a time.
const PANELS: usize = 8;

/// The shape of a dense layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Dense {
    /// Samples at once.
    pub batch: usize,
    /// Numbers of a sample.
    pub inputs: usize,
    /// Numbers of its output.
    pub outputs: usize,
}

impl Dense {
    /// `outputs` (`[batch, outputs]`) = `inputs` (`[batch, inputs]`) times `weights` (`[outputs, inputs]`), plus `bias`
    /// (one number per output), negative numbers replaced by zero if `relu`.
    ///
    /// # Panics
    /// If the length of a slice is not that of the shape; so do the other methods.
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
        let pack = |rows: usize, factor: &[f32]| {
            let pack = Pack {
                columns: rows,
                column_stride: self.inputs,
                channels: self.inputs,
                channel_stride: 1,
                taps: &[0],
            };
            pack.pack(Tile::of(set), factor)
        };
        let finish = |sum: f32, index: usize| {
            let sum = sum + bias.map_or(0.0, |bias| bias[index]);
            if relu { at_least(sum, 0.0) } else { sum }
        };
        // One of the factors has to be packed: the shorter one.
        if self.outputs < self.batch {
            let packed = pack(self.outputs, weights);
            multiply(set, self.inputs, inputs, &packed, self.outputs, outputs);
            for outputs in outputs.chunks_exact_mut(self.outputs.max(1)) {
                for (index, output) in outputs.iter_mut().enumerate() {
                    *output = finish(*output, index);
                }
            }
        } else {
            let mut transposed = Scratch::new(outputs.len());
            let packed = pack(self.batch, inputs);
            multiply(set, self.inputs, weights, &packed, self.batch, &mut transposed);
            for (sample, outputs) in outputs.chunks_exact_mut(self.outputs.max(1)).enumerate() {
                for (index, output) in outputs.iter_mut().enumerate() {
                    *output = finish(transposed[index * self.batch + sample], index);
                }
            }
        }
    }

    /// `inputs_gradient` = the gradient of the inputs, given the gradient of the outputs (before any ReLU).
    pub fn backward_inputs(
        &self,
        set: InstructionSet,
        gradient: &[f32],
        weights: &[f32],
        inputs_gradient: &mut [f32],
    ) {
        self.check(inputs_gradient, weights, gradient, None);
        let tile = Tile::of(set);
        let width = PANELS * tile.width;
        let share = |share: usize| {
            let first = share * width;
            let columns = width.min(self.inputs - first);
            let pack = Pack {
                columns,
                column_stride: 1,
                channels: self.outputs,
                channel_stride: self.inputs,
                taps: &[0],
            };
            let mut sums = Scratch::new(self.batch * columns);
            let weights = pack.pack(tile, &weights[first..]);
            multiply_rows(set, self.outputs, gradient, &weights, columns, &mut sums);
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

    /// `weights_gradient` and `bias_gradient` = the gradients of the weights and of the bias, given that of the outputs
    /// (before any ReLU).
    pub fn backward_weights(
        &self,
        set: InstructionSet,
        inputs: &[f32],
        gradient: &[f32],
        weights_gradient: &mut [f32],
        bias_gradient: Option<&mut [f32]>,
    ) {
        self.check(inputs, weights_gradient, gradient, bias_gradient.as_deref());
        let mut transposed = Scratch::new(gradient.len());
        for (sample, gradient) in gradient.chunks_exact(self.outputs.max(1)).enumerate() {
            for (output, &gradient) in gradient.iter().enumerate() {
                transposed[output * self.batch + sample] = gradient;
            }
        }
        let samples = Pack {
            columns: self.inputs,
            column_stride: 1,
            channels: self.batch,
            channel_stride: self.inputs,
            taps: &[0],
        };
        let samples = samples.pack(Tile::of(set), inputs);
        multiply(set, self.batch, &transposed, &samples, self.inputs, weights_gradient);
        if let Some(bias_gradient) = bias_gradient {
            for (output, bias) in bias_gradient.iter_mut().enumerate() {
                *bias = transposed[output * self.batch..][..self.batch].iter().sum();
            }
        }
    }

    fn check(&self, inputs: &[f32], weights: &[f32], outputs: &[f32], bias: Option<&[f32]>) {
        assert_eq!(inputs.len(), self.batch * self.inputs, "inputs");
        assert_eq!(outputs.len(), self.batch * self.outputs, "outputs");
        assert_eq!(weights.len(), self.inputs * self.outputs, "weights");
        assert!(bias.is_none_or(|bias| bias.len() == self.outputs), "bias");
    }
}

/// `outputs` (`[rows, columns]`) = `source` (`[rows, depth]`) times packed weights, the rows shared out among threads.
fn multiply(
    set: InstructionSet,
    depth: usize,
    source: &[f32],
    weights: &[f32],
    columns: usize,
    outputs: &mut [f32],
) {
    let tile = Tile::of(set);
    if outputs.is_empty() || depth == 0 {
        return outputs.fill(0.0);
    }
    let rows = outputs.len() / columns;
    let shares = (rows * columns * depth / WORTH_A_THREAD).clamp(1, rayon::current_num_threads());
    let share = rows.div_ceil(shares).next_multiple_of(tile.rows);
    if share >= rows {
        return multiply_rows(set, depth, source, weights, columns, outputs);
    }
    outputs
        .par_chunks_mut(share * columns)
        .zip(source.par_chunks(share * depth))
        .for_each(|(outputs, source)| multiply_rows(set, depth, source, weights, columns, outputs));
}

/// `outputs` (`[rows, columns]`) = `source` (`[rows, depth]`) times packed weights.
fn multiply_rows(
    set: InstructionSet,
    depth: usize,
    source: &[f32],
    weights: &[f32],
    columns: usize,
    outputs: &mut [f32],
) {
    assert!(source.len().max(outputs.len()) <= u32::MAX as usize, "places are counted in 32 bits");
    let rows = outputs.len() / columns.max(1);
    let places =
        |length: usize, rows: usize| (0..rows).map(|row| (row * length) as u32).collect::<Vec<_>>();
    let mut sources = places(depth, rows);
    sources.resize(rows.next_multiple_of(Tile::of(set).rows), 0);
    Gather {
        source,
        channels: depth,
        taps: 1,
        places: &sources,
        weights,
        rows: &places(columns, rows),
        columns,
        bias: None,
        relu: false,
        outputs,
    }
    .run(set);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::kernels::testing::{assert_close, numbers};

    /// The sum of `terms` products, in double precision.
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
    fn deep_sums_are_right_too() {
        for set in InstructionSet::available() {
            compare(Dense { batch: 5, inputs: 5_000, outputs: 7 }, set, 1e-3);
            compare(Dense { batch: 3, inputs: 7, outputs: 5_000 }, set, 1e-3);
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
