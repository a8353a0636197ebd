//! Compares each backend's operations, forward and backward, with those composed of burn's own on
//! flex.

#[cfg(feature = "tch")]
use burn::backend::LibTorch;
use burn::backend::tensor::FloatTensor;
use burn::backend::{Backend, Flex, NdArray, TensorMetadata};
use burn::tensor::{Shape, TensorData, try_read_sync};
use proptest::prelude::*;

use super::gradients::Gradients;
use super::{Operations, Optional, composed};
use crate::kernels::{Convolution, Dense, Dropout, Normalize};

/// Tolerance relative to the largest value. Sums of a few hundred products may be taken in any
/// order.
const TOLERANCE: f32 = 1e-4;

/// Numbers between -1 and 1.
fn numbers(seed: usize, count: usize) -> Vec<f32> {
    (0..count).map(|i| ((i * 31 + seed * 977 + 1) as f32 * 0.7391).sin()).collect()
}

fn tensor<B: Backend>(seed: usize, shape: &[usize]) -> FloatTensor<B> {
    let values = numbers(seed, shape.iter().product());
    B::float_from_data(TensorData::new(values, Shape::from(shape.to_vec())), &Default::default())
}

fn optional<B: Backend>(seed: usize, length: usize, is_there: bool) -> Optional<B> {
    if is_there { Optional::Some(tensor::<B>(seed, &[length])) } else { Optional::None }
}

fn values<B: Backend>(tensor: &FloatTensor<B>) -> Vec<f32> {
    let data = try_read_sync(B::float_into_data(tensor.clone()));
    data.expect("at once").expect("no device fails").try_into_vec().expect("floats")
}

fn assert_same<H: Gradients>(found: &FloatTensor<H>, expected: &FloatTensor<Flex>) {
    assert_eq!(found.shape(), expected.shape());
    let (found, expected) = (values::<H>(found), values::<Flex>(expected));
    let scale = expected.iter().fold(1.0f32, |a, b| a.max(b.abs()));
    for (found, expected) in found.iter().zip(expected.iter()) {
        assert!((found - expected).abs() <= TOLERANCE * scale, "{found} is not {expected}");
    }
}

fn assert_all_same<H: Gradients>(
    found: impl IntoIterator<Item = Option<FloatTensor<H>>>,
    expected: impl IntoIterator<Item = Option<FloatTensor<Flex>>>,
) {
    let (found, expected) = (Vec::from_iter(found), Vec::from_iter(expected));
    assert_eq!(found.len(), expected.len());
    for (index, (found, expected)) in found.iter().zip(&expected).enumerate() {
        match (found, expected) {
            (Some(found), Some(expected)) => assert_same::<H>(found, expected),
            (None, None) => {}
            _ => panic!(
                "result {index}: {} instead of {}",
                presence(found.is_some()),
                presence(expected.is_some())
            ),
        }
    }
}

fn presence(is_some: bool) -> &'static str {
    if is_some { "a tensor" } else { "none" }
}

fn check_convolution<H: Gradients>(shape: Convolution, bias: bool, relu: bool) {
    let [height, width, channels] = shape.input;
    let images = [shape.batch, height, width, channels];
    let [height, width, filters] = shape.output();
    let outputs = [shape.batch, height, width, filters];
    let weights = [filters * channels * shape.kernel[0] * shape.kernel[1]];
    let found = H::convolution(
        tensor::<H>(1, &images),
        tensor::<H>(2, &weights),
        optional::<H>(3, filters, bias),
        shape,
        relu,
    );
    let expected = composed::convolution::<Flex>(
        tensor::<Flex>(1, &images),
        tensor::<Flex>(2, &weights),
        optional::<Flex>(3, filters, bias),
        shape,
        relu,
    );
    assert_same::<H>(&found, &expected);
    let packed = H::convolution_packed(
        tensor::<H>(1, &images),
        H::pack(tensor::<H>(2, &weights), Convolution { batch: 1, ..shape }),
        optional::<H>(3, filters, bias),
        shape,
        relu,
    );
    assert_same::<H>(&packed, &expected);
    let wanted = [true, true, bias];
    let found = H::convolution_backward(
        tensor::<H>(1, &images),
        tensor::<H>(2, &weights),
        relu.then_some(found),
        tensor::<H>(4, &outputs),
        shape,
        wanted,
    );
    let expected = composed::convolution_backward::<Flex>(
        tensor::<Flex>(1, &images),
        tensor::<Flex>(2, &weights),
        relu.then_some(expected),
        tensor::<Flex>(4, &outputs),
        shape,
        wanted,
    );
    assert_all_same::<H>(found, expected);
}

