//! `laperm ctl RUN …`: controls a run from a script.

use std::path::Path;

use clap::{Args, Subcommand};
use serde::Serialize;

use super::failure::{Failure, InputError, Result};
use super::output;
use crate::run::{RunFolder, find_run};
use crate::session::{ConnectError, Connection};
use crate::train::{Command, Event, EventKind};

/// Control a run from a script.
///
/// Each command waits until the run has carried it out.
#[derive(Debug, Args)]
#[command(after_help = "Exits with 1 if the run refuses a command.\n\n\
    Examples:\n  \
    laperm ctl 2026-11-22 set k=100 p=0.5\n  \
    laperm ctl 2026-11-22 evaluate --json")]
pub(super) struct CtlArguments {
    /// Run to control: its folder, its name, or the beginning of its name.
    run: String,
    #[command(subcommand)]
    action: Action,
    /// Print one JSON object with the events that answer the command.
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Pause before the next training step.
    Pause,
    /// Continue a paused run.
    Resume,
    /// Take one training step of a paused run.
    Step,
    /// Set k, p or lr by hand, overriding their schedules.
    #[command(arg_required_else_help = true)]
    Set {
        /// Assignments such as k=100 (steps between syncs), p=0.5 (pruning ratio, at least 0 and
        /// below 1) and lr=0.001 (learning rate).
        #[arg(value_name = "NAME=VALUE")]
        values: Vec<String>,
    },
    /// Return k, p and lr to their schedules.
    Schedule,
    /// Synchronize the weights now.
    Sync,
    /// Evaluate on the test set now.
    Evaluate,
    /// Save a snapshot of the weights now.
    Snapshot,
    /// Stop the run, and wait until it is saved.
    Stop,
}

/// What `--json` prints.
#[derive(Serialize)]
struct Answers {
    events: Vec<Event>,
}

pub(super) fn run(arguments: &CtlArguments, runs: &Path) -> Result {
    let commands = arguments.action.commands()?;
    let folder = find_run(runs, &arguments.run)?;
    let mut connection = Connection::open(&folder, "ctl")?;
    let mut sender = connection.commands()?;
    let mut answers = Vec::new();
    let mut done = true;
    for command in &commands {
        sender.send(command)?;
        for event in wait_for(command, &mut connection)? {
            let announces = matches!(event.kind, EventKind::Applied { .. }) && has_result(command);
            if !announces && !arguments.json {
                output::text(&format!("{}\n", sentence(&event, &folder)))?;
            }
            if matches!(event.kind, EventKind::Refused { .. } | EventKind::Notice { .. }) {
                done = false;
            }
            answers.push(event);
        }
    }
    if arguments.json {
        output::json(&Answers { events: answers })?;
    }
    if done { Ok(()) } else { Err(Failure::already_reported()) }
}

impl Action {
    fn commands(&self) -> Result<Vec<Command>> {
        Ok(match self {
            Action::Pause => vec![Command::Pause],
            Action::Resume => vec![Command::Resume],
            Action::Step => vec![Command::Step],
            Action::Set { values } => {
                values.iter().map(|value| set(value)).collect::<Result<_, _>>()?
            }
            Action::Schedule => vec![Command::BackToSchedule],
            Action::Sync => vec![Command::Sync],
            Action::Evaluate => vec![Command::Evaluate],
            Action::Snapshot => vec![Command::Snapshot],
            Action::Stop => vec![Command::Stop],
        })
    }
}

/// Parses an assignment such as `k=100`, and checks its value.
fn set(assignment: &str) -> Result<Command, InputError> {
    let fail = |problem: &str| InputError(format!("`{assignment}`: {problem}"));
    let (name, value) = assignment
        .split_once('=')
        .ok_or_else(|| fail("must be a name, an equals sign and a value, such as k=100"))?;
    let number = || value.parse::<f64>().map_err(|_| fail("the value is not a number"));
    let command = match name {
        "k" => {
            let k = value.parse().map_err(|_| fail("k must be a whole number of steps"))?;
            Command::SetPeriod { k }
        }
        "p" => Command::SetPruning { p: number()? },
        "lr" => Command::SetLearningRate { lr: number()? },
        _ => return Err(fail("only k, p and lr can be set")),
    };
    match command.problem() {
        Some(problem) => Err(fail(&problem)),
        None => Ok(command),
    }
}

/// Returns true if the run reports a result after it has applied the command.
fn has_result(command: &Command) -> bool {
    matches!(command, Command::Sync | Command::Evaluate | Command::Snapshot | Command::Stop)
}

/// Waits until the run has carried out `command`, or has refused it or ended. Returns the events
/// that say so.
fn wait_for(command: &Command, connection: &mut Connection) -> Result<Vec<Event>> {
    let mut answers = Vec::new();
    let mut applied = false;
    loop {
        let Some(event) = connection.next_event()? else {
            let gone = std::io::Error::from(std::io::ErrorKind::ConnectionReset);
            return Err(ConnectError::Broken(gone).into());
        };
        let mine = |by: &Option<String>| by.as_deref() == Some(connection.you.as_str());
        let last = match &event.kind {
            EventKind::Applied { by, .. } if mine(by) => {
                applied = true;
                !has_result(command)
            }
            EventKind::Refused { by, .. } if mine(by) => true,
            EventKind::Finished { .. } => true,
            _ if !applied => continue,
            EventKind::Notice { .. } if *command == Command::Snapshot => true,
            EventKind::Snapshot { .. } if *command == Command::Snapshot => true,
            EventKind::Evaluation { .. } if *command == Command::Evaluate => true,
            EventKind::Sync { .. } | EventKind::Lookahead { .. } | EventKind::Diverged { .. }
                if *command == Command::Sync =>
            {
                true
            }
            _ => continue,
        };
        answers.push(event);
        if last {
            return Ok(answers);
        }
    }
}

/// An answer in words, on one line.
fn sentence(event: &Event, folder: &RunFolder) -> String {
    let step = event.step;
    match &event.kind {
        EventKind::Applied { command, .. } => format!("step {step}: {command}"),
        EventKind::Refused { command, reason, .. } => {
            format!("step {step}: not done: {command}: {reason}")
        }
        EventKind::Snapshot { file, .. } => folder.path().join(file).display().to_string(),
        EventKind::Evaluation { test, .. } => {
            format!(
                "step {step}: test accuracy {:.2} %, loss {:.4}",
                test.accuracy * 100.0,
                test.loss
            )
        }
        EventKind::Sync { sync, .. } | EventKind::Lookahead { sync } => {
            format!("step {step}: sync {sync}")
        }
        EventKind::Diverged { place, .. } => format!("step {step}: {place} is not a finite number"),
        EventKind::Notice { message } => format!("step {step}: {message}"),
        EventKind::Finished { .. } => format!("step {step}: the run is over and saved"),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_checked_before_anything_is_sent() {
        assert_eq!(set("k=100").ok(), Some(Command::SetPeriod { k: 100 }));
        assert_eq!(set("p=0.5").ok(), Some(Command::SetPruning { p: 0.5 }));
        assert_eq!(set("lr=1e-3").ok(), Some(Command::SetLearningRate { lr: 1e-3 }));
        for wrong in ["k", "k=0", "k=1.5", "p=1", "p=many", "lr=-1", "q=1"] {
            assert!(set(wrong).is_err(), "{wrong}");
        }
    }
}
