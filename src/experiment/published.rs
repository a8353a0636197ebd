//! The paper's networks, each trained as the paper does.

use super::{
    DataSection, EvaluateSection, Experiment, InitialSection, MonitorSection, NetworkSection,
    OptimizerSection, Plan, PruneSection, TrainSection, WrapperSection,
};
use crate::data::{Augmentation, DatasetName, GlyphsConfig, Normalization};
use crate::experiment::CheckpointSection;
use crate::model::Published;

impl Experiment {
    /// An experiment that has `network` learn the paper's dataset for it, with the augmentation, batch, sync period and
    /// L2 penalty that belong to it, and the defaults for all else.
    ///
    /// ```
    /// use laperm::experiment::Experiment;
    /// use laperm::model::Published;
    /// let network = Experiment::published(Published::Conv4).network()?;
    /// assert_eq!((network.input(), network.trainable()), ([3, 32, 32], 2_427_722));
    /// # Ok::<(), laperm::experiment::Problem>(())
    /// ```
    pub fn published(network: Published) -> Self {
        let mnist =
            matches!(network, Published::Mlp | Published::Conv7 | Published::F1 | Published::F2);
        let (k, batch, l2) = match network {
            Published::Mlp | Published::Conv7 => (20.0, 50, 0.0),
            Published::F1 => (250.0, 128, 0.0),
            Published::F2 => (250.0, 128, 1e-4),
            _ => (1000.0, 50, 1e-4),
        };
        Experiment {
            name: network.name().into(),
            description: String::new(),
            seed: 1,
            data: DataSection {
                dataset: if mnist { DatasetName::Mnist } else { DatasetName::Cifar10 },
                folder: None,
                normalization: (network == Published::Resnet50)
                    .then_some(Normalization::UnitMinusPixelMean),
                augmentation: augmentation(network),
                train_examples: None,
                test_examples: None,
                glyphs: GlyphsConfig::default(),
            },
            network: NetworkSection { name: Some(network), layers: Vec::new() },
            initial: InitialSection::default(),
            prune: PruneSection::default(),
            optimizer: OptimizerSection { l2, ..OptimizerSection::default() },
            wrapper: WrapperSection {
                k: Plan::Constant(k),
                biases: network == Published::Conv7,
                ..WrapperSection::default()
            },
            train: TrainSection { batch, ..TrainSection::default() },
            evaluate: EvaluateSection::default(),
            monitor: MonitorSection::default(),
            checkpoint: CheckpointSection::default(),
        }
    }
}

fn augmentation(network: Published) -> Augmentation {
    let (rotation, zoom, shift, flip) = match network {
        Published::Mlp | Published::F1 | Published::F2 => (0.0, 0.0, 0.0, false),
        Published::Conv7 => (10.0, 0.1, 0.1, false),
        Published::Resnet50 => (0.0, 0.0, 0.1, true),
        Published::Conv2 | Published::Conv4 | Published::Conv13 => (15.0, 0.0, 0.1, true),
    };
    Augmentation { rotation, zoom, shift, flip }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_published_network_has_an_experiment_that_makes_sense() {
        for network in Published::ALL {
            let experiment = Experiment::published(network);
            assert_eq!(experiment.check(), Ok(()), "{}", network.name());
        }
    }
}
