//! The gradients of [`Operations`](super::Operations), composed of burn's own operations.

use std::sync::Arc;

use burn::backend::tensor::FloatTensor;
use burn::backend::{Backend, TensorMetadata};
use burn::tensor::{Shape, TensorData};

use super::Operations;
use super::composed::{
    channels_back, channels_first, channels_second, drop_some, filters, options,
};
use crate::kernels::{Convolution, Dense, Dropout, Normalize};

/// Gradients of inputs, weights and bias; none of those that nobody wants.
pub type Weighted<B> = [Option<FloatTensor<B>>; 3];

/// How to go back through a network. `gradient` is that of the outputs, `outputs` what the operation computed.
pub trait Gradients: Operations {
    /// Of [`Operations::flatten`], for images of this shape.
    fn flatten_backward(gradient: FloatTensor<Self>, images: [usize; 4]) -> FloatTensor<Self> {
        let [batch, height, width, channels] = images;
        let shape = Shape::new([batch, channels, height, width]);
        Self::float_permute(Self::float_reshape(gradient, shape), &[0, 2, 3, 1])
    }

    /// Of [`Operations::convolution`]; its outputs are there if it had a ReLU. `wanted` as in [`Weighted`].
    fn convolution_backward(
        images: FloatTensor<Self>,
        weights: FloatTensor<Self>,
        outputs: Option<FloatTensor<Self>>,
        gradient: FloatTensor<Self>,
        shape: Convolution,
        wanted: [bool; 3],
    ) -> Weighted<Self> {
        let gradient = channels_first::<Self>(gate::<Self>(outputs, gradient));
        let (images, flat) = (channels_first::<Self>(images), weights.shape());
        let (weights, options) = (filters::<Self>(weights, &shape), options(&shape));
        let of_images = || {
            let (weights, gradient, options) = (weights.clone(), gradient.clone(), options.clone());
            let found = Self::conv2d_x_backward(images.clone(), weights, gradient, options);
            Self::channels_last(found)
        };
        let of_weights = || {
            let (images, gradient, options) = (images.clone(), gradient.clone(), options.clone());
            let found = Self::conv2d_weight_backward(images, weights.clone(), gradient, options);
            Self::float_reshape(found, flat)
        };
        let of_bias = || {
            let filters = shape.filters;
            let planes = Self::float_swap_dims(gradient.clone(), 0, 1);
            let pixels = planes.shape().num_elements() / filters.max(1);
            sums::<Self>(Self::float_reshape(planes, Shape::new([filters, pixels])), 1)
        };
        let [images, weights, bias] = wanted;
        [images.then(of_images), weights.then(of_weights), bias.then(of_bias)]
    }

    /// Of [`Operations::dense`], as [`Gradients::convolution_backward`].
    fn dense_backward(
        inputs: FloatTensor<Self>,
        weights: FloatTensor<Self>,
        outputs: Option<FloatTensor<Self>>,
        gradient: FloatTensor<Self>,
        shape: Dense,
        wanted: [bool; 3],
    ) -> Weighted<Self> {
        let gradient = gate::<Self>(outputs, gradient);
        let flat = weights.shape();
        let of_inputs = || {
            let shape = Shape::new([shape.outputs, shape.inputs]);
            Self::float_matmul(gradient.clone(), Self::float_reshape(weights, shape))
        };
        let of_weights = || {
            let transposed = Self::float_swap_dims(gradient.clone(), 0, 1);
            Self::float_reshape(Self::float_matmul(transposed, inputs), flat)
        };
        let of_bias = || sums::<Self>(gradient.clone(), 0);
        let [inputs, weights, bias] = wanted;
        [inputs.then(of_inputs), weights.then(of_weights), bias.then(of_bias)]
    }

