//! The command line. A subcommand is one file, with a row in `Subcommands` and one in `dispatch`.
//!
//! The first lines of a subcommand's help are the doc comment of its arguments.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};

use self::failure::{Failure, Result};
use crate::instructions::InstructionSet;

mod attach;
mod bench;
mod compare;
mod completions;
mod ctl;
mod data;
mod ending;
mod eval;
mod export;
mod failure;
mod figure;
mod headless;
mod host;
mod output;
mod preview;
mod profile;
mod replay;
mod rerun;
mod resume;
mod run;
mod runs;
mod screen;
mod screenshot;
mod signals;
mod snapshot;
mod start;

/// Train neural networks by permuting their weights (Train by Reconnect, NeurIPS 2020), and watch
/// the training live.
#[derive(Debug, Parser)]
#[command(
    name = "laperm",
    version,
    infer_subcommands = true,
    after_help = "Without a command, laperm opens the start screen.\n\
                  Exit codes: 0 done, 1 failed, 2 bad usage or bad input."
)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Subcommands>,
    /// Folder that contains the runs.
    #[arg(long, global = true, default_value = "runs", value_name = "DIR")]
    runs: PathBuf,
}

#[derive(Debug, Subcommand)]
enum Subcommands {
    Run(run::RunArguments),
    Attach(attach::AttachArguments),
    Ctl(ctl::CtlArguments),
    Replay(replay::ReplayArguments),
    Resume(resume::ResumeArguments),
    Rerun(rerun::RerunArguments),
    Runs(runs::RunsArguments),
    Compare(compare::CompareArguments),
    Figure(figure::FigureArguments),
    Export(export::ExportArguments),
    Screenshot(screenshot::ScreenshotArguments),
    Profile(profile::ProfileArguments),
    Snapshot(snapshot::SnapshotArguments),
    Eval(eval::EvalArguments),
    Bench(bench::BenchArguments),
    Data(data::DataArguments),
    Completions(completions::CompletionsArguments),
}

/// Runs the program. Exit codes: 0 done, 1 failed, 2 bad usage or bad input.
pub fn main() -> ExitCode {
    // clap reports bad usage itself, with exit code 2.
    let arguments = Arguments::parse();
    let installed = color_eyre::install().map_err(Failure::of_color_eyre);
    match installed.and_then(|()| dispatch(arguments)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}

fn dispatch(arguments: Arguments) -> Result {
    // Refuses an unknown LAPERM_SIMD, which the kernels would ignore.
    InstructionSet::requested()?;
    let runs = &arguments.runs;
    let Some(command) = arguments.command else { return start::start(runs) };
    match command {
        Subcommands::Run(arguments) => run::run(&arguments, runs),
        Subcommands::Attach(arguments) => attach::run(&arguments, runs),
        Subcommands::Ctl(arguments) => ctl::run(&arguments, runs),
        Subcommands::Replay(arguments) => replay::run(&arguments, runs),
        Subcommands::Resume(arguments) => resume::run(&arguments, runs),
        Subcommands::Rerun(arguments) => rerun::run(&arguments, runs),
        Subcommands::Runs(arguments) => runs::run(&arguments, runs),
        Subcommands::Compare(arguments) => compare::run(&arguments, runs),
        Subcommands::Figure(arguments) => figure::run(&arguments, runs),
        Subcommands::Export(arguments) => export::run(&arguments, runs),
        Subcommands::Screenshot(arguments) => screenshot::run(&arguments, runs),
        Subcommands::Profile(arguments) => profile::run(&arguments),
        Subcommands::Snapshot(arguments) => snapshot::run(&arguments),
        Subcommands::Eval(arguments) => eval::run(&arguments),
        Subcommands::Bench(arguments) => bench::run(&arguments),
        Subcommands::Data(arguments) => data::run(&arguments),
        Subcommands::Completions(arguments) => {
            completions::run(&arguments, &mut Arguments::command())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_definitions_are_consistent() {
        Arguments::command().debug_assert();
    }
}
