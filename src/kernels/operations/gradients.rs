//! Backward passes of the operations.

use std::sync::Arc;

use burn::backend::tensor::FloatTensor;

use super::{LayerGradients, Operations, composed};
use crate::kernels::{Convolution, Dense, Dropout, Normalize};

/// Backward passes of [`Operations`]. In each, `gradient` is the gradient of the operation's
/// outputs and `outputs` are the outputs themselves.
pub trait Gradients: Operations {
    /// Backward pass of [`Operations::flatten`], to images of the given shape.
    fn flatten_backward(gradient: FloatTensor<Self>, images: [usize; 4]) -> FloatTensor<Self> {
        composed::flatten_backward::<Self>(gradient, images)
    }

    /// Backward pass of [`Operations::convolution`]. `outputs` is given if the convolution had a
    /// ReLU. `wanted` requests the gradients of images, weights and bias; others may be `None`.
    fn convolution_backward(
        images: FloatTensor<Self>,
        weights: FloatTensor<Self>,
        outputs: Option<FloatTensor<Self>>,
        gradient: FloatTensor<Self>,
        shape: Convolution,
        wanted: [bool; 3],
    ) -> LayerGradients<Self> {
        composed::convolution_backward::<Self>(images, weights, outputs, gradient, shape, wanted)
    }

    /// Backward pass of [`Operations::dense`], with arguments as in
    /// [`Gradients::convolution_backward`].
    fn dense_backward(
        inputs: FloatTensor<Self>,
        weights: FloatTensor<Self>,
        outputs: Option<FloatTensor<Self>>,
        gradient: FloatTensor<Self>,
        shape: Dense,
        wanted: [bool; 3],
    ) -> LayerGradients<Self> {
        composed::dense_backward::<Self>(inputs, weights, outputs, gradient, shape, wanted)
    }

    /// Backward pass of [`Operations::normalize_train`]: the gradients of values, scale and shift.
    /// `affine` are scale and shift, `moments` the mean and variance that the forward pass
    /// returned.
    fn normalize_backward(
        values: FloatTensor<Self>,
        affine: [FloatTensor<Self>; 2],
        moments: [FloatTensor<Self>; 2],
        gradient: FloatTensor<Self>,
        norm: Normalize,
    ) -> [FloatTensor<Self>; 3] {
        composed::normalize_backward::<Self>(values, affine, moments, gradient, norm)
    }

    /// Backward pass of [`Operations::dropout`].
    fn dropout_backward(gradient: FloatTensor<Self>, dropout: Dropout) -> FloatTensor<Self> {
        composed::dropout_backward::<Self>(gradient, dropout)
    }

    /// Backward pass of a ReLU, given its outputs.
    fn relu_gradient(outputs: FloatTensor<Self>, gradient: FloatTensor<Self>) -> FloatTensor<Self> {
        composed::relu_gradient::<Self>(outputs, gradient)
    }

    /// Backward pass of [`Operations::max_pool`].
    fn max_pool_backward(
        images: FloatTensor<Self>,
        gradient: FloatTensor<Self>,
        size: usize,
    ) -> FloatTensor<Self> {
        composed::max_pool_backward::<Self>(images, gradient, size)
    }

    /// Backward pass of [`Operations::average_pool`]. `images` gives the shape.
    fn average_pool_backward(
        images: FloatTensor<Self>,
        gradient: FloatTensor<Self>,
        size: usize,
    ) -> FloatTensor<Self> {
        composed::average_pool_backward::<Self>(images, gradient, size)
    }

    /// [`Operations::cross_entropy`] and, third, the gradient of the logits.
    fn cross_entropy_with_gradient(
        logits: FloatTensor<Self>,
        labels: Arc<[u8]>,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>) {
        composed::cross_entropy_with_gradient::<Self>(logits, labels)
    }
}
