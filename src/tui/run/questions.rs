//! Questions about a run.

use super::quantity::{RunQuantity, prompt};
use super::state::App;
use crate::train::Command;
use crate::tui::question::Question;
use crate::tui::window::Leave;

/// Title of [`leave`].
pub(super) const LEAVE: &str = "leave?";

/// Title of [`diverged`].
pub(super) const DIVERGED: &str = "not a finite number";

/// Asks how to leave a live run.
pub(super) fn leave() -> Question<App> {
    let text = "The run is not over. Stopped, it is saved and can be resumed later; detached, it \
                continues without this terminal, and `laperm attach` shows it again.";
    Question::new(LEAVE, text)
        .answer('s', "stop and save", |app: &mut App| app.chrome.leave(Leave::Stop))
        .answer('d', "detach", |app| app.chrome.leave(Leave::Detached))
        .dismissal('c', "stay")
}

/// Reports that `place` is no longer finite, and asks what to do. The first answer does nothing,
/// for the sake of a key that was meant for something else.
pub(super) fn diverged(place: &str, good_step: u64, steerable: bool) -> Question<App> {
    let text = format!(
        "{place} is not a finite number any more. The state of step {good_step} is kept; the run \
         is paused there until it is resumed. A lower learning rate often helps."
    );
    let question = Question::new(DIVERGED, text).dismissal('c', "look around first");
    if !steerable {
        return question;
    }
    question
        .answer('g', "resume from there", |app: &mut App| app.send(Command::Resume))
        .answer('l', "set the learning rate", |app| match app.not_steered() {
            None => prompt(app, RunQuantity::LearningRate),
            Some(why) => app.chrome.warn(why),
        })
        .answer('s', "stop and save", |app| app.chrome.leave(Leave::Stop))
}

/// Reports why the run failed.
pub(super) fn failed(message: &str) -> Question<App> {
    Question::new("failed", format!("The run has failed: {message}")).dismissal('c', "close")
}
