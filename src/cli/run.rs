//! `laperm run FILE`

use std::io;
use std::path::{Path, PathBuf};

use clap::Args;

use super::failure::Result;
use super::screen::{ScreenOptions, require_terminal, watch};
use super::{headless, host};
use crate::experiment::Experiment;
use crate::run::{FolderError, RunFolder, RunState};
use crate::session::{Attached, Live};
use crate::train::{Backend, Prepared};
use crate::tui::{Screen, Theme};

/// Train an experiment, on the screen or without it.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    laperm run experiments/quick.toml\n  \
    laperm run experiments/quick.toml --headless --set wrapper.k=20 --seed 2\n  \
    laperm run experiments/fig05-conv4.toml --data ~/datasets --epochs 10 --json")]
pub(super) struct RunArguments {
    /// Experiment to train, a TOML file; `-` reads it from standard input.
    file: PathBuf,
    #[command(flatten)]
    options: RunOptions,
    #[command(flatten)]
    screen: ScreenOptions,
    /// Host the run for a client that has started this process: print the run's folder, then leave
    /// the terminal.
    #[arg(long, hide = true)]
    hosted: bool,
}

/// Options of a run, most of which override keys of its experiment.
#[derive(Debug, Default, Args)]
pub(super) struct RunOptions {
    /// Train without the screen.
    #[arg(long)]
    headless: bool,
    /// Train without the screen, and print one JSON object at the end.
    #[arg(long)]
    json: bool,
    /// Set any key of the experiment, such as wrapper.k=20; may be repeated.
    #[arg(long, value_name = "KEY=VALUE")]
    set: Vec<String>,
    /// Seed from which everything random derives [default: the experiment's].
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// Backend that runs the computation.
    #[arg(long, value_enum, default_value_t, value_name = "NAME")]
    backend: Backend,
    /// Number of passes over the training set [default: the experiment's].
    #[arg(long, value_name = "N")]
    epochs: Option<u64>,
    /// Stop after this number of training steps.
    #[arg(long, value_name = "N")]
    steps: Option<u64>,
    /// Folder that contains the dataset [default: the experiment's; otherwise the first of
    /// $LAPERM_DATA, ./data and the cache folder that has it].
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
}

impl RunOptions {
    /// Assignments that override keys of the experiment. `--set` comes last, so it wins.
    pub(super) fn overrides(&self) -> Vec<String> {
        let folder =
            self.data.as_ref().map(|folder| toml::Value::from(folder.display().to_string()));
        let named = [
            self.seed.map(|seed| format!("seed={seed}")),
            self.epochs.map(|epochs| format!("train.epochs={epochs}")),
            self.steps.map(|steps| format!("train.steps={steps}")),
            folder.map(|folder| format!("data.folder={folder}")),
        ];
        named.into_iter().flatten().chain(self.set.iter().cloned()).collect()
    }
}

pub(super) fn run(arguments: &RunArguments, runs: &Path) -> Result {
    let options = &arguments.options;
    let experiment = read(&arguments.file, &options.overrides())?;
    if arguments.hosted {
        return host::serve(launch(experiment, options.backend, runs)?);
    }
    let screen = &arguments.screen;
    if options.headless || options.json {
        let live = launch(experiment, options.backend, runs)?;
        return headless::follow(RunState::default(), live, options.json, screen.on_hangup);
    }
    require_terminal()?;
    let theme = Theme::load()?;
    let attached = host(&experiment, options.backend, runs)?;
    watch(attached, Screen::open()?, &theme, screen)
}

/// Reads the experiment from `file`, or from standard input if `file` is `-`.
fn read(file: &Path, overrides: &[String]) -> Result<Experiment> {
    if file != Path::new("-") {
        return Ok(Experiment::read(file, overrides)?);
    }
    let text = io::read_to_string(io::stdin())?;
    Ok(Experiment::parse(&text, "standard input", overrides)?)
}

/// Loads the data of the experiment and starts training it in this process.
fn launch(experiment: Experiment, backend: Backend, runs: &Path) -> Result<Live> {
    let prepared = Prepared::new(experiment, backend)?;
    let folder = RunFolder::create(runs, &prepared.experiment, backend, prepared.data_files())?;
    let started = Live::start(prepared, folder.clone());
    Ok(started.map_err(|source| {
        folder.discard();
        FolderError::new(folder.path(), source)
    })?)
}

/// Starts training the experiment in a host process, and attaches to it.
pub(super) fn host(experiment: &Experiment, backend: Backend, runs: &Path) -> Result<Attached> {
    let arguments = ["run", "-", "--backend", backend.name()].map(str::to_owned);
    host::spawn(runs, &arguments, &toml::to_string(experiment)?)
}
