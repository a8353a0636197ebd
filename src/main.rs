//! The `laperm` program.

use std::process::ExitCode;

// Here rather than in the library, which leaves the choice to the programs that use it.
#[global_allocator]
static ALLOCATOR: laperm::allocator::Allocator = laperm::allocator::Allocator;

fn main() -> ExitCode {
    laperm::cli::main()
}
