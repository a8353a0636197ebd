//! Curves over training steps, in any number of cells.
//!
//! A chart never drops a point: the points that fall on one column are drawn from their minimum to
//! their maximum. It never scrolls either: its ranges are round and move in jumps, so that a
//! terminal behind a slow connection receives a few bytes per new point. Curves differ by symbol as
//! well as by colour; the symbols mark the latest point (and the others, if there is room) and the
//! entries of the legend.

pub(super) mod axes;
mod curve;
mod legend;
mod marks;
mod plot;
mod raster;
mod reduce;
mod time;

pub(super) use crate::figure::short;
pub(crate) use crate::figure::{Scale, Tick, significant};
pub(crate) use curve::{Curve, Highlight, Look, extent};
pub(crate) use plot::Chart;
pub(crate) use raster::{Raster, put};
pub(crate) use time::TimeAxis;
pub(super) use time::jump;
