//! Reading samples back.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use homepot::model::{
    DeviceId, DeviceSource, Page, PageRequest, Sample, SiteId, StoredSample, Temperature, shortest_decimal,
};
use serde_json::Value;

use super::corrections;
use crate::{
    StoreError, paging, row,
    schema::{devices, samples},
};

/// A row of history, in the order of its columns.
#[derive(Queryable)]
struct Row {
    _device: i64,
    collected_at: DateTime<Utc>,
    received_at: DateTime<Utc>,
    transaction_count: Option<i64>,
    transaction_volume: Option<f64>,
    bytes_sent: Option<i64>,
    bytes_received: Option<i64>,
    uptime_seconds: Option<i64>,
    active_connections: Option<i32>,
    queue_depth: Option<i32>,
    collection_interval_ms: Option<i32>,
    cpu_percent: Option<f32>,
    memory_percent: Option<f32>,
    disk_percent: Option<f32>,
    swap_percent: Option<f32>,
    load_1m: Option<f32>,
    load_5m: Option<f32>,
    load_15m: Option<f32>,
    network_latency_ms: Option<f32>,
    error_rate: Option<f32>,
    temperatures: Option<Value>,
    extra: Option<Value>,
}

fn sample(row: Row) -> Result<Sample, StoreError> {
    Ok(Sample {
        collected_at: row.collected_at,
        cpu_percent: row.cpu_percent.map(shortest_decimal),
        memory_percent: row.memory_percent.map(shortest_decimal),
        disk_percent: row.disk_percent.map(shortest_decimal),
        swap_percent: row.swap_percent.map(shortest_decimal),
        load_1m: row.load_1m.map(shortest_decimal),
        load_5m: row.load_5m.map(shortest_decimal),
        load_15m: row.load_15m.map(shortest_decimal),
        network_latency_ms: row.network_latency_ms.map(shortest_decimal),
        transaction_count: row.transaction_count,
        transaction_volume: row.transaction_volume,
        error_rate: row.error_rate.map(shortest_decimal),
        active_connections: row.active_connections,
        queue_depth: row.queue_depth,
        collection_interval_ms: row.collection_interval_ms,
        bytes_sent: row.bytes_sent,
        bytes_received: row.bytes_received,
        uptime_seconds: row.uptime_seconds,
        temperatures: temperatures(row.temperatures)?,
        extra: row::object("samples.extra", row.extra)?,
        device_time: None,
    })
}

fn temperatures(column: Option<Value>) -> Result<Vec<Temperature>, StoreError> {
    let Some(column) = column else { return Ok(Vec::new()) };
    let read = |reading: &Value| {
        let sensor = reading.get("sensor")?.as_str()?.to_owned();
        Some(Temperature { sensor, celsius: reading.get("celsius")?.as_f64()? })
    };
    let readings = column.as_array().and_then(|readings| readings.iter().map(read).collect());
    readings.ok_or_else(|| StoreError::Corrupt("samples.temperatures: is not a list of readings".to_owned()))
}

/// The newest sample of a device in history, and when it was received.
pub(super) fn newest(conn: &mut PgConnection, pk: i64) -> Result<Option<(Sample, DateTime<Utc>)>, StoreError> {
    let query = samples::table.filter(samples::device.eq(pk)).order(samples::collected_at.desc());
    let Some(row) = query.first::<Row>(conn).optional()? else { return Ok(None) };
    let received_at = row.received_at;
    Ok(Some((sample(row)?, received_at)))
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
    let rows: Vec<Row> = query.order(samples::collected_at).limit(paging::limit(page)).load(conn)?;
    let ends = rows.first().zip(rows.last()).map(|(first, last)| (first.collected_at, last.collected_at));
    let corrected = match ends {
        Some((first, last)) => corrections::between(conn, pk, first, last)?,
        None => HashMap::new(),
    };
    let stored = |row: Row| {
        let (device_id, site_id, received_at) = (device_id.clone(), site_id.clone(), row.received_at);
        let device_time = corrected.get(&row.collected_at).copied();
        let sample = Sample { device_time, ..sample(row)? };
        Ok::<_, StoreError>(StoredSample { device_id, site_id, source, sample, received_at })
    };
    let items = rows.into_iter().map(stored).collect::<Result<_, _>>()?;
    Ok(Page::cut(items, page.size, key))
}
