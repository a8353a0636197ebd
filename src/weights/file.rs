//! A file of weights, whatever its format.

use std::collections::BTreeMap;
use std::fmt;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use super::float::Float;
use super::layout::Layout;
use super::summary::MatrixSummary;
use super::{hdf5, names, pytorch, safetensors};

/// The formats that are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// .safetensors.
    Safetensors,
    /// A snapshot of this program: .safetensors with what is known about the run.
    Snapshot,
    /// PyTorch's .pt and .pth, since version 0.1.10 of 2017 (older ones too, but these are read whole).
    Pytorch,
    /// Keras's .h5, of weights or of whole models.
    Hdf5,
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Format::Safetensors => "safetensors",
            Format::Snapshot => "laperm snapshot",
            Format::Pytorch => "PyTorch",
            Format::Hdf5 => "HDF5",
        })
    }
}

/// What a file says about one of its tensors.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TensorInfo {
    /// Its name, as in the file; in HDF5 its path, in a nested PyTorch checkpoint the keys with dots between them.
    pub name: String,
    /// Its shape, as in the file.
    pub shape: Vec<usize>,
    /// The type of its numbers, if it is one of floating point that can be read.
    pub float: Option<Float>,
    /// The type of its numbers, in the words of the file's format.
    pub kind: String,
}

impl TensorInfo {
    /// Number of weights.
    pub fn elements(&self) -> usize {
        self.shape.iter().product()
    }

    /// Whether it is a weight matrix: floating-point numbers along at least two axes, not those of an optimizer.
    pub fn is_matrix(&self) -> bool {
        let at_least_two_axes = self.shape.len() >= 2 && self.elements() > 0;
        at_least_two_axes && self.float.is_some() && !names::is_optimizer_state(&self.name)
    }
}

/// A file of weights that cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum TensorFileError {
    /// The file system says no.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It is in none of the formats.
    #[error(
        "{}: not a file of weights: neither .safetensors, nor PyTorch's .pt or .pth, nor HDF5 (Keras's .h5)",
        path.display()
    )]
    Unknown {
        /// The file.
        path: PathBuf,
    },
    /// It is damaged, or holds something else than named tensors.
    #[error("{}: not a readable {format} file: {problem}", path.display())]
    Format {
        /// The file.
        path: PathBuf,
        /// What it seems to be.
        format: Format,
        /// What is wrong.
        problem: String,
    },
    /// One of its tensors cannot be read.
    #[error("{}: tensor `{name}` cannot be read: {problem}", path.display())]
    Tensor {
        /// The file.
        path: PathBuf,
        /// The tensor.
        name: String,
        /// What is wrong.
        problem: String,
    },
}

impl TensorFileError {
    /// Whether what the user gave is at fault, rather than the system.
    pub fn is_input(&self) -> bool {
        use io::ErrorKind::{IsADirectory, NotADirectory, NotFound, PermissionDenied};
        match self {
            Self::Io { source, .. } => {
                matches!(source.kind(), NotFound | PermissionDenied | IsADirectory | NotADirectory)
            }
            _ => true,
        }
    }
}

/// An open file, from which one tensor at a time is read.
///
/// Opening it reads names and shapes only. What it claims is held against its length before any memory is taken for
/// it, and of a PyTorch pickle nothing is ever executed.
pub struct TensorFile {
    path: PathBuf,
    format: Format,
    content: Content,
}

/// What a format's reader knows of an open file.
pub(super) struct Content {
    /// Its tensors, in the order of the network as far as that can be told.
    pub tensors: Vec<TensorInfo>,
    /// What else it says, as text.
    pub metadata: BTreeMap<String, String>,
    /// Python that it names, which was not run.
    pub ignored: Vec<String>,
    /// Reads the tensor at an index.
    pub reader: Box<dyn ReadTensor + Send>,
}

/// Reads the values of tensors.
pub(super) trait ReadTensor {
    /// The values of the tensor at `index`, which is of `float`s, or what is wrong with it.
    fn read(&self, index: usize, info: &TensorInfo, float: Float) -> Result<Vec<f32>, String>;
}

impl fmt::Debug for TensorFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TensorFile").field("path", &self.path).finish_non_exhaustive()
    }
}

