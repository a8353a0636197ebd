//! `laperm eval`

use std::path::{Path, PathBuf};

use clap::Args;
use indicatif::ProgressBar;
use serde::Serialize;
use strum::VariantArray;

use super::failure::{Failure, InputError, Result};
use super::output;
use crate::data::DatasetName;
use crate::experiment::{Experiment, Published};
use crate::model::{Matching, NamedTensor, adopt};
use crate::train::{Backend, Classifier, Score, Snapshot, SnapshotError, load_data};

/// Evaluate weights from a file on a dataset.
///
/// The file may be a snapshot of a run, or may have been written by PyTorch, Keras or another
/// program.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    laperm eval --weights runs/RUN/snapshots/step-0012000.safetensors\n  \
    laperm eval --weights conv7.h5 --network conv7 --data ~/datasets")]
pub(super) struct EvalArguments {
    /// File of weights: a snapshot (.safetensors or .lperm), or a .safetensors, .pt, .pth or Keras
    /// .h5 file of another program.
    #[arg(long, value_name = "FILE")]
    weights: PathBuf,
    #[arg(
        long,
        value_name = "NAME|FILE",
        help = format!(
            "Network of the weights: {}, or an experiment file. A snapshot has its own network",
            known_networks()
        )
    )]
    network: Option<String>,
    /// Dataset to evaluate on [default: the dataset that the network is trained on, in its
    /// experiment or in the paper].
    #[arg(long, value_enum, value_name = "NAME")]
    dataset: Option<DatasetName>,
    /// Folder that contains the dataset [default: the experiment's; otherwise the first of
    /// $LAPERM_DATA, ./data and the cache folder that has it].
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Number of training examples to evaluate, from the first; 0 is none [default: all].
    #[arg(long, value_name = "N")]
    train_examples: Option<usize>,
    /// Backend that runs the computation.
    #[arg(long, value_enum, default_value_t, value_name = "NAME")]
    backend: Backend,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

/// What `--json` prints.
#[derive(Debug, Serialize)]
struct Evaluation {
    weights: String,
    /// Format of the file.
    format: String,
    network: String,
    dataset: String,
    /// Number of trainable parameters.
    parameters: usize,
    /// Share of the examples that are classified correctly, 0 to 1.
    test_accuracy: f32,
    /// Mean cross-entropy.
    test_loss: f32,
    test_examples: usize,
    /// `null` with `--train-examples 0`.
    train_accuracy: Option<f32>,
    train_loss: Option<f32>,
    train_examples: usize,
    /// How the tensors of the file were assigned to those of the network.
    matching: Matching,
    /// The assignment.
    tensors: Vec<Source>,
}

/// A tensor of the network, and its name in the file.
#[derive(Debug, Serialize)]
struct Source {
    name: String,
    source: String,
}

/// Weights from a file, with the experiment that defines their network and data.
struct Subject {
    experiment: Experiment,
    tensors: Vec<NamedTensor>,
    format: String,
    sources: Vec<String>,
    matching: Matching,
}

pub(super) fn run(arguments: &EvalArguments) -> Result {
    let subject = subject(arguments)?;
    let network =
        subject.experiment.network().map_err(|problem| InputError(problem.to_string()))?;
    let (data, normalizer) = load_data(&subject.experiment.data)?;
    let names: Vec<String> = subject.tensors.iter().map(|tensor| tensor.name.clone()).collect();
    let parameters = network.trainable();
    let classifier = Classifier::new(network, subject.tensors, arguments.backend)?;

    let mut train = data.train;
    train.truncate(arguments.train_examples.unwrap_or(usize::MAX));
    let progress = progress((data.test.len() + train.len()) as u64);
    let score = |images| {
        let batch = subject.experiment.evaluate.batch;
        classifier.score(images, &normalizer, batch, |images| progress.inc(images as u64))
    };
    let test = score(&data.test);
    let train = (!train.is_empty()).then(|| score(&train));
    progress.finish_and_clear();

    let sources = names.into_iter().zip(subject.sources);
    let evaluation = Evaluation {
        weights: arguments.weights.display().to_string(),
        format: subject.format,
        network: subject.experiment.network.title().to_owned(),
        dataset: data.name,
        parameters,
        test_accuracy: test.accuracy,
        test_loss: test.loss,
        test_examples: test.examples,
        train_accuracy: train.map(|train| train.accuracy),
        train_loss: train.map(|train| train.loss),
        train_examples: train.map_or(0, |train| train.examples),
        matching: subject.matching,
        tensors: sources.map(|(name, source)| Source { name, source }).collect(),
    };
    if arguments.json {
        output::json(&evaluation)
    } else {
        output::text(&evaluation.in_words(test, train))
    }
}

