//! Weights in `.safetensors` files: named tensors, and metadata as strings.
//!
//! Names and layouts are PyTorch's: a model of the same architecture can load the result of
//! `safetensors.torch.load_file` by `load_state_dict`.

use std::collections::HashMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use safetensors::tensor::{Dtype, SafeTensors, TensorView};

/// A tensor of 32-bit floats.
#[derive(Debug, Clone, PartialEq)]
pub struct NamedTensor {
    /// Name, such as `conv1.weight`.
    pub name: String,
    /// Lengths of the axes, the slowest first.
    pub shape: Vec<usize>,
    /// Values, the last axis running fastest.
    pub values: Vec<f32>,
}

/// The content of a weights file.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct WeightsFile {
    /// Tensors. They are written in this order and read in the order of their names.
    pub tensors: Vec<NamedTensor>,
    /// Metadata about the tensors.
    pub metadata: HashMap<String, String>,
}

/// A weights file that cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum WeightsFileError {
    #[error("{}: {source}", path.display())]
    Io { path: PathBuf, source: io::Error },
    /// The file is damaged or not in the safetensors format.
    #[error("{}: not a readable .safetensors file: {problem}", path.display())]
    Format { path: PathBuf, problem: String },
    /// A tensor does not consist of 32-bit floats.
    #[error("{}: tensor `{name}` is of type {found}, not F32", path.display())]
    Type { path: PathBuf, name: String, found: String },
}

impl WeightsFile {
    /// Reads a file.
    ///
    /// # Errors
    /// A file that is missing or damaged, or that contains anything but 32-bit floats.
    pub fn read(path: &Path) -> Result<Self, WeightsFileError> {
        let io = |source| WeightsFileError::Io { path: path.into(), source };
        let format = |error: safetensors::SafeTensorError| WeightsFileError::Format {
            path: path.into(),
            problem: error.to_string(),
        };
        let bytes = fs::read(path).map_err(io)?;
        let (_, header) = SafeTensors::read_metadata(&bytes).map_err(format)?;
        // The format makes metadata optional.
        let metadata = header.metadata().clone().unwrap_or_default();
        let mut tensors = Vec::new();
        for (name, view) in SafeTensors::deserialize(&bytes).map_err(format)?.iter() {
            if view.dtype() != Dtype::F32 {
                let found = format!("{:?}", view.dtype());
                return Err(WeightsFileError::Type { path: path.into(), name: name.into(), found });
            }
            let floats =
                view.data().chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]]));
            tensors.push(NamedTensor {
                name: name.into(),
                shape: view.shape().to_vec(),
                values: floats.collect(),
            });
        }
        tensors.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(WeightsFile { tensors, metadata })
    }

    /// Writes a temporary file and renames it to `path`, so that `path` never names a partial file.
    ///
    /// # Errors
    /// An I/O error, or a tensor whose number of values differs from its shape.
    pub fn write(&self, path: &Path) -> Result<(), WeightsFileError> {
        let bytes = self.to_bytes(path)?;
        write_atomically(path, &bytes)
            .map_err(|source| WeightsFileError::Io { path: path.into(), source })
    }

    /// Returns the tensor with the given name.
    pub fn tensor(&self, name: &str) -> Option<&NamedTensor> {
        self.tensors.iter().find(|tensor| tensor.name == name)
    }

    /// Returns the content of the file as bytes. Errors name `path`.
    ///
    /// # Errors
    /// A tensor whose number of values differs from its shape.
    pub fn to_bytes(&self, path: &Path) -> Result<Vec<u8>, WeightsFileError> {
        self.serialized().map_err(|problem| WeightsFileError::Format { path: path.into(), problem })
    }

    fn serialized(&self) -> Result<Vec<u8>, String> {
        let bytes =
            |values: &[f32]| values.iter().flat_map(|v| v.to_le_bytes()).collect::<Vec<u8>>();
        let data: Vec<Vec<u8>> = self.tensors.iter().map(|t| bytes(&t.values)).collect();
        let views = self.tensors.iter().zip(&data).map(|(tensor, data)| {
            let view = TensorView::new(Dtype::F32, tensor.shape.clone(), data);
            view.map(|view| (tensor.name.as_str(), view))
                .map_err(|e| format!("tensor `{}`: {e}", tensor.name))
        });
        let views = views.collect::<Result<Vec<_>, _>>()?;
        safetensors::serialize(views, Some(self.metadata.clone())).map_err(|e| e.to_string())
    }
}

/// Writes `bytes` to a temporary file in the same folder, flushes it to disk, and renames it to
/// `path`.
pub(crate) fn write_atomically(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    // By default, only the user may read a temporary file. Here the umask decides.
    let mut file = tempfile::Builder::new();
    #[cfg(unix)]
    file.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    let mut file = file.tempfile_in(folder).map_err(plain)?;
    io::Write::write_all(&mut file, bytes)?;
    file.as_file().sync_all()?;
    file.persist(path).map_err(|e| e.error)?;
    Ok(())
}

/// Removes the name of the temporary file from an error: it means nothing to the user.
fn plain(error: io::Error) -> io::Error {
    error.kind().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn example() -> WeightsFile {
        WeightsFile {
            tensors: vec![
                NamedTensor {
                    name: "a.weight".into(),
                    shape: vec![2, 2],
                    values: vec![1.0, -0.0, 3.5, f32::MIN],
                },
                NamedTensor { name: "b.bias".into(), shape: vec![1], values: vec![7.0] },
            ],
            metadata: HashMap::from([("seed".into(), "1".into())]),
        }
    }

    #[test]
    fn what_is_written_is_read() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("weights.safetensors");
        example().write(&path).expect("writes");
        assert_eq!(WeightsFile::read(&path).expect("reads"), example());
    }

    #[test]
    fn a_cut_file_is_an_error_that_names_it() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("weights.safetensors");
        example().write(&path).expect("writes");
        let whole = fs::read(&path).expect("reads");
        for length in 0..whole.len() {
            fs::write(&path, &whole[..length]).expect("writes");
            let error = WeightsFile::read(&path).expect_err("a cut file");
            assert!(error.to_string().contains("weights.safetensors"), "{error}");
        }
    }
}
