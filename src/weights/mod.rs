//! Weights that come from anywhere: files of several formats read one tensor at a time, and what their weight
//! matrices look like.

mod layout;
mod percentiles;
mod summary;

pub use layout::Layout;
pub use percentiles::PERCENTILES;
pub use summary::MatrixSummary;
