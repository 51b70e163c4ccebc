//! `homepot ctl samples` and `homepot ctl latest`: what devices measured, sample by sample.

use std::{ops::ControlFlow, process::ExitCode};

use chrono::{DateTime, Utc};
use homepot::{
    model::to_proto_timestamp,
    pb::{common::v1::DeviceSource, telemetry::v1 as pb},
};
use serde_json::{Value, json};

use super::kit::{
    args::{DeviceId, Limit, Until},
    calls::{all, follow},
    out::Out,
    record::{Cell, Column, Record, column, wide},
    source::{source, source_parser},
    words,
};
use crate::client::Client;

/// Devices that one call may name.
const MAX_NAMED: usize = 1_000;

#[derive(Debug, clap::Subcommand)]
pub(super) enum Action {
    /// List the samples of a device in a range of time as they came, oldest first.
    ///
    /// They are kept for 7 days unless the server is told otherwise; for longer spans there is `homepot ctl query`.
    List {
        #[command(flatten)]
        device: DeviceId,
        /// Only from this time on: so long ago, such as 30m or 2h, or a time such as 2026-11-27T08:00:00Z.
        #[arg(long, default_value = "1h", value_name = "TIME", value_parser = words::moment)]
        since: DateTime<Utc>,
        #[command(flatten)]
        until: Until,
        #[command(flatten)]
        limit: Limit,
    },
}

#[derive(Debug, clap::Args)]
pub(super) struct LatestArgs {
    /// Only these devices.
    #[arg(value_name = "DEVICE_ID")]
    device_ids: Vec<String>,
    /// Only devices of this site.
    #[arg(long, default_value = "", hide_default_value = true, value_name = "SITE_ID")]
    site: String,
    /// Only real or only simulated devices.
    #[arg(long, value_parser = source_parser())]
    source: Option<DeviceSource>,
    #[command(flatten)]
    limit: Limit,
    /// Show each newer sample too, within about a second of its arrival, until Ctrl-C.
    #[arg(long, conflicts_with = "limit")]
    watch: bool,
}

impl Record for pb::DeviceSample {
    const COLUMNS: &'static [Column<Self>] = &[
        column("DEVICE", |s, _| (&s.device_id).into()),
        column("SITE", |s, _| (&s.site_id).into()),
        wide("SOURCE", |s, _| source(s.source).into()),
        column("MEASURED", |s, style| style.time(&s.sample.as_ref().and_then(|sample| sample.collected_at))),
        column("CPU", |s, _| percent(s, |m| m.cpu_percent)),
        column("MEMORY", |s, _| percent(s, |m| m.memory_percent)),
        column("DISK", |s, _| percent(s, |m| m.disk_percent)),
        column("LATENCY", |s, _| number(s, " ms", |m| m.network_latency_ms)),
        column("ERRORS", |s, _| percent(s, |m| m.error_rate)),
        wide("SWAP", |s, _| percent(s, |m| m.swap_percent)),
        wide("LOAD 1M", |s, _| number(s, "", |m| m.load_1m)),
        wide("CONNECTIONS", |s, _| count(s, |m| m.active_connections)),
        wide("QUEUE", |s, _| count(s, |m| m.queue_depth)),
        wide("TRANSACTIONS", |s, _| count(s, |m| m.transaction_count)),
        column("UPTIME", |s, _| {
            let uptime = s.sample.as_ref().and_then(|sample| sample.uptime_seconds);
            let uptime = uptime.and_then(|seconds| u64::try_from(seconds).ok());
            uptime.map_or_else(|| "-".into(), |seconds| words::span(std::time::Duration::from_secs(seconds)).into())
        }),
        wide("STORED", |s, style| style.time(&s.received_at)),
    ];

    const NAME: Option<&'static str> = Some("device_id");

    fn json(&self) -> Value {
        json!({
            "device_id": self.device_id, "site_id": self.site_id, "received_at": words::time(&self.received_at),
            "sample": self.sample.as_ref().map(sample), "source": source(self.source),
        })
    }

    fn full() -> Self {
        Self { sample: Some(pb::Sample::default()), ..Self::default() }
    }
}

