//! The layers a network is made of, as they are written in an experiment.

use serde::{Deserialize, Serialize};

/// One layer. A network is a sequence of them; the last must be dense, with one unit per class.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Layer {
    /// Fully connected.
    Dense {
        /// Output units.
        units: usize,
        /// Whether there is a bias.
        #[serde(default = "yes")]
        bias: bool,
        /// What follows; nothing follows the network's last layer.
        #[serde(default)]
        activation: Activation,
    },
    /// Convolution over two axes, with a square kernel.
    Conv {
        /// Output channels.
        filters: usize,
        /// Height and width of the kernel.
        #[serde(default = "three")]
        kernel: usize,
        /// Pixels from one output to the next.
        #[serde(default = "one")]
        stride: usize,
        /// What lies around the image.
        #[serde(default)]
        padding: Padding,
        /// Whether there is a bias.
        #[serde(default = "yes")]
        bias: bool,
        /// What follows.
        #[serde(default)]
        activation: Activation,
    },
    /// Batch normalization: momentum 0.99, epsilon 1e-3.
    BatchNorm,
    /// max(x, 0).
    Relu,
    /// In training, zeroes each value with probability `rate` and scales the rest by 1 / (1 - rate).
    Dropout {
        /// Share of values that are dropped, 0 to 1.
        rate: f64,
    },
    /// The greatest of each square of pixels.
    MaxPool {
        /// Side of the square, and the stride.
        #[serde(default = "two")]
        size: usize,
    },
    /// The mean of each square of pixels.
    AveragePool {
        /// Side of the square, and the stride.
        #[serde(default = "two")]
        size: usize,
    },
    /// From channels, height, width to one axis.
    Flatten,
    /// The sum of two ways through, as in ResNet v1.
    Residual {
        /// One way.
        body: Vec<Layer>,
        /// The other; empty for the input itself.
        #[serde(default)]
        shortcut: Vec<Layer>,
    },
}

/// What follows a layer's weights.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Activation {
    /// max(x, 0).
    #[default]
    Relu,
    /// Nothing.
    None,
}

/// What a convolution finds beyond the image's edge.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Padding {
    /// Zeros, so that the output has ceil(input / stride) pixels. Where their number is odd, the greater half
    /// comes after the image, as in TensorFlow.
    #[default]
    Same,
    /// Nothing: kernels stay inside the image.
    Valid,
}

impl Padding {
    /// Zeros before and after an axis of `length` pixels.
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
    /// A convolution with ReLU and 'same' padding.
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

    /// A fully connected layer with bias and ReLU.
    pub fn dense(units: usize) -> Layer {
        Layer::Dense { units, bias: true, activation: Activation::Relu }
    }

    /// Its type, as it is written in an experiment.
    pub fn kind(&self) -> &'static str {
        match self {
            Layer::Dense { .. } => "dense",
            Layer::Conv { .. } => "conv",
            Layer::BatchNorm => "batch-norm",
            Layer::Relu => "relu",
            Layer::Dropout { .. } => "dropout",
            Layer::MaxPool { .. } => "max-pool",
            Layer::AveragePool { .. } => "average-pool",
            Layer::Flatten => "flatten",
            Layer::Residual { .. } => "residual",
        }
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
