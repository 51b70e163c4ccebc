//! What people do.

use std::time::Duration;

use chrono::{DateTime, Utc};

use super::{ActivityType, MAX_METADATA, read_source};
use crate::{
    checked,
    error::Error,
    model::{
        DeviceSource, Faults, JsonObject, OperatorName, TimeRange, from_proto_duration, from_struct, non_empty,
        read_range, to_proto_duration, to_proto_timestamp, to_struct,
    },
    pb::{analytics::v1 as pb, common::v1 as common_pb},
};

/// One thing that somebody did.
#[derive(Clone, Debug, PartialEq)]
pub struct Activity {
    /// What.
    pub activity_type: ActivityType,
    /// Where.
    pub page_url: Option<String>,
    /// With which element.
    pub element_id: Option<String>,
    /// The text that was searched for.
    pub search_query: Option<String>,
    /// Which visit it belongs to.
    pub session_id: Option<String>,
    /// How long it took, in whole milliseconds.
    pub duration: Option<Duration>,
    /// Whatever else.
    pub metadata: Option<JsonObject>,
}

/// An activity as it is stored.
#[derive(Clone, Debug, PartialEq)]
pub struct StoredActivity {
    /// The activity.
    pub activity: Activity,
    /// Who did it.
    pub operator: OperatorName,
    /// When the server got it.
    pub at: DateTime<Utc>,
    /// Whether somebody did it or a simulator.
    pub source: DeviceSource,
}

/// Which activity a list or a sum is over.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ActivityFilter {
    /// Only of this type.
    pub activity_type: Option<ActivityType>,
    /// Only on this page.
    pub page_url: Option<String>,
    /// Only of this visit.
    pub session_id: Option<String>,
    /// Only by this operator.
    pub operator: Option<String>,
    /// Only in there.
    pub range: TimeRange,
    /// Real or simulated only.
    pub source: Option<DeviceSource>,
}

/// How much activity there was.
#[derive(Clone, Debug, PartialEq)]
pub struct ActivitySum {
    /// What all of it has in common.
    pub key: String,
    /// Begin of the stretch of time.
    pub start: Option<DateTime<Utc>>,
    /// How many.
    pub count: u64,
    /// How many different visits.
    pub sessions: u64,
    /// How long one took on the average.
    pub average_duration: Option<Duration>,
}

impl TryFrom<pb::Activity> for Activity {
    type Error = Error;

    fn try_from(activity: pb::Activity) -> Result<Self, Error> {
        checked::check(&activity)?;
        let mut faults = Faults::new();
        let activity_type = faults.take(ActivityType::required("activity_type", activity.activity_type));
        let duration = activity.duration.as_ref().and_then(|duration| faults.take(read_duration(duration)));
        let metadata = activity.metadata.as_ref();
        let metadata = metadata.and_then(|object| faults.take(from_struct("metadata", object, MAX_METADATA)));
        let activity = activity_type.map(|activity_type| Self {
            activity_type,
            page_url: non_empty(activity.page_url),
            element_id: non_empty(activity.element_id),
            search_query: non_empty(activity.search_query),
            session_id: non_empty(activity.session_id),
            duration,
            metadata,
        });
        faults.finish(activity)
    }
}

fn read_duration(duration: &prost_types::Duration) -> Result<Duration, Error> {
    let duration = from_proto_duration("duration", duration)?;
    Ok(Duration::from_millis(duration.as_millis().try_into().unwrap_or_default()))
}

impl TryFrom<pb::ActivityFilter> for ActivityFilter {
    type Error = Error;

    fn try_from(filter: pb::ActivityFilter) -> Result<Self, Error> {
        checked::check(&filter)?;
        let mut faults = Faults::new();
        let read = Self {
            activity_type: faults.take(ActivityType::from_proto("activity_type", filter.activity_type)).flatten(),
            page_url: non_empty(filter.page_url),
            session_id: non_empty(filter.session_id),
            operator: non_empty(filter.operator),
            range: read_range(&mut faults, "filter.", filter.start_time.as_ref(), filter.end_time.as_ref()),
            source: read_source(&mut faults, filter.source),
        };
        faults.finish(Some(read))
    }
}

impl From<Activity> for pb::Activity {
    fn from(activity: Activity) -> Self {
        Self {
            activity_type: pb::ActivityType::from(activity.activity_type).into(),
            page_url: activity.page_url.unwrap_or_default(),
            element_id: activity.element_id.unwrap_or_default(),
            search_query: activity.search_query.unwrap_or_default(),
            session_id: activity.session_id.unwrap_or_default(),
            duration: activity.duration.map(to_proto_duration),
            metadata: activity.metadata.as_ref().map(to_struct),
        }
    }
}

impl From<StoredActivity> for pb::StoredActivity {
    fn from(stored: StoredActivity) -> Self {
        Self {
            activity: Some(stored.activity.into()),
            operator: stored.operator.into(),
            time: Some(to_proto_timestamp(stored.at)),
            source: common_pb::DeviceSource::from(stored.source).into(),
        }
    }
}

impl From<ActivitySum> for pb::ActivitySum {
    fn from(sum: ActivitySum) -> Self {
        Self {
            key: sum.key,
            start_time: sum.start.map(to_proto_timestamp),
            count: sum.count,
            sessions: sum.sessions,
            average_duration: sum.average_duration.map(to_proto_duration),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_activity_survives_the_wire_to_the_millisecond() {
        let there = pb::Activity {
            activity_type: pb::ActivityType::Search.into(),
            search_query: "till 7".to_owned(),
            duration: Some(prost_types::Duration { seconds: 1, nanos: 500_999_999 }),
            ..Default::default()
        };
        let activity = Activity::try_from(there).unwrap();
        assert_eq!(activity.duration, Some(Duration::from_millis(1_500)));
        assert_eq!(activity.page_url, None);
        assert_eq!(Activity::try_from(pb::Activity::from(activity.clone())), Ok(activity));
    }

    #[test]
    fn every_fault_is_told_at_once_by_its_field() {
        let bad = pb::Activity {
            activity_type: 99,
            page_url: "x".repeat(2_049),
            element_id: "a\0".to_owned(),
            search_query: "x".repeat(501),
            session_id: "x".repeat(129),
            duration: Some(prost_types::Duration { seconds: 86_401, nanos: 0 }),
            metadata: Some(prost_types::Struct {
                fields: [("k".to_owned(), "x".repeat(5_000).into())].into_iter().collect(),
            }),
        };
        let error = Activity::try_from(bad).unwrap_err();
        let fields: Vec<_> = error.field_violations().iter().map(|fault| fault.field.as_str()).collect();
        let expected =
            ["activity_type", "page_url", "element_id", "search_query", "session_id", "duration", "metadata"];
        assert_eq!(fields, expected);
    }

    #[test]
    fn a_filter_tells_a_range_that_is_none() {
        let time = |seconds| Some(prost_types::Timestamp { seconds, nanos: 0 });
        let bad = pb::ActivityFilter { start_time: time(2), end_time: time(1), ..Default::default() };
        let error = ActivityFilter::try_from(bad).unwrap_err();
        assert_eq!(error.message(), "filter.start_time: must lie before filter.end_time");
        assert_eq!(ActivityFilter::try_from(pb::ActivityFilter::default()), Ok(ActivityFilter::default()));
    }
}
