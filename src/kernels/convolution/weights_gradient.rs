//! The gradient of the weights: for each tap, sums over pixels of channels times filters.

use rayon::prelude::*;

use super::Convolution;
use crate::kernels::{
    InstructionSet,
    multiply::{Outer, Pair, Scratch, Tile},
};

/// Pixels that are summed up at a time, so that their numbers stay in the nearest cache, about.
const PIXELS: usize = 192;

/// Some rows of outputs of some images, and for each tap the pairs of pixels that it multiplies.
struct Chunk {
    /// The first pixel of output, counted within the first image.
    first: usize,
    pixels: usize,
    /// `[taps]`: `left` from the first image on, `right` in the packed gradient.
    pairs: Vec<Vec<Pair>>,
}

/// One share of the work: all sums of some channels with a panel of filters.
struct Share<'a> {
    panel: usize,
    channels: std::ops::Range<usize>,
    /// `[taps][channels][width of the tile]`
    sums: &'a mut [f32],
    /// One number per filter of the panel, in one share of each panel.
    bias: Option<&'a mut [f32]>,
}

impl Convolution {
    pub(super) fn weights_gradient(
        &self,
        set: InstructionSet,
        images: &[f32],
        gradient: &[f32],
        weights_gradient: &mut [f32],
        bias_gradient: Option<&mut [f32]>,
    ) {
        let tile = Tile::of(set);
        let (taps, channels) = (self.kernel[0] * self.kernel[1], self.input[2]);
        let panels = self.filters.div_ceil(tile.width);
        let mut sums = Scratch::new(panels * taps * channels * tile.width);
        sums.fill(0.0);
        let (size, chunks) = self.chunks(tile);
        self.shares(tile, &mut sums, bias_gradient).into_par_iter().for_each(|mut share| {
            let mut packed = Scratch::new(
                tile.width * chunks.iter().map(|chunk| chunk.pixels).max().unwrap_or(0),
            );
            for first in (0..self.batch).step_by(size) {
                let images = &images[first * self.input.iter().product::<usize>()..];
                for chunk in &chunks {
                    let here = size.min(self.batch - first);
                    self.add_chunk(
                        set,
                        tile,
                        chunk,
                        (first, here),
                        images,
                        gradient,
                        &mut packed,
                        &mut share,
                    );
                }
            }
        });
        self.unpack(tile, &sums, weights_gradient);
    }

    fn channel_groups(&self, tile: Tile) -> usize {
        let panels = self.filters.div_ceil(tile.width);
        rayon::current_num_threads().div_ceil(panels).min(self.input[2])
    }

