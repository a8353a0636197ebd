//! The paper's networks (table 1, sections 3 and 5.5, appendix), each with the data and the
//! settings that the paper trains it with.
//!
//! A new network is a variant of [`Published`], its line in [`Published::recipe`], and a function
//! that returns its [`Recipe`]. Nothing else in the program lists the networks.

use serde::{Deserialize, Serialize};

use crate::data::{Augmentation, DatasetName, Normalization};
use crate::model::{Activation, Layer, Padding};

/// A network of the paper, in the order of the sections that introduce them.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    Hash,
    Serialize,
    Deserialize,
    clap::ValueEnum,
    strum::Display,
    strum::EnumString,
    strum::IntoStaticStr,
    strum::VariantArray,
)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum Published {
    /// 784-100-100-10 for MNIST, section 3.
    Mlp,
    /// Seven convolutions and one dense layer, for MNIST.
    Conv7,
    /// Two convolutions and three dense layers, for CIFAR-10.
    Conv2,
    /// Four convolutions and three dense layers, for CIFAR-10.
    Conv4,
    /// Thirteen convolutions and two dense layers after VGG, for CIFAR-10.
    Conv13,
    /// A residual network of 6n + 2 layers with n = 8, for CIFAR-10.
    Resnet50,
    /// 784-10 without bias for MNIST, section 5.5.
    F1,
    /// 784-128-64-10 without biases for MNIST, section 5.5.
    F2,
}

/// How the paper builds and trains a network.
#[derive(Debug, Clone, PartialEq)]
pub struct Recipe {
    /// Name as the paper writes it.
    pub title: &'static str,
    /// Whether `laperm bench` measures it by default. The networks of section 5.5 are too small to
    /// tell much about speed.
    pub benchmark: bool,
    /// All layers but the last.
    pub hidden: Vec<Layer>,
    /// Whether the last layer, which has one unit per class, has a bias.
    pub output_bias: bool,
    pub dataset: DatasetName,
    pub normalization: Normalization,
    pub augmentation: Augmentation,
    /// Examples per training step.
    pub batch: usize,
    /// Sync period k, in training steps.
    pub k: f64,
    /// Rate of the L2 penalty.
    pub l2: f64,
    /// Whether LaPerm permutes the biases, too.
    pub permutes_biases: bool,
}

impl Published {
    /// Returns the name used in an experiment and on the command line.
    pub fn name(self) -> &'static str {
        self.into()
    }

    /// Returns how the paper trains this network.
    pub fn recipe(self) -> Recipe {
        match self {
            Published::Mlp => mlp(),
            Published::Conv7 => conv7(),
            Published::Conv2 => conv2(),
            Published::Conv4 => conv4(),
            Published::Conv13 => conv13(),
            Published::Resnet50 => resnet50(),
            Published::F1 => f1(),
            Published::F2 => f2(),
        }
    }

    /// Returns all layers for a dataset with `classes` classes.
    pub fn layers(self, classes: usize) -> Vec<Layer> {
        let Recipe { mut hidden, output_bias, .. } = self.recipe();
        hidden.push(dense(classes, output_bias));
        hidden
    }
}

fn mlp() -> Recipe {
    Recipe {
        title: "MLP",
        benchmark: true,
        hidden: vec![Layer::Flatten, Layer::dense(100), Layer::dense(100)],
        output_bias: true,
        dataset: DatasetName::Mnist,
        normalization: Normalization::Unit,
        augmentation: Augmentation::default(),
        batch: 50,
        k: 20.0,
        l2: 0.0,
        permutes_biases: false,
    }
}

fn conv7() -> Recipe {
    let mut hidden = Vec::new();
    for filters in [32, 64] {
        hidden.extend([
            conv(filters, 3, 1, Padding::Valid, Activation::Relu),
            conv(filters, 3, 1, Padding::Valid, Activation::Relu),
            conv(filters, 5, 2, Padding::Same, Activation::Relu),
            Layer::Dropout { rate: 0.4 },
        ]);
    }
    hidden.extend([
        conv(128, 4, 1, Padding::Valid, Activation::Relu),
        Layer::Flatten,
        Layer::Dropout { rate: 0.4 },
    ]);
    Recipe {
        title: "Conv7",
        benchmark: true,
        hidden,
        output_bias: true,
        dataset: DatasetName::Mnist,
        normalization: Normalization::Unit,
        augmentation: Augmentation { rotation: 10.0, zoom: 0.1, shift: 0.1, flip: false },
        batch: 50,
        k: 20.0,
        l2: 0.0,
        permutes_biases: true,
    }
}

