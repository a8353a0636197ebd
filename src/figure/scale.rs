//! From values to positions on an axis: ranges that seldom change, with round numbers as labels.

/// Largest number of characters of a label on an axis.
const WIDEST: usize = 5;

/// A labelled position on an axis.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Tick {
    /// From 0 (the low end) to 1.
    pub position: f64,
    pub label: String,
}

/// A range of values along an axis.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Scale {
    low: f64,
    high: f64,
    log: bool,
}

impl Scale {
    /// Creates a scale from exactly `low` to `high`; requires `low < high`.
    pub(crate) fn linear(low: f64, high: f64) -> Self {
        Scale { low, high, log: false }
    }

    /// Creates a scale around `low` and `high`, extended to round numbers, so that the range stays
    /// the same while values move inside it. An empty range gets room on both sides.
    pub(crate) fn around(low: f64, high: f64) -> Self {
        if !(low.is_finite() && high.is_finite() && low <= high) {
            return Scale::linear(0.0, 1.0);
        }
        let (low, high) = if high - low > high.abs().max(low.abs()) * 1e-6 {
            (low, high)
        } else if high == 0.0 {
            (-1.0, 1.0)
        } else {
            (low - low.abs() * 0.1, high + high.abs() * 0.1)
        };
        let step = round_up((high - low) / 8.0);
        let (low, high) = ((low / step).floor() * step, (high / step).ceil() * step);
        if low < high && (high - low).is_finite() {
            Scale::linear(low, high)
        } else {
            Scale::linear(0.0, 1.0)
        }
    }

    /// Creates a scale for percentages from `low` to `high`. It has few possible ends, so that it
    /// seldom changes, and reaches down to 0 unless the values are near 100.
    pub(crate) fn percentages(low: f64, high: f64) -> Self {
        const TOPS: [f64; 7] = [5.0, 10.0, 20.0, 40.0, 60.0, 80.0, 100.0];
        const BOTTOMS: [f64; 8] = [99.5, 99.0, 98.0, 95.0, 90.0, 80.0, 50.0, 0.0];
        let top = TOPS.into_iter().find(|&top| top >= high).unwrap_or(100.0);
        let bottom = BOTTOMS.into_iter().find(|&bottom| top == 100.0 && bottom <= low);
        Scale::linear(bottom.unwrap_or(0.0), top)
    }

    /// Creates a logarithmic scale between powers of ten, of at most six decades. Values that are
    /// not positive are at the low end.
    pub(crate) fn logarithmic(low: f64, high: f64) -> Self {
        if !(high.is_finite() && high > 1e-30) {
            return Scale { low: 0.1, high: 1.0, log: true };
        }
        let high = high.log10().ceil();
        let low = if low > 0.0 { low.log10().floor() } else { high - 3.0 };
        let low = low.clamp(high - 6.0, high - 1.0);
        Scale { low: 10f64.powf(low), high: 10f64.powf(high), log: true }
    }

    /// Creates a logarithmic scale from exactly `low` to `high`, for an axis with custom ticks;
    /// requires `0 < low < high`.
    pub(crate) fn ratios(low: f64, high: f64) -> Self {
        Scale { low, high, log: true }
    }

    pub(crate) fn low(&self) -> f64 {
        self.low
    }

    pub(crate) fn high(&self) -> f64 {
        self.high
    }

    /// Returns the position of a value: 0 at the low end and 1 at the high end; values outside the
    /// range are outside 0 to 1.
    pub(crate) fn position(&self, value: f64) -> f64 {
        if !self.log {
            return (value - self.low) / (self.high - self.low);
        }
        let least = self.low.log10();
        (value.max(self.low).log10() - least) / (self.high.log10() - least)
    }

    /// Returns at most `most` round values in the range; `most` counts as 2 if it is less.
    pub(crate) fn ticks(&self, most: usize) -> Vec<Tick> {
        let values = if self.log { self.powers(most.max(2)) } else { self.multiples(most.max(2)) };
        let tick = |(value, label)| Tick { position: self.position(value), label };
        values.into_iter().map(tick).collect()
    }

    fn multiples(&self, most: usize) -> Vec<(f64, String)> {
        let span = self.high - self.low;
        let mut step = round_up(span / most as f64 / 2.0);
        let first = |step: f64| (self.low / step - 1e-9).ceil() as i64;
        let last = |step: f64| (self.high / step + 1e-9).floor() as i64;
        // A rounded label would be wrong about its position.
        let exact = |step: f64| {
            let read = |value: f64| label(value, step).parse().unwrap_or(f64::NAN);
            let mut values = (first(step)..=last(step)).map(|i| i as f64 * step);
            values.all(|value| {
                let error: f64 = read(value) - value;
                error.abs() < step / 100.0 && label(value, step).len() <= WIDEST
            })
        };
        let count = |step: f64| last(step) - first(step) + 1;
        while count(step) > most as i64 || (count(step) > 2 && !exact(step)) {
            step = round_up(step * 1.01);
        }
        let value = |i| i as f64 * step;
        (first(step)..=last(step)).map(|i| (value(i), label(value(i), step))).collect()
    }

    fn powers(&self, most: usize) -> Vec<(f64, String)> {
        let (low, high) = (self.low.log10().round() as i32, self.high.log10().round() as i32);
        let every = ((high - low) as usize / most + 1) as i32;
        let value = |exponent| 10f64.powi(exponent);
        let exponents = (low..=high).filter(|e| (high - e) % every == 0);
        exponents.map(|e| (value(e), label(value(e), value(e)))).collect()
    }
}

