//! Generated digits in the shape of MNIST, which need no download.
//!
//! Ten digits, some with several ways of writing them, are drawn as pen strokes: lines and arcs
//! sampled at points. The points are distorted by a few slow waves, then scaled, sheared, rotated
//! and shifted, and drawn with a pen of random width and darkness on a noisy background. Distorting
//! points instead of pixels keeps the cost of an example to some microseconds.
//!
//! Digits are shifted and rotated so much that a linear model stays below 90 % accuracy. A
//! convolutional network exceeds 98 %.

use rand::{Rng, RngExt};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::{DataError, Dataset, DatasetName, Images};
use crate::random::{Purpose, stream};

/// Size and seed of the generated dataset.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct GlyphsConfig {
    /// Number of training examples, at least 1. Default: 20,000.
    pub train_examples: usize,
    /// Number of test examples, at least 1. Default: 4,000.
    pub test_examples: usize,
    /// Seed of the examples. It is separate from the experiment's seed, so that runs with different
    /// seeds share their data. Any whole number from 0; default: 1.
    pub seed: u64,
}

impl Default for GlyphsConfig {
    fn default() -> Self {
        let (train_examples, test_examples) = DatasetName::Glyphs.examples();
        Self { train_examples, test_examples, seed: 1 }
    }
}

/// Height and width of an image in pixels.
const SIDE: usize = 28;

/// A point as (right, down). A digit spans -1 to 1 vertically, an image 0 to 28 in both directions.
type Point = [f32; 2];

