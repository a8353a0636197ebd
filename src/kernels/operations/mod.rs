//! The kernels as operations on burn's tensors, each with a gradient of its own.
//!
//! [`Operations`] says what there is to compute, and `Gradients` how to go back. The bodies there are composed of
//! burn's own operations and serve every backend; those whose tensors lie in this process's memory run the kernels
//! instead (`host`). Autodiff records one step for each operation (`autodiff`). The functions at the end of this list
//! call all this on tensors of whatever device.
//!
//! Images are `[batch, height, width, channels]` here, and so are their gradients. Weights are flat, as parameters are
//! kept.
#![expect(deprecated, reason = "ndarray and tch are kept for as long as burn has them")]

mod autodiff;
mod buffers;
mod composed;
mod gradients;
mod host;
mod memory;
mod tensors;

use std::sync::Arc;

use burn::backend::tensor::FloatTensor;
use burn::backend::{
    Backend, ExtensionType, TensorMetadata, backend_extension, get_or_init_device_settings,
};
use burn::tensor::{Shape, TensorData};

use super::{Adam, Convolution, Dense, Dropout, Normalize, Sgd, Step};
use composed::{
    blend, channels_back, channels_first, channels_second, descend, drop_some, filters, options,
    penalized,
};

pub use tensors::{
    adam, average_pool, channels_last, convolution, cross_entropy, dense, dropout, flatten,
    max_pool, normalize, normalize_train, sgd, sum_relu,
};

/// A tensor that may be absent.
#[derive(Debug, Clone, ExtensionType)]
pub enum Optional<B: Backend> {
    /// It is there.
    Some(FloatTensor<B>),
    /// It is not.
    None,
}

impl<B: Backend> Optional<B> {
    fn into_option(self) -> Option<FloatTensor<B>> {
        match self {
            Optional::Some(tensor) => Some(tensor),
            Optional::None => None,
        }
    }
}

/// A step of an optimizer, but for its rule.
#[derive(Debug, Clone, Copy)]
pub struct Update {
    /// Which step it is for this parameter, counted from 1.
    pub time: u32,
    /// The learning rate.
    pub lr: f32,
    /// The gradient of the L2 penalty, per weight: 0 for none.
    pub penalty: f32,
}

impl Update {
    fn step(self, mask: Option<&[f32]>) -> Step<'_> {
        Step { lr: self.lr, penalty: self.penalty, mask }
    }
}

/// What a network computes, on a backend.
#[backend_extension(
    Autodiff,
    Flex,
    NdArray,
    LibTorch: cfg(feature = "tch"),
    Cube: cfg(any(feature = "wgpu", feature = "cuda"))
)]
pub trait Operations: Backend {
    /// Images `[batch, channels, height, width]` as `[batch, height, width, channels]`.
    fn channels_last(images: FloatTensor<Self>) -> FloatTensor<Self> {
        Self::float_permute(images, &[0, 2, 3, 1])
    }

    /// Images as `[batch, channels * height * width]`, in this order.
    fn flatten(images: FloatTensor<Self>) -> FloatTensor<Self> {
        let [batch, height, width, channels] = images.shape().dims();
        let images = channels_first::<Self>(images);
        Self::float_reshape(images, Shape::new([batch, channels * height * width]))
    }

    /// The convolution of images, with ReLU if `relu`.
    fn convolution(
        images: FloatTensor<Self>,
        weights: FloatTensor<Self>,
        #[extension_type] bias: Optional<Self>,
        shape: Convolution,
        relu: bool,
    ) -> FloatTensor<Self> {
        let images = channels_first::<Self>(images);
        let weights = filters::<Self>(weights, &shape);
        let outputs = Self::conv2d(images, weights, bias.into_option(), options(&shape));
        let outputs = if relu { Self::relu(outputs) } else { outputs };
        Self::channels_last(outputs)
    }

    /// A dense layer's outputs `[batch, outputs]` for `[batch, inputs]`, with ReLU if `relu`.
    fn dense(
        inputs: FloatTensor<Self>,
        weights: FloatTensor<Self>,
        #[extension_type] bias: Optional<Self>,
        shape: Dense,
        relu: bool,
    ) -> FloatTensor<Self> {
        let weights = Self::float_reshape(weights, Shape::new([shape.outputs, shape.inputs]));
        let weights = Self::float_swap_dims(weights, 0, 1);
        let outputs = Self::linear(inputs, weights, bias.into_option());
        if relu { Self::relu(outputs) } else { outputs }
    }

    /// Batch norm by the batch's own statistics, and what goes with it. Also returns these: mean and biased variance
    /// per channel.
    fn normalize_train(
        values: FloatTensor<Self>,
        scale: FloatTensor<Self>,
        shift: FloatTensor<Self>,
        norm: Normalize,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>) {
        let values = if norm.relu_before { Self::relu(values) } else { values };
        let epsilon = f64::from(norm.epsilon);
        let normal = Self::batch_norm_train(channels_second::<Self>(values), scale, shift, epsilon);
        let outputs = channels_back::<Self>(normal.output);
        let outputs = if norm.relu_after { Self::relu(outputs) } else { outputs };
        let outputs = match norm.dropout {
            Some(dropout) => drop_some::<Self>(outputs, &dropout),
            None => outputs,
        };
        (outputs, normal.mean, normal.variance)
    }

