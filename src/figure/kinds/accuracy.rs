//! Test accuracy right after a sync; of a single kind of run also before it, and on the train set.

use super::{COLUMN, Legend, Picture, marks, over_time, percentages};
use crate::figure::curves::Reading;
use crate::figure::plot::{Axis, Curve, around};
use crate::figure::source::{Family, Source, families};
use crate::figure::style::look;
use crate::figure::{FigureError, Options};
use crate::run::Series;

pub fn prepare<'a>(
    sources: &'a [Source],
    options: &'a Options,
) -> Result<Picture<'a>, FigureError> {
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
    plot.legend = Legend::Inside;
    let draw = Box::new(move |area, canvas: &mut _| {
        plot.draw(area, canvas);
    });
    Ok(Picture { size: (COLUMN, 62.0), draw })
}

/// Every run was evaluated.
pub(super) fn require(sources: &[Source]) -> Result<(), FigureError> {
    match sources.iter().find(|source| source.state.test.accuracy.is_empty()) {
        Some(source) => Err(source.lacks("test accuracy", "it was never evaluated")),
        None => Ok(()),
    }
}

/// Accuracies in percent.
pub(super) fn percent(series: &Series) -> Option<(&Series, f64)> {
    (!series.is_empty()).then_some((series, 100.0))
}

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

/// The test accuracy of each family.
pub(super) fn side_by_side(
    sources: &[Source],
    families: &[Family],
    reading: Reading,
) -> Vec<Curve> {
    let curve = |(index, family): (usize, &Family)| Curve {
        label: family.label.clone(),
        look: look(index),
        points: reading.curve(sources, family, |source| percent(&source.state.test.accuracy)),
        marked: true,
        faint: false,
    };
    families.iter().enumerate().map(curve).collect()
}

/// What curves range over once they have climbed: the beginning may be cut off, but no curve and no band of the later
/// three quarters.
pub(super) fn worth_seeing(curves: &[Curve], end: f64) -> (f64, f64) {
    let (low, high) = around(curves, end / 4.0, end);
    let all = around(curves, 0.0, end);
    match low.is_finite() {
        true => (low, high.max(all.1)),
        false => all,
    }
}
