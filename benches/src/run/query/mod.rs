//! How long operators wait: series of one device over a day, a week and a quarter, and the latest of all.
//!
//! Each span is asked for of many devices that were not asked for before, straight after the server's start, so that
//! its Postgres has none of their pages; then of the same ones again. The ceiling is the plain SQL of the same points
//! through psql, with the pages as warm.

mod dataset;

use std::time::Duration;

use anyhow::Context as _;
use chrono::{DateTime, TimeDelta, Utc};
use homepot::{
    model::to_proto_timestamp,
    pb::telemetry::v1::{
        LatestRequest, Metric, QueryPlan, QueryRequest, QuerySource, query_response::Message as Piece,
        telemetry_service_client::TelemetryServiceClient,
    },
};
use serde_json::{Value, json};
use tokio::time::Instant;
use tonic::{
    Request, Status,
    metadata::{Ascii, MetadataValue},
    service::interceptor::InterceptedService,
    transport::Channel,
};

use self::dataset::Dataset;
use crate::{
    fleet::connect,
    host::{Psql, Server, Workshop},
    report::{Bar, Report, Row, millis, percentile, step},
};

const METRICS: [(Metric, &str); 4] = [
    (Metric::CpuPercent, "cpu_percent"),
    (Metric::MemoryPercent, "memory_percent"),
    (Metric::DiskPercent, "disk_percent"),
    (Metric::NetworkLatencyMs, "network_latency_ms"),
];
const SPANS: [(i64, Option<f64>); 3] = [(1, Some(10.0)), (7, None), (90, Some(20.0))];
const LATEST_PAGE: u32 = 1_000;
const LATEST_ROUNDS: usize = 20;

/// How much data, and how often to ask.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// The fewest rows of samples: seven days of as many devices as that takes.
    #[arg(long, default_value_t = 100_000_000)]
    pub rows: u64,
    /// Devices that have a newest sample.
    #[arg(long, default_value_t = 10_000)]
    pub devices: usize,
    /// Devices that each span is asked for.
    #[arg(long, default_value_t = 200)]
    pub asked: usize,
}

impl Default for Args {
    fn default() -> Self {
        Self { rows: 100_000_000, devices: 10_000, asked: 200 }
    }
}

/// Runs it.
pub async fn run(args: &Args, workshop: &Workshop, report: &mut Report) -> anyhow::Result<()> {
    let dataset = dataset::open(args, workshop).await?;
    let server = Server::start_on(workshop, dataset::SETTINGS, &dataset.data).await?;
    let psql = server.psql()?;
    let mut asker = Asker::connect(&server).await?;
    let (mut rows, mut spans) = (Vec::new(), Vec::new());
    for (turn, (days, bar)) in (0..).zip(SPANS) {
        step(&format!("query: {days} d of {} devices", args.asked));
        let devices = share(&dataset, turn, args.asked);
        let span = measure(&mut asker, &psql, &dataset, &devices, days).await?;
        rows.extend(span.rows(&format!("{days} d of one device"), bar));
        spans.push(json!({"days": days, "result": span.describe()}));
    }
    let latest = measure_latest(&mut asker, &psql, args.devices).await?;
    rows.extend(latest.rows(&format!("latest of {}", args.devices), Some(30.0)));
    server.stop().await?;
    rows.extend(sizes(&dataset.made["bytes"]));
    let details = json!({
        "dataset": dataset.made, "metrics": METRICS.map(|(_, name)| name), "spans": spans,
        "latest": latest.describe(),
    });
    report.add("query", rows, details)
}

/// Devices with history, of which no other span has any where there are enough.
fn share(dataset: &Dataset, turn: usize, asked: usize) -> Vec<String> {
    (0..asked).map(|number| format!("bench-{:05}", (number * SPANS.len() + turn) % dataset.reporting)).collect()
}

