//! MNIST's file format, IDX: a magic number, the sizes, then the bytes. Files may be gzipped.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

use flate2::bufread::MultiGzDecoder;
use sha2::{Digest, Sha256};

use super::catalog::KnownFile;
use super::checksums::{hex, refuse_foreign};
use super::search::locate;
use super::{DataError, DataFile, Dataset, DatasetName, Images};

/// A file whose header claims more examples than this is a mistake and is refused.
const MAX_EXAMPLES: usize = 1_000_000;

/// Expected content of an IDX file: unsigned bytes in one dimension (labels) or three (images).
struct Format {
    /// "images" or "labels", for messages.
    what: &'static str,
    magic: u32,
    /// Sizes of the dimensions after the number of examples.
    sizes: Vec<usize>,
}

const IMAGES_MAGIC: u32 = 2051;
const LABELS_MAGIC: u32 = 2049;

/// Reads training images, training labels, test images and test labels from a folder.
pub(super) fn load(
    name: DatasetName,
    files: &[KnownFile; 4],
    folder: &Path,
) -> Result<Dataset, DataError> {
    let [train_images, train_labels, test_images, test_labels] = files;
    let (train, test) = rayon::join(
        || read_images(name, folder, train_images, train_labels),
        || read_images(name, folder, test_images, test_labels),
    );
    let ((train, train_files), (test, test_files)) = (train?, test?);
    let files = [train_files, test_files].concat();
    Ok(Dataset { name: name.to_string(), classes: name.classes(), train, test, files })
}

fn read_images(
    name: DatasetName,
    folder: &Path,
    images: &KnownFile,
    labels: &KnownFile,
) -> Result<(Images, Vec<DataFile>), DataError> {
    let shape = name.shape();
    let sizes = vec![shape.height, shape.width];
    let images_format = Format { what: "images", magic: IMAGES_MAGIC, sizes };
    let labels_format = Format { what: "labels", magic: LABELS_MAGIC, sizes: vec![] };
    let (pixels, images_file) = read_file(name, folder, images, &images_format)?;
    let (labels, labels_file) = read_file(name, folder, labels, &labels_format)?;

    let examples = pixels.len() / shape.elements();
    if labels.len() != examples {
        return Err(DataError::malformed(
            &labels_file.path,
            format!("{examples} labels, one per image of {}", images_file.path.display()),
            labels.len().to_string(),
        ));
    }
    if let Some(example) = labels.iter().position(|label| usize::from(*label) >= name.classes()) {
        return Err(DataError::malformed(
            &labels_file.path,
            format!("labels below {}", name.classes()),
            format!("{} for example {example}", labels[example]),
        ));
    }
    Ok((Images { shape, pixels, labels }, vec![images_file, labels_file]))
}

fn read_file(
    dataset: DatasetName,
    folder: &Path,
    file: &KnownFile,
    format: &Format,
) -> Result<(Vec<u8>, DataFile), DataError> {
    // If the file has disappeared, opening it reports that.
    let path = locate(folder, file.name).unwrap_or_else(|| folder.join(file.name));
    let mut reader = open(&path)?;
    let header = read_up_to(&mut reader, 4 * (2 + format.sizes.len()), &path)?;
    let length = checked_length(&header, format, &path)?;
    let content = read_up_to(&mut reader, length + 1, &path)?;
    if content.len() != length {
        let found = match content.len() {
            fewer if fewer < length => format!("{fewer}: the file is truncated"),
            _ => "more: the file does not end there".into(),
        };
        let expected = format!("{length} bytes of {} as its header says", format.what);
        return Err(DataError::malformed(&path, expected, found));
    }
    let sha256 = hex(&Sha256::new().chain_update(&header).chain_update(&content).finalize());
    let data_file = DataFile { path, sha256 };
    refuse_foreign(dataset, file.name, &data_file)?;
    Ok((content, data_file))
}

/// Opens a file for reading. Decompresses it if it begins with gzip's magic number, whatever the
/// file's name.
fn open(path: &Path) -> Result<Box<dyn Read>, DataError> {
    let mut file = BufReader::new(File::open(path).map_err(DataError::io(path, "read"))?);
    let start = file.fill_buf().map_err(DataError::io(path, "read"))?;
    let gzipped = start.starts_with(&[0x1f, 0x8b]);
    Ok(if gzipped { Box::new(MultiGzDecoder::new(file)) } else { Box::new(file) })
}

