//! `laperm resume RUN`

use std::path::Path;

use clap::Args;

use super::failure::Result;
use super::screen::{ScreenOptions, require_terminal, watch};
use super::{headless, host};
use crate::run::{Resumption, RunState, find_run};
use crate::session::{Attached, Live};
use crate::tui::{Screen, Theme};

/// Continue a run that has stopped, finished or crashed, from its latest checkpoint.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    laperm resume 2026-11-22                 # the only run whose name begins so\n  \
    laperm resume 2026-11-22 --epochs 20     # extends a finished run")]
pub(super) struct ResumeArguments {
    /// Run to continue: its folder, its name, or the beginning of its name.
    run: String,
    /// Train without the screen.
    #[arg(long)]
    headless: bool,
    /// Train without the screen, and print one JSON object at the end.
    #[arg(long)]
    json: bool,
    /// Total number of passes over the training set; more than planned extends the run.
    #[arg(long, value_name = "N")]
    epochs: Option<u64>,
    /// Total number of training steps to stop after.
    #[arg(long, value_name = "N")]
    steps: Option<u64>,
    #[command(flatten)]
    screen: ScreenOptions,
    /// Host the run for a client that has started this process: print the run's folder, then leave
    /// the terminal.
    #[arg(long, hide = true)]
    hosted: bool,
}

pub(super) fn run(arguments: &ResumeArguments, runs: &Path) -> Result {
    if arguments.hosted {
        return host::serve(launch(arguments, runs)?.0);
    }
    let screen = &arguments.screen;
    if arguments.headless || arguments.json {
        let (live, state) = launch(arguments, runs)?;
        return headless::follow(state, live, arguments.json, screen.on_hangup);
    }
    require_terminal()?;
    let theme = Theme::load()?;
    let attached = resume(&arguments.run, arguments.epochs, arguments.steps, runs)?;
    watch(attached, Screen::open()?, &theme, screen)
}

/// Continues a run in a host process, and attaches to it.
pub(super) fn resume(
    run: &str,
    epochs: Option<u64>,
    steps: Option<u64>,
    runs: &Path,
) -> Result<Attached> {
    let mut options = vec!["resume".to_owned(), run.to_owned()];
    for (name, value) in [("--epochs", epochs), ("--steps", steps)] {
        options.extend(value.into_iter().flat_map(|value| [name.to_owned(), value.to_string()]));
    }
    host::spawn(runs, &options, "")
}

/// Continues the run in this process. Also returns the state at its checkpoint.
fn launch(arguments: &ResumeArguments, runs: &Path) -> Result<(Live, RunState)> {
    let mut resumption = Resumption::open(find_run(runs, &arguments.run)?)?;
    resumption.extend(arguments.epochs, arguments.steps)?;
    let state = resumption.state()?;
    Ok((Live::resume(resumption)?, state))
}
