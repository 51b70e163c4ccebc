//! What can be asked of `homepot-sim`.

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::{fleet, preview, scenario::ScenarioError, scenarios, screen, traffic};

/// Told something that makes no sense; the code that wrong flags end with too.
const NONSENSE: u8 = 2;

/// Plays devices, people and applications against a HOMEPOT server.
#[derive(Debug, Parser)]
#[command(name = "homepot-sim", version, arg_required_else_help = true)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Simulated devices: they enrol, report, obey and fail as a scenario has it
    #[command(after_help = fleet::AFTER_HELP)]
    Fleet(Box<fleet::Args>),
    /// Remove a fleet from the server, with all that is kept of it
    Remove(fleet::remove::Args),
    /// What a device would measure, without a server: a sample a line, as JSON
    Preview(preview::Args),
    /// The scenarios that ship, or one of them to start your own from
    Scenarios(scenarios::Args),
    /// User activity and application errors over REST, at a stated rate
    Traffic(traffic::Args),
}

/// Does what was asked; 0 when all of it went well.
pub fn run(cli: Cli) -> ExitCode {
    let ended = match cli.command {
        Command::Fleet(args) => in_one_thread(fleet::run(*args)),
        Command::Remove(args) => in_one_thread(fleet::remove::run(args)),
        Command::Preview(args) => preview::run(&args),
        Command::Scenarios(args) => scenarios::run(&args),
        Command::Traffic(args) => in_one_thread(traffic::run(args)),
    };
    ended.unwrap_or_else(|error| {
        screen::complain(format_args!("{error:#}"));
        if error.is::<ScenarioError>() { ExitCode::from(NONSENSE) } else { ExitCode::FAILURE }
    })
}

/// One thread does: devices wait nearly all of the time, and what they leave of the machine is the server's.
fn in_one_thread(work: impl Future<Output = anyhow::Result<ExitCode>>) -> anyhow::Result<ExitCode> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(work)
}
