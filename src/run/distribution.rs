//! The distribution of weights over training steps.

use std::sync::Arc;

use super::pieces::Pieces;
use crate::train::LayerDistribution;

/// Samples of the distribution of the weights, at ascending steps. There are few of them even in a
/// long run, and clones share them.
#[derive(Debug, Clone, Default)]
pub struct Distribution {
    samples: Pieces<Vec<Sample>>,
}

/// A step, and the distribution of each sampled layer after it.
type Sample = (u64, Arc<[LayerDistribution]>);

impl Distribution {
    /// Adds a sample after `step`. Samples at or after `step` (the run went back to an earlier
    /// state) are removed first.
    pub fn push(&mut self, step: u64, layers: &[LayerDistribution]) {
        self.samples.truncate(self.count_while(|earlier| earlier < step));
        self.samples.push(|samples| samples.push((step, layers.into())));
    }

    /// Returns true if nothing was sampled.
    pub fn is_empty(&self) -> bool {
        self.samples.len() == 0
    }

    /// Iterates over the samples of a layer, oldest first.
    pub fn layer(&self, layer: usize) -> impl Iterator<Item = (u64, &LayerDistribution)> {
        self.samples.iter().flatten().filter_map(move |sample| of_layer(sample, layer))
    }

    /// Returns the sample of a layer at `step`, or the last one before it.
    pub fn at(&self, layer: usize, step: u64) -> Option<(u64, &LayerDistribution)> {
        let before = self.count_while(|earlier| earlier <= step);
        let samples = (0..before).rev().filter_map(|index| self.samples.get(index));
        samples.filter_map(|sample| of_layer(sample, layer)).next()
    }

    /// Iterates over the indices of the layers in the latest sample.
    pub fn layers(&self) -> impl Iterator<Item = usize> {
        let newest = self.samples.len().checked_sub(1).and_then(|index| self.samples.get(index));
        newest.into_iter().flat_map(|(_, layers)| layers.iter().map(|layer| layer.layer))
    }

    /// Number of samples before the first whose step is not `wanted`.
    fn count_while(&self, wanted: impl Fn(u64) -> bool) -> usize {
        self.samples.partition_point(|&(step, _)| wanted(step))
    }
}

fn of_layer((step, layers): &Sample, layer: usize) -> Option<(u64, &LayerDistribution)> {
    Some((*step, layers.iter().find(|seen| seen.layer == layer)?))
}

impl PartialEq for Distribution {
    fn eq(&self, other: &Self) -> bool {
        self.samples.len() == other.samples.len()
            && self.samples.iter().flatten().eq(other.samples.iter().flatten())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(layer: usize, max: f32) -> LayerDistribution {
        LayerDistribution { layer, max, ..LayerDistribution::default() }
    }

    #[test]
    fn a_layer_is_read_at_a_step_or_before_it() {
        let mut distribution = Distribution::default();
        distribution.push(0, &[seen(0, 1.0), seen(2, 2.0)]);
        distribution.push(10, &[seen(2, 3.0)]);
        let max = |layer, step| distribution.at(layer, step).map(|(step, seen)| (step, seen.max));
        assert_eq!(max(2, 9), Some((0, 2.0)));
        assert_eq!(max(2, 10), Some((10, 3.0)));
        assert_eq!(max(0, u64::MAX), Some((0, 1.0)));
        assert_eq!(max(1, 10), None);
        assert_eq!(distribution.layer(2).map(|(step, _)| step).collect::<Vec<_>>(), [0, 10]);
        assert_eq!(distribution.layers().collect::<Vec<_>>(), [2]);
    }

    #[test]
    fn going_back_in_time_forgets_the_future_and_clones_do_not() {
        let mut distribution = Distribution::default();
        (0..1000).for_each(|step| distribution.push(step, &[seen(0, step as f32)]));
        let before = distribution.clone();
        distribution.push(700, &[seen(0, -1.0)]);
        assert_eq!(before.layer(0).count(), 1000);
        assert_eq!(distribution.layer(0).count(), 701);
        assert_eq!(distribution.at(0, 5000).map(|(_, seen)| seen.max), Some(-1.0));
        assert!(distribution != before && before == before.clone());
    }
}
