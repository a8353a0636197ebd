//! Where squares lie, in images and transformed.

use super::{POINTS, STEP};

/// Squares, [`STEP`] apart, that cover a lattice of the pixels of images: image by image and row by row.
#[derive(Clone, Copy)]
pub struct Tiles {
    /// Height and width of an image.
    pub size: [usize; 2],
    /// Rows of squares, and squares in a row.
    pub count: [usize; 2],
    /// By how many rows and columns of the lattice the first square begins before it.
    pub before: [usize; 2],
    /// Row and column of the first pixel of the lattice.
    pub first: [usize; 2],
    /// From one pixel of the lattice to the next.
    pub stride: usize,
}

impl Tiles {
    /// Squares of an image.
    pub fn per_image(&self) -> usize {
        self.count[0] * self.count[1]
    }

    /// The pixels of a square, of images of so many channels.
    #[inline(always)]
    pub fn pixels<const SIDE: usize>(&self, tile: usize, channels: usize) -> Pixels<SIDE> {
        let (image, tile) = (tile / self.per_image(), tile % self.per_image());
        let square = [tile / self.count[1], tile % self.count[1]];
        let distances = [self.size[1] * channels, channels];
        let mut places = [[BEYOND; SIDE]; 2];
        for axis in 0..2 {
            // What is before the image becomes too large a number.
            let first = (square[axis] * STEP).wrapping_sub(self.before[axis]);
            for (position, place) in places[axis].iter_mut().enumerate() {
                let position = first.wrapping_add(position);
                let line = position.wrapping_mul(self.stride).wrapping_add(self.first[axis]);
                if line < self.size[axis] {
                    *place = line * distances[axis];
                }
            }
        }
        let [rows, columns] = places;
        Pixels { image, rows, columns }
    }
}

/// The place of a row or column beyond the edge: two of them can be added.
const BEYOND: usize = usize::MAX / 2;

/// The pixels of a square.
pub struct Pixels<const SIDE: usize> {
    /// The image that they are of.
    pub image: usize,
    rows: [usize; SIDE],
    columns: [usize; SIDE],
}

impl<const SIDE: usize> Pixels<SIDE> {
    /// Where each pixel begins, in an image of so many numbers; those beyond its edge are at `beyond`.
    #[inline(always)]
    pub fn at(
        &self,
        image: *mut f32,
        numbers: usize,
        beyond: *mut f32,
    ) -> [[*mut f32; SIDE]; SIDE] {
        let mut pixels = [[beyond; SIDE]; SIDE];
        for (pixels, row) in pixels.iter_mut().zip(self.rows) {
            for (pixel, column) in pixels.iter_mut().zip(self.columns) {
                if row + column < numbers {
                    *pixel = image.wrapping_add(row + column);
                }
            }
        }
        pixels
    }
}

/// Numbers in a line of the nearest cache.
const LINE: usize = 16;

/// How the transformed numbers of some squares lie.
#[derive(Clone, Copy)]
pub struct Layout {
    /// From one point to the next.
    pub point: usize,
    /// From one panel of channels to the next.
    pub panel: usize,
    /// From one square to the next.
    pub row: usize,
    /// Channels of a panel; they are neighbours.
    pub width: usize,
}

impl Layout {
    /// `[points][tiles][channels]`. Rows, and so points, are an odd number of lines apart: they lie in different sets of
    /// a cache.
    pub fn rows(tiles: usize, channels: usize) -> Layout {
        let row = (channels.div_ceil(LINE) | 1) * LINE;
        Layout { point: (tiles | 1) * row, panel: 0, row, width: channels }
    }

    /// `[points][panels][tiles][width]`, points an odd number of rows apart.
    pub fn panels(tiles: usize, channels: usize, width: usize) -> Layout {
        let rows = (channels / width * tiles) | 1;
        Layout { point: rows * width, panel: tiles * width, row: width, width }
    }

    /// Numbers in all.
    pub fn size(&self) -> usize {
        POINTS * self.point
    }

    /// The place of the first point of a square and channel.
    #[inline(always)]
    pub fn place(&self, tile: usize, channel: usize) -> usize {
        channel / self.width * self.panel + tile * self.row + channel % self.width
    }
}
