//! `laperm runs`

use std::io::{self, IsTerminal, Write};
use std::path::Path;

use clap::Args;
use jiff::Timestamp;
use serde::Serialize;

use super::failure::{InputError, Result};
use super::output;
use crate::run::{Summary, delete_run, find_run, list_runs, size_on_disk};

/// List all runs with their results, or delete some.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    laperm runs\n  \
    laperm runs --delete 2026-11-22_140512 2026-11-23 --yes")]
pub(super) struct RunsArguments {
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
    /// Delete these runs, after asking for confirmation. A run that is being trained is never
    /// deleted.
    #[arg(long, value_name = "RUN", num_args = 1.., conflicts_with = "json")]
    delete: Vec<String>,
    /// Delete without asking for confirmation.
    #[arg(long, requires = "delete")]
    yes: bool,
}

/// What `--json` prints.
#[derive(Serialize)]
struct Listing<'a> {
    runs: Vec<&'a Summary>,
}

pub(super) fn run(arguments: &RunsArguments, runs: &Path) -> Result {
    if arguments.delete.is_empty() { list(arguments, runs) } else { delete(arguments, runs) }
}

/// Deletes the named runs. Stops at the first that is being trained.
fn delete(arguments: &RunsArguments, runs: &Path) -> Result {
    // All names are checked before the first run is deleted.
    let found = arguments.delete.iter().map(|run| find_run(runs, run));
    let folders = found.collect::<Result<Vec<_>, _>>()?;
    if !arguments.yes {
        let size: u64 = folders.iter().map(size_on_disk).sum();
        let names: Vec<String> = folders.iter().map(|folder| folder.name()).collect();
        let question = format!(
            "Delete {} ({:.1} MB) permanently? [y/N] ",
            names.join(", "),
            size as f64 / 1e6
        );
        if !agrees(&question)? {
            return output::text("nothing was deleted\n");
        }
    }
    for folder in folders {
        delete_run(&folder)?;
        output::text(&format!("deleted {}\n", folder.path().display()))?;
    }
    Ok(())
}

/// Asks for confirmation on the terminal. Without a terminal, that is an error.
fn agrees(question: &str) -> Result<bool> {
    if !(io::stdin().is_terminal() && io::stderr().is_terminal()) {
        let message = "there is no terminal to ask for confirmation on: add --yes to delete \
                       without it";
        return Err(InputError(message.into()).into());
    }
    let mut terminal = io::stderr();
    write!(terminal, "{question}")?;
    terminal.flush()?;
    let mut answer = String::new();
    io::stdin().read_line(&mut answer)?;
    Ok(["y", "yes"].contains(&answer.trim().to_lowercase().as_str()))
}

fn list(arguments: &RunsArguments, runs: &Path) -> Result {
    let mut summaries = Vec::new();
    for folder in list_runs(runs) {
        match Summary::read(&folder) {
            Ok(summary) => summaries.push((folder.name(), summary)),
            // A damaged run must not hide the others.
            Err(error) => eprintln!("warning: {error}"),
        }
    }
    if arguments.json {
        let runs = summaries.iter().map(|(_, summary)| summary).collect();
        return output::json(&Listing { runs });
    }
    if summaries.is_empty() {
        return output::text(&format!("no runs in {}\n", runs.display()));
    }
    let now = Timestamp::now();
    let header = ["run", "state", "age", "steps", "epochs", "syncs", "k", "p", "test", "best"];
    let mut rows = vec![header.map(str::to_owned).to_vec()];
    let percent = |share: Option<f32>| {
        share.map_or("-".to_owned(), |share| format!("{:.2} %", share * 100.0))
    };
    rows.extend(summaries.iter().map(|(name, summary)| {
        vec![
            name.clone(),
            summary.state.name().to_owned(),
            summary.age(now),
            summary.steps.to_string(),
            format!("{:.1}", summary.epochs),
            summary.syncs.to_string(),
            summary.k.to_string(),
            format!("{:.0} %", summary.p * 100.0),
            percent(summary.test_accuracy),
            percent(summary.best_test_accuracy),
        ]
    }));
    output::text(&output::table(&rows))
}
