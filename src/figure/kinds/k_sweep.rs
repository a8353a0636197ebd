//! Accuracy against the sync period k (figure 5).

use crate::figure::accuracy::{require, side_by_side, worth_seeing};
use crate::figure::canvas::{Anchor, Area, Canvas, Colour, Stroke};
use crate::figure::curves::Reading;
use crate::figure::error::FigureError;
use crate::figure::kind::{Kind, Picture};
use crate::figure::layout::{PAGE, in_grid, letter, over_time, percentages};
use crate::figure::options::Options;
use crate::figure::options::axis_title;
use crate::figure::plot::{Axis, Curve, Legend, Plot, SMALL, around, legend, legend_size};
use crate::figure::scale::{Scale, Tick, short};
use crate::figure::source::{Family, Source, families};
use crate::figure::style::ordered;
use crate::figure::sweep::{against, distinct, level};

pub(super) const KIND: Kind = Kind {
    name: "k-sweep",
    about: "accuracy against the sync period k, with zooms (figure 5)",
    is_of_one_layer: false,
    prepare,
};

/// Parts of the time axis that are shown enlarged: the climb, and the end.
const WINDOWS: [(f64, f64); 2] = [(0.1, 0.6), (0.65, 1.0)];

fn prepare<'a>(sources: &'a [Source], options: &'a Options) -> Result<Picture<'a>, FigureError> {
    require(sources)?;
    let against = against_k(sources)?;
    let reading = Reading::new(sources, options.unit, options.smoothing);
    let curves = in_order_of_k(sources, reading);
    let draw = move |area: Area, canvas: &mut Canvas| {
        let named: Vec<&Curve> = curves.iter().collect();
        let (width, height) = legend_size(&named);
        let whole = over(reading, &curves, (0.0, 1.0), 1);
        let [climbing, settled] =
            [0, 1].map(|index| over(reading, &curves, WINDOWS[index], index + 2));
        let plots = [against.clone(), whole, climbing, settled];
        let inner = in_grid(&plots, 2, area.inside([0.0, 0.0, width, 0.0]), canvas);
        let [_, whole, zooms @ ..] = &plots;
        for (index, zoom) in zooms.iter().enumerate() {
            frame(whole, zoom, &letter(index + 2), inner[1], canvas);
        }
        let (x, y) = (area.right() - width, inner[0].y);
        legend(&named, Area { x, y, width, height }, canvas);
    };
    Ok(Picture { size: (PAGE, 125.0), draw: Box::new(draw) })
}

/// Returns the accuracy of every family over time, in the order of k, which the colours follow.
/// Families without a k come last, in grey.
fn in_order_of_k(sources: &[Source], reading: Reading) -> Vec<Curve> {
    let k = |family: &Family| period(&sources[family.members[0]]);
    let mut families = families(sources, &[]);
    families.sort_by_key(|family| (k(family).is_none(), k(family)));
    let count = families.iter().filter(|family| k(family).is_some()).count();
    let mut curves = side_by_side(sources, &families, reading);
    for (index, curve) in curves.iter_mut().enumerate() {
        curve.look = if index < count { ordered(index, count) } else { level(index - count) };
    }
    curves
}

/// Plots the accuracy against k.
fn against_k(sources: &[Source]) -> Result<Plot, FigureError> {
    let values: Vec<f64> = distinct(sources.iter().filter_map(period).map(|k| k as f64));
    let (Some(&low), Some(&high)) = (values.first(), values.last()) else {
        return Err(sources[0].lacks("sync period", "only LaPerm and Lookahead have one"));
    };
    if low == high {
        let value = short(low);
        return Err(FigureError::Same { kind: "k-sweep", quantity: "k", value });
    }
    let scale = Scale::ratios(low / 1.3, high * 1.3);
    let tick = |&k: &f64| Tick { position: scale.position(k), label: short(k) };
    let axis =
        Axis { title: "sync period k".into(), scale, ticks: values.iter().map(tick).collect() };
    let x = |source: &Source| period(source).map(|k| k as f64);
    let mut plot = against(sources, &["wrapper.k"], x, axis);
    plot.title = letter(0);
    Ok(plot)
}

/// Returns the sync period; `None` for a run without syncs.
fn period(source: &Source) -> Option<u64> {
    Some(source.state.schedule.k).filter(|&k| k > 0)
}

/// Plots the curves between two shares of the time axis.
fn over(reading: Reading, curves: &[Curve], (from, to): (f64, f64), index: usize) -> Plot {
    let (from, to) = (from * reading.end, to * reading.end);
    let range =
        if from > 0.0 { around(curves, from, to) } else { worth_seeing(curves, reading.end) };
    let axis = Axis::of_values("test accuracy (%)", percentages(range), 6);
    let mut plot = over_time(reading, axis, curves.to_vec());
    if from > 0.0 {
        plot.x = Axis::of_values(axis_title(reading.unit), Scale::linear(from, to), 6);
    }
    let zoom = if from > 0.0 { " zoom" } else { "" };
    plot.title = letter(index) + zoom;
    plot.legend = Legend::None;
    plot
}

/// Frames the part of the whole plot that a zoom shows.
fn frame(whole: &Plot, zoom: &Plot, name: &str, area: Area, canvas: &mut Canvas) {
    let (left, bottom) = whole.position(area, zoom.x.scale.low(), zoom.y.scale.low());
    let (right, top) = whole.position(area, zoom.x.scale.high(), zoom.y.scale.high());
    let top = top.max(area.y);
    let bottom = bottom.min(area.bottom());
    let window = Area { x: left, y: top, width: right - left, height: (bottom - top).max(0.0) };
    canvas.frame(window, Stroke { dash: "2 1", ..Stroke::solid(Colour::PALE, 0.7) });
    let position = (left + 2.0, bottom - 2.5);
    canvas.text(position, Anchor::Start, SMALL, Colour::INK, name);
}
