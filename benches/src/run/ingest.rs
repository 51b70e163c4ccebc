//! Samples a second on the full way: streams, authentication, checks, Postgres, acknowledgement after the commit.
//!
//! The ceiling is `psql \copy` (text, from a file, one connection) of the very rows that the round before stored, in the
//! order in which it stored them, into the same table, emptied. Rounds of both take turns, so that a machine that
//! changes its mind spoils neither alone.

use std::{path::Path, sync::Arc, time::Duration};

use anyhow::Context as _;
use serde_json::{Value, json};

use crate::{
    fleet::{Device, Load, Mill, Pace, attach_all, drive, seed},
    host::{Cores, Cpu, Psql, Server, Workshop},
    report::{Bar, Report, Row, step, watch},
    tenths::Tenths,
};

/// How to load.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// Devices, each with a stream on a connection of its own.
    #[arg(long, default_value_t = 1_000)]
    pub devices: usize,
    /// Samples in a message.
    #[arg(long, default_value_t = 100)]
    pub batch: usize,
    /// The most unacknowledged messages of a device.
    #[arg(long, default_value_t = 2)]
    pub in_flight: usize,
    /// Rounds of load and ceiling.
    #[arg(long, default_value_t = 3)]
    pub rounds: usize,
    /// Seconds of load in a round.
    #[arg(long, default_value_t = 20)]
    pub seconds: u64,
}

impl Default for Args {
    fn default() -> Self {
        Self { devices: 1_000, batch: 100, in_flight: 2, rounds: 3, seconds: 20 }
    }
}

/// What a round measured.
struct Round {
    samples: u64,
    took: Duration,
    cores: Cores,
    copy: Duration,
    copy_cores: Cores,
    tenths: Tenths,
}

/// Runs it; answers the samples a second.
pub async fn run(args: &Args, workshop: &Workshop, report: &mut Report) -> anyhow::Result<f64> {
    step(&format!("ingest: {} devices, messages of {} samples", args.devices, args.batch));
    // Devices are silent while the ceiling is measured, for longer than they may be otherwise.
    let server = Server::start(workshop, &[("HOMEPOT_HEARTBEAT_INTERVAL", "10m")]).await?;
    let psql = server.psql()?;
    let keys = seed(&psql, args.devices).await?;
    let mut devices = attach_all(&server.grpc, &keys).await?;

    let scratch = workshop.scratch()?;
    let mut rounds = Vec::new();
    // The first is for caches, partitions and allocators, and does not count.
    for number in 0..=args.rounds {
        let span = if number == 0 { Duration::from_secs(2) } else { Duration::from_secs(args.seconds) };
        let (back, round) = measure(args, devices, span, &server, &psql, scratch.path()).await?;
        devices = back;
        if number > 0 {
            rounds.push(round);
        }
    }
    drop(devices);
    server.stop().await?;

    let samples: u64 = rounds.iter().map(|round| round.samples).sum();
    let rate = samples as f64 / rounds.iter().map(|round| round.took).sum::<Duration>().as_secs_f64();
    let copy = samples as f64 / rounds.iter().map(|round| round.copy).sum::<Duration>().as_secs_f64();
    let mut rows = vec![
        Row::new("ingest", rate, "samples/s").ceiling(copy, "psql \\copy").bar(Bar::AtLeast(100_000.0)),
        Row::new("ingest, of the ceiling", rate / copy, "").bar(Bar::AtLeast(0.33)),
    ];
    let cost = mean_cost(&rounds, |round| round.cores);
    let copy_cost = mean_cost(&rounds, |round| round.copy_cores);
    rows.push(Row::new("ingest, server", cost[0], "core-s per million"));
    rows.push(Row::new("ingest, Postgres", cost[1], "core-s per million").ceiling(copy_cost[1], "\\copy"));
    rows.push(Row::new("ingest, load generator", cost[2], "core-s per million").ceiling(copy_cost[2], "psql"));
    let tenths = rounds.iter().fold(Tenths::default(), |all, round| all.and(&round.tenths));
    rows.extend(tenths.rows("ingest"));
    let details = json!({
        "tenths": tenths.describe(), "devices": args.devices, "batch": args.batch, "in_flight": args.in_flight, "samples": samples,
        "acknowledged_equals_stored": true, "rounds": rounds.iter().map(describe).collect::<Vec<_>>(),
    });
    report.add("ingest", rows, details)?;
    Ok(rate)
}

async fn measure(
    args: &Args,
    devices: Vec<Device>,
    span: Duration,
    server: &Server,
    psql: &Psql,
    scratch: &Path,
) -> anyhow::Result<(Vec<Device>, Round)> {
    empty(psql).await?;
    let load = Load {
        mill: Arc::new(Mill::new(args.batch)),
        pace: Pace::Saturating { in_flight: args.in_flight },
        span,
        comes_back: false,
        progress: Arc::default(),
    };
    let (pid, postmaster) = (server.pid()?, psql.postmaster());
    let before = Cpu::read(pid, postmaster)?;
    let work = Tenths::of(span, &load.progress, drive(devices, &load));
    let (driven, tenths) = watch("ingest", &load.progress, |_| (), work).await;
    let (devices, outcome) = driven.with_context(|| server.tail())?;
    let cores = Cpu::read(pid, postmaster)?.since(&before);
    check_stored(psql, outcome.acknowledged).await?;
    // The order of the heap, which is that of the commits.
    let file = scratch.join("rows");
    psql.run(&format!("\\copy (SELECT * FROM samples) TO '{}'", file.display())).await?;
    empty(psql).await?;
    let before = Cpu::read(pid, postmaster)?;
    let copy = psql.timed(&format!("\\copy samples FROM '{}'", file.display())).await?;
    let copy_cores = Cpu::read(pid, postmaster)?.since(&before);
    check_stored(psql, outcome.acknowledged).await?;
    Ok((devices, Round { samples: outcome.acknowledged, took: outcome.took, cores, copy, copy_cores, tenths }))
}

/// Every acknowledged sample is a row, and no row is anything else.
pub(super) async fn check_stored(psql: &Psql, acknowledged: u64) -> anyhow::Result<()> {
    let stored = psql.number("SELECT count(*) FROM samples").await?;
    anyhow::ensure!(stored == acknowledged as f64, "{acknowledged} samples were acknowledged, {stored} are stored");
    Ok(())
}

/// Both begin with an empty table and no checkpoint ahead.
async fn empty(psql: &Psql) -> anyhow::Result<()> {
    psql.script("TRUNCATE samples; DELETE FROM device_latest; VACUUM device_latest; CHECKPOINT;").await.map(drop)
}

fn mean_cost(rounds: &[Round], cores: fn(&Round) -> Cores) -> [f64; 3] {
    let mut mean = [0.0; 3];
    for round in rounds {
        for (sum, cost) in mean.iter_mut().zip(cores(round).per_million(round.samples)) {
            *sum += cost / rounds.len() as f64;
        }
    }
    mean
}

fn describe(round: &Round) -> Value {
    let cores = |cores: &Cores| json!({"server": cores.server, "postgres": cores.postgres, "load": cores.load});
    json!({
        "samples": round.samples,
        "samples_per_second": round.samples as f64 / round.took.as_secs_f64(),
        "tenths": round.tenths.describe(),
        "copy_rows_per_second": round.samples as f64 / round.copy.as_secs_f64(),
        "cores": cores(&round.cores), "copy_cores": cores(&round.copy_cores),
    })
}
