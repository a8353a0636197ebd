//! A file of weights in any of the known formats.
//!
//! A new format is a variant of [`Format`], a reader beside `hdf5.rs`, `pytorch.rs` and
//! `safetensors.rs`, and its line in [`READERS`].

use std::collections::BTreeMap;
use std::fmt;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use super::layout::Layout;
use super::reader::{Content, Format, OpenError, Reader};
use super::summary::MatrixSummary;
use super::tensor::TensorInfo;
use super::{hdf5, pytorch, safetensors};

/// The readers, in the order in which they try to open a file.
const READERS: [Reader; 3] = [safetensors::READER, hdf5::READER, pytorch::READER];

/// A file of weights that cannot be read.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the messages say what the fields are")]
pub enum TensorFileError {
    #[error("{}: {source}", path.display())]
    Io { path: PathBuf, source: io::Error },
    /// The file is in none of the known formats.
    #[error(
        "{}: not a file of weights: it is neither .safetensors, nor PyTorch's .pt or .pth, nor \
         HDF5 (Keras's .h5)",
        path.display()
    )]
    Unknown { path: PathBuf },
    /// The file is damaged, or its content is not a set of named tensors.
    #[error("{}: not a readable {format} file: {problem}", path.display())]
    Format {
        path: PathBuf,
        /// The format whose reader recognized the file.
        format: Format,
        problem: String,
    },
    /// A tensor of the file cannot be read.
    #[error("{}: tensor `{name}` cannot be read: {problem}", path.display())]
    Tensor { path: PathBuf, name: String, problem: String },
}

impl TensorFileError {
    /// Returns true if the user's input is at fault, and false if the system is.
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

/// An open file of weights. Tensors are read one at a time.
///
/// Opening a file reads names and shapes only. Sizes that a file claims are compared with its
/// length before memory is allocated for them. No code in a PyTorch pickle is executed.
pub struct TensorFile {
    path: PathBuf,
    content: Content,
}

impl fmt::Debug for TensorFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TensorFile").field("path", &self.path).finish_non_exhaustive()
    }
}

impl TensorFile {
    /// Opens a file. Its format is detected from its content, not from its name.
    ///
    /// # Errors
    /// A file that is missing, damaged, in no known format, or without named tensors.
    pub fn open(path: &Path) -> Result<Self, TensorFileError> {
        let io = |source| TensorFileError::Io { path: path.into(), source };
        // Reading from a pipe or a device could block forever.
        let kind = fs::metadata(path).map_err(io)?.file_type();
        if kind.is_dir() {
            return Err(io(io::ErrorKind::IsADirectory.into()));
        }
        let unknown = || TensorFileError::Unknown { path: path.into() };
        if !kind.is_file() {
            return Err(unknown());
        }
        let mut start = Vec::new();
        File::open(path).and_then(|file| file.take(16).read_to_end(&mut start)).map_err(io)?;
        for Reader { format, open } in READERS {
            match open(path, &start) {
                Ok(Some(content)) => return Ok(Self { path: path.into(), content }),
                Ok(None) => {}
                Err(OpenError::Io(source)) => return Err(io(source)),
                Err(OpenError::Damaged(problem)) => {
                    let problem = printable(&problem);
                    return Err(TensorFileError::Format { path: path.into(), format, problem });
                }
            }
        }
        Err(unknown())
    }

    /// Returns the path of the file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Returns the format that was recognized.
    pub fn format(&self) -> Format {
        self.content.format
    }

    /// Returns the tensors, in the network's order if the file records it, otherwise by name.
    pub fn tensors(&self) -> &[TensorInfo] {
        &self.content.tensors
    }

    /// Returns the indices of the tensors that are weight matrices.
    pub fn matrices(&self) -> Vec<usize> {
        (0..self.tensors().len()).filter(|&index| self.tensors()[index].is_matrix()).collect()
    }

    /// Returns the metadata of a `.safetensors` file; empty for the other formats.
    pub fn metadata(&self) -> &BTreeMap<String, String> {
        &self.content.metadata
    }

    /// Returns the Python objects other than tensors that a pickle names, such as `posix.system`.
    /// None of them was run.
    pub fn ignored(&self) -> &[String] {
        &self.content.ignored
    }

    /// Returns the layout of the format's weight matrices: outputs first, or last in HDF5, which
    /// Keras writes.
    pub fn convention(&self) -> Layout {
        self.content.layout
    }

    /// Returns the layout of a tensor by the format's convention. Transposed convolutions and
    /// embeddings cannot be distinguished from other tensors.
    pub fn layout(&self, tensor: &TensorInfo) -> Layout {
        let depthwise = tensor.shape.len() == 4 && tensor.name.contains("depthwise");
        match self.convention() {
            Layout::OutputLast if depthwise => Layout::DepthwiseLast,
            layout => layout,
        }
    }

    /// Reads the values of the tensor at `index` in [`tensors`](Self::tensors), the last axis
    /// running fastest.
    ///
    /// # Errors
    /// A tensor that does not exist, is damaged, or is not of a floating-point type.
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
            let problem = format!("its type is {}, not a floating-point type", info.kind);
            return Err(error(&info.name, problem));
        };
        let values = self.content.values.read(index, info, float);
        let values = values.map_err(|problem| error(&info.name, problem))?;
        if values.len() == info.elements() {
            Ok(values)
        } else {
            let problem = format!("only {} of {} values exist", values.len(), info.elements());
            Err(error(&info.name, problem))
        }
    }

    /// Summarizes the weight matrix at `index`, in the given layout or else that of the format.
    ///
    /// # Errors
    /// The errors of [`read`](Self::read), and a tensor that is not a matrix.
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
            problem: format!("it is not a matrix: its shape is {:?}", info.shape),
        })
    }
}

/// Replaces control characters, which could manipulate a terminal, in a name or message.
pub(crate) fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}
