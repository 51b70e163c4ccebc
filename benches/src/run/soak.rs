//! Memory of the server over a long time under load: a leak shows as a slope.

use std::{sync::Arc, time::Duration};

use anyhow::Context as _;
use serde_json::json;

use super::{ingest::check_stored, latency::saturating};
use crate::{
    fleet::{Load, Mill, Pace, attach_all, drive, seed},
    host::{Server, Workshop, memory},
    report::{Report, Row, millis, percentile, step, watch},
};

const MIB: f64 = 1024.0 * 1024.0;
/// Caches fill and the allocator settles in the first part of the run; the slope is that of the rest.
const SETTLING: f64 = 0.2;

/// As long as a round of `ingest`: what the first seconds reach, no disk keeps up.
const WARM: Duration = Duration::from_secs(20);

/// How to load.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// Devices, each with a stream on a connection of its own.
    #[arg(long, default_value_t = 1_000)]
    pub devices: usize,
    /// Samples in a message.
    #[arg(long, default_value_t = 100)]
    pub batch: usize,
    /// Samples per second of all devices together [default: half of what a short saturating run reaches].
    #[arg(long)]
    pub rate: Option<f64>,
    /// Seconds of load.
    #[arg(long, default_value_t = 600)]
    pub seconds: u64,
}

/// Runs it.
pub async fn run(args: &Args, workshop: &Workshop, report: &mut Report) -> anyhow::Result<()> {
    let server = Server::start(workshop, &[]).await?;
    let psql = server.psql()?;
    let devices = attach_all(&server.grpc, &seed(&psql, args.devices).await?).await?;
    let (devices, warm) = drive(devices, &saturating(WARM)).await?;
    let rate = args.rate.unwrap_or(warm.rate() / 2.0);
    step(&format!("soak: {} s at {rate:.0} samples/s of {} devices", args.seconds, args.devices));
    let load = Load {
        mill: Arc::new(Mill::new(args.batch)),
        pace: Pace::Scheduled { rate },
        span: Duration::from_secs(args.seconds),
        comes_back: false,
        progress: Arc::default(),
    };
    let pid = server.pid()?;
    let mut resident = Vec::new();
    let look = |seconds: f64| resident.extend(memory(pid).ok().map(|memory| (seconds, memory.rss as f64 / MIB)));
    let driven = watch("soak", &load.progress, look, drive(devices, &load)).await;
    let (devices, outcome) = driven.with_context(|| server.tail())?;
    check_stored(&psql, warm.acknowledged + outcome.acknowledged).await?;
    drop(devices);
    server.stop().await?;

    let settled = &resident[(resident.len() as f64 * SETTLING) as usize..];
    let (first, last) = settled.first().zip(settled.last()).context("memory was never read")?;
    let most = settled.iter().map(|(_, mib)| *mib).fold(0.0, f64::max);
    let rows = vec![
        Row::new("soak, acknowledged and stored", outcome.acknowledged as f64, "samples"),
        Row::new("soak, memory when settled", first.1, "MiB"),
        Row::new("soak, memory at the end", last.1, "MiB"),
        Row::new("soak, most memory", most, "MiB"),
        Row::new("soak, slope", slope(settled) * 60.0, "MiB a minute"),
        Row::new("soak, acknowledgement p99", millis(percentile(&outcome.latencies, 0.99)), "ms"),
    ];
    let details = json!({
        "samples_per_second_asked_for": rate, "samples_per_second": outcome.rate(), "devices": args.devices,
        "batch": args.batch, "seconds": args.seconds, "acknowledged_equals_stored": true,
        "resident_mib_by_second": resident,
    });
    report.add("soak", rows, details)
}

/// Of the straight line that is nearest to the points.
fn slope(points: &[(f64, f64)]) -> f64 {
    let count = points.len() as f64;
    let (mean_x, mean_y) = points.iter().fold((0.0, 0.0), |(x, y), point| (x + point.0 / count, y + point.1 / count));
    let (covariance, variance) = points.iter().fold((0.0, 0.0), |(covariance, variance), (x, y)| {
        (covariance + (x - mean_x) * (y - mean_y), variance + (x - mean_x).powi(2))
    });
    if variance == 0.0 { 0.0 } else { covariance / variance }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_slope_of_a_line_is_its_own_and_that_of_one_point_is_none() {
        let line: Vec<_> = (0..10).map(|x| (f64::from(x), 5.0 + 2.0 * f64::from(x))).collect();
        assert!((slope(&line) - 2.0).abs() < 1e-9);
        assert_eq!(slope(&line[..1]), 0.0);
    }
}
