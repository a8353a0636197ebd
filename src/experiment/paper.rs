//! The experiments of the published networks.

use super::{
    CheckpointSection, DataSection, EvaluateSection, Experiment, InitialSection, MonitorSection,
    NetworkSection, OptimizerSection, Plan, PruneSection, Published, TrainSection, WrapperSection,
};
use crate::data::GlyphsConfig;

impl Experiment {
    /// Returns the experiment that trains `network` by its recipe under LaPerm, with the program's
    /// defaults for everything that the recipe leaves open.
    ///
    /// ```
    /// use laperm::experiment::{Experiment, Published};
    /// let network = Experiment::published(Published::Conv4).network()?;
    /// assert_eq!((network.input(), network.trainable()), ([3, 32, 32], 2_427_722));
    /// # Ok::<(), laperm::experiment::Problem>(())
    /// ```
    pub fn published(network: Published) -> Self {
        let recipe = network.recipe();
        let is_default = recipe.normalization == recipe.dataset.normalization();
        Experiment {
            name: network.name().into(),
            description: String::new(),
            seed: 1,
            data: DataSection {
                dataset: recipe.dataset,
                folder: None,
                // Left out where it is the default, so that another dataset gets its own.
                normalization: (!is_default).then_some(recipe.normalization),
                augmentation: recipe.augmentation,
                train_examples: None,
                test_examples: None,
                glyphs: GlyphsConfig::default(),
            },
            network: NetworkSection { name: Some(network), layers: Vec::new() },
            initial: InitialSection::default(),
            prune: PruneSection::default(),
            optimizer: OptimizerSection { l2: recipe.l2, ..OptimizerSection::default() },
            wrapper: WrapperSection {
                k: Plan::Constant(recipe.k),
                biases: recipe.permutes_biases,
                ..WrapperSection::default()
            },
            train: TrainSection { batch: recipe.batch, ..TrainSection::default() },
            evaluate: EvaluateSection::default(),
            monitor: MonitorSection::default(),
            checkpoint: CheckpointSection::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use burn::tensor::{Device, Tensor, TensorData};
    use strum::VariantArray;

    use super::*;
    use crate::model::{Draw, Network, Role, Weights};

    fn network(published: Published) -> Network {
        Experiment::published(published).network().expect("a published network fits its data")
    }

    #[test]
    fn every_published_network_has_an_experiment_that_makes_sense() {
        for &network in Published::VARIANTS {
            let experiment = Experiment::published(network);
            assert_eq!(experiment.check(), Ok(()), "{network}");
            let normalization = network.recipe().normalization;
            assert_eq!(experiment.data.normalization(), normalization, "{network}");
        }
    }

    #[test]
    fn published_networks_have_their_published_sizes() {
        let sizes: Vec<(&str, usize)> = Published::VARIANTS
            .iter()
            .map(|&published| (published.name(), network(published).trainable()))
            .collect();
        let expected = [
            ("mlp", 89_610),
            ("conv7", 325_578),
            ("conv2", 4_302_922),
            ("conv4", 2_427_722),
            ("conv13", 14_991_946),
            ("resnet50", 760_266),
            ("f1", 7_840),
            ("f2", 109_184),
        ];
        assert_eq!(sizes, expected);
    }

    #[test]
    fn operations_by_hand() {
        let f2 = 2 * (2 * 784 * 128 + 3 * (128 * 64 + 64 * 10));
        assert_eq!(network(Published::F2).training_operations(), f2);
        // 3x3 kernels over 32x32, 32x32, 16x16 and 16x16 pixels, of 3, 64, 64 and 128 channels.
        let convolutions = [3 * 64 * 1024, 64 * 64 * 1024, 64 * 128 * 256, 128 * 128 * 256];
        let dense = 8192 * 256 + 256 * 256 + 2560;
        let after_first = 9 * convolutions[1..].iter().sum::<u64>() + dense;
        let conv4 = 2 * (2 * 9 * convolutions[0] + 3 * after_first);
        assert_eq!(network(Published::Conv4).training_operations(), conv4);
    }

    #[test]
    fn batch_norm_statistics_complete_the_published_resnet() {
        let resnet = network(Published::Resnet50);
        let statistics: usize = resnet.norms().iter().map(|(_, channels)| 2 * channels).sum();
        assert_eq!(resnet.trainable() + statistics, 763_882);
    }

    #[test]
    fn names_are_unique_and_follow_the_layers() {
        let names = |published: Published| -> Vec<String> {
            network(published).parameters().iter().map(|p| p.name.clone()).collect()
        };
        for &published in Published::VARIANTS {
            let mut names = names(published);
            names.sort();
            let count = names.len();
            names.dedup();
            assert_eq!(names.len(), count);
        }
        let names = names(Published::Resnet50);
        assert!(names.contains(&"block9.shortcut.conv1.weight".to_owned()), "{names:?}");
        assert!(names.contains(&"block24.bn2.bias".to_owned()));
    }

    #[test]
    fn fans_of_a_convolution_count_its_kernel() {
        let conv7 = network(Published::Conv7);
        let conv3 = &conv7.parameters()[4];
        assert_eq!(
            (conv3.name.as_str(), conv3.shape.as_slice()),
            ("conv3.weight", &[32, 32, 5, 5][..])
        );
        assert_eq!((conv3.fan_in, conv3.fan_out), (800, 800));
        let bias = &conv7.parameters()[5];
        assert_eq!((bias.role, bias.fan_in, bias.fan_out), (Role::Bias, 32, 32));
    }

    #[test]
    fn every_published_network_gives_logits() {
        let device = Device::flex();
        for &published in Published::VARIANTS {
            let network = network(published);
            let values = |(name, shape): (String, Vec<usize>)| {
                let value = if name.ends_with("running_var") { 1.0 } else { 0.01 };
                vec![value; shape.iter().product()]
            };
            let weights = Weights::new(&network, network.tensors().map(values).collect(), &device);
            let [channels, height, width] = network.input();
            let shape = [2, channels, height, width];
            let pixels = vec![0.5; shape.iter().product()];
            let images = Tensor::from_data(TensorData::new(pixels, shape), &device);
            let (logits, statistics) = network.train(&weights, images, Draw { seed: 1, step: 1 });
            assert_eq!(logits.dims(), [2, 10], "{published}");
            assert_eq!(statistics.len(), network.norms().len(), "{published}");
        }
    }
}
