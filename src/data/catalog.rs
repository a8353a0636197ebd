//! The datasets that the program knows, one [`Entry`] each.
//!
//! A new dataset in a known file format is a variant of [`DatasetName`] and its entry. A new file
//! format is also a variant of [`Files`] and a reader beside `idx.rs` and `cifar.rs`.

use serde::{Deserialize, Serialize};
use strum::VariantArray;

use super::{ImageShape, Normalization};

/// A dataset by name.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    Hash,
    Default,
    Serialize,
    Deserialize,
    clap::ValueEnum,
    strum::Display,
    strum::EnumString,
    strum::IntoStaticStr,
    strum::VariantArray,
)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case", parse_err_ty = String, parse_err_fn = unknown)]
pub enum DatasetName {
    /// Generated digits in the shape of MNIST; needs no files.
    #[default]
    Glyphs,
    /// MNIST: 60,000 training and 10,000 test images of handwritten digits.
    Mnist,
    /// Fashion-MNIST: 60,000 training and 10,000 test images of clothing, in MNIST's format.
    FashionMnist,
    /// CIFAR-10: 50,000 training and 10,000 test colour photographs in ten classes.
    Cifar10,
}

/// Facts about a dataset that are known before its files are read.
pub(super) struct Entry {
    pub shape: ImageShape,
    /// Names of the classes, in the order of their labels.
    pub classes: [&'static str; 10],
    /// Number of training and of test examples. A generated dataset has them by default.
    pub examples: (usize, usize),
    /// The normalization that the paper uses for this kind of images.
    pub normalization: Normalization,
    /// Folders that may contain the files, relative to a folder that is searched.
    pub folders: &'static [&'static str],
    pub files: Files,
    /// Where to download the files; `None` for a generated dataset.
    pub source: Option<Source>,
}

/// The files of a dataset, by format.
pub(super) enum Files {
    /// None: the dataset is generated (`glyphs.rs`).
    Generated,
    /// Training images, training labels, test images, test labels (`idx.rs`).
    Idx([KnownFile; 4]),
    /// Five files of training examples, one of test examples (`cifar.rs`).
    Cifar([KnownFile; 6]),
}

/// A file of a dataset.
#[derive(Clone, Copy)]
pub(super) struct KnownFile {
    pub name: &'static str,
    /// SHA-256 of the published content, after decompression; `None` if it is not known.
    pub sha256: Option<&'static str>,
}

/// Where a dataset is published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Source {
    /// Addresses of folders that contain all the files, in the order in which they are tried.
    pub mirrors: &'static [&'static str],
    pub files: &'static [RemoteFile<'static>],
    /// Whether the dataset is one `.tar.gz` archive to be unpacked.
    pub packed: bool,
}

/// A file as its authors published it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RemoteFile<'a> {
    /// File name, on the server and on disk.
    pub name: &'a str,
    /// Length in bytes.
    pub bytes: u64,
    /// SHA-256 of the file as 64 hexadecimal digits.
    pub sha256: &'a str,
}

impl DatasetName {
    pub(super) const fn entry(self) -> &'static Entry {
        match self {
            Self::Glyphs => &GLYPHS,
            Self::Mnist => &MNIST,
            Self::FashionMnist => &FASHION_MNIST,
            Self::Cifar10 => &CIFAR10,
        }
    }

    /// Returns the name used on the command line, in TOML and for the dataset's folder.
    pub fn as_str(self) -> &'static str {
        self.into()
    }

    /// Returns the shape of one image.
    pub const fn shape(self) -> ImageShape {
        self.entry().shape
    }

    /// Returns the number of classes.
    pub const fn classes(self) -> usize {
        self.entry().classes.len()
    }

    /// Returns the published number of training and test examples; for glyphs, the default.
    pub const fn examples(self) -> (usize, usize) {
        self.entry().examples
    }

    /// Returns the normalization that an experiment uses by default.
    pub const fn normalization(self) -> Normalization {
        self.entry().normalization
    }

    /// Returns the name of a class, or "?" for a label that the dataset does not have.
    pub fn class_name(self, label: u8) -> &'static str {
        self.entry().classes.get(usize::from(label)).copied().unwrap_or("?")
    }

    pub(super) fn files(self) -> &'static [KnownFile] {
        match &self.entry().files {
            Files::Generated => &[],
            Files::Idx(files) => files,
            Files::Cifar(files) => files,
        }
    }
}

fn unknown(name: &str) -> String {
    let known: Vec<&str> = DatasetName::VARIANTS.iter().map(|name| name.as_str()).collect();
    format!("unknown dataset {name:?}; the datasets are {}", known.join(", "))
}

const GREY_28: ImageShape = ImageShape { channels: 1, height: 28, width: 28 };

const DIGITS: [&str; 10] = ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"];

