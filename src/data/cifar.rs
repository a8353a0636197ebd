//! CIFAR-10's binary format: records of a label and the red, green and blue planes of an image.

use std::fs::{self, File};
use std::io::Read;
use std::path::Path;

use rayon::prelude::*;
use sha2::{Digest, Sha256};

use super::catalog::KnownFile;
use super::checksums::{hex, refuse_foreign};
use super::{DataError, DataFile, Dataset, DatasetName, ImageShape, Images};

/// Records in the longest file that is read. The published files have 10,000; a file with more
/// records than this is a mistake and is refused before any of it is read.
const MAX_RECORDS: usize = 100_000;

/// Reads `files` from `folder`: the last one is the test set, the others are the training set.
pub(super) fn load(
    name: DatasetName,
    files: &[KnownFile; 6],
    folder: &Path,
) -> Result<Dataset, DataError> {
    let mut parts: Vec<(Vec<u8>, DataFile)> =
        files.into_par_iter().map(|file| read(name, folder, file)).collect::<Result<_, _>>()?;
    let data_files = parts.iter().map(|(_, file)| file.clone()).collect();
    let test = parts.split_off(files.len() - 1);
    Ok(Dataset {
        name: name.to_string(),
        classes: name.classes(),
        train: to_images(name.shape(), &parts),
        test: to_images(name.shape(), &test),
        files: data_files,
    })
}

/// Length of a record in bytes: a label and one byte per value of the image.
fn record_length(shape: ImageShape) -> usize {
    1 + shape.elements()
}

fn read(
    name: DatasetName,
    folder: &Path,
    file: &KnownFile,
) -> Result<(Vec<u8>, DataFile), DataError> {
    let path = folder.join(file.name);
    let record = record_length(name.shape());
    let length = fs::metadata(&path).map_err(DataError::io(&path, "read"))?.len();
    let wrong = |expected: &str, found: String| Err(DataError::malformed(&path, expected, found));
    let whole_records = format!("one or more records of {record} bytes");
    if length == 0 {
        return wrong(&whole_records, "an empty file".into());
    }
    if length > (MAX_RECORDS * record) as u64 {
        return wrong(&format!("at most {MAX_RECORDS} records"), format!("{length} bytes"));
    }
    let mut bytes = Vec::with_capacity(length as usize);
    File::open(&path)
        .and_then(|file| file.take(length).read_to_end(&mut bytes))
        .map_err(DataError::io(&path, "read"))?;
    if bytes.len() % record != 0 {
        let rest = bytes.len() % record;
        let found = format!("{} and {rest} bytes more", bytes.len() / record);
        return wrong(&whole_records, found);
    }
    let classes = name.classes();
    let mut records = bytes.chunks_exact(record);
    if let Some(index) = records.position(|record| usize::from(record[0]) >= classes) {
        let start = index * record;
        let found = format!("{} at byte {start}", bytes[start]);
        return wrong(&format!("labels below {classes}"), found);
    }
    let data_file = DataFile { path, sha256: hex(&Sha256::digest(&bytes)) };
    refuse_foreign(name, file.name, &data_file)?;
    Ok((bytes, data_file))
}

fn to_images(shape: ImageShape, parts: &[(Vec<u8>, DataFile)]) -> Images {
    let record = record_length(shape);
    let length: usize = parts.iter().map(|(bytes, _)| bytes.len()).sum();
    let mut images = Images {
        shape,
        pixels: Vec::with_capacity(length),
        labels: Vec::with_capacity(length / record),
    };
    for record in parts.iter().flat_map(|(bytes, _)| bytes.chunks_exact(record)) {
        images.labels.push(record[0]);
        images.pixels.extend_from_slice(&record[1..]);
    }
    images
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::catalog::Files;

    const RECORD: usize = 3073;

    fn load(folder: &Path) -> Result<Dataset, DataError> {
        let Files::Cifar(files) = &DatasetName::Cifar10.entry().files else { unreachable!() };
        super::load(DatasetName::Cifar10, files, folder)
    }

    /// A folder in which file `i` has two records: labels `i` and `i + 1`, pixels the same.
    fn small_dataset() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (i, file) in DatasetName::Cifar10.files().iter().enumerate() {
            let records = [vec![i as u8; RECORD], vec![i as u8 + 1; RECORD]].concat();
            fs::write(folder.path().join(file.name), records).unwrap();
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
    #[ignore = "needs CIFAR-10 in the folder $LAPERM_TEST_DATA"]
    fn cifar10_from_disk_has_its_examples_and_balanced_classes() {
        let root = std::env::var_os("LAPERM_TEST_DATA").expect("LAPERM_TEST_DATA is set");
        let folder = crate::data::find(DatasetName::Cifar10, Some(Path::new(&root))).unwrap();
        let dataset = load(&folder).unwrap();
        assert_eq!((dataset.train.len(), dataset.test.len()), (50_000, 10_000));
        for class in 0..10 {
            let count = dataset.train.labels.iter().filter(|label| **label == class).count();
            assert_eq!(count, 5_000, "class {class}");
        }
    }
}
