//! Batch normalization, together with the ReLUs and the dropout around it.
//!
//! Values are rows of `channels` numbers: a dense layer's batch, or the pixels of images. Memory
//! bandwidth bounds the cost. The forward pass reads the values twice, for the moments and for the
//! outputs. The backward pass reads values and gradient twice, for two sums and for the result. Per
//! value this is 8 bytes read and 4 written, then 16 read and 4 written. ReLU and dropout need no
//! passes of their own: the backward pass recomputes what they did.
//!
//! Each pass works on blocks of rows, whose size depends only on the number of channels. Within a
//! block, sums are short and in single precision. The sums of blocks are added in order and in
//! double precision. Results are therefore exact to a few units in the last place, and identical on
//! any number of threads.

use rayon::prelude::*;

use super::instructions::vectorized;
use super::relu::at_least;
use super::{Dropout, InstructionSet};

/// Approximate number of values per block: few enough to stay in the first-level cache between two
/// passes.
const BLOCK: usize = 1 << 12;

/// Blocks per share of a thread. With fewer, scheduling costs more than parallelism gains.
const SHARE: usize = 4;

/// Least number of values per tile. Rows with fewer channels are processed several at a time.
const TILE: usize = 256;

/// ReLU, batch normalization, ReLU, dropout. All but the normalization are optional.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Normalize {
    /// Number of values per row.
    pub channels: usize,
    /// Added to the variance.
    pub epsilon: f32,
    /// Whether ReLU precedes the normalization.
    pub relu_before: bool,
    /// Whether ReLU follows it.
    pub relu_after: bool,
    /// Dropout at the end, only in training.
    pub dropout: Option<Dropout>,
}

/// Learned parameters of a batch normalization: an affine map per channel, `[channels]` each.
#[derive(Debug, Clone, Copy)]
pub struct Affine<'a> {
    /// Factor of the normalized values, γ.
    pub scale: &'a [f32],
    /// Added after the scale, β.
    pub shift: &'a [f32],
}

/// Where the backward pass writes its results.
#[derive(Debug)]
pub struct NormalizeGradients<'a> {
    /// Gradient of the values, `[rows, channels]`.
    pub values: &'a mut [f32],
    /// Gradient of the scale, `[channels]`.
    pub scale: &'a mut [f32],
    /// Gradient of the shift, `[channels]`.
    pub shift: &'a mut [f32],
}

/// Mean and variance of each channel of a batch.
#[derive(Debug, Clone, PartialEq)]
pub struct Moments {
    /// Mean, `[channels]`.
    pub mean: Vec<f32>,
    /// Biased variance, `[channels]`: the sum of squared deviations divided by the number of rows.
    pub variance: Vec<f32>,
}

impl Normalize {
    /// Computes the outputs in training, and returns the moments of the batch, which they use.
    ///
    /// # Panics
    /// If lengths do not match each other or the number of channels.
    pub fn forward_train(
        &self,
        set: InstructionSet,
        values: &[f32],
        affine: Affine,
        outputs: &mut [f32],
    ) -> Moments {
        let moments = self.moments(set, values);
        self.write(set, values, affine, &moments, outputs);
        moments
    }

    /// Computes the outputs in evaluation: with the given moments and without dropout.
    ///
    /// # Panics
    /// If lengths do not match each other or the number of channels.
    pub fn forward(
        &self,
        set: InstructionSet,
        values: &[f32],
        affine: Affine,
        moments: &Moments,
        outputs: &mut [f32],
    ) {
        Normalize { dropout: None, ..*self }.write(set, values, affine, moments, outputs);
    }

