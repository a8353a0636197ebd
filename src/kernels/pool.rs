//! Max and average pooling over squares that do not overlap, each in a single pass. The backward
//! pass of max pooling finds the greatest pixels again in the images, so the forward pass stores no
//! indices.

use rayon::prelude::*;

use super::InstructionSet;
use super::instructions::vectorized;

/// Approximate number of input values per share of a thread.
const SHARE: usize = 1 << 14;

/// Pooling of images `[batch, height, width, channels]` to
/// `[batch, height / size, width / size, channels]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pool {
    /// Height, width and channels. Height and width are multiples of the size.
    pub input: [usize; 3],
    /// Side of a square, which is also the stride.
    pub size: usize,
}

impl Pool {
    /// Height, width and channels after pooling.
    pub fn output(&self) -> [usize; 3] {
        let [height, width, channels] = self.input;
        [height / self.size, width / self.size, channels]
    }

    /// Computes the maximum of each square; NaN if the square has one.
    ///
    /// # Panics
    /// If lengths do not match the shapes.
    pub fn max(&self, set: InstructionSet, images: &[f32], outputs: &mut [f32]) {
        self.check(images, outputs);
        let [images_share, outputs_share] = self.shares();
        let shares = outputs.par_chunks_mut(outputs_share).zip(images.par_chunks(images_share));
        shares.for_each(|(outputs, images)| match self.size {
            2 => max_of_four(set, *self, images, outputs),
            _ => max(set, *self, images, outputs),
        });
    }

    /// Backward pass of [`Pool::max`]: the gradient of an output goes to the first of the greatest
    /// values of its square, in row-major order. All others get 0. If the square has NaNs, the last
    /// of them counts as the greatest.
    ///
    /// # Panics
    /// If lengths do not match the shapes.
    pub fn max_backward(
        &self,
        set: InstructionSet,
        images: &[f32],
        gradient: &[f32],
        images_gradient: &mut [f32],
    ) {
        self.check(images, gradient);
        assert_eq!(images.len(), images_gradient.len());
        let [images_share, outputs_share] = self.shares();
        let shares = images_gradient
            .par_chunks_mut(images_share)
            .zip(images.par_chunks(images_share))
            .zip(gradient.par_chunks(outputs_share));
        shares.for_each(|((result, images), gradient)| match self.size {
            2 => max_of_four_backward(set, *self, images, gradient, result),
            _ => max_backward(set, *self, images, gradient, result),
        });
    }

    /// Computes the mean of each square.
    ///
    /// # Panics
    /// If lengths do not match the shapes.
    pub fn average(&self, set: InstructionSet, images: &[f32], outputs: &mut [f32]) {
        self.check(images, outputs);
        let [images_share, outputs_share] = self.shares();
        let shares = outputs.par_chunks_mut(outputs_share).zip(images.par_chunks(images_share));
        shares.for_each(|(outputs, images)| average(set, *self, images, outputs));
    }

    /// Backward pass of [`Pool::average`]: each value gets an equal part of the gradient of its
    /// output.
    ///
    /// # Panics
    /// If lengths do not match the shapes.
    pub fn average_backward(
        &self,
        set: InstructionSet,
        gradient: &[f32],
        images_gradient: &mut [f32],
    ) {
        self.check(images_gradient, gradient);
        let [images_share, outputs_share] = self.shares();
        let shares =
            images_gradient.par_chunks_mut(images_share).zip(gradient.par_chunks(outputs_share));
        shares.for_each(|(result, gradient)| average_backward(set, *self, gradient, result));
    }

    fn check(&self, images: &[f32], outputs: &[f32]) {
        let [height, width, channels] = self.input;
        assert!(height.is_multiple_of(self.size) && width.is_multiple_of(self.size));
        let size = height * width * channels;
        assert!(size > 0 && images.len().is_multiple_of(size));
        assert_eq!(images.len(), outputs.len() * self.size * self.size);
    }

