//! `laperm completions SHELL`

use clap::{Args, Command};
use clap_complete::Shell;

use super::failure::Result;
use super::output;

/// Print a completion script for a shell.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  \
                  laperm completions bash > ~/.local/share/bash-completion/completions/laperm")]
pub(super) struct CompletionsArguments {
    /// Shell that reads the script.
    shell: Shell,
}

/// Prints the script for `program`, the whole command line.
pub(super) fn run(arguments: &CompletionsArguments, program: &mut Command) -> Result {
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, program, "laperm", &mut script);
    output::text(&String::from_utf8_lossy(&script))
}
