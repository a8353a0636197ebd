//! Datasets: finding, downloading and reading them, and making batches of them.
//!
//! [`Images`] keep the pixels as the bytes of the files. Bytes become floating-point numbers when a
//! [`BatchMaker`] makes a batch, through a [`Normalizer`] fitted on the training set and an
//! optional [`Augmentation`]. Every batch is a function of the seed and the step alone. A
//! [`BatchLoader`] supplies the trainer with batches.
//!
//! Data files are untrusted input. A reader checks every length and magic number against the actual
//! content before relying on it, and an error names the file, what was expected and what was found.

pub mod fetch;

mod augment;
mod batches;
mod catalog;
mod checksums;
mod cifar;
mod error;
mod glyphs;
mod idx;
mod images;
mod load;
mod loader;
mod normalize;
mod search;

pub use augment::Augmentation;
pub use batches::Batch;
pub(crate) use batches::{BatchMaker, BatchPlan};
pub use catalog::DatasetName;
pub(crate) use checksums::is_published;
pub use error::DataError;
pub(crate) use glyphs::GlyphsConfig;
pub use images::Images;
pub(crate) use images::{DataFile, Dataset, ImageShape};
pub use load::load;
pub(crate) use loader::BatchLoader;
pub use normalize::Normalization;
pub(crate) use normalize::Normalizer;
pub use search::find;
pub(crate) use search::{cache_folder, find_files};
