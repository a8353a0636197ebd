//! CIFAR-10's binary files: records of a label and the red, green and blue plane of an image.

use std::fs::{self, File};
use std::io::Read;
use std::path::Path;

use rayon::prelude::*;
use sha2::{Digest, Sha256};

use super::published::{hex, refuse_foreign};
use super::{DataError, DataFile, Dataset, DatasetName, Images};

/// The files of CIFAR-10: five to train on, one to test on.
pub(super) const FILES: [&str; 6] = [
    "data_batch_1.bin",
    "data_batch_2.bin",
    "data_batch_3.bin",
    "data_batch_4.bin",
    "data_batch_5.bin",
    "test_batch.bin",
];

/// Bytes of a record: a label, then 3 planes of 32 rows of 32 pixels.
const RECORD: usize = 1 + DatasetName::Cifar10.shape().elements();

/// Longer files (the real ones have 10,000 records) are taken for a mistake rather than read.
const MAX_RECORDS: usize = 100_000;

/// Reads CIFAR-10 from a folder.
pub(super) fn load(folder: &Path) -> Result<Dataset, DataError> {
    let name = DatasetName::Cifar10;
    let mut parts: Vec<(Vec<u8>, DataFile)> =
        FILES.into_par_iter().map(|file| read(folder, file)).collect::<Result<_, _>>()?;
    let files = parts.iter().map(|(_, file)| file.clone()).collect();
    let test = parts.split_off(FILES.len() - 1);
    Ok(Dataset {
        name: name.to_string(),
        classes: name.classes(),
        train: to_images(&parts),
        test: to_images(&test),
        files,
    })
}

fn read(folder: &Path, name: &str) -> Result<(Vec<u8>, DataFile), DataError> {
    let path = folder.join(name);
    let length = fs::metadata(&path).map_err(DataError::io(&path, "read"))?.len();
    let wrong = |expected: &str, found: String| Err(DataError::malformed(&path, expected, found));
    let whole_records = format!("one or more records of {RECORD} bytes");
    if length == 0 {
        return wrong(&whole_records, "an empty file".into());
    }
    if length > (MAX_RECORDS * RECORD) as u64 {
        return wrong(&format!("at most {MAX_RECORDS} records"), format!("{length} bytes"));
    }
    let mut bytes = Vec::with_capacity(length as usize);
    File::open(&path)
        .and_then(|file| file.take(length).read_to_end(&mut bytes))
        .map_err(DataError::io(&path, "read"))?;
    if bytes.len() % RECORD != 0 {
        let rest = bytes.len() % RECORD;
        let found = format!("{} and {rest} bytes more", bytes.len() / RECORD);
        return wrong(&whole_records, found);
    }
    let classes = DatasetName::Cifar10.classes();
    let mut records = bytes.chunks_exact(RECORD);
    if let Some(record) = records.position(|record| usize::from(record[0]) >= classes) {
        let found = format!("{} at byte {}", bytes[record * RECORD], record * RECORD);
        return wrong(&format!("labels below {classes}"), found);
    }
    let sha256 = hex(&Sha256::digest(&bytes));
    let file = DataFile { path, sha256 };
    refuse_foreign(DatasetName::Cifar10, name, &file)?;
    Ok((bytes, file))
}

fn to_images(parts: &[(Vec<u8>, DataFile)]) -> Images {
    let length: usize = parts.iter().map(|(bytes, _)| bytes.len()).sum();
    let mut images = Images {
        shape: DatasetName::Cifar10.shape(),
        pixels: Vec::with_capacity(length),
        labels: Vec::with_capacity(length / RECORD),
    };
    for record in parts.iter().flat_map(|(bytes, _)| bytes.chunks_exact(RECORD)) {
        images.labels.push(record[0]);
        images.pixels.extend_from_slice(&record[1..]);
    }
    images
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A folder in which file `i` has two records: labels `i` and `i + 1`, pixels the same.
    fn small_dataset() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (i, file) in FILES.iter().enumerate() {
            let records = [vec![i as u8; RECORD], vec![i as u8 + 1; RECORD]].concat();
            fs::write(folder.path().join(file), records).unwrap();
        }
        folder
    }

    fn error_with(file: &str, content: &[u8]) -> String {
        let folder = small_dataset();
        fs::write(folder.path().join(file), content).unwrap();
        let error = load(folder.path()).unwrap_err();
        assert!(error.is_input(), "{error}");
        let message = error.to_string();
        assert!(message.contains(file), "{message} names the file");
        message
    }

    #[test]
    fn records_become_images_in_the_order_of_the_files() {
        let dataset = load(small_dataset().path()).unwrap();
        assert_eq!(dataset.train.labels, [0, 1, 1, 2, 2, 3, 3, 4, 4, 5]);
        assert_eq!(dataset.test.labels, [5, 6]);
        assert_eq!(dataset.train.pixels_of(9), [5; 3072]);
        assert_eq!(dataset.files.len(), 6);
    }

    #[test]
    fn wrong_files() {
        assert!(error_with("test_batch.bin", b"").ends_with("found an empty file"));
        let message = error_with("data_batch_3.bin", &[1; RECORD + 5]);
        assert!(message.ends_with("records of 3073 bytes, found 1 and 5 bytes more"), "{message}");
        let message = error_with("data_batch_5.bin", &[[1; RECORD], [99; RECORD]].concat());
        assert!(message.ends_with("expected labels below 10, found 99 at byte 3073"), "{message}");
    }

    #[test]
    fn an_oversized_file_is_refused_unread() {
        let folder = small_dataset();
        let file = File::create(folder.path().join("data_batch_1.bin")).unwrap();
        file.set_len(1 << 40).unwrap();
        let error = load(folder.path()).unwrap_err().to_string();
        assert!(error.ends_with("at most 100000 records, found 1099511627776 bytes"), "{error}");
    }

    #[test]
    fn cifar10_from_disk_has_its_examples_and_balanced_classes() {
        let Some(root) = std::env::var_os("LAPERM_TEST_DATA") else {
            return eprintln!("skipped: LAPERM_TEST_DATA names no folder with cifar10");
        };
        let Ok(folder) = crate::data::find(DatasetName::Cifar10, Some(Path::new(&root))) else {
            return eprintln!("skipped: no cifar10 in {}", root.display());
        };
        let dataset = load(&folder).unwrap();
        assert_eq!((dataset.train.len(), dataset.test.len()), (50_000, 10_000));
        for class in 0..10 {
            let count = dataset.train.labels.iter().filter(|label| **label == class).count();
            assert_eq!(count, 5_000, "class {class}");
        }
    }
}