    fn shares<'a>(
        &self,
        tile: Tile,
        mut sums: &'a mut [f32],
        bias_gradient: Option<&'a mut [f32]>,
    ) -> Vec<Share<'a>> {
        let groups = self.channel_groups(tile);
        let mut biases = bias_gradient.map(|bias| bias.chunks_mut(tile.width));
        let mut shares = Vec::new();
        for panel in 0..self.filters.div_ceil(tile.width) {
            let mut bias = biases.as_mut().and_then(Iterator::next);
            for group in 0..groups {
                let channels = group * self.input[2] / groups..(group + 1) * self.input[2] / groups;
                let length = self.kernel[0] * self.kernel[1] * channels.len() * tile.width;
                let (here, rest) = sums.split_at_mut(length);
                sums = rest;
                shares.push(Share { panel, channels, sums: here, bias: bias.take() });
            }
        }
        for bias in shares.iter_mut().filter_map(|share| share.bias.as_deref_mut()) {
            bias.fill(0.0);
        }
        shares
    }

    /// The chunks of a group of images, and how many images that is.
    fn chunks(&self, tile: Tile) -> (usize, Vec<Chunk>) {
        let [rows, columns, _] = self.output();
        let images = (PIXELS / (rows * columns).max(1)).clamp(1, self.batch.max(1));
        let parts = (rows * columns).div_ceil(PIXELS).clamp(1, rows.max(1));
        let chunks = (0..parts).map(|part| {
            let rows = part * rows / parts..(part + 1) * rows / parts;
            let taps = super::product(1, self.kernel[0], self.kernel[1]);
            Chunk {
                first: rows.start * columns,
                pixels: rows.len() * columns * images,
                pairs: taps
                    .map(|(_, y, x)| self.pairs(tile, images, rows.clone(), [y, x]))
                    .collect(),
            }
        });
        (images, chunks.collect())
    }

    fn pairs(
        &self,
        tile: Tile,
        images: usize,
        rows: std::ops::Range<usize>,
        tap: [usize; 2],
    ) -> Vec<Pair> {
        let [height, width, channels] = self.input;
        let columns = self.output()[1];
        let mut pairs = Vec::new();
        for (image, row, column) in super::product(images, rows.len(), columns) {
            let (Some(y), Some(x)) =
                (self.inside(0, rows.start + row, tap[0]), self.inside(1, column, tap[1]))
            else {
                continue;
            };
            pairs.push(Pair {
                left: (((image * height + y) * width + x) * channels) as u32,
                right: (((image * rows.len() + row) * columns + column) * tile.width) as u32,
            });
        }
        pairs
    }

    #[allow(clippy::too_many_arguments)]
    fn add_chunk(
        &self,
        set: InstructionSet,
        tile: Tile,
        chunk: &Chunk,
        (first, count): (usize, usize),
        images: &[f32],
        gradient: &[f32],
        packed: &mut [f32],
        share: &mut Share,
    ) {
        let output: usize = self.output().iter().product();
        let (size, group) = (self.group_size(), chunk.pixels);
        let per_image = group / size;
        let columns = share.panel * tile.width..self.filters.min((share.panel + 1) * tile.width);
        let mut bias = vec![0.0; tile.width];
        for image in 0..count {
            let gradient = &gradient[(first + image) * output + chunk.first * self.filters..];
            let packed = packed.chunks_exact_mut(tile.width).skip(image * per_image);
            for (packed, row) in packed.zip(gradient.chunks_exact(self.filters)).take(per_image) {
                let (numbers, zeros) = packed.split_at_mut(columns.len());
                numbers.copy_from_slice(&row[columns.clone()]);
                zeros.fill(0.0);
                for (bias, number) in bias.iter_mut().zip(numbers) {
                    *bias += *number;
                }
            }
        }
        if let Some(total) = &mut share.bias {
            for (total, bias) in total.iter_mut().zip(bias) {
                *total += bias;
            }
        }
        let sums = share.sums.chunks_exact_mut(share.channels.len() * tile.width);
        for (pairs, sums) in chunk.pairs.iter().zip(sums) {
            let pairs = &pairs[..pairs.len() / size * count];
            Outer { pairs, left: images, channels: share.channels.clone(), right: packed, sums }
                .run(set);
        }
    }

    fn group_size(&self) -> usize {
        let [rows, columns, _] = self.output();
        (PIXELS / (rows * columns).max(1)).clamp(1, self.batch.max(1))
    }

    fn unpack(&self, tile: Tile, sums: &[f32], weights_gradient: &mut [f32]) {
        let (taps, channels) = (self.kernel[0] * self.kernel[1], self.input[2]);
        let groups = self.channel_groups(tile);
        let length = taps * channels;
        weights_gradient
            .par_chunks_mut(tile.width * length)
            .zip(sums.par_chunks(tile.width * length))
            .for_each(|(gradient, sums)| {
                let filters = gradient.len() / length;
                for group in 0..groups {
                    let range = group * channels / groups..(group + 1) * channels / groups;
                    let sums = &sums[taps * range.start * tile.width..];
                    for channel in 0..range.len() {
                        for filter in 0..filters {
                            let to = &mut gradient
                                [filter * length + (range.start + channel) * taps..][..taps];
                            for (tap, to) in to.iter_mut().enumerate() {
                                *to = sums[(tap * range.len() + channel) * tile.width + filter];
                            }
                        }
                    }
                }
            });
    }
}
