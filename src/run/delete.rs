//! Deleting a run, with everything in its folder.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::{ClaimError, RunFolder};

#[derive(Debug, thiserror::Error)]
pub(crate) enum DeleteError {
    #[error("{} is not the folder of a run: there is no events.jsonl in it", .0.display())]
    NotARun(PathBuf),
    /// A process hosts the run.
    #[error("{} is being trained and is not deleted: stop it first", .0.display())]
    Living(PathBuf),
    /// A part of the run may be deleted.
    #[error("cannot delete all of {}: {source}", path.display())]
    Io { path: PathBuf, source: io::Error },
}

/// Deletes a run that no process hosts.
///
/// # Errors
/// The folder is not that of a run, a process hosts the run, or a file cannot be deleted.
pub(crate) fn delete_run(folder: &RunFolder) -> Result<(), DeleteError> {
    let path = folder.path().to_owned();
    if !folder.events().is_file() {
        return Err(DeleteError::NotARun(path));
    }
    // Held to the end, so that no process resumes a run that is being deleted.
    let _claim = match folder.claim() {
        Ok(claim) => claim,
        Err(ClaimError::Held { .. }) => return Err(DeleteError::Living(path)),
        Err(ClaimError::Io { source, .. }) => return Err(DeleteError::Io { path, source }),
    };
    fs::remove_dir_all(&path).map_err(|source| DeleteError::Io { path, source })
}

/// Returns the number of bytes of all readable files in a run's folder.
pub(crate) fn size_on_disk(folder: &RunFolder) -> u64 {
    size(folder.path())
}

fn size(folder: &Path) -> u64 {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let sizes = entries.filter_map(|entry| {
        // Of a link itself, so that a circle of links does no harm.
        let metadata = entry.metadata().ok()?;
        Some(if metadata.is_dir() { size(&entry.path()) } else { metadata.len() })
    });
    sizes.sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_runs_that_are_over_are_deleted() {
        let place = tempfile::tempdir().expect("a folder");
        let folder = RunFolder::open(&place.path().join("run"));
        assert!(matches!(delete_run(&folder), Err(DeleteError::NotARun(_))));
        fs::create_dir_all(folder.snapshots()).expect("a folder");
        fs::write(folder.events(), "{\"step\":1,\"seconds\":0.5,\"type\":\"epoch\",\"epoch\":1}\n")
            .expect("writes");
        fs::write(folder.snapshots().join("weights"), [0; 100]).expect("writes");
        let whole = fs::metadata(folder.events()).expect("is there").len() + 100;
        assert_eq!(size_on_disk(&folder), whole);
        let claim = folder.claim().expect("no process hosts it");
        assert!(matches!(delete_run(&folder), Err(DeleteError::Living(_))));
        assert!(folder.events().is_file());
        drop(claim);
        delete_run(&folder).expect("deletes");
        assert!(!folder.path().exists());
    }
}
