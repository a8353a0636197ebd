//! Comparison of files with the checksums that their authors published.
//!
//! A matching checksum proves that a file is the published one. It also catches mistakes that no
//! format check can find, such as the test set in place of the training set or MNIST in place of
//! Fashion-MNIST: those files have the same lengths and magic numbers.

use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::Path;

use sha2::{Digest, Sha256};
use strum::VariantArray;

use super::{DataError, DataFile, DatasetName};

/// Returns whether `file`, which has been read, is one of the files published for `dataset`, or
/// `None` if there is no published checksum to compare with.
///
/// # Errors
/// When the file cannot be read again.
pub(crate) fn is_published(
    dataset: DatasetName,
    file: &DataFile,
) -> Result<Option<bool>, DataError> {
    let known = dataset.files().iter().filter_map(|known| Some((known.name, known.sha256?)));
    if known.clone().any(|(_, sha256)| sha256 == file.sha256) {
        return Ok(Some(true));
    }
    // A path without a file name cannot have been read as a file; it matches no known name.
    let file_name = file.path.file_name().unwrap_or_default().to_string_lossy();
    let downloads = dataset.entry().source.as_ref().map_or(&[][..], |source| source.files);
    if let Some(download) = downloads.iter().find(|download| download.name == file_name)
        && sha256_of_file(&file.path)? == download.sha256
    {
        return Ok(Some(true));
    }
    Ok(known.into_iter().any(|(name, _)| file_name.starts_with(name)).then_some(false))
}

/// Refuses a file whose content is known as another file, of this or of another dataset.
pub(super) fn refuse_foreign(
    dataset: DatasetName,
    name: &str,
    file: &DataFile,
) -> Result<(), DataError> {
    let all = DatasetName::VARIANTS
        .iter()
        .flat_map(|&dataset| dataset.files().iter().map(move |known| (dataset, known)));
    let same = |known: Option<&str>| known == Some(file.sha256.as_str());
    match all.into_iter().find(|(_, known)| same(known.sha256)) {
        Some((other, known)) if (other, known.name) != (dataset, name) => {
            Err(DataError::malformed(
                &file.path,
                format!("{name} of {dataset}"),
                format!("the content of {} of {other}", known.name),
            ))
        }
        _ => Ok(()),
    }
}

/// Returns the SHA-256 of a file as it is on disk, in hexadecimal digits.
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
