//! Test accuracy right after a sync. For a single family of runs also the test accuracy before the
//! sync and the training accuracy.

use crate::figure::accuracy::{percent, require, side_by_side, worth_seeing};
use crate::figure::curves::Reading;
use crate::figure::error::FigureError;
use crate::figure::kind::{Kind, Picture};
use crate::figure::layout::{COLUMN, marks, over_time, percentages};
use crate::figure::options::Options;
use crate::figure::plot::{Axis, Curve};
use crate::figure::source::{Family, Source, families};
use crate::figure::style::look;
use crate::run::Series;

pub(crate) const KIND: Kind =
    Kind { name: "accuracy", about: "test accuracy over time", is_of_one_layer: false, prepare };

fn prepare<'a>(sources: &'a [Source], options: &'a Options) -> Result<Picture<'a>, FigureError> {
    require(sources)?;
    let reading = Reading::new(sources, options.unit, options.smoothing);
    let families = families(sources, &[]);
    let curves = match families.as_slice() {
        [family] => alone(sources, family, reading),
        families => side_by_side(sources, families, reading),
    };
    let axis = Axis::of_values("accuracy (%)", percentages(worth_seeing(&curves, reading.end)), 6);
    let mut plot = over_time(reading, axis, curves);
    plot.marks = marks(sources, options.unit);
    let draw = Box::new(move |area, canvas: &mut _| {
        plot.draw(area, canvas);
    });
    Ok(Picture { size: (COLUMN, 62.0), draw })
}

/// Returns all accuracies of one family.
fn alone(sources: &[Source], family: &Family, reading: Reading) -> Vec<Curve> {
    let permutes = sources[family.members[0]].state.before_sync.accuracy.is_empty();
    let test = if permutes { "test" } else { "test, after sync" };
    let curve = |index: usize, label: &str, faint: bool, pick: fn(&Source) -> &Series| Curve {
        label: label.into(),
        look: look(index),
        points: reading.curve(sources, family, |source| percent(pick(source))),
        marked: !faint,
        faint,
    };
    let curves = [
        curve(1, "test, before sync", true, |source| &source.state.before_sync.accuracy),
        curve(2, "train", false, |source| &source.state.train.accuracy),
        curve(0, test, false, |source| &source.state.test.accuracy),
    ];
    curves.into_iter().filter(|curve| !curve.points.is_empty()).collect()
}