/// Bytes of a row with its share of the indexes.
fn sizes(bytes: &Value) -> Vec<Row> {
    let size = |(what, table): (&str, &str)| {
        let part = |part: &str| bytes[table][part].as_f64().unwrap_or_default();
        Row::new(what, (part("heap") + part("indexes")) / part("rows"), "bytes on disk")
    };
    [("a sample", "samples"), ("a device's minute", "rollup_1m"), ("a device's hour", "rollup_1h")].map(size).into()
}

/// Sorted times.
struct Times {
    first: Vec<Duration>,
    again: Vec<Duration>,
    ceiling: Vec<Duration>,
    plan: Option<QueryPlan>,
    points: usize,
}

async fn measure(
    asker: &mut Asker,
    psql: &Psql,
    dataset: &Dataset,
    devices: &[String],
    days: i64,
) -> anyhow::Result<Times> {
    let (start, end) = (dataset.end - TimeDelta::days(days), dataset.end);
    let mut times = [Vec::new(), Vec::new()];
    let (mut plan, mut points) = (None, 0);
    for times in &mut times {
        for device in devices {
            let asked = Instant::now();
            let answer = asker.series(device, start, end).await?;
            times.push(asked.elapsed());
            anyhow::ensure!(answer.1 > 0 && answer.1 <= METRICS.len() * 1_000, "{} points of {device}", answer.1);
            (plan, points) = (Some(answer.0), answer.1);
        }
        times.sort_unstable();
    }
    let plan = plan.context("at least one device is asked for")?;
    let sql: Vec<_> = devices.iter().map(|device| plain_sql(device, &plan, start, end)).collect();
    let mut ceiling = psql.timings(&sql).await?;
    ceiling.sort_unstable();
    let [first, again] = times;
    Ok(Times { first, again, ceiling, plan: Some(plan), points })
}

async fn measure_latest(asker: &mut Asker, psql: &Psql, devices: usize) -> anyhow::Result<Times> {
    step(&format!("query: the latest of {devices}"));
    let mut again = Vec::new();
    for _ in 0..=LATEST_ROUNDS {
        let asked = Instant::now();
        let found = asker.latest().await?;
        again.push(asked.elapsed());
        anyhow::ensure!(found == devices, "the latest of {found} devices came where there are {devices}");
    }
    let first = vec![again.remove(0)];
    again.sort_unstable();
    let sql =
        "SELECT d.device_id, d.site_id, l.* FROM device_latest l JOIN devices d USING (device) ORDER BY d.device_id";
    let mut ceiling = psql.timings(&vec![sql.to_owned(); LATEST_ROUNDS]).await?;
    ceiling.sort_unstable();
    Ok(Times { first, again, ceiling, plan: None, points: devices })
}

impl Times {
    fn rows(&self, what: &str, bar: Option<f64>) -> Vec<Row> {
        let with_bar = |row: Row| bar.map_or(row.clone(), |most| row.bar(Bar::AtMost(most)));
        let p50 = |times: &[Duration]| millis(percentile(times, 0.5));
        let p99 = |times: &[Duration]| millis(percentile(times, 0.99));
        vec![
            with_bar(Row::new(format!("{what}, first time, p50"), p50(&self.first), "ms")),
            with_bar(Row::new(format!("{what}, first time, p99"), p99(&self.first), "ms")),
            with_bar(
                Row::new(format!("{what}, again, p50"), p50(&self.again), "ms").ceiling(p50(&self.ceiling), "psql"),
            ),
            with_bar(
                Row::new(format!("{what}, again, p99"), p99(&self.again), "ms").ceiling(p99(&self.ceiling), "psql"),
            ),
        ]
    }

    fn describe(&self) -> Value {
        let told = |times: &[Duration]| {
            let at = |share| millis(percentile(times, share));
            json!({"count": times.len(), "p50": at(0.5), "p90": at(0.9), "p99": at(0.99), "max": at(1.0)})
        };
        let plan = self.plan.as_ref().map(|plan| {
            let resolution = plan.resolution.as_ref().map(|span| span.seconds);
            json!({"source": plan.source().as_str_name(), "resolution_seconds": resolution})
        });
        json!({
            "plan": plan, "points": self.points,
            "ms": {"first": told(&self.first), "again": told(&self.again), "psql": told(&self.ceiling)},
        })
    }
}

