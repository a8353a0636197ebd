//! Training without the screen: a progress bar on a terminal, a plain line now and then without one.

use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use color_eyre::Result;
use indicatif::{ProgressBar, ProgressStyle};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use super::output;
use super::run::{OnHangup, ended, farewell};
use crate::run::{RunFolder, RunState, Summary};
use crate::session::{Live, Server};
use crate::train::{Command, EventKind, Started};

/// Seconds between two plain lines.
const LINE_EVERY: Duration = Duration::from_secs(10);

/// Follows a run to its end and says what came of it.
pub(super) fn follow(live: Live, json: bool, on_hangup: OnHangup) -> Result<ExitCode> {
    follow_from(RunState::default(), live, json, on_hangup)
}

/// As [`follow`], but a run of which something is known already.
pub(super) fn follow_from(
    state: RunState,
    live: Live,
    json: bool,
    on_hangup: OnHangup,
) -> Result<ExitCode> {
    let folder = live.folder().clone();
    let state = watch(state, live, Divergence::EndsTheRun, on_hangup)?;
    match json {
        true => output::json(&Summary::of(&state, &folder))?,
        false => output::text(&farewell(&state, &folder))?,
    }
    ended(state.reason, &folder)
}

/// What is done about a number that is not finite.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Divergence {
    /// Nobody is there to decide.
    EndsTheRun,
    /// The trainer knows what was done before.
    IsInTheScript,
}

/// Shows how a run goes until it has ended, and lets others attach to it meanwhile; what is known of it then.
pub(super) fn watch(
    mut state: RunState,
    mut live: Live,
    divergence: Divergence,
    on_hangup: OnHangup,
) -> Result<RunState> {
    let hung_up = listen_to_signals(&live, on_hangup)?;
    let folder = live.folder().clone();
    let mut progress = Progress::new(hung_up);
    let server = Server::start(&folder, live.feed(), live.orders());
    if let Err(error) = &server {
        progress.say(&format!("the run cannot be attached to: no control socket: {error}"));
    }
    while let Some(event) = live.next() {
        state.apply(&event);
        match event.kind {
            EventKind::Diverged { .. } => {
                progress.say(&notice(&state));
                if divergence == Divergence::EndsTheRun {
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

/// The first signal ends the run in an orderly way; the second ends the program. A lost terminal is remembered, because
/// nothing can be said to it any more.
pub(super) fn listen_to_signals(live: &Live, on_hangup: OnHangup) -> io::Result<Arc<AtomicBool>> {
    let hung_up = Arc::<AtomicBool>::default();
    let orders = live.orders();
    let mut signals = Signals::new([SIGINT, SIGTERM, SIGHUP])?;
    std::thread::Builder::new().name("signals".into()).spawn({
        let hung_up = hung_up.clone();
        move || {
            let mut asked = false;
            for signal in signals.forever() {
                if signal == SIGHUP {
                    hung_up.store(true, Ordering::Relaxed);
                    if on_hangup == OnHangup::GoOn {
                        continue;
                    }
                } else if asked {
                    std::process::exit(128 + signal);
                }
                asked = true;
                let _ = orders.send(Command::Stop.into());
            }
        }
    })?;
    Ok(hung_up)
}

fn started(state: &RunState, folder: &RunFolder) -> String {
    let Some(started) = &state.started else { return String::new() };
    format!(
        "{}: {} ({} parameters) on {} by {} and {}, backend {}{}\n{}",
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

/// The instruction set of the kernels, where a backend uses them.
fn kernels(started: &Started) -> String {
    match started.instruction_set.as_str() {
        "" => String::new(),
        set => format!(" ({set})"),
    }
}

fn notice(state: &RunState) -> String {
    state.notices.last().map(|notice| notice.message.clone()).unwrap_or_default()
}

/// One line about where a run is.
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
        parts.push(format!(
            "{} left",
            indicatif::HumanDuration(Duration::from_secs_f64(left.min(1e9)))
        ));
    }
    format!("step {}/{}  {}", state.step, started.total_steps, parts.join("  "))
}

/// Where progress is shown: on standard error, so that standard output is the result's alone.
struct Progress {
    bar: Option<ProgressBar>,
    last: Instant,
    hung_up: Arc<AtomicBool>,
}

impl Progress {
    fn new(hung_up: Arc<AtomicBool>) -> Self {
        let style = ProgressStyle::with_template("{bar:24} {msg}")
            .unwrap_or_else(|_| ProgressStyle::default_bar());
        let bar = io::stderr().is_terminal().then(|| ProgressBar::new(1000).with_style(style));
        Progress { bar, last: Instant::now(), hung_up }
    }

    fn say(&self, message: &str) {
        match &self.bar {
            _ if self.hung_up.load(Ordering::Relaxed) => {}
            Some(bar) => bar.println(message),
            // Standard error may go away at any moment.
            None => drop(writeln!(io::stderr(), "{message}")),
        }
    }

    fn show(&mut self, state: &RunState) {
        let every = if self.bar.is_some() { Duration::from_millis(100) } else { LINE_EVERY };
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