/// Reads at most `limit` bytes. The allocation grows with the bytes that arrive, not with the size
/// that a header claims.
fn read_up_to(reader: &mut dyn Read, limit: usize, path: &Path) -> Result<Vec<u8>, DataError> {
    let mut bytes = Vec::new();
    match reader.take(limit as u64).read_to_end(&mut bytes) {
        Ok(_) => Ok(bytes),
        Err(error) if is_broken_gzip(&error) => {
            let found = format!("a damaged one ({error})");
            Err(DataError::malformed(path, "a whole gzip file", found))
        }
        Err(error) => Err(DataError::io(path, "read")(error)),
    }
}

fn is_broken_gzip(error: &io::Error) -> bool {
    use io::ErrorKind::{InvalidData, InvalidInput, UnexpectedEof};
    matches!(error.kind(), InvalidData | InvalidInput | UnexpectedEof)
}

/// Checks a header against `format` and returns the number of bytes that must follow it.
fn checked_length(header: &[u8], format: &Format, path: &Path) -> Result<usize, DataError> {
    let what = format.what;
    let wrong = |expected: String, found: String| DataError::malformed(path, expected, found);
    let words: Vec<u32> = header
        .chunks_exact(4)
        .map(|word| word.iter().fold(0, |number, byte| number << 8 | u32::from(*byte)))
        .collect();
    if let Some(magic) = words.first().filter(|magic| **magic != format.magic) {
        let found = match *magic {
            IMAGES_MAGIC => format!("images (magic number {magic})"),
            LABELS_MAGIC => format!("labels (magic number {magic})"),
            _ => format!("something else (it begins with {magic:#010x})"),
        };
        return Err(wrong(format!("IDX {what} (magic number {})", format.magic), found));
    }
    let header_length = 4 * (2 + format.sizes.len());
    if header.len() < header_length {
        let expected = format!("an IDX header of {header_length} bytes");
        return Err(wrong(expected, describe_length(header.len())));
    }
    let examples = words[1] as usize;
    let sizes: Vec<usize> = words[2..].iter().map(|size| *size as usize).collect();
    if sizes != format.sizes {
        return Err(wrong(format!("{what} of size {:?}", format.sizes), format!("{sizes:?}")));
    }
    if !(1..=MAX_EXAMPLES).contains(&examples) {
        return Err(wrong(format!("1 to {MAX_EXAMPLES} {what}"), examples.to_string()));
    }
    Ok(examples * sizes.iter().product::<usize>())
}

