//! Labelled images in memory, and datasets of them.

use std::fmt;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// Size of one image. Pixels are stored channel by channel, row by row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ImageShape {
    /// Number of channels: 1 for grey, 3 for red, green and blue.
    pub channels: usize,
    /// Number of rows.
    pub height: usize,
    /// Number of columns.
    pub width: usize,
}

impl ImageShape {
    /// Number of values in one image.
    pub const fn elements(&self) -> usize {
        self.channels * self.height * self.width
    }
}

impl fmt::Display for ImageShape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}x{}x{}", self.channels, self.height, self.width)
    }
}

/// Labelled images of one shape.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Images {
    /// The shape of each image.
    pub shape: ImageShape,
    /// Pixels, 0 to 255, as `[example, channel, row, column]`.
    pub pixels: Vec<u8>,
    /// Class of each example, counted from 0.
    pub labels: Vec<u8>,
}

impl Images {
    /// Returns the number of images.
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// Returns true if there is no image.
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty()
    }

    /// Returns the pixels of example `i` as `[channel, row, column]`.
    ///
    /// # Panics
    /// When there is no example `i`.
    pub fn pixels_of(&self, i: usize) -> &[u8] {
        let elements = self.shape.elements();
        &self.pixels[i * elements..][..elements]
    }

    /// Keeps at most the first `examples` examples.
    pub fn truncate(&mut self, examples: usize) {
        self.labels.truncate(examples);
        self.pixels.truncate(examples.saturating_mul(self.shape.elements()));
    }
}

/// A data file that was read. A run records the files that it trained on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DataFile {
    pub path: PathBuf,
    /// SHA-256 of the content as 64 hexadecimal digits. A `.gz` file is decompressed first, so the
    /// same data has the same checksum whether it is compressed or not.
    pub sha256: String,
}

/// A training set and a test set.
#[derive(Debug, Clone)]
pub struct Dataset {
    /// Name of the dataset, as on the command line.
    pub name: String,
    /// Number of classes.
    pub classes: usize,
    pub train: Images,
    pub test: Images,
    /// Every file that was read; empty for a generated dataset.
    pub files: Vec<DataFile>,
}

impl Dataset {
    /// Returns the shape of one image.
    pub fn shape(&self) -> ImageShape {
        self.train.shape
    }

    /// Keeps the first `train_examples` and the first `test_examples`; `None` keeps all.
    pub fn take(mut self, train_examples: Option<usize>, test_examples: Option<usize>) -> Self {
        self.train.truncate(train_examples.unwrap_or(usize::MAX));
        self.test.truncate(test_examples.unwrap_or(usize::MAX));
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn three_images() -> Images {
        let shape = ImageShape { channels: 1, height: 1, width: 2 };
        Images { shape, pixels: vec![0, 1, 2, 3, 4, 5], labels: vec![7, 8, 9] }
    }

    #[test]
    fn pixels_of_an_example() {
        assert_eq!(three_images().pixels_of(1), [2, 3]);
    }

    #[test]
    fn take_keeps_the_first_examples_and_never_invents_any() {
        let dataset = Dataset {
            name: "mnist".into(),
            classes: 10,
            train: three_images(),
            test: three_images(),
            files: vec![],
        };
        let taken = dataset.take(Some(2), Some(9));
        assert_eq!((taken.train.pixels, taken.train.labels), (vec![0, 1, 2, 3], vec![7, 8]));
        assert_eq!(taken.test, three_images());
    }
}
