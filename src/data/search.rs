//! Finds the folder of a dataset.

use std::env;
use std::path::{Path, PathBuf};

use etcetera::BaseStrategy;

use super::{DataError, DatasetName};

/// The environment variable that names a folder with datasets.
const VARIABLE: &str = "LAPERM_DATA";

/// Returns the folder that [`load`](super::load()) reads a dataset from.
///
/// If `folder` is given, the dataset must be there. Otherwise `$LAPERM_DATA`, `./data` and the
/// user's cache folder are searched, in this order. The files may be in the folder itself or in a
/// subfolder named after the dataset, such as `mnist` or `cifar-10-batches-bin`.
///
/// # Errors
/// When no folder has any of the files, or the first folder that has some lacks others.
pub fn find(name: DatasetName, folder: Option<&Path>) -> Result<PathBuf, DataError> {
    let roots = folder.map_or_else(search_order, |folder| vec![folder.to_path_buf()]);
    let folders: Vec<PathBuf> = roots.iter().flat_map(|root| candidates(name, root)).collect();
    for folder in &folders {
        let files = name.files();
        let missing: Vec<String> = files
            .iter()
            .filter(|file| locate(folder, file.name).is_none())
            .map(|file| file.name.to_string())
            .collect();
        if missing.is_empty() {
            return Ok(folder.clone());
        }
        if missing.len() < files.len() {
            return Err(DataError::Incomplete { dataset: name, folder: folder.clone(), missing });
        }
    }
    Err(DataError::NotFound { dataset: name, folders })
}

/// Returns the files of a dataset in the folder that [`find`] returns.
///
/// # Errors
/// The errors of [`find`].
pub(crate) fn find_files(
    name: DatasetName,
    folder: Option<&Path>,
) -> Result<Vec<PathBuf>, DataError> {
    let folder = find(name, folder)?;
    // `find` has located every file in this folder.
    Ok(name.files().iter().filter_map(|file| locate(&folder, file.name)).collect())
}

/// Returns the folder for downloads, `laperm` in the user's cache folder, or `None` if the user has
/// no home folder.
pub(crate) fn cache_folder() -> Option<PathBuf> {
    Some(etcetera::choose_base_strategy().ok()?.cache_dir().join("laperm"))
}

fn search_order() -> Vec<PathBuf> {
    let variable = env::var_os(VARIABLE).filter(|value| !value.is_empty()).map(PathBuf::from);
    let here = Some(PathBuf::from("data"));
    [variable, here, cache_folder()].into_iter().flatten().collect()
}

/// Folders below `root` that may contain the dataset. `root` itself comes last: a subfolder's name
/// identifies the dataset, but bare files do not (MNIST and Fashion-MNIST share file names).
fn candidates(name: DatasetName, root: &Path) -> Vec<PathBuf> {
    let named = name.entry().folders.iter().map(|folder| root.join(folder));
    named.chain([root.to_path_buf()]).collect()
}

/// Returns the path of a file under any of its names: compressed or not, with `-idx3-ubyte` or
/// `.idx3-ubyte`.
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

    fn touch_all(folder: &Path, name: DatasetName) {
        touch(folder, &name.files().iter().map(|file| file.name).collect::<Vec<_>>());
    }

    #[test]
    fn files_are_found_in_the_folder_or_in_one_named_after_the_dataset() {
        let root = tempfile::tempdir().unwrap();
        touch_all(root.path(), DatasetName::Mnist);
        touch_all(&root.path().join("fashion-mnist"), DatasetName::FashionMnist);
        touch_all(&root.path().join("cifar-10-batches-bin"), DatasetName::Cifar10);
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
