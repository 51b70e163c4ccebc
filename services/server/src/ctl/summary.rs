//! `homepot ctl devices summary`: how many devices there are, and how they fare.

use homepot::pb::{common::v1::DeviceSource, registry::v1 as pb};
use serde_json::{Value, json};

use super::{
    calls::answer,
    devices::{self, STATUS},
    out::Out,
    table::{Column, Record, column},
    words,
};
use crate::client::Client;

/// Which devices to count.
#[derive(Debug, clap::Args)]
pub(super) struct SummaryArgs {
    /// Only devices of this site.
    #[arg(long, default_value = "", hide_default_value = true, value_name = "SITE_ID")]
    site: String,
    /// Count the real or the simulated devices; never both together [default: real].
    #[arg(long, value_parser = devices::source_parser())]
    source: Option<DeviceSource>,
    /// Only devices with such labels: key=value, key!=value, 'key in (a, b)', 'key notin (a, b)', key, '!key', joined by
    /// commas.
    #[arg(short = 'l', long, default_value = "", hide_default_value = true, value_name = "SELECTOR")]
    selector: String,
}

impl Record for pb::SummarizeFleetResponse {
    const COLUMNS: &'static [Column<Self>] = &[
        column("COUNTED", |s, _| devices::source(s.source).into()),
        column("DEVICES", |s, _| s.total.to_string().into()),
        column("ONLINE", |s, _| of_status(s, pb::DeviceStatus::Online).to_string().into()),
        column("OFFLINE", |s, _| of_status(s, pb::DeviceStatus::Offline).to_string().into()),
        column("UNKNOWN", |s, _| of_status(s, pb::DeviceStatus::Unknown).to_string().into()),
        column("MAINTENANCE", |s, _| of_status(s, pb::DeviceStatus::Maintenance).to_string().into()),
        column("SHUT OUT", |s, _| s.inactive.to_string().into()),
        column("NOT COUNTED", |s, _| format!("{} {}", s.not_counted, other(s)).into()),
    ];

    fn json(&self) -> Value {
        let statuses: serde_json::Map<_, _> = self
            .by_status
            .iter()
            .map(|count| (words::word(count.status().as_str_name(), STATUS), count.devices.into()))
            .collect();
        json!({
            "source": devices::source(self.source), "total": self.total, "not_counted": self.not_counted,
            "inactive": self.inactive, "by_status": statuses,
            "by_device_type": self.by_device_type.iter().map(Record::json).collect::<Vec<_>>(),
            "device_types_left_out": self.device_types_left_out,
            "by_site": self.by_site.iter().map(Record::json).collect::<Vec<_>>(),
            "sites_left_out": self.sites_left_out,
        })
    }
}

impl Record for pb::SiteCount {
    const COLUMNS: &'static [Column<Self>] = &[
        column("SITE", |c, _| (&c.site_id).into()),
        column("DEVICES", |c, _| c.devices.to_string().into()),
        column("ONLINE", |c, _| c.online.to_string().into()),
    ];

    fn json(&self) -> Value {
        json!({ "site_id": self.site_id, "devices": self.devices, "online": self.online })
    }
}

impl Record for pb::DeviceTypeCount {
    const COLUMNS: &'static [Column<Self>] =
        &[column("TYPE", |c, _| (&c.device_type).into()), column("DEVICES", |c, _| c.devices.to_string().into())];

    fn json(&self) -> Value {
        json!({ "device_type": self.device_type, "devices": self.devices })
    }
}

fn of_status(summary: &pb::SummarizeFleetResponse, status: pb::DeviceStatus) -> u64 {
    summary.by_status.iter().filter(|count| count.status() == status).map(|count| count.devices).sum()
}

/// The word for what was not counted.
pub(super) fn other(summary: &pb::SummarizeFleetResponse) -> &'static str {
    match devices::source(summary.source) {
        "simulated" => "real",
        _ => "simulated",
    }
}

pub(super) async fn count(
    client: &Client,
    site_id: String,
    label_selector: String,
    source: Option<DeviceSource>,
) -> anyhow::Result<pb::SummarizeFleetResponse> {
    let source = source.unwrap_or_default().into();
    let request = pb::SummarizeFleetRequest { site_id, label_selector, source };
    answer(client.registry().summarize_fleet(request).await)
}

pub(super) async fn run(client: &Client, out: &Out, args: SummaryArgs) -> anyhow::Result<()> {
    let summary = count(client, args.site, args.selector, args.source).await?;
    out.detail(&summary)?;
    if out.is_json() {
        return Ok(());
    }
    tell(out, &summary.by_site, summary.sites_left_out, "sites")?;
    tell(out, &summary.by_device_type, summary.device_types_left_out, "types")
}

fn tell<T: Record>(out: &Out, counts: &[T], left_out: u32, of: &str) -> anyhow::Result<()> {
    if counts.is_empty() {
        return Ok(());
    }
    out.text("")?;
    out.list(counts)?;
    if left_out > 0 {
        out.text(format_args!("and {left_out} more {of}"))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_summary_says_what_was_counted_and_what_was_not() {
        let online = pb::StatusCount { status: pb::DeviceStatus::Online.into(), devices: 2 };
        let summary = pb::SummarizeFleetResponse {
            source: DeviceSource::Simulated.into(),
            total: 3,
            not_counted: 7,
            by_status: vec![online],
            ..Default::default()
        };
        let told = summary.json();
        assert_eq!((&told["source"], &told["by_status"]), (&json!("simulated"), &json!({"online": 2})));
        assert_eq!((other(&summary), of_status(&summary, pb::DeviceStatus::Offline)), ("real", 0));
    }
}
