//! Reading a log, complete or still being written, and in whatever state a crash has left it.
//!
//! - `lines.rs` turns bytes into lines: torn, damaged and overlong lines, and a log that was cut.
//! - `events.rs` turns lines into events: all of them ([`read_events`]), piece by piece
//!   ([`LogCursor`]), or folded to a [`RunState`](crate::run::RunState) ([`read_state`]).
//! - `timeline.rs` finds the state of a run at any moment of it ([`Timeline`]), for a replay.
//!
//! A torn last line is "not yet", never an error. Damaged lines are skipped and counted.

mod error;
mod events;
mod lines;
mod timeline;

pub(crate) use error::ReadError;
pub use events::{LogCursor, is_complete, read_events, read_outline, read_state};
pub(crate) use events::{read_started, read_state_at};
pub use timeline::Timeline;
pub(crate) use timeline::{Growth, Moment, Place};
