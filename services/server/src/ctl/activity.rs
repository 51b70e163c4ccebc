//! `homepot ctl activity`: what people do in the tools around HOMEPOT, and how much of it.

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
    record::{Cell, Column, Record, column, wide},
    source::{source, source_parser},
    words,
};
use crate::client::Client;

const TYPE: &str = "ACTIVITY_TYPE_";
const TYPES: &[&str] = &["page_view", "click", "search", "interaction", "filter"];
const GROUPING: &str = "ACTIVITY_GROUPING_";
const GROUPINGS: &[&str] = &["type", "page", "search_query", "operator"];

#[derive(Debug, clap::Subcommand)]
pub(super) enum Action {
    /// List what people did, newest first.
    List {
        #[command(flatten)]
        filter: Filter,
        #[command(flatten)]
        limit: Limit,
    },
    /// Count what real people did, or with --source what simulated ones did.
    Summary {
        #[command(flatten)]
        filter: Filter,
        /// Group the counts by this.
        #[arg(long, default_value = "type", value_parser = words::choice(GROUPING, GROUPINGS, pb::ActivityGrouping::from_str_name))]
        by: pb::ActivityGrouping,
        /// Also group the counts by intervals of this length: whole minutes, such as 5m or 1h.
        #[arg(long, value_name = "TIME", value_parser = parse_time)]
        every: Option<Duration>,
    },
}

/// Which activity.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct Filter {
    /// Only activity of this type.
    #[arg(long = "type", value_parser = words::choice(TYPE, TYPES, pb::ActivityType::from_str_name))]
    activity_type: Option<pb::ActivityType>,
    /// Only activity on this page.
    #[arg(long, default_value = "", hide_default_value = true, value_name = "URL")]
    page: String,
    /// Only activity of this visit.
    #[arg(long, default_value = "", hide_default_value = true, value_name = "SESSION_ID")]
    session: String,
    /// Only activity that this operator logged.
    #[arg(long, default_value = "", hide_default_value = true, value_name = "NAME")]
    operator: String,
    /// Only activity of real or only of simulated people.
    #[arg(long, value_parser = source_parser())]
    source: Option<DeviceSource>,
    /// Only from this time on: an age such as 2h or 7d, or a time such as 2026-11-27T08:00:00Z. Activity is
    /// kept for 30 days unless the server is set otherwise.
    #[arg(long, default_value = "24h", value_name = "TIME", value_parser = words::moment)]
    since: DateTime<Utc>,
    #[command(flatten)]
    until: Until,
}

impl From<Filter> for pb::ActivityFilter {
    fn from(filter: Filter) -> Self {
        Self {
            activity_type: filter.activity_type.unwrap_or_default().into(),
            page_url: filter.page,
            session_id: filter.session,
            operator: filter.operator,
            start_time: Some(to_proto_timestamp(filter.since)),
            end_time: filter.until.to_proto(),
            source: filter.source.unwrap_or_default().into(),
        }
    }
}

impl Record for pb::StoredActivity {
    const COLUMNS: &'static [Column<Self>] = &[
        column("TIME", |a, style| style.time(&a.time)),
        column("WHO", |a, _| (&a.operator).into()),
        column("DID", |a, _| kind(a).into()),
        column("PAGE", |a, _| Cell::or_dash(told(a, |a| &a.page_url))),
        column("ELEMENT", |a, _| Cell::or_dash(told(a, |a| &a.element_id))),
        column("SEARCHED FOR", |a, _| Cell::or_dash(told(a, |a| &a.search_query))),
        wide("SESSION", |a, _| Cell::or_dash(told(a, |a| &a.session_id))),
        wide("SOURCE", |a, _| source(a.source).into()),
    ];

    fn json(&self) -> Value {
        json!({
            "activity": self.activity.as_ref().map(activity), "operator": self.operator,
            "time": words::time(&self.time), "source": source(self.source),
        })
    }

    fn full() -> Self {
        Self { activity: Some(pb::Activity::default()), ..Self::default() }
    }
}

fn activity(activity: &pb::Activity) -> Value {
    json!({
        "activity_type": words::word(activity.activity_type().as_str_name(), TYPE),
        "page_url": words::text(&activity.page_url), "element_id": words::text(&activity.element_id),
        "search_query": words::text(&activity.search_query), "session_id": words::text(&activity.session_id),
        "duration_seconds": words::seconds(&activity.duration), "metadata": words::object(&activity.metadata),
    })
}

fn told(stored: &pb::StoredActivity, text: fn(&pb::Activity) -> &String) -> &str {
    stored.activity.as_ref().map_or("", |activity| text(activity))
}

fn kind(stored: &pb::StoredActivity) -> String {
    let kind = stored.activity.as_ref().map(pb::Activity::activity_type).unwrap_or_default();
    words::word(kind.as_str_name(), TYPE)
}

impl Record for pb::ActivitySum {
    const COLUMNS: &'static [Column<Self>] = &[
        column("FROM", |s, style| style.time(&s.start_time)),
        column("OF", |s, _| Cell::or_dash(&s.key)),
        column("TIMES", |s, _| s.count.to_string().into()),
        column("VISITS", |s, _| s.sessions.to_string().into()),
        column("ON AVERAGE", |s, _| {
            let average = s.average_duration.and_then(|average| Duration::try_from(average).ok());
            average.map_or_else(|| "-".into(), |average| words::elapsed(average).into())
        }),
    ];

    fn json(&self) -> Value {
        json!({
            "key": words::text(&self.key), "start_time": words::time(&self.start_time), "count": self.count,
            "sessions": self.sessions, "average_duration_seconds": words::seconds(&self.average_duration),
        })
    }
}

pub(super) async fn run(client: &Client, out: &Out, action: Action) -> anyhow::Result<ExitCode> {
    let mut analytics = client.analytics();
    match action {
        Action::List { filter, limit } => {
            let filter = pb::ActivityFilter::from(filter);
            let activities = all(limit.limit, async |page_size, page_token| {
                let request = pb::ListActivitiesRequest { filter: Some(filter.clone()), page_size, page_token };
                let page = analytics.list_activities(request).await?.into_inner();
                Ok((page.activities, page.next_page_token))
            });
            out.list(&activities.await?)?;
        }
        Action::Summary { filter, by, every } => {
            let (filter, resolution) = (pb::ActivityFilter::from(filter), every.map(to_proto_duration));
            let sums = all(None, async |page_size, page_token| {
                let request = pb::AggregateActivitiesRequest {
                    filter: Some(filter.clone()),
                    group_by: by.into(),
                    resolution,
                    page_size,
                    page_token,
                };
                let page = analytics.aggregate_activities(request).await?.into_inner();
                Ok((page.sums, page.next_page_token))
            });
            out.sums(&sums.await?, filter.source)?;
        }
    }
    Ok(ExitCode::SUCCESS)
}
