//! The run directory: everything that happened, written down as it happens and read back later.
//!
//! ```text
//! runs/2026-11-22_140512_conv7-k20_3f9a/
//!   experiment.toml   as resolved
//!   events.jsonl      one event a line
//!   frames.bin        large arrays; the event that announces one says where it lies
//!   snapshots/        weights
//!   checkpoint/       the newest full state, to go on from
//!   host.json         who hosts the run, and its heartbeat
//! ```
//!
//! The log is the source of truth: [`RunState`] is a fold over it, live or later.

mod checkpoint;
mod claim;
mod delete;
mod differences;
mod distribution;
pub mod export;
mod find;
mod folder;
mod follow;
mod followers;
pub mod frames;
mod journal;
mod line;
mod lines;
mod log;
mod pieces;
mod reader;
mod recorder;
mod resumption;
mod rises;
mod series;
mod state;
mod summary;
mod time_unit;
mod timeline;
mod watch;

pub use checkpoint::{ReadCheckpointError, read_checkpoint};
pub use claim::{Claim, ClaimError};
pub use delete::{DeleteError, delete_run, size_on_disk};
pub use differences::{Difference, Setup, differences};
pub use distribution::Distribution;
pub use find::{FindError, find_run};
pub use folder::{DataChanged, FolderError, Host, RunFolder};
pub use follow::Follower;
pub use followers::{Followers, Piece};
pub use journal::{Listening, Subscription};
pub use log::{LogFile, LogNews};
pub use pieces::List;
pub use reader::{
    ReadError, is_complete, list_runs, read_events, read_frame, read_outline, read_started,
    read_state, read_state_at,
};
pub use recorder::RunRecorder;
pub(crate) use resumption::recorded_start;
pub use resumption::{Resumption, ResumptionError};
pub use rises::{SharpRise, SharpRises};
pub use series::Series;
pub use state::{Distance, Mark, Notice, RunState, Scores};
pub use summary::{Standing, Summary};
pub use time_unit::TimeUnit;
pub use timeline::{Growth, Moment, Place, Timeline};
pub use watch::{RunNews, RunWatch};
