//! The operations on tensors of any device.

use std::sync::Arc;

use burn::backend::Dispatch;
use burn::tensor::{Device, Shape, Tensor};

use super::{MomentTensors, Operations, Optional};
use crate::kernels::{Convolution, Dense, Dropout, Normalize, Rule, Update};

fn optional(tensor: Option<Tensor<1>>) -> Optional<Dispatch> {
    match tensor {
        Some(tensor) => Optional::Some(tensor.into_dispatch()),
        None => Optional::None,
    }
}

/// Creates a tensor from `values` in row-major order. On backends whose tensors lie in this
/// process's memory, the vector itself becomes the tensor's memory: nothing is copied or read.
///
/// # Panics
/// If the number of values is not that of the shape.
pub fn tensor<const D: usize>(values: Vec<f32>, shape: [usize; D], device: &Device) -> Tensor<D> {
    assert_eq!(
        values.len(),
        shape.iter().product::<usize>(),
        "the number of values is that of the shape"
    );
    let beside = Tensor::<1>::empty([0], device).into_dispatch();
    Tensor::from_dispatch(Dispatch::from_values(beside, values, Shape::new(shape)))
}

/// Permutes images `[batch, channels, height, width]` to `[batch, height, width, channels]`.
pub(crate) fn channels_last(images: Tensor<4>) -> Tensor<4> {
    Tensor::from_dispatch(Dispatch::channels_last(images.into_dispatch()))
}

/// Flattens images `[batch, height, width, channels]` to `[batch, channels * height * width]`, in
/// this order of axes.
pub fn flatten(images: Tensor<4>) -> Tensor<2> {
    Tensor::from_dispatch(<Dispatch as Operations>::flatten(images.into_dispatch()))
}

/// Convolves images with flat weights, adds the bias and, if `relu`, applies ReLU.
pub fn convolution(
    images: Tensor<4>,
    weights: Tensor<1>,
    bias: Option<Tensor<1>>,
    shape: Convolution,
    relu: bool,
) -> Tensor<4> {
    let (images, weights) = (images.into_dispatch(), weights.into_dispatch());
    Tensor::from_dispatch(Dispatch::convolution(images, weights, optional(bias), shape, relu))
}

/// Packs the flat weights of a convolution for evaluating many batches of images of this size.
pub(crate) fn pack(weights: Tensor<1>, shape: Convolution) -> Tensor<1> {
    Tensor::from_dispatch(Dispatch::pack(weights.into_dispatch(), shape))
}

/// [`convolution`] with weights that were [packed](pack). It has no gradient.
pub(crate) fn convolution_packed(
    images: Tensor<4>,
    packed: Tensor<1>,
    bias: Option<Tensor<1>>,
    shape: Convolution,
    relu: bool,
) -> Tensor<4> {
    let (images, packed) = (images.into_dispatch(), packed.into_dispatch());
    Tensor::from_dispatch(Dispatch::convolution_packed(images, packed, optional(bias), shape, relu))
}

/// Dense layer with flat weights: `[batch, inputs]` to `[batch, outputs]`, with ReLU if `relu`.
pub fn dense(
    inputs: Tensor<2>,
    weights: Tensor<1>,
    bias: Option<Tensor<1>>,
    shape: Dense,
    relu: bool,
) -> Tensor<2> {
    let (inputs, weights) = (inputs.into_dispatch(), weights.into_dispatch());
    Tensor::from_dispatch(Dispatch::dense(inputs, weights, optional(bias), shape, relu))
}

/// Batch normalization over the last axis with the statistics of the batch, including the ReLUs and
/// the dropout of `norm`. Also returns mean and biased variance, `[channels]` each.
pub(crate) fn normalize_train<const D: usize>(
    values: Tensor<D>,
    scale: Tensor<1>,
    shift: Tensor<1>,
    norm: Normalize,
) -> (Tensor<D>, Tensor<1>, Tensor<1>) {
    let (values, scale, shift) =
        (values.into_dispatch(), scale.into_dispatch(), shift.into_dispatch());
    let (outputs, mean, variance) = Dispatch::normalize_train(values, scale, shift, norm);
    let [mean, variance] = [mean, variance].map(Tensor::from_dispatch);
    (Tensor::from_dispatch(outputs), mean, variance)
}

