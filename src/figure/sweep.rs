//! Accuracy against a quantity that varies between runs.

use super::canvas::Colour;
use super::layout::percentages;
use super::plot::{Axis, Curve, Legend, Plot, Point, around};
use super::source::{Family, Source, families};
use super::style::{Look, look};

/// Returns the look of a curve for runs without a value of the varied quantity.
pub(super) fn level(index: usize) -> Look {
    Look { colour: Colour(0x77, 0x77, 0x77), ..look(index) }
}

/// Returns the values in ascending order without repetitions.
pub(super) fn distinct(values: impl Iterator<Item = f64>) -> Vec<f64> {
    let mut values: Vec<f64> = values.collect();
    values.sort_unstable_by(f64::total_cmp);
    values.dedup();
    values
}

/// Plots the accuracy of every family of runs against `x`. Runs that differ in `keys` belong to one
/// family; a run without an `x` is a horizontal line.
pub(super) fn against(
    sources: &[Source],
    keys: &[&str],
    x: impl Fn(&Source) -> Option<f64>,
    axis: Axis,
) -> Plot {
    let families = families(sources, keys);
    let ends = distinct(sources.iter().filter_map(&x));
    let several = families.len() > 1;
    let curve = |index: usize, family: &Family, measure: Measure| Curve {
        label: if several { family.label.clone() } else { measure.name.into() },
        look: if family.members.iter().any(|&member| x(&sources[member]).is_some()) {
            look(index)
        } else {
            level(index)
        },
        points: points(sources, family, &x, &ends, measure.of),
        marked: !measure.faint,
        faint: measure.faint,
    };
    let curves: Vec<Curve> = families
        .iter()
        .enumerate()
        // Several families show only the last accuracy: twice as many lines would be harder to
        // read.
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

/// A result of a run.
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
    let point = |position: f64| {
        let here = members().filter(|source| x(source).is_none_or(|x| x == position));
        let values: Vec<f64> =
            here.filter_map(measure).map(|value| f64::from(value) * 100.0).collect();
        (!values.is_empty()).then(|| Point {
            x: position,
            y: values.iter().sum::<f64>() / values.len() as f64,
            low: values.iter().copied().fold(f64::NAN, f64::min),
            high: values.iter().copied().fold(f64::NAN, f64::max),
        })
    };
    ends.iter().copied().filter_map(point).collect()
}
