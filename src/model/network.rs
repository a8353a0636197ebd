//! A sequence of layers, checked against the shape of the data.

use super::fuse::fuse;
use super::plan::{Plan, Planner, ShapeError};
use super::{Layer, Parameter, Role};

/// A network whose layers fit each other and the data.
#[derive(Debug, Clone, PartialEq)]
pub struct Network {
    pub(super) plan: Plan,
    pub(super) parameters: Vec<Parameter>,
    /// Layer name and number of channels of each batch norm, in order.
    pub(super) norms: Vec<(String, usize)>,
    input: [usize; 3],
    widest: usize,
    classes: usize,
}

impl Network {
    /// Builds a network for images with `input` channels, height and width.
    ///
    /// ```
    /// use laperm::model::{Layer, Network};
    /// let layers = [Layer::conv(8, 3), Layer::Flatten, Layer::dense(10)];
    /// let network = Network::new(&layers, [1, 28, 28], 10)?;
    /// assert_eq!(network.trainable(), 8 * 9 + 8 + 8 * 784 * 10 + 10);
    /// assert_eq!(network.parameters()[0].name, "conv1.weight");
    /// # Ok::<(), laperm::model::ShapeError>(())
    /// ```
    ///
    /// # Errors
    /// A layer that does not fit the output of the layer before it, an invalid size or rate, or a
    /// last layer that is not dense with one unit per class.
    pub fn new(layers: &[Layer], input: [usize; 3], classes: usize) -> Result<Self, ShapeError> {
        let mut planner = Planner::new(input, classes);
        let plan = fuse(planner.network(layers)?);
        let Planner { parameters, norms, widest, .. } = planner;
        Ok(Network { plan, parameters, norms, input, widest, classes })
    }

    /// Returns the parameters, in the order of the layers.
    pub fn parameters(&self) -> &[Parameter] {
        &self.parameters
    }

    /// Returns the layer name and the number of channels of each batch norm. A batch norm has
    /// running statistics besides its parameters.
    pub fn norms(&self) -> &[(String, usize)] {
        &self.norms
    }

    /// Returns the name and shape of every tensor in a file of the network's weights, by PyTorch's
    /// convention: the parameters, then the running mean and variance of each batch norm.
    pub fn tensors(&self) -> impl Iterator<Item = (String, Vec<usize>)> {
        let parameters = self.parameters.iter().map(|p| (p.name.clone(), p.shape.clone()));
        let statistics = self.norms.iter().flat_map(|(layer, channels)| {
            ["running_mean", "running_var"]
                .map(|statistic| (format!("{layer}.{statistic}"), vec![*channels]))
        });
        parameters.chain(statistics)
    }

    /// Returns the number of trainable values. Batch norm's running statistics do not count.
    pub fn trainable(&self) -> usize {
        self.parameters.iter().map(Parameter::elements).sum()
    }

    /// Returns the number of floating-point operations in the convolutions and dense layers of a
    /// training step on one example. Each use of a weight counts as a multiplication and an
    /// addition in the forward pass, in the gradient of the weights, and in the gradient of the
    /// inputs, which the first layer does not need. The number depends on the shapes alone: an
    /// algorithm that needs fewer operations, such as Winograd's, is credited with all of them.
    pub fn training_operations(&self) -> u64 {
        let weights = self.parameters.iter().filter(|parameter| parameter.role == Role::Weight);
        let operations = weights.map(|weight| {
            let passes = if weight.first { 2 } else { 3 };
            2 * passes * (weight.elements() * weight.uses) as u64
        });
        operations.sum()
    }

    /// Returns the maximum number of values between two layers, for one example.
    pub fn widest(&self) -> usize {
        self.widest
    }

    /// Returns the channels, height and width of the input images.
    pub fn input(&self) -> [usize; 3] {
        self.input
    }

    /// Returns the number of classes.
    pub fn classes(&self) -> usize {
        self.classes
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Activation, Padding};

