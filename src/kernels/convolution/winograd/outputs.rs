//! Computes outputs, or the gradient of images: transform, multiply, transform back.

use std::{marker::PhantomData, ops::Range};

use rayon::prelude::*;

use super::{
    POINTS, Pass, SIDE, STEP, Winograd,
    squares::{Collect, Onto, Transform},
    tiles::{Layout, Tiles},
    transforms::{Images, ImagesGradient, Line, Outputs, OutputsGradient},
};
use crate::kernels::{
    convolution::walk,
    multiply::{Gather, PADDING, Scratch, Tile},
};

/// Greatest number of tiles in a block: more of them do not fit in a cache.
const TILES: usize = 64;

impl Winograd {
    /// Computes `outputs` = `images` convolved with the [packed](Self::pack) weights, plus `bias`
    /// (one value per filter), then max(x, 0) if `relu`.
    pub(crate) fn run(
        &self,
        images: &[f32],
        packed: &[f32],
        bias: Option<&[f32]>,
        relu: bool,
        outputs: &mut [f32],
    ) {
        let zeros;
        let bias = match bias {
            Some(bias) => bias,
            None => {
                zeros = vec![0.0; self.output.channels];
                &zeros
            }
        };
        let [height, width] = self.output.lattice();
        let shares = walk::shares(self.batch, height * width, self.output.elements(), outputs);
        shares.into_par_iter().for_each(|(first, count, outputs)| {
            if self.pass == Pass::Transposed {
                outputs.fill(0.0);
            }
            let size = self.input.elements();
            let images = &images[first * size..][..count * size];
            let tiles = count * self.output_tiles().per_image();
            let blocks = tiles.div_ceil(TILES);
            let mut block = Block::new(self, tiles.div_ceil(blocks));
            for index in 0..blocks {
                let range = tiles * index / blocks..tiles * (index + 1) / blocks;
                block.transform(images, range.clone());
                block.multiply(packed, range.len());
                block.collect(range, bias, relu, outputs);
            }
        });
    }
}

/// A block of tiles between the two transforms.
struct Block<'a> {
    winograd: &'a Winograd,
    images: Scratch,
    images_layout: Layout,
    outputs: Scratch,
    outputs_layout: Layout,
    /// Offsets of the rows of images and of outputs at each point.
    offsets: Vec<u32>,
    rows: Vec<u32>,
}

impl Block<'_> {
    /// Allocates a block of up to `tiles` tiles.
    fn new(winograd: &Winograd, tiles: usize) -> Block<'_> {
        let images_layout = Layout::rows(tiles, winograd.input.depth());
        let outputs_layout = Layout::rows(tiles, winograd.output.depth());
        let row = |tile: usize, layout: Layout| (tile * layout.row) as u32;
        let mut offsets: Vec<u32> = (0..tiles).map(|tile| row(tile, images_layout)).collect();
        offsets.resize(tiles.next_multiple_of(Tile::of(winograd.set).rows), PADDING);
        Block {
            winograd,
            images: Scratch::new(images_layout.size()),
            images_layout,
            outputs: Scratch::new(outputs_layout.size()),
            outputs_layout,
            offsets,
            rows: (0..tiles).map(|tile| row(tile, outputs_layout)).collect(),
        }
    }

    fn transform(&mut self, images: &[f32], range: Range<usize>) {
        match self.winograd.pass {
            Pass::Forward | Pass::Rotated => self.transform_by::<Images, SIDE>(images, range),
            Pass::Transposed => self.transform_by::<OutputsGradient, STEP>(images, range),
        }
    }

    fn transform_by<L: Line<N, SIDE>, const N: usize>(
        &mut self,
        images: &[f32],
        range: Range<usize>,
    ) {
        let input = self.winograd.input;
        for lattice in 0..input.count() {
            self.winograd.set.run(Transform::<L, N> {
                line: PhantomData,
                tiles: Tiles { first: input.first(lattice), ..self.winograd.input_tiles() },
                range: range.clone(),
                images,
                channels: input.channels,
                transformed: &mut self.images[lattice * input.channels..],
                layout: self.images_layout,
                sums: None,
            });
        }
    }

    /// Multiplies, at each point, the channels of the first `tiles` tiles by the filters.
    fn multiply(&mut self, packed: &[f32], tiles: usize) {
        let filters = self.winograd.filters();
        let (channels, columns) = (self.winograd.input.depth(), self.winograd.output.depth());
        for point in 0..POINTS {
            Gather {
                source: &self.images[point * self.images_layout.point..],
                channels,
                taps: 1,
                offsets: &self.offsets,
                weights: filters.at(packed, point),
                rows: &self.rows[..tiles],
                columns,
                bias: None,
                relu: false,
                outputs: &mut self.outputs[point * self.outputs_layout.point..],
            }
            .run(self.winograd.set);
        }
    }

    fn collect(&self, range: Range<usize>, bias: &[f32], relu: bool, outputs: &mut [f32]) {
        match self.winograd.pass {
            Pass::Forward | Pass::Rotated => {
                self.collect_by::<Outputs, STEP>(range, Onto::Bias(bias), relu, outputs);
            }
            Pass::Transposed => {
                self.collect_by::<ImagesGradient, SIDE>(range, Onto::Pixels, relu, outputs);
            }
        }
    }

    fn collect_by<L: Line<SIDE, N>, const N: usize>(
        &self,
        range: Range<usize>,
        onto: Onto,
        relu: bool,
        outputs: &mut [f32],
    ) {
        let output = self.winograd.output;
        for lattice in 0..output.count() {
            self.winograd.set.run(Collect::<L, N> {
                line: PhantomData,
                transformed: &self.outputs[lattice * output.channels..],
                layout: self.outputs_layout,
                tiles: Tiles { first: output.first(lattice), ..self.winograd.output_tiles() },
                range: range.clone(),
                outputs,
                channels: output.channels,
                onto,
                relu,
            });
        }
    }
}