    /// Computes the gradients of values, scale and shift from the gradient of the outputs of
    /// [`Normalize::forward_train`], which also returned the moments.
    ///
    /// # Panics
    /// If lengths do not match each other or the number of channels.
    pub fn backward(
        &self,
        set: InstructionSet,
        values: &[f32],
        affine: Affine,
        moments: &Moments,
        gradient: &[f32],
        results: NormalizeGradients,
    ) {
        assert_eq!(gradient.len(), values.len());
        assert_eq!(results.values.len(), values.len());
        assert_eq!(results.scale.len(), self.channels);
        assert_eq!(results.shift.len(), self.channels);
        let mut coefficients = self.coefficients(affine, moments);
        let sums = self.gradient_sums(set, values, gradient, &coefficients);
        let rows = (values.len() / self.channels).max(1) as f64;
        let [mut constant, mut slope] = [vec![0.0; self.channels], vec![0.0; self.channels]];
        for channel in 0..self.channels {
            let inverse = self.inverse_deviation(moments, channel);
            let [plain, weighted] = [sums[channel], sums[self.channels + channel]];
            results.shift[channel] = plain as f32;
            results.scale[channel] = (weighted * inverse) as f32;
            let factor = f64::from(affine.scale[channel]) * inverse / rows;
            constant[channel] = (factor * plain) as f32;
            slope[channel] = (factor * weighted * inverse * inverse) as f32;
        }
        coefficients.tiles.extend(self.tiled(&constant).chain(self.tiled(&slope)));
        let block = self.block();
        let blocks = results
            .values
            .par_chunks_mut(block)
            .zip(values.par_chunks(block))
            .zip(gradient.par_chunks(block))
            .with_min_len(SHARE);
        blocks.enumerate().for_each(|(index, ((result, values), gradient))| {
            self.factors(set, index, result);
            let drops = self.dropout.is_some();
            backward_block(set, &coefficients, drops, values, gradient, result);
        });
    }

    /// Computes the moments of the batch.
    fn moments(&self, set: InstructionSet, values: &[f32]) -> Moments {
        assert!(self.channels > 0 && values.len().is_multiple_of(self.channels));
        let (block, tile) = (self.block(), self.tile());
        let parts = self.parts(values.len(), |index, part, scratch| {
            let values = &values[index * block..values.len().min((index + 1) * block)];
            block_moments(set, self.floor_before(), tile, values, part, scratch);
        });
        let rows = |part: usize| {
            (values.len().min((part + 1) * block) - part * block) as f64 / self.channels as f64
        };
        let total = (values.len() / self.channels).max(1) as f64;
        let mut moments = Moments { mean: Vec::new(), variance: Vec::new() };
        let mut mean = vec![0.0; self.channels];
        for (index, part) in parts.chunks_exact(2 * self.channels).enumerate() {
            for (mean, &part) in mean.iter_mut().zip(part) {
                *mean += rows(index) * f64::from(part);
            }
        }
        mean.iter_mut().for_each(|mean| *mean /= total);
        let mut variance = vec![0.0; self.channels];
        for (index, part) in parts.chunks_exact(2 * self.channels).enumerate() {
            let (means, squares) = part.split_at(self.channels);
            for ((variance, mean), (&part, &squares)) in
                variance.iter_mut().zip(&mean).zip(means.iter().zip(squares))
            {
                *variance += f64::from(squares) + rows(index) * (f64::from(part) - mean).powi(2);
            }
        }
        moments.mean.extend(mean.iter().map(|&mean| mean as f32));
        moments.variance.extend(variance.iter().map(|&sum| (sum / total) as f32));
        moments
    }

    /// Returns per channel the sum of the gradient of the normalized values, then per channel this
    /// sum weighted by the values' deviations from their mean.
    fn gradient_sums(
        &self,
        set: InstructionSet,
        values: &[f32],
        gradient: &[f32],
        coefficients: &Coefficients,
    ) -> Vec<f64> {
        let block = self.block();
        let parts = self.parts(values.len(), |index, part, scratch| {
            let range = index * block..values.len().min((index + 1) * block);
            let (values, gradient) = (&values[range.clone()], &gradient[range]);
            let (scratch, factors) = scratch.split_at_mut(2 * self.tile());
            let dropped = if self.dropout.is_some() { values.len() } else { 0 };
            let factors = &mut factors[..dropped];
            self.factors(set, index, factors);
            block_gradient_sums(set, coefficients, values, gradient, factors, part, scratch);
        });
        let mut sums = vec![0.0; 2 * self.channels];
        for part in parts.chunks_exact(2 * self.channels) {
            for (sum, &part) in sums.iter_mut().zip(part) {
                *sum += f64::from(part);
            }
        }
        sums
    }

    /// Returns two values per channel for each block of `length` values, written by `block`. It is
    /// given the index of the block, the place for its results, and scratch space for two tiles and
    /// a block.
    fn parts(
        &self,
        length: usize,
        block: impl Fn(usize, &mut [f32], &mut [f32]) + Sync,
    ) -> Vec<f32> {
        let mut parts = vec![0.0; length.div_ceil(self.block()) * 2 * self.channels];
        parts.par_chunks_mut(2 * self.channels).with_min_len(SHARE).enumerate().for_each_init(
            || vec![0.0; 2 * self.tile() + self.block()],
            |scratch, (index, part)| block(index, part, scratch),
        );
        parts
    }