impl TensorFile {
    /// Opens a file; its format is told by its content, whatever its name.
    ///
    /// # Errors
    /// A file that is missing, of no known format, damaged, or without named tensors.
    pub fn open(path: &Path) -> Result<Self, TensorFileError> {
        let io = |source| TensorFileError::Io { path: path.into(), source };
        // What is not a regular file could keep one waiting.
        let kind = fs::metadata(path).map_err(io)?.file_type();
        if kind.is_dir() {
            return Err(io(io::ErrorKind::IsADirectory.into()));
        }
        let unknown = || TensorFileError::Unknown { path: path.into() };
        if !kind.is_file() {
            return Err(unknown());
        }
        let mut file = File::open(path).map_err(io)?;
        let mut start = Vec::new();
        file.by_ref().take(16).read_to_end(&mut start).map_err(io)?;
        let (format, content) = if safetensors::begins(&start) {
            (Format::Safetensors, safetensors::open(file))
        } else if hdf5_pure::is_hdf5(path).map_err(io)? {
            (Format::Hdf5, hdf5::open(path))
        } else {
            (Format::Pytorch, pytorch::open(path).transpose().ok_or_else(unknown)?)
        };
        let content = content.map_err(|problem| TensorFileError::Format {
            path: path.into(),
            format,
            problem: printable(&problem),
        })?;
        let is_ours =
            content.metadata.get("format").is_some_and(|f| f.starts_with("laperm-snapshot"));
        let format = if is_ours { Format::Snapshot } else { format };
        Ok(Self { path: path.into(), format, content })
    }

    /// Its path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Its format.
    pub fn format(&self) -> Format {
        self.format
    }

    /// All its tensors, in the network's order as far as the file tells it, else by name.
    pub fn tensors(&self) -> &[TensorInfo] {
        &self.content.tensors
    }

    /// The indices of those that are weight matrices.
    pub fn matrices(&self) -> Vec<usize> {
        (0..self.tensors().len()).filter(|&index| self.tensors()[index].is_matrix()).collect()
    }

    /// What it says about itself: the metadata of a .safetensors file, of others nothing.
    pub fn metadata(&self) -> &BTreeMap<String, String> {
        &self.content.metadata
    }

    /// Python that a pickle names beyond tensors, such as `posix.system`. It was not run.
    pub fn ignored(&self) -> &[String] {
        &self.content.ignored
    }

    /// The layout of a tensor by the convention of the format: neurons first, but last in HDF5, as Keras has it.
    /// Transposed convolutions and embeddings cannot be told from others.
    pub fn layout(&self, tensor: &TensorInfo) -> Layout {
        let depthwise = tensor.shape.len() == 4 && tensor.name.contains("depthwise");
        match self.format {
            Format::Hdf5 if depthwise => Layout::DepthwiseLast,
            Format::Hdf5 => Layout::OutputLast,
            Format::Safetensors | Format::Snapshot | Format::Pytorch => Layout::OutputFirst,
        }
    }

    /// The values of the tensor at `index` in [`tensors`](Self::tensors), the last axis running fastest.
    ///
    /// # Errors
    /// A tensor that is not there, damaged, or not of floating-point numbers.
    pub fn read(&self, index: usize) -> Result<Vec<f32>, TensorFileError> {
        let error = |name: &str, problem: String| TensorFileError::Tensor {
            path: self.path.clone(),
            name: printable(name),
            problem: printable(&problem),
        };
        let Some(info) = self.tensors().get(index) else {
            return Err(error(&format!("#{index}"), "there is none".into()));
        };
        let Some(float) = info.float else {
            let problem = format!("it holds {}, not floating-point numbers", info.kind);
            return Err(error(&info.name, problem));
        };
        let values = self.content.reader.read(index, info, float);
        let values = values.map_err(|problem| error(&info.name, problem))?;
        match values.len() == info.elements() {
            true => Ok(values),
            false => {
                let problem = format!("{} of {} values are there", values.len(), info.elements());
                Err(error(&info.name, problem))
            }
        }
    }

    /// Sums up the weight matrix at `index`, in the given layout or else that of the format.
    ///
    /// # Errors
    /// As [`read`](Self::read), and if it is not a matrix.
    pub fn summary(
        &self,
        index: usize,
        layout: Option<Layout>,
    ) -> Result<MatrixSummary, TensorFileError> {
        let values = self.read(index)?;
        let info = &self.tensors()[index];
        let layout = layout.unwrap_or_else(|| self.layout(info));
        let summary = MatrixSummary::of(info.name.clone(), info.shape.clone(), &values, layout);
        summary.ok_or_else(|| TensorFileError::Tensor {
            path: self.path.clone(),
            name: printable(&info.name),
            problem: format!("it is no matrix: its shape is {:?}", info.shape),
        })
    }
}

/// A name or a message that may go to a terminal: without what would steer it.
pub(crate) fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}

/// The number of elements of a shape that is not absurd, or what is wrong with it.
pub(super) fn elements(shape: &[usize]) -> Result<usize, String> {
    // An empty axis does not excuse the others.
    let sizes = shape.iter().map(|&axis| axis.max(1));
    let most = sizes.clone().try_fold(1usize, usize::checked_mul);
    match most.filter(|&most| most <= isize::MAX as usize / 8) {
        Some(_) => Ok(shape.iter().product()),
        None => Err(format!("no file is large enough for the shape {shape:?}")),
    }
}
