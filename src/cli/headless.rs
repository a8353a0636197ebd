//! Training without the screen: progress goes to standard error, as a bar on a terminal and as a
//! plain line every few seconds elsewhere. Standard output is for the result alone.

use std::io::{self, IsTerminal, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use indicatif::{HumanDuration, ProgressBar};

use super::ending::{farewell, outcome};
use super::failure::Result;
use super::output;
use super::signals::{self, OnHangup};
use crate::run::{RunFolder, RunState, Summary};
use crate::session::{Live, Server};
use crate::train::{Command, EventKind, Started};

/// Interval between two plain lines of progress.
const LINE_EVERY: Duration = Duration::from_secs(10);

/// Interval between two updates of the progress bar.
const BAR_EVERY: Duration = Duration::from_millis(100);

/// Follows a run to its end and prints its result, as JSON or in words. `state` is what is known of
/// the run so far.
pub(super) fn follow(state: RunState, live: Live, json: bool, on_hangup: OnHangup) -> Result {
    let folder = live.folder().clone();
    let state = watch(state, live, OnDivergence::Stop, on_hangup)?;
    if json {
        output::json(&Summary::of(&state, &folder))?;
    } else {
        output::text(&farewell(&state, &folder))?;
    }
    outcome(state.reason, &folder)
}

/// Action to take when the weights or the loss are no longer finite.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum OnDivergence {
    /// Stop the run: no one is there to decide.
    Stop,
    /// Leave the decision to the script of the original run, which the trainer follows.
    FollowScript,
}

/// Shows the progress of a run until it ends, and serves clients that attach to it meanwhile.
/// Returns the state at the end.
pub(super) fn watch(
    mut state: RunState,
    mut live: Live,
    on_divergence: OnDivergence,
    on_hangup: OnHangup,
) -> Result<RunState> {
    let hung_up = signals::listen(&live, on_hangup)?;
    let folder = live.folder().clone();
    let mut progress = Progress::new(hung_up);
    let server = Server::start(&folder, live.feed(), live.orders());
    if let Err(error) = &server {
        progress.say(&format!("no client can attach to this run: no control socket: {error}"));
    }
    while let Some(event) = live.next() {
        state.apply(&event);
        match event.kind {
            EventKind::Diverged { .. } => {
                progress.say(&notice(&state));
                if on_divergence == OnDivergence::Stop {
                    live.send(Command::Stop);
                }
            }
            EventKind::Started(_) => progress.say(&started(&state, &folder)),
            EventKind::Resumed { .. } => {
                progress.say(&started(&state, &folder));
                progress.say(&notice(&state));
            }
            EventKind::Notice { .. } => progress.say(&notice(&state)),
            EventKind::Finished { .. } => break,
            _ => {}
        }
        progress.show(&state);
    }
    live.wait();
    drop(server);
    progress.close();
    Ok(state)
}

/// Two lines about a run that begins: what it trains, and its folder.
fn started(state: &RunState, folder: &RunFolder) -> String {
    let Some(started) = &state.started else { return String::new() };
    format!(
        "{}: {} ({} parameters) on {} with {} and {}, backend {}{}\n{}",
        started.name,
        started.network,
        started.parameters,
        started.dataset,
        started.optimizer,
        started.wrapper,
        started.backend,
        kernels(started),
        folder.path().display(),
    )
}

/// Instruction set of the kernels in parentheses; empty for a backend that does not use them.
fn kernels(started: &Started) -> String {
    let set = &started.instruction_set;
    if set.is_empty() { String::new() } else { format!(" ({set})") }
}

/// The latest notice.
fn notice(state: &RunState) -> String {
    state.notices.last().map(|notice| notice.message.clone()).unwrap_or_default()
}

/// One line of progress.
fn line(state: &RunState) -> String {
    let Some(started) = &state.started else { return String::new() };
    let mut parts = vec![format!("epoch {:.2}", state.epoch())];
    if let Some((_, loss)) = state.loss.last() {
        parts.push(format!("loss {loss:.3}"));
    }
    if let Some((_, accuracy)) = state.test.accuracy.last() {
        parts.push(format!("test {:.2} %", accuracy * 100.0));
    }
    if let Some((_, best)) = state.best() {
        parts.push(format!("best {:.2} %", best * 100.0));
    }
    if let Some(pace) = state.images_per_second() {
        parts.push(format!("{pace:.0} images/s"));
    }
    if let Some(left) = state.seconds_left() {
        let left = Duration::from_secs_f64(left.min(1e9));
        parts.push(format!("{} left", HumanDuration(left)));
    }
    format!("step {}/{}  {}", state.step, started.total_steps, parts.join("  "))
}

/// Progress on standard error.
struct Progress {
    /// Present if standard error is a terminal.
    bar: Option<ProgressBar>,
    /// When progress was last shown.
    last: Instant,
    /// Set once the terminal is lost: nothing is written from then on.
    hung_up: Arc<AtomicBool>,
}

impl Progress {
    fn new(hung_up: Arc<AtomicBool>) -> Self {
        let style = output::bar_style("{bar:24} {msg}");
        let bar = io::stderr().is_terminal().then(|| ProgressBar::new(1000).with_style(style));
        Progress { bar, last: Instant::now(), hung_up }
    }

    /// Writes a line of its own, above the bar.
    fn say(&self, message: &str) {
        match &self.bar {
            _ if self.hung_up.load(Ordering::Relaxed) => {}
            Some(bar) => bar.println(message),
            // Standard error may be closed at any moment, which must not stop the training.
            None => drop(writeln!(io::stderr(), "{message}")),
        }
    }

    /// Shows the state, unless the last one was shown a moment ago.
    fn show(&mut self, state: &RunState) {
        let every = if self.bar.is_some() { BAR_EVERY } else { LINE_EVERY };
        if self.last.elapsed() < every || state.step == 0 || self.hung_up.load(Ordering::Relaxed) {
            return;
        }
        self.last = Instant::now();
        match &self.bar {
            Some(bar) => {
                bar.set_position((state.progress() * 1000.0) as u64);
                bar.set_message(line(state));
            }
            None => self.say(&line(state)),
        }
    }

    fn close(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
