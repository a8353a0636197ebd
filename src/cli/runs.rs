//! `laperm runs`

use std::path::Path;

use clap::Args;
use color_eyre::Result;
use serde::Serialize;

use super::output;
use crate::run::{Summary, list_runs};

#[derive(Debug, Args)]
pub(super) struct RunsArguments {
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

/// What `--json` prints.
#[derive(Serialize)]
struct Listing<'a> {
    runs: Vec<&'a Summary>,
}

pub(super) fn list(arguments: &RunsArguments, runs: &Path) -> Result<()> {
    let mut summaries = Vec::new();
    for folder in list_runs(runs) {
        match Summary::read(&folder) {
            Ok(summary) => summaries.push((folder.name(), summary)),
            // One damaged run must not hide the others.
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
    let header = ["run", "state", "steps", "epochs", "syncs", "k", "p", "test", "best"];
    let mut rows = vec![header.map(str::to_owned).to_vec()];
    let percent = |share: Option<f32>| {
        share.map_or("-".to_owned(), |share| format!("{:.2} %", share * 100.0))
    };
    rows.extend(summaries.iter().map(|(name, summary)| {
        vec![
            name.clone(),
            summary.state.name().to_owned(),
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
