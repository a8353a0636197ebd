//! Datasets: where they lie, how they are read, and how they become batches.
//!
//! Everything is held in memory as the bytes the files hold ([`Images`]): a pixel becomes a number
//! only on its way into a batch, through a [`Normalizer`] fitted on the train set and an optional
//! [`Augmentation`]. A [`BatchMaker`] does that, and every batch is a function of the seed and the
//! step alone; a [`BatchLoader`] hands the batches to the trainer.
//!
//! A data file is a stranger's: a reader checks every length and every magic number against what is
//! there before it believes them, and an error names the file, what was expected and what was found.

pub mod fetch;

mod augment;
mod batches;
mod cifar;
mod error;
mod glyphs;
mod idx;
mod images;
mod loader;
mod normalize;
mod published;
mod search;

pub use augment::Augmentation;
pub use batches::{Batch, BatchMaker, BatchPlan};
pub use error::DataError;
pub use glyphs::GlyphsConfig;
pub use images::{DataFile, Dataset, DatasetName, ImageShape, Images};
pub use loader::BatchLoader;
pub use normalize::{Normalization, Normalizer};
pub use published::is_published;
pub use search::{cache_folder, find, find_files, load};
