//! Errors of finding, reading and downloading data.

use std::io;
use std::path::{Path, PathBuf};

use super::DatasetName;

/// An error of finding, reading, preparing or downloading data.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the messages say what the fields are")]
pub enum DataError {
    #[error(
        "{dataset} was not found in any of these folders:{}\nfetch it with `laperm data fetch \
         {dataset}`, or name its folder with --data",
        lines(.folders)
    )]
    NotFound {
        dataset: DatasetName,
        /// Every folder that was searched, in order.
        folders: Vec<PathBuf>,
    },

    #[error("{}: {dataset} is incomplete: {} is missing", .folder.display(), .missing.join(", "))]
    Incomplete {
        dataset: DatasetName,
        folder: PathBuf,
        /// Names of the missing files.
        missing: Vec<String>,
    },

    /// A file has the wrong content: it is truncated, too long, or in another format, or its
    /// checksum is that of another file.
    #[error("{}: expected {expected}, found {found}", .path.display())]
    Malformed { path: PathBuf, expected: String, found: String },

    #[error("{}: cannot {action}: {source}", .path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// The failed operation as a verb, such as "read" or "create".
        action: &'static str,
        source: io::Error,
    },

    #[error(
        "cannot make batches of {batch_size} from {examples} examples: both must be at least 1"
    )]
    NoBatches { examples: usize, batch_size: usize },

    #[error("{dataset} has {examples} examples, counted from 0: there is no example {example}")]
    NoExample { dataset: DatasetName, example: usize, examples: usize },

    /// The thread that prepares batches panicked.
    #[error("preparing the batch of step {step} failed: {message}")]
    WorkerPanicked {
        /// The step whose batch is missing.
        step: u64,
        /// Message of the panic.
        message: String,
    },

    #[error("{dataset} is generated: there is nothing to fetch")]
    NothingToFetch { dataset: DatasetName },

    /// The user has no home folder, and so no cache folder for downloads.
    #[error("there is no cache folder: name a folder with --into")]
    NoCacheFolder,

    /// The value of `--mirror` is not an HTTP address.
    #[error("the mirror {mirror:?} is not an address: it must start with http:// or https://")]
    BadMirror { mirror: String },

    /// A server did not provide the file.
    #[error("{url}: {problem}")]
    Download {
        url: String,
        /// Message of the server or the network, with advice.
        problem: String,
    },

    /// The downloaded file is not the published one. It was deleted.
    #[error("{url}: expected SHA-256 {expected}, found {found}; the download was deleted")]
    Checksum { url: String, expected: String, found: String },
}

impl DataError {
    /// Returns true if the user's input is at fault (a file, a folder, an option), and false if the
    /// network, the system or the program is.
    pub fn is_input(&self) -> bool {
        match self {
            Self::NotFound { .. }
            | Self::Incomplete { .. }
            | Self::Malformed { .. }
            | Self::NoBatches { .. }
            | Self::NoExample { .. }
            | Self::NoCacheFolder
            | Self::NothingToFetch { .. }
            | Self::BadMirror { .. } => true,
            Self::Io { source, .. } => matches!(
                source.kind(),
                io::ErrorKind::NotFound
                    | io::ErrorKind::PermissionDenied
                    | io::ErrorKind::IsADirectory
                    | io::ErrorKind::NotADirectory
                    | io::ErrorKind::ReadOnlyFilesystem
            ),
            Self::WorkerPanicked { .. } | Self::Download { .. } | Self::Checksum { .. } => false,
        }
    }

    /// Returns a function for `map_err` that turns an I/O error into one about `path` and `action`.
    pub(super) fn io(path: &Path, action: &'static str) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_path_buf();
        move |source| Self::Io { path, action, source }
    }

    pub(super) fn malformed(
        path: &Path,
        expected: impl Into<String>,
        found: impl Into<String>,
    ) -> Self {
        Self::Malformed { path: path.to_path_buf(), expected: expected.into(), found: found.into() }
    }
}

fn lines(folders: &[PathBuf]) -> String {
    folders.iter().map(|folder| format!("\n  {}", folder.display())).collect()
}