/// Batch normalization with given mean and variance, including the ReLUs of `norm` but not its
/// dropout.
pub fn normalize<const D: usize>(
    values: Tensor<D>,
    scale: Tensor<1>,
    shift: Tensor<1>,
    [mean, variance]: [Tensor<1>; 2],
    norm: Normalize,
) -> Tensor<D> {
    Tensor::from_dispatch(Dispatch::normalize(
        values.into_dispatch(),
        scale.into_dispatch(),
        shift.into_dispatch(),
        mean.into_dispatch(),
        variance.into_dispatch(),
        norm,
    ))
}

/// Applies dropout.
pub fn dropout<const D: usize>(values: Tensor<D>, dropout: Dropout) -> Tensor<D> {
    Tensor::from_dispatch(Dispatch::dropout(values.into_dispatch(), dropout))
}

/// Computes max(x, 0) elementwise.
pub fn relu<const D: usize>(values: Tensor<D>) -> Tensor<D> {
    Tensor::from_dispatch(<Dispatch as Operations>::relu(values.into_dispatch()))
}

/// Splits one tensor into two branches of a network. Both must reach the loss: the gradient is
/// passed on once it has arrived from both.
pub(crate) fn fork<const D: usize>(values: Tensor<D>) -> (Tensor<D>, Tensor<D>) {
    let (one, other) = Dispatch::fork(values.into_dispatch());
    (Tensor::from_dispatch(one), Tensor::from_dispatch(other))
}

/// Adds two tensors, then applies ReLU if `relu`.
pub fn sum<const D: usize>(one: Tensor<D>, other: Tensor<D>, relu: bool) -> Tensor<D> {
    Tensor::from_dispatch(<Dispatch as Operations>::sum(
        one.into_dispatch(),
        other.into_dispatch(),
        relu,
    ))
}

/// Max pooling over squares of `size` by `size` pixels that do not overlap.
pub(crate) fn max_pool(images: Tensor<4>, size: usize) -> Tensor<4> {
    Tensor::from_dispatch(Dispatch::max_pool(images.into_dispatch(), size))
}

/// Average pooling over squares of `size` by `size` pixels that do not overlap.
pub(crate) fn average_pool(images: Tensor<4>, size: usize) -> Tensor<4> {
    Tensor::from_dispatch(Dispatch::average_pool(images.into_dispatch(), size))
}

/// Returns the mean cross-entropy of logits `[batch, classes]` and the number of rows whose
/// greatest logit is at their label. Only the first has a gradient.
pub fn cross_entropy(logits: Tensor<2>, labels: Arc<[u8]>) -> (Tensor<1>, Tensor<1>) {
    let (loss, correct) = Dispatch::cross_entropy(logits.into_dispatch(), labels);
    (Tensor::from_dispatch(loss), Tensor::from_dispatch(correct))
}

/// Updates a parameter and its moments by one step of a rule: by the backend's own operation if it
/// has one, or else composed of tensor operations. Where the mask is 0, the parameter becomes 0.
pub(crate) fn optimize(
    rule: &Arc<dyn Rule>,
    update: Update,
    [parameter, gradient]: [Tensor<1>; 2],
    mut moments: Vec<Tensor<1>>,
    mask: Option<Tensor<1>>,
) -> (Tensor<1>, Vec<Tensor<1>>) {
    let parameter = parameter.into_dispatch();
    if !Dispatch::fuses(&parameter, rule.clone()) {
        let parameter = Tensor::from_dispatch(parameter);
        let stepped = rule.compose(update, parameter, gradient, &mut moments);
        return (mask.into_iter().fold(stepped, |stepped, mask| stepped * mask), moments);
    }
    let gradient = gradient.into_dispatch();
    let moments = MomentTensors(moments.into_iter().map(Tensor::into_dispatch).collect());
    let (parameter, moments) =
        Dispatch::optimize(parameter, gradient, moments, optional(mask), rule.clone(), update);
    (Tensor::from_dispatch(parameter), moments.into_iter().map(Tensor::from_dispatch).collect())
}
