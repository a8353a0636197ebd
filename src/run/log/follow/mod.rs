//! Following logs that grow, on a thread, for a screen that polls for news and never waits.
//!
//! - `logs.rs` delivers all events of a few runs ([`Followers`]), for a comparison.
//! - `runs.rs` lists the runs of a folder and keeps their summaries up to date ([`RunWatch`]), for
//!   the start screen.
//!
//! Both threads end when their owner is dropped.

mod logs;
mod runs;

pub(crate) use logs::{Followers, Piece};
pub(crate) use runs::{RunNews, RunWatch};
