//! Keys of pages that sort by time first: `<microseconds>:<rest>`.

use std::{str::FromStr, time::Duration};

use chrono::{DateTime, Utc};
use homepot::model::{PAGE_BYTES, Page, PageRequest, Weigh};

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

/// Reads a page of items that may be large in chunks of `chunk` rows, until it is full by rows or by bytes: then what is
/// read from Postgres and not used is less than a chunk.
pub(crate) fn by_bytes<T: Weigh>(
    page: &PageRequest,
    chunk: u32,
    key: impl Fn(&T) -> String,
    read: impl FnMut(&PageRequest) -> Result<Page<T>, StoreError>,
) -> Result<Page<T>, StoreError> {
    within(page, chunk, PAGE_BYTES, key, read)
}

/// [`by_bytes`] with a bound of its own.
pub(crate) fn within<T: Weigh>(
    page: &PageRequest,
    chunk: u32,
    most: usize,
    key: impl Fn(&T) -> String,
    mut read: impl FnMut(&PageRequest) -> Result<Page<T>, StoreError>,
) -> Result<Page<T>, StoreError> {
    let (mut items, mut bytes, mut after) = (Vec::new(), 0, page.after.clone());
    loop {
        let left = page.size - u32::try_from(items.len()).unwrap_or(page.size).min(page.size);
        let part = read(&PageRequest { size: left.min(chunk), after })?;
        for item in part.items {
            bytes += item.weight();
            if bytes > most && !items.is_empty() {
                let next = items.last().map(key);
                return Ok(Page { items, next });
            }
            items.push(item);
        }
        let is_full = items.len() >= page.size as usize;
        match part.next {
            Some(next) if !is_full => after = Some(next),
            next => return Ok(Page { items, next }),
        }
    }
}

/// Reads what one look is to bring, row by row; `None`: it is more than `most` bytes.
pub(crate) fn all_within<T: Weigh>(
    rows: impl Iterator<Item = Result<T, StoreError>>,
    most: usize,
) -> Result<Option<Vec<T>>, StoreError> {
    let (mut items, mut bytes) = (Vec::new(), 0);
    for item in rows {
        let item = item?;
        bytes += item.weight();
        if bytes > most {
            return Ok(None);
        }
        items.push(item);
    }
    Ok(Some(items))
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

#[cfg(test)]
mod tests {
    use super::*;

    /// The items of `all` after the one that the request names, each of which is its place and then filling.
    fn read(all: &[String], request: &PageRequest) -> Page<String> {
        let after = request.after.as_ref().map_or(0, |after| after.parse::<usize>().unwrap() + 1);
        let rows = all[after..].iter().take(request.size as usize + 1).cloned().collect();
        Page::cut(rows, request.size, key)
    }

    // As `by_bytes` passes items.
    #[allow(clippy::ptr_arg)]
    fn key(item: &String) -> String {
        item.trim_end_matches('x').to_owned()
    }

    #[test]
    fn pages_by_bytes_follow_each_other_without_gap_or_overlap() {
        for (filling, size, chunk) in
            [(0, 1_000, 7), (PAGE_BYTES / 3, 1_000, 7), (PAGE_BYTES * 2, 1_000, 2), (0, 5, 100)]
        {
            let all: Vec<_> = (0..40).map(|place| format!("{place}{}", "x".repeat(filling))).collect();
            let (mut seen, mut request) = (Vec::new(), PageRequest { size, after: None });
            loop {
                let mut most = 0;
                let page = by_bytes(&request, chunk, key, |request| {
                    most = most.max(request.size);
                    Ok(read(&all, request))
                });
                let page = page.unwrap();
                assert!(most <= chunk && page.items.len() <= size as usize);
                assert!(page.items.len() == 1 || page.items.iter().map(Weigh::weight).sum::<usize>() <= PAGE_BYTES);
                seen.extend(page.items);
                let Some(next) = page.next else { break };
                request.after = Some(next);
            }
            assert!(seen == all, "{filling} {size} {chunk}");
        }
    }
}
