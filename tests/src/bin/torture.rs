//! The crash test of the command ledger and of rollouts, from the command line; see `homepot_tests::torture`.

use std::{process::ExitCode, time::Duration};

use clap::Parser;
use homepot_tests::torture::{Plan, Transport, run};

/// Kills servers, Postgres, Redis, agents and connections while commands flow and releases are rolled out, and tells which
/// promises held.
#[derive(Debug, Parser)]
#[command(name = "torture", max_term_width = 100)]
#[command(after_help = "Ends with status 0 if every counter of the last lines is 0. Otherwise it prints each broken \
    promise with the command's history, the device's journal and what its programs did and saw, and keeps all files.")]
struct Cli {
    /// How long everyone is killed.
    #[arg(long, default_value_t = 300)]
    seconds: u64,
    /// How many devices.
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u32).range(1..=100))]
    agents: u32,
    /// Commands a second.
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    rate: u32,
    /// Repeats the schedule of another run [default: drawn, and printed].
    #[arg(long)]
    seed: Option<u64>,
    /// What carries wake-ups between the servers.
    #[arg(long, value_enum, default_value = "postgres")]
    transport: Transport,
}

#[tokio::main]
// What it prints is its work.
#[allow(clippy::print_stdout, clippy::print_stderr)]
async fn main() -> ExitCode {
    let cli = Cli::parse();
    let plan = Plan {
        time: Duration::from_secs(cli.seconds),
        agents: cli.agents as usize,
        rate: cli.rate,
        seed: cli.seed.unwrap_or_else(|| fastrand::u64(..)),
        transport: cli.transport,
    };
    let verdict = tokio::select! {
        verdict = run(&plan, |line| eprintln!("{line}")) => verdict,
        // Dropping the run ends its processes.
        _ = tokio::signal::ctrl_c() => return ExitCode::from(130),
    };
    println!("{verdict}\nseed {}, {:?}", plan.seed, plan.transport);
    ExitCode::from(u8::from(!verdict.offences.is_empty()))
}
