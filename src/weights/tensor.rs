//! Description of a tensor in a file.

use super::float::Float;
use super::names;

/// Description of a tensor in a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TensorInfo {
    /// Name as in the file: in HDF5 the path, in a nested PyTorch checkpoint the keys joined by
    /// dots.
    pub name: String,
    /// Shape as in the file.
    pub shape: Vec<usize>,
    /// Type of the values, or `None` if it is not a floating-point type that can be read.
    pub float: Option<Float>,
    /// Type of the values, as the file's format names it.
    pub kind: String,
}

impl TensorInfo {
    /// Returns the number of values.
    pub fn elements(&self) -> usize {
        self.shape.iter().product()
    }

    /// Returns true if the tensor's name says that it belongs to an optimizer's state rather than
    /// to a network.
    pub fn is_optimizer_state(&self) -> bool {
        names::is_optimizer_state(&self.name)
    }

    /// Returns true for a weight matrix: floating-point values along at least two axes that are not
    /// an optimizer's state.
    pub fn is_matrix(&self) -> bool {
        let at_least_two_axes = self.shape.len() >= 2 && self.elements() > 0;
        at_least_two_axes && self.float.is_some() && !self.is_optimizer_state()
    }
}

/// Returns the number of elements of a shape.
///
/// # Errors
/// A description of the problem if the shape is too large for any file.
pub(super) fn elements(shape: &[usize]) -> Result<usize, String> {
    // An empty axis makes the product 0 but does not make the other axes plausible.
    let sizes = shape.iter().map(|&axis| axis.max(1));
    let most = sizes.clone().try_fold(1usize, usize::checked_mul);
    match most.filter(|&most| most <= isize::MAX as usize / 8) {
        Some(_) => Ok(shape.iter().product()),
        None => Err(format!("no file is large enough for the shape {shape:?}")),
    }
}
