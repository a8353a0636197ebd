//! What the commands that open the screen share: their options, and what they do once it is closed.

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
use crate::run::{RunFolder, read_state};
use crate::session::{Attached, Session};
use crate::train::Command;
use crate::tui::{self, Leave, Pace, Screen, Theme};

/// Options of the screen of a run.
#[derive(Debug, Default, Args)]
pub(super) struct ScreenOptions {
    /// What happens to the run when its terminal is lost.
    #[arg(long, value_enum, default_value_t, value_name = "ACTION")]
    pub(super) on_hangup: OnHangup,
    /// Send less than 2 kB per second to the terminal, for slow connections.
    #[arg(long)]
    slow_link: bool,
}

impl ScreenOptions {
    /// Limit on the bytes sent to the terminal; `usual` is the limit on a fast connection.
    pub(super) fn pace(&self, usual: Pace) -> Pace {
        if self.slow_link { Pace::SLOW } else { usual }
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
    mut attached: Attached,
    mut screen: Screen,
    theme: &Theme,
    options: &ScreenOptions,
) -> Result {
    let leave = tui::show(&mut screen, &mut attached, theme, options.pace(Pace::LIVE));
    let folder = RunFolder::open(attached.folder());
    if leave == Leave::HungUp {
        if options.on_hangup == OnHangup::Stop {
            attached.send(Command::Stop);
            attached.wait();
        }
        // The terminal is gone. Returning would try to restore it, which fails.
        std::process::exit(0);
    }
    screen.close();
    if leave == Leave::Stop {
        // The host may be busy for long. Ctrl-C returns to the shell and leaves it to its work.
        register_conditional_shutdown(SIGINT, 130, Arc::new(AtomicBool::new(true)))?;
        let _ = writeln!(io::stderr(), "stopping and saving; Ctrl-C leaves without waiting for it");
        attached.wait();
    }
    if leave == Leave::Detached {
        let name = folder.name();
        output::text(&format!("{name} continues; show it with\n  laperm attach {name}\n"))?;
        return Ok(());
    }
    let state = read_state(&folder)?;
    output::text(&farewell(&state, &folder))?;
    outcome(state.reason, &folder)
}
