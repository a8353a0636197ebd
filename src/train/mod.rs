//! Training: a loop on a thread of its own that obeys [`Command`]s and tells [`Event`]s.

mod backend;
mod command;
mod control;
mod event;
mod frame;
mod learner;
mod monitor;
mod optimizer;
mod snapshot;
mod start;
mod trainer;
mod wrapper;

pub use backend::{Backend, MissingBackend};
pub use command::{Command, Order};
pub use event::{
    Event, EventKind, FrameLocation, LayerDistance, LayerInfo, LayerSync, Phase, Reason, Schedule,
    Score, Started, Weights,
};
pub use frame::{Frame, LayerFrame};
pub use snapshot::{Verified, VerifyError, verify};
pub use start::{Prepared, StartError, initial_weights};
pub use trainer::{Recorder, Trainer};
