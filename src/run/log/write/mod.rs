//! Writing a log: from the trainer to the file, and to the clients of a live run.
//!
//! ```text
//! Trainer ──Event──► RunRecorder ──line──► Journal ──► LogFile ──► events.jsonl
//!                        │                    └──► one queue per Subscription ──► client
//!                        ├──► frames.bin, snapshots/, checkpoint/, host.json
//!                        └──► a channel of events, for the process itself
//! ```
//!
//! - `recorder.rs` is where events arrive: which file each goes to, and when it is flushed.
//! - `journal.rs` sends every line to the file and to the subscribers, none of them twice.
//! - `file.rs` appends whole lines, also on a disk that is full for a while.
//!
//! Nothing here ever blocks the trainer: a slow client is disconnected, a full disk is retried.

mod file;
mod journal;
mod recorder;

pub(crate) use journal::{LogFeed, Subscription};
pub use recorder::RunRecorder;
