//! Snapshots: the weights of a run as a .safetensors file that says what it is, and the proof that they are a
//! permutation of the initial ones.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use sha2::{Digest, Sha256};

use super::control::Control;
use super::start::{StartError, initial_weights};
use super::wrapper::reservoirs;
use super::{Command, Schedule};
use crate::experiment::{Experiment, WrapperName};
use crate::model::{NamedTensor, Network, Weights, WeightsFile, WeightsFileError};

/// A weights file that proves nothing.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    /// It cannot be read.
    #[error(transparent)]
    File(#[from] WeightsFileError),
    /// It is not a snapshot of laperm.
    #[error("{0}: not a snapshot of laperm: its metadata has no readable `{1}`")]
    Foreign(String, &'static str),
    /// It was not trained by permuting, or is not synchronized.
    #[error("{0}: nothing to prove: {1}")]
    Unproven(String, &'static str),
    /// A tensor is missing or of another shape.
    #[error("{0}: tensor `{1}` is missing or not of the shape {2:?}")]
    Tensor(String, String, Vec<usize>),
    /// Its initial weights cannot be drawn again.
    #[error("{0}: {1}")]
    Initial(String, StartError),
}

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

/// The file for `weights` of `network`. `accuracy` is the newest on the test set.
pub(super) fn snapshot(
    experiment: &Experiment,
    network: &Network,
    weights: &Weights,
    step: u64,
    schedule: &Schedule,
    synced: bool,
    accuracy: Option<f32>,
) -> WeightsFile {
    let to_vec = |tensor: &burn::tensor::Tensor<1>| {
        tensor.clone().inner().into_data().try_to_vec::<f32>().unwrap_or_default()
    };
    let parameters = network.parameters().iter().zip(&weights.parameters);
    let mut tensors: Vec<_> = parameters
        .map(|(parameter, tensor)| NamedTensor {
            name: parameter.name.clone(),
            shape: parameter.shape.clone(),
            values: to_vec(tensor),
        })
        .collect();
    for ((layer, channels), statistics) in network.norms().iter().zip(&weights.statistics) {
        for (name, tensor) in
            [("running_mean", &statistics.mean), ("running_var", &statistics.variance)]
        {
            tensors.push(NamedTensor {
                name: format!("{layer}.{name}"),
                shape: vec![*channels],
                values: to_vec(tensor),
            });
        }
    }
    let mut metadata = HashMap::from([
        ("format".to_owned(), "laperm-snapshot-1".to_owned()),
        ("name".to_owned(), experiment.name.clone()),
        ("experiment".to_owned(), toml::to_string(experiment).unwrap_or_default()),
        ("network".to_owned(), experiment.network.title().to_owned()),
        ("seed".to_owned(), experiment.seed.to_string()),
        ("step".to_owned(), step.to_string()),
        ("k".to_owned(), schedule.k.to_string()),
        ("p".to_owned(), schedule.p.to_string()),
        ("p_by_hand".to_owned(), schedule.p_by_hand.to_string()),
        ("synced".to_owned(), synced.to_string()),
    ]);
    if let Some(accuracy) = accuracy {
        metadata.insert("accuracy".to_owned(), accuracy.to_string());
    }
    WeightsFile { tensors, metadata }
}

/// SHA-256 over the values of all parameters in order, in hexadecimal.
pub(super) fn checksum(file: &WeightsFile, network: &Network) -> String {
    let mut hash = Sha256::new();
    for tensor in file.tensors.iter().take(network.parameters().len()) {
        for value in &tensor.values {
            hash.update(value.to_le_bytes());
        }
    }
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Draws the initial weights of a snapshot again, from its seed and rule alone, and looks whether every weight vector
/// is a permutation of them, to the bit.
///
/// # Errors
/// A file that is not readable, not a snapshot, or not one of synchronized weights.
pub fn verify(path: &Path) -> Result<Vec<Verified>, VerifyError> {
    let name = || path.display().to_string();
    let file = WeightsFile::read(path)?;
    let text =
        |key: &'static str| file.metadata.get(key).ok_or_else(|| VerifyError::Foreign(name(), key));
    let experiment = Experiment::parse(text("experiment")?, "experiment", &[])
        .map_err(|_| VerifyError::Foreign(name(), "experiment"))?;
    if experiment.wrapper.name != WrapperName::Laperm {
        return Err(VerifyError::Unproven(name(), "it was not trained under the laperm wrapper"));
    }
    if text("synced")? != "true" {
        return Err(VerifyError::Unproven(
            name(),
            "it holds the inner optimizer's weights, not synchronized ones",
        ));
    }
    let p: f64 = text("p")?.parse().map_err(|_| VerifyError::Foreign(name(), "p"))?;
    let mut control = Control::new(&experiment);
    if text("p_by_hand")? == "true" {
        control.obey(&Command::SetPruning { p });
    }
    let schedule = Schedule { p, p_by_hand: text("p_by_hand")? == "true", ..Schedule::default() };
    let network = experiment.network().map_err(|_| VerifyError::Foreign(name(), "experiment"))?;
    let initial =
        initial_weights(&experiment, &network).map_err(|e| VerifyError::Initial(name(), e))?;
    let permuted = reservoirs(&experiment, &network, initial, &schedule, &control);
    let tensors: BTreeMap<&str, &NamedTensor> =
        file.tensors.iter().map(|t| (t.name.as_str(), t)).collect();
    let verified = permuted.iter().map(|permuted| {
        let parameter = &network.parameters()[permuted.parameter];
        let tensor =
            tensors.get(parameter.name.as_str()).filter(|tensor| tensor.shape == parameter.shape);
        let tensor = tensor.ok_or_else(|| {
            VerifyError::Tensor(name(), parameter.name.clone(), parameter.shape.clone())
        })?;
        Ok(Verified {
            parameter: parameter.name.clone(),
            vectors: permuted.reservoir.shape().count,
            foreign: permuted.reservoir.foreign_vectors(&tensor.values),
        })
    });
    verified.collect()
}
