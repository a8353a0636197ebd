//! Parts of operations that are composed of burn's own.

use burn::backend::tensor::FloatTensor;
use burn::backend::{Backend, TensorMetadata};
use burn::tensor::ops::ConvOptions;
use burn::tensor::{Shape, TensorData};

use super::{Optional, Update};
use crate::kernels::{Convolution, Dropout};

/// Images as burn's operations take them: `[batch, channels, height, width]`.
pub(super) fn channels_first<B: Backend>(images: FloatTensor<B>) -> FloatTensor<B> {
    B::float_permute(images, &[0, 3, 1, 2])
}

/// Images or rows with their channels on the second axis.
pub(super) fn channels_second<B: Backend>(values: FloatTensor<B>) -> FloatTensor<B> {
    if values.rank() == 4 { channels_first::<B>(values) } else { values }
}

/// What [`channels_second`] gave, as it was.
pub(super) fn channels_back<B: Backend>(values: FloatTensor<B>) -> FloatTensor<B> {
    if values.rank() == 4 { B::float_permute(values, &[0, 2, 3, 1]) } else { values }
}

/// A convolution's flat weights in four axes.
pub(super) fn filters<B: Backend>(weights: FloatTensor<B>, shape: &Convolution) -> FloatTensor<B> {
    let ([.., channels], [height, width]) = (shape.input, shape.kernel);
    B::float_reshape(weights, Shape::new([shape.filters, channels, height, width]))
}

/// A convolution as burn describes it.
pub(super) fn options(shape: &Convolution) -> ConvOptions<2> {
    ConvOptions::new_with_padding([shape.stride; 2], shape.padding, [1; 2], 1)
}

/// Values times the factors of a dropout.
pub(super) fn drop_some<B: Backend>(values: FloatTensor<B>, dropout: &Dropout) -> FloatTensor<B> {
    let shape = values.shape();
    let factors = TensorData::new(dropout.factors(shape.num_elements()), shape);
    let factors = B::float_from_data(factors, &values.device());
    B::float_mul(values, factors)
}

/// A gradient with that of the L2 penalty.
pub(super) fn penalized<B: Backend>(
    gradient: FloatTensor<B>,
    parameter: &FloatTensor<B>,
    update: Update,
) -> FloatTensor<B> {
    if update.penalty == 0.0 {
        return gradient;
    }
    B::float_add(B::float_mul_scalar(parameter.clone(), update.penalty.into()), gradient)
}

/// The sum of two tensors, each times a number.
pub(super) fn blend<B: Backend>(
    kept: FloatTensor<B>,
    share: f32,
    fresh: FloatTensor<B>,
    part: f32,
) -> FloatTensor<B> {
    let kept = B::float_mul_scalar(kept, share.into());
    B::float_add(kept, B::float_mul_scalar(fresh, part.into()))
}

/// A parameter after a step against a direction, with zeros where the mask has them.
pub(super) fn descend<B: Backend>(
    parameter: FloatTensor<B>,
    direction: FloatTensor<B>,
    update: Update,
    mask: Optional<B>,
) -> FloatTensor<B> {
    let moved = B::float_sub(parameter, B::float_mul_scalar(direction, update.lr.into()));
    match mask {
        Optional::Some(mask) => B::float_mul(moved, mask),
        Optional::None => moved,
    }
}
