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
use crate::session::{Replay, Source, Target, Transport};
use crate::tui::{self, Pace, Screen, Theme};

/// A small run that is part of the program, file by file. It is
/// `laperm run assets/recorded-run/experiment.toml`, with k set to 20 by hand after step 150, p to
/// 30 % after step 310, and both returned to their schedules after step 450.
const RECORDED_RUN: [(&str, &[u8]); 3] = [
    ("experiment.toml", include_bytes!("../../assets/recorded-run/experiment.toml")),
    ("events.jsonl", include_bytes!("../../assets/recorded-run/events.jsonl")),
    ("frames.bin", include_bytes!("../../assets/recorded-run/frames.bin")),
];

/// Play a recorded run, or follow one that is still being written.
#[derive(Debug, Args)]
pub(super) struct ReplayArguments {
    /// Run: its folder, or its name [default: a small recorded run that is part of the program].
    run: Option<String>,
    /// Show the run as it was after this step, instead of playing it from the start.
    #[arg(long)]
    step: Option<u64>,
    /// Send the terminal less than 2 kB a second, for slow connections.
    #[arg(long)]
    slow_link: bool,
}

pub(super) fn run(arguments: &ReplayArguments, runs: &Path) -> Result {
    require_terminal()?;
    let theme = Theme::load()?;
    // The temporary folder must exist until the screen is closed.
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
    let mut screen = Screen::open()?;
    // A replay has nothing to save, so the way it was left makes no difference.
    tui::show(&mut screen, tui::run_view(Source::Replay(Box::new(replay)), pace), &theme);
    screen.close();
    Ok(())
}

/// Writes the recorded run to a temporary folder, which is deleted when it is dropped.
fn unpack() -> io::Result<TempDir> {
    let folder = tempfile::Builder::new().prefix("laperm-").tempdir()?;
    for (name, content) in RECORDED_RUN {
        fs::write(folder.path().join(name), content)?;
    }
    Ok(folder)
}
