//! The command `offboard24`: hands its arguments to the library and ends with the code that comes back.

use std::process::ExitCode;

fn main() -> ExitCode {
    ExitCode::from(offboard24::cli::main(std::env::args_os()))
}