fn sample(s: &pb::Sample) -> Value {
    let temperatures: Vec<_> =
        s.temperatures.iter().map(|t| json!({ "sensor": t.sensor, "celsius": t.celsius })).collect();
    json!({
        "collected_at": words::time(&s.collected_at), "cpu_percent": s.cpu_percent,
        "memory_percent": s.memory_percent, "disk_percent": s.disk_percent, "swap_percent": s.swap_percent,
        "load_1m": s.load_1m, "load_5m": s.load_5m, "load_15m": s.load_15m,
        "network_latency_ms": s.network_latency_ms, "transaction_count": s.transaction_count,
        "transaction_volume": s.transaction_volume, "error_rate": s.error_rate,
        "active_connections": s.active_connections, "queue_depth": s.queue_depth,
        "collection_interval_seconds": words::seconds(&s.collection_interval), "bytes_sent": s.bytes_sent,
        "bytes_received": s.bytes_received, "uptime_seconds": s.uptime_seconds, "temperatures": temperatures,
        "extra": words::object(&s.extra), "device_time": words::time(&s.device_time),
    })
}

fn number(sample: &pb::DeviceSample, unit: &str, read: fn(&pb::Sample) -> Option<f64>) -> Cell {
    sample.sample.as_ref().and_then(read).map_or_else(|| "-".into(), |value| format!("{value:.1}{unit}").into())
}

fn percent(sample: &pb::DeviceSample, read: fn(&pb::Sample) -> Option<f64>) -> Cell {
    number(sample, " %", read)
}

fn count(sample: &pb::DeviceSample, read: fn(&pb::Sample) -> Option<i64>) -> Cell {
    sample.sample.as_ref().and_then(read).map_or_else(|| "-".into(), |value| value.to_string().into())
}

pub(super) async fn run(client: &Client, out: &Out, action: Action) -> anyhow::Result<ExitCode> {
    let Action::List { device: DeviceId { device_id }, since, until, limit } = action;
    let samples = all(limit.limit, async |page_size, page_token| {
        let request = pb::ListSamplesRequest {
            device_id: device_id.clone(),
            start_time: Some(to_proto_timestamp(since)),
            end_time: until.to_proto(),
            page_size,
            page_token,
        };
        let page = client.telemetry().list_samples(request).await?.into_inner();
        Ok((page.samples, page.next_page_token))
    });
    out.list(&samples.await?)?;
    Ok(ExitCode::SUCCESS)
}

pub(super) async fn latest(client: &Client, out: &Out, args: LatestArgs) -> anyhow::Result<ExitCode> {
    if args.watch {
        watch(client, out, args).await?;
        return Ok(ExitCode::SUCCESS);
    }
    let whole = [args.device_ids.clone()];
    // Without names one call asks for all.
    let parts: Vec<&[String]> = match args.device_ids.as_slice() {
        [] => whole.iter().map(Vec::as_slice).collect(),
        named => named.chunks(MAX_NAMED).collect(),
    };
    let mut samples = Vec::new();
    for part in parts {
        let found = all(args.limit.limit, async |page_size, page_token| {
            let (device_ids, site_id) = (part.to_vec(), args.site.clone());
            let source = args.source.unwrap_or_default().into();
            let request = pb::LatestRequest { device_ids, site_id, source, page_size, page_token };
            let page = client.telemetry().latest(request).await?.into_inner();
            Ok((page.samples, page.next_page_token))
        });
        samples.extend(found.await?);
    }
    samples.truncate(args.limit.limit.map_or(usize::MAX, |limit| limit as usize));
    out.list(&samples)?;
    Ok(ExitCode::SUCCESS)
}

async fn watch(client: &Client, out: &Out, args: LatestArgs) -> anyhow::Result<()> {
    let (device_ids, site_id, source) = (args.device_ids, args.site, args.source.unwrap_or_default().into());
    let request = pb::WatchRequest { device_ids, site_id, source, cursor: String::new() };
    let mut telemetry = client.telemetry();
    let mut feed = out.feed::<pb::DeviceSample>(&[])?;
    let open = async |cursor| telemetry.watch(pb::WatchRequest { cursor, ..request.clone() }).await;
    let take = async |news: Option<pb::WatchResponse>| {
        out.check_reader()?;
        out.news(&mut feed, &news.unwrap_or_default().samples)?;
        Ok(ControlFlow::<()>::Continue(()))
    };
    follow(open, take).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_not_measured_is_null_in_json_and_nothing_is_left_out() {
        let sample = pb::Sample { cpu_percent: Some(12.5), ..Default::default() };
        let json = pb::DeviceSample { device_id: "till-7".into(), sample: Some(sample), ..Default::default() }.json();
        assert_eq!(json["sample"]["cpu_percent"], 12.5);
        assert_eq!(json["sample"]["memory_percent"], Value::Null);
        assert_eq!(json["sample"].as_object().unwrap().len(), 21);
    }
}
