//! `homepot-sim`: parses, runs, and says how it went.

use std::process::ExitCode;

use clap::Parser as _;

fn main() -> ExitCode {
    homepot_simulator::run(homepot_simulator::Cli::parse())
}
