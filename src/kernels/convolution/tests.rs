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

/// A convolution of 3x3 filters that leaves the size as it is.
fn same(batch: usize, size: usize, channels: usize, filters: usize) -> Convolution {
    Convolution {
        batch,
        input: [size, size, channels],
        filters,
        kernel: [3, 3],
        stride: 1,
        padding: [(1, 1); 2],
    }
}

#[test]
fn sums_of_several_parts_and_images_of_several_chunks_are_right_too() {
    for set in InstructionSet::available() {
        compare(same(2, 3, 300, 20), set);
        compare(same(2, 20, 3, 40), set);
        compare(same(70, 2, 5, 33), set);
        compare(same(3, 13, 16, 16), set);
    }
}

#[test]
fn results_do_not_depend_on_the_number_of_threads() {
    let strided = Convolution { stride: 2, padding: [(0, 1), (1, 2)], ..same(5, 9, 17, 40) };
    // Its filters see nothing but padding.
    let blind =
        Convolution { kernel: [1, 3], padding: [(1, 0), (1, 1)], stride: 3, ..same(2, 1, 7, 3) };
    for (convolution, set) in [same(7, 4, 20, 70), same(5, 14, 3, 16), strided, blind]
        .into_iter()
        .flat_map(|convolution| InstructionSet::available().map(move |set| (convolution, set)))
    {
        let images = numbers(convolution.batch * convolution.input.iter().product::<usize>(), 1);
        let weights = numbers(convolution.filters * convolution.input[2] * convolution.taps(), 2);
        let gradient =
            numbers(convolution.batch * convolution.output().iter().product::<usize>(), 3);
        let results = |threads: usize| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            let (mut outputs, mut images_gradient) = (gradient.clone(), images.clone());
            let (mut weights_gradient, mut bias) =
                (weights.clone(), vec![0.0; convolution.filters]);
            pool.install(|| {
                convolution.forward(set, &images, &weights, None, false, &mut outputs);
                convolution.backward_images(set, &gradient, &weights, &mut images_gradient);
                let bias = Some(&mut bias[..]);
                convolution.backward_weights(set, &images, &gradient, &mut weights_gradient, bias);
            });
            [outputs, images_gradient, weights_gradient, bias]
        };
        let one = results(1);
        assert!(one == results(2) && one == results(3), "{convolution:?} {}", set.name());
    }
}

/// A convolution is linear in the images and in the weights: a step of one changes the outputs by their derivative.
#[test]
fn what_is_not_a_number_is_not_hidden_by_relu() {
    for set in InstructionSet::available() {
        let convolution = same(1, 3, 8, 20);
        let weights = numbers(20 * 8 * 9, 2);
        let mut images = numbers(3 * 3 * 8, 1);
        images[4 * 8] = f32::NAN;
        let mut outputs = [0.0; 3 * 3 * 20];
        convolution.forward(set, &images, &weights, None, true, &mut outputs);
        // The middle pixel is seen from everywhere.
        assert!(outputs.iter().all(|output| output.is_nan()), "{}", set.name());
    }
}

#[test]
fn gradients_by_the_book_are_the_changes_of_the_outputs() {
    let convolution = Convolution { stride: 2, padding: [(1, 0), (1, 2)], ..same(2, 5, 2, 3) };
    let images = numbers(convolution.batch * convolution.input.iter().product::<usize>(), 1);
    let weights = numbers(convolution.filters * convolution.input[2] * convolution.taps(), 2);
    let gradient = numbers(convolution.batch * convolution.output().iter().product::<usize>(), 3);
    let score = |images: &[f32], weights: &[f32]| {
        let mut outputs = vec![0.0; gradient.len()];
        convolution.forward_by_the_book(images, weights, None, false, &mut outputs);
        outputs.iter().zip(&gradient).map(|(output, gradient)| output * gradient).sum::<f32>()
    };
    let changes = |numbers: &[f32], score: &dyn Fn(&[f32]) -> f32| -> Vec<f32> {
        let changed = |index: usize| {
            let mut changed = numbers.to_vec();
            changed[index] += 1.0;
            score(&changed) - score(numbers)
        };
        (0..numbers.len()).map(changed).collect()
    };
    let (mut of_images, mut of_weights) = (images.clone(), weights.clone());
    convolution.backward_images_by_the_book(&gradient, &weights, &mut of_images);
    convolution.backward_weights_by_the_book(&images, &gradient, &mut of_weights, None);
    assert_close("images", &changes(&images, &|images| score(images, &weights)), &of_images, 1e-4);
    assert_close(
        "weights",
        &changes(&weights, &|weights| score(&images, weights)),
        &of_weights,
        1e-4,
    );
}
