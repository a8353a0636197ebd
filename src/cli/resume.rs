//! `laperm resume RUN`

use std::path::Path;
use std::process::ExitCode;

use clap::Args;
use color_eyre::Result;

use super::headless;
use super::run::{require_terminal, watch};
use crate::run::{Resumption, RunState, find_run};
use crate::session::Live;
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
}

pub(super) fn run(arguments: &ResumeArguments, runs: &Path) -> Result<ExitCode> {
    if arguments.headless || arguments.json {
        let (live, state) = launch(arguments, runs)?;
        return headless::follow_from(state, live, arguments.json);
    }
    require_terminal()?;
    let (live, _) = launch(arguments, runs)?;
    let theme = Theme::load()?;
    watch(live, Screen::open()?, &theme)
}

/// Starts to train the run from its checkpoint; with what was known of it there.
pub(super) fn launch(arguments: &ResumeArguments, runs: &Path) -> Result<(Live, RunState)> {
    let mut resumption = Resumption::open(find_run(runs, &arguments.run)?)?;
    resumption.extend(arguments.epochs, arguments.steps)?;
    let state = resumption.state()?;
    Ok((Live::resume(resumption)?, state))
}