/// Reads the weights for the network that `--network` names, or for that of the snapshot.
fn subject(arguments: &EvalArguments) -> Result<Subject> {
    let path = &arguments.weights;
    let mut experiment = match &arguments.network {
        None => return own_subject(arguments),
        Some(network) => experiment(network)?,
    };
    if Snapshot::is_coded(path)? {
        let message =
            format!("{}: an .lperm file names its network: leave out --network", path.display());
        return Err(InputError(message).into());
    }
    arguments.redirect(&mut experiment);
    let network = experiment.network().map_err(|problem| InputError(problem.to_string()))?;
    let adopted = adopt(&network, path)?;
    Ok(Subject {
        experiment,
        tensors: adopted.tensors,
        format: adopted.format.to_string(),
        sources: adopted.sources,
        matching: adopted.matching,
    })
}

/// Reads a snapshot, whose metadata has its experiment.
fn own_subject(arguments: &EvalArguments) -> Result<Subject> {
    let path = &arguments.weights;
    let snapshot = Snapshot::read(path).map_err(|error| match error {
        SnapshotError::File(_) | SnapshotError::Foreign { .. } if path.is_file() => {
            let advice = "name the network of another program's weights with --network";
            InputError(format!("{error}; {advice}")).into()
        }
        error => Failure::from(error),
    })?;
    let mut experiment = snapshot.experiment().clone();
    arguments.redirect(&mut experiment);
    let format = if Snapshot::is_coded(path)? { ".lperm" } else { "laperm snapshot" };
    let tensors = snapshot.tensors().to_vec();
    Ok(Subject {
        experiment,
        sources: tensors.iter().map(|tensor| tensor.name.clone()).collect(),
        tensors,
        format: format.to_owned(),
        matching: Matching::ByName,
    })
}

impl EvalArguments {
    /// Replaces the dataset of `experiment` and its folder by those on the command line.
    fn redirect(&self, experiment: &mut Experiment) {
        let data = &mut experiment.data;
        data.dataset = self.dataset.unwrap_or(data.dataset);
        data.folder = self.data.clone().or(data.folder.take());
    }
}

/// The experiment of a published network, or that of a file.
fn experiment(network: &str) -> Result<Experiment> {
    if let Ok(published) = network.parse::<Published>() {
        return Ok(Experiment::published(published));
    }
    if Path::new(network).exists() {
        return Ok(Experiment::read(Path::new(network), &[])?);
    }
    let message = format!(
        "--network {network}: there is no such file or network; the networks are {}",
        known_networks()
    );
    Err(InputError(message).into())
}

fn known_networks() -> String {
    let names: Vec<_> = Published::VARIANTS.iter().map(|network| network.name()).collect();
    names.join(", ")
}

/// A progress bar on standard error; hidden if that is not a terminal.
fn progress(images: u64) -> ProgressBar {
    let style = output::bar_style("{bar:24} {pos} of {len} images, {eta} left");
    ProgressBar::new(images).with_style(style)
}

impl Evaluation {
    fn in_words(&self, test: Score, train: Option<Score>) -> String {
        let Evaluation { network, parameters, dataset, format, weights, .. } = self;
        let score = |score: Score| {
            let Score { accuracy, loss, examples } = score;
            format!("{:.2} % of {examples} images, loss {loss:.4}", accuracy * 100.0)
        };
        let train = train.map(|train| format!("train     {}\n", score(train)));
        let matching = match self.matching {
            Matching::ByName => "tensors by name".to_owned(),
            Matching::ByOrder => {
                let header = ["network", "file"].map(str::to_owned).to_vec();
                let rows = self.tensors.iter().map(|t| vec![t.name.clone(), t.source.clone()]);
                let rows: Vec<_> = std::iter::once(header).chain(rows).collect();
                format!("tensors by order\n\n{}", output::table(&rows).trim_end())
            }
        };
        format!(
            "network   {network}, {parameters} parameters\ndata      {dataset}\ntest      {}\n{}weights   \
             {weights}: {format}, {matching}\n",
            score(test),
            train.unwrap_or_default(),
        )
    }
}
