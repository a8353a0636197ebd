//! The operations on tensors that lie in this process's memory, computed by the kernels.

use std::sync::Arc;

use burn::backend::TensorMetadata;
use burn::backend::tensor::FloatTensor;
use burn::tensor::Shape;

use super::gradients::Gradients;
use super::memory::Host;
use super::{LayerGradients, MomentTensors, Operations, Optional};
use crate::kernels::{
    Affine, Convolution, Dense, Dropout, InstructionSet, Moments, Normalize, NormalizeGradients,
    Pool, Rule, Update, add, buffers, cross_entropy, relu, relu_backward, step, transpose,
};

/// Allocates a tensor of this shape and has `kernel` write all of its values. The memory is not
/// cleared before: it holds arbitrary values.
fn compute<B: Host>(
    shape: impl Into<Shape>,
    kernel: impl FnOnce(InstructionSet, &mut [f32]),
) -> FloatTensor<B> {
    let shape = shape.into();
    let mut values = buffers::take(shape.num_elements());
    kernel(InstructionSet::current(), &mut values);
    B::tensor(values, shape)
}

/// Gradient before a ReLU that produced `outputs`; without a ReLU, the gradient itself.
fn pre_activation_gradient<B: Host>(
    outputs: Option<FloatTensor<B>>,
    gradient: FloatTensor<B>,
) -> FloatTensor<B> {
    match outputs {
        Some(outputs) => B::relu_gradient(outputs, gradient),
        None => gradient,
    }
}

/// Forward pass of a convolution by `forward`, which is given images, weights and bias.
fn convolve<B: Host>(
    [images, weights]: [FloatTensor<B>; 2],
    bias: Optional<B>,
    shape: Convolution,
    forward: impl FnOnce(InstructionSet, &[f32], &[f32], Option<&[f32]>, &mut [f32]),
) -> FloatTensor<B> {
    let bias = bias.into_option();
    let bias = bias.as_ref().map(B::read);
    let sizes = batch_shape(shape.batch, shape.output());
    let outputs = compute::<B>(sizes, |set, outputs| {
        forward(set, &B::read(&images), &B::read(&weights), bias.as_deref(), outputs);
    });
    B::recycle(images);
    outputs
}

/// Backward pass of a dense layer or convolution with `units` outputs or filters. `to_inputs`
/// computes the gradient of the inputs, `to_weights` those of weights and bias together. The
/// gradients of inputs and bias are computed only if requested in `wanted`; that of the weights
/// always.
fn layer_backward<B: Host>(
    [inputs, weights]: [FloatTensor<B>; 2],
    outputs: Option<FloatTensor<B>>,
    gradient: FloatTensor<B>,
    units: usize,
    wanted: [bool; 3],
    to_inputs: impl Fn(InstructionSet, &[f32], &[f32], &mut [f32]),
    to_weights: impl Fn(InstructionSet, &[f32], &[f32], &mut [f32], Option<&mut [f32]>),
) -> LayerGradients<B> {
    let before_relu = pre_activation_gradient::<B>(outputs, gradient);
    let gradient = B::read(&before_relu);
    let of_inputs = wanted[0].then(|| {
        compute::<B>(inputs.shape(), |set, found| {
            to_inputs(set, &gradient, &B::read(&weights), found);
        })
    });
    let mut of_bias = wanted[2].then(|| vec![0.0; units]);
    let of_weights = compute::<B>(weights.shape(), |set, found| {
        to_weights(set, &B::read(&inputs), &gradient, found, of_bias.as_deref_mut());
    });
    let of_bias = of_bias.map(|bias| B::tensor(bias, Shape::new([units])));
    drop(gradient);
    B::recycle(before_relu);
    B::recycle(inputs);
    [of_inputs, Some(of_weights), of_bias]
}

fn pool_of<B: Host>(images: &FloatTensor<B>, size: usize) -> (usize, Pool) {
    let [batch, height, width, channels] = images.shape().dims();
    (batch, Pool { input: [height, width, channels], size })
}

fn moments_of<B: Host>([mean, variance]: [FloatTensor<B>; 2]) -> Moments {
    Moments { mean: B::read(&mean).into_owned(), variance: B::read(&variance).into_owned() }
}

