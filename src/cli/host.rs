//! A run's host: the process that trains it. It has no terminal, so that none can be lost; the screen that asked for it
//! is a client like any other.

use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::time::Duration;

use color_eyre::Result;
use rustix::stdio::{dup2_stderr, dup2_stdin, dup2_stdout};

use super::headless::listen_to_signals;
use super::run::{OnHangup, ended};
use crate::run::RunFolder;
use crate::session::{Attached, Live, Server};
use crate::train::EventKind;

/// How long a host whose run is over waits for whoever asked for it.
const PATIENCE: Duration = Duration::from_secs(5);

/// A host that ended before it began, with what it said and its exit code.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub(super) struct HostError {
    message: String,
    pub(super) code: u8,
}

/// Starts this program once more, as the host of a run: with `arguments`, and `input` to read. Returns once the host
/// has made everything ready.
pub(super) fn start(runs: &Path, arguments: &[String], input: &str) -> Result<Attached> {
    let mut child = Command::new(this_program()?)
        .arg("--runs")
        .arg(runs)
        .args(arguments)
        .arg("--hosted")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    if let Some(mut stdin) = child.stdin.take() {
        // A host that does not want to hear it all says why not.
        let _ = stdin.write_all(input.as_bytes());
    }
    let mut folder = String::new();
    if let Some(stdout) = child.stdout.take() {
        BufReader::new(stdout).read_line(&mut folder)?;
    }
    if let Some(folder) = folder.strip_suffix('\n') {
        return Ok(Attached::open(RunFolder::open(folder.as_ref()))?);
    }
    let mut message = String::new();
    if let Some(mut stderr) = child.stderr.take() {
        stderr.read_to_string(&mut message)?;
    }
    let status = child.wait()?;
    let message = message.trim_end();
    let message = message.strip_prefix("error: ").unwrap_or(message).to_owned();
    let message = match message.is_empty() {
        true => format!("the process that was to host the run ended at once: {status}"),
        false => message,
    };
    let code = status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(1);
    Err(HostError { message, code }.into())
}

/// The program that runs, even if its file was replaced meanwhile.
fn this_program() -> io::Result<PathBuf> {
    let path = std::env::current_exe()?;
    let replaced = PathBuf::from("/proc/self/exe");
    Ok(if !path.exists() && replaced.exists() { replaced } else { path })
}

/// Hosts a run to its end, far from any terminal.
pub(super) fn host(mut live: Live) -> Result<ExitCode> {
    // That some terminal hung up is nothing to a host.
    listen_to_signals(&live, OnHangup::GoOn)?;
    let folder = live.folder().clone();
    let server = Server::start(&folder, live.feed(), live.orders())?;
    leave_terminal(&folder)?;
    // Screens look at all the others.
    let reason = live.find_map(|event| match event.kind {
        EventKind::Finished { reason, .. } => Some(reason),
        _ => None,
    });
    live.wait();
    server.await_first(PATIENCE);
    drop(server);
    ended(reason, &folder)
}

/// Tells whoever asked for the host where the run is, and lets go of all that is theirs. What the program says from now
/// on, in distress, goes to a file of the run's.
fn leave_terminal(folder: &RunFolder) -> Result<()> {
    // It fails for a process that leads a session already: then it has no terminal to leave.
    let _ = rustix::process::setsid();
    let last_words =
        OpenOptions::new().create(true).append(true).open(folder.path().join("host.log"))?;
    let mut stdout = io::stdout();
    // Whoever asked may be gone already.
    let _ = writeln!(stdout, "{}", folder.path().display()).and_then(|()| stdout.flush());
    dup2_stdin(File::open("/dev/null")?)?;
    dup2_stdout(&last_words)?;
    dup2_stderr(&last_words)?;
    Ok(())
}
