//! The command line.

use std::{path::PathBuf, process::ExitCode};

use clap::{Parser, Subcommand};

use crate::{
    host::{Workshop, raise_file_limit},
    report::Report,
    run::{
        agent, bare, command_latency, command_rate, failover, idle, ingest, latency, outage, pack, query, rest,
        restart, rollout, simulation, soak, traces,
    },
};

/// Measures HOMEPOT on this machine, and compares each figure with a ceiling from the same run.
#[derive(Debug, Parser)]
#[command(name = "homepot-bench", version, max_term_width = 100)]
#[command(
    after_help = "Prints a table, and writes it with all details as JSON to target/bench/. The programs that it \
    measures are those beside its own file. docs/performance.md explains each figure."
)]
struct Cli {
    /// Directory of results and databases [default: target/bench].
    #[arg(long, global = true, value_name = "DIR")]
    output: Option<PathBuf>,

    #[command(subcommand)]
    bench: Bench,
}

#[derive(Debug, Subcommand)]
enum Bench {
    /// Run all benchmarks but simulation, rollout, traces, soak and outage, one after the other.
    All {
        /// Use short runs on little data, to check that everything works. The figures then say nothing about the
        /// machine.
        #[arg(long)]
        quick: bool,
    },
    /// Measure samples per second through streams into Postgres, against `psql \copy` of the same rows.
    Ingest(ingest::Args),
    /// Measure how long the acknowledgement of a sample takes, at a fixed rate.
    Latency(latency::Args),
    /// Measure authenticated, durable POST /analytics/device-metrics per second.
    Rest(rest::Args),
    /// Measure the memory of an idle attached device, against a bare stream.
    Idle(idle::Args),
    /// Measure queries of one device's series and of all newest samples, on a table of many rows.
    Query(query::Args),
    /// Measure how many bytes packed samples take, of the simulator's scenarios and of this machine's agent.
    Pack(pack::Args),
    /// Measure the memory and processor use of the agent.
    Agent(agent::Args),
    /// Measure how long a command takes to reach its device, against Mosquitto.
    CommandLatency(command_latency::Args),
    /// Measure commands per second from the queue to their outcome, against Postgres alone.
    CommandRate(command_rate::Args),
    /// Kill one of two replicas, and measure how long until its devices are at the other and have their commands.
    Failover(failover::Args),
    /// Restart the server, and measure how long until the whole fleet is attached.
    Restart(restart::Args),
    /// Run a fleet of homepot-sim on one server, compare what it sent with what is stored, and measure the memory of
    /// both.
    Simulation(simulation::Args),
    /// Bring a release to a fleet of homepot-sim, and measure how long it takes and what commands and samples notice of it.
    Rollout(rollout::Args),
    /// Measure what traces cost the server: off, with the usual shares, and everything.
    Traces(traces::Args),
    /// Measure the memory of the server over ten minutes under load.
    Soak(soak::Args),
    /// Stop and restart Postgres under load, and check that everything that was sent is stored once.
    Outage(outage::Args),
    /// A server of nothing but one stream, for `idle`.
    #[command(hide = true)]
    BareServer(bare::ServerArgs),
    /// Attaches devices and holds them, for `idle`.
    #[command(hide = true)]
    Attach(idle::AttachArgs),
}

