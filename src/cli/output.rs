//! What goes to standard output, and pictures as files.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use color_eyre::Result;
use color_eyre::eyre::eyre;
use serde::Serialize;

use super::InputError;
use crate::figure::to_png;
use crate::model::write_atomically;

/// Writes text as it is.
pub(super) fn text(text: &str) -> Result<()> {
    let mut output = io::stdout().lock();
    output.write_all(text.as_bytes())?;
    Ok(output.flush()?)
}

/// Writes one JSON object on a line.
pub(super) fn json(value: &impl Serialize) -> Result<()> {
    text(&format!("{}\n", serde_json::to_string(value)?))
}

/// Writes a file whole or not at all. A place that the user should not have named is the user's mistake, a full disk is
/// not.
pub(super) fn file(path: &Path, bytes: &[u8]) -> Result<()> {
    use io::ErrorKind::{FileTooLarge, QuotaExceeded, StorageFull};
    write_atomically(path, bytes).map_err(|error| {
        let message = format!("cannot write {}: {error}", path.display());
        match error.kind() {
            StorageFull | QuotaExceeded | FileTooLarge => eyre!(message),
            _ => InputError(message).into(),
        }
    })
}

/// Lines up columns: the first row is the header. The last column is not padded.
pub(super) fn table(rows: &[Vec<String>]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| {
        rows.iter()
            .filter_map(|row| row.get(column))
            .map(|cell| cell.chars().count())
            .max()
            .unwrap_or(0)
    };
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let line = |row: &Vec<String>| {
        let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}"));
        format!("{}\n", cells.collect::<Vec<_>>().join("  ").trim_end())
    };
    rows.iter().map(line).collect()
}

/// A file for a picture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Picture {
    path: PathBuf,
    png: bool,
}

/// The file for a picture that the command line names; its kind is told by its extension.
pub(super) fn picture(text: &str) -> Result<Picture, String> {
    let path = PathBuf::from(text);
    let extension = path.extension().unwrap_or_default().to_ascii_lowercase();
    match extension.to_str() {
        Some("svg") => Ok(Picture { path, png: false }),
        Some("png") => Ok(Picture { path, png: true }),
        _ => Err("the file must end in .svg or .png".into()),
    }
}

impl Picture {
    /// Writes an SVG picture, or its pixels: `scale` of them for each pixel of the web.
    pub(super) fn write(&self, svg: &str, scale: f64) -> Result<()> {
        match self.png {
            true => file(&self.path, &to_png(svg, scale)?),
            false => file(&self.path, svg.as_bytes()),
        }
    }
}
