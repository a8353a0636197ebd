//! The program.

use std::process::ExitCode;

fn main() -> ExitCode {
    laperm::cli::main()
}
