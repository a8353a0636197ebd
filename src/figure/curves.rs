//! From the series of runs to the curves of a plot.

use super::plot::Point;
use super::source::{Family, Source};
use crate::run::TimeUnit;
use crate::run::{RunState, Series};

/// A longer series is reduced to the ranges of this number of columns.
const COLUMNS: usize = 400;

/// Turns one series of every run of a family into one curve over a common axis: the mean of the
/// runs, with a band from the minimum to the maximum. A long series is reduced column by column,
/// and the band is its range in each column.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reading {
    pub unit: TimeUnit,
    /// The end of the axis.
    pub end: f64,
    /// Half-life of the smoothing, in values; 0 disables it.
    pub smoothing: f64,
}

impl Reading {
    /// Creates an axis that ends with the longest run.
    pub(super) fn new(sources: &[Source], unit: TimeUnit, smoothing: f64) -> Self {
        let ends = sources.iter().map(|source| unit.position(&source.state, source.state.step));
        Reading { unit, end: ends.fold(0.0, f64::max), smoothing }
    }

    /// Returns the curve of a family; `pick` finds a run's series and the factor for its values.
    /// Empty if no run has the series.
    pub(super) fn curve<'a>(
        &self,
        sources: &'a [Source],
        family: &Family,
        pick: impl Fn(&'a Source) -> Option<(&'a Series, f64)>,
    ) -> Vec<Point> {
        let members = family.members.iter().filter_map(|&member| {
            let source = &sources[member];
            let (series, factor) = pick(source)?;
            Some(self.reduced(self.values(&source.state, series, factor)))
        });
        merged(&members.filter(|points| !points.is_empty()).collect::<Vec<_>>())
    }

    fn values(&self, state: &RunState, series: &Series, factor: f64) -> Vec<(f64, f64)> {
        let decay = if self.smoothing > 0.0 { 0.5f64.powf(1.0 / self.smoothing) } else { 0.0 };
        let (mut sum, mut weight) = (0.0, 0.0);
        let value = |(step, value): (u64, f32)| {
            let (position, value) = (self.unit.position(state, step), f64::from(value) * factor);
            if !value.is_finite() {
                return (position, f64::NAN);
            }
            (sum, weight) = (sum * decay + value, weight * decay + 1.0);
            (position, sum / weight)
        };
        series.iter().map(value).collect()
    }

    fn reduced(&self, values: Vec<(f64, f64)>) -> Vec<Point> {
        if values.len() <= COLUMNS {
            return values.into_iter().map(|(x, y)| Point { x, y, low: y, high: y }).collect();
        }
        let width = self.end.max(f64::MIN_POSITIVE) / COLUMNS as f64;
        let column = |x: f64| (x / width).floor();
        values
            .chunk_by(|a, b| column(a.0) == column(b.0))
            .map(|part| {
                let finite = || part.iter().map(|&(_, y)| y).filter(|y| y.is_finite());
                let x = (column(part[0].0) + 0.5) * width;
                Point {
                    x,
                    y: finite().sum::<f64>() / finite().count() as f64,
                    low: finite().fold(f64::NAN, f64::min),
                    high: finite().fold(f64::NAN, f64::max),
                }
            })
            .collect()
    }
}

/// Returns the mean of several curves and a band around all, at every position of any of them.
fn merged(curves: &[Vec<Point>]) -> Vec<Point> {
    if let [only] = curves {
        return only.clone();
    }
    let mut positions: Vec<f64> = curves.iter().flatten().map(|point| point.x).collect();
    positions.sort_unstable_by(f64::total_cmp);
    positions.dedup();
    let at = |x: f64| {
        let points: Vec<Point> = curves.iter().filter_map(|curve| between(curve, x)).collect();
        let count = points.len() as f64;
        Point {
            x,
            y: points.iter().map(|point| point.y).sum::<f64>() / count,
            low: points.iter().map(|point| point.low).fold(f64::NAN, f64::min),
            high: points.iter().map(|point| point.high).fold(f64::NAN, f64::max),
        }
    };
    positions.into_iter().map(at).collect()
}

/// Interpolates a curve linearly at `x`; `None` outside the curve and in gaps.
fn between(curve: &[Point], x: f64) -> Option<Point> {
    let next = curve.partition_point(|point| point.x < x);
    let after = curve.get(next)?;
    if after.x == x {
        return after.y.is_finite().then_some(*after);
    }
    let before = &curve[next.checked_sub(1)?];
    let share = (x - before.x) / (after.x - before.x);
    let mix = |a: f64, b: f64| a + (b - a) * share;
    let y = mix(before.y, after.y);
    let (low, high) = (mix(before.low, after.low), mix(before.high, after.high));
    y.is_finite().then_some(Point { x, y, low, high })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn points(points: &[(f64, f64)]) -> Vec<Point> {
        points.iter().map(|&(x, y)| Point { x, y, low: y, high: y }).collect()
    }

    #[test]
    fn seeds_become_a_mean_and_a_band_by_hand() {
        let curves = [points(&[(0.0, 1.0), (2.0, 3.0)]), points(&[(0.0, 3.0), (1.0, 6.0)])];
        let merged = merged(&curves);
        let expected = [
            Point { x: 0.0, y: 2.0, low: 1.0, high: 3.0 },
            // The first is at 2, halfway from 1 to 3.
            Point { x: 1.0, y: 4.0, low: 2.0, high: 6.0 },
            // The second has ended.
            Point { x: 2.0, y: 3.0, low: 3.0, high: 3.0 },
        ];
        assert_eq!(merged, expected);
    }

    proptest! {
        #[test]
        fn nothing_that_was_measured_lies_outside_the_band(
            values in prop::collection::vec(-1e3f64..1e3, 1..3000)
        ) {
            let end = values.len() as f64;
            let reading = Reading { unit: TimeUnit::Steps, end, smoothing: 0.0 };
            let all: Vec<(f64, f64)> =
                values.iter().enumerate().map(|(i, &v)| (i as f64, v)).collect();
            let points = reading.reduced(all);
            prop_assert!(points.len() <= COLUMNS + 1);
            let extreme = |pick: fn(f64, f64) -> f64| values.iter().copied().reduce(pick);
            let low = points.iter().map(|point| point.low).reduce(f64::min);
            let high = points.iter().map(|point| point.high).reduce(f64::max);
            prop_assert_eq!((low, high), (extreme(f64::min), extreme(f64::max)));
            prop_assert!(points.iter().all(|p| p.low <= p.y + 1e-9 && p.y <= p.high + 1e-9));
            prop_assert!(points.is_sorted_by(|a, b| a.x < b.x));
        }
    }
}
