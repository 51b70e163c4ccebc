//! The program `homepot`; everything it does is in the library beside it.

use std::process::ExitCode;

fn main() -> ExitCode {
    homepot_server::main()
}
