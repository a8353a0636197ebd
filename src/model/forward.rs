//! Values flowing through a network.

use burn::tensor::ops::{AvgPoolOptions, ConvOptions, MaxPoolOptions};
use burn::tensor::{Device, Tensor, TensorData, activation, module};

use super::dropout;
use super::network::Network;
use super::plan::Operation;

/// Batch norm's epsilon, and the share of its running statistics that a batch leaves as they are (Keras).
const EPSILON: f64 = 1e-3;
const MOMENTUM: f64 = 0.99;

/// The numbers of a network, on a device.
#[derive(Debug, Clone)]
pub struct Weights {
    /// One flat tensor per parameter, in the order of [`Network::parameters`].
    pub parameters: Vec<Tensor<1>>,
    /// Running statistics per batch norm, in the order of [`Network::norms`].
    pub statistics: Vec<Statistics>,
}

/// Running statistics of one batch norm, per channel.
#[derive(Debug, Clone)]
pub struct Statistics {
    /// Mean.
    pub mean: Tensor<1>,
    /// Variance, unbiased.
    pub variance: Tensor<1>,
}

impl Statistics {
    /// What a batch norm starts with: mean 0, variance 1.
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

/// Where dropout takes its random numbers from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Draw {
    /// The run's seed.
    pub seed: u64,
    /// The training step, counted from 1.
    pub step: u64,
}

impl Network {
    /// Logits `[batch, classes]` of images `[batch, channels, height, width]`, with running statistics and without
    /// dropout.
    pub fn evaluate(&self, weights: &Weights, images: Tensor<4>) -> Tensor<2> {
        Pass { weights, training: None }.run(&self.plan, images)
    }

    /// Logits `[batch, classes]` as in training: batch statistics and dropout. Also returns the running statistics
    /// after this batch.
    pub fn train(
        &self,
        weights: &Weights,
        images: Tensor<4>,
        draw: Draw,
    ) -> (Tensor<2>, Vec<Statistics>) {
        let statistics = weights.statistics.clone();
        let mut pass = Pass { weights, training: Some(Training { draw, statistics }) };
        let logits = pass.run(&self.plan, images);
        (logits, pass.training.map(|training| training.statistics).unwrap_or_default())
    }
}

/// One batch on its way.
struct Pass<'a> {
    weights: &'a Weights,
    training: Option<Training>,
}

struct Training {
    draw: Draw,
    statistics: Vec<Statistics>,
}

/// What flows: images until they are flattened.
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
            Values::Flat(_) => unreachable!("a plan gives images to what takes images"),
        }
    }

    fn flat(self) -> Tensor<2> {
        match self {
            Values::Images(values) => values.flatten(1, 3),
            Values::Flat(values) => values,
        }
    }
}

impl Pass<'_> {
    fn run(&mut self, plan: &[Operation], images: Tensor<4>) -> Tensor<2> {
        self.sequence(plan, Values::Images(images)).flat()
    }

    fn sequence(&mut self, plan: &[Operation], values: Values) -> Values {
        plan.iter().fold(values, |values, operation| self.operation(operation, values))
    }

    fn operation(&mut self, operation: &Operation, values: Values) -> Values {
        match *operation {
            Operation::Dense { weight, shape, bias, relu } => {
                // Weights lie as [out, in], so that a weight vector is a slice; the transpose is a view.
                let weight = self.parameter(weight).reshape(shape).transpose();
                let bias = bias.map(|bias| self.parameter(bias));
                let output = module::linear(values.flat(), weight, bias);
                Values::Flat(if relu { activation::relu(output) } else { output })
            }
            Operation::Conv { weight, shape, bias, relu, stride, padding } => {
                let weight = self.parameter(weight).reshape(shape);
                let bias = bias.map(|bias| self.parameter(bias));
                let options = ConvOptions::new_with_padding([stride; 2], padding, [1; 2], 1);
                let output = module::conv2d(values.images(), weight, bias, options);
                Values::Images(if relu { activation::relu(output) } else { output })
            }
            Operation::BatchNorm { scale, shift, norm } => match values {
                Values::Images(values) => {
                    Values::Images(self.batch_norm(values, scale, shift, norm))
                }
                Values::Flat(values) => Values::Flat(self.batch_norm(values, scale, shift, norm)),
            },
            Operation::Relu => values.map(activation::relu, activation::relu),
            Operation::Dropout { rate, site } => match &self.training {
                None => values,
                Some(Training { draw, .. }) => {
                    let draw = *draw;
                    values.map(|v| dropped(v, draw, site, rate), |v| dropped(v, draw, site, rate))
                }
            },
            Operation::MaxPool { size } => {
                Values::Images(module::max_pool2d(values.images(), MaxPoolOptions::new([size; 2])))
            }
            Operation::AveragePool { size } => {
                Values::Images(module::avg_pool2d(values.images(), AvgPoolOptions::new([size; 2])))
            }
            Operation::Flatten => Values::Flat(values.flat()),
            Operation::Residual { ref body, ref shortcut } => {
                let input = values.images();
                let one = self.sequence(body, Values::Images(input.clone())).images();
                let other = self.sequence(shortcut, Values::Images(input)).images();
                Values::Images(one + other)
            }
        }
    }

    fn parameter(&self, index: usize) -> Tensor<1> {
        self.weights.parameters[index].clone()
    }

    fn batch_norm<const D: usize>(
        &mut self,
        values: Tensor<D>,
        scale: usize,
        shift: usize,
        norm: usize,
    ) -> Tensor<D> {
        let (scale, shift) = (self.parameter(scale), self.parameter(shift));
        let Some(Training { statistics, .. }) = &mut self.training else {
            let Statistics { mean, variance } = self.weights.statistics[norm].clone();
            return module::batch_norm(values, scale, shift, mean, variance, EPSILON);
        };
        let samples = values.shape().num_elements() / values.dims()[1];
        let output = module::batch_norm_train(values, scale, shift, EPSILON);
        statistics[norm] = statistics[norm].update(output.mean, output.variance, samples);
        output.output
    }
}

fn dropped<const D: usize>(values: Tensor<D>, draw: Draw, site: u64, rate: f64) -> Tensor<D> {
    let shape = values.shape();
    let mask = dropout::mask(draw.seed, draw.step, site, shape.num_elements(), rate);
    let device = values.device().without_autodiff();
    values.clone() * Tensor::from_data(TensorData::new(mask, shape), &device)
}
