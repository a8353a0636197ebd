//! The weight matrices of a file: a table of all of them, the profile of the chosen one, and all profiles side by side.
//!
//! Built like the other screens: [`Profiles`] takes news of what was read and a person's keys, [`render_profiles`] draws
//! it, and [`show_profiles`] connects them with a terminal. Files take their time: matrices appear as they are read.

use std::io;
use std::sync::mpsc::{Receiver, TryRecvError};
use std::time::{Duration, Instant};

use super::app::Change;
use super::terminal::{Input, Screen};
use super::theme::Theme;

mod act;
mod actions;
mod picture;
mod state;
#[cfg(test)]
mod tests;

pub use picture::render_profiles;
use state::Request;
pub use state::{ProfileNews, Profiles};

/// How often news are looked for.
const TICK: Duration = Duration::from_millis(50);

/// The shortest time between two pictures when nobody touches anything.
const CALM: Duration = Duration::from_millis(150);

/// Shows what is read until the person leaves, the terminal is gone or a signal asks the program to end.
pub fn show_profiles(
    screen: &mut Screen,
    profiles: &mut Profiles,
    news: &Receiver<ProfileNews>,
    theme: &Theme,
) {
    // A terminal that is gone is a way to leave, too.
    let _ = look(screen, profiles, news, theme);
}

fn look(
    screen: &mut Screen,
    profiles: &mut Profiles,
    news: &Receiver<ProfileNews>,
    theme: &Theme,
) -> io::Result<()> {
    let mut drawn: Option<Instant> = None;
    loop {
        loop {
            match news.try_recv() {
                Ok(news) => profiles.take(news),
                Err(TryRecvError::Empty) => break,
                Err(TryRecvError::Disconnected) => {
                    let why = "reading ended before all was read; this is a fault of the program";
                    profiles.take(ProfileNews::Failed(why.into()));
                    break;
                }
            }
        }
        match profiles.take_request() {
            Some(Request::Leave) => return Ok(()),
            Some(Request::Suspend) => screen.suspend()?,
            Some(Request::Redraw) => screen.forget()?,
            None => {}
        }
        let age = drawn.map_or(Duration::MAX, |drawn| drawn.elapsed());
        let due = match profiles.change() {
            Change::None => false,
            Change::Run => age >= CALM,
            Change::Person => true,
        };
        if due {
            screen.draw(|area, buffer| render_profiles(profiles, theme, area, buffer))?;
            profiles.drawn();
            drawn = Some(Instant::now());
        }
        for input in screen.wait(TICK) {
            match input {
                Input::Key(key) => profiles.key(key),
                Input::Paste(text) => profiles.paste(&text),
                Input::Redraw | Input::Continued => profiles.touch(),
                Input::Stop | Input::HungUp => return Ok(()),
            }
        }
    }
}
