//! The choices that a user has.

use crate::run::RunState;

/// The unit of a figure's time axis.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Unit {
    /// Training steps.
    Step,
    /// Epochs, with fractions; steps if the length of an epoch is unknown.
    #[default]
    Epoch,
    /// Seconds since the run began.
    Seconds,
}

impl Unit {
    /// Returns the title of the axis.
    pub(super) fn title(self) -> &'static str {
        match self {
            Unit::Step => "training step",
            Unit::Epoch => "epoch",
            Unit::Seconds => "time (s)",
        }
    }

    /// Converts a step of a run to this unit.
    pub(super) fn place(self, state: &RunState, step: u64) -> f64 {
        let epoch = state.started.as_ref().map_or(0, |started| started.steps_per_epoch);
        match self {
            Unit::Epoch if epoch > 0 => step as f64 / epoch as f64,
            Unit::Seconds => state.seconds_at(step),
            Unit::Step | Unit::Epoch => step as f64,
        }
    }
}

/// How to draw a figure.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Options {
    /// The unit of time axes.
    pub unit: Unit,
    /// The layer to show: its name, or its number from 1. `None` leaves the choice to the kind.
    pub layer: Option<String>,
    /// The title above the figure.
    pub title: Option<String>,
    /// Width in millimetres; by default, that of the kind.
    pub width: Option<f64>,
    /// Height in millimetres; by default, that of the kind.
    pub height: Option<f64>,
    /// Half-life of the smoothing of curves, in values; 0 disables it.
    pub smoothing: f64,
}
