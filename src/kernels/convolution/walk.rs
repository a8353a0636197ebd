//! Which pixels of one image are summed up for each pixel of another.

use rayon::prelude::*;

use crate::kernels::{
    InstructionSet,
    multiply::{Gather, PADDING, Tile},
};

/// Rows of output that share the weights in a cache, about.
const ROWS: usize = 768;

/// A lattice of the pixels of destination images, and for each of them pixels of source images. Images lie channels
/// last; sizes are height, width, channels.
pub(super) struct Walk {
    pub source: [usize; 3],
    pub destination: [usize; 3],
    /// The first row and column of the lattice, and its distance.
    pub first: [usize; 2],
    pub step: usize,
    /// How far to go in the source for each step in the destination.
    pub source_step: usize,
    /// The rows and columns of the source for the first pixel of the lattice.
    pub taps: Vec<[isize; 2]>,
}

/// The numbers of all images, their weights and what is done with the sums.
pub(super) struct Operands<'a> {
    pub source: &'a [f32],
    /// For each walk, its weights as packed by [`Pack`](crate::kernels::multiply::Pack).
    pub weights: &'a [&'a [f32]],
    pub bias: Option<&'a [f32]>,
    pub relu: bool,
}

/// Goes several walks, which together reach every pixel of the destination images.
pub(super) fn go(
    set: InstructionSet,
    walks: &[Walk],
    batch: usize,
    operands: &Operands,
    outputs: &mut [f32],
) {
    let Some(walk) = walks.first().filter(|_| !outputs.is_empty()) else { return };
    let pixels = walk.destination[0] * walk.destination[1];
    let groups = groups(batch, pixels);
    let tile = Tile::of(set);
    let places: Vec<_> =
        walks.iter().map(|walk| walk.places(tile, batch.div_ceil(groups))).collect();
    let smaller: Vec<_> = if batch.is_multiple_of(groups) {
        Vec::new()
    } else {
        walks.iter().map(|walk| walk.places(tile, batch / groups)).collect()
    };
    let shares = shares(batch, walk.destination, outputs);
    shares.into_par_iter().for_each(|(first, images, outputs)| {
        let places = if images * groups >= batch { &places } else { &smaller };
        let source = &operands.source[first * size(walk.source)..][..images * size(walk.source)];
        for ((walk, places), weights) in walks.iter().zip(places).zip(operands.weights) {
            Gather {
                source,
                channels: walk.source[2],
                taps: walk.taps.len(),
                places: &places.sources,
                weights,
                rows: &places.destinations,
                columns: walk.destination[2],
                bias: operands.bias,
                relu: operands.relu,
                outputs,
            }
            .run(set);
        }
    });
}

/// Shares out images among threads: for each share the first image, how many they are, and their outputs.
pub(super) fn shares(
    batch: usize,
    output: [usize; 3],
    mut outputs: &mut [f32],
) -> Vec<(usize, usize, &mut [f32])> {
    let groups = groups(batch, output[0] * output[1]);
    let share = |group| {
        let (first, last) = (batch * group / groups, batch * (group + 1) / groups);
        let here = outputs.split_off_mut(..(last - first) * size(output)).unwrap_or_default();
        (first, last - first, here)
    };
    (0..groups).map(share).collect()
}

/// In how many equal groups of images to share out the work.
fn groups(batch: usize, pixels: usize) -> usize {
    let threads = rayon::current_num_threads();
    let images = ROWS.div_ceil(pixels).min(batch.div_ceil(threads));
    batch.div_ceil(images).next_multiple_of(threads).min(batch)
}

fn size(image: [usize; 3]) -> usize {
    image.iter().product()
}

/// The tables of a [`Gather`] for some images.
struct Places {
    sources: Vec<u32>,
    destinations: Vec<u32>,
}

impl Walk {
    /// The tables for a number of images: pixel by pixel, and for each pixel image by image, so that most blocks of rows
    /// lack the same taps at an edge.
    fn places(&self, tile: Tile, images: usize) -> Places {
        let count = |axis: usize| {
            self.destination[axis].saturating_sub(self.first[axis]).div_ceil(self.step)
        };
        let rows = count(0) * count(1) * images;
        let mut sources = vec![PADDING; rows.next_multiple_of(tile.rows) * self.taps.len()];
        let mut destinations = Vec::with_capacity(rows);
        assert!(images * size(self.source).max(size(self.destination)) < PADDING as usize);
        for y in 0..count(0) {
            for x in 0..count(1) {
                for image in 0..images {
                    let row = destinations.len();
                    let block = row / tile.rows * tile.rows * self.taps.len() + row % tile.rows;
                    for (tap, place) in self.taps.iter().enumerate() {
                        if let Some(pixel) = self.pixel(y, x, *place) {
                            let pixel = image * self.source[0] * self.source[1] + pixel;
                            sources[block + tap * tile.rows] = (pixel * self.source[2]) as u32;
                        }
                    }
                    let (row, column) =
                        (self.first[0] + y * self.step, self.first[1] + x * self.step);
                    let pixel = (image * self.destination[0] + row) * self.destination[1] + column;
                    destinations.push((pixel * self.destination[2]) as u32);
                }
            }
        }
        Places { sources, destinations }
    }

    /// The pixel of the source image that a tap reads for pixel (`y`, `x`) of the lattice, unless it is beyond the edge.
    fn pixel(&self, y: usize, x: usize, [row, column]: [isize; 2]) -> Option<usize> {
        let y = (y * self.source_step).checked_add_signed(row).filter(|&y| y < self.source[0])?;
        let x =
            (x * self.source_step).checked_add_signed(column).filter(|&x| x < self.source[1])?;
        Some(y * self.source[1] + x)
    }
}
