//! Fast operations for the CPU, on plain slices, each beside a scalar twin that says what it computes.
//!
//! Images lie *channels last*: `[batch, height, width, channels]`. So the channels of one pixel are neighbours, vector
//! instructions run along them, and whatever the size, stride or padding of a convolution, one multiplication kernel
//! serves it. Weights keep the order of a weight vector: `[out, in, height, width]`.

use crate::instructions::{self, InstructionSet};

mod attend;
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
#[cfg(test)]
mod testing;

pub use attend::attended;
pub use convolution::Convolution;
pub use dense::Dense;
pub use dropout::Dropout;
pub use layout::transpose;
pub use loss::{Loss, cross_entropy};
pub use normalize::{Moments, Normalize};
pub use optimizer::{Fused, Rule, Share, Update, step};
pub use peak::arithmetic_peak;
pub use pool::Pool;
pub use relu::{add, relu, relu_backward};
