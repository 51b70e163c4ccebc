//! Postgres goes away under load and comes back: what devices sent is stored, all of it, once.
//!
//! Postgres is a cluster of the benchmark's own here, really stopped: sockets closed, shared memory gone.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use anyhow::Context as _;
use parking_lot::Mutex;
use serde_json::json;
use tokio::time::{Instant, sleep};

use super::ingest::check_stored;
use crate::{
    fleet::{Load, Mill, Pace, attach_all, drive, seed},
    host::{Cluster, Server, Workshop, memory},
    report::{Report, Row, millis, percentile, step, watch},
};

const MIB: f64 = 1024.0 * 1024.0;

/// How to load, and for how long Postgres is away.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// Devices, each with a stream on a connection of its own.
    #[arg(long, default_value_t = 1_000)]
    pub devices: usize,
    /// Samples in a message.
    #[arg(long, default_value_t = 10)]
    pub batch: usize,
    /// Samples a second of all devices.
    #[arg(long, default_value_t = 20_000.0)]
    pub rate: f64,
    /// Seconds that Postgres is away.
    #[arg(long, default_value_t = 120)]
    pub away: u64,
    /// Seconds of load before and after.
    #[arg(long, default_value_t = 30)]
    pub around: u64,
}

/// Runs it.
pub async fn run(args: &Args, workshop: &Workshop, report: &mut Report) -> anyhow::Result<()> {
    let mut cluster = Cluster::start(workshop).await?;
    let url = cluster.url();
    let server = Server::start(workshop, &[("HOMEPOT_DATABASE_URL", &url)]).await?;
    let devices = attach_all(&server.grpc, &seed(&cluster.psql()?, args.devices).await?).await?;
    step(&format!("outage: {:.0} samples/s of {} devices, Postgres away for {} s", args.rate, args.devices, args.away));
    let load = Load {
        mill: Arc::new(Mill::new(args.batch)),
        pace: Pace::Scheduled { rate: args.rate },
        span: Duration::from_secs(args.away + 2 * args.around),
        comes_back: true,
        progress: Arc::default(),
    };
    let pid = server.pid()?;
    let resident = Mutex::new(Vec::new());
    let look = |_| {
        let now = memory(pid).ok().map(|memory| memory.rss as f64 / MIB);
        resident.lock().extend(now);
    };
    let work = async { tokio::try_join!(drive(devices, &load), interrupt(&mut cluster, args, &load.progress)) };
    let ((devices, outcome), recovery) =
        watch("outage", &load.progress, look, work).await.with_context(|| server.tail())?;
    check_stored(&cluster.psql()?, outcome.acknowledged).await?;
    drop(devices);
    server.stop().await?;

    let resident = resident.into_inner();
    let before = resident.get(args.around as usize / 2).copied().unwrap_or_default();
    let most = resident.iter().copied().fold(0.0, f64::max);
    let rows = vec![
        Row::new("outage, sent and stored once", outcome.acknowledged as f64, "samples"),
        Row::new("outage, first commit after Postgres is back", recovery.as_secs_f64(), "s"),
        Row::new("outage, longest acknowledgement", millis(percentile(&outcome.latencies, 1.0)) / 1e3, "s"),
        Row::new("outage, streams that had to come back", outcome.returns as f64, ""),
        Row::new("outage, memory before", before, "MiB"),
        Row::new("outage, most memory", most, "MiB"),
    ];
    let details = json!({
        "samples_per_second": args.rate, "devices": args.devices, "batch": args.batch, "away_seconds": args.away,
        "acknowledged_equals_stored": true, "resident_mib_by_second": resident,
    });
    report.add("outage", rows, details)
}

/// Stops Postgres, starts it again; answers how long after that it took until something was committed.
async fn interrupt(cluster: &mut Cluster, args: &Args, acknowledged: &AtomicU64) -> anyhow::Result<Duration> {
    sleep(Duration::from_secs(args.around)).await;
    cluster.pause().await?;
    step("Postgres is stopped");
    sleep(Duration::from_secs(args.away)).await;
    let before = acknowledged.load(Ordering::Relaxed);
    cluster.resume().await?;
    step("Postgres is back");
    let start = Instant::now();
    while acknowledged.load(Ordering::Relaxed) == before {
        sleep(Duration::from_millis(10)).await;
    }
    Ok(start.elapsed())
}
