//! The operations composed of burn's own. They serve backends without kernels, and the tests
//! compare the kernels with them.

use std::sync::Arc;

use burn::backend::tensor::FloatTensor;
use burn::backend::{Backend, TensorMetadata, get_or_init_device_settings};
use burn::tensor::ops::ConvOptions;
use burn::tensor::{Shape, TensorData};

use super::{LayerGradients, Optional};
use crate::kernels::{Convolution, Dense, Dropout, Normalize};

pub(super) fn from_values<B: Backend>(
    beside: &FloatTensor<B>,
    values: Vec<f32>,
    shape: Shape,
) -> FloatTensor<B> {
    B::float_from_data(TensorData::new(values, shape), &beside.device())
}

pub(super) fn channels_last<B: Backend>(images: FloatTensor<B>) -> FloatTensor<B> {
    B::float_permute(images, &[0, 2, 3, 1])
}

pub(super) fn flatten<B: Backend>(images: FloatTensor<B>) -> FloatTensor<B> {
    let [batch, height, width, channels] = images.shape().dims();
    let images = channels_first::<B>(images);
    B::float_reshape(images, Shape::new([batch, channels * height * width]))
}

pub(super) fn convolution<B: Backend>(
    images: FloatTensor<B>,
    weights: FloatTensor<B>,
    bias: Optional<B>,
    shape: Convolution,
    relu: bool,
) -> FloatTensor<B> {
    let images = channels_first::<B>(images);
    let weights = filters::<B>(weights, &shape);
    let outputs = B::conv2d(images, weights, bias.into_option(), options(&shape));
    let outputs = if relu { B::relu(outputs) } else { outputs };
    channels_last::<B>(outputs)
}

pub(super) fn dense<B: Backend>(
    inputs: FloatTensor<B>,
    weights: FloatTensor<B>,
    bias: Optional<B>,
    shape: Dense,
    relu: bool,
) -> FloatTensor<B> {
    let weights = B::float_reshape(weights, Shape::new([shape.outputs, shape.inputs]));
    let weights = B::float_swap_dims(weights, 0, 1);
    let outputs = B::linear(inputs, weights, bias.into_option());
    if relu { B::relu(outputs) } else { outputs }
}

pub(super) fn normalize_train<B: Backend>(
    values: FloatTensor<B>,
    scale: FloatTensor<B>,
    shift: FloatTensor<B>,
    norm: Normalize,
) -> (FloatTensor<B>, FloatTensor<B>, FloatTensor<B>) {
    let values = if norm.relu_before { B::relu(values) } else { values };
    let epsilon = f64::from(norm.epsilon);
    let normal = B::batch_norm_train(channels_second::<B>(values), scale, shift, epsilon);
    let outputs = channels_back::<B>(normal.output);
    let outputs = if norm.relu_after { B::relu(outputs) } else { outputs };
    let outputs = match norm.dropout {
        Some(dropout) => apply_dropout::<B>(outputs, &dropout),
        None => outputs,
    };
    (outputs, normal.mean, normal.variance)
}

pub(super) fn normalize<B: Backend>(
    values: FloatTensor<B>,
    scale: FloatTensor<B>,
    shift: FloatTensor<B>,
    mean: FloatTensor<B>,
    variance: FloatTensor<B>,
    norm: Normalize,
) -> FloatTensor<B> {
    let values = if norm.relu_before { B::relu(values) } else { values };
    let (values, epsilon) = (channels_second::<B>(values), f64::from(norm.epsilon));
    let outputs = B::batch_norm(values, scale, shift, mean, variance, epsilon);
    let outputs = channels_back::<B>(outputs);
    if norm.relu_after { B::relu(outputs) } else { outputs }
}

pub(super) fn dropout<B: Backend>(values: FloatTensor<B>, dropout: Dropout) -> FloatTensor<B> {
    apply_dropout::<B>(values, &dropout)
}

pub(super) fn relu<B: Backend>(values: FloatTensor<B>) -> FloatTensor<B> {
    B::relu(values)
}

pub(super) fn sum<B: Backend>(
    one: FloatTensor<B>,
    other: FloatTensor<B>,
    relu: bool,
) -> FloatTensor<B> {
    let sum = B::float_add(one, other);
    if relu { B::relu(sum) } else { sum }
}

pub(super) fn max_pool<B: Backend>(images: FloatTensor<B>, size: usize) -> FloatTensor<B> {
    let (images, size) = (channels_first::<B>(images), [size; 2]);
    channels_last::<B>(B::max_pool2d(images, size, size, [0; 2], [1; 2], false))
}

pub(super) fn average_pool<B: Backend>(images: FloatTensor<B>, size: usize) -> FloatTensor<B> {
    let (images, size) = (channels_first::<B>(images), [size; 2]);
    channels_last::<B>(B::avg_pool2d(images, size, size, [0; 2], true, false))
}

