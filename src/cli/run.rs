//! `laperm run FILE`

use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use color_eyre::Result;

use super::screen::{ScreenOptions, require_terminal, watch};
use super::{headless, host};
use crate::experiment::Experiment;
use crate::run::{FolderError, RunFolder, RunState, Summary, is_complete};
use crate::session::{Attached, Live};
use crate::train::{Backend, Prepared, Reason};
use crate::tui::{Screen, Theme};

#[derive(Debug, Args)]
pub(super) struct RunArguments {
    /// The experiment; `-` reads it from standard input.
    file: PathBuf,
    #[command(flatten)]
    options: RunOptions,
    #[command(flatten)]
    screen: ScreenOptions,
    /// Be the process behind a screen: say where the run is, and let go of the terminal.
    #[arg(long, hide = true)]
    hosted: bool,
}

/// What becomes of a run when its terminal is lost.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum OnHangup {
    /// It goes on; `laperm attach` finds it.
    #[default]
    GoOn,
    /// It ends and is saved.
    Stop,
}

/// What may be said about a run beside its experiment.
#[derive(Debug, Default, Args)]
pub(super) struct RunOptions {
    /// Train without the screen.
    #[arg(long)]
    headless: bool,
    /// Train without the screen and print one JSON object at the end.
    #[arg(long)]
    json: bool,
    /// Set any key of the experiment.
    #[arg(long, value_name = "KEY=VALUE")]
    set: Vec<String>,
    /// The seed everything random derives from.
    #[arg(long)]
    seed: Option<u64>,
    /// Who computes.
    #[arg(long, value_enum, default_value_t)]
    backend: Backend,
    /// Times through the train set.
    #[arg(long)]
    epochs: Option<u64>,
    /// Stop after so many steps.
    #[arg(long)]
    steps: Option<u64>,
    /// Where the data is.
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
}

impl RunOptions {
    /// Everything that overrides the experiment's keys; `--set` wins.
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

pub(super) fn run(arguments: &RunArguments, runs: &Path) -> Result<ExitCode> {
    let options = &arguments.options;
    let experiment = read(&arguments.file, &options.overrides())?;
    if arguments.hosted {
        return host::host(launch(experiment, options.backend, runs)?);
    }
    let screen = &arguments.screen;
    if options.headless || options.json {
        let live = launch(experiment, options.backend, runs)?;
        return headless::follow(live, options.json, screen.on_hangup);
    }
    require_terminal()?;
    let theme = Theme::load()?;
    let attached = host(&experiment, options.backend, runs)?;
    watch(attached, Screen::open()?, &theme, screen)
}

/// The experiment in a file, or on standard input where the file is called `-`.
fn read(file: &Path, overrides: &[String]) -> Result<Experiment> {
    if file != Path::new("-") {
        return Ok(Experiment::read(file, overrides)?);
    }
    let text = io::read_to_string(io::stdin())?;
    Ok(Experiment::parse(&text, "standard input", overrides)?)
}

/// Loads what the experiment needs and starts to train it in this process.
fn launch(experiment: Experiment, backend: Backend, runs: &Path) -> Result<Live> {
    let prepared = Prepared::new(experiment, backend)?;
    let folder = RunFolder::create(runs, &prepared.experiment, backend, prepared.data_files())?;
    let started = Live::start(prepared, folder.clone());
    Ok(started.map_err(|source| {
        folder.discard();
        FolderError::new(folder.path(), source)
    })?)
}

/// Starts to train the experiment in a process of its own, and looks at it.
pub(super) fn host(experiment: &Experiment, backend: Backend, runs: &Path) -> Result<Attached> {
    let arguments = ["run", "-", "--backend", backend.name()].map(str::to_owned);
    host::start(runs, &arguments, &toml::to_string(experiment)?)
}

/// The exit code of a run that has ended. A run that is not all on disk is a failure however well it went.
pub(super) fn ended(reason: Option<Reason>, folder: &RunFolder) -> Result<ExitCode> {
    if reason != Some(Reason::Failed) && !is_complete(folder)? {
        return Err(NotSaved(folder.path().to_owned()).into());
    }
    Ok(match reason {
        Some(Reason::Finished | Reason::Stopped) => ExitCode::SUCCESS,
        _ => ExitCode::FAILURE,
    })
}

/// The disk did not take a run.
#[derive(Debug, thiserror::Error)]
#[error("the run is not all on disk: the end of its log or its last weights are missing in {}", .0.display())]
struct NotSaved(PathBuf);

/// What to say when a run has ended.
pub(super) fn farewell(state: &RunState, folder: &RunFolder) -> String {
    let summary = Summary::of(state, folder);
    let accuracy = summary
        .best_test_accuracy
        .map(|best| format!(", best test accuracy {:.2} %", best * 100.0));
    let failure = state.failure.as_ref().map(|message| format!(": {message}"));
    format!(
        "{}: {} after {} steps, {} syncs{}{}\n{}\n",
        summary.name,
        summary.state.name(),
        summary.steps,
        summary.syncs,
        accuracy.unwrap_or_default(),
        failure.unwrap_or_default(),
        summary.run,
    )
}
