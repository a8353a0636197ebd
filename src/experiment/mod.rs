//! Experiments: what to train and how, read from TOML and checked before anything starts.

mod check;
mod paper;
mod published;
mod read;
mod schedule;
mod schema;

pub use check::Problem;
pub use published::{Published, Recipe};
pub use read::ExperimentError;
pub use schedule::{Plan, Rule};
pub use schema::{
    CheckpointSection, DataSection, EvaluateSection, Experiment, InitialSection, MonitorSection,
    NetworkSection, OptimizerName, OptimizerSection, PruneSection, TrainSection, WrapperName,
    WrapperSection,
};
