//! Training: a loop on its own thread that obeys [`Command`]s and reports [`Event`]s.

mod arrays;
mod backend;
mod checkpoint;
mod command;
mod control;
mod evaluate;
mod event;
mod frame;
mod learner;
mod measure;
mod monitor;
mod named;
mod optimizer;
mod script;
pub mod snapshot;
mod start;
mod trainer;
mod wrapper;

pub use backend::Backend;
pub(crate) use backend::MissingBackend;
pub use checkpoint::Checkpoint;
pub(crate) use checkpoint::{CheckpointError, LogPosition, ResumeError};
pub use command::{Command, Order};
pub(crate) use evaluate::Classifier;
pub(crate) use event::FrameLocation;
pub use event::{
    Event, EventKind, LayerDistance, LayerDistribution, LayerInfo, LayerSync, Phase, Reason,
    Schedule, Score, Started, Weights,
};
pub use frame::Frame;
pub(crate) use frame::LayerFrame;
pub use measure::Subject;
pub(crate) use measure::{MeasureError, Measurement, matrix_product_peak};
pub use named::Named;
pub use script::Script;
pub use snapshot::Snapshot;
pub(crate) use snapshot::{SnapshotError, SnapshotInfo, SnapshotKind, Verified};
pub use start::Prepared;
pub(crate) use start::{StartError, initial_weights, load_data};
pub(crate) use trainer::{Recorder, Trainer};
pub(crate) use wrapper::WrapperError;
