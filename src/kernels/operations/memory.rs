//! Tensors that lie in this process's memory, as slices.

use std::borrow::Cow;

use burn::backend::flex::{FlexTensor, Layout};
use burn::backend::ndarray::{NdArrayTensor, SharedArray};
use burn::backend::tensor::FloatTensor;
use burn::backend::{Backend, Flex, NdArray};
use burn::tensor::{Bytes, DType, Shape};

use crate::kernels::buffers;

/// A backend whose floating-point tensors lie in this process's memory.
pub(super) trait Host: Backend {
    /// The values of a tensor in row-major order. Copies them if they lie in another order.
    fn read(tensor: &FloatTensor<Self>) -> Cow<'_, [f32]>;

    /// Creates a tensor from values in row-major order.
    fn tensor(values: Vec<f32>, shape: Shape) -> FloatTensor<Self>;

    /// Takes the memory of a tensor that is not shared and whose values lie in row-major order.
    /// Returns any other tensor as `Err`.
    fn try_into_vec(tensor: FloatTensor<Self>) -> Result<Vec<f32>, FloatTensor<Self>>;

    /// The values of a tensor as a vector that may be changed. Copies them if the tensor is shared
    /// or in another order.
    fn into_vec(tensor: FloatTensor<Self>) -> Vec<f32> {
        Self::try_into_vec(tensor).unwrap_or_else(|tensor| copy(&Self::read(&tensor)))
    }

    /// Keeps the memory of a tensor for later ones, unless it is shared.
    fn recycle(tensor: FloatTensor<Self>) {
        if let Ok(values) = Self::try_into_vec(tensor) {
            buffers::give(values);
        }
    }
}

fn copy(values: &[f32]) -> Vec<f32> {
    let mut copy = buffers::take(values.len());
    copy.copy_from_slice(values);
    copy
}

impl Host for Flex {
    fn read(tensor: &FlexTensor) -> Cow<'_, [f32]> {
        match tensor.as_slice() {
            Some(values) => Cow::Borrowed(values),
            None => Cow::Owned(tensor.to_contiguous().storage().to_vec()),
        }
    }

    fn tensor(values: Vec<f32>, shape: Shape) -> FlexTensor {
        FlexTensor::new(Bytes::from_elems(values), Layout::contiguous(shape), DType::F32)
    }

    fn try_into_vec(tensor: FlexTensor) -> Result<Vec<f32>, FlexTensor> {
        let whole = tensor.storage::<f32>().len() == tensor.layout().num_elements();
        if !whole || !tensor.is_contiguous() || !tensor.is_unique() {
            return Err(tensor);
        }
        let shape = tensor.layout().shape().clone();
        let (bytes, ..) = tensor.into_data().into_parts();
        bytes
            .try_into_vec()
            .map_err(|bytes| FlexTensor::new(bytes, Layout::contiguous(shape), DType::F32))
    }
}

impl Host for NdArray {
    fn read(tensor: &NdArrayTensor) -> Cow<'_, [f32]> {
        let NdArrayTensor::F32(values) = tensor else {
            unreachable!("tensors are of 32-bit floats");
        };
        let view = values.view();
        match view.to_slice() {
            Some(values) => Cow::Borrowed(values),
            None => Cow::Owned(view.iter().copied().collect()),
        }
    }

    fn tensor(values: Vec<f32>, shape: Shape) -> NdArrayTensor {
        match SharedArray::from_shape_vec(shape.to_vec(), values) {
            Ok(values) => values.into(),
            Err(error) => unreachable!("a kernel's output has its shape: {error}"),
        }
    }

    fn try_into_vec(tensor: NdArrayTensor) -> Result<Vec<f32>, NdArrayTensor> {
        let NdArrayTensor::F32(values) = tensor else { return Err(tensor) };
        let elements = values.view().len();
        if !values.is_unique() || !values.view().is_standard_layout() {
            return Err(NdArrayTensor::F32(values));
        }
        let owned = values.into_owned().into_owned();
        let (vec, offset) = owned.into_raw_vec_and_offset();
        debug_assert!(offset.is_none_or(|offset| offset == 0) && vec.len() == elements);
        Ok(vec)
    }
}
