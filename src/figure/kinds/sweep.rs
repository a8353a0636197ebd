//! Accuracy against the sync period k (figure 5) and against the pruning ratio p (figure 8).

use super::accuracy::{require, side_by_side, worth_seeing};
use super::{COLUMN, PAGE, Picture, in_grid, letter, over_time, percentages};
use crate::figure::canvas::{Anchor, Area, Canvas, Colour, Stroke};
use crate::figure::curves::Reading;
use crate::figure::plot::{Axis, Curve, Legend, Plot, Point, SMALL, around, legend, legend_size};
use crate::figure::scale::{Scale, Tick, short};
use crate::figure::source::{Family, Source, families};
use crate::figure::style::{Look, look, ordered};
use crate::figure::{FigureError, Options, axis_title};

/// Parts of the curves that are worth a closer look: while they climb, and when they have settled.
const WINDOWS: [(f64, f64); 2] = [(0.1, 0.6), (0.65, 1.0)];

pub fn prepare_k<'a>(
    sources: &'a [Source],
    options: &'a Options,
) -> Result<Picture<'a>, FigureError> {
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

/// The accuracy of every family over time, in the order of k, which colours follow; those without a k last, in grey.
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

/// The look of what has no place on the axis of a sweep.
fn level(index: usize) -> Look {
    Look { colour: Colour(0x77, 0x77, 0x77), ..look(index) }
}

/// Accuracy against k.
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

/// `None` for runs without syncs.
fn period(source: &Source) -> Option<u64> {
    Some(source.state.schedule.k).filter(|&k| k > 0)
}

pub fn prepare_p<'a>(sources: &'a [Source], _: &'a Options) -> Result<Picture<'a>, FigureError> {
    require(sources)?;
    let ratio = |source: &Source| source.state.schedule.p * 100.0;
    let values = distinct(sources.iter().map(ratio));
    if let [value] = values.as_slice() {
        let value = format!("{value} %");
        return Err(FigureError::Same { kind: "prune-sweep", quantity: "p", value });
    }
    let axis =
        Axis::of_values("pruned weights p (%)", Scale::around(0.0, values[values.len() - 1]), 6);
    let plot = against(sources, &["prune.ratio"], |source| Some(ratio(source)), axis);
    let draw = Box::new(move |area, canvas: &mut Canvas| {
        plot.draw(area, canvas);
    });
    Ok(Picture { size: (COLUMN, 64.0), draw })
}

fn distinct(values: impl Iterator<Item = f64>) -> Vec<f64> {
    let mut values: Vec<f64> = values.collect();
    values.sort_unstable_by(f64::total_cmp);
    values.dedup();
    values
}

/// The accuracy of every family of runs that differ in `key`, over `x`; a run without an `x` is a level line.
fn against(
    sources: &[Source],
    key: &[&str],
    x: impl Fn(&Source) -> Option<f64>,
    axis: Axis,
) -> Plot {
    let families = families(sources, key);
    let ends = distinct(sources.iter().filter_map(&x));
    let several = families.len() > 1;
    let curve = |index: usize, family: &Family, measure: Measure| Curve {
        label: if several { family.label.clone() } else { measure.name.into() },
        look: match family.members.iter().any(|&member| x(&sources[member]).is_some()) {
            true => look(index),
            false => level(index),
        },
        points: points(sources, family, &x, &ends, measure.of),
        marked: !measure.faint,
        faint: measure.faint,
    };
    let curves: Vec<Curve> = families
        .iter()
        .enumerate()
        // Of several families only the last accuracy: twice as many lines would say less.
        .flat_map(|(index, family)| {
            let measures = MEASURES.iter().filter(|measure| !(several && measure.faint));
            measures.map(move |&measure| (index, family, measure))
        })
        .map(|(index, family, measure)| curve(index, family, measure))
        .collect();
    let scale = percentages(around(&curves, f64::NEG_INFINITY, f64::INFINITY));
    Plot {
        title: String::new(),
        x: axis,
        y: Axis::of_values("test accuracy (%)", scale, 6),
        curves,
        legend: Legend::Inside,
        marks: Vec::new(),
    }
}

/// What a run has come to.
#[derive(Clone, Copy)]
struct Measure {
    name: &'static str,
    faint: bool,
    of: fn(&Source) -> Option<f32>,
}

const MEASURES: [Measure; 2] = [
    Measure { name: "best", faint: true, of: |source| source.state.best().map(|(_, best)| best) },
    Measure {
        name: "at the end",
        faint: false,
        of: |source| source.state.test.accuracy.last().map(|(_, last)| last),
    },
];

fn points(
    sources: &[Source],
    family: &Family,
    x: &impl Fn(&Source) -> Option<f64>,
    ends: &[f64],
    measure: fn(&Source) -> Option<f32>,
) -> Vec<Point> {
    let members = || family.members.iter().map(|&member| &sources[member]);
    let point = |place: f64| {
        let here = members().filter(|source| x(source).is_none_or(|x| x == place));
        let values: Vec<f64> =
            here.filter_map(measure).map(|value| f64::from(value) * 100.0).collect();
        (!values.is_empty()).then(|| Point {
            x: place,
            y: values.iter().sum::<f64>() / values.len() as f64,
            low: values.iter().copied().fold(f64::NAN, f64::min),
            high: values.iter().copied().fold(f64::NAN, f64::max),
        })
    };
    ends.iter().copied().filter_map(point).collect()
}

/// The curves between two shares of the time axis.
fn over(reading: Reading, curves: &[Curve], (from, to): (f64, f64), index: usize) -> Plot {
    let (from, to) = (from * reading.end, to * reading.end);
    let range = match from > 0.0 {
        true => around(curves, from, to),
        false => worth_seeing(curves, reading.end),
    };
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

/// Shows in the whole where a zoom is.
fn frame(whole: &Plot, zoom: &Plot, name: &str, area: Area, canvas: &mut Canvas) {
    let (left, bottom) = whole.place(area, zoom.x.scale.low(), zoom.y.scale.low());
    let (right, top) = whole.place(area, zoom.x.scale.high(), zoom.y.scale.high());
    let top = top.max(area.y);
    let bottom = bottom.min(area.bottom());
    let window = Area { x: left, y: top, width: right - left, height: (bottom - top).max(0.0) };
    canvas.frame(window, Stroke { dash: "2 1", ..Stroke::solid(Colour::PALE, 0.7) });
    let place = (left + 2.0, bottom - 2.5);
    canvas.text(place, Anchor::Start, SMALL, Colour::INK, name);
}