pub(super) fn cross_entropy<B: Backend>(
    logits: FloatTensor<B>,
    labels: Arc<[u8]>,
) -> (FloatTensor<B>, FloatTensor<B>) {
    let (device, dtype) = (logits.device(), logits.dtype());
    let settings = get_or_init_device_settings::<B>(&device);
    let wanted: Vec<i32> = labels.iter().map(|&label| i32::from(label)).collect();
    let wanted =
        TensorData::new(wanted, [labels.len(), 1]).convert_dtype(settings.int_dtype.into());
    let wanted = B::int_from_data(wanted, &device);
    let found = B::float_argmax(logits.clone(), 1, settings.int_dtype);
    let hits = B::int_equal(found, wanted.clone(), settings.bool_dtype);
    let correct = B::float_sum(B::bool_into_float(hits, dtype.into()));
    let likelihood = B::float_gather(1, B::log_softmax(logits, 1), wanted);
    (B::float_neg(B::float_mean(likelihood)), correct)
}

pub(super) fn flatten_backward<B: Backend>(
    gradient: FloatTensor<B>,
    images: [usize; 4],
) -> FloatTensor<B> {
    let [batch, height, width, channels] = images;
    let shape = Shape::new([batch, channels, height, width]);
    B::float_permute(B::float_reshape(gradient, shape), &[0, 2, 3, 1])
}

pub(super) fn convolution_backward<B: Backend>(
    images: FloatTensor<B>,
    weights: FloatTensor<B>,
    outputs: Option<FloatTensor<B>>,
    gradient: FloatTensor<B>,
    shape: Convolution,
    wanted: [bool; 3],
) -> LayerGradients<B> {
    let gradient = channels_first::<B>(pre_activation_gradient::<B>(outputs, gradient));
    let (images, flat) = (channels_first::<B>(images), weights.shape());
    let (weights, options) = (filters::<B>(weights, &shape), options(&shape));
    let of_images = || {
        let (weights, gradient, options) = (weights.clone(), gradient.clone(), options.clone());
        let found = B::conv2d_x_backward(images.clone(), weights, gradient, options);
        channels_last::<B>(found)
    };
    let of_weights = || {
        let (images, gradient, options) = (images.clone(), gradient.clone(), options.clone());
        let found = B::conv2d_weight_backward(images, weights.clone(), gradient, options);
        B::float_reshape(found, flat)
    };
    let of_bias = || {
        let filters = shape.filters;
        let planes = B::float_swap_dims(gradient.clone(), 0, 1);
        let pixels = planes.shape().num_elements() / filters.max(1);
        sums::<B>(B::float_reshape(planes, Shape::new([filters, pixels])), 1)
    };
    let [images, weights, bias] = wanted;
    [images.then(of_images), weights.then(of_weights), bias.then(of_bias)]
}

pub(super) fn dense_backward<B: Backend>(
    inputs: FloatTensor<B>,
    weights: FloatTensor<B>,
    outputs: Option<FloatTensor<B>>,
    gradient: FloatTensor<B>,
    shape: Dense,
    wanted: [bool; 3],
) -> LayerGradients<B> {
    let gradient = pre_activation_gradient::<B>(outputs, gradient);
    let flat = weights.shape();
    let of_inputs = || {
        let shape = Shape::new([shape.outputs, shape.inputs]);
        B::float_matmul(gradient.clone(), B::float_reshape(weights, shape))
    };
    let of_weights = || {
        let transposed = B::float_swap_dims(gradient.clone(), 0, 1);
        B::float_reshape(B::float_matmul(transposed, inputs), flat)
    };
    let of_bias = || sums::<B>(gradient.clone(), 0);
    let [inputs, weights, bias] = wanted;
    [inputs.then(of_inputs), weights.then(of_weights), bias.then(of_bias)]
}

pub(super) fn normalize_backward<B: Backend>(
    values: FloatTensor<B>,
    [scale, shift]: [FloatTensor<B>; 2],
    [mean, variance]: [FloatTensor<B>; 2],
    gradient: FloatTensor<B>,
    norm: Normalize,
) -> [FloatTensor<B>; 3] {
    let gradient = match norm.dropout {
        Some(dropout) => apply_dropout::<B>(gradient, &dropout),
        None => gradient,
    };
    let values = if norm.relu_before { B::relu(values) } else { values };
    let (before, epsilon) = (channels_second::<B>(values), f64::from(norm.epsilon));
    let mut gradient = channels_second::<B>(gradient);
    if norm.relu_after {
        let (scale, mean, variance) = (scale.clone(), mean.clone(), variance.clone());
        let normal = B::batch_norm(before.clone(), scale, shift, mean, variance, epsilon);
        gradient = B::relu_backward(B::relu(normal), gradient);
    }
    let found =
        B::batch_norm_train_backward(before.clone(), scale, mean, variance, epsilon, gradient);
    let of_values = pre_activation_gradient::<B>(norm.relu_before.then_some(before), found.x_grad);
    [channels_back::<B>(of_values), found.gamma_grad, found.beta_grad]
}

