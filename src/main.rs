//! The program.

use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: laperm::kernels::Allocator = laperm::kernels::Allocator;

fn main() -> ExitCode {
    laperm::cli::main()
}
