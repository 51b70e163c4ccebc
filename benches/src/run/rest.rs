//! Authenticated `POST /analytics/device-metrics` a second, each durable before its 201.
//!
//! The ceiling is the gateway without the work: a path that it does not know, asked by the same client over the same
//! connections.

use std::{
    fmt::Write as _,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use serde_json::json;
use tokio::{
    task::JoinSet,
    time::{Instant, sleep},
};

use super::ingest::check_stored;
use crate::{
    fleet::{DeviceKey, seed},
    host::{Cpu, Server, Workshop},
    http::Connection,
    report::{Bar, Report, Row, millis, percentile, step, watch},
};

/// How often a device tries to be let in.
const INTRODUCTIONS: u32 = 30;

/// How to load.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// Connections, each a device's, with one request at a time.
    #[arg(long, default_value_t = 128)]
    pub connections: usize,
    /// Seconds of load.
    #[arg(long, default_value_t = 20)]
    pub seconds: u64,
}

impl Default for Args {
    fn default() -> Self {
        Self { connections: 128, seconds: 20 }
    }
}

/// What a device asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Work {
    Report,
    Nothing,
}

/// Runs it.
pub async fn run(args: &Args, workshop: &Workshop, report: &mut Report) -> anyhow::Result<()> {
    step(&format!("rest: {} connections", args.connections));
    let server = Server::start(workshop, &[]).await?;
    let psql = server.psql()?;
    let keys = seed(&psql, args.connections).await?;
    let span = Duration::from_secs(args.seconds);
    introduce(&server.rest, &keys).await?;
    let warm = drive(&server.rest, &keys, Work::Report, span / 10).await?;
    let (pid, postmaster) = (server.pid()?, psql.postmaster());
    let before = Cpu::read(pid, postmaster)?;
    let reported = drive(&server.rest, &keys, Work::Report, span).await?;
    let cores = Cpu::read(pid, postmaster)?.since(&before);
    check_stored(&psql, keys.len() as u64 + warm.count() + reported.count()).await?;
    let nothing = drive(&server.rest, &keys, Work::Nothing, span / 4).await?;
    server.stop().await?;

    let cost = cores.per_million(reported.count());
    let at = |share| millis(percentile(&reported.latencies, share));
    let rows = vec![
        Row::new("rest, device-metrics", reported.rate(), "requests/s")
            .ceiling(nothing.rate(), "404 of the gateway")
            .bar(Bar::AtLeast(5_000.0)),
        Row::new("rest, p99", at(0.99), "ms"),
        Row::new("rest, server", cost[0], "core-s per million"),
        Row::new("rest, Postgres", cost[1], "core-s per million"),
        Row::new("rest, load generator", cost[2], "core-s per million"),
    ];
    let details = json!({
        "connections": args.connections, "requests": reported.count(), "created_equals_stored": true,
        "ms": {"p50": at(0.5), "p99": at(0.99), "max": at(1.0)},
        "cores": {"server": cores.server, "postgres": cores.postgres, "load": cores.load},
    });
    report.add("rest", rows, details)
}

/// What came of it.
#[derive(Default)]
struct Outcome {
    took: Duration,
    latencies: Vec<Duration>,
}

impl Outcome {
    fn count(&self) -> u64 {
        self.latencies.len() as u64
    }

    fn rate(&self) -> f64 {
        self.count() as f64 / self.took.as_secs_f64()
    }
}

/// Each device's first report. Checking so many unknown keys at once is more than the server takes: it says when to come
/// back, and a device does.
async fn introduce(address: &str, keys: &[DeviceKey]) -> anyhow::Result<()> {
    let mut working = JoinSet::new();
    for (number, key) in (0..).zip(keys.iter().cloned()) {
        let address = address.to_owned();
        working.spawn(async move {
            let mut connection = Connection::open(&address).await?;
            let (mut request, mut body) = (String::new(), String::new());
            write_body(&mut body, number, 0)?;
            write_request(&mut request, &key, Work::Report, &body)?;
            for _ in 0..INTRODUCTIONS {
                match (connection.ask(request.as_bytes()).await?, connection.retry_after()) {
                    (201, _) => return Ok(()),
                    (429, Some(pause)) => sleep(pause).await,
                    (status, _) => anyhow::bail!("answered {status} at first: {}", connection.answer()),
                }
            }
            anyhow::bail!("was sent away {INTRODUCTIONS} times: {}", connection.answer())
        });
    }
    while let Some(done) = working.join_next().await {
        done??;
    }
    Ok(())
}

