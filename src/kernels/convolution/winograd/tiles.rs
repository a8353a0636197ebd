//! Positions of tiles in images, and layout of transformed tiles.

use super::{POINTS, STEP};

/// Tiles, [`STEP`] apart, that cover one lattice of the images' pixels. They are numbered image by
/// image and row by row.
#[derive(Clone, Copy)]
pub(super) struct Tiles {
    /// Height and width of an image.
    pub size: [usize; 2],
    /// Rows of tiles in an image, and tiles in a row.
    pub count: [usize; 2],
    /// Rows and columns of the lattice by which the first tile starts before it.
    pub before: [usize; 2],
    /// Row and column of the first pixel of the lattice.
    pub first: [usize; 2],
    /// Distance between neighbouring pixels of the lattice.
    pub stride: usize,
}

impl Tiles {
    /// Number of tiles in an image.
    pub(super) fn per_image(&self) -> usize {
        self.count[0] * self.count[1]
    }

    /// The pixels of a tile, in images with the given number of channels.
    #[inline(always)]
    pub(super) fn pixels<const SIDE: usize>(&self, tile: usize, channels: usize) -> Pixels<SIDE> {
        let (image, tile) = (tile / self.per_image(), tile % self.per_image());
        let square = [tile / self.count[1], tile % self.count[1]];
        let distances = [self.size[1] * channels, channels];
        let mut places = [[BEYOND; SIDE]; 2];
        for axis in 0..2 {
            // A position before the image wraps around to a large number.
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

/// Offset of a row or column beyond the edge. The sum of two of them does not overflow.
const BEYOND: usize = usize::MAX / 2;

/// Offsets of the pixels of a tile.
pub(super) struct Pixels<const SIDE: usize> {
    /// Index of the tile's image.
    pub image: usize,
    rows: [usize; SIDE],
    columns: [usize; SIDE],
}

impl<const SIDE: usize> Pixels<SIDE> {
    /// Address of each pixel in an image of `numbers` values. Pixels beyond its edge are at
    /// `beyond`.
    #[inline(always)]
    pub(super) fn at(
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

/// Values per cache line.
const LINE: usize = 16;

/// Layout of transformed tiles. Distances are in values.
#[derive(Clone, Copy)]
pub(super) struct Layout {
    /// Distance between points.
    pub point: usize,
    /// Distance between panels of channels.
    pub panel: usize,
    /// Distance between tiles.
    pub row: usize,
    /// Channels per panel; they are contiguous.
    pub width: usize,
}

impl Layout {
    /// `[points][tiles][channels]`. Rows, and with them points, are an odd number of cache lines
    /// apart, so that they lie in different sets of a cache.
    pub(super) fn rows(tiles: usize, channels: usize) -> Layout {
        let row = (channels.div_ceil(LINE) | 1) * LINE;
        Layout { point: (tiles | 1) * row, panel: 0, row, width: channels }
    }

    /// `[points][panels][tiles][width]`, with points an odd number of rows apart.
    pub(super) fn panels(tiles: usize, channels: usize, width: usize) -> Layout {
        let rows = (channels / width * tiles) | 1;
        Layout { point: rows * width, panel: tiles * width, row: width, width }
    }

    /// Number of values.
    pub(super) fn size(&self) -> usize {
        POINTS * self.point
    }

    /// Offset of the first point of a tile and channel.
    #[inline(always)]
    pub(super) fn place(&self, tile: usize, channel: usize) -> usize {
        channel / self.width * self.panel + tile * self.row + channel % self.width
    }
}
