//! `homepot ctl query`: metrics over time.

use std::{collections::BTreeMap, process::ExitCode, time::Duration};

use chrono::{DateTime, Utc};
use homepot::{
    model::{Metric, from_proto_duration, to_proto_duration, to_proto_timestamp},
    pb::{common::v1::DeviceSource, registry::v1::ListDevicesRequest, telemetry::v1 as pb},
};
use homepot_host::settings::parse_time;
use prost_types::Timestamp;
use serde_json::{Value, json};

use super::kit::{
    args::{Selector, Until},
    calls::answer,
    fleet,
    out::Out,
    record::{Cell, Column, Record, Style, column, key, wide},
    source::{source, source_parser},
    words,
};
use crate::client::{Client, refusal};

const METRIC: &str = "METRIC_";

#[derive(Debug, clap::Args)]
#[command(group = clap::ArgGroup::new("whom").required(true).multiple(true).args(["devices", "site", "selector"]))]
pub(super) struct QueryArgs {
    /// Metric to show. Can be repeated.
    #[arg(long = "metric", required = true, value_name = "METRIC", value_parser = words::choice(METRIC, &Metric::NAMES, pb::Metric::from_str_name))]
    metrics: Vec<pb::Metric>,
    /// Show this device. Can be repeated, up to 100 times.
    #[arg(long = "device", value_name = "DEVICE_ID", conflicts_with_all = ["site", "selector"])]
    devices: Vec<String>,
    /// Show every device of this site. With --selector, only those whose labels match.
    #[arg(long, value_name = "SITE_ID")]
    site: Option<String>,
    #[command(flatten)]
    selector: Selector,
    /// From this time on: an age such as 6h or 7d, or a time such as 2026-11-27T08:00:00Z.
    #[arg(long, default_value = "1h", value_name = "TIME", value_parser = words::moment)]
    since: DateTime<Utc>,
    #[command(flatten)]
    until: Until,
    /// Time from one point to the next, such as 10s, 5m or 1h [default: the finest that gives up to 1000 points].
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    every: Option<Duration>,
    /// Show one series over all of these devices, not one for each.
    #[arg(long)]
    together: bool,
    /// Only real or only simulated devices.
    #[arg(long, value_parser = source_parser())]
    source: Option<DeviceSource>,
}

/// A point of a series, or a stretch without samples.
#[derive(Clone, Debug, Default, PartialEq)]
struct Row {
    device_id: String,
    site_id: String,
    source: i32,
    start: DateTime<Utc>,
    end: DateTime<Utc>,
    /// What was measured; `None`: nothing was.
    metric: Option<pb::Metric>,
    point: Option<pb::Point>,
    gap: Option<pb::Gap>,
}

impl Record for Row {
    const COLUMNS: &'static [Column<Self>] = &[
        key("FROM", |r, _| words::rfc3339(r.start).into()),
        column("DEVICE", |r, _| Cell::or_dash(&r.device_id)),
        column("METRIC", |r, _| metric(r).unwrap_or_default().into()),
        key("AVERAGE", |r, style| number(r, style, |p| p.average)),
        column("MIN", |r, style| number(r, style, |p| p.min)),
        column("MAX", |r, style| number(r, style, |p| p.max)),
        column("LAST", |r, style| number(r, style, |p| p.last)),
        wide("SUM", |r, style| number(r, style, |p| p.sum)),
        column("COUNT", |r, _| r.point.map_or_else(|| "-".into(), |point| point.count.to_string().into())),
        wide("SITE", |r, _| Cell::or_dash(&r.site_id)),
        wide("SOURCE", |r, _| source(r.source).into()),
        column("MISSING", |r, _| missing(r).into()),
    ];

    fn json(&self) -> Value {
        let point = |read: fn(&pb::Point) -> Value| self.point.as_ref().map_or(Value::Null, read);
        let lost = self.gap.as_ref().map(|gap| gap.samples).filter(|samples| *samples > 0);
        json!({
            "device_id": words::text(&self.device_id), "site_id": words::text(&self.site_id),
            "source": source(self.source), "metric": metric(self),
            "start_time": words::rfc3339(self.start), "end_time": words::rfc3339(self.end),
            "count": point(|p| p.count.into()), "min": point(|p| p.min.into()), "max": point(|p| p.max.into()),
            "average": point(|p| p.average.into()), "sum": point(|p| p.sum.into()), "last": point(|p| p.last.into()),
            "missing": self.gap.as_ref().map(reason), "samples_lost": lost,
        })
    }
}

fn metric(row: &Row) -> Option<String> {
    row.metric.map(|metric| words::word(metric.as_str_name(), METRIC))
}

fn number(row: &Row, style: Style, read: fn(&pb::Point) -> f64) -> Cell {
    let digits = |value: f64| if style.exact { value.to_string() } else { format!("{value:.2}") };
    row.point.as_ref().map_or_else(|| "-".into(), |point| digits(read(point)).into())
}

fn reason(gap: &pb::Gap) -> String {
    words::word(gap.reason().as_str_name(), "GAP_REASON_")
}

/// Why and until when nothing is there.
fn missing(row: &Row) -> String {
    let Some(gap) = &row.gap else { return String::new() };
    let lost = if gap.samples > 0 { format!(", {} samples lost", gap.samples) } else { String::new() };
    format!("{} until {}{lost}", reason(gap).replace('_', " "), words::rfc3339(row.end))
}

