//! The forward pass of a network, for training and for evaluation.

use burn::tensor::{Device, Tensor, TensorData};

use super::network::Network;
use super::plan::{self, Operation};
use crate::kernels::operations;
use crate::kernels::{Convolution, Dense, Dropout, Normalize};

/// Batch norm's epsilon (Keras).
const EPSILON: f32 = 1e-3;

/// Weight of the old running statistics when those of a batch are blended in (Keras).
const MOMENTUM: f64 = 0.99;

/// The values of a network's parameters and running statistics, on a device.
#[derive(Debug, Clone)]
pub struct Weights {
    /// One flat tensor per parameter, in the order of [`Network::parameters`].
    pub parameters: Vec<Tensor<1>>,
    /// Running statistics of each batch norm, in the order of [`Network::norms`].
    pub statistics: Vec<Statistics>,
}

/// Running statistics of one batch norm, per channel.
#[derive(Debug, Clone)]
pub struct Statistics {
    pub mean: Tensor<1>,
    /// Unbiased variance.
    pub variance: Tensor<1>,
}

impl Statistics {
    /// Returns the initial statistics: mean 0, variance 1.
    pub fn new(channels: usize, device: &Device) -> Self {
        Statistics {
            mean: Tensor::zeros([channels], device),
            variance: Tensor::ones([channels], device),
        }
    }

    fn update(&self, mean: Tensor<1>, biased_variance: Tensor<1>, samples: usize) -> Self {
        let blend = |running: &Tensor<1>, batch: Tensor<1>, factor: f64| {
            running
                .clone()
                .mul_scalar(MOMENTUM)
                .add(batch.inner().mul_scalar((1.0 - MOMENTUM) * factor))
        };
        let unbiased = samples as f64 / (samples as f64 - 1.0).max(1.0);
        Statistics {
            mean: blend(&self.mean, mean, 1.0),
            variance: blend(&self.variance, biased_variance, unbiased),
        }
    }
}

impl Weights {
    /// Creates the weights of a network from the values of its [`tensors`](Network::tensors), in
    /// that order.
    pub fn new(network: &Network, tensors: Vec<Vec<f32>>, device: &Device) -> Self {
        let tensor = |values: Vec<f32>| {
            let length = values.len();
            Tensor::from_data(TensorData::new(values, [length]), device)
        };
        let mut tensors = tensors.into_iter().map(tensor);
        let parameters = tensors.by_ref().take(network.parameters().len()).collect();
        let mut statistics = Vec::new();
        while let (Some(mean), Some(variance)) = (tensors.next(), tensors.next()) {
            statistics.push(Statistics { mean, variance });
        }
        Weights { parameters, statistics }
    }
}

/// [`Weights`] without gradients, in the layout that is fastest to evaluate.
#[derive(Debug, Clone)]
pub struct PackedWeights(Weights);

/// Packs the weights of all convolutions.
fn pack(plan: &[Operation], weights: &mut Weights) {
    for operation in plan {
        match operation {
            Operation::Conv { weight, shape, .. } => {
                let weight = &mut weights.parameters[*weight];
                *weight = operations::pack(weight.clone(), *shape);
            }
            Operation::Residual { body, shortcut, .. } => {
                pack(body, weights);
                pack(shortcut, weights);
            }
            _ => {}
        }
    }
}

/// Selects the random numbers of dropout.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Draw {
    /// The run's seed.
    pub seed: u64,
    /// The training step, counted from 1.
    pub step: u64,
}

impl Network {
    /// Packs weights for the evaluation of many batches.
    pub fn packed(&self, weights: &Weights) -> PackedWeights {
        let parameters = weights.parameters.iter().map(|parameter| parameter.clone().inner());
        let mut packed =
            Weights { parameters: parameters.collect(), statistics: weights.statistics.clone() };
        pack(&self.plan, &mut packed);
        PackedWeights(packed)
    }