fn batch_shape(batch: usize, [height, width, channels]: [usize; 3]) -> [usize; 4] {
    [batch, height, width, channels]
}

impl<B: Host> Operations for B {
    fn from_values(_: FloatTensor<Self>, values: Vec<f32>, shape: Shape) -> FloatTensor<Self> {
        Self::tensor(values, shape)
    }

    fn channels_last(images: FloatTensor<Self>) -> FloatTensor<Self> {
        let [batch, channels, height, width] = images.shape().dims();
        if channels == 1 {
            return Self::float_reshape(images, Shape::new([batch, height, width, 1]));
        }
        let matrix = [channels, height * width];
        let outputs = compute::<Self>([batch, height, width, channels], |set, outputs| {
            transpose(set, matrix, &Self::read(&images), outputs);
        });
        Self::recycle(images);
        outputs
    }

    fn flatten(images: FloatTensor<Self>) -> FloatTensor<Self> {
        let [batch, height, width, channels] = images.shape().dims();
        let flat = [batch, channels * height * width];
        if channels == 1 || height * width == 1 {
            return Self::float_reshape(images, Shape::new(flat));
        }
        let outputs = compute::<Self>(flat, |set, outputs| {
            transpose(set, [height * width, channels], &Self::read(&images), outputs);
        });
        Self::recycle(images);
        outputs
    }

    fn convolution(
        images: FloatTensor<Self>,
        weights: FloatTensor<Self>,
        bias: Optional<Self>,
        shape: Convolution,
        relu: bool,
    ) -> FloatTensor<Self> {
        convolve::<Self>([images, weights], bias, shape, |set, images, weights, bias, outputs| {
            shape.forward(set, images, weights, bias, relu, outputs);
        })
    }

    fn pack(weights: FloatTensor<Self>, shape: Convolution) -> FloatTensor<Self> {
        let Some(numbers) = shape.packed_len(InstructionSet::current()) else { return weights };
        compute::<Self>([numbers], |set, packed| shape.pack(set, &Self::read(&weights), packed))
    }

    fn convolution_packed(
        images: FloatTensor<Self>,
        packed: FloatTensor<Self>,
        bias: Optional<Self>,
        shape: Convolution,
        relu: bool,
    ) -> FloatTensor<Self> {
        convolve::<Self>([images, packed], bias, shape, |set, images, packed, bias, outputs| {
            shape.forward_packed(set, images, packed, bias, relu, outputs);
        })
    }

    fn dense(
        inputs: FloatTensor<Self>,
        weights: FloatTensor<Self>,
        bias: Optional<Self>,
        shape: Dense,
        relu: bool,
    ) -> FloatTensor<Self> {
        let bias = bias.into_option();
        let bias = bias.as_ref().map(Self::read);
        let outputs = compute::<Self>([shape.batch, shape.outputs], |set, outputs| {
            let (inputs, weights) = (Self::read(&inputs), Self::read(&weights));
            shape.forward(set, &inputs, &weights, bias.as_deref(), relu, outputs);
        });
        Self::recycle(inputs);
        outputs
    }

    fn normalize_train(
        values: FloatTensor<Self>,
        scale: FloatTensor<Self>,
        shift: FloatTensor<Self>,
        norm: Normalize,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>) {
        let mut outputs = buffers::take(values.shape().num_elements());
        let Moments { mean, variance } = norm.forward_train(
            InstructionSet::current(),
            &Self::read(&values),
            Affine { scale: &Self::read(&scale), shift: &Self::read(&shift) },
            &mut outputs,
        );
        let outputs = Self::tensor(outputs, values.shape());
        let vector = |values| Self::tensor(values, Shape::new([norm.channels]));
        (outputs, vector(mean), vector(variance))
    }

    fn normalize(
        values: FloatTensor<Self>,
        scale: FloatTensor<Self>,
        shift: FloatTensor<Self>,
        mean: FloatTensor<Self>,
        variance: FloatTensor<Self>,
        norm: Normalize,
    ) -> FloatTensor<Self> {
        let moments = moments_of::<Self>([mean, variance]);
        let outputs = compute::<Self>(values.shape(), |set, outputs| {
            let affine = Affine { scale: &Self::read(&scale), shift: &Self::read(&shift) };
            norm.forward(set, &Self::read(&values), affine, &moments, outputs);
        });
        Self::recycle(values);
        outputs
    }

