//! Convolution of 3x3 filters by Winograd's method, F(4x4, 3x3): a quarter of the multiplications. One of 5x5 filters
//! and stride 2 is such a convolution, too: of four times as many channels, which are the pixels of even or odd rows and
//! columns, each with those weights of a filter that reach it. That takes a third of the multiplications.
//!
//! Outputs are made in squares of four by four. The six by six pixels that such a square sees are transformed into 36
//! numbers per channel, and so is, once, each filter. For each of the 36 points, channels and filters are multiplied as
//! in a dense layer; a second transform makes the square of outputs of the 36 products. Images go through this block by
//! block, so that what is transformed never leaves the caches.
//!
//! The gradient of the images is a convolution again, or the same thing turned round, by the transposed transforms: then
//! its squares overlap, but may be fewer. That of the weights is made by transposed transforms on either side of 36
//! products.
//!
//! Errors are about twice those of the direct method: their root mean square is 1e-6 of that of the outputs, the largest
//! 1e-5, for 128 channels. What is not a number reaches all outputs of a square, not just those that see it.

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

/// The side of a square of outputs: pixels from one tile to the next.
const STEP: usize = 4;

/// The side of the square of pixels that a square of outputs sees; a square of transformed numbers has it too.
const SIDE: usize = 6;

/// Transformed numbers of a square.
const POINTS: usize = SIDE * SIDE;

/// The side of a filter, in pixels of a lattice.
const REACH: usize = 3;

/// How many channels and filters are worth being transformed, at least.
///
/// On AVX2, 32 of each on 16x16 pixels take 0.7 of the time of the direct method, 128 take 0.4; 16 on 32x32 take 1.4. On
/// AVX-512, where these are a vector, they take 0.8.
fn least_channels(set: InstructionSet) -> usize {
    if set == InstructionSet::Avx512 { 16 } else { 32 }
}

/// A convolution by Winograd's method.
#[derive(Clone, Copy)]
pub(super) struct Winograd {
    set: InstructionSet,
    batch: usize,
    /// What squares are transformed of.
    input: Lattices,
    /// What squares are made of.
    output: Lattices,
    /// Rows and columns of zeros before each lattice of the overlapping squares.
    before: [usize; 2],
    /// Height and width of a filter.
    kernel: [usize; 2],
    /// Rows and columns of padding, if it is odd: those by which filters lie beside the lattices.
    aside: [usize; 2],
    way: Way,
}

/// What is made of what.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    /// Outputs of images.
    Forward,
    /// The gradient of images of that of outputs, as a convolution with filters turned by 180 degrees.
    Turned,
    /// The same by the transposed steps of [`Way::Forward`], in its squares: those of the images' gradient overlap.
    Transposed,
}

impl Winograd {
    /// The same convolution by this method, if that is faster.
    pub fn of(convolution: &Convolution, set: InstructionSet) -> Option<Winograd> {
        Self::forward(convolution, set).if_faster(convolution)
    }

    /// What makes the gradient of the images out of that of the outputs, if it is faster so.
    pub fn back(convolution: &Convolution, set: InstructionSet) -> Option<Winograd> {
        let forward = Self::forward(convolution, set);
        let (input, output) = (forward.output, forward.input);
        let transposed = Winograd { input, output, way: Way::Transposed, ..forward };
        let turned = || {
            // The outputs that see the first pixel lie as far before it as a filter reaches.
            let before = forward.before.map(|before| (REACH - 1).checked_sub(before));
            let [Some(rows), Some(columns)] = before else { return None };
            Some(Winograd { before: [rows, columns], way: Way::Turned, ..transposed })
        };
        // Squares that overlap are more to write, and worth it where they are fewer.
        turned()
            .filter(|turned| turned.grid().per_image() <= transposed.grid().per_image())
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
            way: Way::Forward,
        }
    }

    /// Squares have to be mostly full: 2x2 pixels take three times, 5x5 1.2, 7x7 0.65 of the direct method's time.
    fn if_faster(self, convolution: &Convolution) -> Option<Winograd> {
        let tile = Tile::of(self.set);
        let wide = |images: Lattices| {
            // A row of a tile is of one lattice.
            let width =
                if images.count() == 1 { tile.width_for(images.channels) } else { tile.width };
            images.channels >= least_channels(self.set) && images.channels.is_multiple_of(width)
        };
        let Convolution { kernel, stride, .. } = *convolution;
        let squares = self.grid().per_image() * STEP * STEP;
        let [height, width] = self.apart().lattice();
        let pixels = self.batch.min(1) * height * width;
        (!cfg!(feature = "direct-convolutions")
            && matches!((kernel, stride), ([3, 3], 1) | ([5, 5], 2))
            && wide(self.input)
            && wide(self.output)
            && pixels > 0
            && 3 * pixels >= 2 * squares)
            .then_some(self)
    }

    /// The images whose squares do not overlap: the convolution's outputs, or its images if the way is a convolution back
    /// to them.
    fn apart(&self) -> Lattices {
        match self.way {
            Way::Forward | Way::Turned => self.output,
            Way::Transposed => self.input,
        }
    }

    /// Their squares, of the first lattice.
    fn grid(&self) -> Tiles {
        let apart = self.apart();
        let count = apart.lattice().map(|size| size.div_ceil(STEP));
        Tiles { size: apart.size, count, before: [0; 2], first: [0; 2], stride: apart.stride }
    }

    /// The squares that overlap, of the first lattice: six by six pixels for each of the grid.
    fn overlapping(&self) -> Tiles {
        let Lattices { size, stride, .. } = match self.way {
            Way::Forward | Way::Turned => self.input,
            Way::Transposed => self.output,
        };
        Tiles { size, stride, before: self.before, ..self.grid() }
    }

    /// The squares that are transformed, of the first lattice.
    fn input_tiles(&self) -> Tiles {
        match self.way {
            Way::Forward | Way::Turned => self.overlapping(),
            Way::Transposed => self.grid(),
        }
    }

    /// The squares that are made, of the first lattice.
    fn output_tiles(&self) -> Tiles {
        match self.way {
            Way::Forward | Way::Turned => self.grid(),
            Way::Transposed => self.overlapping(),
        }
    }

    /// For each pixel of a lattice that a filter reaches, row by row, the place of its weight among those of the filter and
    /// a channel; none if there is no such weight.
    fn taps(&self, lattice: usize) -> [Option<usize>; REACH * REACH] {
        let (images, turned) = match self.way {
            Way::Forward => (self.input, false),
            Way::Turned => (self.output, true),
            Way::Transposed => (self.output, false),
        };
        let first = images.first(lattice);
        let place = |axis: usize, pixel: usize| {
            let pixel = if turned { REACH - 1 - pixel } else { pixel };
            let place = (images.stride * pixel + first[axis]).checked_sub(self.aside[axis])?;
            (place < self.kernel[axis]).then_some(place)
        };
        std::array::from_fn(|pixel| {
            Some(place(0, pixel / REACH)? * self.kernel[1] + place(1, pixel % REACH)?)
        })
    }
}
