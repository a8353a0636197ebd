//! Curves of accuracy, which several kinds show.

use super::curves::Reading;
use super::error::FigureError;
use super::plot::{Curve, around};
use super::source::{Family, Source};
use super::style::look;
use crate::run::Series;

/// Checks that every run was evaluated.
pub(super) fn require(sources: &[Source]) -> Result<(), FigureError> {
    match sources.iter().find(|source| source.state.test.accuracy.is_empty()) {
        Some(source) => Err(source.lacks("test accuracy", "it was never evaluated")),
        None => Ok(()),
    }
}

/// Returns a series of accuracies with the factor to percent; `None` if it is empty.
pub(super) fn percent(series: &Series) -> Option<(&Series, f64)> {
    (!series.is_empty()).then_some((series, 100.0))
}

/// Returns the test accuracy of each family.
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

/// Returns the range of the curves after their climb. The first quarter of the axis may be cut off;
/// all curves and bands of the rest are inside.
pub(super) fn worth_seeing(curves: &[Curve], end: f64) -> (f64, f64) {
    let (low, high) = around(curves, end / 4.0, end);
    let all = around(curves, 0.0, end);
    if low.is_finite() { (low, high.max(all.1)) } else { all }
}