    /// Values per share before and after pooling: whole rows of squares.
    fn shares(&self) -> [usize; 2] {
        let (images, outputs) = (self.images_row(), self.outputs_row());
        let rows = (SHARE / images).max(1);
        [rows * images, rows * outputs]
    }

    /// Values in a row of squares.
    #[inline(always)]
    fn images_row(&self) -> usize {
        self.size * self.input[1] * self.input[2]
    }

    /// Outputs of a row of squares.
    #[inline(always)]
    fn outputs_row(&self) -> usize {
        self.input[1] / self.size * self.input[2]
    }

    /// Offsets of the pixels of a square in its row of squares, given the offset of its output.
    #[inline(always)]
    fn pixels(self, output: usize) -> impl Iterator<Item = usize> {
        let [_, width, channels] = self.input;
        let (size, start) = (self.size, output * self.size);
        (0..size).flat_map(move |row| {
            (0..size).map(move |column| start + (row * width + column) * channels)
        })
    }
}

/// Whether a value replaces the greatest so far.
#[inline(always)]
fn beats(value: f32, greatest: f32) -> bool {
    value > greatest || value.is_nan()
}

/// Returns the value or 0. Written as a branch, this would compile to masked stores, which are slow
/// on many CPUs.
#[inline(always)]
fn select_or_zero(condition: bool, value: f32) -> f32 {
    f32::from_bits(value.to_bits() & u32::from(condition).wrapping_neg())
}

vectorized! {
    fn max<'a>(pool: Pool, images: &'a [f32], outputs: &'a mut [f32]) {
        let channels = pool.input[2];
        let rows = images.chunks_exact(pool.images_row()).zip(outputs.chunks_exact_mut(pool.outputs_row()));
        for (images, outputs) in rows {
            for (square, outputs) in outputs.chunks_exact_mut(channels).enumerate() {
                outputs.fill(f32::NEG_INFINITY);
                for pixel in pool.pixels(square * channels) {
                    for (output, &value) in outputs.iter_mut().zip(&images[pixel..][..channels]) {
                        *output = if beats(value, *output) { value } else { *output };
                    }
                }
            }
        }
    }
}

vectorized! {
    fn max_backward<'a>(pool: Pool, images: &'a [f32], gradient: &'a [f32], images_gradient: &'a mut [f32]) {
        let channels = pool.input[2];
        // The greatest value so far in each channel of a square, and its index.
        let (mut greatest, mut winner) = (vec![0.0; channels], vec![0u32; channels]);
        let row = pool.images_row();
        let rows = images.chunks_exact(row).zip(images_gradient.chunks_exact_mut(row));
        for ((images, result), gradient) in rows.zip(gradient.chunks_exact(pool.outputs_row())) {
            for (square, gradient) in gradient.chunks_exact(channels).enumerate() {
                greatest.fill(f32::NEG_INFINITY);
                winner.fill(0);
                for (place, pixel) in pool.pixels(square * channels).enumerate() {
                    let values = &images[pixel..][..channels];
                    for ((greatest, winner), &value) in greatest.iter_mut().zip(&mut winner).zip(values) {
                        let wins = beats(value, *greatest);
                        *greatest = if wins { value } else { *greatest };
                        *winner = if wins { place as u32 } else { *winner };
                    }
                }
                for (place, pixel) in pool.pixels(square * channels).enumerate() {
                    let result = &mut result[pixel..][..channels];
                    for ((result, winner), &gradient) in result.iter_mut().zip(&winner).zip(gradient) {
                        *result = select_or_zero(*winner == place as u32, gradient);
                    }
                }
            }
        }
    }
}

vectorized! {
    fn max_of_four<'a>(pool: Pool, images: &'a [f32], outputs: &'a mut [f32]) {
        let channels = pool.input[2];
        let rows = images.chunks_exact(pool.images_row()).zip(outputs.chunks_exact_mut(pool.outputs_row()));
        for (images, outputs) in rows {
            let (above, below) = images.split_at(images.len() / 2);
            let squares = above.chunks_exact(2 * channels).zip(below.chunks_exact(2 * channels));
            for ((above, below), outputs) in squares.zip(outputs.chunks_exact_mut(channels)) {
                let ((a, b), (c, d)) = (above.split_at(channels), below.split_at(channels));
                for ((output, (a, b)), (c, d)) in outputs.iter_mut().zip(a.iter().zip(b)).zip(c.iter().zip(d)) {
                    *output = argmax_of_four([*a, *b, *c, *d]).0;
                }
            }
        }
    }
}

