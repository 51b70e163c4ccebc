//! The contract's values as words for people and as JSON for scripts.

use std::{
    collections::{BTreeMap, HashMap},
    time::Duration,
};

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use clap::builder::{PossibleValuesParser, TypedValueParser};
use homepot::model::{JsonBounds, from_proto_timestamp, from_struct};
use homepot_host::settings::parse_time;
use prost_types::{Struct, Timestamp};
use serde_json::{Value, json};

use crate::terminal::wall_clock;

/// What a server answers was checked when it came in.
const ANY_SIZE: JsonBounds = JsonBounds { bytes: usize::MAX, keys: usize::MAX, depth: 64 };

/// A value of an enum as a lower-case word: `COMMAND_STATE_QUEUED` is `queued`.
pub(crate) fn word(name: &str, prefix: &str) -> String {
    name.strip_prefix(prefix).unwrap_or(name).to_lowercase()
}

/// An argument that is one of `words`, as the value that `from_name` makes of `prefix` and the word in upper case.
pub(crate) fn choice<E: Clone + Send + Sync + 'static>(
    prefix: &'static str,
    words: &'static [&'static str],
    from_name: fn(&str) -> Option<E>,
) -> impl TypedValueParser<Value = E> {
    PossibleValuesParser::new(words)
        .try_map(move |word| from_name(&format!("{prefix}{}", word.to_uppercase())).ok_or(std::fmt::Error))
}

/// An argument that is a time: so long ago, such as 2h or 7d, or one as RFC 3339 writes it.
pub(crate) fn moment(text: &str) -> Result<DateTime<Utc>, String> {
    if let Ok(time) = DateTime::parse_from_rfc3339(text) {
        return Ok(time.to_utc());
    }
    let ago = parse_time(text).map_err(|fault| format!("{fault}; or give a time such as 2026-11-27T08:00:00Z"))?;
    let before = wall_clock().checked_sub_signed(TimeDelta::from_std(ago).unwrap_or(TimeDelta::MAX));
    before.filter(|time| *time >= DateTime::UNIX_EPOCH).ok_or_else(|| format!("'{text}' ago there was nothing yet"))
}

pub(crate) fn read_time(time: &Option<Timestamp>) -> Option<DateTime<Utc>> {
    from_proto_timestamp("time", time.as_ref()?).ok()
}

/// A time to the second, for people.
pub(crate) fn rfc3339(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Secs, true)
}

/// A time in full, for scripts.
pub(crate) fn time(time: &Option<Timestamp>) -> Value {
    read_time(time).map(|time| time.to_rfc3339_opts(SecondsFormat::AutoSi, true)).into()
}

/// A duration in seconds.
pub(crate) fn seconds(duration: &Option<prost_types::Duration>) -> Value {
    let Some(duration) = duration else { return Value::Null };
    if duration.nanos == 0 {
        return duration.seconds.into();
    }
    #[allow(clippy::cast_precision_loss)] // no duration of the contract comes near 2^53 s
    let seconds = duration.seconds as f64 + f64::from(duration.nanos) / 1e9;
    json!(seconds)
}

/// A free-form object.
pub(crate) fn object(object: &Option<Struct>) -> Value {
    let read = object.as_ref().and_then(|object| from_struct("object", object, ANY_SIZE).ok());
    read.map_or(Value::Null, Value::Object)
}

/// A free-form object on one line; empty where there is none.
pub(crate) fn compact(free_form: &Option<Struct>) -> String {
    match object(free_form) {
        Value::Null => String::new(),
        object => object.to_string(),
    }
}

/// A text that may be left out.
pub(crate) fn text(text: &str) -> Value {
    if text.is_empty() { Value::Null } else { text.into() }
}

/// How long ago, or how long until, in the largest unit that says something.
pub(crate) fn age(now: DateTime<Utc>, time: DateTime<Utc>) -> String {
    let passed = now - time;
    // Clocks of two machines differ by a little.
    if passed.num_seconds().abs() < 1 {
        return "now".to_owned();
    }
    match passed.to_std() {
        Ok(passed) => format!("{} ago", span(passed)),
        // What ends in 24 h and has just been made ends in 24 h, not in 23.
        Err(_) => format!("in {}", span((time - now).to_std().unwrap_or_default() + Duration::from_millis(999))),
    }
}