pub(super) async fn run(client: &Client, out: &Out, args: QueryArgs) -> anyhow::Result<ExitCode> {
    let (device_ids, site_id) = whom(client, &args).await?;
    let grouping = if args.together { pb::QueryGrouping::Together } else { pb::QueryGrouping::ByDevice };
    let request = pb::QueryRequest {
        device_ids,
        site_id,
        metrics: args.metrics.iter().map(|metric| (*metric).into()).collect(),
        start_time: Some(to_proto_timestamp(args.since)),
        end_time: args.until.to_proto(),
        resolution: args.every.map(to_proto_duration),
        max_points: 0,
        grouping: grouping.into(),
        source: args.source.unwrap_or_default().into(),
    };
    let mut pieces = answer(client.telemetry().query(request).await)?;
    let mut rows = Rows::default();
    while let Some(piece) = pieces.message().await.map_err(|status| refusal(&status))? {
        rows.take(piece);
    }
    out.list(&rows.sorted())?;
    Ok(ExitCode::SUCCESS)
}

/// The devices or the site that a query is about.
async fn whom(client: &Client, args: &QueryArgs) -> anyhow::Result<(Vec<String>, String)> {
    let site_id = args.site.clone().unwrap_or_default();
    let label_selector = args.selector.selector.clone();
    if label_selector.is_empty() {
        return Ok((args.devices.clone(), site_id));
    }
    let source = args.source.unwrap_or_default().into();
    let request = ListDevicesRequest { site_id, label_selector, source, ..Default::default() };
    let devices = fleet::devices(client, request, None).await?;
    anyhow::ensure!(!devices.is_empty(), "selector: no device matches");
    Ok((devices.into_iter().map(|device| device.device_id).collect(), String::new()))
}

/// Pieces of an answer as rows.
#[derive(Default)]
struct Rows {
    resolution: Duration,
    rows: Vec<Row>,
}

impl Rows {
    fn take(&mut self, piece: pb::QueryResponse) {
        use pb::query_response::Message;
        match piece.message {
            Some(Message::Plan(plan)) => {
                let resolution = plan.resolution.and_then(|time| from_proto_duration("resolution", &time).ok());
                self.resolution = resolution.unwrap_or_default();
            }
            Some(Message::Series(series)) => {
                let metric = Some(series.metric());
                let pb::Series { device_id, site_id, points, source, .. } = series;
                self.rows.extend(points.into_iter().map(|point| Row {
                    device_id: device_id.clone(),
                    site_id: site_id.clone(),
                    source,
                    start: time(&point.start_time),
                    end: time(&point.start_time) + self.resolution,
                    metric,
                    point: Some(point),
                    gap: None,
                }));
            }
            Some(Message::Gap(gap)) => self.rows.push(Row {
                device_id: gap.device_id.clone(),
                source: gap.source,
                start: time(&gap.start_time),
                end: time(&gap.end_time),
                gap: Some(gap),
                ..Row::default()
            }),
            None => {}
        }
    }

    /// Device by device in the order of time; what is missing stands where it is missing, with its device's site.
    fn sorted(mut self) -> Vec<Row> {
        let with_site = self.rows.iter().filter(|row| !row.site_id.is_empty());
        let sites: BTreeMap<_, _> = with_site.map(|row| (row.device_id.clone(), row.site_id.clone())).collect();
        for row in self.rows.iter_mut().filter(|row| row.gap.is_some()) {
            row.site_id = sites.get(&row.device_id).cloned().unwrap_or_default();
        }
        self.rows.sort_by(|one, other| {
            let key = |row: &Row| (row.start, row.metric.map(i32::from));
            one.device_id.cmp(&other.device_id).then_with(|| key(one).cmp(&key(other)))
        });
        self.rows
    }
}

fn time(time: &Option<Timestamp>) -> DateTime<Utc> {
    words::read_time(time).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Option<Timestamp> {
        Some(Timestamp { seconds, nanos: 0 })
    }

    #[test]
    fn what_is_missing_stands_where_it_is_missing() {
        use pb::query_response::Message;
        let resolution = Some(prost_types::Duration { seconds: 60, nanos: 0 });
        let point = |seconds, average| pb::Point { start_time: at(seconds), count: 12, average, ..Default::default() };
        let series = pb::Series {
            device_id: "till-7".into(),
            site_id: "shop-7".into(),
            metric: pb::Metric::CpuPercent.into(),
            points: vec![point(0, 1.0), point(180, 2.0)],
            ..Default::default()
        };
        let gap = pb::Gap {
            device_id: "till-7".into(),
            start_time: at(60),
            end_time: at(180),
            reason: pb::GapReason::SpoolFull.into(),
            samples: 24,
            ..Default::default()
        };
        let mut rows = Rows::default();
        for message in [
            Message::Plan(pb::QueryPlan { resolution, ..Default::default() }),
            Message::Series(series),
            Message::Gap(gap),
        ] {
            rows.take(pb::QueryResponse { message: Some(message) });
        }
        let told: Vec<_> = rows.sorted().iter().map(Record::json).collect();
        let averages: Vec<_> = told.iter().map(|row| row["average"].clone()).collect();
        assert_eq!(averages, [json!(1.0), json!(null), json!(2.0)]);
        assert_eq!((&told[1]["missing"], &told[1]["samples_lost"]), (&json!("spool_full"), &json!(24)));
        assert_eq!((&told[1]["site_id"], &told[1]["end_time"]), (&json!("shop-7"), &json!("1970-01-01T00:03:00Z")));
        assert_eq!(told[0]["end_time"], "1970-01-01T00:01:00Z");
    }

    #[test]
    fn every_metric_of_the_contract_can_be_asked_for() {
        let mut known: Vec<_> = Metric::NAMES.to_vec();
        let all = (1..).map_while(|number| pb::Metric::try_from(number).ok());
        let all: Vec<_> = all.map(|metric| words::word(metric.as_str_name(), METRIC)).collect();
        known.sort_unstable();
        let mut expected: Vec<_> = all.iter().map(String::as_str).collect();
        expected.sort_unstable();
        assert_eq!(known, expected);
    }
}
