//! The command line: one file per subcommand.

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};
use color_eyre::Result;
use color_eyre::eyre::Report;

use self::host::HostError;
use crate::data::DataError;
use crate::experiment::ExperimentError;
use crate::figure::{FigureError, PngError};
use crate::instructions::{InstructionSet, UnknownInstructionSet};
use crate::model::AdoptError;
use crate::run::export::ExportError;
use crate::run::{DataChanged, DeleteError, FindError, FolderError, ReadError, ResumptionError};
use crate::session::{AttachError, ConnectError};
use crate::train::{SnapshotError, StartError};
use crate::tui::ThemeError;
use crate::weights::TensorFileError;

mod attach;
mod bench;
mod compare;
mod ctl;
mod data;
mod eval;
mod export;
mod figure;
mod headless;
mod host;
mod output;
mod profile;
mod replay;
mod rerun;
mod resume;
mod run;
mod runs;
mod screen;
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
    /// Show a run that another process hosts, and steer it.
    Attach(attach::AttachArguments),
    /// Steer a run from a script.
    Ctl(ctl::CtlArguments),
    /// Play a recorded run, or follow one that is still being written.
    Replay(replay::ReplayArguments),
    /// Go on with a run that ended, in whatever way, from its checkpoint.
    Resume(resume::ResumeArguments),
    /// Train a run anew, with everything that was done by hand at its steps, and compare the weights.
    Rerun(rerun::RerunArguments),
    /// List the runs, or delete some.
    Runs(runs::RunsArguments),
    /// Show several runs side by side: curves, results, and in what they differ.
    Compare(compare::CompareArguments),
    /// Draw one of the paper's figures from runs, as SVG or PNG.
    Figure(figure::FigureArguments),
    /// Write everything that a run measured as CSV, Parquet or TensorBoard files.
    Export(export::ExportArguments),
    /// Draw the screen of a run as SVG or PNG.
    Screenshot(screenshot::ScreenshotArguments),
    /// Sum up the weight matrices of a file from anywhere, or compare two.
    Profile(profile::ProfileArguments),
    /// Code and decode a snapshot, prove what it holds, and say what it is.
    #[command(subcommand)]
    Snapshot(snapshot::SnapshotCommand),
    /// Classify a dataset with weights from a file, ours or another program's.
    Eval(eval::EvalArguments),
    /// Measure how fast this machine trains the paper's networks, on generated data.
    Bench(bench::BenchArguments),
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
            // Standard error may be gone with its terminal.
            let _ = writeln!(io::stderr(), "error: {report}");
            ExitCode::from(code(&report))
        }
    }
}

fn dispatch(arguments: Arguments) -> Result<ExitCode> {
    InstructionSet::requested()?;
    let runs = arguments.runs;
    match arguments.command {
        None => start::start(&runs),
        Some(Subcommands::Run(arguments)) => run::run(&arguments, &runs),
        Some(Subcommands::Attach(arguments)) => attach::run(&arguments, &runs),
        Some(Subcommands::Ctl(arguments)) => ctl::run(&arguments, &runs),
        Some(Subcommands::Replay(arguments)) => replay::run(&arguments, &runs),
        Some(Subcommands::Resume(arguments)) => resume::run(&arguments, &runs),
        Some(Subcommands::Rerun(arguments)) => rerun::run(&arguments, &runs),
        Some(Subcommands::Runs(arguments)) => {
            runs::run(&arguments, &runs).map(|()| ExitCode::SUCCESS)
        }
        Some(Subcommands::Compare(arguments)) => {
            compare::run(&arguments, &runs).map(|()| ExitCode::SUCCESS)
        }
        Some(Subcommands::Figure(arguments)) => {
            figure::run(&arguments, &runs).map(|()| ExitCode::SUCCESS)
        }
        Some(Subcommands::Export(arguments)) => {
            export::run(&arguments, &runs).map(|()| ExitCode::SUCCESS)
        }
        Some(Subcommands::Screenshot(arguments)) => {
            screenshot::run(&arguments, &runs).map(|()| ExitCode::SUCCESS)
        }
        Some(Subcommands::Profile(arguments)) => {
            profile::run(&arguments).map(|()| ExitCode::SUCCESS)
        }
        Some(Subcommands::Snapshot(command)) => snapshot::run(&command),
        Some(Subcommands::Eval(arguments)) => eval::run(&arguments).map(|()| ExitCode::SUCCESS),
        Some(Subcommands::Bench(arguments)) => bench::run(&arguments).map(|()| ExitCode::SUCCESS),
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

fn code(report: &Report) -> u8 {
    match report.downcast_ref::<HostError>() {
        Some(host) => host.code,
        None if is_input(report) => 2,
        None => 1,
    }
}

fn is_input(report: &Report) -> bool {
    if report.downcast_ref::<UnknownInstructionSet>().is_some() {
        return true;
    }
    if let Some(error) = report.downcast_ref::<FolderError>() {
        return error.is_input();
    }
    if let Some(error) = report.downcast_ref::<DeleteError>() {
        return !matches!(error, DeleteError::Io { .. });
    }
    if let Some(error) = report.downcast_ref::<ResumptionError>() {
        return error.is_input();
    }
    let tensors = report.downcast_ref::<TensorFileError>();
    if let Some(error) = tensors.or(match report.downcast_ref::<AdoptError>() {
        Some(AdoptError::File(error)) => Some(error),
        _ => None,
    }) {
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
                || report.is::<FigureError>()
                || report.is::<PngError>()
                || report.downcast_ref::<ExportError>().is_some_and(ExportError::is_input)
                || is_not_hosted(report)
                || report.is::<SnapshotError>()
                || report.is::<AdoptError>()
                || report.is::<ThemeError>()
        }
    }
}

/// Asking for a run that nobody hosts is the asker's mistake; a connection that breaks is not.
fn is_not_hosted(report: &Report) -> bool {
    let attach = report.downcast_ref::<AttachError>();
    let connect = report.downcast_ref::<ConnectError>().or(match attach {
        Some(AttachError::Connect(error)) => Some(error),
        _ => None,
    });
    matches!(connect, Some(ConnectError::NotHosted(_) | ConnectError::Elsewhere { .. }))
        || matches!(attach, Some(AttachError::Read(_)))
}

fn is_broken_pipe(report: &Report) -> bool {
    let io = report.downcast_ref::<io::Error>();
    io.is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}
