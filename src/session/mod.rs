//! Runs as a screen, a script or the training process itself sees them.
//!
//! ```text
//! host:    Trainer ► Live ► Server ──socket──► Connection ► Attached ┐
//!                     └► events.jsonl ──────────────────────► Replay ┴► screen
//! ```
//!
//! A run is trained by the process that hosts it ([`Live`]), which lets clients listen and steer
//! ([`Server`]). A screen is in another process. Its [`Source`] is a hosted run or a recorded one;
//! either way the screen folds the same events. A screen that ends, or a connection that is lost,
//! never affects the training.

use std::path::Path;

mod attached;
mod connection;
mod live;
mod replay;
mod server;
mod socket;
mod wire;

pub(crate) use attached::{AttachError, Attached};
pub(crate) use connection::ConnectError;
pub use connection::Connection;
pub use live::Live;
pub(crate) use replay::Playback;
pub use replay::{Replay, Target, Transport};
pub use server::Server;

/// Where a screen's run comes from.
pub enum Source {
    /// A run that another process hosts: it sends events, and takes commands.
    Attached(Attached),
    /// A run on disk, of which any moment can be shown.
    Replay(Box<Replay>),
}

impl Source {
    /// Folder of the run.
    pub fn folder(&self) -> &Path {
        match self {
            Source::Attached(attached) => attached.folder(),
            Source::Replay(replay) => replay.folder(),
        }
    }
}
