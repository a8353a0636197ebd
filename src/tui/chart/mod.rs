//! Curves over training steps, in any number of cells.
//!
//! A chart never drops a point: the points that fall on one column are drawn from their minimum to
//! their maximum. It never scrolls either: its ranges are round and move in jumps, so that a
//! terminal behind a slow connection receives a few bytes per new point. Curves differ by symbol as
//! well as by colour; the symbols mark the latest point (and the others, if there is room) and the
//! entries of the legend.

pub mod axes;
mod curve;
mod legend;
mod marks;
mod plot;
mod raster;
mod reduce;
mod time;

pub use crate::figure::{Scale, Tick, short, significant};
pub use curve::{Curve, Highlight, Look, extent};
pub use plot::Chart;
pub use raster::{Raster, put};
pub use time::{TimeAxis, jump};
