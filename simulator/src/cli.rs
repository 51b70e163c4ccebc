//! What can be asked of `homepot-sim`.

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::{screen, traffic};

/// Plays devices, people and applications against a HOMEPOT server.
#[derive(Debug, Parser)]
#[command(name = "homepot-sim", version, arg_required_else_help = true)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// User activity and application errors over REST, at a stated rate
    Traffic(traffic::Args),
}

/// Does what was asked; 0 when all of it went well.
pub fn run(cli: Cli) -> ExitCode {
    let ended = match cli.command {
        Command::Traffic(args) => traffic::run(&args),
    };
    ended.unwrap_or_else(|error| {
        screen::complain(format_args!("{error:#}"));
        ExitCode::FAILURE
    })
}
