//! Why a figure cannot be drawn.

use super::raster::PngError;
use crate::run::ReadError;

#[derive(Debug, thiserror::Error)]
pub(crate) enum FigureError {
    #[error(transparent)]
    Read(#[from] ReadError),
    /// A run lacks the data that the figure shows.
    #[error("run {run} has no {what}: {advice}")]
    Missing {
        run: String,
        what: &'static str,
        /// How to obtain the data.
        advice: &'static str,
    },
    /// A run has no layer of this name.
    #[error("run {run} has no layer {layer}; it has {known}")]
    Layer {
        run: String,
        /// The name or number that was asked for.
        layer: String,
        /// The names of the run's layers.
        known: String,
    },
    /// The runs do not differ in the quantity that the figure varies.
    #[error(
        "a figure of {kind} needs runs with several values of {quantity}; all of these have {quantity} = {value}"
    )]
    Same {
        kind: &'static str,
        quantity: &'static str,
        /// The value that all runs have.
        value: String,
    },
    #[error(transparent)]
    Png(#[from] PngError),
}
