//! The gradient of the weights: at each point, sums over squares of channels times filters.
//!
//! Threads first transform some squares, block by block, and then share out the sums, so that each sum has one order. What
//! one thread transforms goes to another then, from one's cache to the other's. Where sums are few enough for each thread
//! to have its own, two halves of the squares therefore go their own ways: that takes two thirds of the time.

use std::{marker::PhantomData, ops::Range};

use rayon::prelude::*;

use super::{
    POINTS, SIDE, STEP, Winograd,
    filters::{FiltersGradient, distance},
    squares::Transform,
    tiles::{Layout, Tiles},
    transforms::{Images, OutputsGradient},
};
use crate::kernels::multiply::{Outer, Pair, Pairs, Scratch, Tile};

/// Squares that one thread transforms at a time.
const BLOCK: usize = 8;

/// Blocks that are transformed before they are multiplied: few enough for the caches.
const BLOCKS: usize = 8;

/// Blocks of squares of images and of the gradient of outputs, transformed.
struct Squares {
    images: Scratch,
    images_layout: Layout,
    gradient: Scratch,
    gradient_layout: Layout,
    /// `[blocks][filters]`: the sums of the gradient.
    bias: Vec<f32>,
    /// The rows of each square on either side.
    pairs: Pairs,
}

/// Bytes of sums that are worth having twice: as many as the second cache has room for.
const SUMS: usize = 1 << 20;

impl Winograd {
    /// `weights_gradient` and `bias_gradient` = the gradients of the weights and of the bias, given that of the outputs
    /// (before any ReLU).
    pub fn weights_gradient(
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

    /// What some squares have of the gradient of the weights; that of the bias is added to `bias`.
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
        let mut squares = self.squares(tiles.len().div_ceil(BLOCK).min(BLOCKS));
        let mut panels: Vec<_> = (0..filters / width).map(|_| None).collect();
        for first in tiles.clone().step_by(BLOCK * BLOCKS) {
            let range = first..tiles.end.min(first + BLOCK * BLOCKS);
            self.transform(images, gradient, range.clone(), &mut squares);
            squares.bias.chunks_exact(filters).for_each(|block| add(bias, block));
            let gradients =
                weights_gradient.par_chunks_exact_mut(weights_gradient.len() / filters * width);
            panels.par_iter_mut().zip(gradients).enumerate().for_each(
                |(panel, (sums, gradient))| {
                    let numbers = sums.get_or_insert_with(|| {
                        let mut numbers = Scratch::new(POINTS * distance(depth, width));
                        numbers.fill(0.0);
                        numbers
                    });
                    self.add_products(&squares, range.len(), panel, numbers);
                    // A panel is done with as soon as possible, while its sums are in a cache; its memory is the next one's.
                    if range.end == tiles.end {
                        self.set.run(FiltersGradient {
                            sums: numbers,
                            distance: distance(depth, width),
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

    /// Room for so many blocks.
    fn squares(&self, blocks: usize) -> Squares {
        let filters = self.output.channels;
        let images_layout = Layout::rows(BLOCK, self.input.depth());
        let gradient_layout = Layout::panels(BLOCK, filters, Tile::of(self.set).width_for(filters));
        let row = |tile: usize, layout: Layout| {
            (tile / BLOCK * (layout.size() / layout.row) + tile % BLOCK) as u32
        };
        let pair =
            |tile| Pair { left: row(tile, images_layout), right: row(tile, gradient_layout) };
        Squares {
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
        squares: &mut Squares,
    ) {
        let (input, filters) = (self.input, self.output.channels);
        let (images_layout, gradient_layout) = (squares.images_layout, squares.gradient_layout);
        squares
            .images
            .par_chunks_exact_mut(images_layout.size())
            .zip(squares.gradient.par_chunks_exact_mut(gradient_layout.size()))
            .zip(squares.bias.par_chunks_exact_mut(filters))
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

    /// Adds the products of some squares to the sums of a panel of filters, `[points][channels][width]` with points
    /// [`distance`] apart.
    fn add_products(&self, squares: &Squares, count: usize, panel: usize, sums: &mut [f32]) {
        let channels = self.input.depth();
        let Squares { images_layout, gradient_layout, .. } = squares;
        let width = gradient_layout.width;
        let sums = sums.par_chunks_exact_mut(distance(channels, width));
        sums.enumerate().for_each(|(point, sums)| {
            let sums = &mut sums[..channels * width];
            let right = point * gradient_layout.point + panel * gradient_layout.panel;
            Outer {
                pairs: &squares.pairs,
                count,
                left: &squares.images[point * images_layout.point..],
                stride: images_layout.row,
                channels,
                right: &squares.gradient[right..],
                width,
                sums,
            }
            .run(self.set);
        });
    }
}

/// Adds `more` to `total`.
fn add(total: &mut [f32], more: &[f32]) {
    total.iter_mut().zip(more).for_each(|(total, more)| *total += more);
}
