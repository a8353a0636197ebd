//! Im2col for images of few channels: the values under each filter position, laid out contiguously.
//!
//! With few channels, a sum over one tap is too short to be fast. Laid out as patches, all values
//! under a filter become the channels of a 1x1 convolution, whose weights are the same values in
//! the same order.

use std::ops::Range;

use rayon::prelude::*;

use super::{Convolution, product};
use crate::kernels::multiply::Scratch;

/// Greatest number of channels for which patches are laid out.
const FEW: usize = 4;

impl Convolution {
    /// The equivalent 1x1 convolution of [patches](Self::patches), if images have few channels.
    pub(super) fn as_pointwise(&self) -> Option<Convolution> {
        let [rows, columns, _] = self.output();
        let length = self.taps() * self.input[2];
        let few = self.input[2] <= FEW && self.kernel != [1, 1];
        (few && self.batch * rows * columns * length > 0).then_some(Convolution {
            input: [rows, columns, length],
            kernel: [1, 1],
            stride: 1,
            padding: [(0, 0); 2],
            ..*self
        })
    }

    /// The images of [`as_pointwise`](Self::as_pointwise).
    pub(super) fn patches(&self, images: &[f32]) -> Scratch {
        let [rows, columns, _] = self.output();
        let length = rows * columns * self.taps() * self.input[2];
        let mut patches = Scratch::new(self.batch * length);
        let image = self.input.iter().product();
        patches
            .par_chunks_mut(length)
            .zip(images.par_chunks(image))
            .for_each(|(patches, image)| self.lay_out(image, patches));
        patches
    }

    /// Lays out one image as `[output rows][output columns][channels][taps]`.
    fn lay_out(&self, image: &[f32], patches: &mut [f32]) {
        let [_, width, channels] = self.input;
        let columns = self.output()[1];
        let length = self.taps() * channels;
        let inside: Vec<_> = (0..self.kernel[1]).map(|tap| self.columns_inside(tap)).collect();
        if self.padding != [(0, 0); 2] {
            patches.fill(0.0);
        }
        for (row, patches) in patches.chunks_exact_mut(columns * length).enumerate() {
            let taps = product(channels, self.kernel[0], self.kernel[1]).enumerate();
            for (place, (channel, tap_row, tap_column)) in taps {
                let Some((columns, x)) = inside[tap_column].clone() else { continue };
                let Some(y) = self.inside(0, row, tap_row) else { continue };
                let pixels = &image[(y * width + x) * channels + channel..];
                let pixels = pixels.iter().step_by(self.stride * channels);
                let patches =
                    patches[columns.start * length..columns.end * length].chunks_exact_mut(length);
                for (patch, pixel) in patches.zip(pixels) {
                    patch[place] = *pixel;
                }
            }
        }
    }

    /// Output columns for which a tap is inside the image, and the image column that it reads for
    /// the first of them.
    fn columns_inside(&self, tap: usize) -> Option<(Range<usize>, usize)> {
        let inside = |&column: &usize| self.inside(1, column, tap).is_some();
        let mut columns = (0..self.output()[1]).filter(inside);
        let first = columns.next()?;
        let last = columns.next_back().unwrap_or(first);
        Some((first..last + 1, self.inside(1, first, tap)?))
    }
}
