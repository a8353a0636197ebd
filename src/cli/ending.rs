//! The result of a run that has ended: in words, and as the result of the command.

use super::failure::{Failure, NotSavedError, Result};
use crate::run::{RunFolder, RunState, Summary, is_complete};
use crate::train::Reason;

/// Result of a command whose run ended for `reason`. A run that is not all on disk counts as failed
/// even if its training finished.
pub(super) fn outcome(reason: Option<Reason>, folder: &RunFolder) -> Result {
    if reason != Some(Reason::Failed) && !is_complete(folder)? {
        return Err(NotSavedError(folder.path().to_owned()).into());
    }
    match reason {
        Some(Reason::Finished | Reason::Stopped) => Ok(()),
        Some(Reason::Diverged | Reason::Failed) | None => Err(Failure::already_reported()),
    }
}

/// Two lines about a run that has ended: its result, and its folder.
pub(super) fn farewell(state: &RunState, folder: &RunFolder) -> String {
    let summary = Summary::of(state, folder);
    let accuracy = summary
        .best_test_accuracy
        .map(|best| format!(", best test accuracy {:.2} %", best * 100.0));
    let failure = state.failure.as_ref().map(|message| format!(": {message}"));
    format!(
        "{}: {} after {} steps, {} syncs{}{}\n{}\n",
        summary.name,
        summary.state.name(),
        summary.steps,
        summary.syncs,
        accuracy.unwrap_or_default(),
        failure.unwrap_or_default(),
        summary.run,
    )
}
