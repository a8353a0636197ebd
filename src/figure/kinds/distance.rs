//! Mean and SD of the ranking distance as a ratio of the weight vector's length, and the test loss
//! below (figure 3).

use crate::figure::curves::Reading;
use crate::figure::error::FigureError;
use crate::figure::kind::{Kind, Picture};
use crate::figure::layout::{COLUMN, marks, over_time, stacked};
use crate::figure::options::Options;
use crate::figure::plot::{Axis, Curve, Plot, around};
use crate::figure::scale::Scale;
use crate::figure::source::{Family, Source, families};
use crate::figure::style::look;
use crate::run::{Distance, Series};

pub(crate) const KIND: Kind = Kind {
    name: "ranking-distance",
    about: "mean and SD of the ranking distance, and the test loss (figure 3)",
    is_of_one_layer: true,
    prepare,
};

fn prepare<'a>(sources: &'a [Source], options: &'a Options) -> Result<Picture<'a>, FigureError> {
    let layer = layer(sources, options)?;
    let reading = Reading::new(sources, options.unit, options.smoothing);
    let families = families(sources, &[]);
    let name = &layer;
    let ratio = |pick: fn(&Distance) -> &Series| {
        move |source: &'a Source| {
            let layer = source.layer(name).ok()?;
            let length = source.layers()[layer].length.max(1) as f64;
            source.state.distance.get(layer).map(|distance| (pick(distance), 1.0 / length))
        }
    };
    let (mean, sd) = (ratio(|distance| &distance.mean), ratio(|distance| &distance.sd));
    let curves = |pick: &dyn Fn(&'a Source) -> Option<(&'a Series, f64)>| {
        let curve = |(index, family): (usize, &Family)| Curve {
            label: family.label.clone(),
            look: look(index),
            points: reading.curve(sources, family, pick),
            marked: true,
            faint: false,
        };
        families.iter().enumerate().map(curve).collect::<Vec<_>>()
    };
    let mut plots = match families.len() {
        1 => vec![over(reading, "distance / length", together(curves(&mean), curves(&sd)))],
        _ => vec![
            over(reading, "mean / length", curves(&mean)),
            over(reading, "SD / length", curves(&sd)),
        ],
    };
    let loss = curves(&|source| Some((&source.state.test.loss, 1.0)));
    if loss.iter().any(|curve| !curve.points.is_empty()) {
        plots.push(over(reading, "test loss", loss));
    }
    plots.iter_mut().for_each(|plot| plot.marks = marks(sources, options.unit));
    plots[0].title = format!("ranking distance, {layer}");
    let size = (COLUMN, 14.0 + 38.0 * plots.len() as f64);
    Ok(Picture { size, draw: Box::new(move |area, canvas| stacked(&plots, area, canvas)) })
}

/// Returns the name of the layer to draw: the one asked for, or the first one measured.
fn layer(sources: &[Source], options: &Options) -> Result<String, FigureError> {
    let mut chosen = None;
    for source in sources {
        let measured = |layer: usize| {
            source.state.distance.get(layer).is_some_and(|distance| !distance.mean.is_empty())
        };
        let layers = 0..source.layers().len();
        let wanted = chosen.as_deref().or(options.layer.as_deref());
        let layer = match wanted {
            Some(name) => Some(source.layer(name)?).filter(|&layer| measured(layer)),
            None => layers.into_iter().find(|&layer| measured(layer)),
        };
        let layer = layer.ok_or_else(|| {
            let advice =
                "train it with this layer in monitor.distance_layers, or without that line";
            source.lacks("ranking distance", advice)
        })?;
        chosen.get_or_insert(source.layers()[layer].name.clone());
    }
    Ok(chosen.unwrap_or_default())
}

/// Labels the mean and the SD of one family for a common plot.
fn together(mut mean: Vec<Curve>, mut sd: Vec<Curve>) -> Vec<Curve> {
    mean.iter_mut().for_each(|curve| curve.label = "mean".into());
    for curve in &mut sd {
        (curve.label, curve.look) = ("SD".into(), look(1));
    }
    sd.into_iter().chain(mean).collect()
}

fn over(reading: Reading, title: &str, curves: Vec<Curve>) -> Plot {
    let (_, high) = around(&curves, 0.0, reading.end);
    let axis = Axis::of_values(title, Scale::around(0.0, high * 1.03), 6);
    over_time(reading, axis, curves)
}
