//! The sorted weight vectors of every layer (section 2, figures 2 and 10) as bands of quantiles
//! over the vectors, in front of the initial profile. Several runs are overlaid.

use crate::figure::canvas::{Area, Canvas, Colour};
use crate::figure::error::FigureError;
use crate::figure::kind::{Kind, Picture};
use crate::figure::layout::{COLUMN, PAGE, in_grid};
use crate::figure::options::Options;
use crate::figure::plot::{Axis, Curve, Legend, Plot, Point};
use crate::figure::scale::{Scale, significant};
use crate::figure::source::{Source, names};
use crate::figure::style::{Look, look};
use crate::train::LayerFrame;

pub(crate) const KIND: Kind = Kind {
    name: "profiles",
    about: "sorted weight vectors of every layer (figures 2 and 10)",
    is_of_one_layer: false,
    prepare,
};

fn prepare<'a>(sources: &'a [Source], options: &'a Options) -> Result<Picture<'a>, FigureError> {
    let layers: Vec<String> = match &options.layer {
        Some(name) => vec![name.clone()],
        None => sources[0].layers().iter().map(|layer| layer.name.clone()).collect(),
    };
    let plots = layers.iter().enumerate().map(|(index, name)| plot(sources, name, index == 0));
    let plots = plots.collect::<Result<Vec<Plot>, FigureError>>()?;
    let (columns, width, height) = match plots.len() {
        0 | 1 => (1, COLUMN, 62.0),
        2..=4 => (2, PAGE, 46.0),
        5..=9 => (3, PAGE, 44.0),
        _ => (4, PAGE, 38.0),
    };
    let rows = plots.len().div_ceil(columns);
    let draw = move |area: Area, canvas: &mut Canvas| {
        in_grid(&plots, columns, area, canvas);
    };
    Ok(Picture { size: (width, height * rows as f64), draw: Box::new(draw) })
}

/// Returns the plot of one layer of all runs.
fn plot(sources: &[Source], layer: &str, first: bool) -> Result<Plot, FigureError> {
    let mut frames = Vec::new();
    for source in sources {
        let index = source.layer(layer)?;
        frames.push((&source.layers()[index], source.frame(index)?));
    }
    let (info, frame) = frames[0];
    let curves = match frames.as_slice() {
        [_] => alone(frame, first),
        _ => {
            let names = names(sources);
            let frames = frames.iter().zip(&names).enumerate();
            frames.map(|(index, ((_, frame), name))| over(frame, index, name, first)).collect()
        }
    };
    let extremes = frames.iter().flat_map(|(_, frame)| {
        frame
            .bands
            .iter()
            .flatten()
            .chain(&frame.initial)
            .copied()
            .filter(|value| value.is_finite())
    });
    let (low, high) = extremes.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| {
        (low.min(value.into()), high.max(value.into()))
    });
    let title = match frames.len() {
        1 => format!("{}, SoWP {}", info.name, significant(frame.similarity.into())),
        _ => info.name.clone(),
    };
    Ok(Plot {
        title,
        x: Axis::of_counts("rank", info.length.saturating_sub(1) as f64, 5),
        y: Axis::of_values("weight", Scale::around(low, high), 5),
        curves,
        legend: if first { Legend::Inside } else { Legend::None },
        marks: Vec::new(),
    })
}

fn points(frame: &LayerFrame, value: impl Fn(usize) -> Option<[f32; 3]>) -> Vec<Point> {
    let point = |(index, &rank): (usize, &u32)| {
        let [low, y, high] = value(index)?.map(f64::from);
        Some(Point { x: rank.into(), y, low, high })
    };
    frame.positions.iter().enumerate().filter_map(point).collect()
}

/// Returns the median with a band between the quantiles at index `level` from either end.
fn band(frame: &LayerFrame, level: usize) -> Vec<Point> {
    let bands = &frame.bands;
    points(frame, |index| {
        let value = |band: usize| bands.get(band)?.get(index).copied();
        let (low, high) = (value(level)?, value(bands.len().checked_sub(level + 1)?)?);
        Some([low, value(bands.len() / 2)?, high])
    })
}

/// Returns the curves of a single run: bands of all and of most vectors, the median, the initial
/// profile.
fn alone(frame: &LayerFrame, named: bool) -> Vec<Curve> {
    let curve = |label: &str, look: Look, points, faint| Curve {
        label: if named { label.into() } else { String::new() },
        look: Look { dash: "", ..look },
        points,
        marked: false,
        faint,
    };
    let grey = Look { colour: Colour::PALE, ..look(0) };
    let initial = points(frame, |index| frame.initial.get(index).map(|&value| [value; 3]));
    let all = Curve { label: String::new(), ..curve("", look(5), band(frame, 0), false) };
    vec![
        all,
        curve("now: median, 15–85 %, all", look(0), band(frame, 1), false),
        curve("at the start", grey, initial, true),
    ]
}

fn over(frame: &LayerFrame, index: usize, name: &str, named: bool) -> Curve {
    Curve {
        label: if named { name.into() } else { String::new() },
        look: look(index),
        points: band(frame, 1),
        marked: true,
        faint: false,
    }
}
