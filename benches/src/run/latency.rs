//! How long an acknowledgement takes while samples come at a fixed rate.
//!
//! Each device sends by a clock of its own, whether or not it has been answered, and a message's time runs from when it
//! was due. A server that stalls for a second so shows a second in every message that was due meanwhile.

use std::{sync::Arc, time::Duration};

use anyhow::Context as _;
use serde_json::json;

use super::ingest::check_stored;
use crate::{
    fleet::{Load, Mill, Outcome, Pace, attach_all, drive, seed},
    host::{Server, Workshop},
    report::{Bar, Report, Row, millis, percentile, step, watch},
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
    /// Samples per second of all devices together [default: half of what a short saturating run reaches].
    #[arg(long)]
    pub rate: Option<f64>,
    /// Seconds of load.
    #[arg(long, default_value_t = 60)]
    pub seconds: u64,
}

impl Default for Args {
    fn default() -> Self {
        Self { devices: 1_000, batch: 100, rate: None, seconds: 60 }
    }
}

/// Runs it.
pub async fn run(args: &Args, workshop: &Workshop, report: &mut Report) -> anyhow::Result<()> {
    let server = Server::start(workshop, &[]).await?;
    let psql = server.psql()?;
    let devices = attach_all(&server.grpc, &seed(&psql, args.devices).await?).await?;
    let (devices, warm) = drive(devices, &saturating(Duration::from_secs(5))).await?;
    let rate = args.rate.unwrap_or(warm.rate() / 2.0);
    step(&format!("latency: {} devices, {rate:.0} samples/s in messages of {}", args.devices, args.batch));
    let load = Load {
        mill: Arc::new(Mill::new(args.batch)),
        pace: Pace::Scheduled { rate },
        span: Duration::from_secs(args.seconds),
        comes_back: false,
        progress: Arc::default(),
    };
    let driven = watch("latency", &load.progress, |_| (), drive(devices, &load)).await;
    let (devices, outcome) = driven.with_context(|| server.tail())?;
    check_stored(&psql, warm.acknowledged + outcome.acknowledged).await?;
    drop(devices);
    server.stop().await?;
    report.add("latency", rows(&outcome), describe(&outcome, rate, args.batch))
}

/// As fast as it goes, in the messages of `ingest`: to find half of the top rate.
pub(super) fn saturating(span: Duration) -> Load {
    let pace = Pace::Saturating { in_flight: 2 };
    Load { mill: Arc::new(Mill::new(100)), pace, span, comes_back: false, progress: Arc::default() }
}

fn rows(outcome: &Outcome) -> Vec<Row> {
    let at = |share| millis(percentile(&outcome.latencies, share));
    vec![
        Row::new("acknowledgement, p50", at(0.5), "ms"),
        Row::new("acknowledgement, p99", at(0.99), "ms").bar(Bar::AtMost(500.0)),
        Row::new("acknowledgement, longest", at(1.0), "ms"),
    ]
}

fn describe(outcome: &Outcome, rate: f64, batch: usize) -> serde_json::Value {
    let at = |share| millis(percentile(&outcome.latencies, share));
    json!({
        "samples_per_second_asked_for": rate, "samples_per_second": outcome.rate(), "batch": batch,
        "messages": outcome.latencies.len(), "samples": outcome.acknowledged, "acknowledged_equals_stored": true,
        "ms": {"p50": at(0.5), "p90": at(0.9), "p99": at(0.99), "p99.9": at(0.999), "max": at(1.0)},
    })
}
