//! What goes wrong in applications.

use chrono::{DateTime, DurationRound as _, TimeDelta, Utc};

use super::{MAX_CONTEXT, Severity, read_source};
use crate::{
    checked,
    error::Error,
    model::{
        DeviceId, DeviceSource, Faults, JsonObject, OperatorName, SiteId, TimeRange, from_struct, non_empty,
        read_range, to_proto_timestamp, to_struct,
    },
    pb::{analytics::v1 as pb, common::v1 as common_pb},
};

/// One error of an application.
#[derive(Clone, Debug, PartialEq)]
pub struct ErrorReport {
    /// Which part of it failed.
    pub category: String,
    /// How bad it is.
    pub severity: Severity,
    /// The application's own name for it.
    pub error_code: Option<String>,
    /// What happened, in words.
    pub message: String,
    /// Where in the code.
    pub stack_trace: Option<String>,
    /// The endpoint that was called.
    pub endpoint: Option<String>,
    /// The user who was affected.
    pub user_id: Option<String>,
    /// Whatever else.
    pub context: Option<JsonObject>,
}

/// An error with its repeats within an hour.
#[derive(Clone, Debug, PartialEq)]
pub struct ErrorGroup {
    /// The newest of them.
    pub newest: ErrorReport,
    /// How many there were.
    pub count: u64,
    /// When the first came.
    pub first_seen_at: DateTime<Utc>,
    /// When the newest came.
    pub last_seen_at: DateTime<Utc>,
    /// The device they happened on.
    pub device_id: Option<DeviceId>,
    /// Its site.
    pub site_id: Option<SiteId>,
    /// Who logged them; `None`: the device itself.
    pub operator: Option<OperatorName>,
    /// Real or simulated.
    pub source: DeviceSource,
    /// Errors of kinds that went beyond what one reporter may tell apart in an hour.
    pub overflow: bool,
}

/// Which errors a list or a sum is over.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ErrorFilter {
    /// Only of this category.
    pub category: Option<String>,
    /// Only of this severity.
    pub severity: Option<Severity>,
    /// Only with this code.
    pub error_code: Option<String>,
    /// Only at this endpoint.
    pub endpoint: Option<String>,
    /// Only on this device.
    pub device_id: Option<DeviceId>,
    /// Only on devices of this site.
    pub site_id: Option<SiteId>,
    /// Only in there: whole hours.
    pub range: TimeRange,
    /// Real or simulated only.
    pub source: Option<DeviceSource>,
}

/// How many errors there were.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ErrorSum {
    /// What all of them have in common.
    pub key: String,
    /// Begin of the stretch of time.
    pub start: Option<DateTime<Utc>>,
    /// How many errors.
    pub count: u64,
    /// How many groups.
    pub groups: u64,
}

impl TryFrom<pb::ErrorReport> for ErrorReport {
    type Error = Error;

    fn try_from(report: pb::ErrorReport) -> Result<Self, Error> {
        checked::check(&report)?;
        let mut faults = Faults::new();
        let severity = faults.take(Severity::required("severity", report.severity));
        let context = report.context.as_ref();
        let context = context.and_then(|object| faults.take(from_struct("context", object, MAX_CONTEXT)));
        let report = severity.map(|severity| Self {
            category: report.category,
            severity,
            error_code: non_empty(report.error_code),
            message: report.error_message,
            stack_trace: non_empty(report.stack_trace),
            endpoint: non_empty(report.endpoint),
            user_id: non_empty(report.user_id),
            context,
        });
        faults.finish(report)
    }
}

impl TryFrom<pb::ErrorFilter> for ErrorFilter {
    type Error = Error;

    fn try_from(filter: pb::ErrorFilter) -> Result<Self, Error> {
        checked::check(&filter)?;
        let mut faults = Faults::new();
        let read = Self {
            category: non_empty(filter.category),
            severity: faults.take(Severity::from_proto("severity", filter.severity)).flatten(),
            error_code: non_empty(filter.error_code),
            endpoint: non_empty(filter.endpoint),
            device_id: non_empty(filter.device_id).and_then(|id| faults.take(DeviceId::parse(&id))),
            site_id: non_empty(filter.site_id).and_then(|id| faults.take(SiteId::parse(&id))),
            range: whole_hours(read_range(
                &mut faults,
                "filter.",
                filter.start_time.as_ref(),
                filter.end_time.as_ref(),
            )),
            source: read_source(&mut faults, filter.source),
        };
        faults.finish(Some(read))
    }
}

