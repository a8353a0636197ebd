//! The choices that a user has.

use crate::run::TimeUnit;

/// Returns the title of a time axis.
pub(super) fn axis_title(unit: TimeUnit) -> &'static str {
    match unit {
        TimeUnit::Steps => "training step",
        TimeUnit::Epochs => "epoch",
        TimeUnit::Seconds => "time (s)",
    }
}

/// How to draw a figure.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Options {
    /// The unit of time axes.
    pub unit: TimeUnit,
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

impl Default for Options {
    fn default() -> Self {
        Options {
            unit: TimeUnit::Epochs,
            layer: None,
            title: None,
            width: None,
            height: None,
            smoothing: 0.0,
        }
    }
}
