//! The proof that the weights of a snapshot are a permutation of the initial ones.

use super::{Snapshot, SnapshotError};

/// The proof, or its failure, for one parameter.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Verified {
    /// The parameter's name.
    pub parameter: String,
    /// Its weight vectors.
    pub vectors: usize,
    /// Those that are not a permutation of their initial values.
    pub foreign: Vec<usize>,
}

impl Snapshot {
    /// Draws the initial weights again, from seed and rule alone, and looks whether every weight vector is a permutation
    /// of them, to the bit.
    ///
    /// # Errors
    /// A snapshot that is not one of synchronized weights, or whose initial weights cannot be drawn again.
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
