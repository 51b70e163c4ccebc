//! `homepot ctl samples` and `homepot ctl latest`: what devices measured, sample by sample.

use std::{ops::ControlFlow, process::ExitCode, time::Duration};

use chrono::{DateTime, Utc};
use homepot::{
    metric_table,
    model::{Metric, Unit, to_proto_timestamp},
    pb::{common::v1::DeviceSource, telemetry::v1 as pb},
};
use serde_json::{Value, json};

use super::kit::{
    args::{DeviceId, Limit, Until},
    calls::{all, follow},
    out::Out,
    record::{Cell, Column, Record, Style, column, wide},
    source::{source, source_parser},
    words,
};
use crate::client::Client;

/// Devices that one call may name.
const MAX_NAMED: usize = 1_000;

#[derive(Debug, clap::Subcommand)]
pub(super) enum Action {
    /// List the samples of a device in a time range, oldest first.
    ///
    /// Samples are kept for 7 days unless the server is set otherwise. Use `homepot ctl query` for longer ranges.
    List {
        #[command(flatten)]
        device: DeviceId,
        /// Only from this time on: an age such as 30m or 2h, or a time such as 2026-11-27T08:00:00Z.
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
    /// Then show each newer sample, within about a second of its arrival, until Ctrl-C.
    #[arg(long, conflicts_with = "limit")]
    watch: bool,
}

impl Record for pb::DeviceSample {
    const COLUMNS: &'static [Column<Self>] = &columns();

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

/// What says whose sample it is, the metrics in the order of their table, and when it was stored.
const fn columns() -> [Column<pb::DeviceSample>; 5 + Metric::SHOWN.len()] {
    let mut columns = [wide("STORED", |s: &pb::DeviceSample, style| style.time(&s.received_at)); _];
    columns[0] = column("DEVICE", |s, _| (&s.device_id).into());
    columns[1] = column("SITE", |s, _| (&s.site_id).into());
    columns[2] = wide("SOURCE", |s, _| source(s.source).into());
    columns[3] = column("MEASURED", |s, style| style.time(&s.sample.as_ref().and_then(|sample| sample.collected_at)));
    let mut place = 0;
    while place < Metric::SHOWN.len() {
        let metric = Metric::SHOWN[place];
        if let Some(heading) = metric.heading() {
            let cell = CELLS[metric as usize];
            columns[4 + place] = if heading.wide { wide(heading.text, cell) } else { column(heading.text, cell) };
        }
        place += 1;
    }
    columns
}

macro_rules! measured {
    ($(#[doc = $about:literal] $metric:ident $name:ident: $value:ident in $range:tt as $column:ident $more:tt)*) => {
        /// What stands in a table of each metric.
        const CELLS: [fn(&pb::DeviceSample, Style) -> Cell; Metric::ALL.len()] = [$(|s, _| {
            let value = s.sample.as_ref().and_then(|sample| sample.$name);
            value.and_then(|value| value.shown(Metric::$metric.unit())).map_or_else(|| "-".into(), Cell::from)
        }),*];

        fn sample(s: &pb::Sample) -> Value {
            let temperatures: Vec<_> =
                s.temperatures.iter().map(|t| json!({ "sensor": t.sensor, "celsius": t.celsius })).collect();
            let mut sample = json!({
                "collected_at": words::time(&s.collected_at),
                "collection_interval_seconds": words::seconds(&s.collection_interval),
                "temperatures": temperatures, "extra": words::object(&s.extra),
                "device_time": words::time(&s.device_time),
            });
            $(sample[stringify!($name)] = s.$name.into();)*
            sample
        }
    };
}
metric_table!(measured);

/// A value of a metric, as the protocol has it.
trait Shown {
    /// For a person; `None`: it is none.
    fn shown(self, unit: Unit) -> Option<String>;
}

impl Shown for f64 {
    fn shown(self, unit: Unit) -> Option<String> {
        let unit = match unit {
            Unit::Percent => " %",
            Unit::Milliseconds => " ms",
            _ => "",
        };
        Some(format!("{self:.1}{unit}"))
    }
}

impl Shown for i64 {
    fn shown(self, unit: Unit) -> Option<String> {
        match unit {
            Unit::Seconds => self.try_into().ok().map(|seconds| words::span(Duration::from_secs(seconds))),
            _ => Some(self.to_string()),
        }
    }
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
        let sample = json["sample"].as_object().unwrap();
        assert_eq!(sample["cpu_percent"], 12.5);
        assert_eq!(sample["memory_percent"], Value::Null);
        assert!(Metric::NAMES.iter().all(|name| sample.contains_key(*name)), "{sample:?}");
        assert_eq!(sample.len(), Metric::NAMES.len() + 5);
    }

    #[test]
    fn the_columns_of_a_table_stand_where_they_always_stood() {
        let heads: Vec<_> = pb::DeviceSample::COLUMNS.iter().map(|column| (column.head, column.wide)).collect();
        let always = |head| (head, false);
        let wide = |head| (head, true);
        let known = [
            always("DEVICE"),
            always("SITE"),
            wide("SOURCE"),
            always("MEASURED"),
            always("CPU"),
            always("MEMORY"),
            always("DISK"),
            always("LATENCY"),
            always("ERRORS"),
            wide("SWAP"),
            wide("LOAD 1M"),
            wide("CONNECTIONS"),
            wide("QUEUE"),
            wide("TRANSACTIONS"),
            always("UPTIME"),
        ];
        assert_eq!(heads[..known.len()], known);
        assert_eq!(heads.last(), Some(&wide("STORED")));
    }

    #[test]
    fn a_value_is_shown_with_its_unit_and_a_time_as_a_span() {
        let sample = pb::Sample {
            cpu_percent: Some(12.34),
            network_latency_ms: Some(8.0),
            load_1m: Some(0.26),
            queue_depth: Some(7),
            uptime_seconds: Some(7_200),
            ..Default::default()
        };
        let sample = pb::DeviceSample { sample: Some(sample), ..Default::default() };
        let style = Style { now: DateTime::UNIX_EPOCH, exact: false };
        let shown = |metric: Metric| CELLS[metric as usize](&sample, style).text;
        assert_eq!(shown(Metric::CpuPercent), "12.3 %");
        assert_eq!(shown(Metric::NetworkLatencyMs), "8.0 ms");
        assert_eq!(shown(Metric::Load1m), "0.3");
        assert_eq!(shown(Metric::QueueDepth), "7");
        assert_eq!(shown(Metric::UptimeSeconds), "2h");
        assert_eq!(shown(Metric::SwapPercent), "-");
    }
}
