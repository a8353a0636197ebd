//! The operations on LibTorch's tensors, where LibTorch provides faster ones. The others are
//! composed of burn's operations.
//!
//! In LibTorch, the channels-last format is a contiguous tensor
//! `[batch, height, width, channels]` with its axes permuted. Its convolutions are faster in this
//! format than in the default one.

mod script;

use std::slice;
use std::sync::Arc;

use burn::backend::LibTorch;
use burn_tch::TchTensor;
use tch::{Device, IValue, Kind, Tensor};

use super::gradients::Gradients;
use super::{LayerGradients, MomentTensors, Operations, Optional};
use crate::kernels::{Convolution, Dense, Dropout, Fused, InstructionSet, Normalize, Rule, Update};

/// Moves the channels of images or rows to the second axis, as LibTorch expects them.
fn channels_second(values: &TchTensor) -> Tensor {
    if values.tensor.dim() == 4 {
        values.tensor.permute([0, 3, 1, 2])
    } else {
        values.tensor.shallow_clone()
    }
}

/// Undoes [`channels_second`]; the result is contiguous.
fn channels_last(values: &Tensor) -> TchTensor {
    TchTensor::new(if values.dim() == 4 {
        values.permute([0, 2, 3, 1]).contiguous()
    } else {
        values.contiguous()
    })
}

/// Gradient before a ReLU that produced `outputs`; without a ReLU, the gradient itself.
fn pre_activation_gradient(outputs: Option<TchTensor>, gradient: TchTensor) -> Tensor {
    match outputs {
        Some(outputs) => outputs.tensor.threshold_backward(&gradient.tensor, 0.0),
        None => gradient.tensor,
    }
}

fn to_i64(size: usize) -> i64 {
    size as i64
}

/// A tensor that may be changed in place: the given one, or a copy if it is shared.
fn own(tensor: TchTensor) -> Tensor {
    if tensor.can_mut() { tensor.tensor } else { tensor.tensor.copy() }
}

/// A convolution in LibTorch's terms, where the padding is the same on both sides.
struct Padded {
    images: Tensor,
    weights: Tensor,
    stride: Vec<i64>,
    padding: Vec<i64>,
    /// Rows and columns of zeros added before and after each image where the padding is uneven.
    added: [(usize, usize); 2],
}

impl Padded {
    fn new(images: &TchTensor, weights: &TchTensor, shape: &Convolution) -> Padded {
        let common = shape.padding.map(|(before, after)| before.min(after));
        let added = [0, 1].map(|axis| {
            let (before, after) = shape.padding[axis];
            (before - common[axis], after - common[axis])
        });
        let [(top, bottom), (left, right)] = added;
        let mut images = channels_second(images);
        if added != [(0, 0); 2] {
            images = images.constant_pad_nd([left, right, top, bottom].map(to_i64));
        }
        let [rows, columns] = shape.kernel;
        let weights =
            weights.tensor.view([shape.filters, shape.input[2], rows, columns].map(to_i64));
        Padded {
            images,
            weights,
            stride: vec![to_i64(shape.stride); 2],
            padding: common.map(to_i64).to_vec(),
            added,
        }
    }

    /// Cuts the added padding off a gradient of the images.
    fn cut(&self, gradient: &Tensor, shape: &Convolution) -> TchTensor {
        let [(top, _), (left, _)] =
            self.added.map(|(before, after)| (to_i64(before), to_i64(after)));
        let [height, width, _] = shape.input.map(to_i64);
        channels_last(&gradient.narrow(2, top, height).narrow(3, left, width))
    }
}

/// Address and number of the values of a tensor in this process's memory.
///
/// # Panics
/// If the tensor is on another device, of another type or not contiguous.
fn raw_values(tensor: &Tensor) -> (*mut f32, usize) {
    assert!(tensor.device() == Device::Cpu && tensor.kind() == Kind::Float);
    assert!(tensor.is_contiguous());
    (tensor.data_ptr().cast(), tensor.numel())
}

fn apply_dropout(values: &Tensor, dropout: &Dropout) -> Tensor {
    if values.device() != Device::Cpu {
        let factors = Tensor::from_slice(&dropout.factors(values.numel()));
        return values * factors.view(values.size().as_slice()).to_device(values.device());
    }
    let values = values.contiguous();
    let outputs = values.empty_like();
    let ((from, length), (to, room)) = (raw_values(&values), raw_values(&outputs));
    // SAFETY: `raw_values` asserted that both are contiguous arrays of floats in this process's
    // memory, and both tensors live until the end of this function. `values` is only read here;
    // `outputs` was just allocated, so no other reference to its memory exists.
    let (from, to) =
        unsafe { (slice::from_raw_parts(from, length), slice::from_raw_parts_mut(to, room)) };
    dropout.apply(InstructionSet::current(), from, to);
    outputs
}