fn check_dense<H: Gradients>(shape: Dense, bias: bool, relu: bool) {
    let Dense { batch, inputs, outputs } = shape;
    let found = H::dense(
        tensor::<H>(1, &[batch, inputs]),
        tensor::<H>(2, &[inputs * outputs]),
        optional::<H>(3, outputs, bias),
        shape,
        relu,
    );
    let expected = composed::dense::<Flex>(
        tensor::<Flex>(1, &[batch, inputs]),
        tensor::<Flex>(2, &[inputs * outputs]),
        optional::<Flex>(3, outputs, bias),
        shape,
        relu,
    );
    assert_same::<H>(&found, &expected);
    let wanted = [true, true, bias];
    let found = H::dense_backward(
        tensor::<H>(1, &[batch, inputs]),
        tensor::<H>(2, &[inputs * outputs]),
        relu.then_some(found),
        tensor::<H>(4, &[batch, outputs]),
        shape,
        wanted,
    );
    let expected = composed::dense_backward::<Flex>(
        tensor::<Flex>(1, &[batch, inputs]),
        tensor::<Flex>(2, &[inputs * outputs]),
        relu.then_some(expected),
        tensor::<Flex>(4, &[batch, outputs]),
        shape,
        wanted,
    );
    assert_all_same::<H>(found, expected);
}

fn check_normalize<H: Gradients>(values: &[usize], norm: Normalize) {
    let channels = [norm.channels];
    let (output, mean, variance) = H::normalize_train(
        tensor::<H>(1, values),
        tensor::<H>(2, &channels),
        tensor::<H>(3, &channels),
        norm,
    );
    let (expected, its_mean, its_variance) = composed::normalize_train::<Flex>(
        tensor::<Flex>(1, values),
        tensor::<Flex>(2, &channels),
        tensor::<Flex>(3, &channels),
        norm,
    );
    assert_same::<H>(&output, &expected);
    assert_same::<H>(&mean, &its_mean);
    assert_same::<H>(&variance, &its_variance);
    let evaluated = H::normalize(
        tensor::<H>(4, values),
        tensor::<H>(2, &channels),
        tensor::<H>(3, &channels),
        mean.clone(),
        variance.clone(),
        norm,
    );
    let expected = composed::normalize::<Flex>(
        tensor::<Flex>(4, values),
        tensor::<Flex>(2, &channels),
        tensor::<Flex>(3, &channels),
        its_mean.clone(),
        its_variance.clone(),
        norm,
    );
    assert_same::<H>(&evaluated, &expected);
    let found = H::normalize_backward(
        tensor::<H>(1, values),
        [tensor::<H>(2, &channels), tensor::<H>(3, &channels)],
        [mean, variance],
        tensor::<H>(5, values),
        norm,
    );
    let expected = composed::normalize_backward::<Flex>(
        tensor::<Flex>(1, values),
        [tensor::<Flex>(2, &channels), tensor::<Flex>(3, &channels)],
        [its_mean, its_variance],
        tensor::<Flex>(5, values),
        norm,
    );
    assert_all_same::<H>(found.map(Some), expected.map(Some));
}

fn check_shapes<H: Gradients>([batch, rows, columns, channels]: [usize; 4], size: usize) {
    let images = [batch, rows * size, columns * size, channels];
    let pooled = [batch, rows, columns, channels];
    let found = [
        H::max_pool(tensor::<H>(1, &images), size),
        H::max_pool_backward(tensor::<H>(1, &images), tensor::<H>(2, &pooled), size),
        H::average_pool(tensor::<H>(1, &images), size),
        H::average_pool_backward(tensor::<H>(1, &images), tensor::<H>(2, &pooled), size),
        H::channels_last(tensor::<H>(1, &images)),
        <H as Operations>::flatten(tensor::<H>(1, &images)),
        H::flatten_backward(tensor::<H>(1, &[batch, images.iter().skip(1).product()]), images),
        <H as Operations>::relu(tensor::<H>(1, &images)),
        H::relu_gradient(tensor::<H>(1, &images), tensor::<H>(2, &images)),
        H::sum(tensor::<H>(1, &images), tensor::<H>(2, &images), true),
        H::sum(tensor::<H>(1, &images), tensor::<H>(2, &images), false),
    ];
    let flat = [batch, images.iter().skip(1).product()];
    let one = || tensor::<Flex>(1, &images);
    let expected = [
        composed::max_pool::<Flex>(one(), size),
        composed::max_pool_backward::<Flex>(one(), tensor::<Flex>(2, &pooled), size),
        composed::average_pool::<Flex>(one(), size),
        composed::average_pool_backward::<Flex>(one(), tensor::<Flex>(2, &pooled), size),
        composed::channels_last::<Flex>(one()),
        composed::flatten::<Flex>(one()),
        composed::flatten_backward::<Flex>(tensor::<Flex>(1, &flat), images),
        composed::relu::<Flex>(one()),
        composed::relu_gradient::<Flex>(one(), tensor::<Flex>(2, &images)),
        composed::sum::<Flex>(one(), tensor::<Flex>(2, &images), true),
        composed::sum::<Flex>(one(), tensor::<Flex>(2, &images), false),
    ];
    assert_all_same::<H>(found.map(Some), expected.map(Some));
}

