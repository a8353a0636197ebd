//! The unit of a time axis.

use super::RunState;

/// Unit of the time axes of screens and figures.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, strum::IntoStaticStr, clap::ValueEnum)]
#[strum(serialize_all = "kebab-case")]
pub enum TimeUnit {
    /// Training steps.
    #[default]
    #[value(alias = "step")]
    Steps,
    /// Epochs, with fractions; steps while the length of an epoch is unknown.
    #[value(alias = "epoch")]
    Epochs,
    /// Seconds since the run began.
    Seconds,
}

impl TimeUnit {
    /// Returns the next unit; the last is followed by the first.
    pub fn next(self) -> Self {
        match self {
            TimeUnit::Steps => TimeUnit::Epochs,
            TimeUnit::Epochs => TimeUnit::Seconds,
            TimeUnit::Seconds => TimeUnit::Steps,
        }
    }

    /// Name as on the command line: `steps`, `epochs` or `seconds`.
    pub fn name(self) -> &'static str {
        self.into()
    }

    /// Returns the position of a step of `run` on an axis of this unit.
    pub fn position(self, run: &RunState, step: u64) -> f64 {
        let epoch = run.started.as_ref().map_or(0, |started| started.steps_per_epoch);
        match self {
            TimeUnit::Epochs if epoch > 0 => step as f64 / epoch as f64,
            TimeUnit::Seconds => run.seconds_at(step),
            TimeUnit::Steps | TimeUnit::Epochs => step as f64,
        }
    }
}