    fn write(
        &self,
        set: InstructionSet,
        values: &[f32],
        affine: Affine,
        moments: &Moments,
        outputs: &mut [f32],
    ) {
        assert!(self.channels > 0 && values.len().is_multiple_of(self.channels));
        assert_eq!(values.len(), outputs.len());
        let coefficients = self.coefficients(affine, moments);
        let block = self.block();
        let blocks =
            outputs.par_chunks_mut(block).zip(values.par_chunks(block)).with_min_len(SHARE);
        blocks.enumerate().for_each(|(index, (outputs, values))| {
            self.factors(set, index, outputs);
            forward_block(set, &coefficients, self.dropout.is_some(), values, outputs);
        });
    }

    /// Writes the dropout factors of a block, if there is dropout.
    fn factors(&self, set: InstructionSet, block: usize, factors: &mut [f32]) {
        if let Some(dropout) = self.dropout {
            dropout.fill(set, block * self.block(), factors);
        }
    }

    fn coefficients(&self, Affine { scale, shift }: Affine, moments: &Moments) -> Coefficients {
        for numbers in [scale, shift, &moments.mean, &moments.variance] {
            assert_eq!(numbers.len(), self.channels);
        }
        let factor: Vec<f32> = (0..self.channels)
            .map(|channel| {
                (f64::from(scale[channel]) * self.inverse_deviation(moments, channel)) as f32
            })
            .collect();
        let floor_after = if self.relu_after { 0.0 } else { f32::NEG_INFINITY };
        let tiles = self.tiled(&moments.mean).chain(self.tiled(&factor)).chain(self.tiled(shift));
        Coefficients { floors: [self.floor_before(), floor_after], tiles: tiles.collect() }
    }

    fn inverse_deviation(&self, moments: &Moments, channel: usize) -> f64 {
        1.0 / (f64::from(moments.variance[channel]) + f64::from(self.epsilon)).sqrt()
    }

    fn floor_before(&self) -> f32 {
        if self.relu_before { 0.0 } else { f32::NEG_INFINITY }
    }

    /// Values per tile: a whole number of rows.
    fn tile(&self) -> usize {
        TILE.div_ceil(self.channels) * self.channels
    }

    /// Values per block: a whole number of tiles.
    fn block(&self) -> usize {
        (BLOCK / self.tile()).max(1) * self.tile()
    }

    /// Repeats values per channel to fill a tile.
    fn tiled<'a>(&self, numbers: &'a [f32]) -> impl Iterator<Item = f32> + 'a {
        numbers.iter().copied().cycle().take(self.tile())
    }
}

/// The map from values to outputs: max((max(x, floor before) - mean) * factor + shift, floor
/// after).
struct Coefficients {
    floors: [f32; 2],
    /// Tiles of means, factors and shifts, one after another; in the backward pass followed by
    /// constants and slopes. As one slice, they are known not to overlap what is written, so the
    /// compiler can vectorize.
    tiles: Vec<f32>,
}

vectorized! {
    /// Computes the outputs of a block. With dropout, `outputs` holds the factors at first.
    fn forward_block<'a>(coefficients: &'a Coefficients, drops: bool, values: &'a [f32], outputs: &'a mut [f32]) {
        let tile = coefficients.tiles.len() / 3;
        for (values, outputs) in values.chunks(tile).zip(outputs.chunks_mut(tile)) {
            if drops {
                forward_tile::<true>(coefficients.floors, &coefficients.tiles, values, outputs);
            } else {
                forward_tile::<false>(coefficients.floors, &coefficients.tiles, values, outputs);
            }
        }
    }
}

#[inline(always)]
fn forward_tile<const DROPS: bool>(
    floors: [f32; 2],
    tiles: &[f32],
    values: &[f32],
    outputs: &mut [f32],
) {
    let count = values.len();
    let outputs = &mut outputs[..count];
    let [mean, factor, shift] = parts(tiles, count);
    for i in 0..count {
        let distance = at_least(values[i], floors[0]) - mean[i];
        let output = at_least(distance * factor[i] + shift[i], floors[1]);
        outputs[i] = if DROPS { outputs[i] * output } else { output };
    }
}

/// The first `length` values of each of several tiles that lie one after another.
#[inline(always)]
fn parts<const COUNT: usize>(tiles: &[f32], length: usize) -> [&[f32]; COUNT] {
    let tile = tiles.len() / COUNT;
    std::array::from_fn(|part| &tiles[part * tile..][..length])
}

