//! `laperm eval`

use std::path::{Path, PathBuf};

use clap::Args;
use color_eyre::Result;
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;
use strum::VariantArray;

use super::{InputError, output};
use crate::data::DatasetName;
use crate::experiment::{Experiment, Published};
use crate::model::{Matching, NamedTensor, adopt};
use crate::train::{Backend, Classifier, Score, Snapshot, SnapshotError, load_data};

#[derive(Debug, Args)]
pub(super) struct EvalArguments {
    /// The weights: a snapshot (.safetensors or .lperm), or .safetensors, .pt, .pth or Keras's .h5 of another program.
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
    /// What to classify; where absent, what the experiment or the paper trains that network on.
    #[arg(long, value_enum)]
    dataset: Option<DatasetName>,
    /// Where the data is.
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Look at only so many training examples, the first; 0 is none.
    #[arg(long, value_name = "N")]
    train_examples: Option<usize>,
    /// Who computes.
    #[arg(long, value_enum, default_value_t)]
    backend: Backend,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

/// What `--json` prints.
#[derive(Debug, Serialize)]
struct Evaluation {
    weights: String,
    /// The format of the weights.
    format: String,
    network: String,
    dataset: String,
    /// Trainable parameters.
    parameters: usize,
    /// Shares of all examples classified correctly, 0 to 1, and mean cross-entropies.
    test_accuracy: f32,
    test_loss: f32,
    test_examples: usize,
    /// Absent with `--train-examples 0`.
    train_accuracy: Option<f32>,
    train_loss: Option<f32>,
    train_examples: usize,
    /// How the file's tensors were found.
    matching: Matching,
    /// Which became which.
    tensors: Vec<Source>,
}

/// A tensor of the network, and what it was in the file.
#[derive(Debug, Serialize)]
struct Source {
    name: String,
    source: String,
}

/// Weights from a file, and the experiment that says what network and data they are for.
struct Subject {
    experiment: Experiment,
    tensors: Vec<NamedTensor>,
    format: String,
    sources: Vec<String>,
    matching: Matching,
}

pub(super) fn run(arguments: &EvalArguments) -> Result<()> {
    let subject = subject(arguments)?;
    let network =
        subject.experiment.network().map_err(|problem| InputError(problem.to_string()))?;
    let (data, normalizer) = load_data(&subject.experiment.data)?;
    let names: Vec<String> = subject.tensors.iter().map(|tensor| tensor.name.clone()).collect();
    let parameters = network.trainable();
    let classifier = Classifier::new(network, subject.tensors, arguments.backend)
        .map_err(|missing| InputError(missing.to_string()))?;

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
    match arguments.json {
        true => output::json(&evaluation),
        false => output::text(&evaluation.in_words(test, train)),
    }
}

/// Reads the weights, as those of their own network or of the one that is asked for.
fn subject(arguments: &EvalArguments) -> Result<Subject> {
    let path = &arguments.weights;
    let mut experiment = match &arguments.network {
        None => return own_subject(arguments),
        Some(network) => experiment(network)?,
    };
    if Snapshot::is_coded(path)? {
        let message =
            format!("{}: an .lperm file has its own network: leave out --network", path.display());
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

/// A snapshot, whose experiment is in its metadata.
fn own_subject(arguments: &EvalArguments) -> Result<Subject> {
    let path = &arguments.weights;
    let snapshot = Snapshot::read(path).map_err(|error| match error {
        SnapshotError::File(_) | SnapshotError::Foreign { .. } if path.is_file() => {
            let advice = "weights of another program need their network: add --network";
            InputError(format!("{error}; {advice}")).into()
        }
        error => color_eyre::Report::from(error),
    })?;
    let mut experiment = snapshot.experiment().clone();
    arguments.redirect(&mut experiment);
    let kind = match Snapshot::is_coded(path)? {
        true => ".lperm",
        false => "laperm snapshot",
    };
    let tensors = snapshot.tensors().to_vec();
    Ok(Subject {
        experiment,
        sources: tensors.iter().map(|tensor| tensor.name.clone()).collect(),
        tensors,
        format: kind.to_owned(),
        matching: Matching::ByName,
    })
}

impl EvalArguments {
    /// Puts the data that was asked for into `experiment`.
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

/// A bar on standard error, if that is a terminal.
fn progress(images: u64) -> ProgressBar {
    let style = ProgressStyle::with_template("{bar:24} {pos} of {len} images, {eta} left")
        .unwrap_or_else(|_| ProgressStyle::default_bar());
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
