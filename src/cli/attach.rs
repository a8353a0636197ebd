//! `laperm attach RUN`

use std::path::Path;

use clap::Args;

use super::failure::{InputError, Result};
use super::screen::{ScreenOptions, require_terminal, watch};
use crate::run::{RunFolder, find_run, list_runs};
use crate::session::Attached;
use crate::tui::{Screen, Theme};

/// Show a run that another process hosts, and control it.
#[derive(Debug, Args)]
pub(super) struct AttachArguments {
    /// Run: its folder, its name, or the beginning of its name [default: the latest live run].
    run: Option<String>,
    #[command(flatten)]
    screen: ScreenOptions,
}

pub(super) fn run(arguments: &AttachArguments, runs: &Path) -> Result {
    let folder = living(arguments.run.as_deref(), runs)?;
    require_terminal()?;
    let attached = Attached::open(folder)?;
    let theme = Theme::load()?;
    watch(attached, Screen::open()?, &theme, &arguments.screen)
}

/// The run named `run`; if omitted, the latest run that a process hosts.
pub(super) fn living(run: Option<&str>, runs: &Path) -> Result<RunFolder> {
    if let Some(run) = run {
        return Ok(find_run(runs, run)?);
    }
    let alive = |folder: &RunFolder| folder.is_hosted();
    list_runs(runs).into_iter().find(alive).ok_or_else(|| {
        let message =
            format!("no run in {} is alive; `laperm runs` lists them all", runs.display());
        InputError(message).into()
    })
}
