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

    /// Where the pixels of a square begin, for images of so many channels; those beyond the edge are `None`.
    #[inline(always)]
    pub fn pixels<const SIDE: usize>(
        &self,
        tile: usize,
        channels: usize,
    ) -> [[Option<usize>; SIDE]; SIDE] {
        let [height, width] = self.size;
        let (image, tile) = (tile / self.per_image(), tile % self.per_image());
        // What is before the image becomes too large a number.
        let top = (tile / self.count[1] * STEP).wrapping_sub(self.before[0]);
        let left = (tile % self.count[1] * STEP).wrapping_sub(self.before[1]);
        let mut pixels = [[None; SIDE]; SIDE];
        for (row, pixels) in pixels.iter_mut().enumerate() {
            for (column, pixel) in pixels.iter_mut().enumerate() {
                let place = |axis: usize, position: usize| {
                    position.wrapping_mul(self.stride).wrapping_add(self.first[axis])
                };
                let y = place(0, top.wrapping_add(row));
                let x = place(1, left.wrapping_add(column));
                if y < height && x < width {
                    *pixel = Some(((image * height + y) * width + x) * channels);
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