/// One stroke of the pen.
enum Stroke {
    /// Straight lines from point to point.
    Line(&'static [Point]),
    /// Part of an ellipse, with angles in degrees, clockwise from the right.
    Arc { centre: Point, radii: Point, from: f32, to: f32 },
}

/// A way to write a digit.
type Glyph = &'static [Stroke];

use Stroke::{Arc, Line};

/// The ways to write each digit.
#[rustfmt::skip]
const DIGITS: [&[Glyph]; 10] = [
    &[&[Arc { centre: [0.0, 0.0], radii: [0.55, 1.0], from: 0.0, to: 360.0 }]],
    &[
        &[Line(&[[0.0, -1.0], [0.0, 1.0]])],
        &[Line(&[[-0.4, -0.5], [0.05, -1.0], [0.05, 1.0]])],
        &[Line(&[[-0.35, -0.6], [0.0, -1.0], [0.0, 1.0]]), Line(&[[-0.4, 1.0], [0.4, 1.0]])],
    ],
    &[&[
        Arc { centre: [0.0, -0.45], radii: [0.52, 0.55], from: -180.0, to: 40.0 },
        Line(&[[0.4, -0.1], [-0.55, 1.0], [0.6, 1.0]]),
    ]],
    &[
        &[
            Arc { centre: [0.0, -0.5], radii: [0.48, 0.5], from: -160.0, to: 90.0 },
            Arc { centre: [0.0, 0.5], radii: [0.55, 0.5], from: -90.0, to: 160.0 },
        ],
        &[
            Line(&[[-0.5, -1.0], [0.45, -1.0], [-0.05, -0.2]]),
            Arc { centre: [-0.05, 0.4], radii: [0.6, 0.6], from: -90.0, to: 150.0 },
        ],
    ],
    &[
        &[Line(&[[0.25, 1.0], [0.25, -1.0], [-0.6, 0.35], [0.6, 0.35]])],
        &[Line(&[[-0.4, -1.0], [-0.5, 0.15], [0.55, 0.15]]), Line(&[[0.3, -0.9], [0.25, 1.0]])],
    ],
    &[&[
        Line(&[[0.5, -1.0], [-0.4, -1.0], [-0.45, 0.0]]),
        Arc { centre: [0.0, 0.4], radii: [0.58, 0.6], from: -140.0, to: 150.0 },
    ]],
    &[&[
        Line(&[[0.35, -1.0], [-0.25, -0.5], [-0.5, 0.1], [-0.5, 0.45]]),
        Arc { centre: [0.02, 0.45], radii: [0.52, 0.55], from: 0.0, to: 360.0 },
    ]],
    &[
        &[Line(&[[-0.55, -1.0], [0.55, -1.0], [-0.1, 1.0]])],
        &[Line(&[[-0.55, -1.0], [0.55, -1.0], [-0.1, 1.0]]), Line(&[[-0.3, 0.0], [0.5, 0.0]])],
    ],
    &[&[
        Arc { centre: [0.0, -0.5], radii: [0.42, 0.5], from: 0.0, to: 360.0 },
        Arc { centre: [0.0, 0.5], radii: [0.52, 0.5], from: 0.0, to: 360.0 },
    ]],
    &[
        &[
            Arc { centre: [0.0, -0.45], radii: [0.5, 0.55], from: 0.0, to: 360.0 },
            Line(&[[0.5, -0.45], [0.42, 0.3], [0.15, 1.0]]),
        ],
        &[
            Arc { centre: [0.0, -0.45], radii: [0.5, 0.55], from: 0.0, to: 360.0 },
            Line(&[[0.5, -0.45], [0.5, 0.5]]),
            Arc { centre: [0.0, 0.5], radii: [0.5, 0.5], from: 0.0, to: 140.0 },
        ],
    ],
];

/// Generates a training set and a test set. Example `i` of each depends on the seed and `i` only.
pub(super) fn generate(config: &GlyphsConfig) -> Result<Dataset, DataError> {
    for examples in [config.train_examples, config.test_examples] {
        if examples == 0 {
            return Err(DataError::NoBatches { examples, batch_size: 1 });
        }
    }
    Ok(Dataset {
        name: DatasetName::Glyphs.to_string(),
        classes: DatasetName::Glyphs.classes(),
        train: draw_all(config.seed, 0, config.train_examples),
        test: draw_all(config.seed, 1, config.test_examples),
        files: vec![],
    })
}

/// Draws the examples of the training set (`part` 0) or of the test set (1).
fn draw_all(seed: u64, part: u64, examples: usize) -> Images {
    let mut pixels = vec![0; examples * SIDE * SIDE];
    let mut labels = vec![0; examples];
    let each = pixels.par_chunks_exact_mut(SIDE * SIDE).zip(&mut labels).enumerate();
    each.for_each(|(example, (image, label))| {
        let mut random = stream(seed, Purpose::Glyphs, part, example as u64);
        *label = random.random_range(0..DIGITS.len() as u8);
        draw(*label, &mut random, image);
    });
    Images { shape: DatasetName::Glyphs.shape(), pixels, labels }
}

/// Draws one digit onto an image.
fn draw(digit: u8, random: &mut impl Rng, image: &mut [u8]) {
    let ways = DIGITS[usize::from(digit)];
    let glyph = ways[random.random_range(0..ways.len())];
    let distortion = Distortion::draw(random);
    let radius = random.random_range(0.55..1.35);
    let ink = random.random_range(0.6..1.0);
    let mut coverage = [0.0; SIDE * SIDE];
    for stroke in glyph {
        let points: Vec<Point> =
            stroke.points().into_iter().map(|point| distortion.apply(point)).collect();
        for ends in points.windows(2) {
            draw_segment(ends[0], ends[1], radius, &mut coverage);
        }
    }
    let mut noise = [[0; 2]; SIDE * SIDE];
    random.fill_bytes(noise.as_flattened_mut());
    for ((pixel, covered), [a, b]) in image.iter_mut().zip(coverage).zip(noise) {
        // The difference of two random bytes has a triangular distribution around 0.
        let noise = (f32::from(a) - f32::from(b)) * 0.16;
        *pixel = (255.0 * ink * covered + noise) as u8; // The cast saturates at 0 and 255.
    }
}

impl Stroke {
    /// Returns points along the stroke, close enough to each other for a smooth distortion.
    fn points(&self) -> Vec<Point> {
        match self {
            Line(corners) => {
                let sides = corners.windows(2).flat_map(|ends| {
                    (0..6).map(move |i| between(ends[0], ends[1], i as f32 / 6.0))
                });
                sides.chain(corners.last().copied()).collect()
            }
            Arc { centre, radii, from, to } => {
                let steps = ((to - from) / 18.0).ceil();
                let at = |i: usize| {
                    let (sin, cos) = (from + (to - from) * i as f32 / steps).to_radians().sin_cos();
                    [centre[0] + radii[0] * cos, centre[1] + radii[1] * sin]
                };
                (0..=steps as usize).map(at).collect()
            }
        }
    }
}

fn between(a: Point, b: Point, fraction: f32) -> Point {
    [a[0] + (b[0] - a[0]) * fraction, a[1] + (b[1] - a[1]) * fraction]
}

/// Map from a digit's coordinates to those of the image: slow waves, then an affine map.
struct Distortion {
    waves: [Wave; 3],
    matrix: [Point; 2],
    offset: Point,
}

/// A displacement that varies slowly over the digit.
struct Wave {
    direction: Point,
    frequency: Point,
    phase: f32,
}

impl Distortion {
    fn draw(random: &mut impl Rng) -> Self {
        let waves = std::array::from_fn(|_| Wave {
            direction: [random.random_range(-0.12..0.12), random.random_range(-0.12..0.12)],
            frequency: [random.random_range(-2.5..2.5), random.random_range(-2.5..2.5)],
            phase: random.random_range(0.0..std::f32::consts::TAU),
        });
        let size = random.random_range(6.5..10.0);
        let (width, height) =
            (size * random.random_range(0.7..1.2), size * random.random_range(0.85..1.05));
        let slant = random.random_range(-0.35_f32..0.35);
        let (sin, cos) = random.random_range(-25_f32..25.0).to_radians().sin_cos();
        let middle = SIDE as f32 / 2.0;
        let mut shifted = || middle + random.random_range(-3.0..3.0);
        Self {
            waves,
            matrix: [
                [cos * width, (cos * slant - sin) * height],
                [sin * width, (sin * slant + cos) * height],
            ],
            offset: [shifted(), shifted()],
        }
    }

