//! A number over training steps, ready to be drawn at any width.

/// Values at steps that never decrease.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Series {
    steps: Vec<u64>,
    values: Vec<f32>,
}

impl Series {
    /// Adds a value at `step`. A step earlier than the last (a run continued from an older state) first
    /// forgets what came at or after it.
    pub fn push(&mut self, step: u64, value: f32) {
        if self.steps.last().is_some_and(|&last| last > step) {
            let keep = self.steps.partition_point(|&s| s < step);
            self.steps.truncate(keep);
            self.values.truncate(keep);
        }
        self.steps.push(step);
        self.values.push(value);
    }

    /// How many values there are.
    pub fn len(&self) -> usize {
        self.steps.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }

    /// The steps, ascending.
    pub fn steps(&self) -> &[u64] {
        &self.steps
    }

    /// The values; NaN is a gap.
    pub fn values(&self) -> &[f32] {
        &self.values
    }

    /// The newest value and its step.
    pub fn last(&self) -> Option<(u64, f32)> {
        Some((*self.steps.last()?, *self.values.last()?))
    }

    /// The newest value at or before `step`, and its own step: what a cursor reads.
    pub fn at(&self, step: u64) -> Option<(u64, f32)> {
        let index = self.steps.partition_point(|&s| s <= step).checked_sub(1)?;
        Some((self.steps[index], self.values[index]))
    }

    /// The greatest value and its first step, gaps aside.
    pub fn max(&self) -> Option<(u64, f32)> {
        let mut best = None;
        for (&step, &value) in self.steps.iter().zip(&self.values) {
            if !value.is_nan() && best.is_none_or(|(_, b)| value > b) {
                best = Some((step, value));
            }
        }
        best
    }

    /// The least and the greatest value with `from <= step < to`, gaps aside.
    pub fn extent(&self, from: u64, to: u64) -> Option<(f32, f32)> {
        let start = self.steps.partition_point(|&s| s < from);
        let end = self.steps.partition_point(|&s| s < to);
        let finite = self.values[start..end.max(start)].iter().filter(|v| v.is_finite());
        finite.fold(None, |extent, &v| match extent {
            None => Some((v, v)),
            Some((low, high)) => Some((v.min(low), v.max(high))),
        })
    }

    /// An exponential moving average over the raw values, with the half-life in values; 0 is the series
    /// itself. Gaps stay gaps and do not spoil what follows.
    pub fn smoothed(&self, half_life: f32) -> Series {
        if half_life <= 0.0 {
            return self.clone();
        }
        let decay = 0.5f32.powf(1.0 / half_life);
        let (mut sum, mut weight) = (0.0, 0.0);
        let smooth = |&value: &f32| {
            if !value.is_finite() {
                return f32::NAN;
            }
            sum = sum * decay + value * (1.0 - decay);
            weight = weight * decay + (1.0 - decay);
            sum / weight
        };
        Series { steps: self.steps.clone(), values: self.values.iter().map(smooth).collect() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn series(points: &[(u64, f32)]) -> Series {
        let mut series = Series::default();
        points.iter().for_each(|&(step, value)| series.push(step, value));
        series
    }

    #[test]
    fn an_extent_keeps_a_spike_and_skips_gaps() {
        let series = series(&[(1, 1.0), (2, f32::NAN), (3, 9.0), (4, 2.0)]);
        assert_eq!(series.extent(1, 5), Some((1.0, 9.0)));
        assert_eq!(series.extent(2, 3), None);
        assert_eq!(series.extent(4, 4), None);
        assert_eq!(series.max(), Some((3, 9.0)));
    }

    #[test]
    fn a_cursor_reads_the_newest_value_before_it() {
        let series = series(&[(10, 1.0), (20, 2.0)]);
        assert_eq!(series.at(9), None);
        assert_eq!(series.at(19), Some((10, 1.0)));
        assert_eq!(series.at(500), Some((20, 2.0)));
    }

    #[test]
    fn going_back_in_time_forgets_the_future() {
        let series = series(&[(10, 1.0), (20, 2.0), (30, 3.0), (20, 5.0)]);
        assert_eq!(series.steps(), [10, 20]);
        assert_eq!(series.values(), [1.0, 5.0]);
    }

    #[test]
    fn smoothing_by_hand() {
        // Half-life 1: each value weighs half of the next, normalized by the weights so far.
        let smooth = series(&[(1, 4.0), (2, f32::NAN), (3, 1.0)]).smoothed(1.0);
        assert_eq!(smooth.values()[0], 4.0);
        assert!(smooth.values()[1].is_nan());
        assert_eq!(smooth.values()[2], (4.0 * 0.25 + 1.0 * 0.5) / 0.75);
    }
}
