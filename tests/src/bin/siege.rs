//! The siege from the command line; see `homepot_tests::siege`.

use std::{process::ExitCode, time::Duration};

use clap::Parser;
use homepot_tests::siege::{Plan, Verdict, attacks, run};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Attacks a server while a fleet attaches beside the attackers, and prints how the fleet and operators were served.
#[derive(Debug, Parser)]
#[command(name = "siege", max_term_width = 100)]
#[command(
    after_help = "Ends with status 0 if every promise held: all devices attach, 99 of 100 of them within 5 s, and \
    every probe and every operator is answered. docs/security.md describes the attacks."
)]
struct Cli {
    /// Run only this attack; may be given several times [default: all].
    #[arg(long = "attack", value_name = "NAME", value_parser = attacks::ALL.iter().map(|attack| attack.name).collect::<Vec<_>>())]
    attacks: Vec<String>,
    /// List the attacks and end.
    #[arg(long)]
    list: bool,
    /// Number of devices that attach.
    #[arg(long, default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(1..=5_000))]
    devices: u32,
    /// Size of each attack, as a multiple of the one that docs/security.md describes.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=20))]
    scale: u32,
    /// Time within which the devices attach, in seconds.
    #[arg(long, default_value_t = 20)]
    window: u64,
}

#[tokio::main]
// What it prints is its work.
#[allow(clippy::print_stdout, clippy::print_stderr)]
async fn main() -> ExitCode {
    let cli = Cli::parse();
    if cli.list {
        attacks::ALL.iter().for_each(|attack| println!("{:<22} {}", attack.name, attack.about));
        return ExitCode::SUCCESS;
    }
    // Attackers and devices are a connection each. Where the limit can't be raised, the attack says that it is too weak.
    let limit = getrlimit(Resource::Nofile);
    let _ = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum });
    let plan =
        Plan { devices: cli.devices as usize, window: Duration::from_secs(cli.window), percent: 100 * cli.scale };
    let chosen =
        attacks::ALL.iter().filter(|a| cli.attacks.is_empty() || cli.attacks.iter().any(|name| name == a.name));
    let (mut lines, mut broken) = (Vec::new(), Vec::new());
    for attack in chosen {
        let verdict = tokio::select! {
            verdict = run(attack, &plan, |line| eprintln!("{line}")) => verdict,
            // Dropping the run ends its processes.
            _ = tokio::signal::ctrl_c() => return ExitCode::from(130),
        };
        broken.extend(verdict.broken());
        broken.extend(verdict.too_slow());
        lines.push(verdict.line());
    }
    println!("{}", Verdict::HEADING);
    lines.iter().for_each(|line| println!("{line}"));
    broken.iter().for_each(|line| println!("broken: {line}"));
    ExitCode::from(u8::from(!broken.is_empty()))
}
