//! Experiments: what to train and how, read from TOML and checked before anything starts.

mod check;
mod optimizer;
mod paper;
mod published;
mod read;
mod schedule;
mod schema;

pub use check::Problem;
pub(crate) use optimizer::OptimizerSection;
pub use published::Published;
pub(crate) use read::ExperimentError;
pub use schedule::Plan;

pub use crate::optimizer::OptimizerName;
pub(crate) use schema::{
    CheckpointSection, DataSection, EvaluateSection, InitialSection, MonitorSection,
    NetworkSection, PruneSection, TrainSection, WrapperSection,
};
pub use schema::{Experiment, WrapperName};