fn check_cross_entropy<H: Gradients>(labels: &[u8]) {
    let shape = [labels.len(), 10];
    let found = H::cross_entropy_with_gradient(tensor::<H>(1, &shape), labels.into());
    let expected =
        composed::cross_entropy_with_gradient::<Flex>(tensor::<Flex>(1, &shape), labels.into());
    let list = [Some(found.0), Some(found.1), Some(found.2)];
    assert_all_same::<H>(list, [Some(expected.0), Some(expected.1), Some(expected.2)]);
}

fn check_from_values<H: Gradients>() {
    let shape = Shape::new([2, 3]);
    let found = H::from_values(tensor::<H>(1, &[4]), numbers(2, 6), shape.clone());
    assert_eq!((found.shape(), values::<H>(&found)), (shape, numbers(2, 6)));
}

/// Checks an operation on every backend that implements it itself.
macro_rules! on_every_backend {
    ($check:ident($($argument:expr),*)) => {
        $check::<Flex>($($argument),*);
        $check::<NdArray>($($argument),*);
        #[cfg(feature = "tch")]
        $check::<LibTorch>($($argument),*);
    };
}

#[test]
fn tensors_hold_the_numbers_they_are_given() {
    on_every_backend!(check_from_values());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn convolutions(
        (batch, height, width, channels) in (1usize..4, 5usize..9, 5usize..9, 1usize..6),
        (filters, kernel, stride) in (1usize..10, 1usize..6, 1usize..3),
        padding in [(0usize..3, 0usize..3), (0usize..3, 0usize..3)],
        (bias, relu) in (any::<bool>(), any::<bool>()),
    ) {
        let (input, kernel) = ([height, width, channels], [kernel; 2]);
        let shape = Convolution { batch, input, filters, kernel, stride, padding };
        on_every_backend!(check_convolution(shape, bias, relu));
    }

    #[test]
    fn dense_layers(
        (batch, inputs, outputs) in (1usize..60, 1usize..70, 1usize..40),
        (bias, relu) in (any::<bool>(), any::<bool>()),
    ) {
        let shape = Dense { batch, inputs, outputs };
        on_every_backend!(check_dense(shape, bias, relu));
    }

    #[test]
    fn batch_norms(
        (batch, side, channels) in (2usize..9, 1usize..5, 1usize..20),
        (relu_before, relu_after) in (any::<bool>(), any::<bool>()),
        (image, drops) in (any::<bool>(), any::<bool>()),
    ) {
        let dropout = drops.then_some(Dropout { seed: 1, step: 2, site: 3, rate: 0.4 });
        let norm = Normalize { channels, epsilon: 1e-3, relu_before, relu_after, dropout };
        let shape = [batch, side, side, channels];
        let shape = if image { &shape[..] } else { &[batch, channels] };
        on_every_backend!(check_normalize(shape, norm));
    }

    #[test]
    fn shapes(
        pooled in [1usize..4, 1usize..5, 1usize..5, 1usize..12],
        size in 1usize..4,
    ) {
        on_every_backend!(check_shapes(pooled, size));
    }

    #[test]
    fn losses(labels in proptest::collection::vec(0u8..10, 1..40)) {
        on_every_backend!(check_cross_entropy(&labels));
    }
}

/// Operations through which training never propagates a gradient.
const WITHOUT_GRADIENT: [&str; 7] = [
    "from_values",
    "channels_last",
    "pack",
    "convolution_packed",
    "normalize",
    "fuses",
    "optimize",
];

/// Names of the functions in the first block of `source` that begins with `start`.
fn functions<'a>(source: &'a str, start: &str) -> Vec<&'a str> {
    let lines = source.lines().skip_while(|line| !line.contains(start));
    let signatures =
        lines.take_while(|line| *line != "}").filter_map(|l| l.strip_prefix("    fn "));
    signatures.filter_map(|signature| signature.split(['(', '<']).next()).collect()
}

/// Default bodies of the trait compile for autodiff, too, but there they record the single steps of
/// the composed operation, which are slower than the kernel's gradient and round differently.
#[test]
fn autodiff_records_every_operation_that_has_a_gradient() {
    let operations = functions(include_str!("mod.rs"), "pub trait Operations");
    let recorded = functions(include_str!("autodiff.rs"), "Operations for Autodiff");
    assert!(operations.len() > recorded.len() && !recorded.is_empty());
    let expected = operations.into_iter().filter(|name| !WITHOUT_GRADIENT.contains(name));
    assert_eq!(expected.collect::<Vec<_>>(), recorded, "in the order of the trait");
}