/// The hours that a range touches: a group is of an hour and can't be split.
fn whole_hours((start, end): TimeRange) -> TimeRange {
    let hour = TimeDelta::hours(1);
    let down = |time: DateTime<Utc>| time.duration_trunc(hour).unwrap_or(time);
    let up = |time: DateTime<Utc>| if down(time) == time { time } else { down(time) + hour };
    (start.map(down), end.map(up))
}

impl From<ErrorReport> for pb::ErrorReport {
    fn from(report: ErrorReport) -> Self {
        Self {
            category: report.category,
            severity: pb::Severity::from(report.severity).into(),
            error_code: report.error_code.unwrap_or_default(),
            error_message: report.message,
            stack_trace: report.stack_trace.unwrap_or_default(),
            endpoint: report.endpoint.unwrap_or_default(),
            user_id: report.user_id.unwrap_or_default(),
            context: report.context.as_ref().map(to_struct),
        }
    }
}

impl From<ErrorGroup> for pb::ErrorGroup {
    fn from(group: ErrorGroup) -> Self {
        Self {
            newest: Some(group.newest.into()),
            count: group.count,
            first_seen_at: Some(to_proto_timestamp(group.first_seen_at)),
            last_seen_at: Some(to_proto_timestamp(group.last_seen_at)),
            device_id: group.device_id.map(Into::into).unwrap_or_default(),
            site_id: group.site_id.map(Into::into).unwrap_or_default(),
            operator: group.operator.map(Into::into).unwrap_or_default(),
            source: common_pb::DeviceSource::from(group.source).into(),
            overflow: group.overflow,
        }
    }
}

impl From<ErrorSum> for pb::ErrorSum {
    fn from(sum: ErrorSum) -> Self {
        Self { key: sum.key, start_time: sum.start.map(to_proto_timestamp), count: sum.count, groups: sum.groups }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_survives_the_wire() {
        let report = ErrorReport {
            category: "payment".to_owned(),
            severity: Severity::Critical,
            error_code: Some("E42".to_owned()),
            message: "no answer".to_owned(),
            stack_trace: None,
            endpoint: Some("/pay".to_owned()),
            user_id: None,
            context: None,
        };
        assert_eq!(ErrorReport::try_from(pb::ErrorReport::from(report.clone())), Ok(report));
    }

    #[test]
    fn every_fault_is_told_at_once_by_its_field() {
        let fields = |report: pb::ErrorReport| {
            let error = ErrorReport::try_from(report).unwrap_err();
            error.field_violations().iter().map(|fault| fault.field.clone()).collect::<Vec<_>>()
        };
        assert_eq!(fields(pb::ErrorReport::default()), ["category", "severity", "error_message"]);
        let bad = pb::ErrorReport {
            category: "x".repeat(65),
            severity: -1,
            error_code: "x".repeat(129),
            error_message: "x".repeat(4_001),
            stack_trace: "x".repeat(16_001),
            endpoint: "x".repeat(2_049),
            user_id: "\0".to_owned(),
            context: Some(prost_types::Struct { fields: (0..65).map(|n| (n.to_string(), true.into())).collect() }),
        };
        let expected =
            ["category", "severity", "error_code", "error_message", "stack_trace", "endpoint", "user_id", "context"];
        assert_eq!(fields(bad), expected);
    }

    #[test]
    fn a_range_of_errors_is_of_whole_hours() {
        let time = |text: &str| text.parse::<DateTime<Utc>>().unwrap();
        let range = (Some(time("2026-11-24T10:59:59Z")), Some(time("2026-11-24T12:00:01Z")));
        let hours = (Some(time("2026-11-24T10:00:00Z")), Some(time("2026-11-24T13:00:00Z")));
        assert_eq!(whole_hours(range), hours);
        assert_eq!(whole_hours(hours), hours);
    }
}