    fn dropout(values: FloatTensor<Self>, dropout: Dropout) -> FloatTensor<Self> {
        let outputs = compute::<Self>(values.shape(), |set, outputs| {
            dropout.apply(set, &Self::read(&values), outputs);
        });
        Self::recycle(values);
        outputs
    }

    fn relu(values: FloatTensor<Self>) -> FloatTensor<Self> {
        let outputs = compute::<Self>(values.shape(), |set, outputs| {
            relu(set, &Self::read(&values), outputs);
        });
        Self::recycle(values);
        outputs
    }

    fn sum(one: FloatTensor<Self>, other: FloatTensor<Self>, relu: bool) -> FloatTensor<Self> {
        let shape = one.shape();
        // Adds in place, in the memory of a tensor that is not shared.
        let (mut sums, values) = match Self::try_into_vec(one) {
            Ok(sums) => (sums, other),
            Err(one) => (Self::into_vec(other), one),
        };
        add(InstructionSet::current(), &Self::read(&values), relu, &mut sums);
        Self::recycle(values);
        Self::tensor(sums, shape)
    }

    fn max_pool(images: FloatTensor<Self>, size: usize) -> FloatTensor<Self> {
        let (batch, pool) = pool_of::<Self>(&images, size);
        let outputs = compute::<Self>(batch_shape(batch, pool.output()), |set, outputs| {
            pool.max(set, &Self::read(&images), outputs);
        });
        Self::recycle(images);
        outputs
    }

    fn average_pool(images: FloatTensor<Self>, size: usize) -> FloatTensor<Self> {
        let (batch, pool) = pool_of::<Self>(&images, size);
        let outputs = compute::<Self>(batch_shape(batch, pool.output()), |set, outputs| {
            pool.average(set, &Self::read(&images), outputs);
        });
        Self::recycle(images);
        outputs
    }

    fn cross_entropy(
        logits: FloatTensor<Self>,
        labels: Arc<[u8]>,
    ) -> (FloatTensor<Self>, FloatTensor<Self>) {
        let (loss, correct, _) = Self::cross_entropy_with_gradient(logits, labels);
        (loss, correct)
    }

    fn fuses(_: &FloatTensor<Self>, _: Arc<dyn Rule>) -> bool {
        true
    }

    fn optimize(
        parameter: FloatTensor<Self>,
        gradient: FloatTensor<Self>,
        MomentTensors(moments): MomentTensors<Self>,
        mask: Optional<Self>,
        rule: Arc<dyn Rule>,
        update: Update,
    ) -> (FloatTensor<Self>, Vec<FloatTensor<Self>>) {
        let (shape, mask) = (parameter.shape(), mask.into_option());
        let mask = mask.as_ref().map(Self::read);
        let mut parameter = Self::into_vec(parameter);
        let mut moments: Vec<_> = moments.into_iter().map(Self::into_vec).collect();
        step(
            &*rule,
            InstructionSet::current(),
            update,
            &mut parameter,
            &Self::read(&gradient),
            &mut moments,
            mask.as_deref(),
        );
        Self::recycle(gradient);
        let tensor = |values| Self::tensor(values, shape.clone());
        (tensor(parameter), moments.into_iter().map(tensor).collect())
    }
}

impl<B: Host> Gradients for B {
    fn flatten_backward(gradient: FloatTensor<Self>, images: [usize; 4]) -> FloatTensor<Self> {
        let [_, height, width, channels] = images;
        if channels == 1 || height * width == 1 {
            return Self::float_reshape(gradient, Shape::new(images));
        }
        let found = compute::<Self>(images, |set, found| {
            transpose(set, [channels, height * width], &Self::read(&gradient), found);
        });
        Self::recycle(gradient);
        found
    }

