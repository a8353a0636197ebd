//! The paper's networks (table 1, sections 3 and 5.5) as sequences of layers.

use serde::{Deserialize, Serialize};

use super::{Activation, Layer, Padding};

/// A network of the paper.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, strum::Display)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum Published {
    /// 784-100-100-10, section 3.
    Mlp,
    /// Two convolutions and three dense layers, for CIFAR-10.
    Conv2,
    /// Four convolutions and three dense layers, for CIFAR-10.
    Conv4,
    /// Seven convolutions and one dense layer, for MNIST.
    Conv7,
    /// Thirteen convolutions and two dense layers, for CIFAR-10; after VGG.
    Conv13,
    /// 6n + 2 layers with n = 8, for CIFAR-10.
    Resnet50,
    /// 784-10 without bias, section 5.5.
    F1,
    /// 784-128-64-10 without biases, section 5.5.
    F2,
}

impl Published {
    /// Every one of them.
    pub const ALL: [Published; 8] = [
        Published::Mlp,
        Published::Conv2,
        Published::Conv4,
        Published::Conv7,
        Published::Conv13,
        Published::Resnet50,
        Published::F1,
        Published::F2,
    ];

    /// Its name, as it is written in an experiment.
    pub fn name(self) -> &'static str {
        match self {
            Published::Mlp => "mlp",
            Published::Conv2 => "conv2",
            Published::Conv4 => "conv4",
            Published::Conv7 => "conv7",
            Published::Conv13 => "conv13",
            Published::Resnet50 => "resnet50",
            Published::F1 => "f1",
            Published::F2 => "f2",
        }
    }

    /// Its layers, for `classes` classes.
    pub fn layers(self, classes: usize) -> Vec<Layer> {
        let mut layers = match self {
            Published::Mlp => vec![Layer::Flatten, Layer::dense(100), Layer::dense(100)],
            Published::Conv2 => [stage(64, 0.3), dense_head()].concat(),
            Published::Conv4 => [stage(64, 0.3), stage(128, 0.4), dense_head()].concat(),
            Published::Conv7 => conv7(),
            Published::Conv13 => conv13(),
            Published::Resnet50 => resnet50(),
            Published::F1 => vec![Layer::Flatten],
            Published::F2 => vec![Layer::Flatten, without_bias(128), without_bias(64)],
        };
        layers.push(match self {
            Published::F1 | Published::F2 => without_bias(classes),
            _ => Layer::dense(classes),
        });
        layers
    }
}

fn without_bias(units: usize) -> Layer {
    Layer::Dense { units, bias: false, activation: Activation::Relu }
}

/// Two convolutions, with dropout between them, and a pool.
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

/// The two hidden dense layers of Conv2 and Conv4; they differ in the order of dropout and batch norm.
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

fn conv7() -> Vec<Layer> {
    let conv = |filters, kernel, stride, padding| Layer::Conv {
        filters,
        kernel,
        stride,
        padding,
        bias: true,
        activation: Activation::Relu,
    };
    let mut layers = Vec::new();
    for filters in [32, 64] {
        layers.extend([
            conv(filters, 3, 1, Padding::Valid),
            conv(filters, 3, 1, Padding::Valid),
            conv(filters, 5, 2, Padding::Same),
            Layer::Dropout { rate: 0.4 },
        ]);
    }
    layers.extend([conv(128, 4, 1, Padding::Valid), Layer::Flatten, Layer::Dropout { rate: 0.4 }]);
    layers
}

fn conv13() -> Vec<Layer> {
    let mut layers = [stage(64, 0.3), stage(128, 0.4)].concat();
    for filters in [256, 512, 512] {
        for _ in 0..2 {
            layers.extend([
                Layer::conv(filters, 3),
                Layer::BatchNorm,
                Layer::Dropout { rate: 0.4 },
            ]);
        }
        layers.extend([Layer::conv(filters, 3), Layer::BatchNorm, Layer::MaxPool { size: 2 }]);
    }
    layers.extend([
        Layer::Dropout { rate: 0.5 },
        Layer::Flatten,
        Layer::dense(512),
        Layer::BatchNorm,
        Layer::Dropout { rate: 0.5 },
    ]);
    layers
}

/// ResNet v1 for CIFAR-10: three groups of eight blocks, convolution before batch norm before ReLU.
fn resnet50() -> Vec<Layer> {
    let conv = |filters, kernel, stride| Layer::Conv {
        filters,
        kernel,
        stride,
        padding: Padding::Same,
        bias: true,
        activation: Activation::None,
    };
    let mut layers = vec![conv(16, 3, 1), Layer::BatchNorm, Layer::Relu];
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
            layers.extend([Layer::Residual { body, shortcut }, Layer::Relu]);
        }
    }
    layers.extend([Layer::AveragePool { size: 8 }, Layer::Flatten]);
    layers
}
