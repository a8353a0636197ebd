//! The 15th, 50th and 85th percentile of every weight vector over time, one line each, between the least and the
//! greatest weight of the layer (figure 12, row 1). One plot for each run, on the same axes.

use super::{COLUMN, PAGE, Picture, letter, marks, over_time};
use crate::figure::canvas::{Area, Canvas, Colour, Place, Stroke};
use crate::figure::curves::Reading;
use crate::figure::plot::{Axis, Legend, Plot, legend, legend_size};
use crate::figure::scale::Scale;
use crate::figure::source::Source;
use crate::figure::style::{Look, look};
use crate::figure::{FigureError, Options};
use crate::train::LayerDistribution;

/// More looks than this along the axis would only make the file larger.
const LOOKS: f64 = 150.0;

/// What is drawn: its name, its look, and how to read it.
type Lines = (&'static str, Look, fn(&LayerDistribution) -> Vec<f32>);

pub fn prepare<'a>(
    sources: &'a [Source],
    options: &'a Options,
) -> Result<Picture<'a>, FigureError> {
    let layers = sources.iter().map(|source| layer(source, options));
    let layers = layers.collect::<Result<Vec<usize>, FigureError>>()?;
    let reading = Reading::new(sources, options.unit, 0.0);
    let runs: Vec<(&Source, usize)> = sources.iter().zip(layers).collect();
    let seen = runs.iter().flat_map(|(source, layer)| source.state.distribution.layer(*layer));
    let (low, high) = seen.fold((0f64, 0f64), |(low, high), (_, seen)| {
        (low.min(seen.min.into()), high.max(seen.max.into()))
    });
    let plot = move |index: usize, (source, layer): (&Source, usize)| {
        let axis = Axis::of_values("weight", Scale::around(low, high), 5);
        let several = if sources.len() > 1 { letter(index) + " " } else { String::new() };
        let called = if sources.len() > 1 { source.name.as_str() } else { "" };
        let name = &source.layers()[layer].name;
        let title = format!("{several}{name} {called}").trim_end().to_owned();
        let marks = if sources.len() == 1 { marks(sources, options.unit) } else { Vec::new() };
        Plot { title, legend: Legend::None, marks, ..over_time(reading, axis, Vec::new()) }
    };
    let columns = sources.len().min(2);
    let rows = sources.len().div_ceil(columns.max(1));
    let draw = move |area: Area, canvas: &mut Canvas| {
        for (index, &(source, layer)) in runs.iter().enumerate() {
            let plot = plot(index, (source, layer));
            let cell = area.cell(index, (columns, rows), 8.0);
            let inner = plot.draw(cell, canvas);
            canvas.clipped(inner, |canvas| lines(&plot, source, layer, reading, inner, canvas));
            if index == 0 {
                names(inner, canvas);
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

/// From behind to before.
fn kinds() -> [Lines; 4] {
    let pale = Look { colour: Colour(0x33, 0x33, 0x33), ..look(0) };
    [
        ("minimum, maximum", pale, |seen| vec![seen.min, seen.max]),
        ("15th percentile", look(5), |seen| seen.p15.clone()),
        ("85th percentile", look(0), |seen| seen.p85.clone()),
        ("50th percentile", look(1), |seen| seen.p50.clone()),
    ]
}

fn lines(
    plot: &Plot,
    source: &Source,
    layer: usize,
    reading: Reading,
    area: Area,
    canvas: &mut Canvas,
) {
    let mut looks: Vec<(f64, &LayerDistribution)> = Vec::new();
    for (step, seen) in source.state.distribution.layer(layer) {
        let place = reading.unit.place(&source.state, step);
        if looks.last().is_none_or(|(last, _)| place - last >= reading.end / LOOKS) {
            looks.push((place, seen));
        }
    }
    for (_, Look { colour, .. }, read) in kinds() {
        let values: Vec<(f64, Vec<f32>)> =
            looks.iter().map(|(place, seen)| (*place, read(seen))).collect();
        let count = values.iter().map(|(_, values)| values.len()).max().unwrap_or(0);
        let line = |vector: usize| -> Vec<Place> {
            let value = |(place, values): &(f64, Vec<f32>)| {
                let value = values.get(vector).filter(|value| value.is_finite())?;
                Some(plot.place(area, *place, f64::from(*value)))
            };
            values.iter().filter_map(value).collect()
        };
        let width = if count > 2 { 0.25 } else { 0.8 };
        let lines: Vec<Vec<Place>> = (0..count).map(line).collect();
        canvas.lines(&lines, Stroke::solid(colour, width));
    }
}

fn names(area: Area, canvas: &mut Canvas) {
    let named: Vec<_> = kinds()
        .into_iter()
        .map(|(name, look, _)| (name, Look { dash: "", ..look }, true))
        .collect();
    let (width, height) = legend_size(&named);
    let place = Area { x: area.x + 3.0, y: area.bottom() - height - 3.0, width, height };
    legend(&named, place, canvas);
}
