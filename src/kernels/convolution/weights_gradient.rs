//! Gradient of the weights by the direct method: for each tap, the sum over pixels of the outer
//! product of image channels and filters.
//!
//! Threads share out the sums, never the pixels, so that each sum is added up in one order. A
//! thread visits the pixels in chunks. It first copies the values of a chunk to a layout that
//! spreads over all sets of the first-level caches.

use std::ops::Range;

use rayon::prelude::*;

use super::{Convolution, product};
use crate::kernels::{
    InstructionSet,
    multiply::{Outer, Pair, Pairs, Scratch, Tile},
};

/// Approximate number of output pixels in a chunk.
const PIXELS: usize = 128;

/// Values per cache line.
const LINE: usize = 16;

/// Up to this number of channels, images are copied as they are and the taps of one row of a filter
/// are fused. The channels of the fused taps are those of neighbouring pixels, which are
/// contiguous. They are enough to fill the blocks of sums and to give each thread the same number
/// of channels.
const FEW: usize = 32;

/// Some rows of outputs, for as many images as make a chunk.
struct Chunk {
    /// Rows of outputs, and the image rows under them.
    rows: Range<usize>,
    image_rows: Range<usize>,
    /// `[steps]`, a step being one tap or a row of fused taps: the pairs of pixels to multiply,
    /// image by image, and the number of pairs per image. `left` is an index into the chunk's image
    /// pixels, `right` into its gradient pixels, both as laid out by [`WeightsGradient::fill`].
    pairs: Vec<(Pairs, usize)>,
}

/// One thread's share: the sums of some channels with some panels of filters. The channels of fused
/// taps are those of the first tap, then those of the second, and so on.
struct Share<'a> {
    channels: Range<usize>,
    panels: Range<usize>,
    /// `[panels][steps][channels][panel width]`
    sums: Scratch,
    /// One value per filter of these panels. Only the share with the first channels has it.
    bias: Option<&'a mut [f32]>,
}

/// A gradient to compute, with the inputs that all shares read.
pub(super) struct WeightsGradient<'a> {
    pub convolution: &'a Convolution,
    pub set: InstructionSet,
    pub images: &'a [f32],
    pub gradient: &'a [f32],
}

