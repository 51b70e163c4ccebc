//! Keys of pages that sort by time first: `<microseconds>:<rest>`.

use std::{str::FromStr, time::Duration};

use chrono::{DateTime, Utc};
use homepot::model::PageRequest;

use crate::StoreError;

/// A place in a list that is sorted by time and then by a unique name.
pub(crate) struct TimeKey<T> {
    pub(crate) time: DateTime<Utc>,
    pub(crate) name: T,
}

/// The key of a row.
pub(crate) fn time_key(time: DateTime<Utc>, name: impl std::fmt::Display) -> String {
    format!("{}:{name}", time.timestamp_micros())
}

/// The place after which the page begins.
pub(crate) fn after_time_key<T: FromStr>(page: &PageRequest) -> Result<Option<TimeKey<T>>, StoreError> {
    let Some(key) = &page.after else { return Ok(None) };
    let read = || {
        let (time, name) = key.split_once(':')?;
        Some(TimeKey { time: DateTime::from_timestamp_micros(time.parse().ok()?)?, name: name.parse().ok()? })
    };
    let fault = || homepot::Error::invalid("page_token", "is not a token that this list gave");
    Ok(Some(read().ok_or_else(fault)?))
}

/// Rows to fetch: one more than the page holds tells whether there is another.
pub(crate) fn limit(page: &PageRequest) -> i64 {
    i64::from(page.size) + 1
}

/// An expression for the begin of the stretch of time that `column` lies in; one and the same time where it is not asked by
/// time, as a key has to have one.
pub(crate) fn bucket(column: &str, resolution: Option<Duration>) -> String {
    match resolution.map(|resolution| resolution.as_secs()) {
        None => "to_timestamp(0)".to_owned(),
        Some(seconds) => {
            format!("to_timestamp((floor(extract(epoch FROM {column}) / {seconds}) * {seconds})::double precision)")
        }
    }
}
