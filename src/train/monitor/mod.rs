//! Monitors: they read the weights during training and change nothing in it.

mod distance;
mod distribution;
mod frames;

pub(super) use distance::DistanceMonitor;
pub(super) use distribution::DistributionMonitor;
pub(super) use frames::FrameMonitor;

use super::LayerInfo;
use crate::experiment::MonitorSection;
use crate::model::{Network, Parameter, Role};

/// A weight matrix of the network.
#[derive(Debug, Clone)]
pub(super) struct WeightMatrix {
    /// Index among the weight matrices, and so into [`Started::layers`](super::Started::layers).
    pub(super) layer: usize,
    /// Index among the network's parameters.
    pub(super) parameter: usize,
    pub(super) info: LayerInfo,
}

impl WeightMatrix {
    /// The weight matrices of a network, in its order. Biases and batch norm are not among them.
    pub(super) fn all(network: &Network) -> Vec<WeightMatrix> {
        let parameters = network.parameters().iter().enumerate();
        let weights = parameters.filter(|(_, parameter)| parameter.role == Role::Weight);
        let matrix = |(layer, (parameter, weights)): (usize, (usize, &Parameter))| WeightMatrix {
            layer,
            parameter,
            info: LayerInfo {
                name: weights.layer.clone(),
                shape: weights.shape.clone(),
                vectors: weights.shape[0],
                length: weights.vector_length(),
            },
        };
        weights.enumerate().map(matrix).collect()
    }

    /// Those of the layers with these names, or all if there are no names.
    fn named(matrices: &[WeightMatrix], names: &[String]) -> Vec<WeightMatrix> {
        let chosen = |matrix: &&WeightMatrix| names.is_empty() || names.contains(&matrix.info.name);
        matrices.iter().filter(chosen).cloned().collect()
    }

    /// The indices of their parameters.
    fn parameters(matrices: &[WeightMatrix]) -> Vec<usize> {
        matrices.iter().map(|matrix| matrix.parameter).collect()
    }
}

/// All monitors of a run.
pub(super) struct Monitors {
    pub(super) distance: DistanceMonitor,
    pub(super) distribution: DistributionMonitor,
    pub(super) frames: FrameMonitor,
}

impl Monitors {
    /// Monitors of a training that has not begun.
    pub(super) fn new(
        section: &MonitorSection,
        matrices: &[WeightMatrix],
        learner: &super::learner::Learner,
        wrapper: &dyn super::wrapper::Wrapper,
    ) -> Self {
        Monitors {
            distance: DistanceMonitor::new(section, matrices),
            distribution: DistributionMonitor::new(section, matrices),
            frames: FrameMonitor::new(section, matrices, learner, wrapper),
        }
    }
}
