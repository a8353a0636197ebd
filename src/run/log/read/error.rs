//! Why a run cannot be read.

use std::io;
use std::path::PathBuf;

/// Error of reading a run's log or its `experiment.toml`.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    #[error("{}: {source}", path.display())]
    Io { path: PathBuf, source: io::Error },
    /// The file has lines, and none of the first ones is an event.
    #[error("{}: not the log of a run; its first line: {problem}", path.display())]
    NotALog {
        path: PathBuf,
        /// The error in its first line.
        problem: String,
    },
    #[error("{}: line {line}: {problem}", path.display())]
    Line {
        path: PathBuf,
        /// Counted from 1.
        line: usize,
        problem: String,
    },
}
