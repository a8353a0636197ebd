//! The distribution of weights over training steps.

use std::sync::Arc;

use super::pieces::Pieces;
use crate::train::LayerDistribution;

/// Looks at how the weights are distributed, at steps that ascend. They are few however long the run is, and shared by
/// all clones.
#[derive(Debug, Clone, Default)]
pub struct Distribution {
    looks: Pieces<Vec<Look>>,
}

/// After a step, what was looked at.
type Look = (u64, Arc<[LayerDistribution]>);

impl Distribution {
    /// Adds a look after `step`. What came at or after it (in a run continued from an older state) is forgotten first.
    pub fn push(&mut self, step: u64, layers: &[LayerDistribution]) {
        self.looks.truncate(self.count_while(|earlier| earlier < step));
        self.looks.push(|looks| looks.push((step, layers.into())));
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.looks.len() == 0
    }

    /// What was seen of the layer of this index, oldest first.
    pub fn layer(&self, layer: usize) -> impl Iterator<Item = (u64, &LayerDistribution)> {
        self.looks.iter().flatten().filter_map(move |look| of_layer(look, layer))
    }

    /// What was seen of a layer at `step`, or last before it.
    pub fn at(&self, layer: usize, step: u64) -> Option<(u64, &LayerDistribution)> {
        let before = self.count_while(|earlier| earlier <= step);
        let looks = (0..before).rev().filter_map(|index| self.looks.get(index));
        looks.filter_map(|look| of_layer(look, layer)).next()
    }

    /// The indices of the layers that the newest look was at.
    pub fn layers(&self) -> impl Iterator<Item = usize> {
        let newest = self.looks.len().checked_sub(1).and_then(|index| self.looks.get(index));
        newest.into_iter().flat_map(|(_, layers)| layers.iter().map(|layer| layer.layer))
    }

    /// How many looks there are until the first whose step is not as wanted.
    fn count_while(&self, wanted: impl Fn(u64) -> bool) -> usize {
        self.looks.partition_point(|&(step, _)| wanted(step))
    }
}

fn of_layer((step, layers): &Look, layer: usize) -> Option<(u64, &LayerDistribution)> {
    Some((*step, layers.iter().find(|seen| seen.layer == layer)?))
}

impl PartialEq for Distribution {
    fn eq(&self, other: &Self) -> bool {
        self.looks.len() == other.looks.len()
            && self.looks.iter().flatten().eq(other.looks.iter().flatten())
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
