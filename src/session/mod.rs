//! One interface to a run, live or recorded.
//!
//! ```text
//! host:    Trainer ► Live ► Server ──socket──► Connection ► Attached ┐
//!                     └► events.jsonl ──────────────────────► Replay ┴► screen
//! ```
//!
//! A run is trained by a process that hosts it ([`Live`]) and lets clients listen and steer
//! ([`Server`]). A screen is a client in another process: it folds the events of a [`Session`], and
//! differs between a live run and a recorded one only in the commands it offers. Training is not
//! affected by a screen that dies or a connection that is lost.

use std::path::Path;

use crate::train::{Command, Event};

mod attached;
mod connection;
mod live;
mod replay;
mod server;
mod socket;
mod wire;

pub use attached::{AttachError, Attached};
pub use connection::{Commands, ConnectError, Connection};
pub use live::Live;
pub use replay::{Playback, Replay, Target, Transport};
pub use server::Server;

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
