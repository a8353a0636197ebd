//! Where datasets are looked for.

use std::env;
use std::path::{Path, PathBuf};

use etcetera::BaseStrategy;

use super::{DataError, Dataset, DatasetName, GlyphsConfig, cifar, glyphs, idx};

/// The environment variable that names a folder with datasets.
const VARIABLE: &str = "LAPERM_DATA";

/// Finds and reads a dataset, or generates it (`glyphs` says how).
///
/// A given `folder` must have the dataset. Without one, `$LAPERM_DATA`, `./data` and the user's
/// cache folder are searched, in this order. The files may lie in a folder itself or in a folder
/// within that is named after the dataset, such as `mnist` or `cifar-10-batches-bin`.
///
/// # Errors
/// When there is no such data, or a file is not what it should be.
pub fn load(
    name: DatasetName,
    folder: Option<&Path>,
    glyphs: &GlyphsConfig,
) -> Result<Dataset, DataError> {
    if name == DatasetName::Glyphs {
        return glyphs::generate(glyphs);
    }
    let folder = find(name, folder)?;
    match name {
        DatasetName::Cifar10 => cifar::load(&folder),
        _ => idx::load(name, &folder),
    }
}

/// The folder that [`load`] would read a dataset's files from.
///
/// # Errors
/// When no folder has any of them, or the first that does lacks some.
pub fn find(name: DatasetName, folder: Option<&Path>) -> Result<PathBuf, DataError> {
    let roots = folder.map_or_else(search_order, |folder| vec![folder.to_path_buf()]);
    let places: Vec<PathBuf> = roots.iter().flat_map(|root| folders_within(name, root)).collect();
    for place in &places {
        let files = files_of(name);
        let is_missing = |file: &&&str| locate(place, file).is_none();
        let missing: Vec<String> =
            files.iter().filter(is_missing).map(|file| file.to_string()).collect();
        if missing.is_empty() {
            return Ok(place.clone());
        }
        if missing.len() < files.len() {
            return Err(DataError::Incomplete { dataset: name, folder: place.clone(), missing });
        }
    }
    Err(DataError::NotFound { dataset: name, places })
}

/// The files of a dataset in the folder that [`find`] gives.
///
/// # Errors
/// As [`find`].
pub fn find_files(name: DatasetName, folder: Option<&Path>) -> Result<Vec<PathBuf>, DataError> {
    let folder = find(name, folder)?;
    Ok(files_of(name).iter().filter_map(|file| locate(&folder, file)).collect())
}

/// Where downloads go: `laperm` in the user's cache folder, or none where there is no home.
pub fn cache_folder() -> Option<PathBuf> {
    Some(etcetera::choose_base_strategy().ok()?.cache_dir().join("laperm"))
}

fn search_order() -> Vec<PathBuf> {
    let variable = env::var_os(VARIABLE).filter(|value| !value.is_empty()).map(PathBuf::from);
    let here = Some(PathBuf::from("data"));
    [variable, here, cache_folder()].into_iter().flatten().collect()
}

/// A folder named after the dataset says what it holds; bare files do not (MNIST and Fashion-MNIST
/// share their names), so they come last.
fn folders_within(name: DatasetName, root: &Path) -> Vec<PathBuf> {
    let within: &[&str] = match name {
        DatasetName::Glyphs => &[],
        DatasetName::Mnist => &["mnist", "MNIST/raw"],
        DatasetName::FashionMnist => &["fashion-mnist", "FashionMNIST/raw"],
        DatasetName::Cifar10 => &["cifar10", "cifar-10-batches-bin"],
    };
    within.iter().map(|folder| root.join(folder)).chain([root.to_path_buf()]).collect()
}

/// The files a dataset consists of.
fn files_of(name: DatasetName) -> &'static [&'static str] {
    match name {
        DatasetName::Glyphs => &[],
        DatasetName::Mnist | DatasetName::FashionMnist => &idx::FILES,
        DatasetName::Cifar10 => &cifar::FILES,
    }
}

/// The path of a file in any of its spellings: compressed or not, `-idx3-ubyte` or `.idx3-ubyte`.
pub(super) fn locate(folder: &Path, file: &str) -> Option<PathBuf> {
    let dotted = file.replace("-idx", ".idx");
    let spellings = [file.into(), format!("{file}.gz"), format!("{dotted}.gz"), dotted];
    spellings.iter().map(|spelling| folder.join(spelling)).find(|path| path.is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn touch(folder: &Path, files: &[&str]) {
        std::fs::create_dir_all(folder).unwrap();
        files.iter().for_each(|file| std::fs::write(folder.join(file), "").unwrap());
    }

    #[test]
    fn files_are_found_in_the_folder_or_in_one_named_after_the_dataset() {
        let root = tempfile::tempdir().unwrap();
        touch(root.path(), &idx::FILES);
        touch(&root.path().join("fashion-mnist"), &idx::FILES);
        touch(&root.path().join("cifar-10-batches-bin"), &cifar::FILES);
        let found = |name| find(name, Some(root.path())).unwrap();
        assert_eq!(found(DatasetName::Mnist), root.path());
        assert_eq!(found(DatasetName::FashionMnist), root.path().join("fashion-mnist"));
        assert_eq!(found(DatasetName::Cifar10), root.path().join("cifar-10-batches-bin"));
    }

    #[test]
    fn every_spelling_is_found() {
        let root = tempfile::tempdir().unwrap();
        let files = ["train-images.idx3-ubyte", "train-labels-idx1-ubyte.gz"];
        touch(root.path(), &[files[0], files[1], "t10k-images.idx3-ubyte.gz"]);
        let error = find(DatasetName::Mnist, Some(root.path())).unwrap_err();
        assert!(error.to_string().ends_with("incomplete: t10k-labels-idx1-ubyte is missing"));
        touch(root.path(), &["t10k-labels-idx1-ubyte"]);
        assert!(find(DatasetName::Mnist, Some(root.path())).is_ok());
    }

    #[test]
    fn an_empty_folder_is_an_error_that_says_where_and_what_to_do() {
        let root = tempfile::tempdir().unwrap();
        let error = find(DatasetName::Mnist, Some(root.path())).unwrap_err();
        assert!(error.is_input());
        let message = error.to_string();
        assert!(message.contains(&root.path().join("mnist").display().to_string()), "{message}");
        assert!(message.contains("`laperm data fetch mnist`"), "{message}");
    }
}