    fn apply(&self, point: Point) -> Point {
        let mut bent = point;
        for Wave { direction, frequency, phase } in &self.waves {
            let height = (frequency[0] * point[0] + frequency[1] * point[1] + phase).sin();
            bent[0] += direction[0] * height;
            bent[1] += direction[1] * height;
        }
        let [right, down] = self.matrix;
        [
            right[0] * bent[0] + right[1] * bent[1] + self.offset[0],
            down[0] * bent[0] + down[1] * bent[1] + self.offset[1],
        ]
    }
}

/// Covers the pixels within `radius` of the segment from `a` to `b`, with a soft edge a pixel wide.
fn draw_segment(a: Point, b: Point, radius: f32, coverage: &mut [f32; SIDE * SIDE]) {
    let along = [b[0] - a[0], b[1] - a[1]];
    let length_squared = (along[0] * along[0] + along[1] * along[1]).max(f32::MIN_POSITIVE);
    let reach = radius + 1.0;
    let pixels = |axis: usize| {
        let (low, high) = (a[axis].min(b[axis]) - reach, a[axis].max(b[axis]) + reach);
        low.max(0.0) as usize..(high.max(0.0) as usize).min(SIDE) // The casts saturate.
    };
    for row in pixels(1) {
        for column in pixels(0) {
            let from_a = [column as f32 + 0.5 - a[0], row as f32 + 0.5 - a[1]];
            let nearest = (from_a[0] * along[0] + from_a[1] * along[1]) / length_squared;
            let nearest = nearest.clamp(0.0, 1.0);
            let (x, y) = (from_a[0] - nearest * along[0], from_a[1] - nearest * along[1]);
            let covered = (radius + 0.5 - (x * x + y * y).sqrt()).clamp(0.0, 1.0);
            let pixel = &mut coverage[row * SIDE + column];
            *pixel = pixel.max(covered);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn glyphs(train_examples: usize, test_examples: usize, seed: u64) -> Dataset {
        generate(&GlyphsConfig { train_examples, test_examples, seed }).unwrap()
    }

    #[test]
    fn an_example_depends_on_the_seed_and_its_number_only() {
        let (few, many) = (glyphs(5, 3, 7), glyphs(50, 30, 7));
        assert_eq!(many.clone().take(Some(5), Some(3)).train, few.train);
        assert_eq!(many.take(Some(5), Some(3)).test, few.test);
        assert_ne!(few.train, glyphs(5, 3, 8).train);
        assert_ne!(few.train.pixels_of(0), few.test.pixels_of(0));
    }

    #[test]
    fn all_ten_digits_come_up_about_equally_often() {
        let labels = glyphs(5_000, 1, 1).train.labels;
        for digit in 0..10 {
            let count = labels.iter().filter(|label| **label == digit).count();
            assert!((400..600).contains(&count), "{count} of digit {digit}");
        }
    }

    #[test]
    fn a_segment_covers_what_is_near_it() {
        let mut coverage = [0.0; SIDE * SIDE];
        draw_segment([5.5, 3.5], [9.5, 3.5], 1.0, &mut coverage);
        let at = |column: usize, row: usize| coverage[row * SIDE + column];
        assert_eq!([at(5, 3), at(7, 3), at(9, 3)], [1.0; 3], "on the segment");
        assert_eq!([at(7, 2), at(7, 4)], [0.5; 2], "its edge runs through these pixels");
        assert_eq!([at(7, 1), at(3, 3), at(12, 3)], [0.0; 3], "away from it");
    }

    #[test]
    fn a_segment_outside_the_image_is_no_trouble() {
        let mut coverage = [0.0; SIDE * SIDE];
        draw_segment([-9.0, -9.0], [-5.0, 40.0], 1.0, &mut coverage);
        draw_segment([90.0, 90.0], [90.0, 90.0], 1.0, &mut coverage);
        assert_eq!(coverage, [0.0; SIDE * SIDE]);
    }

    #[test]
    fn nothing_is_refused() {
        assert!(generate(&GlyphsConfig { train_examples: 0, ..Default::default() }).is_err());
        assert!(toml::from_str::<GlyphsConfig>("examples = 3").is_err(), "an unknown key");
    }

    /// Test accuracy of a linear model, trained by softmax regression with SGD.
    fn linear_accuracy(dataset: &Dataset, epochs: usize) -> f64 {
        let mut weights = vec![[0.0_f32; 10]; SIDE * SIDE + 1];
        let image_of = |images: &Images, i: usize| -> Vec<f32> {
            let pixels = images.pixels_of(i).iter().map(|pixel| f32::from(*pixel) / 255.0);
            pixels.chain([1.0]).collect()
        };
        let scores = |weights: &[[f32; 10]], image: &[f32]| {
            image.iter().zip(weights).fold([0.0; 10], |scores: [f32; 10], (pixel, weights)| {
                std::array::from_fn(|class| scores[class] + pixel * weights[class])
            })
        };
        for epoch in 0..epochs {
            let rate = 0.02 / (1.0 + epoch as f32);
            for i in 0..dataset.train.len() {
                let image = image_of(&dataset.train, i);
                let exponentials = scores(&weights, &image).map(f32::exp);
                let total: f32 = exponentials.iter().sum();
                let mut slope = exponentials.map(|exponential| exponential / total);
                slope[usize::from(dataset.train.labels[i])] -= 1.0;
                for (pixel, weights) in image.iter().zip(&mut weights) {
                    (0..10).for_each(|class| weights[class] -= rate * pixel * slope[class]);
                }
            }
        }
        let is_right = |i: &usize| {
            let scores = scores(&weights, &image_of(&dataset.test, *i));
            let best = (0..10).max_by(|a, b| scores[*a].total_cmp(&scores[*b]));
            best == Some(usize::from(dataset.test.labels[*i]))
        };
        (0..dataset.test.len()).filter(is_right).count() as f64 / dataset.test.len() as f64
    }

    #[test]
    fn a_linear_model_learns_something_but_stays_under_ninety_percent() {
        let accuracy = linear_accuracy(&glyphs(20_000, 4_000, 1), 6);
        assert!((0.4..0.9).contains(&accuracy), "{accuracy}");
    }
}
