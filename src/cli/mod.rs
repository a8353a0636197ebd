//! The command line: one file per subcommand.

use std::io;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};
use color_eyre::Result;
use color_eyre::eyre::Report;

use crate::data::DataError;
use crate::experiment::ExperimentError;
use crate::run::{DataChanged, FindError, FolderError, ReadError, ResumptionError};
use crate::train::{StartError, VerifyError};
use crate::tui::ThemeError;

mod data;
mod headless;
mod output;
mod rerun;
mod resume;
mod run;
mod runs;
mod screenshot;
mod snapshot;
mod start;

/// Train networks by permuting their weights (Train by Reconnect, NeurIPS 2020), and watch it live.
#[derive(Debug, Parser)]
#[command(name = "laperm", version, about, infer_subcommands = true)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Subcommands>,
    /// Folder of the runs.
    #[arg(long, global = true, default_value = "runs", value_name = "DIR")]
    runs: PathBuf,
}

#[derive(Debug, Subcommand)]
enum Subcommands {
    /// Train an experiment, on the screen or --headless.
    Run(run::RunArguments),
    /// Go on with a run that ended, in whatever way, from its checkpoint.
    Resume(resume::ResumeArguments),
    /// Train a run anew, with everything that was done by hand at its steps, and compare the weights.
    Rerun(rerun::RerunArguments),
    /// List the runs.
    Runs(runs::RunsArguments),
    /// Draw the screen of a run as SVG.
    Screenshot(screenshot::ScreenshotArguments),
    /// Prove what a snapshot holds.
    #[command(subcommand)]
    Snapshot(snapshot::SnapshotCommand),
    /// List, verify, look at and fetch datasets.
    Data(data::DataCommand),
    /// Print a completion script for a shell.
    Completions {
        /// The shell.
        shell: clap_complete::Shell,
    },
}

/// Runs the program: exit code 0 for done, 1 for failed, 2 for bad usage or bad input.
pub fn main() -> ExitCode {
    // clap answers bad usage itself, with code 2.
    let arguments = Arguments::parse();
    match color_eyre::install().and_then(|()| dispatch(arguments)) {
        Ok(code) => code,
        Err(report) if is_broken_pipe(&report) => ExitCode::SUCCESS,
        Err(report) => {
            eprintln!("error: {report}");
            ExitCode::from(if is_input(&report) { 2 } else { 1 })
        }
    }
}

fn dispatch(arguments: Arguments) -> Result<ExitCode> {
    let runs = arguments.runs;
    match arguments.command {
        None => start::start(&runs),
        Some(Subcommands::Run(arguments)) => run::run(&arguments, &runs),
        Some(Subcommands::Resume(arguments)) => resume::run(&arguments, &runs),
        Some(Subcommands::Rerun(arguments)) => rerun::run(&arguments, &runs),
        Some(Subcommands::Runs(arguments)) => {
            runs::list(&arguments, &runs).map(|()| ExitCode::SUCCESS)
        }
        Some(Subcommands::Screenshot(arguments)) => {
            screenshot::run(&arguments).map(|()| ExitCode::SUCCESS)
        }
        Some(Subcommands::Snapshot(command)) => snapshot::run(&command),
        Some(Subcommands::Data(command)) => data::run(command).map(|()| ExitCode::SUCCESS),
        Some(Subcommands::Completions { shell }) => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Arguments::command(), "laperm", &mut script);
            output::text(&String::from_utf8_lossy(&script))?;
            Ok(ExitCode::SUCCESS)
        }
    }
}

/// Something the user gave is at fault, not the program or the machine.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct InputError(String);

fn is_input(report: &Report) -> bool {
    if let Some(error) = report.downcast_ref::<FolderError>() {
        return error.is_input();
    }
    if let Some(error) = report.downcast_ref::<ResumptionError>() {
        return error.is_input();
    }
    let start = report.downcast_ref::<StartError>();
    let data = report.downcast_ref::<DataError>().or(match start {
        Some(StartError::Data(error)) => Some(error),
        _ => None,
    });
    match data {
        Some(data) => data.is_input(),
        None => {
            start.is_some()
                || report.is::<InputError>()
                || report.is::<FindError>()
                || report.is::<DataChanged>()
                || report.is::<ExperimentError>()
                || report.is::<ReadError>()
                || report.is::<VerifyError>()
                || report.is::<ThemeError>()
        }
    }
}

fn is_broken_pipe(report: &Report) -> bool {
    let io = report.downcast_ref::<io::Error>();
    io.is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}