    /// Computes logits `[batch, classes]` for images `[batch, channels, height, width]`, with
    /// running statistics and without dropout.
    pub fn evaluate(&self, weights: &PackedWeights, images: Tensor<4>) -> Tensor<2> {
        Pass { weights: &weights.0, training: None }.run(&self.plan, images)
    }

    /// Computes logits `[batch, classes]` for training, with batch statistics and dropout. Also
    /// returns the running statistics after this batch.
    pub fn train(
        &self,
        weights: &Weights,
        images: Tensor<4>,
        draw: Draw,
    ) -> (Tensor<2>, Vec<Statistics>) {
        let mut training = Training { draw, statistics: weights.statistics.clone() };
        let logits = Pass { weights, training: Some(&mut training) }.run(&self.plan, images);
        (logits, training.statistics)
    }
}

/// The forward pass of one batch.
struct Pass<'a> {
    /// Packed if the pass is for evaluation.
    weights: &'a Weights,
    /// `None` for evaluation.
    training: Option<&'a mut Training>,
}

struct Training {
    draw: Draw,
    /// Running statistics, updated batch norm by batch norm.
    statistics: Vec<Statistics>,
}

/// Values between two layers: images `[batch, height, width, channels]` or, after a flatten layer,
/// `[batch, values]`.
enum Values {
    Images(Tensor<4>),
    Flat(Tensor<2>),
}

impl Values {
    fn map(
        self,
        images: impl FnOnce(Tensor<4>) -> Tensor<4>,
        flat: impl FnOnce(Tensor<2>) -> Tensor<2>,
    ) -> Values {
        match self {
            Values::Images(values) => Values::Images(images(values)),
            Values::Flat(values) => Values::Flat(flat(values)),
        }
    }

    fn images(self) -> Tensor<4> {
        match self {
            Values::Images(values) => values,
            Values::Flat(_) => unreachable!("the planner has checked that images arrive here"),
        }
    }

    fn flat(self) -> Tensor<2> {
        match self {
            Values::Images(values) => operations::flatten(values),
            Values::Flat(values) => values,
        }
    }
}