fn describe_length(bytes: usize) -> String {
    if bytes == 0 { "an empty file".into() } else { format!("{bytes} bytes in all") }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;
    use crate::data::catalog::Files;

    const FILES: [&str; 4] = [
        "train-images-idx3-ubyte",
        "train-labels-idx1-ubyte",
        "t10k-images-idx3-ubyte",
        "t10k-labels-idx1-ubyte",
    ];

    fn load(name: DatasetName, folder: &Path) -> Result<Dataset, DataError> {
        let Files::Idx(files) = &name.entry().files else { unreachable!() };
        super::load(name, files, folder)
    }

    /// An IDX file with `bytes` bytes after the header, which need not agree with `sizes`.
    fn idx(magic: u32, sizes: &[u32], bytes: usize) -> Vec<u8> {
        let words = [&[magic], sizes].concat();
        let header = words.iter().flat_map(|word| word.to_be_bytes());
        header.chain((0..bytes).map(|i| (i % 10) as u8)).collect()
    }

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    /// A folder with three training examples and two test examples.
    fn small_dataset() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (prefix, examples) in [("train", 3_u32), ("t10k", 2)] {
            let count = examples as usize;
            let images = idx(IMAGES_MAGIC, &[examples, 28, 28], count * 784);
            let labels = idx(LABELS_MAGIC, &[examples], count);
            fs::write(folder.path().join(format!("{prefix}-images-idx3-ubyte")), images).unwrap();
            fs::write(folder.path().join(format!("{prefix}-labels-idx1-ubyte")), labels).unwrap();
        }
        folder
    }

    /// Replaces one file of the small dataset and returns the error.
    fn error_with(file: &str, content: &[u8]) -> String {
        let folder = small_dataset();
        fs::write(folder.path().join(file), content).unwrap();
        let error = load(DatasetName::Mnist, folder.path()).unwrap_err();
        assert!(error.is_input(), "{error}");
        let message = error.to_string();
        assert!(message.contains(file), "{message} names the file");
        message
    }

    #[test]
    fn plain_and_gzipped_files_are_the_same_data() {
        let plain = small_dataset();
        let gzipped = small_dataset();
        for file in FILES {
            let path = gzipped.path().join(file);
            fs::write(path.with_extension("gz"), gzip(&fs::read(&path).unwrap())).unwrap();
            fs::remove_file(path).unwrap();
        }
        let plain = load(DatasetName::Mnist, plain.path()).unwrap();
        let gzipped = load(DatasetName::Mnist, gzipped.path()).unwrap();
        assert_eq!((plain.train.len(), plain.test.len()), (3, 2));
        assert_eq!(plain.train.pixels_of(1)[..3], [4, 5, 6], "784 leaves 4 when divided by 10");
        assert_eq!((&plain.train, &plain.test), (&gzipped.train, &gzipped.test));
        let checksums = |files: &[DataFile]| -> Vec<String> {
            files.iter().map(|file| file.sha256.clone()).collect()
        };
        assert_eq!(checksums(&plain.files), checksums(&gzipped.files));
    }

    #[test]
    fn empty_and_cut_headers() {
        assert!(error_with(FILES[0], b"").ends_with("16 bytes, found an empty file"));
        assert!(error_with(FILES[1], &[0, 0]).ends_with("8 bytes, found 2 bytes in all"));
        let cut = &idx(IMAGES_MAGIC, &[3, 28, 28], 0)[..10];
        assert!(error_with(FILES[2], cut).ends_with("16 bytes, found 10 bytes in all"));
    }

    #[test]
    fn truncated_and_oversized_files() {
        let short = idx(IMAGES_MAGIC, &[3, 28, 28], 3 * 784 - 1);
        assert!(error_with(FILES[0], &short).contains("expected 2352 bytes of images"));
        assert!(error_with(FILES[0], &short).contains("found 2351: the file is truncated"));
        let long = idx(IMAGES_MAGIC, &[3, 28, 28], 3 * 784 + 1);
        assert!(error_with(FILES[0], &long).ends_with("found more: the file does not end there"));
        let cut_gzip = gzip(&idx(IMAGES_MAGIC, &[3, 28, 28], 3 * 784));
        let message = error_with(FILES[0], &cut_gzip[..cut_gzip.len() - 4]);
        assert!(message.contains("expected a whole gzip file"), "{message}");
    }

    #[test]
    fn a_header_that_claims_too_much_costs_no_memory() {
        let claim = idx(IMAGES_MAGIC, &[u32::MAX, 28, 28], 16);
        assert!(error_with(FILES[0], &claim).ends_with("found 4294967295"));
        let claim = idx(IMAGES_MAGIC, &[1_000_000, 28, 28], 16);
        assert!(error_with(FILES[0], &claim).ends_with("found 16: the file is truncated"));
    }

    #[test]
    fn swapped_and_foreign_files() {
        let labels = idx(LABELS_MAGIC, &[3], 3);
        let message = error_with(FILES[0], &labels);
        assert!(message.contains("IDX images (magic number 2051), found labels"), "{message}");
        let images = idx(IMAGES_MAGIC, &[3, 28, 28], 3 * 784);
        let message = error_with(FILES[1], &images);
        assert!(message.contains("IDX labels (magic number 2049), found images"), "{message}");
        let message = error_with(FILES[0], b"\x89PNG\r\n\x1a\n and so on");
        assert!(message.ends_with("found something else (it begins with 0x89504e47)"));
        let message = error_with(FILES[0], &idx(IMAGES_MAGIC, &[3, 32, 32], 3 * 1024));
        assert!(message.ends_with("expected images of size [28, 28], found [32, 32]"));
    }

    #[test]
    fn labels_must_fit_the_images_and_the_classes() {
        let message = error_with(FILES[1], &idx(LABELS_MAGIC, &[4], 4));
        assert!(message.contains("expected 3 labels") && message.ends_with("found 4"));
        let mut labels = idx(LABELS_MAGIC, &[3], 3);
        labels[9] = 10;
        let message = error_with(FILES[1], &labels);
        assert!(message.ends_with("expected labels below 10, found 10 for example 1"));
    }

    #[test]
    #[ignore = "needs MNIST in the folder $LAPERM_TEST_DATA"]
    fn real_mnist_has_its_published_content_and_no_other_takes_its_place() {
        let root = std::env::var_os("LAPERM_TEST_DATA").expect("LAPERM_TEST_DATA is set");
        let folder = crate::data::find(DatasetName::Mnist, Some(Path::new(&root))).unwrap();
        let mnist = load(DatasetName::Mnist, &folder).unwrap();
        assert_eq!((mnist.train.len(), mnist.test.len()), (60_000, 10_000));
        assert_eq!(mnist.train.labels[..5], [5, 0, 4, 1, 9]);
        for file in &mnist.files {
            assert_eq!(crate::data::is_published(DatasetName::Mnist, file).unwrap(), Some(true));
        }
        let error = load(DatasetName::FashionMnist, &folder).unwrap_err();
        assert!(error.to_string().contains("the content of train-images-idx3-ubyte of mnist"));
    }
}
