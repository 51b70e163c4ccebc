//! Between the protocol's time and ours. Times inside are [`DateTime<Utc>`], cut to the microsecond that Postgres keeps.

use std::time::Duration;

use chrono::{DateTime, SubsecRound, Utc};

use super::Faults;
use crate::error::Error;

/// Reads a timestamp; one outside the years 0001 to 9999, or with nanoseconds out of range, is refused.
pub fn from_proto_timestamp(field: &str, timestamp: &prost_types::Timestamp) -> Result<DateTime<Utc>, Error> {
    const YEAR_1: i64 = -62_135_596_800;
    const YEAR_10000: i64 = 253_402_300_800;
    let nanos = u32::try_from(timestamp.nanos).ok().filter(|nanos| *nanos < 1_000_000_000);
    let seconds = Some(timestamp.seconds).filter(|seconds| (YEAR_1..YEAR_10000).contains(seconds));
    seconds
        .zip(nanos)
        .and_then(|(seconds, nanos)| DateTime::from_timestamp(seconds, nanos))
        .map(|time| time.trunc_subsecs(6))
        .ok_or_else(|| Error::invalid(field, "is not a valid timestamp"))
}

/// From, and up to but not at. Either may be open.
pub type TimeRange = (Option<DateTime<Utc>>, Option<DateTime<Utc>>);

/// Reads a range whose ends may be left out. `within` stands before the names of its fields, such as `filter.`.
pub fn read_range(
    faults: &mut Faults,
    within: &str,
    start: Option<&prost_types::Timestamp>,
    end: Option<&prost_types::Timestamp>,
) -> TimeRange {
    let (start_time, end_time) = (format!("{within}start_time"), format!("{within}end_time"));
    let mut read = |field: &str, time: Option<&prost_types::Timestamp>| {
        time.and_then(|time| faults.take(from_proto_timestamp(field, time)))
    };
    let range = (read(&start_time, start), read(&end_time, end));
    if let (Some(start), Some(end)) = range
        && start >= end
    {
        faults.add(&start_time, format!("must lie before {end_time}"));
    }
    range
}

/// Writes a timestamp.
pub fn to_proto_timestamp(time: DateTime<Utc>) -> prost_types::Timestamp {
    // Nanoseconds of a leap second reach past 999,999,999 in chrono and may not in the protocol.
    let nanos = time.timestamp_subsec_nanos().min(999_999_999);
    prost_types::Timestamp { seconds: time.timestamp(), nanos: nanos.cast_signed() }
}

/// Reads a span that may not be negative.
pub fn from_proto_duration(field: &str, duration: &prost_types::Duration) -> Result<Duration, Error> {
    let seconds = u64::try_from(duration.seconds).ok();
    let nanos = u32::try_from(duration.nanos).ok().filter(|nanos| *nanos < 1_000_000_000);
    seconds
        .zip(nanos)
        .map(|(seconds, nanos)| Duration::new(seconds, nanos))
        .ok_or_else(|| Error::invalid(field, "is not a valid, non-negative duration"))
}

/// Writes a span.
pub fn to_proto_duration(duration: Duration) -> prost_types::Duration {
    prost_types::Duration {
        seconds: i64::try_from(duration.as_secs()).unwrap_or(i64::MAX),
        nanos: duration.subsec_nanos().cast_signed(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timestamp_survives_to_the_microsecond() {
        let time = from_proto_timestamp("t", &prost_types::Timestamp { seconds: 1_700_000_000, nanos: 123_456_789 });
        let back = to_proto_timestamp(time.unwrap());
        assert_eq!((back.seconds, back.nanos), (1_700_000_000, 123_456_000));
    }

    #[test]
    fn nonsense_is_refused_by_name() {
        for (seconds, nanos) in [(i64::MAX, 0), (0, -1), (0, 1_000_000_000), (i64::MIN, 0)] {
            let error = from_proto_timestamp("t", &prost_types::Timestamp { seconds, nanos }).unwrap_err();
            assert_eq!(error.field_violations()[0].field, "t");
        }
        assert!(from_proto_duration("d", &prost_types::Duration { seconds: -1, nanos: 0 }).is_err());
    }
}
