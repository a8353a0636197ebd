use proptest::prelude::*;

use super::*;
use crate::kernels::testing::{assert_close, numbers};

fn compare(convolution: Convolution, set: InstructionSet, tolerance: f32) {
    let images = numbers(convolution.batch * convolution.input.iter().product::<usize>(), 1);
    let weights = numbers(convolution.filters * convolution.input[2] * convolution.taps(), 2);
    let outputs = convolution.batch * convolution.output().iter().product::<usize>();
    let (bias, gradient) = (numbers(convolution.filters, 3), numbers(outputs, 4));

    for (bias, relu) in [(None, false), (Some(&bias[..]), false), (Some(&bias[..]), true)] {
        let (mut ours, mut book) = (vec![f32::NAN; outputs], vec![f32::NAN; outputs]);
        convolution.forward(set, &images, &weights, bias, relu, &mut ours);
        convolution.forward_by_the_book(&images, &weights, bias, relu, &mut book);
        assert_close("outputs", &ours, &book, tolerance);
        // Packed weights do not depend on the number of images.
        let single = Convolution { batch: 1, ..convolution };
        let mut packed = vec![f32::NAN; single.packed_len(set).unwrap_or(weights.len())];
        single.pack(set, &weights, &mut packed);
        convolution.forward_packed(set, &images, &packed, bias, relu, &mut book);
        assert!(ours == book, "outputs by packed weights");
    }

    let (mut ours, mut book) = (vec![f32::NAN; images.len()], vec![f32::NAN; images.len()]);
    convolution.backward_images(set, &gradient, &weights, &mut ours);
    convolution.backward_images_by_the_book(&gradient, &weights, &mut book);
    assert_close("gradient of images", &ours, &book, tolerance);

    let (mut ours, mut book) = (vec![f32::NAN; weights.len()], vec![f32::NAN; weights.len()]);
    let (mut our_bias, mut book_bias) = (vec![f32::NAN; bias.len()], vec![f32::NAN; bias.len()]);
    convolution.backward_weights(set, &images, &gradient, &mut ours, Some(&mut our_bias));
    convolution.backward_weights_by_the_book(&images, &gradient, &mut book, Some(&mut book_bias));
    assert_close("gradient of weights", &ours, &book, tolerance);
    assert_close("gradient of bias", &our_bias, &book_bias, tolerance);
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

/// Convolutions wide enough for Winograd's method, forward or backward, on some instruction set.
fn wide_convolutions() -> impl Strategy<Value = Convolution> {
    let wide = || (1..7usize).prop_map(|vectors| 16 * vectors);
    let filters = prop_oneof![
        Just(([3, 3], 1)).prop_flat_map(|filter| (Just(filter), 3..14usize, 3..14usize)),
        // Both even and odd sizes and paddings, which shift the filters against the lattices.
        Just(([5, 5], 2)).prop_flat_map(|filter| (Just(filter), 5..24usize, 5..24usize)),
    ];
    let padding = || (0..6usize, 0..6usize);
    (1..4usize, filters, wide(), wide(), padding(), padding())
        .prop_map(|(batch, ((kernel, stride), height, width), channels, filters, rows, columns)| {
            Convolution {
                input: [height, width, channels],
                kernel,
                stride,
                padding: [rows, columns],
                ..same(batch, 0, channels, filters)
            }
        })
        .prop_filter("direct", |convolution| {
            InstructionSet::available().any(|set| {
                Winograd::of(convolution, set).is_some()
                    || Winograd::back(convolution, set).is_some()
            })
        })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn computes_what_the_book_says(convolution in convolutions()) {
        for set in InstructionSet::available() {
            compare(convolution, set, 1e-4);
        }
    }
}

proptest! {
    // The reference is slow.
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn wide_ones_do_too(convolution in wide_convolutions()) {
        for set in InstructionSet::available() {
            // Rounding errors grow with the number of products in a sum.
            let tolerance = 2e-4 * convolution.taps() as f32 / 9.0;
            compare(convolution, set, tolerance);
        }
    }
}

/// A 3x3 convolution that keeps the size of the image.
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

/// A 5x5 convolution that halves the size of the image.
fn halved(batch: usize, size: usize, channels: usize, filters: usize) -> Convolution {
    Convolution {
        kernel: [5, 5],
        stride: 2,
        padding: [(1, 2); 2],
        ..same(batch, size, channels, filters)
    }
}

#[test]
fn sums_of_several_parts_and_images_of_several_chunks_are_right_too() {
    for set in InstructionSet::available() {
        compare(same(2, 3, 300, 20), set, 1e-4);
        compare(same(2, 20, 3, 40), set, 1e-4);
        compare(same(70, 2, 5, 33), set, 1e-4);
        compare(same(3, 13, 16, 16), set, 1e-4);
        // Enough tiles for two halves of them.
        compare(same(9, 16, 32, 32), set, 5e-4);
    }
}

#[test]
fn filters_that_cover_whole_images() {
    let whole = |batch, height, width, channels, filters| Convolution {
        input: [height, width, channels],
        kernel: [height, width],
        padding: [(0, 0); 2],
        ..same(batch, 0, channels, filters)
    };
    for set in InstructionSet::available() {
        compare(whole(50, 4, 4, 64, 128), set, 2e-4);
        compare(Convolution { stride: 2, ..whole(3, 2, 5, 7, 19) }, set, 1e-4);
        compare(whole(2, 1, 1, 9, 4), set, 1e-4);
    }
}

#[test]
fn results_do_not_depend_on_the_number_of_threads() {
    let strided = Convolution { stride: 2, padding: [(0, 1), (1, 2)], ..same(5, 9, 17, 40) };
    // Its filters see only padding.
    let blind =
        Convolution { kernel: [1, 3], padding: [(1, 0), (1, 1)], stride: 3, ..same(2, 1, 7, 3) };
    let wide = same(9, 16, 32, 64);
    let whole = Convolution { kernel: [4, 4], padding: [(0, 0); 2], ..same(50, 4, 64, 128) };
    let valid = Convolution { padding: [(0, 0); 2], ..same(5, 10, 32, 64) };
    let lattices = halved(5, 16, 32, 64);
    let narrow = same(5, 16, 16, 16);
    for (convolution, set) in [
        same(7, 4, 20, 70),
        same(5, 14, 3, 16),
        wide,
        narrow,
        whole,
        valid,
        lattices,
        strided,
        blind,
    ]
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

#[test]
fn what_is_not_a_number_is_not_hidden_by_relu() {
    for set in InstructionSet::available() {
        for convolution in [same(1, 3, 8, 20), same(1, 8, 32, 32)] {
            let [_, width, channels] = convolution.input;
            let weights = numbers(convolution.filters * channels * 9, 2);
            let mut images = numbers(width * width * channels, 1);
            images[(width + 1) * channels] = f32::NAN;
            let mut outputs = vec![0.0; width * width * convolution.filters];
            convolution.forward(set, &images, &weights, None, true, &mut outputs);
            for row in outputs.chunks_exact(width * convolution.filters).take(3) {
                // The pixels whose filters reach the NaN.
                let row = &row[..3 * convolution.filters];
                assert!(row.iter().all(|output| output.is_nan()), "{}", set.name());
            }
        }
    }
}

#[test]
fn rounding_errors_of_winograds_method_are_small() {
    let error = |ours: &[f32], book: &[f32]| {
        let sum = |number: &dyn Fn(f32, f32) -> f32| {
            ours.iter().zip(book).map(|(ours, book)| number(*ours, *book).powi(2)).sum::<f32>()
        };
        (sum(&|ours, book| ours - book) / sum(&|_, book| book)).sqrt()
    };
    let padded = same(2, 8, 128, 128);
    // Its backward pass uses the transposed transforms.
    let valid = Convolution { padding: [(0, 0); 2], ..same(2, 10, 128, 128) };
    // This has four times as many channels after it is split into lattices.
    let lattices = halved(2, 16, 128, 128);
    for (convolution, set) in [padded, valid, lattices]
        .into_iter()
        .flat_map(|convolution| InstructionSet::available().map(move |set| (convolution, set)))
    {
        let images = numbers(2 * convolution.input.iter().product::<usize>(), 1);
        let weights = numbers(128 * 128 * convolution.taps(), 2);
        let gradient = numbers(2 * 64 * 128, 3);
        assert!(Winograd::of(&convolution, set).is_some());
        assert!(Winograd::back(&convolution, set).is_some());
        let (mut ours, mut book) = (gradient.clone(), gradient.clone());
        convolution.forward(set, &images, &weights, None, false, &mut ours);
        convolution.forward_by_the_book(&images, &weights, None, false, &mut book);
        assert!(error(&ours, &book) < 2e-6, "{}: {}", set.name(), error(&ours, &book));
        let (mut ours, mut book) = (images.clone(), images.clone());
        convolution.backward_images(set, &gradient, &weights, &mut ours);
        convolution.backward_images_by_the_book(&gradient, &weights, &mut book);
        assert!(error(&ours, &book) < 2e-6, "{}: {}", set.name(), error(&ours, &book));
        let (mut ours, mut book) = (weights.clone(), weights.clone());
        convolution.backward_weights(set, &images, &gradient, &mut ours, None);
        convolution.backward_weights_by_the_book(&images, &gradient, &mut book, None);
        assert!(error(&ours, &book) < 2e-6, "{}: {}", set.name(), error(&ours, &book));
    }
}

/// A convolution is linear in the images and in the weights: changing one of them by 1 changes the
/// outputs by the derivative.
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
