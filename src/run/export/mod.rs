//! Everything that a run measured, as files that other tools read: CSV and Parquet for pandas, DuckDB and the like, event
//! files for TensorBoard.
//!
//! CSV and Parquet have one tidy [`Table`] per kind of event, one row per observation, all with the columns `step`,
//! `epoch` and `seconds`. A log of any length is written as it is read. A table without rows is its header alone, which
//! DuckDB recognizes in CSV only if it is told `header = true`.

mod csv;
mod file;
mod parquet;
mod table;
mod tensorboard;

use std::io;
use std::path::{Path, PathBuf};

use self::csv::CsvTable;
use self::parquet::ParquetTable;
use self::table::{Cell, Tables};
use self::tensorboard::Scalars;
use super::{LogCursor, ReadError, RunFolder, RunState, Summary};
use crate::train::{Event, EventKind};

pub use table::Table;

/// What to write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// A comma-separated file per table, with a header; what is missing is empty.
    Csv,
    /// A Parquet file per table; what is missing is null.
    Parquet,
    /// An event file for TensorBoard.
    TensorBoard,
}

impl Format {
    /// Every format.
    pub const ALL: [Format; 3] = [Format::Csv, Format::Parquet, Format::TensorBoard];

    /// What it is called.
    pub fn name(self) -> &'static str {
        match self {
            Format::Csv => "csv",
            Format::Parquet => "parquet",
            Format::TensorBoard => "tensorboard",
        }
    }
}

/// An export that failed.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// The run cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The log was cut, as resuming a run does.
    #[error("the log of {0} was cut while it was read: export it again")]
    Cut(String),
    /// A file cannot be written.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

impl ExportError {
    /// Whether what the user gave is at fault, rather than a full disk.
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

/// A file that was written.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Exported {
    /// Where it is.
    pub file: PathBuf,
    /// Rows of a table, records of an event file.
    pub rows: u64,
}

/// Writes all that the run in `folder` measured into the folder `into`, which is made if it is not there. Files of the
/// same names are replaced once the new ones are whole. A table without rows is written too.
///
/// # Errors
/// A log that cannot be read, or files that cannot be written.
pub fn export(
    folder: &RunFolder,
    format: Format,
    into: &Path,
) -> Result<Vec<Exported>, ExportError> {
    let io = |source| ExportError::Io { path: into.to_owned(), source };
    std::fs::create_dir_all(into).map_err(io)?;
    match format {
        Format::Csv => tables::<CsvTable>(folder, into),
        Format::Parquet => tables::<ParquetTable>(folder, into),
        Format::TensorBoard => {
            let begun = Summary::of(&RunState::default(), folder).begun.unwrap_or(0);
            let mut scalars = Scalars::create(into, begun).map_err(io)?;
            each_event(folder, |event| scalars.take(event).map_err(io))?;
            Ok(vec![scalars.finish().map_err(io)?])
        }
    }
}

/// A file that rows are written to.
trait TableFile: Sized {
    fn create(table: Table, folder: &Path) -> io::Result<Self>;
    fn row(&mut self, cells: &[Cell]) -> io::Result<()>;
    fn finish(self) -> io::Result<Exported>;
}

fn tables<F: TableFile>(folder: &RunFolder, into: &Path) -> Result<Vec<Exported>, ExportError> {
    let io = |source| ExportError::Io { path: into.to_owned(), source };
    let files = Table::ALL.map(|table| F::create(table, into));
    let mut files = files.into_iter().collect::<io::Result<Vec<F>>>().map_err(io)?;
    let mut tables = Tables::default();
    each_event(folder, |event| {
        tables.rows(event, |table, cells| files[table as usize].row(cells)).map_err(io)
    })?;
    files.into_iter().map(|file| file.finish().map_err(io)).collect()
}

fn each_event(
    folder: &RunFolder,
    mut take: impl FnMut(&Event) -> Result<(), ExportError>,
) -> Result<(), ExportError> {
    let mut log = LogCursor::open(folder)?;
    loop {
        let events = log.next_events()?;
        if log.take_restarted() {
            return Err(ExportError::Cut(folder.name()));
        }
        if events.is_empty() {
            return Ok(());
        }
        events.iter().try_for_each(&mut take)?;
    }
}

/// What must be known of a run to understand its events one by one: what it set out to do, and its schedule.
fn follow(state: &mut RunState, event: &Event) {
    let kinds = matches!(event.kind, EventKind::Started(_) | EventKind::Schedule(_));
    if kinds {
        state.apply(event);
    }
}