pub(super) fn dropout_backward<B: Backend>(
    gradient: FloatTensor<B>,
    dropout: Dropout,
) -> FloatTensor<B> {
    apply_dropout::<B>(gradient, &dropout)
}

pub(super) fn relu_gradient<B: Backend>(
    outputs: FloatTensor<B>,
    gradient: FloatTensor<B>,
) -> FloatTensor<B> {
    B::relu_backward(outputs, gradient)
}

pub(super) fn max_pool_backward<B: Backend>(
    images: FloatTensor<B>,
    gradient: FloatTensor<B>,
    size: usize,
) -> FloatTensor<B> {
    let dtype = get_or_init_device_settings::<B>(&images.device()).int_dtype;
    let (images, gradient) = (channels_first::<B>(images), channels_first::<B>(gradient));
    let (size, no, one) = ([size; 2], [0; 2], [1; 2]);
    let pooled = B::max_pool2d_with_indices(images.clone(), size, size, no, one, false, dtype);
    let found = B::max_pool2d_with_indices_backward(
        images,
        size,
        size,
        no,
        one,
        false,
        gradient,
        pooled.indices,
    );
    channels_last::<B>(found.x_grad)
}

pub(super) fn average_pool_backward<B: Backend>(
    images: FloatTensor<B>,
    gradient: FloatTensor<B>,
    size: usize,
) -> FloatTensor<B> {
    let (images, gradient) = (channels_first::<B>(images), channels_first::<B>(gradient));
    let size = [size; 2];
    let found = B::avg_pool2d_backward(images, gradient, size, size, [0; 2], true, false);
    channels_last::<B>(found)
}

pub(super) fn cross_entropy_with_gradient<B: Backend>(
    logits: FloatTensor<B>,
    labels: Arc<[u8]>,
) -> (FloatTensor<B>, FloatTensor<B>, FloatTensor<B>) {
    let [batch, classes] = logits.shape().dims();
    let mut wanted = vec![0.0f32; batch * classes];
    for (row, &label) in wanted.chunks_exact_mut(classes).zip(labels.iter()) {
        row[usize::from(label)] = 1.0;
    }
    let wanted = TensorData::new(wanted, [batch, classes]);
    let wanted = B::float_from_data(wanted, &logits.device());
    let apart = B::float_sub(B::softmax(logits.clone(), 1), wanted);
    let gradient = B::float_div_scalar(apart, (batch as f64).into());
    let (loss, correct) = cross_entropy::<B>(logits, labels);
    (loss, correct, gradient)
}

/// Permutes images to `[batch, channels, height, width]`, as burn's operations expect them.
fn channels_first<B: Backend>(images: FloatTensor<B>) -> FloatTensor<B> {
    B::float_permute(images, &[0, 3, 1, 2])
}

/// Moves the channels of images or rows to the second axis.
fn channels_second<B: Backend>(values: FloatTensor<B>) -> FloatTensor<B> {
    if values.rank() == 4 { channels_first::<B>(values) } else { values }
}

/// Undoes [`channels_second`].
fn channels_back<B: Backend>(values: FloatTensor<B>) -> FloatTensor<B> {
    if values.rank() == 4 { B::float_permute(values, &[0, 2, 3, 1]) } else { values }
}

/// Reshapes flat weights to `[filters, channels, kernel height, kernel width]`.
fn filters<B: Backend>(weights: FloatTensor<B>, shape: &Convolution) -> FloatTensor<B> {
    let ([.., channels], [height, width]) = (shape.input, shape.kernel);
    B::float_reshape(weights, Shape::new([shape.filters, channels, height, width]))
}

/// The parameters of a convolution in burn's terms.
fn options(shape: &Convolution) -> ConvOptions<2> {
    ConvOptions::new_with_padding([shape.stride; 2], shape.padding, [1; 2], 1)
}

/// Multiplies values by the factors of a dropout.
fn apply_dropout<B: Backend>(values: FloatTensor<B>, dropout: &Dropout) -> FloatTensor<B> {
    let shape = values.shape();
    let factors = TensorData::new(dropout.factors(shape.num_elements()), shape);
    let factors = B::float_from_data(factors, &values.device());
    B::float_mul(values, factors)
}

/// Gradient before a ReLU that produced `outputs`; without a ReLU, the gradient itself.
fn pre_activation_gradient<B: Backend>(
    outputs: Option<FloatTensor<B>>,
    gradient: FloatTensor<B>,
) -> FloatTensor<B> {
    match outputs {
        Some(outputs) => B::relu_backward(outputs, gradient),
        None => gradient,
    }
}

/// Sums a matrix along an axis, to a vector.
fn sums<B: Backend>(matrix: FloatTensor<B>, axis: usize) -> FloatTensor<B> {
    let sums = B::float_sum_dim(matrix, axis);
    let length = sums.shape().num_elements();
    B::float_reshape(sums, Shape::new([length]))
}
