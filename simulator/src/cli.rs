//! The command line of `homepot-sim`.

use std::{io, process::ExitCode};

use clap::{Parser, Subcommand};
use homepot_agent::platform;
use tokio_util::sync::CancellationToken;

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
    /// Run a fleet of simulated devices, which enrol, report, run commands and fail as a scenario says
    #[command(after_help = fleet::AFTER_HELP)]
    Fleet(Box<fleet::Args>),
    /// Remove a fleet from the server, with all of its data
    Remove(fleet::remove::Args),
    /// Print what a device would measure, without a server: one sample per line, as JSON
    Preview(preview::Args),
    /// List the scenarios that ship, or print one of them as a start for your own
    Scenarios(scenarios::Args),
    /// Send user activity and application errors over REST, at a given rate
    Traffic(traffic::Args),
}

/// Does what was asked; 0 when all of it went well.
pub fn run(cli: Cli) -> ExitCode {
    let ended = match cli.command {
        Command::Fleet(args) => in_one_thread(async { fleet::run(*args, asked_to_end()?).await }),
        Command::Remove(args) => in_one_thread(fleet::remove::run(args)),
        Command::Preview(args) => preview::run(&args),
        Command::Scenarios(args) => scenarios::run(&args),
        Command::Traffic(args) => in_one_thread(async { traffic::run(args, asked_to_end()?).await }),
    };
    ended.unwrap_or_else(|error| {
        screen::complain(format_args!("{error:#}"));
        if error.is::<ScenarioError>() { ExitCode::from(NONSENSE) } else { ExitCode::FAILURE }
    })
}

/// Cancelled by Ctrl-C or SIGTERM. Listened for before anything else is done, so that whoever sees a run at work can end it well.
fn asked_to_end() -> io::Result<CancellationToken> {
    let (asked, signal) = (CancellationToken::new(), platform::shutdown_signal()?);
    let end = asked.clone();
    tokio::spawn(async move {
        signal.await;
        end.cancel();
    });
    Ok(asked)
}

/// One thread does: devices wait nearly all of the time, and what they leave of the machine is the server's.
fn in_one_thread(work: impl Future<Output = anyhow::Result<ExitCode>>) -> anyhow::Result<ExitCode> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(work)
}