fn conv2() -> Recipe {
    Recipe {
        title: "Conv2",
        benchmark: true,
        hidden: [stage(64, 0.3), dense_head()].concat(),
        output_bias: true,
        dataset: DatasetName::Cifar10,
        normalization: Normalization::ZScore,
        augmentation: Augmentation { rotation: 15.0, zoom: 0.0, shift: 0.1, flip: true },
        batch: 50,
        k: 1000.0,
        l2: 1e-4,
        permutes_biases: false,
    }
}

fn conv4() -> Recipe {
    Recipe {
        title: "Conv4",
        hidden: [stage(64, 0.3), stage(128, 0.4), dense_head()].concat(),
        ..conv2()
    }
}

fn conv13() -> Recipe {
    let mut hidden = [stage(64, 0.3), stage(128, 0.4)].concat();
    for filters in [256, 512, 512] {
        for _ in 0..2 {
            hidden.extend([
                Layer::conv(filters, 3),
                Layer::BatchNorm,
                Layer::Dropout { rate: 0.4 },
            ]);
        }
        hidden.extend([Layer::conv(filters, 3), Layer::BatchNorm, Layer::MaxPool { size: 2 }]);
    }
    hidden.extend([
        Layer::Dropout { rate: 0.5 },
        Layer::Flatten,
        Layer::dense(512),
        Layer::BatchNorm,
        Layer::Dropout { rate: 0.5 },
    ]);
    Recipe { title: "Conv13", hidden, ..conv2() }
}

/// ResNet v1 for CIFAR-10: three groups of eight blocks, each layer a convolution followed by batch
/// norm and ReLU.
fn resnet50() -> Recipe {
    let conv = |filters, kernel, stride| {
        self::conv(filters, kernel, stride, Padding::Same, Activation::None)
    };
    let mut hidden = vec![conv(16, 3, 1), Layer::BatchNorm, Layer::Relu];
    for (group, filters) in [16, 32, 64].into_iter().enumerate() {
        for block in 0..8 {
            let shrinks = group > 0 && block == 0;
            let stride = if shrinks { 2 } else { 1 };
            let body = vec![
                conv(filters, 3, stride),
                Layer::BatchNorm,
                Layer::Relu,
                conv(filters, 3, 1),
                Layer::BatchNorm,
            ];
            let shortcut = if shrinks { vec![conv(filters, 1, 2)] } else { Vec::new() };
            hidden.extend([Layer::Residual { body, shortcut }, Layer::Relu]);
        }
    }
    hidden.extend([Layer::AveragePool { size: 8 }, Layer::Flatten]);
    Recipe {
        title: "ResNet50",
        hidden,
        normalization: Normalization::UnitMinusPixelMean,
        augmentation: Augmentation { rotation: 0.0, zoom: 0.0, shift: 0.1, flip: true },
        ..conv2()
    }
}

fn f1() -> Recipe {
    Recipe {
        title: "F1",
        benchmark: false,
        hidden: vec![Layer::Flatten],
        output_bias: false,
        batch: 128,
        k: 250.0,
        ..mlp()
    }
}

fn f2() -> Recipe {
    Recipe {
        title: "F2",
        hidden: vec![Layer::Flatten, dense(128, false), dense(64, false)],
        l2: 1e-4,
        ..f1()
    }
}

fn dense(units: usize, bias: bool) -> Layer {
    Layer::Dense { units, bias, activation: Activation::Relu }
}

fn conv(
    filters: usize,
    kernel: usize,
    stride: usize,
    padding: Padding,
    activation: Activation,
) -> Layer {
    Layer::Conv { filters, kernel, stride, padding, bias: true, activation }
}

/// Two convolutions with dropout between them, then a pool.
fn stage(filters: usize, rate: f64) -> Vec<Layer> {
    vec![
        Layer::conv(filters, 3),
        Layer::BatchNorm,
        Layer::Dropout { rate },
        Layer::conv(filters, 3),
        Layer::BatchNorm,
        Layer::MaxPool { size: 2 },
    ]
}

/// The two hidden dense layers of Conv2 and Conv4. As published, dropout comes before batch norm in
/// the first and after it in the second.
fn dense_head() -> Vec<Layer> {
    vec![
        Layer::Flatten,
        Layer::dense(256),
        Layer::Dropout { rate: 0.5 },
        Layer::BatchNorm,
        Layer::dense(256),
        Layer::BatchNorm,
        Layer::Dropout { rate: 0.5 },
    ]
}

#[cfg(test)]
mod tests {
    use strum::VariantArray;

    use super::*;

    #[test]
    fn a_name_is_spelled_the_same_everywhere() {
        for &network in Published::VARIANTS {
            let possible =
                clap::ValueEnum::to_possible_value(&network).expect("no variant is hidden");
            assert_eq!(possible.get_name(), network.name());
            assert_eq!(serde_json::to_value(network).unwrap(), network.name());
            assert_eq!(network.name().parse(), Ok(network));
            assert_eq!(network.recipe().title.to_lowercase(), network.name());
        }
    }
}
