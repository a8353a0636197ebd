//! Labelled images in memory, and the datasets made of them.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The size of one image; its pixels lie channel by channel, row by row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ImageShape {
    /// Channels: 1 for grey, 3 for red, green, blue.
    pub channels: usize,
    /// Rows.
    pub height: usize,
    /// Columns.
    pub width: usize,
}

impl ImageShape {
    /// How many numbers one image has.
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
    /// All pixels, 0 to 255, as `[example, channel, row, column]`.
    pub pixels: Vec<u8>,
    /// The class of each example, counted from 0.
    pub labels: Vec<u8>,
}

impl Images {
    /// How many examples there are.
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// Whether there is no example.
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty()
    }

    /// The pixels of example `i`, as `[channel, row, column]`.
    ///
    /// # Panics
    /// When there is no example `i`.
    pub fn pixels_of(&self, i: usize) -> &[u8] {
        let elements = self.shape.elements();
        &self.pixels[i * elements..][..elements]
    }

    /// Keeps the first `examples` (all, if there are fewer).
    pub fn truncate(&mut self, examples: usize) {
        self.labels.truncate(examples);
        self.pixels.truncate(examples.saturating_mul(self.shape.elements()));
    }
}

/// A file that was read, so that a run can say what it trained on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DataFile {
    /// Where it was found.
    pub path: PathBuf,
    /// SHA-256 of its content as 64 hexadecimal digits. Of a `.gz` file it is the content once
    /// inflated: the same data has the same checksum however it was compressed.
    pub sha256: String,
}

/// A train set, a test set and where they came from.
#[derive(Debug, Clone)]
pub struct Dataset {
    /// Which dataset this is, as on the command line.
    pub name: String,
    /// How many classes the labels count.
    pub classes: usize,
    /// The examples to train on.
    pub train: Images,
    /// The examples to test on.
    pub test: Images,
    /// Every file that was read; none for a generated dataset.
    pub files: Vec<DataFile>,
}

impl Dataset {
    /// The shape of an image.
    pub fn shape(&self) -> ImageShape {
        self.train.shape
    }

    /// Keeps the first `train_examples` and `test_examples`; `None` keeps all.
    pub fn take(mut self, train_examples: Option<usize>, test_examples: Option<usize>) -> Self {
        self.train.truncate(train_examples.unwrap_or(usize::MAX));
        self.test.truncate(test_examples.unwrap_or(usize::MAX));
        self
    }
}

/// A dataset by name.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize, clap::ValueEnum,
)]
#[serde(rename_all = "kebab-case")]
pub enum DatasetName {
    /// Generated digits, shaped like MNIST: needs no file at all.
    #[default]
    Glyphs,
    /// MNIST: 60,000 + 10,000 handwritten digits.
    Mnist,
    /// Fashion-MNIST: 60,000 + 10,000 pieces of clothing, in MNIST's format.
    FashionMnist,
    /// CIFAR-10: 50,000 + 10,000 colour photographs of ten kinds of things.
    Cifar10,
}

impl DatasetName {
    /// Every dataset there is.
    pub const ALL: [Self; 4] = [Self::Glyphs, Self::Mnist, Self::FashionMnist, Self::Cifar10];

    /// The name on the command line, in TOML and of the dataset's folder.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Glyphs => "glyphs",
            Self::Mnist => "mnist",
            Self::FashionMnist => "fashion-mnist",
            Self::Cifar10 => "cifar10",
        }
    }

    /// The shape of its images.
    pub const fn shape(self) -> ImageShape {
        match self {
            Self::Cifar10 => ImageShape { channels: 3, height: 32, width: 32 },
            _ => ImageShape { channels: 1, height: 28, width: 28 },
        }
    }

    /// How many classes it has.
    pub const fn classes(self) -> usize {
        10
    }

    /// How many train and test examples it has as published; of glyphs, by default.
    pub const fn examples(self) -> (usize, usize) {
        match self {
            Self::Glyphs => (20_000, 4_000),
            Self::Mnist | Self::FashionMnist => (60_000, 10_000),
            Self::Cifar10 => (50_000, 10_000),
        }
    }

    /// What a class is called.
    pub fn class_name(self, label: u8) -> &'static str {
        const DIGITS: [&str; 10] = ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"];
        #[rustfmt::skip]
        const CLOTHES: [&str; 10] = [
            "t-shirt", "trousers", "pullover", "dress", "coat",
            "sandal", "shirt", "sneaker", "bag", "ankle boot",
        ];
        #[rustfmt::skip]
        const THINGS: [&str; 10] = [
            "airplane", "automobile", "bird", "cat", "deer",
            "dog", "frog", "horse", "ship", "truck",
        ];
        let names = match self {
            Self::Glyphs | Self::Mnist => DIGITS,
            Self::FashionMnist => CLOTHES,
            Self::Cifar10 => THINGS,
        };
        names.get(usize::from(label)).copied().unwrap_or("?")
    }
}

impl fmt::Display for DatasetName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for DatasetName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL.into_iter().find(|name| name.as_str() == text).ok_or_else(|| {
            let known = Self::ALL.map(Self::as_str).join(", ");
            format!("there is no dataset {text:?}; there are {known}")
        })
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

    #[test]
    fn a_name_is_spelled_the_same_everywhere() {
        for name in DatasetName::ALL {
            let possible = clap::ValueEnum::to_possible_value(&name).expect("no variant is hidden");
            assert_eq!(possible.get_name(), name.as_str());
            assert_eq!(serde_json::to_value(name).unwrap(), name.as_str());
            assert_eq!(name.as_str().parse(), Ok(name));
        }
        assert!("emnist".parse::<DatasetName>().unwrap_err().contains("fashion-mnist"));
    }
}
