//! Arrangements of plots that several kinds share.

use super::canvas::{Area, Canvas};
use super::curves::Reading;
use super::options::axis_title;
use super::plot::{Axis, Curve, Legend, Plot};
use super::scale::{Scale, round_up};
use super::source::Source;
use crate::run::TimeUnit;

/// Width of a column of text, in millimetres.
pub(super) const COLUMN: f64 = 88.0;
/// Width of a page of text, in millimetres.
pub(super) const PAGE: f64 = 180.0;

/// Returns a plot over time.
pub(super) fn over_time(reading: Reading, y: Axis, curves: Vec<Curve>) -> Plot {
    let Reading { unit, end, .. } = reading;
    Plot {
        title: String::new(),
        x: Axis::of_counts(axis_title(unit), end, 6),
        y,
        curves,
        legend: Legend::Inside,
        marks: Vec::new(),
    }
}

/// Returns the manual changes of a single run; none for several runs.
pub(super) fn marks(sources: &[Source], unit: TimeUnit) -> Vec<(f64, String)> {
    let [source] = sources else { return Vec::new() };
    let position = |step| unit.position(&source.state, step);
    source.state.marks.iter().map(|mark| (position(mark.step), mark.label.clone())).collect()
}

/// Draws plots in a grid, row by row, with the frames of a column aligned. Returns the areas inside
/// the frames.
pub(super) fn in_grid(
    plots: &[Plot],
    columns: usize,
    area: Area,
    canvas: &mut Canvas,
) -> Vec<Area> {
    let rows = plots.len().div_ceil(columns);
    let left = |column: usize| {
        let column = plots.iter().skip(column).step_by(columns);
        column.map(|plot| plot.margins()[0]).fold(0.0, f64::max)
    };
    let lefts: Vec<f64> = (0..columns).map(left).collect();
    let draw = |(index, plot): (usize, &Plot)| {
        let cell = area.cell(index, (columns, rows), 6.0);
        plot.draw_from(lefts[index % columns], cell, canvas)
    };
    plots.iter().enumerate().map(draw).collect()
}

/// Returns a scale of percentages around a range, rounded outwards but not beyond 0 and 100.
pub(super) fn percentages((low, high): (f64, f64)) -> Scale {
    if !(low.is_finite() && high.is_finite()) {
        return Scale::linear(0.0, 100.0);
    }
    let step = round_up(((high - low) / 6.0).max(0.01));
    let (low, high) = ((low / step - 0.3).floor() * step, (high / step + 0.3).ceil() * step);
    Scale::linear(low.max(0.0), high.min(100.0))
}

/// Returns the letter of a plot: `(a)`, `(b)`, …
pub(super) fn letter(index: usize) -> String {
    let letter = char::from(b'a' + (index % 26) as u8);
    format!("({letter})")
}

/// Draws plots above each other that share their time axis, with aligned frames. Only the first has
/// a legend.
pub(super) fn stacked(plots: &[Plot], area: Area, canvas: &mut Canvas) {
    // Room for the labels of the time axis, which only the last plot has.
    let labels = 18.0;
    let count = plots.len() as f64;
    let gap = 3.0;
    let height = (area.height - labels - gap * (count - 1.0)) / count;
    let left = plots.iter().map(|plot| plot.margins()[0]).fold(0.0, f64::max);
    for (index, plot) in plots.iter().enumerate() {
        let last = index + 1 == plots.len();
        let mut plot = plot.clone();
        if !last {
            plot.x = plot.x.silent();
        }
        if index > 0 {
            plot.legend = Legend::None;
            plot.marks.iter_mut().for_each(|mark| mark.1.clear());
        }
        let top = area.y + index as f64 * (height + gap);
        let room = Area {
            x: area.x,
            y: top,
            width: area.width,
            height: if last { area.bottom() - top } else { height },
        };
        plot.draw_from(left, room, canvas);
    }
}