    /// Of [`Operations::normalize_train`] with respect to values, scale and shift.
    fn normalize_backward(
        values: FloatTensor<Self>,
        [scale, shift]: [FloatTensor<Self>; 2],
        [mean, variance]: [FloatTensor<Self>; 2],
        gradient: FloatTensor<Self>,
        norm: Normalize,
    ) -> [FloatTensor<Self>; 3] {
        let gradient = match norm.dropout {
            Some(dropout) => drop_some::<Self>(gradient, &dropout),
            None => gradient,
        };
        let values = if norm.relu_before { Self::relu(values) } else { values };
        let (before, epsilon) = (channels_second::<Self>(values), f64::from(norm.epsilon));
        let mut gradient = channels_second::<Self>(gradient);
        if norm.relu_after {
            let (scale, mean, variance) = (scale.clone(), mean.clone(), variance.clone());
            let normal = Self::batch_norm(before.clone(), scale, shift, mean, variance, epsilon);
            gradient = Self::relu_backward(Self::relu(normal), gradient);
        }
        let found = Self::batch_norm_train_backward(
            before.clone(),
            scale,
            mean,
            variance,
            epsilon,
            gradient,
        );
        let of_values = gate::<Self>(norm.relu_before.then_some(before), found.x_grad);
        [channels_back::<Self>(of_values), found.gamma_grad, found.beta_grad]
    }

    /// Of [`Operations::dropout`].
    fn dropout_backward(gradient: FloatTensor<Self>, dropout: Dropout) -> FloatTensor<Self> {
        drop_some::<Self>(gradient, &dropout)
    }

    /// Of [`Operations::sum_relu`] with respect to either summand.
    fn sum_relu_backward(
        outputs: FloatTensor<Self>,
        gradient: FloatTensor<Self>,
    ) -> FloatTensor<Self> {
        Self::relu_backward(outputs, gradient)
    }

    /// Of [`Operations::max_pool`].
    fn max_pool_backward(
        images: FloatTensor<Self>,
        gradient: FloatTensor<Self>,
        size: usize,
    ) -> FloatTensor<Self> {
        let dtype = burn::backend::get_or_init_device_settings::<Self>(&images.device()).int_dtype;
        let (images, gradient) = (channels_first::<Self>(images), channels_first::<Self>(gradient));
        let (size, no, one) = ([size; 2], [0; 2], [1; 2]);
        let pooled =
            Self::max_pool2d_with_indices(images.clone(), size, size, no, one, false, dtype);
        let found = Self::max_pool2d_with_indices_backward(
            images,
            size,
            size,
            no,
            one,
            false,
            gradient,
            pooled.indices,
        );
        Self::channels_last(found.x_grad)
    }

    /// Of [`Operations::average_pool`], for images of this shape.
    fn average_pool_backward(
        images: FloatTensor<Self>,
        gradient: FloatTensor<Self>,
        size: usize,
    ) -> FloatTensor<Self> {
        let (images, gradient) = (channels_first::<Self>(images), channels_first::<Self>(gradient));
        let size = [size; 2];
        let found = Self::avg_pool2d_backward(images, gradient, size, size, [0; 2], true, false);
        Self::channels_last(found)
    }

    /// [`Operations::cross_entropy`], and the gradient of the logits.
    fn cross_entropy_with_gradient(
        logits: FloatTensor<Self>,
        labels: Arc<[u8]>,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>) {
        let [batch, classes] = logits.shape().dims();
        let mut wanted = vec![0.0f32; batch * classes];
        for (row, &label) in wanted.chunks_exact_mut(classes).zip(labels.iter()) {
            row[usize::from(label)] = 1.0;
        }
        let wanted = TensorData::new(wanted, [batch, classes]);
        let wanted = Self::float_from_data(wanted, &logits.device());
        let apart = Self::float_sub(Self::softmax(logits.clone(), 1), wanted);
        let gradient = Self::float_div_scalar(apart, (batch as f64).into());
        let (loss, correct) = Self::cross_entropy(logits, labels);
        (loss, correct, gradient)
    }
}

/// The gradient before a ReLU that gave these outputs, if there was one.
fn gate<B: Backend>(outputs: Option<FloatTensor<B>>, gradient: FloatTensor<B>) -> FloatTensor<B> {
    match outputs {
        Some(outputs) => B::relu_backward(outputs, gradient),
        None => gradient,
    }
}

/// The sums along an axis of a matrix, as one axis.
fn sums<B: Backend>(matrix: FloatTensor<B>, axis: usize) -> FloatTensor<B> {
    let sums = B::float_sum_dim(matrix, axis);
    let length = sums.shape().num_elements();
    B::float_reshape(sums, Shape::new([length]))
}