/// Normalizes values, whose channels are on the second axis, with the given moments.
fn normal(
    values: &Tensor,
    affine: [&Tensor; 2],
    moments: [&Tensor; 2],
    norm: &Normalize,
) -> Tensor {
    let ([scale, shift], [mean, variance]) = (affine.map(Some), moments.map(Some));
    let epsilon = f64::from(norm.epsilon);
    values.native_batch_norm(scale, shift, mean, variance, false, 0.0, epsilon).0
}

impl Operations for LibTorch {
    fn channels_last(images: TchTensor) -> TchTensor {
        let outputs = images.tensor.permute([0, 2, 3, 1]).contiguous();
        TchTensor::from_existing(outputs, images.storage)
    }

    fn convolution(
        images: TchTensor,
        weights: TchTensor,
        bias: Optional<Self>,
        shape: Convolution,
        relu: bool,
    ) -> TchTensor {
        let bias = bias.into_option().map(|bias| bias.tensor);
        let Padded { images, weights, stride, padding, .. } =
            Padded::new(&images, &weights, &shape);
        let mut outputs = images.conv2d(&weights, bias, stride, padding, [1, 1], 1);
        if relu {
            let _ = outputs.relu_();
        }
        channels_last(&outputs)
    }

    fn dense(
        inputs: TchTensor,
        weights: TchTensor,
        bias: Optional<Self>,
        shape: Dense,
        relu: bool,
    ) -> TchTensor {
        let weights = weights.tensor.view([to_i64(shape.outputs), to_i64(shape.inputs)]);
        let mut outputs =
            inputs.tensor.linear(&weights, bias.into_option().map(|bias| bias.tensor));
        if relu {
            let _ = outputs.relu_();
        }
        TchTensor::new(outputs)
    }

    fn normalize_train(
        values: TchTensor,
        scale: TchTensor,
        shift: TchTensor,
        norm: Normalize,
    ) -> (TchTensor, TchTensor, TchTensor) {
        let before = channels_second(&values);
        let before = if norm.relu_before { before.relu() } else { before };
        let (scale, shift) = (Some(scale.tensor), Some(shift.tensor));
        let epsilon = f64::from(norm.epsilon);
        let (mut outputs, mean, inverse) =
            before.native_batch_norm(scale, shift, None, None, true, 0.0, epsilon);
        if norm.relu_after {
            let _ = outputs.relu_();
        }
        let mut outputs = channels_last(&outputs);
        if let Some(dropout) = &norm.dropout {
            outputs = TchTensor::new(apply_dropout(&outputs.tensor, dropout));
        }
        // LibTorch returns the inverse of the standard deviation.
        let variance = (inverse.pow_tensor_scalar(-2) - epsilon).clamp_min_(0.0);
        (outputs, TchTensor::new(mean), TchTensor::new(variance))
    }

    fn normalize(
        values: TchTensor,
        scale: TchTensor,
        shift: TchTensor,
        mean: TchTensor,
        variance: TchTensor,
        norm: Normalize,
    ) -> TchTensor {
        let before = channels_second(&values);
        let before = if norm.relu_before { before.relu() } else { before };
        let affine = [&scale.tensor, &shift.tensor];
        let mut outputs = normal(&before, affine, [&mean.tensor, &variance.tensor], &norm);
        if norm.relu_after {
            let _ = outputs.relu_();
        }
        channels_last(&outputs)
    }

    fn dropout(values: TchTensor, dropout: Dropout) -> TchTensor {
        TchTensor::new(apply_dropout(&values.tensor, &dropout))
    }

    fn cross_entropy(logits: TchTensor, labels: Arc<[u8]>) -> (TchTensor, TchTensor) {
        let (loss, correct, _) = Self::cross_entropy_with_gradient(logits, labels);
        (loss, correct)
    }

    fn fuses(_: &TchTensor, rule: Arc<dyn Rule>) -> bool {
        rule.fused().is_some()
    }

    fn optimize(
        parameter: TchTensor,
        gradient: TchTensor,
        MomentTensors(moments): MomentTensors<Self>,
        mask: Optional<Self>,
        rule: Arc<dyn Rule>,
        update: Update,
    ) -> (TchTensor, Vec<TchTensor>) {
        let mut parameter = own(parameter);
        let gradient = gradient.tensor.contiguous();
        let moments: Vec<Tensor> = moments.into_iter().map(own).collect();
        match rule.fused() {
            Some(Fused::Adam { beta1, beta2, epsilon }) => {
                let [first, second] = &moments[..] else { unreachable!("Adam has two moments") };
                let time = Tensor::from_slice(&[update.time as f32]).to_device(parameter.device());
                let tensors = [&parameter, &gradient, first, second, &time];
                let [parameters, gradients, firsts, seconds, times] =
                    tensors.map(|tensor| IValue::from(vec![tensor.shallow_clone()]));
                let [lr, beta1, beta2, penalty, epsilon] =
                    [update.lr, beta1, beta2, update.penalty, epsilon]
                        .map(|number| IValue::from(f64::from(number)));
                script::call(
                    "adam",
                    [
                        parameters, gradients, firsts, seconds, times, lr, beta1, beta2, penalty,
                        epsilon,
                    ],
                );
            }
            None => unreachable!("LibTorch has no operation for {rule:?}"),
        }
        if let Optional::Some(mask) = mask {
            parameter *= mask.tensor;
        }
        (TchTensor::new(parameter), moments.into_iter().map(TchTensor::new).collect())
    }
}

