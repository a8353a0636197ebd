//! Winograd's method F(4x4, 3x3) for convolutions of 3x3 filters with stride 1. It needs a quarter
//! of the multiplications. A convolution of 5x5 filters with stride 2 is of the same kind:
//! splitting the images into even and odd rows and columns gives four times as many channels, each
//! with the weights of the filter that reach it. That needs a third of the multiplications.
//!
//! Outputs are computed in tiles of 4x4. The 6x6 pixels under such a tile are transformed into 36
//! values per channel, and so is, once, each filter. At each of these 36 points, channels and
//! filters are multiplied as in a dense layer. A second transform turns the 36 products into a tile
//! of outputs. Images pass through these steps block by block, so that transformed values stay in
//! the caches.
//!
//! The gradient of the images is either a convolution with rotated filters, or the transpose of the
//! forward pass, step by step. The tiles of the latter overlap, but may be fewer. The gradient of
//! the weights is computed by transposed transforms before and after 36 products.
//!
//! Rounding errors are about twice those of the direct method: for 128 channels, their root mean
//! square is 1e-6 of that of the outputs, and the largest is 1e-5. A NaN reaches all outputs of its
//! tiles, not only those whose filters see it.

mod filters;
mod lattices;
mod outputs;
mod squares;
mod tiles;
mod transforms;
mod weights_gradient;

use super::Convolution;
use crate::kernels::{InstructionSet, multiply::Tile};
use lattices::Lattices;
use tiles::Tiles;

/// Side of an output tile, and distance between neighbouring tiles.
const STEP: usize = 4;

/// Side of the tile of pixels under an output tile, and of a transformed tile.
const SIDE: usize = 6;

/// Values of a transformed tile, per channel.
const POINTS: usize = SIDE * SIDE;

/// Side of a filter, in pixels of a lattice.
const REACH: usize = 3;

/// Least number of channels and of filters for which the transforms pay off.
///
/// Measured against the direct method on AVX2: 32 of each on 16x16 pixels take 0.7 of the time, 128
/// take 0.4; 16 on 32x32 pixels take 1.4. On AVX-512, where 16 channels are one vector, they take
/// 0.8.
fn least_channels(set: InstructionSet) -> usize {
    if set == InstructionSet::Avx512 { 16 } else { 32 }
}

/// A convolution computed by Winograd's method.
#[derive(Clone, Copy)]
pub(super) struct Winograd {
    set: InstructionSet,
    batch: usize,
    /// Images whose tiles are transformed.
    input: Lattices,
    /// Images whose tiles are computed.
    output: Lattices,
    /// Rows and columns of zeros before each lattice of the overlapping tiles.
    before: [usize; 2],
    /// Height and width of a filter.
    kernel: [usize; 2],
    /// Rows and columns by which filters are shifted against the lattices: 1 if the padding is odd
    /// and the stride 2.
    aside: [usize; 2],
    pass: Pass,
}

/// The result of a pass, and the way to compute it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Pass {
    /// Outputs from images.
    Forward,
    /// Gradient of the images as a convolution of the outputs' gradient with filters rotated by 180
    /// degrees.
    Rotated,
    /// Gradient of the images by the transposed steps of [`Pass::Forward`], in the same tiles:
    /// those of the images' gradient overlap.
    Transposed,
}

impl Winograd {
    /// The convolution by this method, if it is faster than the direct one.
    pub(super) fn of(convolution: &Convolution, set: InstructionSet) -> Option<Winograd> {
        Self::forward(convolution, set).if_faster(convolution)
    }

    /// The gradient of the images by this method, if it is faster than the direct one.
    pub(super) fn back(convolution: &Convolution, set: InstructionSet) -> Option<Winograd> {
        let forward = Self::forward(convolution, set);
        let (input, output) = (forward.output, forward.input);
        let transposed = Winograd { input, output, pass: Pass::Transposed, ..forward };
        let rotated = || {
            // The first output that reaches the first pixel lies `REACH` - 1 rows and columns
            // before it, less the padding.
            let before = forward.before.map(|before| (REACH - 1).checked_sub(before));
            let [Some(rows), Some(columns)] = before else { return None };
            Some(Winograd { before: [rows, columns], pass: Pass::Rotated, ..transposed })
        };
        // Overlapping tiles write more values, which pays off only if there are fewer of them.
        rotated()
            .filter(|rotated| rotated.grid().per_image() <= transposed.grid().per_image())
            .unwrap_or(transposed)
            .if_faster(convolution)
    }

