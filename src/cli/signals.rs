//! Effects of signals on a run that is trained in this process.

use std::io;
use std::process;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use crate::session::Live;
use crate::train::Command;

/// Action to take on a run when its terminal is lost.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum OnHangup {
    /// The run continues; `laperm attach` shows it again.
    #[default]
    GoOn,
    /// The run is stopped and saved.
    Stop,
}

/// Handles signals on a dedicated thread. The first SIGINT or SIGTERM stops and saves the run, the
/// second ends the process at once. SIGHUP does what `on_hangup` says.
///
/// The returned flag is set once SIGHUP has arrived: from then on, writing to the terminal fails.
pub(super) fn listen(live: &Live, on_hangup: OnHangup) -> io::Result<Arc<AtomicBool>> {
    let hung_up = Arc::<AtomicBool>::default();
    let orders = live.orders();
    let mut signals = Signals::new([SIGINT, SIGTERM, SIGHUP])?;
    thread::Builder::new().name("signals".into()).spawn({
        let hung_up = hung_up.clone();
        move || {
            let mut stopping = false;
            for signal in signals.forever() {
                if signal == SIGHUP {
                    hung_up.store(true, Ordering::Relaxed);
                    if on_hangup == OnHangup::GoOn {
                        continue;
                    }
                } else if stopping {
                    process::exit(128 + signal);
                }
                stopping = true;
                // Fails only if the run is over, which is what was asked for.
                let _ = orders.send(Command::Stop.into());
            }
        }
    })?;
    Ok(hung_up)
}
