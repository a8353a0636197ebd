use proptest::prelude::*;

use super::*;
use crate::kernels::testing::{assert_close, numbers};

fn compare(convolution: Convolution, set: InstructionSet) {
    let images = numbers(convolution.batch * convolution.input.iter().product::<usize>(), 1);
    let weights = numbers(convolution.filters * convolution.input[2] * convolution.taps(), 2);
    let outputs = convolution.batch * convolution.output().iter().product::<usize>();
    let (bias, gradient) = (numbers(convolution.filters, 3), numbers(outputs, 4));

    for (bias, relu) in [(None, false), (Some(&bias[..]), false), (Some(&bias[..]), true)] {
        let (mut ours, mut book) = (vec![f32::NAN; outputs], vec![f32::NAN; outputs]);
        convolution.forward(set, &images, &weights, bias, relu, &mut ours);
        convolution.forward_by_the_book(&images, &weights, bias, relu, &mut book);
        assert_close("outputs", &ours, &book, 1e-4);
    }

    let (mut ours, mut book) = (vec![f32::NAN; images.len()], vec![f32::NAN; images.len()]);
    convolution.backward_images(set, &gradient, &weights, &mut ours);
    convolution.backward_images_by_the_book(&gradient, &weights, &mut book);
    assert_close("gradient of images", &ours, &book, 1e-4);

    let (mut ours, mut book) = (vec![f32::NAN; weights.len()], vec![f32::NAN; weights.len()]);
    let (mut our_bias, mut book_bias) = (vec![f32::NAN; bias.len()], vec![f32::NAN; bias.len()]);
    convolution.backward_weights(set, &images, &gradient, &mut ours, Some(&mut our_bias));
    convolution.backward_weights_by_the_book(&images, &gradient, &mut book, Some(&mut book_bias));
    assert_close("gradient of weights", &ours, &book, 1e-4);
    assert_close("gradient of bias", &our_bias, &book_bias, 1e-4);
}

fn convolutions() -> impl Strategy<Value = Convolution> {
    let padding = || (0..3usize, 0..3usize);
    (
        (1..8usize, (1..11usize, 1..11usize, 1..40usize), 1..40usize),
        ((1..6usize, 1..6usize), 1..4usize, padding(), padding()),
    )
        .prop_map(|((batch, input, filters), (kernel, stride, rows, columns))| Convolution {
            batch,
            input: [input.0, input.1, input.2],
            filters,
            kernel: [kernel.0, kernel.1],
            stride,
            padding: [rows, columns],
        })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn computes_what_the_book_says(convolution in convolutions()) {
        for set in InstructionSet::available() {
            compare(convolution, set);
        }
    }
}
