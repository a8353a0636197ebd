//! `laperm run FILE`

use std::io::{self, IsTerminal};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use color_eyre::Result;

use super::{InputError, headless, output};
use crate::experiment::Experiment;
use crate::run::{FolderError, RunFolder, RunState, Summary, is_complete};
use crate::session::{Live, Session};
use crate::train::{Backend, Command, Prepared, Reason};
use crate::tui::{self, Leave, Screen, Theme};

#[derive(Debug, Args)]
pub(super) struct RunArguments {
    /// The experiment.
    file: PathBuf,
    #[command(flatten)]
    options: RunOptions,
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
    let experiment = Experiment::read(&arguments.file, &options.overrides())?;
    if options.headless || options.json {
        let live = launch(experiment, options.backend, runs)?;
        return headless::follow(live, options.json);
    }
    require_terminal()?;
    let live = launch(experiment, options.backend, runs)?;
    let theme = Theme::load()?;
    watch(live, Screen::open()?, &theme)
}

/// Loads what the experiment needs and starts to train it.
pub(super) fn launch(experiment: Experiment, backend: Backend, runs: &Path) -> Result<Live> {
    let prepared = Prepared::new(experiment, backend)?;
    let folder = RunFolder::create(runs, &prepared.experiment, backend, prepared.data_files())?;
    let started = Live::start(prepared, folder.clone());
    Ok(started.map_err(|source| {
        folder.discard();
        FolderError::new(folder.path(), source)
    })?)
}

/// Shows a run until the person leaves, then ends it in an orderly way and says where it is.
pub(super) fn watch(mut live: Live, mut screen: Screen, theme: &Theme) -> Result<ExitCode> {
    let shown = catch_unwind(AssertUnwindSafe(|| tui::show(&mut screen, &mut live, theme)));
    // Save first, restore second: a terminal that is gone, or a screen that broke down, must not cost the weights.
    live.send(Command::Stop);
    live.wait();
    let leave = shown.unwrap_or_else(|panic| resume_unwind(panic));
    let folder = RunFolder::open(live.folder());
    let state = crate::run::read_state(&folder)?;
    if matches!(leave, Leave::HungUp) {
        // Restoring a terminal that is gone would fail on every path out of here.
        std::process::exit(0);
    }
    screen.close();
    output::text(&farewell(&state, &folder))?;
    ended(&state, &folder)
}

/// The exit code of a run that has ended. A run that is not all on disk is a failure however well it went.
pub(super) fn ended(state: &RunState, folder: &RunFolder) -> Result<ExitCode> {
    if state.reason != Some(Reason::Failed) && !is_complete(folder)? {
        return Err(NotSaved(folder.path().to_owned()).into());
    }
    Ok(match state.reason {
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

pub(super) fn require_terminal() -> Result<()> {
    if io::stdin().is_terminal() && io::stdout().is_terminal() {
        return Ok(());
    }
    let message = "the screen needs a terminal on standard input and output; train without one by \
                   `laperm run FILE --headless`";
    Err(InputError(message.into()).into())
}
