//! The operations on burn's autodiff backend, each recorded as a single step.

use std::marker::PhantomData;
use std::sync::{Arc, Mutex, PoisonError};

use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads;
use burn::backend::autodiff::ops::{Backward, NodeGuard, Ops, OpsKind};
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, AutodiffBackend, Backend, TensorMetadata};
use burn::tensor::Shape;

use super::gradients::Gradients;
use super::{Operations, Optional};
use crate::kernels::{Convolution, Dense, Dropout, Normalize};

/// The backward pass of a recorded step: maps the gradient of the output, and which inputs need
/// theirs, to the gradients of the inputs.
#[derive(Clone)]
struct BackwardStep<F>(F);

impl<F> std::fmt::Debug for BackwardStep<F> {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        f.write_str("BackwardStep")
    }
}

/// An operation whose backward pass is a closure of type `F`.
struct Recorded<F>(PhantomData<fn() -> F>);

impl<F> std::fmt::Debug for Recorded<F> {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        f.write_str("Recorded")
    }
}

impl<B, F, const N: usize> Backward<B, N> for Recorded<F>
where
    B: Backend,
    F: FnOnce(FloatTensor<B>, [bool; N]) -> [Option<FloatTensor<B>>; N] + Clone + Send + 'static,
{
    type State = BackwardStep<F>;

    fn backward(
        self,
        ops: Ops<Self::State, N>,
        gradients: &mut grads::Gradients,
        _: &mut Checkpointer,
    ) {
        let gradient = gradients.consume::<B>(&ops.node);
        let wanted = ops.parents.each_ref().map(Option::is_some);
        let BackwardStep(back) = ops.state;
        for (parent, gradient) in ops.parents.into_iter().zip(back(gradient, wanted)) {
            if let (Some(parent), Some(gradient)) = (parent, gradient) {
                gradients.register::<B>(parent.id, gradient);
            }
        }
    }
}

/// Records `output`, computed from `inputs`, with its backward pass.
fn record<B, C, F, const N: usize>(
    inputs: [NodeGuard; N],
    output: FloatTensor<B>,
    back: F,
) -> FloatTensor<Autodiff<B, C>>
where
    B: Backend,
    C: CheckpointStrategy,
    F: FnOnce(FloatTensor<B>, [bool; N]) -> [Option<FloatTensor<B>>; N] + Clone + Send + 'static,
{
    let prepared = Recorded::<F>(PhantomData).prepare::<C>(inputs).compute_bound();
    match prepared.stateful() {
        OpsKind::Tracked(step) => step.finish(BackwardStep(back), output),
        OpsKind::UnTracked(step) => step.finish(output),
    }
}

/// [`record`] for an operation with an optional bias.
fn record_weighted<B, C, F>(
    [inputs, weights]: [NodeGuard; 2],
    bias: Option<NodeGuard>,
    output: FloatTensor<B>,
    back: F,
) -> FloatTensor<Autodiff<B, C>>
where
    B: Backend,
    C: CheckpointStrategy,
    F: FnOnce(FloatTensor<B>, [bool; 3]) -> [Option<FloatTensor<B>>; 3] + Clone + Send + 'static,
{
    match bias {
        Some(bias) => record::<B, C, _, 3>([inputs, weights, bias], output, back),
        None => record::<B, C, _, 2>([inputs, weights], output, |gradient, [inputs, weights]| {
            let [inputs, weights, _] = back(gradient, [inputs, weights, false]);
            [inputs, weights]
        }),
    }
}

fn bias_parts<B: Backend, C: CheckpointStrategy>(
    bias: Optional<Autodiff<B, C>>,
) -> (Optional<B>, Option<NodeGuard>) {
    match bias {
        Optional::Some(bias) => {
            let (bias, node) = bias.into_parts();
            (Optional::Some(bias), Some(node))
        }
        Optional::None => (Optional::None, None),
    }
}

impl<B: Gradients, C: CheckpointStrategy> Operations for Autodiff<B, C> {
    fn flatten(images: FloatTensor<Self>) -> FloatTensor<Self> {
        let (images, node) = images.into_parts();
        let shape = images.shape().dims();
        record::<B, C, _, 1>([node], B::flatten(images), move |gradient, _| {
            [Some(B::flatten_backward(gradient, shape))]
        })
    }

    fn convolution(
        images: FloatTensor<Self>,
        weights: FloatTensor<Self>,
        bias: Optional<Self>,
        shape: Convolution,
        relu: bool,
    ) -> FloatTensor<Self> {
        let ((images, images_node), (weights, weights_node)) =
            (images.into_parts(), weights.into_parts());
        let (bias, bias_node) = bias_parts(bias);
        let output = B::convolution(images.clone(), weights.clone(), bias, shape, relu);
        let outputs = relu.then(|| output.clone());
        record_weighted::<B, C, _>(
            [images_node, weights_node],
            bias_node,
            output,
            move |gradient, wanted| {
                B::convolution_backward(images, weights, outputs, gradient, shape, wanted)
            },
        )
    }

