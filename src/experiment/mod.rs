//! Experiments: what to train and how, read from TOML and checked before anything starts.

mod check;
mod optimizer;
mod paper;
mod published;
mod read;
mod schedule;
mod schema;

pub use check::Problem;
pub use optimizer::OptimizerSection;
pub use published::{Published, Recipe};
pub use read::ExperimentError;
pub use schedule::{Plan, Rule};

pub use crate::optimizer::OptimizerName;
pub use schema::{
    CheckpointSection, DataSection, EvaluateSection, Experiment, InitialSection, MonitorSection,
    NetworkSection, PruneSection, TrainSection, WrapperName, WrapperSection,
};
