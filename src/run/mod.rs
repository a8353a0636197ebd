//! The run directory.
mod series;
mod state;
pub use series::Series;
pub use state::{Distance, Mark, Notice, RunState, Scores};
