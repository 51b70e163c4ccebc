//! What people and applications do: their activity, and errors with their repeats.

mod activity;
mod error;
mod mask;
mod words;

use chrono::{DateTime, Utc};

pub use self::{
    activity::{Activity, ActivityFilter, ActivitySum, StoredActivity},
    error::{ErrorFilter, ErrorGroup, ErrorReport, ErrorSum},
    mask::masked,
    words::{ActivityGrouping, ActivityType, ErrorGrouping, Severity},
};
use super::{DeviceSource, Faults, JsonBounds, from_proto_timestamp};

/// Bounds of an activity's metadata.
pub const MAX_METADATA: JsonBounds = JsonBounds { bytes: 4_096, keys: 64, depth: 4 };
/// Bounds of an error's context.
pub const MAX_CONTEXT: JsonBounds = JsonBounds { bytes: 8_192, keys: 64, depth: 4 };

/// From, and up to but not at. Either may be open.
pub type TimeRange = (Option<DateTime<Utc>>, Option<DateTime<Utc>>);

fn read_range(
    faults: &mut Faults,
    start: Option<&prost_types::Timestamp>,
    end: Option<&prost_types::Timestamp>,
) -> TimeRange {
    let mut read = |field: &str, time: Option<&prost_types::Timestamp>| {
        time.and_then(|time| faults.take(from_proto_timestamp(field, time)))
    };
    let range = (read("filter.start_time", start), read("filter.end_time", end));
    if let (Some(start), Some(end)) = range
        && start >= end
    {
        faults.add("filter.start_time", "must lie before filter.end_time");
    }
    range
}

/// What a filter says of the source; `None` when it says nothing.
fn read_source(faults: &mut Faults, source: i32) -> Option<DeviceSource> {
    faults.take(DeviceSource::from_proto("source", source)).flatten()
}
