//! `homepot ctl errors`: errors of applications, and their counts.

use std::{process::ExitCode, time::Duration};

use chrono::{DateTime, Utc};
use homepot::{
    model::{to_proto_duration, to_proto_timestamp},
    pb::{analytics::v1 as pb, common::v1::DeviceSource},
};
use homepot_host::settings::parse_time;
use serde_json::{Value, json};

use super::kit::{
    args::{Limit, Until},
    calls::all,
    out::Out,
    record::{Cell, Column, Record, column, key, wide},
    source::{source, source_parser},
    words,
};
use crate::client::Client;

const SEVERITY: &str = "SEVERITY_";
const SEVERITIES: &[&str] = &["critical", "error", "warning", "info"];
const GROUPING: &str = "ERROR_GROUPING_";
const GROUPINGS: &[&str] = &["severity", "category", "error_code", "endpoint", "device", "site"];

#[derive(Debug, clap::Subcommand)]
pub(super) enum Action {
    /// List errors, newest first. Repeats within an hour are one line with a count.
    List {
        #[command(flatten)]
        filter: Filter,
        #[command(flatten)]
        limit: Limit,
    },
    /// Count errors of real devices and applications, or with --source of simulated ones.
    Summary {
        #[command(flatten)]
        filter: Filter,
        /// Group the counts by this.
        #[arg(long, default_value = "severity", value_parser = words::choice(GROUPING, GROUPINGS, pb::ErrorGrouping::from_str_name))]
        by: pb::ErrorGrouping,
        /// Also group the counts by intervals of this length: whole hours, such as 1h or 1d.
        #[arg(long, value_name = "TIME", value_parser = parse_time)]
        every: Option<Duration>,
    },
}

/// Which errors.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct Filter {
    /// Only errors of this device.
    #[arg(long, default_value = "", hide_default_value = true, value_name = "DEVICE_ID")]
    device: String,
    /// Only errors of devices of this site.
    #[arg(long, default_value = "", hide_default_value = true, value_name = "SITE_ID")]
    site: String,
    /// Only errors of this severity.
    #[arg(long, value_parser = words::choice(SEVERITY, SEVERITIES, pb::Severity::from_str_name))]
    severity: Option<pb::Severity>,
    /// Only errors of this part of an application, such as payment.
    #[arg(long, default_value = "", hide_default_value = true)]
    category: String,
    /// Only errors with this code.
    #[arg(long, default_value = "", hide_default_value = true)]
    code: String,
    /// Only errors at this endpoint.
    #[arg(long, default_value = "", hide_default_value = true)]
    endpoint: String,
    /// Only real or only simulated errors.
    #[arg(long, value_parser = source_parser())]
    source: Option<DeviceSource>,
    /// Only from this time on: an age such as 2h or 7d, or a time such as 2026-11-27T08:00:00Z. Errors are
    /// kept for 90 days unless the server is set otherwise.
    #[arg(long, default_value = "24h", value_name = "TIME", value_parser = words::moment)]
    since: DateTime<Utc>,
    #[command(flatten)]
    until: Until,
}

impl From<Filter> for pb::ErrorFilter {
    fn from(filter: Filter) -> Self {
        Self {
            category: filter.category,
            severity: filter.severity.unwrap_or_default().into(),
            error_code: filter.code,
            endpoint: filter.endpoint,
            device_id: filter.device,
            site_id: filter.site,
            start_time: Some(to_proto_timestamp(filter.since)),
            end_time: filter.until.to_proto(),
            source: filter.source.unwrap_or_default().into(),
        }
    }
}