vectorized! {
    /// Computes mean and sum of squared deviations of each channel of a block.
    fn block_moments<'a>(floor: f32, tile: usize, values: &'a [f32], part: &'a mut [f32], scratch: &'a mut [f32]) {
        let channels = part.len() / 2;
        let rows = (values.len() / channels) as f32;
        let (sums, means) = scratch[..2 * tile].split_at_mut(tile);
        sums.fill(0.0);
        for values in values.chunks(tile) {
            add_values(floor, values, sums);
        }
        let (mean, squares) = part.split_at_mut(channels);
        fold(sums, mean);
        mean.iter_mut().for_each(|mean| *mean /= rows);
        for means in means.chunks_exact_mut(channels) {
            means.copy_from_slice(mean);
        }
        sums.fill(0.0);
        for values in values.chunks(tile) {
            add_squares(floor, means, values, sums);
        }
        fold(sums, squares);
    }
}

#[inline(always)]
fn add_values(floor: f32, values: &[f32], sums: &mut [f32]) {
    for (sum, &value) in sums.iter_mut().zip(values) {
        *sum += at_least(value, floor);
    }
}

#[inline(always)]
fn add_squares(floor: f32, means: &[f32], values: &[f32], sums: &mut [f32]) {
    for ((sum, &value), mean) in sums.iter_mut().zip(values).zip(means) {
        let distance = at_least(value, floor) - mean;
        *sum += distance * distance;
    }
}

/// Sums the values of a tile by channel.
#[inline(always)]
fn fold(tile: &[f32], sums: &mut [f32]) {
    sums.fill(0.0);
    for row in tile.chunks_exact(sums.len()) {
        for (sum, number) in sums.iter_mut().zip(row) {
            *sum += number;
        }
    }
}

/// Gradient before a ReLU or other lower bound: zero if the value does not exceed `floor`.
#[inline(always)]
fn gated(value: f32, floor: f32, gradient: f32) -> f32 {
    if value > floor { gradient } else { 0.0 }
}

vectorized! {
    /// Computes both sums over a block. With dropout, `factors` are its factors; otherwise it is
    /// empty.
    fn block_gradient_sums<'a>(
        coefficients: &'a Coefficients,
        values: &'a [f32],
        gradient: &'a [f32],
        factors: &'a [f32],
        part: &'a mut [f32],
        scratch: &'a mut [f32],
    ) {
        let (floors, tiles) = (coefficients.floors, &coefficients.tiles);
        let tile = tiles.len() / 3;
        let (plain, weighted) = scratch[..2 * tile].split_at_mut(tile);
        plain.fill(0.0);
        weighted.fill(0.0);
        let inputs = values.chunks(tile).zip(gradient.chunks(tile));
        if factors.is_empty() {
            for (values, gradient) in inputs {
                add_gradients::<false>(floors, tiles, values, gradient, &[], plain, weighted);
            }
        } else {
            for ((values, gradient), factors) in inputs.zip(factors.chunks(tile)) {
                add_gradients::<true>(floors, tiles, values, gradient, factors, plain, weighted);
            }
        }
        let (plain_part, weighted_part) = part.split_at_mut(part.len() / 2);
        fold(plain, plain_part);
        fold(weighted, weighted_part);
    }
}

#[inline(always)]
fn add_gradients<const DROPS: bool>(
    floors: [f32; 2],
    tiles: &[f32],
    values: &[f32],
    gradient: &[f32],
    factors: &[f32],
    plain: &mut [f32],
    weighted: &mut [f32],
) {
    let count = values.len();
    let (gradient, factors) = (&gradient[..count], &factors[..if DROPS { count } else { 0 }]);
    let (plain, weighted) = (&mut plain[..count], &mut weighted[..count]);
    let [mean, factor, shift] = parts(tiles, count);
    for i in 0..count {
        let distance = at_least(values[i], floors[0]) - mean[i];
        let gradient = if DROPS { gradient[i] * factors[i] } else { gradient[i] };
        let gradient = gated(distance * factor[i] + shift[i], floors[1], gradient);
        plain[i] += gradient;
        weighted[i] += gradient * distance;
    }
}

vectorized! {
    /// Computes the gradient of the values of a block. With dropout, `result` holds the factors at
    /// first.
    fn backward_block<'a>(
        coefficients: &'a Coefficients,
        drops: bool,
        values: &'a [f32],
        gradient: &'a [f32],
        result: &'a mut [f32],
    ) {
        let (floors, tiles) = (coefficients.floors, &coefficients.tiles);
        let tile = tiles.len() / 5;
        for ((values, gradient), result) in values.chunks(tile).zip(gradient.chunks(tile)).zip(result.chunks_mut(tile)) {
            if drops {
                backward_tile::<true>(floors, tiles, values, gradient, result);
            } else {
                backward_tile::<false>(floors, tiles, values, gradient, result);
            }
        }
    }
}

