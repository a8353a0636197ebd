//! A million points on two hundred columns, and no spike lost.

use crate::run::Series;

/// The points of a series that fall on one column.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Column {
    /// The column; beyond the ends for the neighbours just outside.
    pub x: i64,
    /// The first value; NaN is a gap.
    pub first: f32,
    /// The last value; NaN is a gap.
    pub last: f32,
    /// The least finite value; infinite if there is none.
    pub low: f32,
    /// The greatest finite value; negatively infinite if there is none.
    pub high: f32,
}

/// Columns that divide the steps `from..to` evenly.
#[derive(Debug, Clone, Copy)]
pub struct Columns {
    /// The first step shown.
    pub from: u64,
    /// The step at the right end; greater than `from`.
    pub to: u64,
    /// How many columns.
    pub width: u64,
}

impl Columns {
    /// The column of a step, which may lie outside.
    pub fn of(&self, step: u64) -> i64 {
        let offset = i128::from(step) - i128::from(self.from);
        let span = i128::from(self.to.saturating_sub(self.from).max(1));
        let column = (offset * i128::from(self.width)).div_euclid(span);
        column.clamp(-(1 << 40), 1 << 40) as i64
    }

    /// The first step of a column inside.
    fn start(&self, column: i64) -> u64 {
        let span = u128::from(self.to.saturating_sub(self.from).max(1));
        let offset = (column as u128 * span).div_ceil(u128::from(self.width.max(1)));
        self.from.saturating_add(offset as u64)
    }

    /// Runs `column(x, from, to)` over the indices of `steps` that fall on each column that has any.
    fn each(&self, steps: &[u64], mut column: impl FnMut(i64, usize, usize)) {
        let mut index = steps.partition_point(|&s| s < self.from);
        if index > 0 {
            column(self.of(steps[index - 1]), index - 1, index);
        }
        while let Some(&step) = steps.get(index).filter(|&&s| s < self.to) {
            let x = self.of(step);
            let end = self.start(x + 1);
            let next = index + steps[index..].partition_point(|&s| s < end).max(1);
            column(x, index, next);
            index = next;
        }
        if let Some(&step) = steps.get(index) {
            column(self.of(step), index, index + 1);
        }
    }

    /// The extent of every column that has points, and the nearest point on either side.
    pub fn extents(&self, series: &Series) -> Vec<Column> {
        let mut columns = Vec::new();
        self.each(series.steps(), |x, from, to| {
            let values = &series.values()[from..to];
            let (low, high) = extent(values);
            columns.push(Column {
                x,
                first: gap(values[0]),
                last: gap(values[to - from - 1]),
                low,
                high,
            });
        });
        columns
    }

    /// An exponential moving average at the last point of every column. Only points that still weigh
    /// something are visited, and those that weigh nearly the same are taken together, so that a long
    /// series costs no more than a short one.
    pub fn smoothed(&self, series: &Series, half_life: f32) -> Vec<Column> {
        let memory = (half_life * 12.0).ceil() as usize;
        let together = (half_life / 32.0).max(1.0) as usize;
        let decay = 0.5f32.powf(1.0 / half_life);
        let (mut sum, mut weight, mut next) = (0.0, 0.0, 0);
        let mut columns = Vec::new();
        self.each(series.steps(), |x, _, to| {
            let first = to.saturating_sub(memory);
            if first > next {
                (sum, weight, next) = (0.0, 0.0, first);
            }
            for values in series.values()[next..to].chunks(together) {
                let (total, count) = total(values);
                if count > 0.0 {
                    let keep = if count == 1.0 { decay } else { decay.powf(count) };
                    sum = sum * keep + total / count * (1.0 - keep);
                    weight = weight * keep + (1.0 - keep);
                }
            }
            next = to;
            let finite = series.values()[to - 1].is_finite() && weight > 0.0;
            let value = if finite { sum / weight } else { f32::NAN };
            columns.push(Column { x, first: value, last: value, low: value, high: value });
        });
        columns
    }
}

/// The sum of the finite values, and how many those are.
fn total(values: &[f32]) -> (f32, f32) {
    let finite = values.iter().filter(|value| value.is_finite());
    finite.fold((0.0, 0.0), |(sum, count), value| (sum + value, count + 1.0))
}

fn gap(value: f32) -> f32 {
    if value.is_finite() { value } else { f32::NAN }
}

/// The least and the greatest finite value, eight at a time.
fn extent(values: &[f32]) -> (f32, f32) {
    let (mut low, mut high) = ([f32::INFINITY; 8], [f32::NEG_INFINITY; 8]);
    let (eights, rest) = values.as_chunks::<8>();
    let mut take = |lane: usize, value: f32| {
        let finite = value.is_finite();
        low[lane] = if finite && value < low[lane] { value } else { low[lane] };
        high[lane] = if finite && value > high[lane] { value } else { high[lane] };
    };
    for eight in eights {
        (0..8).for_each(|lane| take(lane, eight[lane]));
    }
    rest.iter().for_each(|&value| take(0, value));
    (
        low.into_iter().fold(f32::INFINITY, f32::min),
        high.into_iter().fold(f32::NEG_INFINITY, f32::max),
    )
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
    fn smoothing_agrees_with_the_series_own() {
        let series = series((0..50_000).map(|i| (i, (i % 7) as f32 + i as f32 / 5000.0)));
        for half_life in [1.0, 10.0, 1000.0] {
            let expected = series.smoothed(half_life);
            let columns = Columns { from: 0, to: 50_000, width: 50 };
            for column in columns.smoothed(&series, half_life) {
                let last = (column.x as usize + 1) * 1000 - 1;
                let expected = expected.values()[last];
                assert!((column.last - expected).abs() < 0.02, "{column:?}, not {expected}");
            }
        }
    }
}
