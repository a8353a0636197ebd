//! Everything a run needs before its first step.

use std::sync::Arc;

use burn::tensor::Device;
use rayon::prelude::*;

use super::{Backend, MissingBackend};
use crate::data::{self, DataError, DataFile, Dataset, Images, Normalizer};
use crate::experiment::{DataSection, Experiment, Problem};
use crate::model::{Initializer, Network, WeightsFile, WeightsFileError, initial_values};

/// What is to be trained, loaded and ready.
#[derive(Clone)]
pub struct Prepared {
    /// What was asked for.
    pub experiment: Experiment,
    /// Who computes.
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
    /// The experiment makes no sense.
    #[error("{0}")]
    Experiment(String),
    /// The backend is not there.
    #[error(transparent)]
    Backend(#[from] MissingBackend),
    /// The data is not there or not readable.
    #[error(transparent)]
    Data(#[from] DataError),
    /// The snapshot to shuffle is not readable.
    #[error(transparent)]
    Weights(#[from] WeightsFileError),
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
    /// Data or a backend that is not there, or an experiment that does not fit its data.
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

/// The data of an experiment, and how its pixels become numbers.
///
/// # Errors
/// Data that is not there or not readable.
pub fn load_data(section: &DataSection) -> Result<(Dataset, Normalizer), DataError> {
    let dataset = data::load(section.dataset, section.folder.as_deref(), &section.glyphs)?;
    let dataset = dataset.take(section.train_examples, section.test_examples);
    let normalizer = Normalizer::fit(section.normalization(), &dataset.train);
    Ok((dataset, normalizer))
}

/// The initial values of every parameter, before pruning: a function of the experiment alone, and of the snapshot
/// it may shuffle.
///
/// # Errors
/// A snapshot that cannot be read or does not fit the network.
pub fn initial_weights(
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
        let source = match &snapshot {
            None => None,
            Some(file) => {
                let tensor = file.tensor(&parameter.name).filter(|tensor| tensor.shape == parameter.shape);
                Some(tensor.ok_or_else(|| {
                    let (name, shape) = (&parameter.name, &parameter.shape);
                    StartError::Experiment(format!(
                        "initial.weights.shuffled: the snapshot has no tensor `{name}` of shape {shape:?}"
                    ))
                })?)
            }
        };
        let source = source.map(|tensor| tensor.values.as_slice());
        initial_values(&section.weights, section.biases, parameter, index, experiment.seed, source)
            .map_err(|error| StartError::Experiment(format!("initial.weights: {error}")))
    });
    values.collect()
}
