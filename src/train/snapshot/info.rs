//! What a snapshot is, in numbers: above all its size against the least that it could have.

use std::f64::consts::LOG2_10;

use serde::Serialize;

use super::{Snapshot, SnapshotError, SnapshotKind};

/// What a snapshot is.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SnapshotInfo {
    /// How it lies in its file.
    pub kind: SnapshotKind,
    /// The experiment's name.
    pub experiment: String,
    /// The network's name.
    pub network: String,
    /// The dataset's name.
    pub dataset: String,
    /// What everything random derives from.
    pub seed: u64,
    /// Training steps taken; absent where the metadata does not tell, as below.
    pub step: Option<u64>,
    /// The sync period in effect; 0 without a wrapper.
    pub k: Option<u64>,
    /// The pruning ratio in effect.
    pub p: Option<f64>,
    /// Whether the weights are a permutation of the initial ones.
    pub synced: bool,
    /// The newest accuracy on the test set, 0 to 1.
    pub accuracy: Option<f32>,
    /// Trainable parameters.
    pub parameters: usize,
    /// SHA-256 over all parameters in order, in hexadecimal.
    pub weights_checksum: String,
    /// Bytes of the file.
    pub bytes: usize,
    /// Bytes of all tensors as 32-bit floats, which is how a .safetensors file has them.
    pub float_bytes: usize,
    /// The least number of bytes for all tensors: each permuted one's logarithm of the number of its arrangements, and
    /// the others as 32-bit floats. Absent where the weights are not a permutation of the initial ones.
    pub bound_bytes: Option<f64>,
    /// The tensors, in the network's order.
    pub tensors: Vec<TensorSize>,
}

/// What one tensor of a snapshot takes.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TensorSize {
    /// Its name.
    pub name: String,
    /// Its shape.
    pub shape: Vec<usize>,
    /// How many of its values are zero.
    pub zeros: usize,
    /// Its bytes in the file.
    pub bytes: usize,
    /// Its bytes as 32-bit floats.
    pub float_bytes: usize,
    /// The logarithm to base 2 of the number of its arrangements, over 8; absent if it is not permuted.
    pub bound_bytes: Option<f64>,
}

impl Snapshot {
    /// What this snapshot is.
    ///
    /// # Errors
    /// Permuted weights whose initial weights cannot be drawn again.
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

    /// For each tensor the least number of bytes of its permutation, or nothing if it is not permuted; nothing at all
    /// if no tensor is.
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