vectorized! {
    fn max_of_four_backward<'a>(
        pool: Pool,
        images: &'a [f32],
        gradient: &'a [f32],
        images_gradient: &'a mut [f32],
    ) {
        let channels = pool.input[2];
        let row = pool.images_row();
        let rows = images.chunks_exact(row).zip(images_gradient.chunks_exact_mut(row));
        for ((images, result), gradient) in rows.zip(gradient.chunks_exact(pool.outputs_row())) {
            let (above, below) = images.split_at(row / 2);
            let (result_above, result_below) = result.split_at_mut(row / 2);
            let squares = above.chunks_exact(2 * channels).zip(below.chunks_exact(2 * channels));
            let results = result_above
                .chunks_exact_mut(2 * channels)
                .zip(result_below.chunks_exact_mut(2 * channels));
            for (((above, below), results), gradient) in squares.zip(results).zip(gradient.chunks_exact(channels)) {
                let (left, right) = results.0.split_at_mut(channels);
                let (left_below, right_below) = results.1.split_at_mut(channels);
                square_backward(above, below, gradient, left, right, left_below, right_below);
            }
        }
    }
}

/// Backward pass for a square of four pixels.
#[inline(always)]
fn square_backward(
    above: &[f32],
    below: &[f32],
    gradient: &[f32],
    first: &mut [f32],
    second: &mut [f32],
    third: &mut [f32],
    fourth: &mut [f32],
) {
    let channels = gradient.len();
    let ((a, b), (c, d)) = (above.split_at(channels), below.split_at(channels));
    let (b, c, d) = (&b[..channels], &c[..channels], &d[..channels]);
    let (first, second) = (&mut first[..channels], &mut second[..channels]);
    let (third, fourth) = (&mut third[..channels], &mut fourth[..channels]);
    for i in 0..channels {
        let (_, winner) = argmax_of_four([a[i], b[i], c[i], d[i]]);
        let part = |place| select_or_zero(winner == place, gradient[i]);
        first[i] = part(0);
        second[i] = part(1);
        third[i] = part(2);
        fourth[i] = part(3);
    }
}

/// Returns the greatest value and its index.
#[inline(always)]
fn argmax_of_four(values: [f32; 4]) -> (f32, u32) {
    let (mut greatest, mut winner) = (values[0], 0);
    for (place, &value) in values.iter().enumerate().skip(1) {
        let wins = beats(value, greatest);
        greatest = if wins { value } else { greatest };
        winner = if wins { place as u32 } else { winner };
    }
    (greatest, winner)
}

vectorized! {
    fn average<'a>(pool: Pool, images: &'a [f32], outputs: &'a mut [f32]) {
        let channels = pool.input[2];
        let part = 1.0 / (pool.size * pool.size) as f32;
        let rows = images.chunks_exact(pool.images_row()).zip(outputs.chunks_exact_mut(pool.outputs_row()));
        for (images, outputs) in rows {
            for (square, outputs) in outputs.chunks_exact_mut(channels).enumerate() {
                outputs.fill(0.0);
                for pixel in pool.pixels(square * channels) {
                    for (output, value) in outputs.iter_mut().zip(&images[pixel..][..channels]) {
                        *output += value;
                    }
                }
                outputs.iter_mut().for_each(|output| *output *= part);
            }
        }
    }
}

