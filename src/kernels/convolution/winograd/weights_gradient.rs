//! Gradient of the weights: at each point, the sum over tiles of the outer product of channels and
//! filters.
//!
//! Threads first transform some tiles, block by block, and then share out the sums, so that each
//! sum is added up in one order. Tiles that one thread transformed then move to the cache of
//! another. If two copies of the sums fit in the caches, the tiles are therefore processed as two
//! independent halves, which takes two thirds of the time.

use std::{marker::PhantomData, ops::Range};

use rayon::prelude::*;

use super::{
    POINTS, SIDE, STEP, Winograd,
    filters::{FiltersGradient, point_stride},
    squares::Transform,
    tiles::{Layout, Tiles},
    transforms::{Images, OutputsGradient},
};
use crate::kernels::multiply::{Outer, Pair, Pairs, Scratch, Tile};

/// Tiles that one thread transforms at a time.
const BLOCK: usize = 8;

/// Blocks that are transformed before they are multiplied: few enough to stay in the caches.
const BLOCKS: usize = 8;

/// Blocks of transformed tiles of the images and of the outputs' gradient.
struct TransformedTiles {
    images: Scratch,
    images_layout: Layout,
    gradient: Scratch,
    gradient_layout: Layout,
    /// `[blocks][filters]`: sums of the gradient.
    bias: Vec<f32>,
    /// Rows of each tile in both matrices.
    pairs: Pairs,
}

/// Greatest size, in bytes, of sums that are kept twice: about the size of a second-level cache.
const SUMS: usize = 1 << 20;

impl Winograd {
    /// Computes the gradients of weights and bias from the gradient of the outputs (before any
    /// ReLU).
    pub(crate) fn weights_gradient(
        &self,
        images: &[f32],
        gradient: &[f32],
        weights_gradient: &mut [f32],
        bias_gradient: Option<&mut [f32]>,
    ) {
        let (tiles, filters) = (self.batch * self.output_tiles().per_image(), self.output.channels);
        let mut bias = vec![0.0; filters];
        let sums = POINTS * self.input.depth() * filters * size_of::<f32>();
        if sums <= SUMS && tiles >= 2 * BLOCK * BLOCKS {
            let half = tiles / 2;
            let (mut other, mut other_bias) =
                (Scratch::new(weights_gradient.len()), vec![0.0; filters]);
            rayon::join(
                || self.gradient_of(0..half, images, gradient, weights_gradient, &mut bias),
                || self.gradient_of(half..tiles, images, gradient, &mut other, &mut other_bias),
            );
            add(weights_gradient, &other);
            add(&mut bias, &other_bias);
        } else {
            self.gradient_of(0..tiles, images, gradient, weights_gradient, &mut bias);
        }
        if let Some(bias_gradient) = bias_gradient {
            bias_gradient.copy_from_slice(&bias);
        }
    }

    /// Computes the contribution of some tiles to the gradient of the weights, and adds theirs to
    /// that of the bias.
    fn gradient_of(
        &self,
        tiles: Range<usize>,
        images: &[f32],
        gradient: &[f32],
        weights_gradient: &mut [f32],
        bias: &mut [f32],
    ) {
        let (depth, filters) = (self.input.depth(), self.output.channels);
        let lattices: Vec<_> = (0..self.input.count()).map(|lattice| self.taps(lattice)).collect();
        let width = Tile::of(self.set).width_for(filters);
        let mut transformed = self.allocate(tiles.len().div_ceil(BLOCK).min(BLOCKS));
        let mut panels: Vec<_> = (0..filters / width).map(|_| None).collect();
        for first in tiles.clone().step_by(BLOCK * BLOCKS) {
            let range = first..tiles.end.min(first + BLOCK * BLOCKS);
            self.transform(images, gradient, range.clone(), &mut transformed);
            transformed.bias.chunks_exact(filters).for_each(|block| add(bias, block));
            let gradients =
                weights_gradient.par_chunks_exact_mut(weights_gradient.len() / filters * width);
            panels.par_iter_mut().zip(gradients).enumerate().for_each(
                |(panel, (sums, gradient))| {
                    let numbers = sums.get_or_insert_with(|| {
                        let mut numbers = Scratch::new(POINTS * point_stride(depth, width));
                        numbers.fill(0.0);
                        numbers
                    });
                    self.add_products(&transformed, range.len(), panel, numbers);
                    // Each panel is completed as soon as possible: its sums are still cached, and
                    // their memory is reused for the next panel.
                    if range.end == tiles.end {
                        self.set.run(FiltersGradient {
                            sums: numbers,
                            stride: point_stride(depth, width),
                            lattices: &lattices,
                            channels: self.input.channels,
                            width,
                            gradient,
                        });
                        *sums = None;
                    }
                },
            );
        }
    }

