//! One interface to a run, wherever it lives.
//!
//! A screen holds a [`Session`] and folds its events; it cannot tell a run in this process from another. Only a recorded
//! run is more: a [`Replay`] has a place in time, which a person moves.

use std::path::Path;

use crate::train::{Command, Event};

mod live;
mod replay;

pub use live::Live;
pub use replay::{Playback, Replay, Target, Transport};

/// A source of events that may listen to commands.
pub trait Session {
    /// Takes the events that have come since the last call, without waiting.
    fn poll(&mut self) -> Vec<Event>;

    /// Asks the run to do something; the answer comes as an event.
    fn send(&mut self, command: Command);

    /// The run's folder.
    fn folder(&self) -> &Path;

    /// Whether the run can be steered from here, as a live one can.
    fn steerable(&self) -> bool;

    /// The session as a recorded run, which is played instead of polled; `None` for a run that tells its events itself.
    fn replay(&mut self) -> Option<&mut Replay> {
        None
    }

    /// Waits until the run has ended and everything is saved. Called when the screen is already closed.
    fn wait(&mut self);
}
