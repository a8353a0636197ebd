//! Reference convolution: one sum per result, in double precision. The fast kernels are tested
//! against it.

use super::{Convolution, product};

impl Convolution {
    /// Reference for [`Convolution::forward`].
    pub(super) fn forward_by_the_book(
        &self,
        images: &[f32],
        weights: &[f32],
        bias: Option<&[f32]>,
        relu: bool,
        outputs: &mut [f32],
    ) {
        let mut sums = vec![0.0; outputs.len()];
        self.for_each_product(|image, weight, output| {
            sums[output] += f64::from(images[image]) * f64::from(weights[weight]);
        });
        for (index, (output, sum)) in outputs.iter_mut().zip(sums).enumerate() {
            let value = sum + bias.map_or(0.0, |bias| f64::from(bias[index % self.filters]));
            *output = if relu { value.max(0.0) } else { value } as f32;
        }
    }

    /// Reference for [`Convolution::backward_images`].
    pub(super) fn backward_images_by_the_book(
        &self,
        gradient: &[f32],
        weights: &[f32],
        images_gradient: &mut [f32],
    ) {
        let mut sums = vec![0.0; images_gradient.len()];
        self.for_each_product(|image, weight, output| {
            sums[image] += f64::from(gradient[output]) * f64::from(weights[weight]);
        });
        round(&sums, images_gradient);
    }

    /// Reference for [`Convolution::backward_weights`].
    pub(super) fn backward_weights_by_the_book(
        &self,
        images: &[f32],
        gradient: &[f32],
        weights_gradient: &mut [f32],
        bias_gradient: Option<&mut [f32]>,
    ) {
        let mut sums = vec![0.0; weights_gradient.len()];
        self.for_each_product(|image, weight, output| {
            sums[weight] += f64::from(images[image]) * f64::from(gradient[output]);
        });
        round(&sums, weights_gradient);
        if let Some(bias_gradient) = bias_gradient {
            let mut sums = vec![0.0; self.filters];
            for (index, &gradient) in gradient.iter().enumerate() {
                sums[index % self.filters] += f64::from(gradient);
            }
            round(&sums, bias_gradient);
        }
    }

    /// Visits every product of the convolution with the indices of its image value, its weight and
    /// the output that it is part of.
    fn for_each_product(&self, mut visit: impl FnMut(usize, usize, usize)) {
        let ([height, width, channels], [rows, columns, filters]) = (self.input, self.output());
        let [kernel_height, kernel_width] = self.kernel;
        for (image, row, column) in product(self.batch, rows, columns) {
            for (filter, tap_row, tap_column) in product(filters, kernel_height, kernel_width) {
                let Some(y) = self.inside(0, row, tap_row) else { continue };
                let Some(x) = self.inside(1, column, tap_column) else {
                    continue;
                };
                for channel in 0..channels {
                    let weight = (filter * channels + channel) * kernel_height + tap_row;
                    visit(
                        ((image * height + y) * width + x) * channels + channel,
                        weight * kernel_width + tap_column,
                        ((image * rows + row) * columns + column) * filters + filter,
                    );
                }
            }
        }
    }
}

fn round(sums: &[f64], numbers: &mut [f32]) {
    for (number, &sum) in numbers.iter_mut().zip(sums) {
        *number = sum as f32;
    }
}
