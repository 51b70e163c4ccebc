//! `homepot ctl latest`: the newest sample of each device.

use std::process::ExitCode;

use homepot::pb::{common::v1::DeviceSource, telemetry::v1 as pb};
use serde_json::{Value, json};

use super::{
    calls::all,
    devices,
    out::Out,
    table::{Cell, Column, Record, column, wide},
    words,
};
use crate::client::Client;

/// Devices that one call may name.
const MAX_NAMED: usize = 1_000;

#[derive(Debug, clap::Args)]
pub(super) struct LatestArgs {
    /// Only these devices.
    #[arg(value_name = "DEVICE_ID")]
    device_ids: Vec<String>,
    /// Only devices of this site.
    #[arg(long, default_value = "", hide_default_value = true, value_name = "SITE_ID")]
    site: String,
    /// Only real or only simulated devices.
    #[arg(long, value_parser = devices::source_parser())]
    source: Option<DeviceSource>,
    /// At most so many.
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(1..))]
    limit: Option<u32>,
}

impl Record for pb::DeviceSample {
    const COLUMNS: &'static [Column<Self>] = &[
        column("DEVICE", |s, _| (&s.device_id).into()),
        column("SITE", |s, _| (&s.site_id).into()),
        wide("SOURCE", |s, _| devices::source(s.source).into()),
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

    fn json(&self) -> Value {
        json!({
            "device_id": self.device_id, "site_id": self.site_id, "received_at": words::time(&self.received_at),
            "sample": self.sample.as_ref().map(sample), "source": devices::source(self.source),
        })
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
        "extra": words::object(&s.extra),
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

pub(super) async fn run(client: &Client, out: &Out, args: LatestArgs) -> anyhow::Result<ExitCode> {
    let mut telemetry = client.telemetry();
    let whole = [args.device_ids.clone()];
    // Without names one call asks for all.
    let parts: Vec<&[String]> = match args.device_ids.as_slice() {
        [] => whole.iter().map(Vec::as_slice).collect(),
        named => named.chunks(MAX_NAMED).collect(),
    };
    let mut samples = Vec::new();
    for part in parts {
        let found = all(args.limit, async |page_size, page_token| {
            let (device_ids, site_id) = (part.to_vec(), args.site.clone());
            let source = args.source.unwrap_or_default().into();
            let request = pb::LatestRequest { device_ids, site_id, source, page_size, page_token };
            let page = telemetry.latest(request).await?.into_inner();
            Ok((page.samples, page.next_page_token))
        });
        samples.extend(found.await?);
    }
    samples.truncate(args.limit.map_or(usize::MAX, |limit| limit as usize));
    out.list(&samples)?;
    Ok(ExitCode::SUCCESS)
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
        assert_eq!(json["sample"].as_object().unwrap().len(), 20);
    }
}