/// Runs the program; what it answers is the process' status.
pub fn main() -> ExitCode {
    // One thread: the load must leave the cores to what is measured. It is the main one, on which children depend.
    let done = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(anyhow::Error::from)
        .and_then(|runtime| runtime.block_on(run(Cli::parse())));
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("homepot-bench: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(Cli { output, bench }: Cli) -> anyhow::Result<()> {
    raise_file_limit();
    match bench {
        Bench::BareServer(args) => return bare::serve(args).await,
        Bench::Attach(args) => return idle::attach(args).await,
        _ => {}
    }
    let workshop = Workshop::open(output)?;
    let mut report = Report::begin(&workshop)?;
    tokio::select! {
        done = measure(bench, &workshop, &mut report) => done?,
        // Children and directories go with the values that own them.
        _ = tokio::signal::ctrl_c() => anyhow::bail!("interrupted"),
    }
    report.print();
    Ok(())
}

async fn measure(bench: Bench, workshop: &Workshop, report: &mut Report) -> anyhow::Result<()> {
    match bench {
        Bench::All { quick } => all(quick, workshop, report).await,
        Bench::Ingest(args) => ingest::run(&args, workshop, report).await.map(drop),
        Bench::Latency(args) => latency::run(&args, workshop, report).await,
        Bench::Rest(args) => rest::run(&args, workshop, report).await,
        Bench::Idle(args) => idle::run(&args, workshop, report).await,
        Bench::Query(args) => query::run(&args, workshop, report).await,
        Bench::Pack(args) => pack::run(&args, workshop, report).await,
        Bench::Agent(args) => agent::run(&args, workshop, report).await,
        Bench::CommandLatency(args) => command_latency::run(&args, workshop, report).await,
        Bench::CommandRate(args) => command_rate::run(&args, workshop, report).await,
        Bench::Failover(args) => failover::run(&args, workshop, report).await,
        Bench::Restart(args) => restart::run(&args, workshop, report).await,
        Bench::Simulation(args) => simulation::run(&args, workshop, report).await,
        Bench::Rollout(args) => rollout::run(&args, workshop, report).await,
        Bench::Traces(args) => traces::run(&args, workshop, report).await,
        Bench::Soak(args) => soak::run(&args, workshop, report).await,
        Bench::Outage(args) => outage::run(&args, workshop, report).await,
        Bench::BareServer(_) | Bench::Attach(_) => Ok(()),
    }
}

async fn all(quick: bool, workshop: &Workshop, report: &mut Report) -> anyhow::Result<()> {
    let mut ingest_args = ingest::Args::default();
    let mut latency_args = latency::Args::default();
    let mut rest_args = rest::Args::default();
    let mut idle_args = idle::Args::default();
    let mut query_args = query::Args::default();
    let mut pack_args = pack::Args::default();
    let mut agent_args = agent::Args::default();
    let mut hand_args = command_latency::Args::default();
    let mut rate_args = command_rate::Args::default();
    let mut failover_args = failover::Args::default();
    let mut restart_args = restart::Args::default();
    if quick {
        (ingest_args.rounds, ingest_args.seconds, latency_args.seconds, rest_args.seconds) = (1, 5, 5, 3);
        (idle_args.devices, idle_args.settle_seconds, agent_args.seconds) = (500, 3, 15);
        (query_args.rows, query_args.devices, query_args.asked) = (1_000_000, 1_000, 5);
        (hand_args.devices, hand_args.seconds) = (500, 5);
        (rate_args.devices, rate_args.in_flight, rate_args.seconds, rate_args.ceiling_commands) = (200, 400, 5, 10_000);
        (failover_args.devices, restart_args.devices) = (200, 500);
        (pack_args.devices, pack_args.agent_interval_ms) = (2, 20);
    }
    let rate = ingest::run(&ingest_args, workshop, report).await?;
    latency_args.rate = Some(rate / 2.0);
    latency::run(&latency_args, workshop, report).await?;
    rest::run(&rest_args, workshop, report).await?;
    idle::run(&idle_args, workshop, report).await?;
    agent::run(&agent_args, workshop, report).await?;
    command_latency::run(&hand_args, workshop, report).await?;
    command_rate::run(&rate_args, workshop, report).await?;
    failover::run(&failover_args, workshop, report).await?;
    restart::run(&restart_args, workshop, report).await?;
    restart_args.without_tickets = true;
    restart::run(&restart_args, workshop, report).await?;
    pack::run(&pack_args, workshop, report).await?;
    query::run(&query_args, workshop, report).await
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_sound_and_every_argument_is_explained() {
        Cli::command().debug_assert();
        for command in Cli::command().get_subcommands_mut() {
            assert!(command.get_about().is_some(), "{}", command.get_name());
            for arg in command.get_arguments() {
                assert!(arg.get_help().is_some(), "{} {}", command.get_name(), arg.get_id());
            }
        }
    }
}