impl Gradients for LibTorch {
    fn flatten_backward(gradient: TchTensor, images: [usize; 4]) -> TchTensor {
        let [batch, height, width, channels] = images.map(to_i64);
        channels_last(&gradient.tensor.reshape([batch, channels, height, width]))
    }

    fn convolution_backward(
        images: TchTensor,
        weights: TchTensor,
        outputs: Option<TchTensor>,
        gradient: TchTensor,
        shape: Convolution,
        wanted: [bool; 3],
    ) -> LayerGradients<Self> {
        let gradient = pre_activation_gradient(outputs, gradient).permute([0, 3, 1, 2]);
        let padded = Padded::new(&images, &weights, &shape);
        let of = script::three(
            "convolution_backward",
            [
                gradient.into(),
                padded.images.shallow_clone().into(),
                padded.weights.shallow_clone().into(),
                padded.stride.clone().into(),
                padded.padding.clone().into(),
                wanted.to_vec().into(),
            ],
        );
        let [of_images, of_weights, of_bias] = of;
        [
            wanted[0].then(|| padded.cut(&of_images, &shape)),
            wanted[1].then(|| TchTensor::new(of_weights.reshape([-1]))),
            wanted[2].then(|| TchTensor::new(of_bias)),
        ]
    }

    fn dense_backward(
        inputs: TchTensor,
        weights: TchTensor,
        outputs: Option<TchTensor>,
        gradient: TchTensor,
        shape: Dense,
        wanted: [bool; 3],
    ) -> LayerGradients<Self> {
        let gradient = pre_activation_gradient(outputs, gradient);
        let weights = weights.tensor.view([to_i64(shape.outputs), to_i64(shape.inputs)]);
        let of_weights = || gradient.tr().mm(&inputs.tensor).view(-1);
        let of_bias = || gradient.sum_dim_intlist([0i64].as_slice(), false, None);
        [
            wanted[0].then(|| TchTensor::new(gradient.mm(&weights))),
            wanted[1].then(|| TchTensor::new(of_weights())),
            wanted[2].then(|| TchTensor::new(of_bias())),
        ]
    }

    fn normalize_backward(
        values: TchTensor,
        [scale, shift]: [TchTensor; 2],
        [mean, variance]: [TchTensor; 2],
        gradient: TchTensor,
        norm: Normalize,
    ) -> [TchTensor; 3] {
        let before = channels_second(&values);
        let before = if norm.relu_before { before.relu() } else { before };
        let mut gradient = channels_second(&match &norm.dropout {
            Some(dropout) => TchTensor::new(apply_dropout(&gradient.tensor, dropout)),
            None => gradient,
        });
        if norm.relu_after {
            let affine = [&scale.tensor, &shift.tensor];
            let outputs = normal(&before, affine, [&mean.tensor, &variance.tensor], &norm);
            gradient = outputs.threshold_backward(&gradient, 0.0);
        }
        let tensors =
            [gradient, before.shallow_clone(), scale.tensor, mean.tensor, variance.tensor];
        let [gradient, values, scale, mean, variance] = tensors.map(IValue::from);
        let epsilon = f64::from(norm.epsilon).into();
        let arguments = [gradient, values, scale, mean, variance, epsilon];
        let [mut of_values, of_scale, of_shift] = script::three("normalize_backward", arguments);
        if norm.relu_before {
            of_values = before.threshold_backward(&of_values, 0.0);
        }
        [channels_last(&of_values), TchTensor::new(of_scale), TchTensor::new(of_shift)]
    }

    fn relu_gradient(outputs: TchTensor, gradient: TchTensor) -> TchTensor {
        TchTensor::new(pre_activation_gradient(Some(outputs), gradient))
    }

    fn cross_entropy_with_gradient(
        logits: TchTensor,
        labels: Arc<[u8]>,
    ) -> (TchTensor, TchTensor, TchTensor) {
        let labels = Tensor::from_slice(&labels).to_kind(Kind::Int64);
        let labels = labels.to_device(logits.tensor.device());
        let arguments = [logits.tensor.into(), labels.into()];
        let [loss, correct, gradient] = script::three("cross_entropy", arguments);
        (TchTensor::new(loss), TchTensor::new(correct), TchTensor::new(gradient))
    }
}
