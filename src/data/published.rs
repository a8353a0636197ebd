//! The checksums of the files as their authors published them.
//!
//! They prove that what lies on disk is the real thing, and they catch what no format can: a test
//! set in the train set's place, or MNIST where Fashion-MNIST should be, which share every length
//! and every magic number.

use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::Path;

use sha2::{Digest, Sha256};

use super::fetch::source;
use super::{DataError, DataFile, DatasetName};

/// SHA-256 of the content (of a `.gz` file, once inflated) of published files.
#[rustfmt::skip]
const CONTENTS: [(DatasetName, &str, &str); 12] = {
    use DatasetName::{Cifar10, FashionMnist, Mnist};
    [
        (Mnist, "train-images-idx3-ubyte", "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db"),
        (Mnist, "train-labels-idx1-ubyte", "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5"),
        (Mnist, "t10k-images-idx3-ubyte", "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7"),
        (Mnist, "t10k-labels-idx1-ubyte", "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2"),
        (FashionMnist, "train-labels-idx1-ubyte", "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9"),
        (FashionMnist, "t10k-labels-idx1-ubyte", "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34"),
        (Cifar10, "data_batch_1.bin", "cee916563c9f80d84e3cc88e17fdc0941787f1244f00a67874d45b261883ada5"),
        (Cifar10, "data_batch_2.bin", "a591ca11fa1708a91ee40f54b3da4784ccd871ecf2137de63f51ada8b3fa57ed"),
        (Cifar10, "data_batch_3.bin", "bbe8596564c0f86427f876058170b84dac6670ddf06d79402899d93ceea26f67"),
        (Cifar10, "data_batch_4.bin", "014e562d6e23c72197cc727519169a60359f5eccd8945ad5a09d710285ff4e48"),
        (Cifar10, "data_batch_5.bin", "755304fc0b379caeae8c14f0dac912fbc7d6cd469eb67a1029a08a39453a9add"),
        (Cifar10, "test_batch.bin", "8e2eb146ae340b09e24670f29cabc6326dba54da8789dab6768acf480273f65b"),
    ]
};

/// Whether a file that was read is one that was published for this dataset; `None` when there is
/// no published checksum to tell.
///
/// # Errors
/// When the file cannot be read again.
pub fn is_published(dataset: DatasetName, file: &DataFile) -> Result<Option<bool>, DataError> {
    let of_dataset = || CONTENTS.iter().filter(|(of, ..)| *of == dataset);
    if of_dataset().any(|(.., sha256)| *sha256 == file.sha256) {
        return Ok(Some(true));
    }
    let file_name = file.path.file_name().unwrap_or_default().to_string_lossy();
    let downloads = source(dataset).map_or(vec![], |source| source.files);
    if let Some(download) = downloads.iter().find(|download| download.name == file_name)
        && sha256_of_file(&file.path)? == download.sha256
    {
        return Ok(Some(true));
    }
    Ok(of_dataset().any(|(_, name, _)| file_name.starts_with(name)).then_some(false))
}

/// Refuses a file whose content was published under another name.
pub(super) fn refuse_foreign(
    dataset: DatasetName,
    name: &str,
    file: &DataFile,
) -> Result<(), DataError> {
    match CONTENTS.iter().find(|(.., sha256)| *sha256 == file.sha256) {
        Some((other, other_name, _)) if (*other, *other_name) != (dataset, name) => {
            Err(DataError::malformed(
                &file.path,
                format!("{name} of {dataset}"),
                format!("the content of {other_name} of {other}"),
            ))
        }
        _ => Ok(()),
    }
}

/// SHA-256 of a file as it lies on disk, in hexadecimal digits.
pub(super) fn sha256_of_file(path: &Path) -> Result<String, DataError> {
    File::open(path).and_then(sha256_of).map_err(DataError::io(path, "read"))
}

fn sha256_of(file: File) -> io::Result<String> {
    let mut reader = BufReader::with_capacity(64 * 1024, file);
    let mut hasher = Sha256::new();
    loop {
        let chunk = reader.fill_buf()?;
        if chunk.is_empty() {
            return Ok(hex(&hasher.finalize()));
        }
        hasher.update(chunk);
        let length = chunk.len();
        reader.consume(length);
    }
}

pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
