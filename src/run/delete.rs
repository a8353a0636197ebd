//! Deleting a run for good, with everything in its folder.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::{RunFolder, Summary};

/// A run that is not deleted.
#[derive(Debug, thiserror::Error)]
pub enum DeleteError {
    /// The folder is none of a run.
    #[error("{} is not the folder of a run: there is no events.jsonl in it", .0.display())]
    NotARun(PathBuf),
    /// A process has it in hand.
    #[error("{} is being trained and is not deleted: stop it first", .0.display())]
    Living(PathBuf),
    /// The file system says no. Part of the run may be gone.
    #[error("cannot delete all of {}: {source}", path.display())]
    Io {
        /// The folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// Deletes a run that no process has in hand.
///
/// # Errors
/// A folder that is not a run's, a run that is living, or a file that cannot be deleted.
pub fn delete_run(folder: &RunFolder) -> Result<(), DeleteError> {
    let path = folder.path().to_owned();
    if !folder.events().is_file() {
        return Err(DeleteError::NotARun(path));
    }
    let living = match Summary::read(folder) {
        Ok(summary) => summary.state.is_living(),
        // A log that cannot be read does not tell whether the run is over.
        Err(_) => folder.host().is_some_and(|host| host.is_alive()),
    };
    if living {
        return Err(DeleteError::Living(path));
    }
    fs::remove_dir_all(&path).map_err(|source| DeleteError::Io { path, source })
}

/// The bytes of all files in a run's folder, as far as they can be looked at.
pub fn size_on_disk(folder: &RunFolder) -> u64 {
    size(folder.path())
}

fn size(folder: &Path) -> u64 {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let sizes = entries.filter_map(|entry| {
        let metadata = entry.metadata().ok()?; // of a link itself, so that nothing is followed in circles
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
        // Hosted by this very process.
        folder.beat(jiff::Timestamp::now()).expect("writes");
        assert!(matches!(delete_run(&folder), Err(DeleteError::Living(_))));
        assert!(folder.events().is_file());
        fs::remove_file(folder.path().join("host.json")).expect("deletes");
        delete_run(&folder).expect("deletes");
        assert!(!folder.path().exists());
    }
}
