//! Convolution of 3x3 filters by Winograd's method, F(4x4, 3x3): a quarter of the multiplications.
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
mod outputs;
mod squares;
mod tiles;
mod transforms;
mod weights_gradient;

use super::Convolution;
use crate::kernels::{InstructionSet, multiply::Tile};
use tiles::Tiles;

/// The side of a square of outputs: pixels from one tile to the next.
const STEP: usize = 4;

/// The side of the square of pixels that a square of outputs sees; a square of transformed numbers has it too.
const SIDE: usize = 6;

/// Transformed numbers of a square.
const POINTS: usize = SIDE * SIDE;

/// Weights of a filter and channel.
const TAPS: usize = 9;

/// Channels and filters that are worth being transformed.
///
/// On AVX2, 32 of each on 16x16 pixels take 0.7 of the time of the direct method, 128 take 0.4; 16 on 32x32 take 1.4.
const WIDE: usize = 32;

/// A convolution by Winograd's method.
#[derive(Clone, Copy)]
pub(super) struct Winograd {
    set: InstructionSet,
    batch: usize,
    /// Height, width and channels of an image.
    input: [usize; 3],
    /// Height, width and channels of an output.
    output: [usize; 3],
    /// Rows and columns of zeros before an image.
    before: [usize; 2],
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
        let Convolution { batch, input, padding: [rows, columns], .. } = *convolution;
        let before = [rows.0, columns.0];
        Winograd { set, batch, input, output: convolution.output(), before, way: Way::Forward }
            .if_faster(convolution)
    }

    /// What makes the gradient of the images out of that of the outputs, if it is faster so.
    pub fn back(convolution: &Convolution, set: InstructionSet) -> Option<Winograd> {
        let Convolution { batch, input, padding: [rows, columns], .. } = *convolution;
        let transposed = Winograd {
            set,
            batch,
            input: convolution.output(),
            output: input,
            before: [rows.0, columns.0],
            way: Way::Transposed,
        };
        let turned = || {
            // The outputs that see the first pixel lie as far before it as a filter reaches.
            let before = [2usize.checked_sub(rows.0)?, 2usize.checked_sub(columns.0)?];
            Some(Winograd { before, way: Way::Turned, ..transposed })
        };
        // Squares that overlap are more to write, and worth it where they are fewer.
        turned()
            .filter(|turned| turned.grid().per_image() <= transposed.grid().per_image())
            .unwrap_or(transposed)
            .if_faster(convolution)
    }

    /// Squares have to be mostly full: 2x2 pixels take three times, 5x5 1.2, 7x7 0.65 of the direct method's time.
    fn if_faster(self, convolution: &Convolution) -> Option<Winograd> {
        let width = Tile::of(self.set).width;
        let wide = |channels: usize| channels >= WIDE && channels.is_multiple_of(width);
        let Tiles { size: [height, width], .. } = self.grid();
        let squares = self.grid().per_image() * STEP * STEP;
        let pixels = self.batch.min(1) * height * width;
        (!cfg!(feature = "direct-convolutions")
            && convolution.kernel == [3, 3]
            && convolution.stride == 1
            && wide(self.input[2])
            && wide(self.output[2])
            && pixels > 0
            && 3 * pixels >= 2 * squares)
            .then_some(self)
    }

    /// The squares that do not overlap: those of the convolution's outputs, or of its images if the way is a convolution
    /// back to them.
    fn grid(&self) -> Tiles {
        let [height, width, _] = match self.way {
            Way::Forward | Way::Turned => self.output,
            Way::Transposed => self.input,
        };
        let count = [height.div_ceil(STEP), width.div_ceil(STEP)];
        Tiles { size: [height, width], count, before: [0; 2] }
    }

    /// The squares that overlap: six by six pixels for each of the grid.
    fn overlapping(&self) -> Tiles {
        let [height, width, _] = match self.way {
            Way::Forward | Way::Turned => self.input,
            Way::Transposed => self.output,
        };
        Tiles { size: [height, width], before: self.before, ..self.grid() }
    }

    /// The squares that are transformed.
    fn input_tiles(&self) -> Tiles {
        match self.way {
            Way::Forward | Way::Turned => self.overlapping(),
            Way::Transposed => self.grid(),
        }
    }

    /// The squares that are made.
    fn output_tiles(&self) -> Tiles {
        match self.way {
            Way::Forward | Way::Turned => self.grid(),
            Way::Transposed => self.overlapping(),
        }
    }
}
