//! The screen of one run, until the person leaves.

use std::time::{Duration, Instant};

use super::app::{App, Change, Request};
use super::picture;
use super::terminal::{Input, Screen};
use super::theme::Theme;
use crate::session::{Replay, Session};
use crate::train::Command;

/// How a person left the screen of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Leave {
    /// The run is to stop and save, because the person or a signal said so. It was told; wait for
    /// it.
    Stop,
    /// The run was over or is hosted elsewhere, and the person has seen enough.
    Left,
    /// The terminal is gone. The run was told to stop: wait for it, then close the screen, and
    /// leave with [`std::process::exit`] without printing anything.
    HungUp,
}

/// The shortest time between two pictures, and how often events are looked for.
const TICK: Duration = Duration::from_millis(50);

/// The shortest time between two pictures when nobody touches anything: it halves what a remote
/// terminal is sent, and the eye does not mind.
const CALM: Duration = Duration::from_millis(100);

/// The same for a recorded run, which is to move like a film.
const FILM: Duration = Duration::from_millis(33);

/// Shows a run until the person leaves. Nothing closes by itself: a run that has ended can still be
/// looked at. Returns after telling the run to stop where [`Leave`] says so.
pub fn show(screen: &mut Screen, session: &mut dyn Session, theme: &Theme) -> Leave {
    let mut app = App::new(session.steerable());
    // Losing the terminal shows first as an error of drawing.
    let leave = explore(&mut app, screen, session, theme).unwrap_or(Leave::HungUp);
    if leave != Leave::Left {
        session.send(Command::Stop);
    }
    leave
}

fn explore(
    app: &mut App,
    screen: &mut Screen,
    session: &mut dyn Session,
    theme: &Theme,
) -> std::io::Result<Leave> {
    let mut drawn: Option<Instant> = None;
    let (tick, calm) = match session.replay() {
        Some(_) => (FILM, FILM),
        None => (TICK, CALM),
    };
    loop {
        match session.replay() {
            Some(replay) => play(app, replay),
            None => app.take_events(&session.poll()),
        }
        app.take_commands().into_iter().for_each(|command| session.send(command));
        match app.take_request() {
            Some(Request::Leave) => return Ok(Leave::Left),
            Some(Request::Stop) => return Ok(Leave::Stop),
            Some(Request::Suspend) => screen.suspend()?,
            Some(Request::Redraw) => screen.forget()?,
            None => {}
        }
        let age = drawn.map_or(Duration::MAX, |drawn| drawn.elapsed());
        let due = match app.change() {
            Change::None => false,
            Change::Run => age >= calm,
            Change::Person => age >= tick,
        };
        if due {
            screen.draw(|area, buffer| picture::render(app, theme, area, buffer))?;
            app.drawn();
            drawn = Some(Instant::now());
        }
        let patience = match app.change() {
            Change::Person => tick.saturating_sub(age),
            _ => tick,
        };
        for input in screen.wait(patience) {
            match input {
                Input::Key(key) => app.key(key),
                Input::Paste(text) => app.paste(&text),
                Input::Redraw | Input::Continued => app.touch(),
                Input::Stop => return Ok(Leave::Stop),
                Input::HungUp => return Ok(Leave::HungUp),
            }
        }
    }
}

/// Passes on what the person wants of a recorded run, and shows where it is then.
fn play(app: &mut App, replay: &mut Replay) {
    let now = Instant::now();
    for transport in app.take_transports() {
        if let Err(why) = replay.obey(transport, now) {
            app.warn(why);
        }
    }
    if let Some((state, playback)) = replay.advance(now) {
        app.set_state(state);
        app.set_playback(playback);
    }
    if let Some(news) = replay.take_news() {
        app.warn(news);
    }
}