#[inline(always)]
fn backward_tile<const DROPS: bool>(
    floors: [f32; 2],
    tiles: &[f32],
    values: &[f32],
    gradient: &[f32],
    result: &mut [f32],
) {
    let count = values.len();
    let (gradient, result) = (&gradient[..count], &mut result[..count]);
    let [mean, factor, shift, constant, slope] = parts(tiles, count);
    for i in 0..count {
        let distance = at_least(values[i], floors[0]) - mean[i];
        let gradient = if DROPS { gradient[i] * result[i] } else { gradient[i] };
        let gradient = gated(distance * factor[i] + shift[i], floors[1], gradient);
        let gradient = gradient * factor[i] - (constant[i] + distance * slope[i]);
        result[i] = gated(values[i], floors[0], gradient);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A layer with its inputs and the gradient of its outputs.
    #[derive(Debug, Clone)]
    struct Case {
        normalize: Normalize,
        values: Vec<f32>,
        scale: Vec<f32>,
        shift: Vec<f32>,
        /// The function whose gradients are tested is the sum of the outputs weighted by this.
        gradient: Vec<f32>,
    }

    fn cases(rows: std::ops::Range<usize>) -> impl Strategy<Value = Case> {
        (rows, 1..90usize, any::<[bool; 3]>(), any::<u64>()).prop_map(
            |(rows, channels, [relu_before, relu_after, drops], seed)| {
                let dropout = drops.then_some(Dropout { seed, step: 1, site: 1, rate: 0.3 });
                let normalize =
                    Normalize { channels, epsilon: 1e-3, relu_before, relu_after, dropout };
                let mut state = seed;
                let mut random = |count: usize| -> Vec<f32> {
                    let mut next = || {
                        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(99);
                        (state >> 40) as f32 / (1u64 << 23) as f32 - 1.0
                    };
                    (0..count).map(|_| next()).collect()
                };
                Case {
                    normalize,
                    values: random(rows * channels),
                    scale: random(channels),
                    shift: random(channels),
                    gradient: random(rows * channels),
                }
            },
        )
    }

    /// Reference in double precision, channel by channel.
    fn by_the_book(case: &Case, values: &[f64], scale: &[f64], shift: &[f64]) -> Vec<f64> {
        let Normalize { channels, epsilon, relu_before, relu_after, dropout } = case.normalize;
        let factors =
            dropout.map_or(vec![1.0; values.len()], |dropout| dropout.factors(values.len()));
        let relu = |x: f64, on: bool| if on { x.max(0.0) } else { x };
        let mut outputs = vec![0.0; values.len()];
        for channel in 0..channels {
            let places: Vec<usize> = (channel..values.len()).step_by(channels).collect();
            let rows = places.len() as f64;
            let value = |&at: &usize| relu(values[at], relu_before);
            let mean = places.iter().map(value).sum::<f64>() / rows;
            let variance = places.iter().map(|at| (value(at) - mean).powi(2)).sum::<f64>() / rows;
            for at in &places {
                let normalized = (value(at) - mean) / (variance + f64::from(epsilon)).sqrt();
                let output = relu(normalized * scale[channel] + shift[channel], relu_after);
                outputs[*at] = output * f64::from(factors[*at]);
            }
        }
        outputs
    }

    fn double(values: &[f32]) -> Vec<f64> {
        values.iter().map(|&value| f64::from(value)).collect()
    }

    fn assert_close(found: &[f32], expected: &[f64], tolerance: f64) {
        assert_eq!(found.len(), expected.len());
        for (i, (&found, expected)) in found.iter().zip(expected).enumerate() {
            assert!((f64::from(found) - expected).abs() < tolerance, "{i}: {found} {expected}");
        }
    }

    /// Runs the layer: outputs, moments, and the gradients of values, scale and shift.
    fn run(case: &Case, set: InstructionSet) -> (Vec<f32>, Moments, [Vec<f32>; 3]) {
        let Case { normalize, values, scale, shift, gradient } = case;
        let affine = Affine { scale, shift };
        let mut outputs = vec![f32::NAN; values.len()];
        let moments = normalize.forward_train(set, values, affine, &mut outputs);
        let [mut by_value, mut by_scale, mut by_shift] =
            [values, scale, shift].map(|numbers| vec![f32::NAN; numbers.len()]);
        let results = NormalizeGradients {
            values: &mut by_value,
            scale: &mut by_scale,
            shift: &mut by_shift,
        };
        normalize.backward(set, values, affine, &moments, gradient, results);
        (outputs, moments, [by_value, by_scale, by_shift])
    }

    proptest! {
        #[test]
        fn forward_is_the_books(case in cases(2..300)) {
            let [values, scale, shift] = [&case.values, &case.scale, &case.shift].map(|x| double(x));
            let expected = by_the_book(&case, &values, &scale, &shift);
            for set in InstructionSet::available() {
                let (outputs, moments, _) = run(&case, set);
                assert_close(&outputs, &expected, 1e-4);
                // Evaluation with the moments of the batch equals training without dropout.
                let plain = Case { normalize: Normalize { dropout: None, ..case.normalize }, ..case.clone() };
                let mut evaluated = vec![f32::NAN; values.len()];
                let affine = Affine { scale: &case.scale, shift: &case.shift };
                case.normalize.forward(set, &case.values, affine, &moments, &mut evaluated);
                prop_assert_eq!(evaluated, run(&plain, set).0);
            }
        }

        #[test]
        fn gradients_are_the_slopes(case in cases(2..12)) {
            let [values, scale, shift] = [&case.values, &case.scale, &case.shift].map(|x| double(x));
            // A ReLU has no slope at its kink.
            let smooth = Case { normalize: Normalize { relu_after: false, ..case.normalize }, ..case.clone() };
            let around = by_the_book(&smooth, &values, &scale, &shift);
            prop_assume!(values.iter().chain(&around).all(|&x| x == 0.0 || x.abs() > 1e-5));
            let sum = |values: &[f64], scale: &[f64], shift: &[f64]| -> f64 {
                let outputs = by_the_book(&case, values, scale, shift);
                outputs.iter().zip(&case.gradient).map(|(a, &b)| a * f64::from(b)).sum()
            };
            let slopes = |numbers: &[f64], sum: &dyn Fn(&[f64]) -> f64| -> Vec<f64> {
                let slope = |at: usize| {
                    let moved = |by: f64| {
                        let mut numbers = numbers.to_vec();
                        numbers[at] += by;
                        sum(&numbers)
                    };
                    (moved(1e-6) - moved(-1e-6)) / 2e-6
                };
                (0..numbers.len().min(30)).map(slope).collect()
            };
            let expected = [
                slopes(&values, &|values| sum(values, &scale, &shift)),
                slopes(&scale, &|scale| sum(&values, scale, &shift)),
                slopes(&shift, &|shift| sum(&values, &scale, shift)),
            ];
            for set in InstructionSet::available() {
                for (found, expected) in run(&case, set).2.iter().zip(&expected) {
                    assert_close(&found[..expected.len()], expected, 2e-3);
                }
            }
        }

        #[test]
        fn threads_and_instruction_sets_change_no_bit(case in cases(2000..3000)) {
            let on = |threads: usize, set| {
                let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("threads");
                pool.install(|| run(&case, set))
            };
            let expected = on(1, InstructionSet::Portable);
            for set in InstructionSet::available() {
                for threads in [1, 2, 3] {
                    prop_assert!(on(threads, set) == expected, "{} {threads}", set.name());
                }
            }
        }
    }

    #[test]
    fn moments_far_from_zero_are_exact() {
        let channels = 10;
        let values: Vec<f32> = (0..20_000 * channels)
            .map(|i| 100.0 + ((i * 7919 % 2003) as f32 / 1001.0 - 1.0) * 1.7)
            .collect();
        let normalize = Normalize {
            channels,
            epsilon: 0.0,
            relu_before: false,
            relu_after: false,
            dropout: None,
        };
        for set in InstructionSet::available() {
            let moments = normalize.moments(set, &values);
            for channel in 0..channels {
                let of_channel =
                    || values[channel..].iter().step_by(channels).map(|&x| f64::from(x));
                let mean = of_channel().sum::<f64>() / 20_000.0;
                let variance = of_channel().map(|x| (x - mean).powi(2)).sum::<f64>() / 20_000.0;
                assert!((f64::from(moments.mean[channel]) / mean - 1.0).abs() < 1e-6);
                assert!((f64::from(moments.variance[channel]) / variance - 1.0).abs() < 1e-6);
            }
        }
    }
}
