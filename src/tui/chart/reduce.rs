//! Reduces long series to columns: a million points on two hundred columns without losing a spike.

use std::ops::Range;

use crate::run::Series;

/// The points of a series that fall on one column, reduced.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Column {
    /// The column; outside the axis for the nearest point on either side.
    pub x: i64,
    /// The first value; NaN for a gap.
    pub first: f32,
    /// The last value; NaN for a gap.
    pub last: f32,
    /// The least finite value; infinity if there is none.
    pub low: f32,
    /// The greatest finite value; negative infinity if there is none.
    pub high: f32,
}

/// An even division of the steps `from..to` into columns.
#[derive(Debug, Clone, Copy)]
pub(super) struct Columns {
    pub from: u64,
    /// Greater than `from`.
    pub to: u64,
    /// Number of columns.
    pub width: u64,
}

impl Columns {
    /// Returns the column of a step, which may be outside the axis.
    pub(super) fn of(&self, step: u64) -> i64 {
        let offset = i128::from(step) - i128::from(self.from);
        let span = i128::from(self.to.saturating_sub(self.from).max(1));
        let column = (offset * i128::from(self.width)).div_euclid(span);
        column.clamp(-(1 << 40), 1 << 40) as i64
    }

    /// Returns the first step of a column inside the axis.
    fn start(&self, column: i64) -> u64 {
        let span = u128::from(self.to.saturating_sub(self.from).max(1));
        let offset = (column as u128 * span).div_ceil(u128::from(self.width.max(1)));
        self.from.saturating_add(offset as u64)
    }

    /// Calls `column(x, indices)` with the points of each column that has any, and with the nearest
    /// point on either side of the axis.
    fn each(&self, series: &Series, mut column: impl FnMut(i64, Range<usize>)) {
        let mut index = series.before(self.from);
        if let Some((step, _)) = index.checked_sub(1).and_then(|last| series.get(last)) {
            column(self.of(step), index - 1..index);
        }
        while let Some((step, _)) = series.get(index).filter(|&(step, _)| step < self.to) {
            let x = self.of(step);
            let next = series.before(self.start(x + 1)).max(index + 1);
            column(x, index..next);
            index = next;
        }
        if let Some((step, _)) = series.get(index) {
            column(self.of(step), index..index + 1);
        }
    }

    /// Returns every column that has points, and the nearest point on either side of the axis.
    pub(super) fn extents(&self, series: &Series) -> Vec<Column> {
        let mut columns = Vec::new();
        let value = |index| series.get(index).map_or(f32::NAN, |(_, value)| gap(value));
        self.each(series, |x, indices| {
            let (first, last) = (value(indices.start), value(indices.end - 1));
            let (low, high) = series.extent(indices);
            columns.push(Column { x, first, last, low, high });
        });
        columns
    }

    /// Returns an exponential moving average at the last point of every column. It visits only
    /// points with a noticeable weight and combines points of nearly equal weight, so that a long
    /// series costs no more than a short one.
    pub(super) fn smoothed(&self, series: &Series, half_life: f32) -> Vec<Column> {
        let memory = (half_life * 12.0).ceil() as usize;
        let together = (half_life / 32.0).max(1.0) as usize;
        let decay = 0.5f32.powf(1.0 / half_life);
        let (mut sum, mut weight, mut next) = (0.0, 0.0, 0);
        let mut columns = Vec::new();
        self.each(series, |x, indices| {
            let first = indices.end.saturating_sub(memory);
            if first > next {
                (sum, weight, next) = (0.0, 0.0, first);
            }
            for values in series.values(next..indices.end).flat_map(|v| v.chunks(together)) {
                let (total, count) = total(values);
                if count > 0.0 {
                    let keep = if count == 1.0 { decay } else { decay.powf(count) };
                    sum = sum * keep + total / count * (1.0 - keep);
                    weight = weight * keep + (1.0 - keep);
                }
            }
            next = indices.end;
            let last = series.get(indices.end - 1).map_or(f32::NAN, |(_, value)| value);
            let value = if last.is_finite() && weight > 0.0 { sum / weight } else { f32::NAN };
            columns.push(Column { x, first: value, last: value, low: value, high: value });
        });
        columns
    }
}

/// Returns the sum and the number of the finite values.
fn total(values: &[f32]) -> (f32, f32) {
    let finite = values.iter().filter(|value| value.is_finite());
    finite.fold((0.0, 0.0), |(sum, count), value| (sum + value, count + 1.0))
}

fn gap(value: f32) -> f32 {
    if value.is_finite() { value } else { f32::NAN }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn series(points: impl IntoIterator<Item = (u64, f32)>) -> Series {
        let mut series = Series::default();
        points.into_iter().for_each(|(step, value)| series.push(step, value));
        series
    }

    #[test]
    fn one_spike_in_a_million_survives() {
        let series = series((0..1_000_000).map(|i| (i, if i == 654_321 { 9.0 } else { 1.0 })));
        let columns = Columns { from: 0, to: 1_000_000, width: 100 }.extents(&series);
        assert_eq!(columns.len(), 100);
        assert_eq!(columns[65].high, 9.0);
        assert!(columns.iter().all(|c| c.low == 1.0 && (c.x == 65 || c.high == 1.0)));
    }

    #[test]
    fn points_fall_on_their_columns_by_hand() {
        let series = series([(5, 0.0), (10, 1.0), (12, 5.0), (13, 2.0), (16, f32::NAN), (25, 7.0)]);
        let columns = Columns { from: 10, to: 20, width: 2 }.extents(&series);
        assert_eq!(columns.len(), 4);
        assert_eq!(columns[0].x, -1);
        assert_eq!(columns[1], Column { x: 0, first: 1.0, last: 2.0, low: 1.0, high: 5.0 });
        assert!(columns[2].x == 1 && columns[2].first.is_nan() && columns[2].low > columns[2].high);
        assert_eq!((columns[3].x, columns[3].first), (3, 7.0));
    }

    #[test]
    fn smoothing_is_a_moving_average() {
        let series = series((0..50_000).map(|i| (i, (i % 7) as f32 + i as f32 / 5000.0)));
        for half_life in [1.0, 10.0, 1000.0] {
            // By definition: each value decays by half per half-life.
            let decay = 0.5f32.powf(1.0 / half_life);
            let (mut sum, mut weight) = (0.0, 0.0);
            let average = |(_, value): (u64, f32)| {
                (sum, weight) = (sum * decay + value, weight * decay + 1.0);
                sum / weight
            };
            let expected: Vec<f32> = series.iter().map(average).collect();
            let columns = Columns { from: 0, to: 50_000, width: 50 };
            for column in columns.smoothed(&series, half_life) {
                let expected = expected[(column.x as usize + 1) * 1000 - 1];
                assert!((column.last - expected).abs() < 0.02, "{column:?}, not {expected}");
            }
        }
    }

    #[test]
    fn smoothing_by_hand() {
        // Half-life 1: each value has half the weight of the next one; the sum is normalized by the
        // weights so far. A gap stays a gap.
        let series = series([(1, 4.0), (2, f32::NAN), (3, 1.0)]);
        let columns = Columns { from: 1, to: 4, width: 3 }.smoothed(&series, 1.0);
        assert_eq!(columns[0].last, 4.0);
        assert!(columns[1].last.is_nan());
        assert_eq!(columns[2].last, (4.0 * 0.25 + 1.0 * 0.5) / 0.75);
    }
}