    /// Batch norm by given statistics, and the ReLU that goes with it, but no dropout.
    fn normalize(
        values: FloatTensor<Self>,
        scale: FloatTensor<Self>,
        shift: FloatTensor<Self>,
        mean: FloatTensor<Self>,
        variance: FloatTensor<Self>,
        norm: Normalize,
    ) -> FloatTensor<Self> {
        let values = if norm.relu_before { Self::relu(values) } else { values };
        let (values, epsilon) = (channels_second::<Self>(values), f64::from(norm.epsilon));
        let outputs = Self::batch_norm(values, scale, shift, mean, variance, epsilon);
        let outputs = channels_back::<Self>(outputs);
        if norm.relu_after { Self::relu(outputs) } else { outputs }
    }

    /// Values with some of them dropped.
    fn dropout(values: FloatTensor<Self>, dropout: Dropout) -> FloatTensor<Self> {
        drop_some::<Self>(values, &dropout)
    }

    /// The sum of two tensors of one shape, and its ReLU.
    fn sum_relu(one: FloatTensor<Self>, other: FloatTensor<Self>) -> FloatTensor<Self> {
        Self::relu(Self::float_add(one, other))
    }

    /// The greatest of each square of `size` times `size` pixels.
    fn max_pool(images: FloatTensor<Self>, size: usize) -> FloatTensor<Self> {
        let (images, size) = (channels_first::<Self>(images), [size; 2]);
        Self::channels_last(Self::max_pool2d(images, size, size, [0; 2], [1; 2], false))
    }

    /// The mean of each square of `size` times `size` pixels.
    fn average_pool(images: FloatTensor<Self>, size: usize) -> FloatTensor<Self> {
        let (images, size) = (channels_first::<Self>(images), [size; 2]);
        Self::channels_last(Self::avg_pool2d(images, size, size, [0; 2], true, false))
    }

    /// The mean cross-entropy of logits `[batch, classes]`, and how many rows are greatest at their label, `[1]` each.
    /// Only the first has a gradient.
    fn cross_entropy(
        logits: FloatTensor<Self>,
        labels: Arc<[u8]>,
    ) -> (FloatTensor<Self>, FloatTensor<Self>) {
        let (device, dtype) = (logits.device(), logits.dtype());
        let settings = get_or_init_device_settings::<Self>(&device);
        let wanted: Vec<i32> = labels.iter().map(|&label| i32::from(label)).collect();
        let wanted =
            TensorData::new(wanted, [labels.len(), 1]).convert_dtype(settings.int_dtype.into());
        let wanted = Self::int_from_data(wanted, &device);
        let found = Self::float_argmax(logits.clone(), 1, settings.int_dtype);
        let hits = Self::int_equal(found, wanted.clone(), settings.bool_dtype);
        let correct = Self::float_sum(Self::bool_into_float(hits, dtype.into()));
        let likelihood = Self::float_gather(1, Self::log_softmax(logits, 1), wanted);
        (Self::float_neg(Self::float_mean(likelihood)), correct)
    }

    /// A parameter and the first and second moment of its gradient, both 0 at first, after a step of Adam. Where a mask
    /// is 0, the parameter becomes 0.
    fn adam(
        parameter: FloatTensor<Self>,
        gradient: FloatTensor<Self>,
        first: FloatTensor<Self>,
        second: FloatTensor<Self>,
        #[extension_type] mask: Optional<Self>,
        rule: Adam,
        update: Update,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>) {
        let Adam { beta1, beta2, epsilon } = rule;
        let gradient = penalized::<Self>(gradient, &parameter, update);
        let square = Self::float_mul(gradient.clone(), gradient.clone());
        let first = blend::<Self>(first, beta1, gradient, 1.0 - beta1);
        let second = blend::<Self>(second, beta2, square, 1.0 - beta2);
        let time = update.time.min(i32::MAX as u32) as i32;
        let correction = (1.0 - beta2.powi(time)).sqrt();
        let length = correction / (1.0 - beta1.powi(time));
        let above = Self::float_mul_scalar(first.clone(), length.into());
        let root = Self::float_sqrt(second.clone());
        let below = Self::float_add_scalar(root, (epsilon * correction).into());
        let parameter = descend::<Self>(parameter, Self::float_div(above, below), update, mask);
        (parameter, first, second)
    }

    /// A parameter and its velocity, 0 at first, after a step of gradient descent. Where a mask is 0, the parameter
    /// becomes 0.
    fn sgd(
        parameter: FloatTensor<Self>,
        gradient: FloatTensor<Self>,
        velocity: FloatTensor<Self>,
        #[extension_type] mask: Optional<Self>,
        rule: Sgd,
        update: Update,
    ) -> (FloatTensor<Self>, FloatTensor<Self>) {
        let gradient = penalized::<Self>(gradient, &parameter, update);
        let velocity = blend::<Self>(velocity, rule.momentum, gradient, 1.0);
        let parameter = descend::<Self>(parameter, velocity.clone(), update, mask);
        (parameter, velocity)
    }
}