impl WeightsGradient<'_> {
    pub(super) fn run(&self, weights_gradient: &mut [f32], bias_gradient: Option<&mut [f32]>) {
        if self.images.is_empty() || self.gradient.is_empty() {
            weights_gradient.fill(0.0);
            return bias_gradient.into_iter().for_each(|gradient| gradient.fill(0.0));
        }
        let (images, chunks) = self.chunks();
        let mut shares = self.shares(bias_gradient);
        shares.par_iter_mut().for_each(|share| self.fill(share, images, &chunks));
        let length = self.convolution.taps() * self.convolution.input[2];
        let panels = weights_gradient.par_chunks_mut(self.width() * length).enumerate();
        panels.for_each(|(panel, gradient)| {
            for share in shares.iter().filter(|share| share.panels.contains(&panel)) {
                self.unpack(share, panel, gradient);
            }
        });
    }

    /// Filters per panel.
    fn width(&self) -> usize {
        Tile::of(self.set).width_for(self.convolution.filters)
    }

    /// Whether the taps of a filter row are fused.
    fn fuses_taps(&self) -> bool {
        self.convolution.input[2] <= FEW
    }

    /// Number of taps in a step.
    fn taps_per_step(&self) -> usize {
        if self.fuses_taps() { self.convolution.kernel[1] } else { 1 }
    }

    /// Pixels in a row of an image as laid out: with the padding if taps are fused.
    fn columns(&self) -> usize {
        let Convolution { input: [_, width, _], padding: [_, (before, after)], .. } =
            *self.convolution;
        if self.fuses_taps() { before + width + after } else { width }
    }

    /// Divides the sums equally among all threads: by panels if their number is a multiple of the
    /// threads or large, otherwise by channels.
    fn shares<'b>(&self, mut bias_gradient: Option<&'b mut [f32]>) -> Vec<Share<'b>> {
        let Convolution { input: [.., channels], filters, kernel, .. } = *self.convolution;
        let channels = channels * self.taps_per_step();
        let steps = kernel[0] * kernel[1] / self.taps_per_step();
        let (panels, threads) = (filters.div_ceil(self.width()), rayon::current_num_threads());
        let (panel_parts, channel_parts) = if panels % threads == 0 || panels >= 4 * threads {
            (threads, 1)
        } else {
            (1, threads.min(channels))
        };
        let mut shares = Vec::with_capacity(panel_parts * channel_parts);
        for (_, panel_part, channel_part) in product(1, panel_parts, channel_parts) {
            let panels = part(panels, panel_parts, panel_part);
            let channels = part(channels, channel_parts, channel_part);
            let bias = bias_gradient.take_if(|_| channel_part == 0).map(|bias| {
                let (bias, rest) = bias.split_at_mut(bias.len().min(panels.len() * self.width()));
                bias_gradient = Some(rest);
                bias
            });
            let length = panels.len() * steps * channels.len() * self.width();
            shares.push(Share { channels, panels, sums: Scratch::new(length), bias });
        }
        shares
    }

    /// Number of images in a chunk, and the chunks of that many images.
    fn chunks(&self) -> (usize, Vec<Chunk>) {
        let [rows, columns, _] = self.convolution.output();
        let images = (PIXELS / (rows * columns).max(1)).clamp(1, self.convolution.batch.max(1));
        let parts = (rows * columns).div_ceil(PIXELS).clamp(1, rows.max(1));
        (images, (0..parts).map(|index| self.chunk(images, part(rows, parts, index))).collect())
    }

    fn chunk(&self, images: usize, rows: Range<usize>) -> Chunk {
        let Convolution { input: [height, ..], kernel, stride, padding, .. } = *self.convolution;
        let first = (rows.start * stride).saturating_sub(padding[0].0).min(height);
        let last = ((rows.end.max(1) - 1) * stride + kernel[0]).saturating_sub(padding[0].0);
        let image_rows = first..last.clamp(first, height);
        let columns = self.convolution.output()[1];
        let steps = kernel[1] / self.taps_per_step();
        let pairs = product(1, kernel[0], steps).map(|(_, tap_row, tap_column)| {
            let pair = |(image, row, column): (usize, usize, usize)| {
                let y = self.convolution.inside(0, rows.start + row, tap_row)?;
                let x = if self.fuses_taps() {
                    column * stride
                } else {
                    self.convolution.inside(1, column, tap_column)?
                };
                Some(Pair {
                    left: ((image * image_rows.len() + y - first) * self.columns() + x) as u32,
                    right: ((image * rows.len() + row) * columns + column) as u32,
                })
            };
            let pairs: Pairs = product(images, rows.len(), columns).filter_map(pair).collect();
            let count = product(1, rows.len(), columns).filter_map(pair).count();
            (pairs, count)
        });
        Chunk { pairs: pairs.collect(), rows: rows.clone(), image_rows: image_rows.clone() }
    }

    fn fill(&self, share: &mut Share, size: usize, chunks: &[Chunk]) {
        share.sums.fill(0.0);
        if let Some(bias) = &mut share.bias {
            bias.fill(0.0);
        }
        let columns = self.convolution.output()[1];
        let (stride, first_channel) = self.layout(share);
        let most =
            |pixels: fn(&Chunk) -> usize| chunks.iter().map(pixels).max().unwrap_or(0) * size;
        let pixels = most(|chunk| chunk.image_rows.len()) * self.columns();
        let mut left = Scratch::new(pixels * stride + first_channel);
        // With fused taps, the padding is part of the layout and is never written again.
        left.fill(0.0);
        let mut right = Scratch::new(
            most(|chunk| chunk.rows.len()) * columns * self.width() * share.panels.len(),
        );
        for first in (0..self.convolution.batch).step_by(size) {
            let images = first..self.convolution.batch.min(first + size);
            for chunk in chunks {
                self.copy_images(share, chunk, images.clone(), stride, &mut left);
                let panel = size * chunk.rows.len() * columns * self.width();
                self.copy_gradient(share, chunk, images.clone(), panel, &mut right);
                let length = share.channels.len() * self.width();
                let sums = share.sums.chunks_exact_mut(length * chunk.pairs.len());
                for (right, sums) in right.chunks_exact(panel).zip(sums) {
                    for ((pairs, count), sums) in
                        chunk.pairs.iter().zip(sums.chunks_exact_mut(length))
                    {
                        let (count, channels) = (count * images.len(), share.channels.len());
                        let left = &left[first_channel..];
                        let width = self.width();
                        Outer { pairs, count, left, stride, channels, right, width, sums }
                            .run(self.set);
                    }
                }
            }
        }
    }

    /// Distance between pixels in a share's layout of the images, and offset of its channels in
    /// each pixel.
    fn layout(&self, share: &Share) -> (usize, usize) {
        if self.fuses_taps() {
            // Unchanged: the channels of fused taps are contiguous.
            (self.convolution.input[2], share.channels.start)
        } else {
            // An odd number of cache lines: neighbouring pixels then lie in different sets of the
            // cache.
            ((share.channels.len().div_ceil(LINE) | 1) * LINE, 0)
        }
    }

    /// Copies the images of a chunk to `[pixels][stride]`.
    fn copy_images(
        &self,
        share: &Share,
        chunk: &Chunk,
        images: Range<usize>,
        stride: usize,
        left: &mut [f32],
    ) {
        let Convolution { input: [height, width, channels], padding, .. } = *self.convolution;
        if self.fuses_taps() {
            let rows = images.flat_map(|image| {
                self.images[image * height * width * channels..]
                    .chunks_exact(width * channels)
                    .take(chunk.image_rows.end)
                    .skip(chunk.image_rows.start)
            });
            for (row, to) in rows.zip(left.chunks_exact_mut(self.columns() * stride)) {
                to[padding[1].0 * channels..][..row.len()].copy_from_slice(row);
            }
            return;
        }
        let mut to = left.chunks_exact_mut(stride);
        for image in images {
            let rows =
                image * height + chunk.image_rows.start..image * height + chunk.image_rows.end;
            let pixels = &self.images[rows.start * width * channels..rows.end * width * channels];
            for (pixel, to) in pixels.chunks_exact(channels).zip(&mut to) {
                to[..share.channels.len()].copy_from_slice(&pixel[share.channels.clone()]);
            }
        }
    }

    /// Copies the gradient of a chunk to `[panels][pixels][panel width]`, each panel `length`
    /// values long, and adds its sums to the gradient of the bias.
    fn copy_gradient(
        &self,
        share: &mut Share,
        chunk: &Chunk,
        images: Range<usize>,
        length: usize,
        right: &mut [f32],
    ) {
        let [rows, columns, filters] = self.convolution.output();
        let pixels = chunk.rows.len() * columns;
        for (index, (panel, right)) in
            share.panels.clone().zip(right.chunks_exact_mut(length)).enumerate()
        {
            let panel = panel * self.width()..filters.min((panel + 1) * self.width());
            let right = &mut right[..images.len() * pixels * self.width()];
            for (image, right) in images.clone().zip(right.chunks_exact_mut(pixels * self.width()))
            {
                let first = (image * rows + chunk.rows.start) * columns * filters;
                let gradient = &self.gradient[first..][..pixels * filters];
                if filters == self.width() {
                    right.copy_from_slice(gradient);
                    continue;
                }
                let gradient = gradient.chunks_exact(filters);
                for (pixel, to) in gradient.zip(right.chunks_exact_mut(self.width())) {
                    let (numbers, zeros) = to.split_at_mut(panel.len());
                    copy(&pixel[panel.clone()], numbers);
                    zeros.fill(0.0);
                }
            }
            if let Some(bias) = &mut share.bias {
                add_rows(right, self.width(), &mut bias[index * self.width()..][..panel.len()]);
            }
        }
    }

    /// Copies the sums of a share's channels to the weights gradient of the filters in a panel.
    fn unpack(&self, share: &Share, panel: usize, gradient: &mut [f32]) {
        let (taps, width) = (self.convolution.taps(), self.width());
        let ([_, _, all], per_step) = (self.convolution.input, self.taps_per_step());
        let (steps, channels) = (taps / per_step, share.channels.len());
        let sums = &share.sums[(panel - share.panels.start) * steps * channels * width..];
        for (_, step, index) in product(1, steps, channels) {
            let channel = share.channels.start + index;
            let place = channel % all * taps + step * per_step + channel / all;
            let sums = &sums[(step * channels + index) * width..][..width];
            for (gradient, sum) in gradient.chunks_exact_mut(taps * all).zip(sums) {
                gradient[place] = *sum;
            }
        }
    }
}

/// Copies a few values without a call to `memcpy`.
fn copy(from: &[f32], to: &mut [f32]) {
    let ((from, rest), (to, rest_to)) = (from.as_chunks::<8>(), to.as_chunks_mut::<8>());
    for (to, from) in to.iter_mut().zip(from) {
        *to = *from;
    }
    for (to, from) in rest_to.iter_mut().zip(rest) {
        *to = *from;
    }
}

/// Adds the sum of rows to `total`. The width of a row is a multiple of eight; sums of eight
/// columns stay in registers.
fn add_rows(rows: &[f32], width: usize, total: &mut [f32]) {
    for (vector, total) in total.chunks_mut(8).enumerate() {
        let mut sums = [0.0; 8];
        for row in rows.chunks_exact(width) {
            for (sum, number) in sums.iter_mut().zip(&row[vector * 8..][..8]) {
                *sum += number;
            }
        }
        for (total, sum) in total.iter_mut().zip(sums) {
            *total += sum;
        }
    }
}

/// The `index`-th of `parts` nearly equal parts of `0..total`.
fn part(total: usize, parts: usize, index: usize) -> Range<usize> {
    total * index / parts..total * (index + 1) / parts
}
