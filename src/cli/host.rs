//! The host of a run: the process that trains it. A host has no terminal, so it cannot lose one.
//! The screen that started it is a client like any other.

use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rustix::stdio::{dup2_stderr, dup2_stdin, dup2_stdout};

use super::ending::outcome;
use super::failure::{HostError, Result};
use super::signals::{self, OnHangup};
use crate::run::RunFolder;
use crate::session::{Attached, Live, Server};
use crate::train::EventKind;

/// How long a host whose run is over waits for the client that started it to connect.
const PATIENCE: Duration = Duration::from_secs(5);

/// Starts this program as the host of a run, with `arguments` and with `input` on standard input,
/// and attaches to it. Returns once the host has prepared the run.
///
/// # Errors
/// A host that ends before its run begins. The error has its message and its exit code.
pub(super) fn spawn(runs: &Path, arguments: &[String], input: &str) -> Result<Attached> {
    let mut host = Command::new(this_program()?)
        .arg("--runs")
        .arg(runs)
        .args(arguments)
        .arg("--hosted")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    if let Some(mut stdin) = host.stdin.take() {
        // A host that stops reading has failed, and says why on standard error.
        let _ = stdin.write_all(input.as_bytes());
    }
    let mut folder = String::new();
    if let Some(stdout) = host.stdout.take() {
        BufReader::new(stdout).read_line(&mut folder)?;
    }
    match folder.strip_suffix('\n') {
        Some(folder) => Ok(Attached::open(RunFolder::open(folder.as_ref()))?),
        None => Err(error_of(host)?.into()),
    }
}

/// Why a host ended before its run began.
fn error_of(mut host: Child) -> io::Result<HostError> {
    let mut stderr = String::new();
    if let Some(mut pipe) = host.stderr.take() {
        pipe.read_to_string(&mut stderr)?;
    }
    let status = host.wait()?;
    let message = stderr.trim_end();
    let message = message.strip_prefix("error: ").unwrap_or(message);
    let message = if message.is_empty() {
        format!("the host of the run ended before the run began: {status}")
    } else {
        message.to_owned()
    };
    // A host that a signal has ended has no code.
    let code = status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(1);
    Ok(HostError { message, code })
}

/// Path of the running program, even if its file has been replaced since it started.
fn this_program() -> io::Result<PathBuf> {
    let path = std::env::current_exe()?;
    let replaced = PathBuf::from("/proc/self/exe");
    Ok(if !path.exists() && replaced.exists() { replaced } else { path })
}

/// Hosts a run until it ends, without a terminal.
pub(super) fn serve(mut live: Live) -> Result {
    // A host survives the terminal it was started from.
    signals::listen(&live, OnHangup::GoOn)?;
    let folder = live.folder().clone();
    let server = Server::start(&folder, live.feed(), live.orders())?;
    leave_terminal(&folder)?;
    // Only the reason for the end matters here; clients read the other events from the log.
    let reason = live.find_map(|event| match event.kind {
        EventKind::Finished { reason, .. } => Some(reason),
        _ => None,
    });
    live.wait();
    server.await_first(PATIENCE);
    drop(server);
    outcome(reason, &folder)
}

/// Prints the run's folder for the client that started this process, then detaches from the
/// client's session and standard streams. Later output, such as the message of a panic, goes to
/// `host.log` in the run's folder.
fn leave_terminal(folder: &RunFolder) -> Result {
    // Fails only for the leader of a process group, which no client starts.
    let _ = rustix::process::setsid();
    let log = OpenOptions::new().create(true).append(true).open(folder.path().join("host.log"))?;
    let mut stdout = io::stdout();
    // The client may have ended; the run continues without it.
    let _ = writeln!(stdout, "{}", folder.path().display()).and_then(|()| stdout.flush());
    dup2_stdin(File::open("/dev/null")?)?;
    dup2_stdout(&log)?;
    dup2_stderr(&log)?;
    Ok(())
}