vectorized! {
    fn average_backward<'a>(pool: Pool, gradient: &'a [f32], images_gradient: &'a mut [f32]) {
        let channels = pool.input[2];
        let part = 1.0 / (pool.size * pool.size) as f32;
        let rows = images_gradient.chunks_exact_mut(pool.images_row());
        for (result, gradient) in rows.zip(gradient.chunks_exact(pool.outputs_row())) {
            for (square, gradient) in gradient.chunks_exact(channels).enumerate() {
                for pixel in pool.pixels(square * channels) {
                    for (result, gradient) in result[pixel..][..channels].iter_mut().zip(gradient) {
                        *result = gradient * part;
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Offsets of the values in the square of output `at`, in row-major order.
    fn square(pool: &Pool, at: usize) -> Vec<usize> {
        let [height, width, channels] = pool.output();
        let (channel, column) = (at % channels, at / channels % width);
        let (row, image) = (at / channels / width % height, at / channels / width / height);
        let mut places = Vec::new();
        for y in row * pool.size..(row + 1) * pool.size {
            for x in column * pool.size..(column + 1) * pool.size {
                places.push(((image * pool.input[0] + y) * pool.input[1] + x) * channels + channel);
            }
        }
        places
    }

    /// A pool, images with few distinct values, so that many are equal, and a gradient of the
    /// outputs.
    fn cases() -> impl Strategy<Value = (Pool, Vec<f32>, Vec<f32>)> {
        (0..3usize, 1..5usize, 1..5usize, 1..20usize, 1..4usize).prop_flat_map(
            |(batch, height, width, channels, size)| {
                let pool = Pool { input: [height * size, width * size, channels], size };
                let outputs = batch * height * width * channels;
                let images =
                    prop::collection::vec((0..6u8).prop_map(f32::from), outputs * size * size);
                (Just(pool), images, prop::collection::vec(-1.0f32..1.0, outputs))
            },
        )
    }

    proptest! {
        #[test]
        fn pools_are_those_of_their_squares((pool, images, gradient) in cases()) {
            let count = (pool.size * pool.size) as f64;
            let (mut greatest, mut mean) = (vec![0.0; gradient.len()], vec![0.0f64; gradient.len()]);
            let (mut to_first, mut to_all) = (vec![0.0; images.len()], vec![0.0f64; images.len()]);
            for (at, &gradient) in gradient.iter().enumerate() {
                let places = square(&pool, at);
                greatest[at] = places.iter().map(|&place| images[place]).fold(f32::MIN, f32::max);
                mean[at] = places.iter().map(|&place| f64::from(images[place])).sum::<f64>() / count;
                places.iter().for_each(|&place| to_all[place] = f64::from(gradient) / count);
                if let Some(&first) = places.iter().find(|&&place| images[place] == greatest[at]) {
                    to_first[first] = gradient;
                }
            }
            let close = |a: &[f32], b: &[f64]| a.iter().zip(b).all(|(a, b)| (f64::from(*a) - b).abs() < 1e-6);
            for set in InstructionSet::available() {
                let mut outputs = vec![f32::NAN; gradient.len()];
                let mut result = vec![f32::NAN; images.len()];
                pool.max(set, &images, &mut outputs);
                prop_assert_eq!(&outputs, &greatest);
                pool.max_backward(set, &images, &gradient, &mut result);
                prop_assert_eq!(&result, &to_first);
                pool.average(set, &images, &mut outputs);
                prop_assert!(close(&outputs, &mean));
                pool.average_backward(set, &gradient, &mut result);
                prop_assert!(close(&result, &to_all));
            }
        }
    }

    #[test]
    fn not_a_number_is_not_hidden() {
        for (size, place) in [(2, 0), (2, 1), (2, 3), (3, 0), (3, 4)] {
            let pool = Pool { input: [size, size, 1], size };
            let mut images = vec![1.0; size * size];
            images[place] = f32::NAN;
            for set in InstructionSet::available() {
                let (mut outputs, mut result) = ([0.0], vec![0.0; images.len()]);
                pool.max(set, &images, &mut outputs);
                assert!(outputs[0].is_nan(), "{size} {place} {}", set.name());
                pool.max_backward(set, &images, &[1.0], &mut result);
                assert_eq!(result[place], 1.0, "{result:?}");
            }
        }
    }
}
