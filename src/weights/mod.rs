//! Weights that come from anywhere: files of several formats read one tensor at a time, and what their weight
//! matrices look like.
//!
//! A [`TensorFile`] is opened without reading any weights; [`TensorFile::read`] brings one tensor as 32-bit floats, and
//! a [`MatrixSummary`] sums a weight matrix up. Which axis of a matrix runs over neurons is its [`Layout`].

mod compare;
mod file;
mod float;
mod hdf5;
mod layout;
mod names;
mod percentiles;
mod pytorch;
mod safetensors;
mod summary;

pub use compare::{Comparison, Partners, compare, partners};
pub(crate) use file::printable;
pub use file::{Format, TensorFile, TensorFileError, TensorInfo};
pub use float::Float;
pub use layout::Layout;
pub use percentiles::PERCENTILES;
pub use summary::MatrixSummary;