async fn drive(address: &str, keys: &[DeviceKey], work: Work, span: Duration) -> anyhow::Result<Outcome> {
    let (progress, start) = (Arc::new(AtomicU64::new(0)), Instant::now());
    let mut working = JoinSet::new();
    for (number, key) in (0..).zip(keys.iter().cloned()) {
        let (address, progress) = (address.to_owned(), progress.clone());
        working.spawn(async move { one(&address, number, &key, work, start + span, &progress).await });
    }
    let mut total = Outcome::default();
    let all = async {
        while let Some(done) = working.join_next().await {
            total.latencies.extend(done??);
        }
        anyhow::Ok(())
    };
    watch("rest", &progress, |_| (), all).await?;
    total.took = start.elapsed();
    total.latencies.sort_unstable();
    Ok(total)
}

/// One device: the next request when the last is answered.
async fn one(
    address: &str,
    number: u64,
    key: &DeviceKey,
    work: Work,
    end: Instant,
    progress: &AtomicU64,
) -> anyhow::Result<Vec<Duration>> {
    let mut connection = Connection::open(address).await?;
    let mut latencies = Vec::new();
    let (mut request, mut body) = (String::new(), String::new());
    if work == Work::Nothing {
        // A connection without an accepted credential gets few answers, and what is not found asks for none.
        write_body(&mut body, number, 0)?;
        write_request(&mut request, key, Work::Report, &body)?;
        let status = connection.ask(request.as_bytes()).await?;
        anyhow::ensure!(status == 201, "answered {status} at first: {}", connection.answer());
    }
    let expected = if work == Work::Report { 201 } else { 404 };
    while Instant::now() < end {
        write_body(&mut body, number, latencies.len() as u64)?;
        write_request(&mut request, key, work, &body)?;
        let start = Instant::now();
        let status = connection.ask(request.as_bytes()).await?;
        latencies.push(start.elapsed());
        anyhow::ensure!(status == expected, "answered {status} where {expected} was due: {}", connection.answer());
        progress.fetch_add(1, Ordering::Relaxed);
    }
    Ok(latencies)
}

/// What the contract's legacy agents report, each time with other values.
fn write_body(body: &mut String, number: u64, count: u64) -> std::fmt::Result {
    body.clear();
    let part = |place: u64| (number * 7_919 + count * 104_729 + place * 1_299_709) % 10_000;
    write!(
        body,
        "{{\"cpu_percent\":{}.{:02},\"memory_percent\":{}.{:02},\"disk_percent\":{}.{:02},\"network_latency_ms\":{}.5,\
         \"transaction_count\":{count},\"transaction_volume\":{}.25,\"error_rate\":0.5,\"active_connections\":{},\
         \"queue_depth\":{},\"collection_interval_seconds\":5,\"bytes_sent\":{},\"bytes_received\":{}}}",
        part(0) / 100,
        part(1) / 100,
        part(2) / 100,
        part(3) / 100,
        part(4) / 100,
        part(5) / 100,
        part(6),
        part(7),
        part(8),
        part(9),
        count * 9_000 + part(10),
        count * 70_000 + part(11),
    )
}

fn write_request(request: &mut String, key: &DeviceKey, work: Work, body: &str) -> std::fmt::Result {
    request.clear();
    match work {
        Work::Report => write!(
            request,
            "POST /api/v1/analytics/device-metrics HTTP/1.1\r\nHost: bench\r\nX-Device-ID: {}\r\nX-API-Key: {}\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            key.device_id,
            key.key.reveal(),
            body.len()
        ),
        Work::Nothing => write!(request, "GET /api/v1/nothing HTTP/1.1\r\nHost: bench\r\n\r\n"),
    }
}
