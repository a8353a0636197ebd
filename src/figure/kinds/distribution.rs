//! The 15th, 50th and 85th percentile of every weight vector over time, one line each, between the
//! minimum and the maximum of the layer (figure 12, row 1). One plot per run, all with the same
//! axes.

use crate::figure::canvas::{Anchor, Area, Canvas, Colour, Position, Stroke};
use crate::figure::curves::Reading;
use crate::figure::error::FigureError;
use crate::figure::kind::{Kind, Picture};
use crate::figure::layout::{COLUMN, PAGE, letter, marks, over_time};
use crate::figure::options::Options;
use crate::figure::plot::{Axis, Legend, Plot, SMALL};
use crate::figure::scale::Scale;
use crate::figure::source::{Source, names};
use crate::train::LayerDistribution;

/// Largest number of samples along the axis; more would only enlarge the file.
const SAMPLES: f64 = 150.0;

/// Width of the column of line names to the right of a plot, in points.
const NAMES: f64 = 24.0;

/// A group of lines: name, colour, and the values of all vectors.
type Lines = (&'static str, Colour, fn(&LayerDistribution) -> Vec<f32>);

pub(crate) const KIND: Kind = Kind {
    name: "weight-distribution",
    about: "percentiles of all weight vectors over time (figure 12)",
    is_of_one_layer: true,
    prepare,
};

fn prepare<'a>(sources: &'a [Source], options: &'a Options) -> Result<Picture<'a>, FigureError> {
    let layers = sources.iter().map(|source| layer(source, options));
    let layers = layers.collect::<Result<Vec<usize>, FigureError>>()?;
    let reading = Reading::new(sources, options.unit, 0.0);
    let runs: Vec<(&Source, usize)> = sources.iter().zip(layers).collect();
    let seen = runs.iter().flat_map(|(source, layer)| source.state.distribution.layer(*layer));
    let (low, high) = seen.fold((0f64, 0f64), |(low, high), (_, seen)| {
        (low.min(seen.min.into()), high.max(seen.max.into()))
    });
    let called = names(sources);
    let plot = move |index: usize, (source, layer): (&Source, usize)| {
        let axis = Axis::of_values("weight", Scale::around(low, high), 5);
        let layer = &source.layers()[layer].name;
        let title = match sources.len() {
            1 => layer.clone(),
            _ => format!("{} {}, {layer}", letter(index), called[index]),
        };
        let marks = if sources.len() == 1 { marks(sources, options.unit) } else { Vec::new() };
        Plot { title, legend: Legend::None, marks, ..over_time(reading, axis, Vec::new()) }
    };
    let columns = sources.len().min(2);
    let rows = sources.len().div_ceil(columns.max(1));
    let draw = move |area: Area, canvas: &mut Canvas| {
        for (index, &(source, layer)) in runs.iter().enumerate() {
            let plot = plot(index, (source, layer));
            let cell = area.cell(index, (columns, rows), 8.0).inside([0.0, 0.0, NAMES, 0.0]);
            let inner = plot.draw(cell, canvas);
            let samples = samples(source, layer, reading);
            canvas.clipped(inner, |canvas| lines(&plot, &samples, inner, canvas));
            if let Some((_, last)) = samples.last() {
                name_lines(&plot, last, inner, canvas);
            }
        }
    };
    let size = (if columns > 1 { PAGE } else { COLUMN }, 58.0 * rows as f64);
    Ok(Picture { size, draw: Box::new(draw) })
}

fn layer(source: &Source, options: &Options) -> Result<usize, FigureError> {
    let distribution = &source.state.distribution;
    let layer = match &options.layer {
        Some(name) => Some(source.layer(name)?),
        None => distribution.layers().next(),
    };
    let seen = layer.filter(|&layer| distribution.layer(layer).next().is_some());
    seen.ok_or_else(|| {
        source.lacks("weight distribution", "train it with monitor.distribution = true")
    })
}

/// The groups, from the bottom layer of the drawing to the top.
const LINES: [Lines; 5] = [
    ("min", Colour(0x44, 0x44, 0x44), |seen| vec![seen.min]),
    ("15 %", Colour(0x56, 0xb4, 0xe9), |seen| seen.p15.clone()),
    ("max", Colour(0x44, 0x44, 0x44), |seen| vec![seen.max]),
    ("85 %", Colour(0x00, 0x72, 0xb2), |seen| seen.p85.clone()),
    ("50 %", Colour(0xd5, 0x5e, 0x00), |seen| seen.p50.clone()),
];

/// Returns distributions of a layer at least 1/[`SAMPLES`] of the axis apart, each with its
/// position.
fn samples(source: &Source, layer: usize, reading: Reading) -> Vec<(f64, &LayerDistribution)> {
    let mut samples: Vec<(f64, &LayerDistribution)> = Vec::new();
    for (step, seen) in source.state.distribution.layer(layer) {
        let position = reading.unit.position(&source.state, step);
        if samples.last().is_none_or(|(last, _)| position - last >= reading.end / SAMPLES) {
            samples.push((position, seen));
        }
    }
    samples
}

fn lines(plot: &Plot, samples: &[(f64, &LayerDistribution)], area: Area, canvas: &mut Canvas) {
    for (_, colour, read) in LINES {
        let values: Vec<(f64, Vec<f32>)> =
            samples.iter().map(|(position, seen)| (*position, read(seen))).collect();
        let count = values.iter().map(|(_, values)| values.len()).max().unwrap_or(0);
        let line = |vector: usize| -> Vec<Position> {
            let value = |(position, values): &(f64, Vec<f32>)| {
                let value = values.get(vector).filter(|value| value.is_finite())?;
                Some(plot.position(area, *position, f64::from(*value)))
            };
            values.iter().filter_map(value).collect()
        };
        let lines: Vec<Vec<Position>> = (0..count).map(line).collect();
        canvas.lines(&lines, Stroke::solid(colour, if count > 1 { 0.25 } else { 0.8 }));
    }
}

/// Writes the name of each group at the height where its lines end, without overlaps.
fn name_lines(plot: &Plot, last: &LayerDistribution, area: Area, canvas: &mut Canvas) {
    let mut names: Vec<(f64, &str, Colour)> = Vec::new();
    for (name, colour, read) in LINES {
        let values = read(last);
        let mean = values.iter().map(|&value| f64::from(value)).sum::<f64>() / values.len() as f64;
        if mean.is_finite() {
            names.push((plot.position(area, 0.0, mean).1, name, colour));
        }
    }
    names.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut free = area.y;
    for (y, name, colour) in names {
        let y = y.max(free);
        free = y + SMALL + 0.5;
        let position = (area.right() + 4.0, y + SMALL * 0.36);
        canvas.text(position, Anchor::Start, SMALL, colour, name);
    }
}