    fn dense(
        inputs: FloatTensor<Self>,
        weights: FloatTensor<Self>,
        bias: Optional<Self>,
        shape: Dense,
        relu: bool,
    ) -> FloatTensor<Self> {
        let ((inputs, inputs_node), (weights, weights_node)) =
            (inputs.into_parts(), weights.into_parts());
        let (bias, bias_node) = bias_parts(bias);
        let output = B::dense(inputs.clone(), weights.clone(), bias, shape, relu);
        let outputs = relu.then(|| output.clone());
        record_weighted::<B, C, _>(
            [inputs_node, weights_node],
            bias_node,
            output,
            move |gradient, wanted| {
                B::dense_backward(inputs, weights, outputs, gradient, shape, wanted)
            },
        )
    }

    fn normalize_train(
        values: FloatTensor<Self>,
        scale: FloatTensor<Self>,
        shift: FloatTensor<Self>,
        norm: Normalize,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>) {
        let ((values, values_node), (scale, scale_node), (shift, shift_node)) =
            (values.into_parts(), scale.into_parts(), shift.into_parts());
        let (output, mean, variance) =
            B::normalize_train(values.clone(), scale.clone(), shift.clone(), norm);
        let (affine, moments) = ([scale, shift], [mean.clone(), variance.clone()]);
        let output = record::<B, C, _, 3>(
            [values_node, scale_node, shift_node],
            output,
            move |gradient, _| {
                B::normalize_backward(values, affine, moments, gradient, norm).map(Some)
            },
        );
        (output, Self::from_inner(mean), Self::from_inner(variance))
    }

    fn dropout(values: FloatTensor<Self>, dropout: Dropout) -> FloatTensor<Self> {
        let (values, node) = values.into_parts();
        record::<B, C, _, 1>([node], B::dropout(values, dropout), move |gradient, _| {
            [Some(B::dropout_backward(gradient, dropout))]
        })
    }

    fn relu(values: FloatTensor<Self>) -> FloatTensor<Self> {
        let (values, node) = values.into_parts();
        let output = <B as Operations>::relu(values);
        let outputs = output.clone();
        record::<B, C, _, 1>([node], output, move |gradient, _| {
            [Some(B::relu_gradient(outputs, gradient))]
        })
    }

    fn fork(values: FloatTensor<Self>) -> (FloatTensor<Self>, FloatTensor<Self>) {
        let nodes = [values.node(), values.node()];
        let values = values.into_primitive();
        // The gradient that arrives first waits here for the other one.
        let waiting = Arc::new(Mutex::new(None));
        let [one, other] = nodes.map(|node| {
            let waiting = waiting.clone();
            record::<B, C, _, 1>([node], values.clone(), move |gradient, _| {
                let mut waiting = waiting.lock().unwrap_or_else(PoisonError::into_inner);
                match waiting.take() {
                    Some(other) => [Some(B::sum(gradient, other, false))],
                    None => {
                        *waiting = Some(gradient);
                        [None]
                    }
                }
            })
        });
        (one, other)
    }

    fn sum(one: FloatTensor<Self>, other: FloatTensor<Self>, relu: bool) -> FloatTensor<Self> {
        let ((one, one_node), (other, other_node)) = (one.into_parts(), other.into_parts());
        let output = B::sum(one, other, relu);
        let outputs = relu.then(|| output.clone());
        record::<B, C, _, 2>([one_node, other_node], output, move |gradient, _| {
            let gradient = match outputs {
                Some(outputs) => B::relu_gradient(outputs, gradient),
                None => gradient,
            };
            [Some(gradient.clone()), Some(gradient)]
        })
    }

    fn max_pool(images: FloatTensor<Self>, size: usize) -> FloatTensor<Self> {
        let (images, node) = images.into_parts();
        let output = B::max_pool(images.clone(), size);
        record::<B, C, _, 1>([node], output, move |gradient, _| {
            [Some(B::max_pool_backward(images, gradient, size))]
        })
    }

    fn average_pool(images: FloatTensor<Self>, size: usize) -> FloatTensor<Self> {
        let (images, node) = images.into_parts();
        let output = B::average_pool(images.clone(), size);
        record::<B, C, _, 1>([node], output, move |gradient, _| {
            [Some(B::average_pool_backward(images, gradient, size))]
        })
    }

    fn cross_entropy(
        logits: FloatTensor<Self>,
        labels: Arc<[u8]>,
    ) -> (FloatTensor<Self>, FloatTensor<Self>) {
        let (logits, node) = logits.into_parts();
        let (loss, correct, of_logits) = B::cross_entropy_with_gradient(logits, labels);
        let loss = record::<B, C, _, 1>([node], loss, move |gradient, _| {
            let gradient = B::float_reshape(gradient, Shape::new([1, 1]));
            [Some(B::float_mul(of_logits, gradient))]
        });
        (loss, Self::from_inner(correct))
    }
}
