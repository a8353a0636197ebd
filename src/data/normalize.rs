//! Normalization of pixels, by statistics of the training set only.

use serde::{Deserialize, Serialize};

use super::Images;

/// Conversion of pixels, 0 to 255, to a network's inputs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Normalization {
    /// Pixel / 255, from 0 to 1 (the paper's MNIST experiments).
    #[default]
    Unit,
    /// (pixel - mean) / standard deviation, each a single value for the whole training set (Conv2,
    /// Conv4, Conv13).
    ZScore,
    /// Pixel / 255 minus the mean of the same over the training set, for each position (ResNet50).
    UnitMinusPixelMean,
}

/// A [`Normalization`] with the statistics of a training set.
///
/// A pixel has 256 possible values, so the conversion is a lookup table, followed by an offset per
/// position for the pixel mean.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Normalizer {
    table: Box<[f32; 256]>,
    pixel_mean: Option<Vec<f32>>,
}

impl Normalizer {
    /// Computes the statistics of the training set. Test images are normalized by them, too.
    pub(crate) fn fit(normalization: Normalization, train: &Images) -> Self {
        let (mean, scale) = match normalization {
            Normalization::Unit | Normalization::UnitMinusPixelMean => (0.0, 255.0),
            Normalization::ZScore => mean_and_deviation(&train.pixels),
        };
        let table = std::array::from_fn(|value| ((value as f64 - mean) / scale) as f32);
        let pixel_mean =
            (normalization == Normalization::UnitMinusPixelMean).then(|| mean_of_each_pixel(train));
        Self { table: Box::new(table), pixel_mean }
    }

    /// Writes the normalized image to `out`.
    ///
    /// # Panics
    /// When the lengths of `pixels`, `out` and the images of the training set differ.
    pub(crate) fn apply(&self, pixels: &[u8], out: &mut [f32]) {
        assert_eq!(pixels.len(), out.len(), "one value per pixel");
        for (value, pixel) in out.iter_mut().zip(pixels) {
            *value = self.table[usize::from(*pixel)];
        }
        if let Some(mean) = &self.pixel_mean {
            assert_eq!(mean.len(), out.len(), "images of the training set's shape");
            out.iter_mut().zip(mean).for_each(|(value, mean)| *value -= mean);
        }
    }
}

/// Mean and standard deviation of all pixels. The sums are integers, so they are exact in any
/// order. If all pixels are equal, the standard deviation is taken to be 1.
fn mean_and_deviation(pixels: &[u8]) -> (f64, f64) {
    let count = pixels.len().max(1) as f64;
    let sum: u64 = pixels.iter().map(|&pixel| u64::from(pixel)).sum();
    let squares: u64 = pixels.iter().map(|&pixel| u64::from(pixel) * u64::from(pixel)).sum();
    let mean = sum as f64 / count;
    let variance = squares as f64 / count - mean * mean;
    (mean, if variance > 0.0 { variance.sqrt() } else { 1.0 })
}

fn mean_of_each_pixel(images: &Images) -> Vec<f32> {
    let mut sums = vec![0_u64; images.shape.elements()];
    for example in 0..images.len() {
        let pixels = images.pixels_of(example);
        sums.iter_mut().zip(pixels).for_each(|(sum, pixel)| *sum += u64::from(*pixel));
    }
    let count = images.len().max(1) as f64;
    sums.into_iter().map(|sum| (sum as f64 / count / 255.0) as f32).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::ImageShape;

    fn two_images() -> Images {
        let shape = ImageShape { channels: 1, height: 1, width: 2 };
        Images { shape, pixels: vec![0, 51, 102, 51], labels: vec![0, 1] }
    }

    fn normalized(normalization: Normalization, images: &Images, example: usize) -> Vec<f32> {
        let mut out = vec![f32::NAN; images.shape.elements()];
        Normalizer::fit(normalization, images).apply(images.pixels_of(example), &mut out);
        out
    }

    #[test]
    fn unit_divides_by_255() {
        assert_eq!(normalized(Normalization::Unit, &two_images(), 1), [0.4, 0.2]);
    }

    #[test]
    fn z_score_uses_one_mean_and_deviation_for_all() {
        // 0, 51, 102, 51: mean 51, variance (51² + 51²) / 4, deviation 51 / √2.
        let expected = [-std::f32::consts::SQRT_2, 0.0];
        assert_eq!(normalized(Normalization::ZScore, &two_images(), 0), expected);
    }

    #[test]
    fn z_score_of_a_constant_is_zero() {
        let constant = Images { pixels: vec![9; 4], ..two_images() };
        assert_eq!(normalized(Normalization::ZScore, &constant, 0), [0.0, 0.0]);
    }

    #[test]
    fn pixel_mean_is_taken_position_by_position() {
        // Means: (0 + 102) / 2 = 51 and 51, that is 0.2 and 0.2 of 255.
        let expected = [-0.2, 0.0];
        assert_eq!(normalized(Normalization::UnitMinusPixelMean, &two_images(), 0), expected);
    }

    #[test]
    fn names_in_toml() {
        let names = [Normalization::Unit, Normalization::ZScore, Normalization::UnitMinusPixelMean]
            .map(|normalization| serde_json::to_string(&normalization).unwrap());
        assert_eq!(names, ["\"unit\"", "\"z-score\"", "\"unit-minus-pixel-mean\""]);
    }
}
