//! The layers of a network, as they are written in an experiment.

use serde::{Deserialize, Serialize};

/// A layer. A network is a sequence of layers, of which the last must be dense, with one unit per
/// class.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, strum::IntoStaticStr)]
#[serde(tag = "type", rename_all = "kebab-case", deny_unknown_fields)]
#[strum(serialize_all = "kebab-case")]
pub enum Layer {
    /// Fully connected layer.
    Dense {
        /// Number of outputs, at least 1. Required.
        units: usize,
        /// Whether the layer has a bias. Default: true.
        #[serde(default = "yes")]
        bias: bool,
        /// Activation function: "relu" or "none". The network's last layer has none. Default:
        /// "relu".
        #[serde(default)]
        activation: Activation,
    },
    /// Two-dimensional convolution with a square kernel.
    Conv {
        /// Number of output channels, at least 1. Required.
        filters: usize,
        /// Height and width of the kernel, at least 1. Default: 3.
        #[serde(default = "three")]
        kernel: usize,
        /// Distance between neighbouring outputs in pixels, at least 1. Default: 1.
        #[serde(default = "one")]
        stride: usize,
        /// Padding around the image: "same" or "valid". Default: "same".
        #[serde(default)]
        padding: Padding,
        /// Whether the layer has a bias. Default: true.
        #[serde(default = "yes")]
        bias: bool,
        /// Activation function: "relu" or "none". Default: "relu".
        #[serde(default)]
        activation: Activation,
    },
    /// Batch normalization with momentum 0.99 and epsilon 1e-3.
    BatchNorm,
    /// max(x, 0).
    Relu,
    /// In training, sets each value to zero with probability `rate` and multiplies the others by
    /// 1 / (1 - rate).
    Dropout {
        /// Fraction of the values that are set to zero, at least 0 and below 1. Required.
        rate: f64,
    },
    /// Maximum of each square of pixels.
    MaxPool {
        /// Side of the square in pixels, which is also the stride, at least 1. It must divide the
        /// image's height and width. Default: 2.
        #[serde(default = "two")]
        size: usize,
    },
    /// Mean of each square of pixels.
    AveragePool {
        /// Side of the square in pixels, which is also the stride, at least 1. It must divide the
        /// image's height and width. Default: 2.
        #[serde(default = "two")]
        size: usize,
    },
    /// Flattens channels, height and width to one axis.
    Flatten,
    /// Residual block, as in ResNet v1: the sum of two branches.
    Residual {
        /// Layers of the main branch. Required.
        body: Vec<Layer>,
        /// Layers of the shortcut. Default: empty, which adds the block's input.
        #[serde(default)]
        shortcut: Vec<Layer>,
    },
}

/// Activation function of a layer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Activation {
    /// max(x, 0).
    #[default]
    Relu,
    /// The identity.
    None,
}

/// Padding of the images that a convolution reads.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Padding {
    /// Zeros, so that the output has ceil(input / stride) pixels. If their number is odd, there is
    /// one more after the image than before it, as in TensorFlow.
    #[default]
    Same,
    /// None: the kernel stays inside the image.
    Valid,
}

impl Padding {
    /// Returns the number of zeros before and after an axis of `length` pixels.
    ///
    /// ```
    /// use laperm::model::Padding;
    /// assert_eq!(Padding::Same.around(24, 5, 2), (1, 2));
    /// assert_eq!(Padding::Same.around(32, 3, 1), (1, 1));
    /// assert_eq!(Padding::Valid.around(24, 5, 2), (0, 0));
    /// ```
    pub fn around(self, length: usize, kernel: usize, stride: usize) -> (usize, usize) {
        match self {
            Padding::Valid => (0, 0),
            Padding::Same => {
                let outputs = length.div_ceil(stride);
                let needed = ((outputs - 1) * stride + kernel).saturating_sub(length);
                (needed / 2, needed - needed / 2)
            }
        }
    }
}

impl Layer {
    /// Returns a convolution with stride 1, 'same' padding, bias and ReLU.
    pub fn conv(filters: usize, kernel: usize) -> Layer {
        Layer::Conv {
            filters,
            kernel,
            stride: 1,
            padding: Padding::Same,
            bias: true,
            activation: Activation::Relu,
        }
    }

    /// Returns a fully connected layer with bias and ReLU.
    pub fn dense(units: usize) -> Layer {
        Layer::Dense { units, bias: true, activation: Activation::Relu }
    }

    /// Returns the layer's `type` in an experiment.
    pub fn kind(&self) -> &'static str {
        self.into()
    }
}

fn yes() -> bool {
    true
}

fn one() -> usize {
    1
}

fn two() -> usize {
    2
}

fn three() -> usize {
    3
}
