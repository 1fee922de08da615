//! The program: the desktop and the command line in one binary.

use std::process::ExitCode;

fn main() -> ExitCode {
    makeeper::cli::main()
}
