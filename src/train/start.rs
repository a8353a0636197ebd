//! The preparation of a run: data, network and initial weights.

use std::sync::Arc;

use burn::tensor::Device;
use rayon::prelude::*;

use super::{Backend, MissingBackend, WrapperError};
use crate::data::{self, DataError, DataFile, Dataset, Images, Normalizer};
use crate::experiment::{DataSection, Experiment, Problem};
use crate::method::all_finite;
use crate::model::{
    Initializer, Network, Parameter, WeightsFile, WeightsFileError, initial_values,
};

/// Everything that a run needs before its first step.
#[derive(Clone)]
pub struct Prepared {
    /// The experiment.
    pub experiment: Experiment,
    /// The backend that runs the computation.
    pub backend: Backend,
    pub(super) device: Device,
    pub(super) network: Network,
    pub(super) dataset: String,
    pub(super) train: Arc<Images>,
    pub(super) test: Arc<Images>,
    files: Vec<DataFile>,
    pub(super) normalizer: Arc<Normalizer>,
    pub(super) initial: Vec<Vec<f32>>,
}

/// Why a run cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The experiment has an invalid value.
    #[error("{0}")]
    Experiment(String),
    /// The backend is not available.
    #[error(transparent)]
    Backend(#[from] MissingBackend),
    /// The data is missing or not readable.
    #[error(transparent)]
    Data(#[from] DataError),
    /// The snapshot to shuffle is not readable.
    #[error(transparent)]
    Weights(#[from] WeightsFileError),
    /// The wrapper cannot start from the initial weights.
    #[error(transparent)]
    Wrapper(#[from] WrapperError),
}

impl From<Problem> for StartError {
    fn from(problem: Problem) -> Self {
        StartError::Experiment(problem.to_string())
    }
}

impl Prepared {
    /// Loads the data and draws the initial weights.
    ///
    /// # Errors
    /// Returns an error for missing data, an unavailable backend, or an experiment that does not
    /// fit its data.
    pub fn new(experiment: Experiment, backend: Backend) -> Result<Self, StartError> {
        let device = backend.device()?;
        let network = experiment.network()?;
        let (dataset, normalizer) = load_data(&experiment.data)?;
        let (batch, examples) = (experiment.train.batch, dataset.train.len());
        if batch > examples {
            return Err(StartError::Experiment(format!(
                "train.batch: a batch of {batch} is more than the {examples} training examples"
            )));
        }
        let initial = initial_weights(&experiment, &network)?;
        Ok(Prepared {
            experiment,
            backend,
            device,
            network,
            dataset: dataset.name,
            train: Arc::new(dataset.train),
            test: Arc::new(dataset.test),
            files: dataset.files,
            normalizer: Arc::new(normalizer),
            initial,
        })
    }

    /// The files that the data was read from.
    pub fn data_files(&self) -> &[DataFile] {
        &self.files
    }
}

/// Loads the data of an experiment, and fits the normalization of its pixels.
///
/// # Errors
/// Returns an error for data that is missing or not readable.
pub(crate) fn load_data(section: &DataSection) -> Result<(Dataset, Normalizer), DataError> {
    let dataset = data::load(section.dataset, section.folder.as_deref(), &section.glyphs)?;
    let dataset = dataset.take(section.train_examples, section.test_examples);
    let normalizer = Normalizer::fit(section.normalization(), &dataset.train);
    Ok((dataset, normalizer))
}

/// Returns the initial values of every parameter, before pruning. They depend only on the
/// experiment and on the snapshot that it may shuffle.
///
/// # Errors
/// Returns an error for a snapshot that cannot be read, does not fit the network, or has values
/// that are not finite.
pub(crate) fn initial_weights(
    experiment: &Experiment,
    network: &Network,
) -> Result<Vec<Vec<f32>>, StartError> {
    let section = &experiment.initial;
    let snapshot = match &section.weights {
        Initializer::Shuffled(path) => Some(WeightsFile::read(path)?),
        _ => None,
    };
    let parameters = network.parameters().par_iter().enumerate();
    let values = parameters.map(|(index, parameter)| {
        let source = snapshot.as_ref().map(|file| shuffled(file, parameter)).transpose()?;
        let (rule, biases, seed) = (&section.weights, section.biases, experiment.seed);
        initial_values(rule, biases, parameter, index, seed, source)
            .map_err(|error| StartError::Experiment(format!("initial.weights: {error}")))
    });
    values.collect()
}

/// Returns the values of a parameter in the snapshot to shuffle.
///
/// # Errors
/// Returns an error if the snapshot does not have the parameter, or has values that are not finite.
fn shuffled<'a>(file: &'a WeightsFile, parameter: &Parameter) -> Result<&'a [f32], StartError> {
    let (name, shape) = (&parameter.name, &parameter.shape);
    let problem = match file.tensor(name).filter(|tensor| tensor.shape == *shape) {
        Some(tensor) if all_finite(&tensor.values) => return Ok(&tensor.values),
        Some(_) => format!("the snapshot's tensor `{name}` has values that are not finite"),
        None => format!("the snapshot has no tensor `{name}` of shape {shape:?}"),
    };
    Err(StartError::Experiment(format!("initial.weights.shuffled: {problem}")))
}