    fn forward(convolution: &Convolution, set: InstructionSet) -> Winograd {
        let Convolution { batch, kernel, stride, .. } = *convolution;
        let padding = convolution.padding.map(|(before, _)| before);
        Winograd {
            set,
            batch,
            input: Lattices::new(convolution.input, stride),
            output: Lattices::new(convolution.output(), 1),
            before: padding.map(|before| before.div_ceil(stride)),
            kernel,
            aside: padding.map(|before| before.next_multiple_of(stride) - before),
            pass: Pass::Forward,
        }
    }

    /// Tiles have to be mostly inside the images. Compared with the direct method, images of 2x2
    /// pixels take three times as long, 5x5 take 1.2 and 7x7 take 0.65 of the time.
    fn if_faster(self, convolution: &Convolution) -> Option<Winograd> {
        let tile = Tile::of(self.set);
        let wide = |images: Lattices| {
            // A panel of filters belongs to a single lattice.
            let width =
                if images.count() == 1 { tile.width_for(images.channels) } else { tile.width };
            images.channels >= least_channels(self.set) && images.channels.is_multiple_of(width)
        };
        let Convolution { kernel, stride, .. } = *convolution;
        let squares = self.grid().per_image() * STEP * STEP;
        let [height, width] = self.disjoint().lattice();
        let pixels = self.batch.min(1) * height * width;
        (!cfg!(feature = "direct-convolutions")
            && matches!((kernel, stride), ([3, 3], 1) | ([5, 5], 2))
            && wide(self.input)
            && wide(self.output)
            && pixels > 0
            && 3 * pixels >= 2 * squares)
            .then_some(self)
    }

    /// The images whose tiles do not overlap: what a convolution computes, or what a transposed
    /// convolution reads.
    fn disjoint(&self) -> Lattices {
        match self.pass {
            Pass::Forward | Pass::Rotated => self.output,
            Pass::Transposed => self.input,
        }
    }

    /// The tiles of these images, in the first lattice.
    fn grid(&self) -> Tiles {
        let images = self.disjoint();
        let count = images.lattice().map(|size| size.div_ceil(STEP));
        Tiles { size: images.size, count, before: [0; 2], first: [0; 2], stride: images.stride }
    }

    /// The 6x6 tiles that overlap, in the first lattice: one for each tile of the grid.
    fn overlapping(&self) -> Tiles {
        let Lattices { size, stride, .. } = match self.pass {
            Pass::Forward | Pass::Rotated => self.input,
            Pass::Transposed => self.output,
        };
        Tiles { size, stride, before: self.before, ..self.grid() }
    }

    /// The tiles that are transformed, in the first lattice.
    fn input_tiles(&self) -> Tiles {
        match self.pass {
            Pass::Forward | Pass::Rotated => self.overlapping(),
            Pass::Transposed => self.grid(),
        }
    }

    /// The tiles that are computed, in the first lattice.
    fn output_tiles(&self) -> Tiles {
        match self.pass {
            Pass::Forward | Pass::Rotated => self.grid(),
            Pass::Transposed => self.overlapping(),
        }
    }

    /// For each pixel of a lattice under a filter, in row-major order, the offset of its weight in
    /// `[kernel height][kernel width]`; `None` if the filter has no weight there.
    fn taps(&self, lattice: usize) -> [Option<usize>; REACH * REACH] {
        let (images, rotated) = match self.pass {
            Pass::Forward => (self.input, false),
            Pass::Rotated => (self.output, true),
            Pass::Transposed => (self.output, false),
        };
        let first = images.first(lattice);
        let place = |axis: usize, pixel: usize| {
            let pixel = if rotated { REACH - 1 - pixel } else { pixel };
            let place = (images.stride * pixel + first[axis]).checked_sub(self.aside[axis])?;
            (place < self.kernel[axis]).then_some(place)
        };
        std::array::from_fn(|pixel| {
            Some(place(0, pixel / REACH)? * self.kernel[1] + place(1, pixel % REACH)?)
        })
    }
}
