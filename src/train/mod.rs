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

pub use arrays::Misfit;
pub use backend::{Backend, MissingBackend};
pub use checkpoint::{Checkpoint, CheckpointError, LogPosition, ResumeError};
pub use command::{Command, Order};
pub use evaluate::Classifier;
pub use event::{
    Event, EventKind, FrameLocation, LayerDistance, LayerDistribution, LayerInfo, LayerSync, Phase,
    Reason, Schedule, Score, Started, Weights,
};
pub use frame::{Frame, LayerFrame};
pub use measure::{MeasureError, Measurement, Subject, matrix_product_peak};
pub use named::Named;
pub use script::Script;
pub use snapshot::{Snapshot, SnapshotError, SnapshotInfo, SnapshotKind, TensorSize, Verified};
pub use start::{Prepared, StartError, initial_weights, load_data};
pub use trainer::{Recorder, Trainer};
pub use wrapper::WrapperError;
