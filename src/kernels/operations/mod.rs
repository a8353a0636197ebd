//! The kernels as operations on burn's tensors, each with a gradient of its own.
//!
//! [`Operations`] says what there is to compute, and `Gradients` how to go back. By default they are composed of
//! burn's own operations (`composed`), which serves every backend; those whose tensors lie in this process's memory run
//! the kernels instead (`host`). Autodiff records one step for each operation (`autodiff`). The functions at the end of
//! this list call all this on tensors of whatever device.
//!
//! Images are `[batch, height, width, channels]` here, and so are their gradients. Weights are flat, as parameters are
//! kept.
#![expect(deprecated, reason = "ndarray and tch are kept for as long as burn has them")]

mod autodiff;
mod composed;
mod gradients;
mod host;
mod memory;
mod moments;
mod tensors;
#[cfg(test)]
mod tests;
#[cfg(feature = "tch")]
mod torch;

use std::sync::Arc;

use burn::backend::tensor::FloatTensor;
use burn::backend::{Backend, ExtensionType, backend_extension};
use burn::tensor::Shape;

use super::{Convolution, Dense, Dropout, Normalize, Rule, Update};

pub use moments::MomentTensors;
pub use tensors::{
    average_pool, channels_last, convolution, convolution_packed, cross_entropy, dense, dropout,
    flatten, fork, max_pool, normalize, normalize_train, optimize, pack, relu, sum, tensor,
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

/// What a network computes, on a backend.
#[backend_extension(
    Autodiff,
    Flex,
    NdArray,
    LibTorch: cfg(feature = "tch"),
    Cube: cfg(any(feature = "wgpu", feature = "cuda"))
)]
pub trait Operations: Backend {
    /// A tensor of these numbers, on the device of another one.
    fn holding(beside: FloatTensor<Self>, values: Vec<f32>, shape: Shape) -> FloatTensor<Self> {
        composed::holding::<Self>(&beside, values, shape)
    }

    /// Images `[batch, channels, height, width]` as `[batch, height, width, channels]`.
    fn channels_last(images: FloatTensor<Self>) -> FloatTensor<Self> {
        composed::channels_last::<Self>(images)
    }

    /// Images as `[batch, channels * height * width]`, in this order.
    fn flatten(images: FloatTensor<Self>) -> FloatTensor<Self> {
        composed::flatten::<Self>(images)
    }

    /// The convolution of images, with ReLU if `relu`.
    fn convolution(
        images: FloatTensor<Self>,
        weights: FloatTensor<Self>,
        #[extension_type] bias: Optional<Self>,
        shape: Convolution,
        relu: bool,
    ) -> FloatTensor<Self> {
        composed::convolution::<Self>(images, weights, bias, shape, relu)
    }

    /// Weights of a convolution, made ready for evaluating many batches by [`Operations::convolution_packed`].
    fn pack(weights: FloatTensor<Self>, shape: Convolution) -> FloatTensor<Self> {
        let _ = shape;
        weights
    }

    /// The convolution of images, with ReLU if `relu`, by weights that are [packed](Operations::pack).
    fn convolution_packed(
        images: FloatTensor<Self>,
        packed: FloatTensor<Self>,
        #[extension_type] bias: Optional<Self>,
        shape: Convolution,
        relu: bool,
    ) -> FloatTensor<Self> {
        Self::convolution(images, packed, bias, shape, relu)
    }

    /// A dense layer's outputs `[batch, outputs]` for `[batch, inputs]`, with ReLU if `relu`.
    fn dense(
        inputs: FloatTensor<Self>,
        weights: FloatTensor<Self>,
        #[extension_type] bias: Optional<Self>,
        shape: Dense,
        relu: bool,
    ) -> FloatTensor<Self> {
        composed::dense::<Self>(inputs, weights, bias, shape, relu)
    }

    /// Batch norm by the batch's own statistics, and what goes with it. Also returns these: mean and biased variance
    /// per channel.
    fn normalize_train(
        values: FloatTensor<Self>,
        scale: FloatTensor<Self>,
        shift: FloatTensor<Self>,
        norm: Normalize,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>) {
        composed::normalize_train::<Self>(values, scale, shift, norm)
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
        composed::normalize::<Self>(values, scale, shift, mean, variance, norm)
    }

    /// Values with some of them dropped.
    fn dropout(values: FloatTensor<Self>, dropout: Dropout) -> FloatTensor<Self> {
        composed::dropout::<Self>(values, dropout)
    }

    /// max(x, 0) of all values.
    fn relu(values: FloatTensor<Self>) -> FloatTensor<Self> {
        composed::relu::<Self>(values)
    }

    /// Values for two ways through a network, whose gradients are added up once, where the ways part.
    fn fork(values: FloatTensor<Self>) -> (FloatTensor<Self>, FloatTensor<Self>) {
        (values.clone(), values)
    }

    /// The sum of two tensors of one shape, and its ReLU if `relu`.
    fn sum(one: FloatTensor<Self>, other: FloatTensor<Self>, relu: bool) -> FloatTensor<Self> {
        composed::sum::<Self>(one, other, relu)
    }

    /// The greatest of each square of `size` times `size` pixels.
    fn max_pool(images: FloatTensor<Self>, size: usize) -> FloatTensor<Self> {
        composed::max_pool::<Self>(images, size)
    }

    /// The mean of each square of `size` times `size` pixels.
    fn average_pool(images: FloatTensor<Self>, size: usize) -> FloatTensor<Self> {
        composed::average_pool::<Self>(images, size)
    }

    /// The mean cross-entropy of logits `[batch, classes]`, and how many rows are greatest at their label, `[1]` each.
    /// Only the first has a gradient.
    fn cross_entropy(
        logits: FloatTensor<Self>,
        labels: Arc<[u8]>,
    ) -> (FloatTensor<Self>, FloatTensor<Self>) {
        composed::cross_entropy::<Self>(logits, labels)
    }

    /// Whether this backend has [`Operations::optimize`] for a rule. If not, the rule is composed
    /// of tensor operations.
    fn fuses(parameter: &FloatTensor<Self>, rule: Arc<dyn Rule>) -> bool {
        let _ = (parameter, rule);
        false
    }

    /// A parameter and its moments after one step of a rule that this backend [`fuses`]. Where the
    /// mask is 0, the parameter becomes 0.
    ///
    /// [`fuses`]: Operations::fuses
    fn optimize(
        parameter: FloatTensor<Self>,
        gradient: FloatTensor<Self>,
        #[extension_type] moments: MomentTensors<Self>,
        #[extension_type] mask: Optional<Self>,
        rule: Arc<dyn Rule>,
        update: Update,
    ) -> (FloatTensor<Self>, Vec<FloatTensor<Self>>) {
        let _ = (parameter, gradient, moments, mask, update);
        unreachable!("the backend does not fuse {rule:?}")
    }
}

#[cfg(any(feature = "wgpu", feature = "cuda"))]
mod cube {
    impl super::Operations for burn::backend::Cube {}
    impl super::gradients::Gradients for burn::backend::Cube {}
}
