//! Direct convolution, as sums over source pixels for each destination pixel.
//!
//! The forward pass sums image pixels into outputs, the backward pass output gradients into image
//! pixels. Both become tables for [`Gather`], which knows nothing of images.

use std::{cmp::Reverse, collections::BTreeMap};

use rayon::prelude::*;

use super::product;
use crate::kernels::{
    InstructionSet,
    multiply::{Gather, PADDING, Tile},
};

/// Approximate number of output rows (pixels) that reuse the weights while these are cached.
const ROWS: usize = 768;

/// A lattice of the pixels of the destination images, and the source pixels that are summed for
/// each of them. Sizes are height, width, channels; images are channels last.
pub(super) struct Walk {
    pub source: [usize; 3],
    pub destination: [usize; 3],
    /// Row and column of the first pixel of the lattice; `step` is the distance between its pixels.
    pub first: [usize; 2],
    pub step: usize,
    /// Distance in the source for one step of the lattice.
    pub source_step: usize,
    /// Row and column of the source pixel of each tap, for the first pixel of the lattice.
    pub taps: Vec<[isize; 2]>,
}

/// The source images, the packed weights, and the bias and ReLU applied to the sums.
pub(super) struct Operands<'a> {
    pub source: &'a [f32],
    /// Weights of each walk, packed by [`Pack`](crate::kernels::multiply::Pack).
    pub weights: &'a [&'a [f32]],
    pub bias: Option<&'a [f32]>,
    pub relu: bool,
}

/// Runs several walks, which together cover every pixel of the destination images.
pub(super) fn run(
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
    let tables: Vec<_> =
        walks.iter().map(|walk| walk.tables(tile, batch.div_ceil(groups))).collect();
    let smaller: Vec<_> = if batch.is_multiple_of(groups) {
        Vec::new()
    } else {
        walks.iter().map(|walk| walk.tables(tile, batch / groups)).collect()
    };
    let shares = shares(batch, pixels, size(walk.destination), outputs);
    shares.into_par_iter().for_each(|(first, images, outputs)| {
        let tables = if images * groups >= batch { &tables } else { &smaller };
        let source = &operands.source[first * size(walk.source)..][..images * size(walk.source)];
        for ((walk, tables), weights) in walks.iter().zip(tables).zip(operands.weights) {
            Gather {
                source,
                channels: walk.source[2],
                taps: walk.taps.len(),
                offsets: &tables.sources,
                weights,
                rows: &tables.destinations,
                columns: walk.destination[2],
                bias: operands.bias,
                relu: operands.relu,
                outputs,
            }
            .run(set);
        }
    });
}

/// Splits a batch between threads. `pixels` and `numbers` are the pixels and values of one image's
/// output. Returns for each share its first image, its number of images and its outputs.
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

/// Number of groups of images to share out: a multiple of the number of threads where the batch
/// allows it.
fn groups(batch: usize, pixels: usize) -> usize {
    let threads = rayon::current_num_threads();
    let images = ROWS.div_ceil(pixels).min(batch.div_ceil(threads));
    batch.div_ceil(images).next_multiple_of(threads).min(batch)
}

fn size(image: [usize; 3]) -> usize {
    image.iter().product()
}

/// Offsets for a [`Gather`] over some images.
struct Tables {
    sources: Vec<u32>,
    destinations: Vec<u32>,
}

impl Walk {
    /// Builds the tables for a number of images. Pixels that lack the same taps at an edge are
    /// neighbours in the tables, so that a block of rows skips these taps as a whole and needs no
    /// check for the others.
    fn tables(&self, tile: Tile, images: usize) -> Tables {
        let (ys, xs) = (self.group_by_taps(0), self.group_by_taps(1));
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
        Tables { sources, destinations }
    }

    /// Positions of the lattice along rows (`axis` 0) or columns (1), grouped by the taps that are
    /// inside the image.
    fn group_by_taps(&self, axis: usize) -> Vec<Vec<usize>> {
        let count = self.destination[axis].saturating_sub(self.first[axis]).div_ceil(self.step);
        let mut lists: BTreeMap<Vec<bool>, Vec<usize>> = BTreeMap::new();
        for position in 0..count {
            let inside = |tap: &[isize; 2]| self.coordinate(axis, position, tap[axis]).is_some();
            lists.entry(self.taps.iter().map(inside).collect()).or_default().push(position);
        }
        let mut lists: Vec<_> = lists.into_values().collect();
        // Large groups first: memory is fetched fastest along whole rows, and the pixels at the
        // edges are then cached.
        lists.sort_by_key(|list| Reverse(list.len()));
        lists
    }

    /// Source pixel that a tap reads for pixel (`y`, `x`) of the lattice; `None` beyond the edge.
    fn pixel(&self, y: usize, x: usize, [row, column]: [isize; 2]) -> Option<usize> {
        Some(self.coordinate(0, y, row)? * self.source[1] + self.coordinate(1, x, column)?)
    }

    /// Row (`axis` 0) or column (1) of that pixel.
    fn coordinate(&self, axis: usize, position: usize, tap: isize) -> Option<usize> {
        let place = (position * self.source_step).checked_add_signed(tap)?;
        (place < self.source[axis]).then_some(place)
    }
}
