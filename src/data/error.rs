//! Everything that can go wrong with data, said to the person who can mend it.

use std::io;
use std::path::{Path, PathBuf};

use super::DatasetName;

/// Why data could not be had.
#[derive(Debug, thiserror::Error)]
pub enum DataError {
    /// No folder of the search order has the dataset.
    #[error(
        "{dataset} is in none of these folders:{}\nfetch it with `laperm data fetch {dataset}`, \
         or name its folder with --data",
        lines(.places)
    )]
    NotFound {
        /// What was looked for.
        dataset: DatasetName,
        /// Every folder looked at, in order.
        places: Vec<PathBuf>,
    },

    /// A folder has a part of the dataset only.
    #[error("{}: {dataset} is incomplete: {} is missing", .folder.display(), .missing.join(", "))]
    Incomplete {
        /// What was looked for.
        dataset: DatasetName,
        /// The folder that has a part.
        folder: PathBuf,
        /// The names of the missing files.
        missing: Vec<String>,
    },

    /// A file is not what it should be: truncated, too long, another format, another file.
    #[error("{}: expected {expected}, found {found}", .path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What should be there.
        expected: String,
        /// What is there.
        found: String,
    },

    /// The operating system refused to read or write.
    #[error("{}: cannot {action}: {source}", .path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What was tried, as a verb: "read", "create".
        action: &'static str,
        /// What the system said.
        source: io::Error,
    },

    /// A dataset without examples, or batches of none.
    #[error(
        "cannot make batches of {batch_size} from {examples} examples: both must be at least 1"
    )]
    NoBatches {
        /// Examples to draw from.
        examples: usize,
        /// Examples in a batch.
        batch_size: usize,
    },

    /// An example that the dataset does not have.
    #[error("{dataset} has {examples} examples, counted from 0: there is no example {example}")]
    NoExample {
        /// The dataset.
        dataset: DatasetName,
        /// The example asked for.
        example: usize,
        /// How many there are.
        examples: usize,
    },

    /// A thread that prepares batches panicked.
    #[error("preparing the batch of step {step} failed: {message}")]
    WorkerPanicked {
        /// The step whose batch is missing.
        step: u64,
        /// The panic's message.
        message: String,
    },

    /// Nothing to download: the dataset is generated.
    #[error("{dataset} is generated: there is nothing to fetch")]
    NothingToFetch {
        /// The dataset.
        dataset: DatasetName,
    },

    /// The user has no home, so no cache folder to download to.
    #[error("there is no cache folder here: name a folder with --into")]
    NoCacheFolder,

    /// `--mirror` is not an address that can be fetched from.
    #[error("the mirror {mirror:?} is no address: it must start with http:// or https://")]
    BadMirror {
        /// The address as given.
        mirror: String,
    },

    /// The server did not give the file.
    #[error("{url}: {problem}")]
    Download {
        /// The address.
        url: String,
        /// What the server or the network said, and what helps.
        problem: String,
    },

    /// What was downloaded is not the published file; it was thrown away.
    #[error("{url}: expected SHA-256 {expected}, found {found}; the download was deleted")]
    Checksum {
        /// The address.
        url: String,
        /// The published checksum.
        expected: String,
        /// The checksum of what came.
        found: String,
    },
}

impl DataError {
    /// Whether what the user gave is at fault (a file, a folder, an option), rather than the
    /// network, the system or the program.
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

    /// For `map_err`: an error of the operating system at `path` while trying to `action`.
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

fn lines(places: &[PathBuf]) -> String {
    places.iter().map(|place| format!("\n  {}", place.display())).collect()
}
