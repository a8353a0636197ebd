//! A curve of a chart.

use ratatui::style::Style;

use super::reduce::{Column, Columns};
use super::time::TimeAxis;
use crate::run::Series;

/// The way in which a curve is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Look {
    /// A line. If it is smoothed, its raw values are a shade behind it.
    Line,
    /// A line. If it is smoothed, its raw values are not drawn.
    Trend,
    /// A light shade behind all lines.
    Shade,
    /// The area between the minimum and the maximum of several points per step. Readouts show the
    /// last of them.
    Band,
    /// A trend that may coincide with others, with its symbol repeated along the line. The curves
    /// place their symbols in turns: the index of this curve, and the number of curves.
    Marked(u16, u16),
}

/// A series, and how to draw it.
#[derive(Debug, Clone)]
pub(crate) struct Curve<'a> {
    pub series: &'a Series,
    /// Factor from values to the chart's unit.
    pub factor: f64,
    pub style: Style,
    pub look: Look,
    /// The symbol that distinguishes it from other curves without colour.
    pub symbol: char,
    /// A long and a short name for the legend. A curve with an empty name is a line without an
    /// entry.
    pub names: [&'a str; 2],
    /// Half-life of the smoothing, in values; 0 disables it.
    pub smoothing: f32,
}

/// A single value that is marked.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Highlight {
    pub step: u64,
    /// The value, in the chart's unit.
    pub value: f64,
    pub symbol: char,
}

/// Returns the least and the greatest finite value drawn from step `from` to the right end of the
/// axis, in the chart's unit.
pub(crate) fn extent(curves: &[Curve], from: u64, time: &TimeAxis) -> Option<(f64, f64)> {
    /// Number of columns at which a trend is sampled: as many as on a wide screen.
    const COLUMNS: u64 = 400;
    let extents = curves.iter().filter_map(|curve| {
        let columns = |width| Columns { from, to: time.to.saturating_add(1), width };
        let (columns, width) = if curve.is_trend() {
            (columns(COLUMNS).smoothed(curve.series, curve.smoothing), COLUMNS)
        } else {
            (columns(1).extents(curve.series), 1)
        };
        let inside = |c: &&Column| (0..width as i64).contains(&c.x) && c.low <= c.high;
        let ends = columns.iter().filter(inside).map(|column| (column.low, column.high));
        let (low, high) = ends.reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)))?;
        Some((f64::from(low) * curve.factor, f64::from(high) * curve.factor))
    });
    extents.reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)))
}

impl Curve<'_> {
    pub(super) fn is_smoothed(&self) -> bool {
        self.smoothing > 0.0 && self.smoothing.is_finite()
    }

    /// Returns true if the curve is smoothed and its raw values are not drawn.
    fn is_trend(&self) -> bool {
        self.is_smoothed() && matches!(self.look, Look::Trend | Look::Marked(..))
    }
}
