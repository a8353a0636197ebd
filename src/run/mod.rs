//! The run directory: what happened in a run, written while it happens and read back later.
//!
//! ```text
//! runs/2026-11-22_140512_conv7-k20_3f9a/
//!   experiment.toml   the experiment as resolved
//!   events.jsonl      the log: one event a line
//!   frames.bin        large arrays; the event that announces one says where it is
//!   snapshots/        weights
//!   checkpoint/       the latest full state, to resume from
//!   host.json         the process that hosts the run, and its heartbeat
//! ```
//!
//! The log is the source of truth. [`RunState`] is a fold over it, live or later, and everything
//! that a screen, a figure or a summary shows is read from that state.

mod checkpoint;
mod claim;
mod delete;
mod differences;
mod distribution;
pub mod export;
mod find;
mod folder;
pub mod frames;
pub(crate) mod log;
mod pieces;
mod resumption;
mod rises;
mod series;
mod state;
mod summary;
mod time_unit;

pub use checkpoint::{ReadCheckpointError, read_checkpoint};
pub use claim::{Claim, ClaimError};
pub use delete::{DeleteError, delete_run, size_on_disk};
pub use differences::{Difference, Setup, differences};
pub use distribution::Distribution;
pub use find::{FindError, find_run, list_runs};
pub use folder::{DataChanged, FolderError, Host, RunFolder};
pub use frames::read_frame;
pub use log::follow::{Followers, Piece, RunNews, RunWatch};
pub use log::read::{
    Growth, LogCursor, Moment, Place, ReadError, Timeline, is_complete, read_events, read_outline,
    read_started, read_state, read_state_at,
};
pub use log::write::{LogFeed, RunRecorder, Subscription};
pub use pieces::List;
pub(crate) use resumption::recorded_start;
pub use resumption::{Resumption, ResumptionError};
pub use rises::{SharpRise, SharpRises};
pub use series::Series;
pub use state::{Distance, Mark, Notice, RunState, Scores};
pub use summary::{Standing, Summary};
pub use time_unit::TimeUnit;
