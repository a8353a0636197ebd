//! Several runs side by side: their curves in the same charts, their results in one table, and in what they differ.
//!
//! A second screen beside that of a run, built the same way: [`Compare`] folds the runs' events and a person's keys,
//! [`render_compare`] draws it, and [`compare`] connects them with a terminal. Each run has a letter that stands in
//! its curves, so that nobody needs colours to tell them apart.

use std::io;
use std::time::{Duration, Instant};

use super::app::Change;
use super::terminal::{Input, Screen};
use super::theme::Theme;
use crate::run::Followers;

mod act;
mod actions;
mod align;
mod charts;
mod member;
mod picture;
mod state;
mod tables;
#[cfg(test)]
mod tests;

pub use picture::render_compare;
use state::Request;
pub use state::{Compare, MOST_RUNS};

/// How often events are looked for.
const TICK: Duration = Duration::from_millis(50);

/// The shortest time between two pictures when nobody touches anything.
const CALM: Duration = Duration::from_millis(250);

/// How often it is checked whether a process is gone without a word.
const PULSE: Duration = Duration::from_secs(1);

/// Shows runs side by side until the person leaves, and follows those that go on. Whether the person wants to go back
/// to where they came from; if not, the terminal is gone or a signal asks the program to end.
pub fn compare(screen: &mut Screen, compare: &mut Compare, theme: &Theme) -> bool {
    let followers = Followers::start(compare.folders());
    explore(compare, screen, theme, &followers).unwrap_or(false)
}

fn explore(
    compare: &mut Compare,
    screen: &mut Screen,
    theme: &Theme,
    followers: &Followers,
) -> io::Result<bool> {
    let mut drawn: Option<Instant> = None;
    let mut looked = Instant::now();
    loop {
        if looked.elapsed() >= PULSE {
            compare.look();
            looked = Instant::now();
        }
        followers.poll().into_iter().for_each(|piece| compare.take(piece));
        match compare.take_request() {
            Some(Request::Leave) => return Ok(true),
            Some(Request::Suspend) => screen.suspend()?,
            Some(Request::Redraw) => screen.forget()?,
            None => {}
        }
        let age = drawn.map_or(Duration::MAX, |drawn| drawn.elapsed());
        let due = match compare.change() {
            Change::None => false,
            Change::Run => age >= CALM,
            Change::Person => true,
        };
        if due {
            screen.draw(|area, buffer| render_compare(compare, theme, area, buffer))?;
            compare.drawn();
            drawn = Some(Instant::now());
        }
        for input in screen.wait(TICK) {
            match input {
                Input::Key(key) => compare.key(key),
                Input::Redraw | Input::Continued => compare.touch(),
                Input::Paste(_) => {}
                Input::Stop | Input::HungUp => return Ok(false),
            }
        }
    }
}
