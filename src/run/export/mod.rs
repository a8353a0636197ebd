//! Exporting the measurements of a run to files that other tools read: CSV and Parquet for pandas,
//! DuckDB and the like, and event files for TensorBoard.
//!
//! The log is folded once and written as it is read, so that memory does not grow with its length.
//!
//! - A format is a file in this folder and a row in [`Format::create`]. It implements [`Export`],
//!   which writes an event. `csv.rs` and `parquet.rs` only write rows; [`TableFiles`] makes an
//!   export of them, with one file per table.
//! - A table is a file in `tables/` and a row in its list.

mod csv;
mod file;
mod parquet;
mod table_files;
mod tables;
mod tensorboard;

use std::io;
use std::path::{Path, PathBuf};

use self::csv::CsvFile;
use self::parquet::ParquetFile;
use self::table_files::TableFiles;
use self::tensorboard::EventFile;
use super::{LogCursor, ReadError, RunFolder, RunState};
use crate::train::{Event, EventKind};

/// The format of an export.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, strum::VariantArray, strum::IntoStaticStr, clap::ValueEnum,
)]
#[strum(serialize_all = "lowercase")]
#[value(rename_all = "lower")]
pub enum Format {
    /// A comma-separated file per table, with a header; a missing value is empty.
    Csv,
    /// A Parquet file per table; a missing value is null.
    Parquet,
    /// An event file for TensorBoard.
    TensorBoard,
}

impl Format {
    /// Name on the command line, such as `csv`.
    pub fn name(self) -> &'static str {
        self.into()
    }

    fn create(self, run: &RunFolder, into: &Path) -> io::Result<Box<dyn Export>> {
        Ok(match self {
            Format::Csv => Box::new(TableFiles::<CsvFile>::create(into)?),
            Format::Parquet => Box::new(TableFiles::<ParquetFile>::create(into)?),
            Format::TensorBoard => Box::new(EventFile::create(run, into)?),
        })
    }
}

/// An export in progress.
trait Export {
    /// Writes what the files show of an event.
    ///
    /// `state` is the state of the run as far as it is needed to understand an event: the `started`
    /// event, and the schedule in effect.
    fn write(&mut self, event: &Event, state: &RunState) -> io::Result<()>;

    /// Completes the files and moves them into place.
    fn finish(self: Box<Self>) -> io::Result<Vec<Exported>>;
}

/// A file that was written.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Exported {
    /// The file that was written.
    pub file: PathBuf,
    /// Number of rows of a table, or of records of an event file.
    pub rows: u64,
}

/// Error of an export.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the messages say what the fields are")]
pub enum ExportError {
    /// The log cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The log was cut, as resuming a run does.
    #[error("the log of {0} was cut while it was read: export it again")]
    Cut(String),
    /// A file or folder cannot be written.
    #[error("{}: {source}", path.display())]
    Io { path: PathBuf, source: io::Error },
}

impl ExportError {
    /// Returns true if the user's input is at fault, rather than a full disk.
    pub fn is_input(&self) -> bool {
        use io::ErrorKind::{FileTooLarge, QuotaExceeded, StorageFull};
        match self {
            ExportError::Read(_) => true,
            ExportError::Cut(_) => false,
            ExportError::Io { source, .. } => {
                !matches!(source.kind(), StorageFull | QuotaExceeded | FileTooLarge)
            }
        }
    }
}

/// Writes all measurements of the run in `folder` into the folder `into`, which is created if it
/// does not exist. Existing files of the same names are replaced when the new ones are complete. A
/// table without rows is written too.
///
/// # Errors
/// The log cannot be read, or a file cannot be written.
pub fn export(
    folder: &RunFolder,
    format: Format,
    into: &Path,
) -> Result<Vec<Exported>, ExportError> {
    let io = |source| ExportError::Io { path: into.to_owned(), source };
    std::fs::create_dir_all(into).map_err(io)?;
    let mut export = format.create(folder, into).map_err(io)?;
    let mut log = LogCursor::open(folder)?;
    let mut state = RunState::default();
    loop {
        let events = log.next_events()?;
        if log.take_restarted() {
            return Err(ExportError::Cut(folder.name()));
        }
        if events.is_empty() {
            return export.finish().map_err(io);
        }
        for event in events {
            // All that is needed, at a fraction of the memory of the whole state.
            if matches!(event.kind, EventKind::Started(_) | EventKind::Schedule(_)) {
                state.apply(&event);
            }
            export.write(&event, &state).map_err(io)?;
        }
    }
}
