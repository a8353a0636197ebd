//! The choices that leave the start view.

use std::path::PathBuf;

/// A choice of the user. The paths are those of experiments and of runs' folders.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Choice {
    /// Launch an experiment.
    Launch(PathBuf),
    /// Open a run: attach to it if a process hosts it, else show its log.
    Open(PathBuf),
    /// Show the log of a run, even if a process hosts it.
    Replay(PathBuf),
    /// Resume a run that ended before its last step.
    Resume(PathBuf),
    /// Compare runs.
    Compare(Vec<PathBuf>),
}
