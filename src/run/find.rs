//! What a person calls a run.

use std::path::{Path, PathBuf};

use super::{RunFolder, list_runs};

/// No run, or no one run, is called so.
#[derive(Debug, thiserror::Error)]
#[error("no run is called `{text}`: it is neither the folder of a run nor the name of one in {}", runs.display())]
pub struct FindError {
    text: String,
    runs: PathBuf,
}

/// The run that `text` means: its folder, or its name in `runs`, or the beginning of its name.
///
/// # Errors
/// No such run.
pub fn find_run(runs: &Path, text: &str) -> Result<RunFolder, FindError> {
    if Path::new(text).join("events.jsonl").is_file() {
        return Ok(RunFolder::open(text.as_ref()));
    }
    let found = list_runs(runs).into_iter().find(|folder| folder.name().starts_with(text));
    found.ok_or_else(|| FindError { text: text.into(), runs: runs.into() })
}