    /// Allocates the given number of blocks.
    fn allocate(&self, blocks: usize) -> TransformedTiles {
        let filters = self.output.channels;
        let images_layout = Layout::rows(BLOCK, self.input.depth());
        let gradient_layout = Layout::panels(BLOCK, filters, Tile::of(self.set).width_for(filters));
        let row = |tile: usize, layout: Layout| {
            (tile / BLOCK * (layout.size() / layout.row) + tile % BLOCK) as u32
        };
        let pair =
            |tile| Pair { left: row(tile, images_layout), right: row(tile, gradient_layout) };
        TransformedTiles {
            images: Scratch::new(blocks * images_layout.size()),
            images_layout,
            gradient: Scratch::new(blocks * gradient_layout.size()),
            gradient_layout,
            bias: vec![0.0; blocks * filters],
            pairs: (0..blocks * BLOCK).map(pair).collect(),
        }
    }

    fn transform(
        &self,
        images: &[f32],
        gradient: &[f32],
        range: Range<usize>,
        transformed: &mut TransformedTiles,
    ) {
        let (input, filters) = (self.input, self.output.channels);
        let (images_layout, gradient_layout) =
            (transformed.images_layout, transformed.gradient_layout);
        transformed
            .images
            .par_chunks_exact_mut(images_layout.size())
            .zip(transformed.gradient.par_chunks_exact_mut(gradient_layout.size()))
            .zip(transformed.bias.par_chunks_exact_mut(filters))
            .enumerate()
            .for_each(|(block, ((of_images, of_gradient), bias))| {
                let first = range.end.min(range.start + block * BLOCK);
                let tiles = first..range.end.min(first + BLOCK);
                for lattice in 0..input.count() {
                    self.set.run(Transform::<Images, SIDE> {
                        line: PhantomData,
                        tiles: Tiles { first: input.first(lattice), ..self.input_tiles() },
                        range: tiles.clone(),
                        images,
                        channels: input.channels,
                        transformed: &mut of_images[lattice * input.channels..],
                        layout: images_layout,
                        sums: None,
                    });
                }
                bias.fill(0.0);
                self.set.run(Transform::<OutputsGradient, STEP> {
                    line: PhantomData,
                    tiles: self.output_tiles(),
                    range: tiles,
                    images: gradient,
                    channels: filters,
                    transformed: of_gradient,
                    layout: gradient_layout,
                    sums: Some(bias),
                });
            });
    }

    /// Adds the products of the first `count` tiles to the sums of a panel of filters,
    /// `[points][channels][panel width]` with points [`point_stride`] apart.
    fn add_products(
        &self,
        transformed: &TransformedTiles,
        count: usize,
        panel: usize,
        sums: &mut [f32],
    ) {
        let channels = self.input.depth();
        let TransformedTiles { images_layout, gradient_layout, .. } = transformed;
        let width = gradient_layout.width;
        let sums = sums.par_chunks_exact_mut(point_stride(channels, width));
        sums.enumerate().for_each(|(point, sums)| {
            let sums = &mut sums[..channels * width];
            let right = point * gradient_layout.point + panel * gradient_layout.panel;
            Outer {
                pairs: &transformed.pairs,
                count,
                left: &transformed.images[point * images_layout.point..],
                stride: images_layout.row,
                channels,
                right: &transformed.gradient[right..],
                width,
                sums,
            }
            .run(self.set);
        });
    }
}

fn add(total: &mut [f32], more: &[f32]) {
    total.iter_mut().zip(more).for_each(|(total, more)| *total += more);
}
