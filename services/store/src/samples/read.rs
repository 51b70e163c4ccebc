//! Reading samples back.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use homepot::model::{DeviceId, DeviceSource, Page, PageRequest, Sample, SiteId, StoredSample};

use super::{corrections, record::Record};
use crate::{
    StoreError, paging, row,
    schema::{devices, samples},
};

/// The newest sample of a device in history, and when it was received.
pub(super) fn newest(conn: &mut PgConnection, pk: i64) -> Result<Option<(Sample, DateTime<Utc>)>, StoreError> {
    let query = samples::table.filter(samples::device.eq(pk)).order(samples::collected_at.desc());
    let Some(record) = query.first::<Record>(conn).optional()? else { return Ok(None) };
    let received_at = record.received_at;
    Ok(Some((record.sample()?, received_at)))
}

/// Samples that are read at once: each may have 4 KiB of extras.
pub(super) const CHUNK: u32 = 256;

/// Samples of one device from `start` up to but not at `end`, oldest first. A device that is not there has none.
pub fn list(
    conn: &mut PgConnection,
    pk: i64,
    start: DateTime<Utc>,
    end: DateTime<Utc>,
    page: &PageRequest,
) -> Result<Page<StoredSample>, StoreError> {
    paging::by_bytes(page, CHUNK, key, |page| list_chunk(conn, pk, start, end, page))
}

fn key(stored: &StoredSample) -> String {
    stored.sample.collected_at.timestamp_micros().to_string()
}

fn list_chunk(
    conn: &mut PgConnection,
    pk: i64,
    start: DateTime<Utc>,
    end: DateTime<Utc>,
    page: &PageRequest,
) -> Result<Page<StoredSample>, StoreError> {
    let after = page.after_as::<i64>()?.map(|micros| {
        let fault = || homepot::Error::invalid("page_token", "is not a token that this list gave");
        DateTime::from_timestamp_micros(micros).ok_or_else(fault)
    });
    let columns = (devices::device_id, devices::site_id, devices::source);
    let names: Option<(String, String, String)> = devices::table.find(pk).select(columns).first(conn).optional()?;
    let Some((device_id, site_id, source)) = names else { return Ok(Page { items: Vec::new(), next: None }) };
    let device_id: DeviceId = row::checked("devices.device_id", &device_id)?;
    let site_id: SiteId = row::checked("devices.site_id", &site_id)?;
    let source: DeviceSource = row::checked("devices.source", &source)?;

    let mut query = samples::table
        .filter(samples::device.eq(pk))
        .filter(samples::collected_at.ge(start))
        .filter(samples::collected_at.lt(end))
        .into_boxed();
    if let Some(after) = after.transpose()? {
        query = query.filter(samples::collected_at.gt(after));
    }
    let records: Vec<Record> = query.order(samples::collected_at).limit(paging::limit(page)).load(conn)?;
    let ends = records.first().zip(records.last()).map(|(first, last)| (first.collected_at, last.collected_at));
    let corrected = match ends {
        Some((first, last)) => corrections::between(conn, pk, first, last)?,
        None => HashMap::new(),
    };
    let stored = |record: Record| {
        let (device_id, site_id, received_at) = (device_id.clone(), site_id.clone(), record.received_at);
        let device_time = corrected.get(&record.collected_at).copied();
        let sample = Sample { device_time, ..record.sample()? };
        Ok::<_, StoreError>(StoredSample { device_id, site_id, source, sample, received_at })
    };
    let items = records.into_iter().map(stored).collect::<Result<_, _>>()?;
    Ok(Page::cut(items, page.size, key))
}
