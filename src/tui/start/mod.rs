//! The start screen: experiments to launch, and runs to open, compare, go on with or delete.

use std::io;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use jiff::Timestamp;

use super::terminal::{Input, Screen};
use super::theme::Theme;
use crate::run::RunWatch;

mod actions;
mod confirm;
mod item;
mod picture;
mod state;
#[cfg(test)]
mod tests;

pub use item::ExperimentItem;
use state::Request;
pub use state::Start;

/// What a person chose.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Choice {
    /// To launch the experiment of this file.
    Launch(PathBuf),
    /// To open the run in this folder: attach to it if it is living, else look at it.
    Open(PathBuf),
    /// To look at the log of the run in this folder, living or not.
    Replay(PathBuf),
    /// To go on with the run in this folder, which ended before its last step.
    Resume(PathBuf),
    /// To see the runs in these folders side by side.
    Compare(Vec<PathBuf>),
    /// To leave.
    Quit,
}

/// How often news of the runs are looked for.
const TICK: Duration = Duration::from_millis(50);

/// How often the runs' ages are looked at.
const MOMENT: Duration = Duration::from_secs(5);

/// Lets a person choose, while `runs` tells what there is. The screen stays taken over, so that what comes next takes
/// its place at once. A terminal that is gone chooses to leave.
pub fn start(screen: &mut Screen, start: &mut Start, runs: &RunWatch, theme: &Theme) -> Choice {
    start.touch();
    choose(start, screen, runs, theme).unwrap_or(Choice::Quit)
}

fn choose(
    start: &mut Start,
    screen: &mut Screen,
    runs: &RunWatch,
    theme: &Theme,
) -> io::Result<Choice> {
    let mut moment = Instant::now();
    loop {
        runs.poll().into_iter().for_each(|news| start.take(news));
        if moment.elapsed() >= MOMENT {
            start.pass_time(Timestamp::now());
            moment = Instant::now();
        }
        if start.take_change() {
            screen.draw(|area, buffer| start.render(theme, area, buffer))?;
        }
        for input in screen.wait(TICK) {
            match input {
                Input::Key(key) => start.key(key),
                Input::Paste(text) => start.paste(&text),
                Input::Redraw | Input::Continued => start.touch(),
                Input::Stop | Input::HungUp => return Ok(Choice::Quit),
            }
            match start.take_request() {
                Some(Request::Choose(choice)) => return Ok(choice),
                Some(Request::Suspend) => screen.suspend()?,
                Some(Request::Redraw) => screen.forget()?,
                None => {}
            }
        }
    }
}
