//! The proof that the weights of a snapshot are a permutation of its initial weights.

use super::{Snapshot, SnapshotError};

/// The proof, or its failure, for one parameter.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Verified {
    /// The parameter's name.
    pub parameter: String,
    /// Number of weight vectors.
    pub vectors: usize,
    /// Indices of the weight vectors that are not a permutation of their initial values.
    pub foreign: Vec<usize>,
}

impl Snapshot {
    /// Draws the initial weights again, from seed and rule alone, and checks that every weight
    /// vector is a permutation of its initial values, to the bit.
    ///
    /// # Errors
    /// Returns an error for a snapshot of weights that are not synchronized, or whose initial
    /// weights cannot be drawn again.
    pub fn verify(&self) -> Result<Vec<Verified>, SnapshotError> {
        let permuted = self.origin.permuted()?;
        let verified = permuted.iter().map(|permuted| {
            let tensor = &self.tensors[permuted.parameter];
            Verified {
                parameter: tensor.name.clone(),
                vectors: permuted.reservoir.shape().count,
                foreign: permuted.reservoir.foreign_vectors(&tensor.values),
            }
        });
        Ok(verified.collect())
    }
}
