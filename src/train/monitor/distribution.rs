//! The distribution of the weights, sampled after certain steps.

use rayon::prelude::*;

use super::WeightMatrix;
use crate::experiment::MonitorSection;
use crate::method::Distribution;
use crate::train::LayerDistribution;
use crate::train::learner::Learner;

/// Samples the distribution of weights, in every run after the same steps.
pub(in crate::train) struct DistributionMonitor {
    matrices: Vec<WeightMatrix>,
    /// The next step to sample after. Steps that were passed over are not made up for, so that the
    /// samples depend on nothing but the step.
    next: u64,
}

impl DistributionMonitor {
    pub(in crate::train) fn new(section: &MonitorSection, matrices: &[WeightMatrix]) -> Self {
        let matrices = if section.distribution {
            WeightMatrix::named(matrices, &section.distribution_layers)
        } else {
            Vec::new()
        };
        DistributionMonitor { matrices, next: 0 }
    }

    /// Returns the distributions after `step`, before any sync, if that step is one to sample
    /// after.
    pub(in crate::train) fn sample(
        &mut self,
        step: u64,
        learner: &mut Learner,
    ) -> Option<Vec<LayerDistribution>> {
        while self.next < step {
            self.next = following(self.next);
        }
        if self.next != step || self.matrices.is_empty() {
            return None;
        }
        let sample = |(matrix, values): (&WeightMatrix, &Vec<f32>)| {
            let most = LayerDistribution::MOST_VECTORS;
            let Distribution { min, max, percentiles } =
                Distribution::of(values, matrix.info.length, most);
            let [p15, p50, p85] =
                percentiles.map(|values| values.into_iter().map(rounded).collect());
            let (layer, min, max) = (matrix.layer, rounded(min), rounded(max));
            LayerDistribution { layer, min, max, p15, p50, p85 }
        };
        let parameters = WeightMatrix::parameters(&self.matrices);
        let matrices = &self.matrices;
        Some(
            learner
                .show(&parameters, |values| matrices.par_iter().zip(values).map(sample).collect()),
        )
    }
}

/// The step to sample after `step` was sampled. Samples are dense at the beginning, where most
/// changes, and later a hundredth of the steps taken apart, which is about the resolution of a
/// chart of the whole run.
fn following(step: u64) -> u64 {
    step.saturating_add((step / 10).clamp(1, 40).max(step / 100))
}

/// The nearest number with four significant digits: as much as can be read off a chart, in few
/// bytes.
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
        // The number of samples grows with the logarithm of a run's length.
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
