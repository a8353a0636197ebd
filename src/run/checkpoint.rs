//! `checkpoint/state.safetensors`: written on a dedicated thread, and read back.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::thread::{self, JoinHandle};

use super::RunFolder;
use crate::train::{Checkpoint, CheckpointError};

/// Error of reading a run's checkpoint.
#[derive(Debug, thiserror::Error)]
pub enum ReadCheckpointError {
    #[error(
        "{name} has no checkpoint yet: train it again from the start, manual changes included, \
         with `laperm rerun {name}`"
    )]
    Missing { name: String },
    #[error("{}: {source}", path.display())]
    Io { path: PathBuf, source: io::Error },
    /// The file is damaged, or not a checkpoint.
    #[error("{}: {problem}", path.display())]
    Format { path: PathBuf, problem: CheckpointError },
}

/// Reads the latest checkpoint of a run.
///
/// # Errors
/// There is no checkpoint, or it is not readable.
pub fn read_checkpoint(folder: &RunFolder) -> Result<Checkpoint, ReadCheckpointError> {
    let path = folder.checkpoint();
    let bytes = fs::read(&path).map_err(|source| match source.kind() {
        io::ErrorKind::NotFound => ReadCheckpointError::Missing { name: folder.name() },
        _ => ReadCheckpointError::Io { path: path.clone(), source },
    })?;
    Checkpoint::from_bytes(&bytes).map_err(|problem| ReadCheckpointError::Format { path, problem })
}

/// Writes checkpoints, one at a time.
#[derive(Debug)]
pub(super) struct CheckpointWriter {
    path: PathBuf,
    writing: Option<JoinHandle<io::Result<()>>>,
    /// The last one could not be written.
    refused: bool,
}

impl CheckpointWriter {
    pub(super) fn new(folder: &RunFolder) -> Self {
        CheckpointWriter { path: folder.checkpoint(), writing: None, refused: false }
    }

    /// Returns true if no checkpoint is being written.
    pub(super) fn is_ready(&self) -> bool {
        self.writing.as_ref().is_none_or(JoinHandle::is_finished)
    }

    /// Starts to write a checkpoint, after waiting for the previous one. `files` are synced to disk
    /// first, because the checkpoint refers to positions in them. Returns a message for the user,
    /// if any.
    pub(super) fn start(&mut self, checkpoint: Checkpoint, files: Vec<File>) -> Option<String> {
        let news = self.wait();
        let path = self.path.clone();
        let write = move || {
            files.iter().try_for_each(File::sync_data)?;
            replace(&path, &checkpoint.to_bytes().map_err(io::Error::other)?)
        };
        let thread = thread::Builder::new().name("checkpoint".into()).spawn(write);
        match thread {
            Ok(thread) => self.writing = Some(thread),
            Err(error) => return self.outcome(Err(error)),
        }
        news
    }

    /// Returns a message for the user about the checkpoint in progress, if it is done.
    pub(super) fn news(&mut self) -> Option<String> {
        if self.is_ready() { self.wait() } else { None }
    }

    /// As [`CheckpointWriter::news`], but waits until it is done.
    pub(super) fn wait(&mut self) -> Option<String> {
        let written = self.writing.take()?.join();
        self.outcome(written.unwrap_or_else(|_| Err(io::Error::other("its thread crashed"))))
    }

    /// Reports the first failure in a row, and the first success after it.
    fn outcome(&mut self, written: io::Result<()>) -> Option<String> {
        let before = std::mem::replace(&mut self.refused, written.is_err());
        match written {
            Err(error) if !before => Some(format!(
                "the checkpoint cannot be written: {error}; \
                 training continues, and the previous one is kept"
            )),
            Ok(()) if before => Some("the checkpoint is written again".into()),
            _ => None,
        }
    }
}

impl Drop for CheckpointWriter {
    fn drop(&mut self) {
        self.wait();
    }
}

/// Replaces the file at `path`: writes a file beside it, syncs it to disk and renames it. The
/// temporary name is always the same, so that a crash leaves at most one partial file, which the
/// next checkpoint overwrites.
fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    let beside = path.with_extension("new");
    let written = File::create(&beside).and_then(|mut file| {
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&beside, path)
    });
    if written.is_err() {
        // On a full disk, makes room for the log.
        let _ = fs::remove_file(&beside);
    }
    written
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trouble_is_told_once_and_its_end() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut writer = CheckpointWriter::new(&RunFolder::open(folder.path()));
        let refused = || Err(io::Error::from(io::ErrorKind::StorageFull));
        assert_eq!(writer.outcome(Ok(())), None);
        assert!(writer.outcome(refused()).is_some_and(|text| text.contains("cannot be written")));
        assert_eq!(writer.outcome(refused()), None);
        assert_eq!(writer.outcome(Ok(())).as_deref(), Some("the checkpoint is written again"));
        assert_eq!(writer.outcome(Ok(())), None);
    }

    #[test]
    fn a_file_that_cannot_be_replaced_stays_and_leaves_nothing_beside() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("checkpoint/state.safetensors");
        replace(&path, b"first").expect("writes");
        replace(&path, b"second").expect("writes");
        assert_eq!(fs::read(&path).expect("reads"), b"second");
        // A folder cannot be replaced by a file.
        let taken = folder.path().join("taken");
        fs::create_dir(&taken).expect("creates");
        assert!(replace(&taken, b"third").is_err());
        assert!(!folder.path().join("taken.new").exists());
        let files = fs::read_dir(folder.path().join("checkpoint")).expect("a folder").count();
        assert_eq!(files, 1);
    }
}
