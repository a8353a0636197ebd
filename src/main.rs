//! The program.

use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: laperm::allocator::Allocator = laperm::allocator::Allocator;

fn main() -> ExitCode {
    laperm::cli::main()
}
