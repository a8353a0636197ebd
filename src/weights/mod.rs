//! Files of weights in several formats, and statistics of their weight matrices.
//!
//! Opening a [`TensorFile`] reads no weights. [`TensorFile::read`] reads one tensor as 32-bit
//! floats, and a [`MatrixSummary`] summarizes a weight matrix. The [`Layout`] of a matrix says
//! which of its axes runs over the neurons.

mod compare;
mod file;
mod float;
mod hdf5;
mod layout;
mod names;
mod percentiles;
mod pytorch;
mod reader;
mod safetensors;
mod summary;
mod tensor;

pub use compare::compare;
pub(crate) use compare::{Comparison, partners};
pub(crate) use file::printable;
pub use file::{TensorFile, TensorFileError};
pub use float::Float;
pub(crate) use layout::Layout;
pub(crate) use percentiles::PERCENTILES;
pub use reader::Format;
pub(crate) use summary::MatrixSummary;
pub use tensor::TensorInfo;
