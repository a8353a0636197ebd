//! Standard output, tables, progress bars, and results written to files.

use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};

use indicatif::ProgressStyle;
use serde::Serialize;

use super::failure::{Failure, Result, WriteError};
use crate::figure::to_png;
use crate::model::write_atomically;

/// Writes text to standard output.
pub(super) fn text(text: &str) -> Result {
    let mut output = io::stdout().lock();
    match output.write_all(text.as_bytes()).and_then(|()| output.flush()) {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Err(Failure::output_closed()),
        written => Ok(written?),
    }
}

/// Writes a JSON object to standard output, on one line.
pub(super) fn json(value: &impl Serialize) -> Result {
    text(&format!("{}\n", serde_json::to_string(value)?))
}

/// Writes a file completely or not at all.
pub(super) fn file(path: &Path, bytes: &[u8]) -> Result {
    Ok(write_atomically(path, bytes)
        .map_err(|source| WriteError { path: path.to_owned(), source })?)
}

/// Style of a progress bar. `template` is a constant of this program in indicatif's syntax.
pub(super) fn bar_style(template: &str) -> ProgressStyle {
    // A mistake in the template must not keep a command from its work.
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}

/// Aligns the columns of `rows`, of which the first is the header. Lines have no trailing spaces.
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

/// A file to write a picture to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Picture {
    path: PathBuf,
    png: bool,
}

/// Parses the name of a picture file, whose extension selects the format.
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
    /// Writes the picture, as PNG with `scale` pixels per unit of the SVG.
    pub(super) fn write(&self, svg: &str, scale: f64) -> Result {
        if self.png {
            file(&self.path, &to_png(svg, scale)?)
        } else {
            file(&self.path, svg.as_bytes())
        }
    }
}