const GLYPHS: Entry = Entry {
    shape: GREY_28,
    classes: DIGITS,
    examples: (20_000, 4_000),
    normalization: Normalization::Unit,
    folders: &[],
    files: Files::Generated,
    source: None,
};

#[rustfmt::skip]
const MNIST: Entry = Entry {
    shape: GREY_28,
    classes: DIGITS,
    examples: (60_000, 10_000),
    normalization: Normalization::Unit,
    folders: &["mnist", "MNIST/raw"],
    files: Files::Idx([
        known("train-images-idx3-ubyte", "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db"),
        known("train-labels-idx1-ubyte", "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5"),
        known("t10k-images-idx3-ubyte", "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7"),
        known("t10k-labels-idx1-ubyte", "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2"),
    ]),
    source: Some(Source {
        mirrors: &[
            "https://storage.googleapis.com/cvdf-datasets/mnist/",
            "https://ossci-datasets.s3.amazonaws.com/mnist/",
        ],
        files: &[
            remote("train-images-idx3-ubyte.gz", 9_912_422, "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609"),
            remote("train-labels-idx1-ubyte.gz", 28_881, "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c"),
            remote("t10k-images-idx3-ubyte.gz", 1_648_877, "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6"),
            remote("t10k-labels-idx1-ubyte.gz", 4_542, "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6"),
        ],
        packed: false,
    }),
};

#[rustfmt::skip]
const FASHION_MNIST: Entry = Entry {
    shape: GREY_28,
    classes: [
        "t-shirt", "trousers", "pullover", "dress", "coat",
        "sandal", "shirt", "sneaker", "bag", "ankle boot",
    ],
    examples: (60_000, 10_000),
    normalization: Normalization::Unit,
    folders: &["fashion-mnist", "FashionMNIST/raw"],
    files: Files::Idx([
        KnownFile { name: "train-images-idx3-ubyte", sha256: None },
        known("train-labels-idx1-ubyte", "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9"),
        KnownFile { name: "t10k-images-idx3-ubyte", sha256: None },
        known("t10k-labels-idx1-ubyte", "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34"),
    ]),
    source: Some(Source {
        mirrors: &[
            "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
            "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/",
        ],
        files: &[
            remote("train-images-idx3-ubyte.gz", 26_421_880, "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84"),
            remote("train-labels-idx1-ubyte.gz", 29_515, "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845"),
            remote("t10k-images-idx3-ubyte.gz", 4_422_102, "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073"),
            remote("t10k-labels-idx1-ubyte.gz", 5_148, "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5"),
        ],
        packed: false,
    }),
};

#[rustfmt::skip]
const CIFAR10: Entry = Entry {
    shape: ImageShape { channels: 3, height: 32, width: 32 },
    classes: [
        "airplane", "automobile", "bird", "cat", "deer",
        "dog", "frog", "horse", "ship", "truck",
    ],
    examples: (50_000, 10_000),
    normalization: Normalization::ZScore,
    folders: &["cifar10", "cifar-10-batches-bin"],
    files: Files::Cifar([
        known("data_batch_1.bin", "cee916563c9f80d84e3cc88e17fdc0941787f1244f00a67874d45b261883ada5"),
        known("data_batch_2.bin", "a591ca11fa1708a91ee40f54b3da4784ccd871ecf2137de63f51ada8b3fa57ed"),
        known("data_batch_3.bin", "bbe8596564c0f86427f876058170b84dac6670ddf06d79402899d93ceea26f67"),
        known("data_batch_4.bin", "014e562d6e23c72197cc727519169a60359f5eccd8945ad5a09d710285ff4e48"),
        known("data_batch_5.bin", "755304fc0b379caeae8c14f0dac912fbc7d6cd469eb67a1029a08a39453a9add"),
        known("test_batch.bin", "8e2eb146ae340b09e24670f29cabc6326dba54da8789dab6768acf480273f65b"),
    ]),
    source: Some(Source {
        mirrors: &["https://www.cs.toronto.edu/~kriz/"],
        files: &[
            remote("cifar-10-binary.tar.gz", 170_052_171, "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd"),
        ],
        packed: true,
    }),
};

const fn known(name: &'static str, sha256: &'static str) -> KnownFile {
    KnownFile { name, sha256: Some(sha256) }
}

const fn remote(name: &'static str, bytes: u64, sha256: &'static str) -> RemoteFile<'static> {
    RemoteFile { name, bytes, sha256 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_spelled_the_same_everywhere() {
        for &name in DatasetName::VARIANTS {
            let possible = clap::ValueEnum::to_possible_value(&name).expect("no variant is hidden");
            assert_eq!(possible.get_name(), name.as_str());
            assert_eq!(serde_json::to_value(name).unwrap(), name.as_str());
            assert_eq!(name.as_str().parse(), Ok(name));
            assert_eq!(name.to_string(), name.as_str());
        }
        assert!("emnist".parse::<DatasetName>().unwrap_err().contains("fashion-mnist"));
    }
}