/// A duration, roughly.
pub(crate) fn span(duration: Duration) -> String {
    let seconds = duration.as_secs();
    match seconds {
        0..120 => format!("{seconds}s"),
        120..7_200 => format!("{}m", seconds / 60),
        7_200..172_800 => format!("{}h", seconds / 3_600),
        _ => format!("{}d", seconds / 86_400),
    }
}

/// A duration, as exactly as its size allows.
pub(crate) fn elapsed(duration: Duration) -> String {
    if duration < Duration::from_secs(10) {
        return format!("{:.1} ms", duration.as_secs_f64() * 1000.0);
    }
    match duration.as_secs() {
        seconds @ 0..120 => format!("{seconds} s"),
        seconds => format!("{} m {} s", seconds / 60, seconds % 60),
    }
}

/// Labels as people write them, in order.
pub(crate) fn labels(labels: &HashMap<String, String>) -> String {
    let labels: BTreeMap<_, _> = labels.iter().collect();
    labels.iter().map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>().join(",")
}

/// Labels for scripts.
pub(crate) fn labels_json(labels: &HashMap<String, String>) -> Value {
    labels.iter().map(|(key, value)| (key.clone(), Value::from(value.clone()))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_age_is_told_in_the_largest_unit_that_says_something() {
        let now = DateTime::from_timestamp(10_000_000, 0).unwrap();
        let at = |seconds: i64| age(now, DateTime::from_timestamp(10_000_000 - seconds, 0).unwrap());
        assert_eq!(
            [0, 1, 119, 180, 7_199, 7_200, 172_799, 172_800, -90, -86_400].map(at),
            ["now", "1s ago", "119s ago", "3m ago", "119m ago", "2h ago", "47h ago", "2d ago", "in 90s", "in 24h"]
        );
    }

    #[test]
    fn a_time_ago_is_no_longer_ago_than_anything_can_be() {
        let minutes = (Utc::now() - moment("2h").unwrap()).num_minutes();
        assert!((119..122).contains(&minutes), "{minutes}");
        for bad in ["", "2", "30000d", "400000000d", "200000000000d", "99999999999999999999d"] {
            assert!(moment(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_time_may_be_given_in_full() {
        let time = DateTime::from_timestamp(1_795_766_400, 0).unwrap();
        assert_eq!(moment("2026-11-27T08:00:00Z").unwrap(), time);
        assert_eq!(moment("2026-11-27T09:00:00+01:00").unwrap(), time);
        assert!(moment("2026-11-27").unwrap_err().contains("2026-11-27T08:00:00Z"));
    }

    #[test]
    fn time_since_the_start_is_as_exact_as_it_is_short() {
        let told = |ms| elapsed(Duration::from_millis(ms));
        assert_eq!(
            [0, 12, 9_999, 10_000, 119_000, 185_000].map(told),
            ["0.0 ms", "12.0 ms", "9999.0 ms", "10 s", "119 s", "3 m 5 s"]
        );
    }

    #[test]
    fn durations_are_numbers_of_seconds_and_times_are_rfc_3339() {
        let duration = |seconds, nanos| Some(prost_types::Duration { seconds, nanos });
        assert_eq!(seconds(&duration(300, 0)), json!(300));
        assert_eq!(seconds(&duration(1, 500_000_000)), json!(1.5));
        assert_eq!(seconds(&None), Value::Null);
        assert_eq!(time(&Some(Timestamp { seconds: 1, nanos: 250_000_000 })), json!("1970-01-01T00:00:01.250Z"));
        assert_eq!(time(&Some(Timestamp { seconds: 1, nanos: 0 })), json!("1970-01-01T00:00:01Z"));
    }

    #[test]
    fn enums_are_lower_case_words() {
        assert_eq!(word("COMMAND_STATE_QUEUED", "COMMAND_STATE_"), "queued");
    }
}
