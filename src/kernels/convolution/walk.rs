//! Which pixels of one image are summed up for each pixel of another.

use std::{cmp::Reverse, collections::BTreeMap};

use rayon::prelude::*;

use super::product;
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
    let shares = shares(batch, pixels, size(walk.destination), outputs);
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

/// Shares out images among threads, so many pixels and numbers each: for each share the first image, how many they are,
/// and their outputs.
pub(super) fn shares(
    batch: usize,
    pixels: usize,
    numbers: usize,
    mut outputs: &mut [f32],
) -> Vec<(usize, usize, &mut [f32])> {
    let groups = groups(batch, pixels);
    let share = |group| {
        let (first, last) = (batch * group / groups, batch * (group + 1) / groups);
        let here = outputs.split_off_mut(..(last - first) * numbers).unwrap_or_default();
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
    /// The tables for a number of images. Pixels that lack the same taps at an edge follow each other: blocks of rows
    /// then skip these taps, and go along the others without a look at where a row ends.
    fn places(&self, tile: Tile, images: usize) -> Places {
        let (ys, xs) = (self.alike(0), self.alike(1));
        let count = |lists: &[Vec<usize>]| lists.iter().map(Vec::len).sum::<usize>();
        let rows = count(&ys) * count(&xs) * images;
        let mut sources = vec![PADDING; rows.next_multiple_of(tile.rows) * self.taps.len()];
        let mut destinations = Vec::with_capacity(rows);
        assert!(images * size(self.source).max(size(self.destination)) < PADDING as usize);
        for (ys, xs) in ys.iter().flat_map(|ys| xs.iter().map(move |xs| (ys, xs))) {
            for (image, y, x) in product(images, ys.len(), xs.len()) {
                let (y, x) = (ys[y], xs[x]);
                let row = destinations.len();
                let block = row / tile.rows * tile.rows * self.taps.len() + row % tile.rows;
                for (tap, place) in self.taps.iter().enumerate() {
                    if let Some(pixel) = self.pixel(y, x, *place) {
                        let pixel = image * self.source[0] * self.source[1] + pixel;
                        sources[block + tap * tile.rows] = (pixel * self.source[2]) as u32;
                    }
                }
                let (row, column) = (self.first[0] + y * self.step, self.first[1] + x * self.step);
                let pixel = (image * self.destination[0] + row) * self.destination[1] + column;
                destinations.push((pixel * self.destination[2]) as u32);
            }
        }
        Places { sources, destinations }
    }

    /// The rows (`axis` 0) or columns (1) of the lattice, those together that have the same taps inside the image.
    fn alike(&self, axis: usize) -> Vec<Vec<usize>> {
        let count = self.destination[axis].saturating_sub(self.first[axis]).div_ceil(self.step);
        let mut lists: BTreeMap<Vec<bool>, Vec<usize>> = BTreeMap::new();
        for position in 0..count {
            let inside = |tap: &[isize; 2]| self.place(axis, position, tap[axis]).is_some();
            lists.entry(self.taps.iter().map(inside).collect()).or_default().push(position);
        }
        let mut lists: Vec<_> = lists.into_values().collect();
        // Memory is fetched best along whole rows; what is left at the edges is then in a cache.
        lists.sort_by_key(|list| Reverse(list.len()));
        lists
    }

    /// The pixel of the source image that a tap reads for pixel (`y`, `x`) of the lattice, unless it is beyond the edge.
    fn pixel(&self, y: usize, x: usize, [row, column]: [isize; 2]) -> Option<usize> {
        Some(self.place(0, y, row)? * self.source[1] + self.place(1, x, column)?)
    }

    /// Its row (`axis` 0) or column (1).
    fn place(&self, axis: usize, position: usize, tap: isize) -> Option<usize> {
        let place = (position * self.source_step).checked_add_signed(tap)?;
        (place < self.source[axis]).then_some(place)
    }
}
