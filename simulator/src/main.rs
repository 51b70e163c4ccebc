//! `homepot-sim`: parses, runs, and says how it went.

use std::{io::Write as _, process::ExitCode};

use clap::Parser as _;

fn main() -> ExitCode {
    if let Err(error) = homepot_host::environment::check() {
        let _ = writeln!(std::io::stderr(), "{error}");
        return ExitCode::from(2);
    }
    homepot_simulator::run(homepot_simulator::Cli::parse())
}
