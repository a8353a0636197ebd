//! `laperm resume RUN`

use std::path::Path;
use std::process::ExitCode;

use clap::Args;
use color_eyre::Result;

use super::screen::{ScreenOptions, require_terminal, watch};
use super::{headless, host};
use crate::run::{Resumption, RunState, find_run};
use crate::session::{Attached, Live};
use crate::tui::{Screen, Theme};

#[derive(Debug, Args)]
pub(super) struct ResumeArguments {
    /// The run: the path of its folder, its name, or the beginning of its name.
    run: String,
    /// Train without the screen.
    #[arg(long)]
    headless: bool,
    /// Train without the screen and print one JSON object at the end.
    #[arg(long)]
    json: bool,
    /// Times through the train set, in all: to go on beyond the planned end.
    #[arg(long)]
    epochs: Option<u64>,
    /// Stop after so many steps, in all.
    #[arg(long)]
    steps: Option<u64>,
    #[command(flatten)]
    screen: ScreenOptions,
    /// Be the process behind a screen: say where the run is, and let go of the terminal.
    #[arg(long, hide = true)]
    hosted: bool,
}

pub(super) fn run(arguments: &ResumeArguments, runs: &Path) -> Result<ExitCode> {
    if arguments.hosted {
        return host::host(launch(arguments, runs)?.0);
    }
    let screen = &arguments.screen;
    if arguments.headless || arguments.json {
        let (live, state) = launch(arguments, runs)?;
        return headless::follow_from(state, live, arguments.json, screen.on_hangup);
    }
    require_terminal()?;
    let theme = Theme::load()?;
    let attached = resume(&arguments.run, arguments.epochs, arguments.steps, runs)?;
    watch(attached, Screen::open()?, &theme, screen)
}

/// Goes on with a run in a process of its own, and looks at it.
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
    host::start(runs, &options, "")
}

/// Starts to train the run from its checkpoint; with what was known of it there.
fn launch(arguments: &ResumeArguments, runs: &Path) -> Result<(Live, RunState)> {
    let mut resumption = Resumption::open(find_run(runs, &arguments.run)?)?;
    resumption.extend(arguments.epochs, arguments.steps)?;
    let state = resumption.state()?;
    Ok((Live::resume(resumption)?, state))
}
