//! How to go back through the operations.

use std::sync::Arc;

use burn::backend::tensor::FloatTensor;

use super::{Operations, composed};
use crate::kernels::{Convolution, Dense, Dropout, Normalize};

/// Gradients of inputs, weights and bias; none of those that nobody wants.
pub type Weighted<B> = [Option<FloatTensor<B>>; 3];

/// How to go back through a network. `gradient` is that of the outputs, `outputs` what the operation computed.
pub trait Gradients: Operations {
    /// Of [`Operations::flatten`], for images of this shape.
    fn flatten_backward(gradient: FloatTensor<Self>, images: [usize; 4]) -> FloatTensor<Self> {
        composed::flatten_backward::<Self>(gradient, images)
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
        composed::convolution_backward::<Self>(images, weights, outputs, gradient, shape, wanted)
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
        composed::dense_backward::<Self>(inputs, weights, outputs, gradient, shape, wanted)
    }

    /// Of [`Operations::normalize_train`] with respect to values, scale and shift.
    fn normalize_backward(
        values: FloatTensor<Self>,
        lines: [FloatTensor<Self>; 2],
        moments: [FloatTensor<Self>; 2],
        gradient: FloatTensor<Self>,
        norm: Normalize,
    ) -> [FloatTensor<Self>; 3] {
        composed::normalize_backward::<Self>(values, lines, moments, gradient, norm)
    }

    /// Of [`Operations::dropout`].
    fn dropout_backward(gradient: FloatTensor<Self>, dropout: Dropout) -> FloatTensor<Self> {
        composed::dropout_backward::<Self>(gradient, dropout)
    }

    /// Of a ReLU that gave these outputs.
    fn gate(outputs: FloatTensor<Self>, gradient: FloatTensor<Self>) -> FloatTensor<Self> {
        composed::relu_backward::<Self>(outputs, gradient)
    }

    /// Of [`Operations::max_pool`].
    fn max_pool_backward(
        images: FloatTensor<Self>,
        gradient: FloatTensor<Self>,
        size: usize,
    ) -> FloatTensor<Self> {
        composed::max_pool_backward::<Self>(images, gradient, size)
    }

    /// Of [`Operations::average_pool`], for images of this shape.
    fn average_pool_backward(
        images: FloatTensor<Self>,
        gradient: FloatTensor<Self>,
        size: usize,
    ) -> FloatTensor<Self> {
        composed::average_pool_backward::<Self>(images, gradient, size)
    }

    /// [`Operations::cross_entropy`], and the gradient of the logits.
    fn cross_entropy_with_gradient(
        logits: FloatTensor<Self>,
        labels: Arc<[u8]>,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>) {
        composed::cross_entropy_with_gradient::<Self>(logits, labels)
    }
}
