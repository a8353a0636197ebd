//! Reads or generates a dataset.

use std::path::Path;

use super::catalog::Files;
use super::{DataError, Dataset, DatasetName, GlyphsConfig, cifar, find, glyphs, idx};

/// Reads a dataset from the folder that [`find`] returns, or generates it according to `glyphs`.
///
/// # Errors
/// The errors of [`find`], and a file that cannot be read or has the wrong content.
pub fn load(
    name: DatasetName,
    folder: Option<&Path>,
    glyphs: &GlyphsConfig,
) -> Result<Dataset, DataError> {
    match &name.entry().files {
        Files::Generated => glyphs::generate(glyphs),
        Files::Idx(files) => idx::load(name, files, &find(name, folder)?),
        Files::Cifar(files) => cifar::load(name, files, &find(name, folder)?),
    }
}