    fn convolution_backward(
        images: FloatTensor<Self>,
        weights: FloatTensor<Self>,
        outputs: Option<FloatTensor<Self>>,
        gradient: FloatTensor<Self>,
        shape: Convolution,
        wanted: [bool; 3],
    ) -> LayerGradients<Self> {
        layer_backward::<Self>(
            [images, weights],
            outputs,
            gradient,
            shape.filters,
            wanted,
            |set, gradient, weights, found| shape.backward_images(set, gradient, weights, found),
            |set, images, gradient, found, bias| {
                shape.backward_weights(set, images, gradient, found, bias);
            },
        )
    }

    fn dense_backward(
        inputs: FloatTensor<Self>,
        weights: FloatTensor<Self>,
        outputs: Option<FloatTensor<Self>>,
        gradient: FloatTensor<Self>,
        shape: Dense,
        wanted: [bool; 3],
    ) -> LayerGradients<Self> {
        layer_backward::<Self>(
            [inputs, weights],
            outputs,
            gradient,
            shape.outputs,
            wanted,
            |set, gradient, weights, found| shape.backward_inputs(set, gradient, weights, found),
            |set, inputs, gradient, found, bias| {
                shape.backward_weights(set, inputs, gradient, found, bias);
            },
        )
    }

    fn normalize_backward(
        values: FloatTensor<Self>,
        [scale, shift]: [FloatTensor<Self>; 2],
        moments: [FloatTensor<Self>; 2],
        gradient: FloatTensor<Self>,
        norm: Normalize,
    ) -> [FloatTensor<Self>; 3] {
        let moments = moments_of::<Self>(moments);
        let [mut of_scale, mut of_shift] = [0; 2].map(|_| vec![0.0; norm.channels]);
        let of_values = compute::<Self>(values.shape(), |set, found| {
            let affine = Affine { scale: &Self::read(&scale), shift: &Self::read(&shift) };
            let (values, gradient) = (Self::read(&values), Self::read(&gradient));
            let results =
                NormalizeGradients { values: found, scale: &mut of_scale, shift: &mut of_shift };
            norm.backward(set, &values, affine, &moments, &gradient, results);
        });
        [values, gradient].into_iter().for_each(Self::recycle);
        let vector = |values| Self::tensor(values, Shape::new([norm.channels]));
        [of_values, vector(of_scale), vector(of_shift)]
    }

    fn dropout_backward(gradient: FloatTensor<Self>, dropout: Dropout) -> FloatTensor<Self> {
        Self::dropout(gradient, dropout)
    }

    fn relu_gradient(outputs: FloatTensor<Self>, gradient: FloatTensor<Self>) -> FloatTensor<Self> {
        let shape = gradient.shape();
        let mut values = Self::into_vec(gradient);
        relu_backward(InstructionSet::current(), &Self::read(&outputs), &mut values);
        Self::recycle(outputs);
        Self::tensor(values, shape)
    }

    fn max_pool_backward(
        images: FloatTensor<Self>,
        gradient: FloatTensor<Self>,
        size: usize,
    ) -> FloatTensor<Self> {
        let (_, pool) = pool_of::<Self>(&images, size);
        let found = compute::<Self>(images.shape(), |set, found| {
            pool.max_backward(set, &Self::read(&images), &Self::read(&gradient), found);
        });
        [images, gradient].into_iter().for_each(Self::recycle);
        found
    }

    fn average_pool_backward(
        images: FloatTensor<Self>,
        gradient: FloatTensor<Self>,
        size: usize,
    ) -> FloatTensor<Self> {
        let (_, pool) = pool_of::<Self>(&images, size);
        let found = compute::<Self>(images.shape(), |set, found| {
            pool.average_backward(set, &Self::read(&gradient), found);
        });
        [images, gradient].into_iter().for_each(Self::recycle);
        found
    }

    fn cross_entropy_with_gradient(
        logits: FloatTensor<Self>,
        labels: Arc<[u8]>,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>) {
        let [batch, classes] = logits.shape().dims();
        let mut gradient = buffers::take(batch * classes);
        let loss = cross_entropy(classes, &Self::read(&logits), &labels, &mut gradient);
        let number = |value| Self::tensor(vec![value], Shape::new([1]));
        let gradient = Self::tensor(gradient, logits.shape());
        (number(loss.mean), number(loss.correct as f32), gradient)
    }
}
