//! `laperm replay [RUN]`

use std::fs;
use std::io;
use std::path::Path;
use std::time::Instant;

use clap::Args;
use tempfile::TempDir;

use super::failure::{InputError, Result};
use super::screen::require_terminal;
use crate::run::{RunFolder, find_run};
use crate::session::{Replay, Target, Transport};
use crate::tui::{self, Leave, Pace, Screen, Theme};

/// A small run that the program carries, file by file: `laperm run assets/recorded-run/experiment.toml`, with k set to 20
/// by hand after step 150, p to 30 % after 310, and both handed back to their schedules after 450.
const RECORDED_RUN: [(&str, &[u8]); 3] = [
    ("experiment.toml", include_bytes!("../../assets/recorded-run/experiment.toml")),
    ("events.jsonl", include_bytes!("../../assets/recorded-run/events.jsonl")),
    ("frames.bin", include_bytes!("../../assets/recorded-run/frames.bin")),
];

/// Play a recorded run, or follow one that is still being written.
#[derive(Debug, Args)]
pub(super) struct ReplayArguments {
    /// The run: its folder, or its name in the folder of the runs. A small recorded one where absent.
    run: Option<String>,
    /// Show what was known after this step, instead of playing from the start.
    #[arg(long)]
    step: Option<u64>,
    /// Send the terminal less than 2 kB a second, for slow connections.
    #[arg(long)]
    slow_link: bool,
}

pub(super) fn run(arguments: &ReplayArguments, runs: &Path) -> Result {
    require_terminal()?;
    let theme = Theme::load()?;
    // Kept until the screen is closed.
    let (folder, _unpacked) = match &arguments.run {
        Some(run) => (find_run(runs, run)?, None),
        None => {
            let unpacked = unpack()?;
            (RunFolder::open(unpacked.path()), Some(unpacked))
        }
    };
    let mut replay = Replay::open(folder)?;
    match arguments.step {
        Some(step) => {
            replay.obey(Transport::To(Target::Step(step)), Instant::now()).map_err(InputError)?
        }
        None if replay.playback().living => {}
        None => replay.obey(Transport::PlayOrStop, Instant::now()).map_err(InputError)?,
    }
    let pace = if arguments.slow_link { Pace::SLOW } else { Pace::FILM };
    show(replay, Screen::open()?, &theme, pace)
}

/// Shows a recorded run until the person leaves.
pub(super) fn show(mut replay: Replay, mut screen: Screen, theme: &Theme, pace: Pace) -> Result {
    match tui::show(&mut screen, &mut replay, theme, pace) {
        // Nothing is to be saved, and a terminal that is gone is not told.
        Leave::HungUp => {}
        Leave::Left | Leave::Stop | Leave::Detached => screen.close(),
    }
    Ok(())
}

/// Puts the recorded run where it can be read; it is gone when the folder is dropped.
fn unpack() -> io::Result<TempDir> {
    let folder = tempfile::Builder::new().prefix("laperm-").tempdir()?;
    for (name, content) in RECORDED_RUN {
        fs::write(folder.path().join(name), content)?;
    }
    Ok(folder)
}