    const MNIST: [usize; 3] = [1, 28, 28];

    #[test]
    fn tensors_are_parameters_and_statistics() {
        let layers = [Layer::conv(4, 3), Layer::BatchNorm, Layer::Flatten, Layer::dense(10)];
        let tensors: Vec<_> = Network::new(&layers, MNIST, 10).expect("fits").tensors().collect();
        let expected: [(&str, &[usize]); 8] = [
            ("conv1.weight", &[4, 1, 3, 3]),
            ("conv1.bias", &[4]),
            ("bn1.weight", &[4]),
            ("bn1.bias", &[4]),
            ("dense1.weight", &[10, 3136]),
            ("dense1.bias", &[10]),
            ("bn1.running_mean", &[4]),
            ("bn1.running_var", &[4]),
        ];
        assert_eq!(tensors, expected.map(|(name, shape)| (name.to_owned(), shape.to_vec())));
    }

    #[test]
    fn the_first_dense_layer_after_a_flatten_layer_knows_the_image() {
        let layers = [
            Layer::conv(4, 3),
            Layer::Flatten,
            Layer::BatchNorm,
            Layer::dense(5),
            Layer::BatchNorm,
            Layer::dense(10),
        ];
        let network = Network::new(&layers, MNIST, 10).expect("fits");
        let flattened = network.parameters().iter().filter(|p| p.flattened.is_some());
        let names: Vec<_> = flattened.map(|p| (p.name.as_str(), p.flattened)).collect();
        let image = Some([4, 28, 28]);
        let expected = ["bn1.weight", "bn1.bias", "dense1.weight"].map(|name| (name, image));
        assert_eq!(names, expected);
    }

    #[test]
    fn errors_name_the_layer() {
        let error = |layers: &[Layer]| {
            Network::new(layers, MNIST, 10).expect_err("must not fit").to_string()
        };
        assert_eq!(
            error(&[Layer::dense(10)]),
            "layer 1, dense1: takes one axis, but gets 1x28x28: put a flatten layer before it"
        );
        let big = Layer::Conv {
            filters: 4,
            kernel: 29,
            stride: 1,
            padding: Padding::Valid,
            bias: true,
            activation: Activation::Relu,
        };
        assert_eq!(
            error(&[Layer::conv(4, 3), big, Layer::Flatten, Layer::dense(10)]),
            "layer 2, conv2: a kernel of 29x29 does not fit in 28x28 pixels"
        );
        assert_eq!(
            error(&[Layer::Flatten, Layer::dense(7)]),
            "layer 2, dense1: the last layer needs one unit per class, 10, not 7"
        );
        assert_eq!(
            error(&[Layer::Flatten]),
            "layer 1, flatten: the last layer must be dense, with one unit per class (10)"
        );
        assert_eq!(
            error(&[Layer::Dropout { rate: 1.0 }, Layer::Flatten, Layer::dense(10)]),
            "layer 1, dropout: the rate must be at least 0 and below 1, not 1"
        );
        assert_eq!(
            error(&[Layer::MaxPool { size: 3 }, Layer::Flatten, Layer::dense(10)]),
            "layer 1, max-pool: 28x28 pixels cannot be divided into squares of 3x3"
        );
        let residual = Layer::Residual { body: vec![Layer::conv(4, 3)], shortcut: vec![] };
        assert_eq!(
            error(&[residual, Layer::Flatten, Layer::dense(10)]),
            "layer 1, block1: the body gives 4x28x28, but the shortcut 1x28x28"
        );
    }

    #[test]
    fn the_last_dense_layer_gives_logits() {
        let layers = vec![Layer::Flatten, Layer::dense(10)];
        let network = Network::new(&layers, MNIST, 10).expect("fits");
        assert!(network.parameters()[0].last);
        assert_eq!(network.parameters().len(), 2);
    }
}
