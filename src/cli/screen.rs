//! Options of the commands with a screen, and what these commands do once it is closed.

use std::io::{self, IsTerminal, Write};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use clap::Args;
use signal_hook::consts::SIGINT;
use signal_hook::flag::register_conditional_shutdown;

use super::ending::{farewell, outcome};
use super::failure::{InputError, Result};
use super::output;
use super::signals::OnHangup;
use crate::run::read_state;
use crate::session::{Attached, Source};
use crate::train::Command;
use crate::tui::{self, ClosedRun, Leave, Pace, Screen, Theme};

/// Options of the screen of a run.
#[derive(Debug, Default, Args)]
pub(super) struct ScreenOptions {
    /// Action to take on the run when its terminal is lost.
    #[arg(long, value_enum, default_value_t, value_name = "ACTION")]
    pub(super) on_hangup: OnHangup,
    /// Send less than 2 kB per second to the terminal, for slow connections.
    #[arg(long)]
    slow_link: bool,
}

impl ScreenOptions {
    fn pace(&self) -> Pace {
        if self.slow_link { Pace::SLOW } else { Pace::LIVE }
    }
}

/// Refuses to open the screen if standard input or output is not a terminal.
pub(super) fn require_terminal() -> Result {
    if io::stdin().is_terminal() && io::stdout().is_terminal() {
        return Ok(());
    }
    let message = "the screen needs a terminal on standard input and output; to train without \
                   one, use `laperm run FILE --headless`";
    Err(InputError(message.into()).into())
}

/// Shows a run until the user leaves, then prints its result or how to attach to it again.
pub(super) fn watch(
    attached: Attached,
    mut screen: Screen,
    theme: &Theme,
    options: &ScreenOptions,
) -> Result {
    let view = tui::run_view(Source::Attached(attached), options.pace());
    let shown = tui::show(&mut screen, view, theme);
    if shown.leave == Leave::HungUp {
        if options.on_hangup == OnHangup::Stop {
            shown.runs.into_iter().filter_map(|run| run.attached).for_each(stop);
        }
        hang_up();
    }
    screen.close();
    shown.runs.into_iter().try_for_each(conclude)
}

/// Ends the program after its terminal is gone. Returning instead would try to restore the
/// terminal, which fails.
pub(super) fn hang_up() -> ! {
    std::process::exit(0)
}

/// Stops a run and waits until it is saved.
fn stop(mut attached: Attached) {
    attached.send(Command::Stop);
    attached.wait();
}

/// Waits for a run that was stopped, and prints its result; or prints how to attach to a run that
/// was detached. The screen must be closed.
pub(super) fn conclude(run: ClosedRun) -> Result {
    if run.leave == Leave::Detached {
        let name = run.folder.name();
        output::text(&format!("{name} continues; show it with\n  laperm attach {name}\n"))?;
        return Ok(());
    }
    if let (Leave::Stop, Some(mut attached)) = (run.leave, run.attached) {
        // The host may be busy for long. Ctrl-C returns to the shell and leaves it to its work.
        register_conditional_shutdown(SIGINT, 130, Arc::new(AtomicBool::new(true)))?;
        let _ = writeln!(io::stderr(), "stopping and saving; Ctrl-C leaves without waiting for it");
        attached.wait();
    }
    let state = read_state(&run.folder)?;
    output::text(&farewell(&state, &run.folder))?;
    outcome(state.reason, &run.folder)
}