/// The same points as one statement: what the store can't be faster than.
fn plain_sql(device: &str, plan: &QueryPlan, start: DateTime<Utc>, end: DateTime<Utc>) -> String {
    let seconds = plan.resolution.as_ref().map_or(60, |resolution| resolution.seconds);
    let time = if plan.source() == QuerySource::Raw { "collected_at" } else { "bucket" };
    let fold = |name: &str| match plan.source() {
        QuerySource::Raw => format!(
            "count({name}), min({name}), max({name}), sum({name}::float8), (array_agg({name} ORDER BY {time} DESC))[1]"
        ),
        _ => format!(
            "sum({name}_count), min({name}_min), max({name}_max), sum({name}_sum),
            (array_agg({name}_last ORDER BY {time} DESC))[1]"
        ),
    };
    let table = match plan.source() {
        QuerySource::Raw => "samples",
        QuerySource::Hours => "rollup_1h",
        _ => "rollup_1m",
    };
    let columns: Vec<_> = METRICS.iter().map(|(_, name)| fold(name)).collect();
    format!(
        "SELECT date_bin('{seconds} s', {time}, 'epoch') AS point, {} FROM {table}
        WHERE device = (SELECT device FROM devices WHERE device_id = '{device}')
            AND {time} >= '{}' AND {time} < '{}' GROUP BY point ORDER BY point",
        columns.join(", "),
        start.to_rfc3339(),
        end.to_rfc3339()
    )
}

type Telemetry = TelemetryServiceClient<InterceptedService<Channel, Bearer>>;

/// An operator.
struct Asker(Telemetry);

/// Its token, with every call.
#[derive(Clone)]
struct Bearer(MetadataValue<Ascii>);

impl tonic::service::Interceptor for Bearer {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        request.metadata_mut().insert("authorization", self.0.clone());
        Ok(request)
    }
}

impl Asker {
    async fn connect(server: &Server) -> anyhow::Result<Self> {
        let bearer = Bearer(format!("Bearer {}", server.admin_token()?).parse()?);
        let channel = connect(&server.grpc).await?;
        let mut asker = Self(TelemetryServiceClient::with_interceptor(channel, bearer));
        // A token's first check takes Argon2's 20 ms; that is no part of a query.
        asker.0.latest(LatestRequest { page_size: 1, ..Default::default() }).await?;
        Ok(asker)
    }

    /// The plan and the number of points.
    async fn series(
        &mut self,
        device: &str,
        start: DateTime<Utc>,
        end: DateTime<Utc>,
    ) -> anyhow::Result<(QueryPlan, usize)> {
        let request = QueryRequest {
            device_ids: vec![device.to_owned()],
            metrics: METRICS.map(|(metric, _)| metric.into()).to_vec(),
            start_time: Some(to_proto_timestamp(start)),
            end_time: Some(to_proto_timestamp(end)),
            ..Default::default()
        };
        let mut pieces = self.0.query(request).await?.into_inner();
        let (mut plan, mut points) = (None, 0);
        while let Some(piece) = pieces.message().await? {
            match piece.message {
                Some(Piece::Plan(told)) => plan = Some(told),
                Some(Piece::Series(series)) => points += series.points.len(),
                Some(Piece::Gap(_)) | None => {}
            }
        }
        Ok((plan.context("the first message is the plan")?, points))
    }

    /// How many devices have one.
    async fn latest(&mut self) -> anyhow::Result<usize> {
        let (mut found, mut page_token) = (0, String::new());
        loop {
            let request = LatestRequest { page_size: LATEST_PAGE, page_token, ..Default::default() };
            let page = self.0.latest(request).await?.into_inner();
            found += page.samples.len();
            page_token = page.next_page_token;
            if page_token.is_empty() {
                return Ok(found);
            }
        }
    }
}