impl Record for pb::ErrorGroup {
    const COLUMNS: &'static [Column<Self>] = &[
        column("LAST SEEN", |g, style| style.time(&g.last_seen_at)),
        key("SEVERITY", |g, _| Cell::state(severity(g))),
        column("COUNT", |g, _| g.count.to_string().into()),
        column("CATEGORY", |g, _| report(g, |r| &r.category).into()),
        column("CODE", |g, _| Cell::or_dash(report(g, |r| &r.error_code))),
        column("DEVICE", |g, _| Cell::or_dash(&g.device_id)),
        key("MESSAGE", |g, _| report(g, |r| &r.error_message).into()),
        wide("ENDPOINT", |g, _| Cell::or_dash(report(g, |r| &r.endpoint))),
        wide("SITE", |g, _| Cell::or_dash(&g.site_id)),
        wide("REPORTED BY", |g, _| if g.operator.is_empty() { "the device".into() } else { (&g.operator).into() }),
        wide("SOURCE", |g, _| source(g.source).into()),
        wide("FIRST SEEN", |g, style| style.time(&g.first_seen_at)),
    ];

    fn json(&self) -> Value {
        json!({
            "newest": self.newest.as_ref().map(newest), "count": self.count,
            "first_seen_at": words::time(&self.first_seen_at), "last_seen_at": words::time(&self.last_seen_at),
            "device_id": words::text(&self.device_id), "site_id": words::text(&self.site_id),
            "operator": words::text(&self.operator), "source": source(self.source), "overflow": self.overflow,
        })
    }

    fn full() -> Self {
        Self { newest: Some(pb::ErrorReport::default()), ..Self::default() }
    }
}

fn newest(report: &pb::ErrorReport) -> Value {
    json!({
        "category": report.category, "severity": words::word(report.severity().as_str_name(), SEVERITY),
        "error_code": words::text(&report.error_code), "error_message": report.error_message,
        "stack_trace": words::text(&report.stack_trace), "endpoint": words::text(&report.endpoint),
        "user_id": words::text(&report.user_id), "context": words::object(&report.context),
    })
}

fn report(group: &pb::ErrorGroup, text: fn(&pb::ErrorReport) -> &String) -> &str {
    group.newest.as_ref().map_or("", |newest| text(newest))
}

fn severity(group: &pb::ErrorGroup) -> String {
    let severity = group.newest.as_ref().map(pb::ErrorReport::severity).unwrap_or_default();
    words::word(severity.as_str_name(), SEVERITY)
}

impl Record for pb::ErrorSum {
    const COLUMNS: &'static [Column<Self>] = &[
        column("FROM", |s, style| style.time(&s.start_time)),
        column("OF", |s, _| Cell::or_dash(&s.key)),
        column("ERRORS", |s, _| s.count.to_string().into()),
        column("KINDS", |s, _| s.groups.to_string().into()),
    ];

    fn json(&self) -> Value {
        json!({
            "key": words::text(&self.key), "start_time": words::time(&self.start_time), "count": self.count,
            "groups": self.groups,
        })
    }
}

pub(super) async fn run(client: &Client, out: &Out, action: Action) -> anyhow::Result<ExitCode> {
    let mut analytics = client.analytics();
    match action {
        Action::List { filter, limit } => {
            let filter = pb::ErrorFilter::from(filter);
            let errors = all(limit.limit, async |page_size, page_token| {
                let request = pb::ListErrorsRequest { filter: Some(filter.clone()), page_size, page_token };
                let page = analytics.list_errors(request).await?.into_inner();
                Ok((page.errors, page.next_page_token))
            });
            out.list(&errors.await?)?;
        }
        Action::Summary { filter, by, every } => {
            let (filter, resolution) = (pb::ErrorFilter::from(filter), every.map(to_proto_duration));
            let sums = all(None, async |page_size, page_token| {
                let request = pb::AggregateErrorsRequest {
                    filter: Some(filter.clone()),
                    group_by: by.into(),
                    resolution,
                    page_size,
                    page_token,
                };
                let page = analytics.aggregate_errors(request).await?.into_inner();
                Ok((page.sums, page.next_page_token))
            });
            out.sums(&sums.await?, filter.source)?;
        }
    }
    Ok(ExitCode::SUCCESS)
}
