//! Fast CPU operations on plain slices, each tested against a simple scalar reference.
//!
//! Images are *channels last*: `[batch, height, width, channels]`. The channels of a pixel are
//! contiguous, so vector instructions run along them, and the same multiplication kernels serve
//! convolutions of any size, stride and padding. Weights keep the order of the paper's weight
//! vectors: `[out, in, height, width]`.

use crate::instructions::{self, InstructionSet};

pub(crate) mod buffers;
mod convolution;
mod dense;
mod dropout;
mod layout;
mod loss;
mod multiply;
mod normalize;
pub mod operations;
mod optimizer;
mod peak;
mod pool;
mod relu;
mod spin;
#[cfg(test)]
mod testing;

pub use convolution::Convolution;
pub use dense::Dense;
pub use dropout::Dropout;
pub use layout::transpose;
pub use loss::{Loss, cross_entropy};
pub(crate) use normalize::Moments;
pub use normalize::{Affine, Normalize, NormalizeGradients};
pub(crate) use optimizer::{Fused, Rule, Share};
pub use optimizer::{Update, step};
pub(crate) use peak::arithmetic_peak;
pub use pool::Pool;
pub use relu::{add, relu, relu_backward};
pub(crate) use spin::with_spinning_worker;
