//! The interface between [`TensorFile`](super::TensorFile) and the readers of the file formats.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use super::float::Float;
use super::layout::Layout;
use super::tensor::TensorInfo;

/// Format of a file of weights.
#[derive(Debug, Clone, Copy, PartialEq, Eq, strum::Display)]
pub enum Format {
    /// `.safetensors`.
    #[strum(to_string = "safetensors")]
    Safetensors,
    /// A snapshot of this program: `.safetensors` with metadata about the run.
    #[strum(to_string = "laperm snapshot")]
    Snapshot,
    /// PyTorch's `.pt` and `.pth`, since version 0.1.10 of 2017. Versions before 1.6 wrote a
    /// container that must be read whole.
    #[strum(to_string = "PyTorch")]
    Pytorch,
    /// Keras's `.h5`, of weights or of whole models.
    #[strum(to_string = "HDF5")]
    Hdf5,
}

/// The reader of a format.
pub(super) struct Reader {
    pub format: Format,
    /// Opens the file at the path, which begins with the given bytes. Returns `None` if it is in
    /// another format.
    pub open: fn(&Path, &[u8]) -> Result<Option<Content>, OpenError>,
}

/// An open file, as its format's reader presents it.
pub(super) struct Content {
    /// The reader's format or a variant of it.
    pub format: Format,
    /// Layout of the format's weight matrices.
    pub layout: Layout,
    /// The tensors, in the network's order as far as the file shows it, otherwise by name.
    pub tensors: Vec<TensorInfo>,
    pub metadata: BTreeMap<String, String>,
    /// Python objects that the file names and that were not run.
    pub ignored: Vec<String>,
    pub values: Box<dyn ReadTensor + Send>,
}

pub(super) trait ReadTensor {
    /// Reads the values of the tensor at `index`, described by `info` and of type `float`.
    fn read(&self, index: usize, info: &TensorInfo, float: Float) -> Result<Vec<f32>, String>;
}

/// A file that a reader recognized and could not open.
pub(super) enum OpenError {
    Io(io::Error),
    /// Description of the damage.
    Damaged(String),
}

impl From<io::Error> for OpenError {
    fn from(error: io::Error) -> Self {
        OpenError::Io(error)
    }
}

impl From<String> for OpenError {
    fn from(problem: String) -> Self {
        OpenError::Damaged(problem)
    }
}
