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

pub(crate) use checkpoint::ReadCheckpointError;
pub use checkpoint::read_checkpoint;
pub(crate) use claim::{Claim, ClaimError};
pub(crate) use delete::{DeleteError, delete_run, size_on_disk};
pub use differences::differences;
pub(crate) use differences::{Difference, Setup};
pub use distribution::Distribution;
pub use find::list_runs;
pub(crate) use find::{FindError, find_run};
pub(crate) use folder::{DataChanged, FolderError};
pub use folder::{Host, RunFolder};
pub use frames::read_frame;
pub(crate) use log::follow::{Followers, Piece, RunNews, RunWatch};
pub(crate) use log::read::{Growth, Moment, Place, ReadError, read_started, read_state_at};
pub use log::read::{LogCursor, Timeline, is_complete, read_events, read_outline, read_state};
pub use log::write::RunRecorder;
pub(crate) use log::write::{LogFeed, Subscription};
pub(crate) use pieces::List;
pub use resumption::Resumption;
pub(crate) use resumption::ResumptionError;
pub(crate) use resumption::recorded_start;
pub(crate) use rises::{SharpRise, SharpRises};
pub(crate) use series::Series;
pub(crate) use state::{Distance, Mark, Scores};
pub use state::{Notice, RunState};
pub(crate) use summary::Standing;
pub use summary::Summary;
pub(crate) use time_unit::TimeUnit;
