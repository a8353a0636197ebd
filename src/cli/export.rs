//! `laperm export RUN --format csv | parquet | tensorboard`

use std::path::{Path, PathBuf};

use clap::Args;
use color_eyre::Result;
use serde::Serialize;

use super::output;
use crate::run::export::{Exported, Format, export};
use crate::run::find_run;

#[derive(Debug, Args)]
pub(super) struct ExportArguments {
    /// The run: its folder, or its name in the folder of the runs.
    run: String,
    /// What to write: a file per table, or an event file.
    #[arg(long, value_enum)]
    format: Format,
    /// The folder to write into; RUN-FORMAT here where absent.
    #[arg(short, long, value_name = "DIR")]
    output: Option<PathBuf>,
    /// Print one JSON object: the files, and how many rows each has.
    #[arg(long)]
    json: bool,
}

/// What `--json` prints.
#[derive(Serialize)]
struct Report {
    run: String,
    files: Vec<Exported>,
}

pub(super) fn run(arguments: &ExportArguments, runs: &Path) -> Result<()> {
    let folder = find_run(runs, &arguments.run)?;
    let format = arguments.format;
    let default = || PathBuf::from(format!("{}-{}", folder.name(), format.name()));
    let files = export(&folder, format, &arguments.output.clone().unwrap_or_else(default))?;
    if arguments.json {
        return output::json(&Report { run: folder.path().display().to_string(), files });
    }
    let row = |file: &Exported| vec![file.file.display().to_string(), file.rows.to_string()];
    let header = vec!["file".to_owned(), "rows".to_owned()];
    output::text(&output::table(
        &std::iter::once(header).chain(files.iter().map(row)).collect::<Vec<_>>(),
    ))
}