/// Rounds up to 1, 2, 2.5 or 5 times a power of ten.
pub(crate) fn round_up(value: f64) -> f64 {
    let power = 10f64.powf(value.log10().floor());
    let factor = [1.0, 2.0, 2.5, 5.0].into_iter().find(|f| f * power >= value * (1.0 - 1e-9));
    factor.unwrap_or(10.0) * power
}

/// Formats `value` with as many digits as a multiple of `step` needs.
fn label(value: f64, step: f64) -> String {
    let magnitude = value.abs().max(step);
    if !(1e-3..1e5).contains(&magnitude) && value != 0.0 {
        return format!("{value:.0e}");
    }
    let mut decimals = (-step.log10().floor()).clamp(0.0, 6.0) as usize;
    let scaled = step * 10f64.powi(decimals as i32);
    if (scaled - scaled.round()).abs() > 1e-6 {
        decimals += 1;
    }
    let text = format!("{value:.decimals$}");
    if value == 0.0 { "0".into() } else { text }
}

/// Formats a count for an axis: `800`, `1.5k`, `20k`, `3M`.
pub(crate) fn short(count: f64) -> String {
    let (scaled, unit) = match count.abs() {
        c if c >= 1e9 => (count / 1e9, "G"),
        c if c >= 1e6 => (count / 1e6, "M"),
        c if c >= 1e3 => (count / 1e3, "k"),
        _ => (count, ""),
    };
    let digits = format!("{scaled:.2}");
    format!("{}{unit}", digits.trim_end_matches('0').trim_end_matches('.'))
}

/// Formats a value with three significant digits; `-` for a non-finite value.
pub(crate) fn significant(value: f64) -> String {
    if !value.is_finite() {
        return "-".into();
    }
    match value.abs() {
        0.0 => "0".into(),
        m if !(1e-4..1e5).contains(&m) => format!("{value:.1e}"),
        m => {
            let decimals = (2.0 - m.log10().floor()).max(0.0) as usize;
            format!("{value:.decimals$}")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn ticks_lie_on_the_axis_in_order_and_are_not_too_many(
            low in -1e4f64..1e4,
            span in prop_oneof![1e-3f64..1.0, 1.0f64..1e5],
            most in 1usize..12,
            log in any::<bool>(),
        ) {
            let scale = if log {
                Scale::logarithmic(span, span * (1.0 + low.abs()))
            } else {
                Scale::around(low, low + span)
            };
            let positions: Vec<f64> = scale.ticks(most).iter().map(|tick| tick.position).collect();
            prop_assert!(positions.len() <= most.max(2) + 1, "{positions:?}");
            prop_assert!(positions.iter().all(|position| (-1e-6..=1.0 + 1e-6).contains(position)));
            prop_assert!(positions.is_sorted_by(|a, b| a < b), "{positions:?}");
            prop_assert_eq!((scale.position(scale.low()), scale.position(scale.high())), (0.0, 1.0));
        }
    }

    fn labels(scale: Scale, most: usize) -> Vec<String> {
        scale.ticks(most).into_iter().map(|tick| tick.label).collect()
    }

    #[test]
    fn ranges_round_outwards_and_hold_still() {
        assert_eq!(Scale::around(0.0, 0.094), Scale::linear(0.0, 0.1));
        assert_eq!(Scale::around(0.0, 0.0991), Scale::linear(0.0, 0.1));
        assert_eq!(Scale::around(-31.0, 29.0), Scale::linear(-40.0, 30.0));
    }

    #[test]
    fn a_constant_has_room_around_it() {
        let scale = Scale::around(2.0, 2.0);
        assert!((0.2..0.8).contains(&scale.position(2.0)), "{scale:?}");
        assert_eq!(Scale::around(0.0, 0.0), Scale::linear(-1.0, 1.0));
        assert_eq!(Scale::around(f64::NAN, 1.0), Scale::linear(0.0, 1.0));
    }

    #[test]
    fn percentages_have_few_ranges() {
        assert_eq!(Scale::percentages(91.0, 99.3), Scale::linear(90.0, 100.0));
        assert_eq!(Scale::percentages(99.1, 100.0), Scale::linear(99.0, 100.0));
        assert_eq!(Scale::percentages(9.0, 11.0), Scale::linear(0.0, 20.0));
    }

    #[test]
    fn ticks_are_round() {
        assert_eq!(labels(Scale::linear(90.0, 100.0), 3), ["90", "95", "100"]);
        assert_eq!(labels(Scale::linear(0.0, 0.1), 5), ["0", "0.025", "0.050", "0.075", "0.100"]);
        assert_eq!(labels(Scale::linear(-0.4, 0.4), 3), ["-0.25", "0", "0.25"]);
    }

    #[test]
    fn a_logarithmic_axis_labels_powers() {
        let scale = Scale::logarithmic(0.002, 0.5);
        assert_eq!(labels(scale, 9), ["0.001", "0.01", "0.1", "1"]);
        assert_eq!(scale.position(0.001), 0.0);
        assert!((scale.position(0.01) - 1.0 / 3.0).abs() < 1e-12);
        assert_eq!(scale.position(0.0), 0.0);
    }

    #[test]
    fn counts_read_easily() {
        assert_eq!([800.0, 1500.0, 20_000.0, 3e6].map(short), ["800", "1.5k", "20k", "3M"]);
        assert_eq!([0.01234, 1.5, 784.2, 0.0].map(significant), ["0.0123", "1.50", "784", "0"]);
        assert_eq!(significant(f64::NAN), "-");
    }
}
