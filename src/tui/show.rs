//! The screen of one run, until the person leaves.

use std::time::{Duration, Instant};

use super::app::{App, Change, Request};
use super::figure::Figures;
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
    /// The run was over, or is only looked at, and the person has seen enough.
    Left,
    /// The run goes on without the screen.
    Detached,
    /// The terminal is gone, and the run knows nothing of it. Leave with [`std::process::exit`]
    /// without printing anything.
    HungUp,
}

/// How much the terminal is sent while nobody touches anything. What a person does is answered at
/// once whatever it costs, and what it cost is saved afterwards.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Pace {
    bytes_per_second: f64,
    /// The shortest time between two pictures.
    calm: Duration,
}

impl Pace {
    /// For any connection of today. Seven pictures a second are enough to see curves grow, and each of them takes a
    /// processor from the training for a millisecond.
    pub const LIVE: Pace = Pace { bytes_per_second: 16_000.0, calm: Duration::from_millis(150) };

    /// For a recorded run, which is to move like a film.
    pub const FILM: Pace = Pace { bytes_per_second: 160_000.0, calm: Duration::from_millis(33) };

    /// For a connection that carries little.
    pub const SLOW: Pace = Pace { bytes_per_second: 1_600.0, ..Pace::LIVE };
}

/// How often events are looked for.
const TICK: Duration = Duration::from_millis(50);

/// The shortest time between two pictures while a person does something.
const PROMPT: Duration = Duration::from_millis(25);

/// Shows a run until the person leaves. Nothing closes by itself: a run that has ended can still be
/// looked at. Returns after telling the run to stop where [`Leave`] says so.
pub fn show(screen: &mut Screen, session: &mut dyn Session, theme: &Theme, pace: Pace) -> Leave {
    let mut app = App::new(session.steerable());
    // Losing the terminal shows first as an error of drawing.
    let leave = explore(&mut app, screen, session, theme, pace).unwrap_or(Leave::HungUp);
    if leave == Leave::Stop {
        session.send(Command::Stop);
    }
    leave
}

fn explore(
    app: &mut App,
    screen: &mut Screen,
    session: &mut dyn Session,
    theme: &Theme,
    pace: Pace,
) -> std::io::Result<Leave> {
    let mut budget = Budget { pace, debt: 0.0, drawn: None };
    let figures = Figures::new();
    loop {
        match session.replay() {
            Some(replay) => play(app, replay),
            None => app.take_events(&session.poll()),
        }
        app.steer(session.steerable());
        app.take_commands().into_iter().for_each(|command| session.send(command));
        match app.take_request() {
            Some(Request::Leave) => return Ok(Leave::Left),
            Some(Request::Stop) => return Ok(Leave::Stop),
            Some(Request::Detach) => return Ok(Leave::Detached),
            Some(Request::Suspend) => screen.suspend()?,
            Some(Request::Redraw) => screen.forget()?,
            Some(Request::Figure) => figures.begin(app, session.folder()),
            None => {}
        }
        figures.tell(app);
        let rest = budget.rest(app.change());
        if rest.is_some_and(|rest| rest.is_zero()) {
            budget.spend(screen.draw(|area, buffer| picture::render(app, theme, area, buffer))?);
            app.drawn();
        }
        let tick = TICK.min(pace.calm);
        let patience = match app.change() {
            Change::Person => rest.unwrap_or(tick).min(tick),
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

/// When the next picture may be drawn.
struct Budget {
    pace: Pace,
    /// Bytes sent, less what the pace has allowed since.
    debt: f64,
    drawn: Option<Instant>,
}

impl Budget {
    /// How long until a picture that has changed in this way may be drawn; `None` if it has not.
    fn rest(&self, change: Change) -> Option<Duration> {
        let Some(drawn) = self.drawn else { return Some(Duration::ZERO) };
        let least = match change {
            Change::None => return None,
            Change::Person => PROMPT,
            Change::Run => {
                let paid = Duration::from_secs_f64(self.debt / self.pace.bytes_per_second);
                self.pace.calm.max(paid)
            }
        };
        Some(least.saturating_sub(drawn.elapsed()))
    }

    fn spend(&mut self, bytes: u64) {
        let since = self.drawn.map_or(0.0, |drawn| drawn.elapsed().as_secs_f64());
        self.debt = (self.debt - since * self.pace.bytes_per_second).max(0.0) + bytes as f64;
        self.drawn = Some(Instant::now());
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
