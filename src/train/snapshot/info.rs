//! The description of a snapshot, above all its size compared with the smallest possible one.

use std::f64::consts::LOG2_10;

use serde::Serialize;

use super::{Snapshot, SnapshotError, SnapshotKind};

/// Description of a snapshot.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SnapshotInfo {
    /// The format of the file.
    pub kind: SnapshotKind,
    /// The experiment's name.
    pub experiment: String,
    /// The network's name.
    pub network: String,
    /// The dataset's name.
    pub dataset: String,
    /// The seed from which all random values derive.
    pub seed: u64,
    /// Number of training steps taken. Absent, as k, p and accuracy are, if the metadata does not
    /// say.
    pub step: Option<u64>,
    /// The sync period in effect; 0 without a wrapper.
    pub k: Option<u64>,
    /// The pruning ratio in effect.
    pub p: Option<f64>,
    /// Whether the weights are a permutation of the initial ones.
    pub synced: bool,
    /// The latest accuracy on the test set, 0 to 1.
    pub accuracy: Option<f32>,
    /// Number of trainable parameters.
    pub parameters: usize,
    /// SHA-256 over all parameters in order, in hexadecimal.
    pub weights_checksum: String,
    /// Number of bytes of the file.
    pub bytes: usize,
    /// Number of bytes of all tensors as 32-bit floats, the form in a .safetensors file.
    pub float_bytes: usize,
    /// Lower bound on the number of bytes of all tensors: for each permuted tensor the logarithm of
    /// the number of its arrangements, for the others their size as 32-bit floats. Absent if the
    /// weights are not a permutation of the initial ones.
    pub bound_bytes: Option<f64>,
    /// The tensors, in the network's order.
    pub tensors: Vec<TensorSize>,
}

/// Size of one tensor of a snapshot.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TensorSize {
    /// The tensor's name.
    pub name: String,
    /// The tensor's shape.
    pub shape: Vec<usize>,
    /// Number of values that are zero.
    pub zeros: usize,
    /// Number of bytes in the file.
    pub bytes: usize,
    /// Number of bytes as 32-bit floats.
    pub float_bytes: usize,
    /// The logarithm to base 2 of the number of arrangements, divided by 8. Absent if the tensor is
    /// not permuted.
    pub bound_bytes: Option<f64>,
}

impl Snapshot {
    /// Describes this snapshot.
    ///
    /// # Errors
    /// Returns an error for permuted weights whose initial weights cannot be drawn again.
    pub fn info(&self) -> Result<SnapshotInfo, SnapshotError> {
        let bounds = self.bounds()?;
        let tensors: Vec<TensorSize> = self
            .tensors
            .iter()
            .enumerate()
            .map(|(index, tensor)| TensorSize {
                name: tensor.name.clone(),
                shape: tensor.shape.clone(),
                zeros: tensor.values.iter().filter(|&&value| value == 0.0).count(),
                bytes: self.tensor_bytes[index],
                float_bytes: tensor.values.len() * 4,
                bound_bytes: bounds.as_ref().and_then(|bounds| bounds[index]),
            })
            .collect();
        let least = |tensor: &TensorSize| tensor.bound_bytes.unwrap_or(tensor.float_bytes as f64);
        let (experiment, metadata) = (self.experiment(), &self.origin.metadata);
        Ok(SnapshotInfo {
            kind: self.kind,
            experiment: experiment.name.clone(),
            network: experiment.network.title().to_owned(),
            dataset: experiment.data.dataset.to_string(),
            seed: experiment.seed,
            step: metadata.get("step").and_then(|text| text.parse().ok()),
            k: metadata.get("k").and_then(|text| text.parse().ok()),
            p: metadata.get("p").and_then(|text| text.parse().ok()),
            synced: bounds.is_some(),
            accuracy: metadata.get("accuracy").and_then(|text| text.parse().ok()),
            parameters: self.network().trainable(),
            weights_checksum: self.checksum(),
            bytes: self.bytes,
            float_bytes: tensors.iter().map(|tensor| tensor.float_bytes).sum(),
            bound_bytes: bounds.is_some().then(|| tensors.iter().map(least).sum()),
            tensors,
        })
    }

    /// Returns, for each tensor, the lower bound in bytes of its permutation, or `None` if it is
    /// not permuted. Returns `None` instead of the list if no tensor is.
    fn bounds(&self) -> Result<Option<Vec<Option<f64>>>, SnapshotError> {
        let permuted = match self.origin.permuted() {
            Err(SnapshotError::NotPermuted { .. }) => return Ok(None),
            permuted => permuted?,
        };
        let mut bounds = vec![None; self.tensors.len()];
        for permuted in permuted {
            let bits = permuted.reservoir.log10_reachable() * LOG2_10;
            bounds[permuted.parameter] = Some(bits / 8.0);
        }
        Ok(Some(bounds))
    }
}
