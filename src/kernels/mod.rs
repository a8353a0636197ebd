//! Fast operations for the CPU, on plain slices, each beside a scalar twin that says what it computes.
//!
//! Images lie *channels last*: `[batch, height, width, channels]`. So the channels of one pixel are neighbours, vector
//! instructions run along them, and whatever the size, stride or padding of a convolution, one multiplication kernel
//! serves it. Weights keep the order of a weight vector: `[out, in, height, width]`.

mod instructions;
mod peak;

pub use instructions::{InstructionSet, UnknownInstructionSet};
pub use peak::arithmetic_peak;
