//! `laperm snapshot`

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Subcommand;
use color_eyre::Result;

use super::output;
use crate::train::{Verified, verify};

#[derive(Debug, Subcommand)]
pub(super) enum SnapshotCommand {
    /// Prove, from its seed and rule alone, that every weight vector of a snapshot is a permutation of its initial
    /// values.
    Verify {
        /// The snapshot.
        file: PathBuf,
        /// Print one JSON object.
        #[arg(long)]
        json: bool,
    },
}

pub(super) fn run(command: &SnapshotCommand) -> Result<ExitCode> {
    let SnapshotCommand::Verify { file, json } = command;
    let verified = verify(file)?;
    let holds = verified.iter().all(|parameter| parameter.foreign.is_empty());
    if *json {
        output::json(&serde_json::json!({ "verified": holds, "parameters": verified }))?;
    } else {
        let header = ["parameter", "vectors", ""].map(str::to_owned).to_vec();
        let rows: Vec<_> = std::iter::once(header).chain(verified.iter().map(row)).collect();
        let verdict = match holds {
            true => "every weight vector is a permutation of its initial values",
            false => "NOT every weight vector is a permutation of its initial values",
        };
        output::text(&format!("{}{verdict}\n", output::table(&rows)))?;
    }
    Ok(if holds { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn row(parameter: &Verified) -> Vec<String> {
    const SHOWN: usize = 8;
    let foreign = &parameter.foreign;
    let finding = match foreign.len() {
        0 => "permuted".to_owned(),
        count => {
            let named: Vec<_> = foreign.iter().take(SHOWN).map(usize::to_string).collect();
            let more = if count > SHOWN { ", …" } else { "" };
            format!("{count} are not: {}{more}", named.join(", "))
        }
    };
    vec![parameter.parameter.clone(), parameter.vectors.to_string(), finding]
}