impl Pass<'_> {
    fn run(&mut self, plan: &[Operation], images: Tensor<4>) -> Tensor<2> {
        self.sequence(plan, Values::Images(operations::channels_last(images))).flat()
    }

    fn sequence(&mut self, plan: &[Operation], values: Values) -> Values {
        plan.iter().fold(values, |values, operation| self.operation(operation, values))
    }

    fn operation(&mut self, operation: &Operation, values: Values) -> Values {
        match *operation {
            Operation::Dense { weight, shape: [outputs, inputs], bias, relu } => {
                let values = values.flat();
                let shape = Dense { batch: values.dims()[0], inputs, outputs };
                let (weight, bias) = (self.parameter(weight), bias.map(|b| self.parameter(b)));
                Values::Flat(operations::dense(values, weight, bias, shape, relu))
            }
            Operation::Conv { weight, shape, bias, relu } => {
                let images = values.images();
                let shape = Convolution { batch: images.dims()[0], ..shape };
                let (weight, bias) = (self.parameter(weight), bias.map(|b| self.parameter(b)));
                let convolution = match self.training {
                    Some(_) => operations::convolution,
                    None => operations::convolution_packed,
                };
                Values::Images(convolution(images, weight, bias, shape, relu))
            }
            Operation::BatchNorm { .. } => match values {
                Values::Images(values) => Values::Images(self.batch_norm(operation, values)),
                Values::Flat(values) => Values::Flat(self.batch_norm(operation, values)),
            },
            Operation::Relu => values.map(operations::relu, operations::relu),
            Operation::Dropout(dropout) => match self.drawn(dropout) {
                None => values,
                Some(dropout) => values
                    .map(|v| operations::dropout(v, dropout), |v| operations::dropout(v, dropout)),
            },
            Operation::MaxPool { size } => {
                Values::Images(operations::max_pool(values.images(), size))
            }
            Operation::AveragePool { size } => {
                Values::Images(operations::average_pool(values.images(), size))
            }
            Operation::Flatten => Values::Flat(values.flat()),
            Operation::Residual { ref body, ref shortcut, relu } => {
                let (one, other) = operations::fork(values.images());
                let one = self.sequence(body, Values::Images(one)).images();
                let other = self.sequence(shortcut, Values::Images(other)).images();
                Values::Images(operations::sum(one, other, relu))
            }
        }
    }

    fn parameter(&self, index: usize) -> Tensor<1> {
        self.weights.parameters[index].clone()
    }

    /// Returns a dropout with this step's random numbers, or `None` in evaluation.
    fn drawn(&self, dropout: plan::Dropout) -> Option<Dropout> {
        let Draw { seed, step } = self.training.as_ref()?.draw;
        Some(Dropout { seed, step, site: dropout.site, rate: dropout.rate })
    }

    fn batch_norm<const D: usize>(
        &mut self,
        operation: &Operation,
        values: Tensor<D>,
    ) -> Tensor<D> {
        let Operation::BatchNorm { scale, shift, norm, relu_before, relu_after, dropout } =
            *operation
        else {
            unreachable!("called for batch norms only");
        };
        let (scale, shift) = (self.parameter(scale), self.parameter(shift));
        let dropout = dropout.and_then(|dropout| self.drawn(dropout));
        let channels = values.dims()[D - 1];
        let epsilon = EPSILON;
        let normalize = Normalize { channels, epsilon, relu_before, relu_after, dropout };
        let Some(Training { statistics, .. }) = self.training.as_deref_mut() else {
            let Statistics { mean, variance } = self.weights.statistics[norm].clone();
            return operations::normalize(values, scale, shift, [mean, variance], normalize);
        };
        let samples = values.shape().num_elements() / channels;
        let (output, mean, variance) = operations::normalize_train(values, scale, shift, normalize);
        statistics[norm] = statistics[norm].update(mean, variance, samples);
        output
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Activation, Layer, Padding};

    fn network(layers: &[Layer], input: [usize; 3], classes: usize) -> Network {
        Network::new(layers, input, classes).expect("the layers fit")
    }

    /// Weights with the given values, one list per parameter.
    fn weights(network: &Network, values: &[Vec<f32>]) -> Weights {
        let device = Device::flex();
        let tensor = |values: &Vec<f32>| {
            Tensor::from_data(TensorData::new(values.clone(), [values.len()]), &device)
        };
        let statistics =
            network.norms().iter().map(|&(_, channels)| Statistics::new(channels, &device));
        Weights {
            parameters: values.iter().map(tensor).collect(),
            statistics: statistics.collect(),
        }
    }

    fn images(values: Vec<f32>, shape: [usize; 4]) -> Tensor<4> {
        Tensor::from_data(TensorData::new(values, shape), &Device::flex())
    }

    fn values<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
        tensor.into_data().try_to_vec().expect("floats")
    }

    /// A dense layer that returns its two inputs, and its weights.
    fn identity() -> (Layer, Vec<f32>) {
        (
            Layer::Dense { units: 2, bias: false, activation: Activation::None },
            vec![1.0, 0.0, 0.0, 1.0],
        )
    }

    #[test]
    fn a_dense_layer_keeps_each_vector_in_a_row() {
        let network = network(&[Layer::Flatten, Layer::dense(2)], [1, 1, 2], 2);
        let weights = weights(&network, &[vec![1.0, 2.0, 3.0, 4.0], vec![10.0, -20.0]]);
        let logits =
            network.evaluate(&network.packed(&weights), images(vec![1.0, 1.0], [1, 1, 1, 2]));
        // Logits can be negative although the layer was written with ReLU.
        assert_eq!(values(logits), [13.0, -13.0]);
    }

    #[test]
    fn same_padding_with_stride_two_puts_the_odd_zero_after() {
        let conv = Layer::Conv {
            filters: 1,
            kernel: 3,
            stride: 2,
            padding: Padding::Same,
            bias: false,
            activation: Activation::None,
        };
        let kernel: Vec<f32> = (1..=9).map(|i| i as f32).collect();
        let layers = [
            conv,
            Layer::Flatten,
            Layer::Dense { units: 1, bias: false, activation: Activation::None },
        ];
        let network = network(&layers, [1, 2, 2], 1);
        let weights = weights(&network, &[kernel, vec![1.0]]);
        let seen = |pixels: [f32; 4]| {
            values(
                network.evaluate(&network.packed(&weights), images(pixels.to_vec(), [1, 1, 2, 2])),
            )[0]
        };
        // No zero precedes the image: the first pixel is under the kernel's first entry, the last
        // one under its middle.
        assert_eq!(seen([1.0, 0.0, 0.0, 0.0]), 1.0);
        assert_eq!(seen([0.0, 1.0, 0.0, 0.0]), 2.0);
        assert_eq!(seen([0.0, 0.0, 0.0, 1.0]), 5.0);
    }

    #[test]
    fn batch_norm_by_hand() {
        let (dense, unit) = identity();
        let network = network(&[Layer::Flatten, Layer::BatchNorm, dense], [1, 1, 2], 2);
        let weights = weights(&network, &[vec![2.0, 1.0], vec![0.0, 5.0], unit]);
        // Two examples: channel 0 is 1 and 3 (mean 2, variance 1), channel 1 is 4 and 4.
        let batch = || images(vec![1.0, 4.0, 3.0, 4.0], [2, 1, 1, 2]);
        let (logits, statistics) = network.train(&weights, batch(), Draw { seed: 1, step: 1 });
        let deviation = (1.0f32 + 1e-3).sqrt();
        let expected = [-2.0 / deviation, 5.0, 2.0 / deviation, 5.0];
        assert!(values(logits).iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-5));
        // 0.99 of the initial 0 and 1, and 0.01 of the batch's mean and unbiased variance (2 and
        // 0).
        let close = |found: Vec<f32>, expected: [f32; 2]| {
            assert!(found.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-6), "{found:?}");
        };
        close(values(statistics[0].mean.clone()), [0.02, 0.04]);
        close(values(statistics[0].variance.clone()), [0.99 + 0.02, 0.99]);
        // Evaluation uses the weights' own running statistics: mean 0, variance 1.
        let logits = values(network.evaluate(&network.packed(&weights), batch()));
        assert!(
            (logits[0] - 2.0 / deviation).abs() < 1e-5
                && (logits[1] - (4.0 / deviation + 5.0)).abs() < 1e-5
        );
    }

    #[test]
    fn a_residual_block_sums_both_ways() {
        let double = Layer::Conv {
            filters: 1,
            kernel: 1,
            stride: 1,
            padding: Padding::Same,
            bias: false,
            activation: Activation::None,
        };
        let (dense, unit) = identity();
        let block = Layer::Residual { body: vec![double], shortcut: vec![] };
        let network = network(&[block, Layer::Relu, Layer::Flatten, dense], [1, 1, 2], 2);
        let weights = weights(&network, &[vec![2.0], unit]);
        let logits =
            network.evaluate(&network.packed(&weights), images(vec![1.0, -1.0], [1, 1, 1, 2]));
        assert_eq!(values(logits), [3.0, 0.0]);
    }

    #[test]
    fn dropout_is_for_training_and_repeats_itself() {
        let layers = [Layer::Flatten, Layer::Dropout { rate: 0.5 }, identity().0];
        let network = network(&layers, [1, 1, 2], 2);
        let weights = weights(&network, &[identity().1]);
        let ones = || images(vec![1.0; 200], [100, 1, 1, 2]);
        let train = |step| values(network.train(&weights, ones(), Draw { seed: 1, step }).0);
        let first = train(1);
        assert!(
            first.iter().all(|&v| v == 0.0 || v == 2.0)
                && first.contains(&0.0)
                && first.contains(&2.0)
        );
        assert_eq!(first, train(1));
        assert_ne!(first, train(2));
        assert_eq!(values(network.evaluate(&network.packed(&weights), ones())), [1.0; 200]);
    }

    /// A network with all kinds of layers, the values of its parameters, and a batch of images.
    fn everything() -> (Network, Vec<Vec<f32>>, Vec<f32>) {
        let conv = |filters, kernel, stride, activation| Layer::Conv {
            filters,
            kernel,
            stride,
            padding: Padding::Same,
            bias: true,
            activation,
        };
        let layers = [
            conv(3, 3, 1, Activation::Relu),
            Layer::BatchNorm,
            Layer::Dropout { rate: 0.3 },
            Layer::MaxPool { size: 2 },
            Layer::Residual {
                body: vec![conv(4, 3, 2, Activation::None), Layer::BatchNorm, Layer::Relu],
                shortcut: vec![conv(4, 1, 2, Activation::None)],
            },
            Layer::Relu,
            Layer::AveragePool { size: 2 },
            Layer::Flatten,
            Layer::dense(6),
            Layer::BatchNorm,
            Layer::dense(3),
        ];
        let network = network(&layers, [2, 8, 8], 3);
        let numbers = |seed: usize, count: usize| -> Vec<f32> {
            (0..count).map(|i| ((i * 31 + seed * 977) as f32 * 0.7391).sin() * 0.5).collect()
        };
        let parameters = network.parameters().iter().enumerate();
        let values = parameters.map(|(i, parameter)| numbers(i + 1, parameter.elements()));
        let values = values.collect();
        (network, values, numbers(0, 6 * 128))
    }

    /// The loss of a batch and its gradient with respect to each parameter.
    fn loss_and_gradients(
        network: &Network,
        parameters: &[Vec<f32>],
        pixels: &[f32],
    ) -> (f32, Vec<Vec<f32>>) {
        let mut weights = weights(network, parameters);
        for parameter in &mut weights.parameters {
            *parameter = parameter.clone().autodiff().require_grad();
        }
        let draw = Draw { seed: 1, step: 1 };
        let (logits, _) = network.train(&weights, images(pixels.to_vec(), [6, 2, 8, 8]), draw);
        let (loss, _) = operations::cross_entropy(logits, [0, 1, 2, 2, 1, 0].into());
        let gradients = loss.backward();
        let of = |parameter: &Tensor<1>| values(parameter.grad(&gradients).expect("a gradient"));
        (values(loss.inner())[0], weights.parameters.iter().map(of).collect())
    }

    #[test]
    fn gradients_are_those_of_small_differences() {
        let (network, mut parameters, pixels) = everything();
        let (_, gradients) = loss_and_gradients(&network, &parameters, &pixels);
        let step = 2e-3;
        for index in 0..parameters.len() {
            for position in [0, parameters[index].len() / 2] {
                let start = parameters[index][position];
                let mut loss_at = |value| {
                    parameters[index][position] = value;
                    f64::from(loss_and_gradients(&network, &parameters, &pixels).0)
                };
                let slope = (loss_at(start + step) - loss_at(start - step)) / f64::from(2.0 * step);
                parameters[index][position] = start;
                let found = f64::from(gradients[index][position]);
                let name = &network.parameters()[index].name;
                assert!(
                    (found - slope).abs() < 2e-3 + 0.02 * slope.abs(),
                    "{name}: {found}, {slope}"
                );
            }
        }
    }

    #[test]
    fn training_does_not_depend_on_the_number_of_threads() {
        let (network, parameters, pixels) = everything();
        let with = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
            pool.expect("threads").install(|| loss_and_gradients(&network, &parameters, &pixels))
        };
        let one = with(1);
        assert_eq!(one, with(2));
        assert_eq!(one, with(3));
    }
}
