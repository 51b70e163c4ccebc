//! A sample as a row for binary COPY, the fastest way into a table.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use homepot::model::{Sample, Temperature, shortest_decimal};
use serde_json::{Value, json};

use super::NewSample;
use crate::{row, schema::samples};

/// One row of `samples`, in the order of its columns. COPY knows no DEFAULT, so what was not measured is written as null.
#[derive(Insertable)]
#[diesel(table_name = samples, treat_none_as_default_value = false)]
pub(super) struct Row {
    device: i64,
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

impl Row {
    pub(super) fn new(NewSample { device, sample }: &NewSample, received_at: DateTime<Utc>) -> Self {
        Self {
            device: *device,
            collected_at: sample.collected_at,
            received_at,
            transaction_count: sample.transaction_count,
            transaction_volume: sample.transaction_volume,
            bytes_sent: sample.bytes_sent,
            bytes_received: sample.bytes_received,
            uptime_seconds: sample.uptime_seconds,
            active_connections: sample.active_connections,
            queue_depth: sample.queue_depth,
            collection_interval_ms: sample.collection_interval_ms,
            cpu_percent: real(sample.cpu_percent),
            memory_percent: real(sample.memory_percent),
            disk_percent: real(sample.disk_percent),
            swap_percent: real(sample.swap_percent),
            load_1m: real(sample.load_1m),
            load_5m: real(sample.load_5m),
            load_15m: real(sample.load_15m),
            network_latency_ms: real(sample.network_latency_ms),
            error_rate: real(sample.error_rate),
            temperatures: temperatures(&sample.temperatures),
            extra: row::json(sample.extra.as_ref()),
        }
    }
}

/// A sample as history gives it back.
pub(super) fn kept(sample: &Sample) -> Sample {
    let kept = |value: Option<f64>| real(value).map(shortest_decimal);
    Sample {
        cpu_percent: kept(sample.cpu_percent),
        memory_percent: kept(sample.memory_percent),
        disk_percent: kept(sample.disk_percent),
        swap_percent: kept(sample.swap_percent),
        load_1m: kept(sample.load_1m),
        load_5m: kept(sample.load_5m),
        load_15m: kept(sample.load_15m),
        network_latency_ms: kept(sample.network_latency_ms),
        error_rate: kept(sample.error_rate),
        ..sample.clone()
    }
}

/// Six digits are kept, which is more than a sensor has.
#[allow(clippy::cast_possible_truncation)]
pub(super) fn real(value: Option<f64>) -> Option<f32> {
    value.map(|value| value as f32)
}

pub(super) fn temperatures(readings: &[Temperature]) -> Option<Value> {
    let reading = |r: &Temperature| json!({ "sensor": r.sensor, "celsius": r.celsius });
    if readings.is_empty() { None } else { Some(readings.iter().map(reading).collect()) }
}
