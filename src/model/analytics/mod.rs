//! What people and applications do: their activity, and errors with their repeats.

mod activity;
mod error;
mod mask;
mod words;

use std::time::Duration;

use chrono::{DateTime, Utc};

pub use self::{
    activity::{Activity, ActivityFilter, ActivitySum, StoredActivity},
    error::{ErrorFilter, ErrorGroup, ErrorReport, ErrorSum},
    mask::masked,
    words::{ActivityGrouping, ActivityType, ErrorGrouping, Severity},
};
use super::{DeviceSource, Faults, JsonBounds, from_proto_duration, from_proto_timestamp};
use crate::error::Error;

/// How large what comes with an activity may be.
pub const MAX_METADATA: JsonBounds = JsonBounds { bytes: 4_096, keys: 64, depth: 4 };
/// How large what comes with an error may be.
pub const MAX_CONTEXT: JsonBounds = JsonBounds { bytes: 8_192, keys: 64, depth: 4 };
/// The longest text by which a filter compares.
const MAX_FILTER: usize = 2_048;
/// Sums are over stretches of time no longer than this.
const MAX_RESOLUTION: Duration = Duration::from_secs(31 * 24 * 3600);

/// From, and up to but not at. Either may be open.
pub type TimeRange = (Option<DateTime<Utc>>, Option<DateTime<Utc>>);

/// Reads how long the stretches of time are that sums are over: a whole number of `unit`s.
pub fn read_resolution(span: Option<&prost_types::Duration>, unit: Duration) -> Result<Option<Duration>, Error> {
    let Some(span) = span else { return Ok(None) };
    let span = from_proto_duration("resolution", span)?;
    let whole = span.subsec_nanos() == 0 && span.as_secs().is_multiple_of(unit.as_secs());
    if span.is_zero() || !whole || span > MAX_RESOLUTION {
        let unit = if unit.as_secs() == 3600 { "hours" } else { "minutes" };
        return Err(Error::invalid("resolution", format!("must be whole {unit}, at most 31 days")));
    }
    Ok(Some(span))
}

fn read_range(
    faults: &mut Faults,
    start: Option<&prost_types::Timestamp>,
    end: Option<&prost_types::Timestamp>,
) -> TimeRange {
    let mut read = |field: &str, time: Option<&prost_types::Timestamp>| {
        time.and_then(|time| faults.take(from_proto_timestamp(field, time)))
    };
    let range = (read("start_time", start), read("end_time", end));
    if let (Some(start), Some(end)) = range
        && start >= end
    {
        faults.add("start_time", "must lie before end_time");
    }
    range
}

/// The text that a filter compares with; `None` for any.
fn read_text(faults: &mut Faults, field: &str, text: String) -> Option<String> {
    faults.text(field, &text, 0, MAX_FILTER);
    super::non_empty(text)
}

/// What a filter says of the source; `None` when it says nothing.
fn read_source(faults: &mut Faults, source: i32) -> Option<DeviceSource> {
    faults.take(DeviceSource::from_proto("source", source)).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_resolution_is_whole_units_and_no_longer_than_a_month() {
        let read = |seconds, unit| {
            read_resolution(Some(&prost_types::Duration { seconds, nanos: 0 }), Duration::from_secs(unit))
        };
        assert_eq!(read(7_200, 3_600).unwrap(), Some(Duration::from_secs(7_200)));
        assert_eq!(read(60, 60).unwrap(), Some(Duration::from_secs(60)));
        assert_eq!(read_resolution(None, Duration::from_secs(60)), Ok(None));
        for (seconds, unit) in [(0, 60), (90, 60), (60, 3_600), (32 * 86_400, 3_600), (-60, 60)] {
            assert_eq!(read(seconds, unit).unwrap_err().field_violations()[0].field, "resolution");
        }
    }
}
