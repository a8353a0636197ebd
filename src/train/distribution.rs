//! When the distribution of the weights is looked at while they are trained, and what is told of it.

use rayon::prelude::*;

use super::learner::Learner;
use super::monitor::watched;
use super::{LayerDistribution, LayerInfo};
use crate::experiment::MonitorSection;
use crate::method::Distribution;

/// Looks at the distribution of weights after certain steps, always the same ones.
pub(super) struct DistributionMonitor {
    /// (layer, parameter, vector length).
    watched: Vec<(usize, usize, usize)>,
    /// The next step to look after; those that were passed by are not made up for, so that what is looked at depends on
    /// nothing but the step.
    next: u64,
}

impl DistributionMonitor {
    pub(super) fn new(
        section: &MonitorSection,
        layers: &[LayerInfo],
        parameters: &[usize],
    ) -> Self {
        let watched = match section.distribution {
            true => watched(&section.distribution_layers, layers, parameters),
            false => Vec::new(),
        };
        DistributionMonitor { watched, next: 0 }
    }

    /// The distributions after `step`, before any sync, if it is one of those to look after.
    pub(super) fn look(
        &mut self,
        step: u64,
        learner: &mut Learner,
    ) -> Option<Vec<LayerDistribution>> {
        while self.next < step {
            self.next = following(self.next);
        }
        if self.next != step || self.watched.is_empty() {
            return None;
        }
        let parameters: Vec<_> = self.watched.iter().map(|&(_, parameter, _)| parameter).collect();
        let look = |(&(layer, _, length), values): (&(usize, usize, usize), &Vec<f32>)| {
            let most = LayerDistribution::MOST_VECTORS;
            let Distribution { min, max, percentiles } = Distribution::of(values, length, most);
            let [p15, p50, p85] =
                percentiles.map(|values| values.into_iter().map(rounded).collect());
            LayerDistribution { layer, min: rounded(min), max: rounded(max), p15, p50, p85 }
        };
        let watched = &self.watched;
        Some(learner.show(&parameters, |values| watched.par_iter().zip(values).map(look).collect()))
    }
}

/// The step to look after once `step` was looked after: soon at the beginning, where much happens, and later a hundredth
/// of the steps taken on, which is about as much as a chart of them all can show.
fn following(step: u64) -> u64 {
    step.saturating_add((step / 10).clamp(1, 40).max(step / 100))
}

/// The nearest number of four significant digits: what a person can read off, in few bytes.
fn rounded(value: f32) -> f32 {
    let exact = f64::from(value);
    if exact == 0.0 || !exact.is_finite() {
        return value;
    }
    let unit = 10f64.powi(3 - exact.abs().log10().floor() as i32);
    ((exact * unit).round() / unit) as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn looks_are_close_at_first_and_then_a_hundredth_of_the_run_apart() {
        let looks = |steps: u64| {
            let steps = std::iter::successors(Some(0), |&step| Some(following(step)))
                .take_while(|&step| step <= steps);
            steps.collect::<Vec<_>>()
        };
        assert_eq!(looks(24), [(0..20).collect::<Vec<_>>(), vec![20, 22, 24]].concat());
        let long = looks(1_000_000);
        for pair in long.windows(2) {
            assert!(pair[1] - pair[0] <= 40.max(pair[1] / 100), "{pair:?}");
        }
        // A run of any length has few.
        assert_eq!((looks(1200).len(), long.len()), (74, 700));
    }

    #[test]
    fn four_digits_are_kept() {
        let cases = [
            (0.123_456, 0.1235),
            (-98_765.0, -98_770.0),
            (1.000_4e-7, 1.0e-7),
            (-9.999_9, -10.0),
            (0.0, 0.0),
            (f32::INFINITY, f32::INFINITY),
        ];
        for (value, expected) in cases {
            assert_eq!(rounded(value), expected, "{value}");
        }
        assert!(rounded(f32::NAN).is_nan());
        assert_eq!(rounded(f32::MIN_POSITIVE / 4.0), 2.939e-39);
    }
}
