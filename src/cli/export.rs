//! `laperm export RUN --format csv | parquet | tensorboard`

use std::path::{Path, PathBuf};

use clap::Args;
use serde::Serialize;

use super::failure::Result;
use super::output;
use crate::run::export::{Exported, Format, export};
use crate::run::find_run;

/// Export all measurements of a run as CSV, Parquet or TensorBoard files.
#[derive(Debug, Args)]
#[command(after_help = "Example: laperm export 2026-11-22 --format parquet -o tables")]
pub(super) struct ExportArguments {
    /// Run to export: its folder, its name, or the beginning of its name.
    run: String,
    /// Format of the files: csv and parquet write one file per table, tensorboard an event file.
    #[arg(long, value_enum, value_name = "NAME")]
    format: Format,
    /// Folder to write the files to [default: RUN-FORMAT in the working directory].
    #[arg(short, long, value_name = "DIR")]
    output: Option<PathBuf>,
    /// Print one JSON object: the files, and the number of rows in each.
    #[arg(long)]
    json: bool,
}

/// What `--json` prints.
#[derive(Serialize)]
struct Report {
    run: String,
    files: Vec<Exported>,
}

pub(super) fn run(arguments: &ExportArguments, runs: &Path) -> Result {
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
