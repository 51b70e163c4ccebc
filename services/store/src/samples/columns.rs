//! Samples as columns: an array each, the way `unnest` takes them.

use chrono::{DateTime, Utc};
use diesel::{
    QueryResult,
    pg::Pg,
    query_builder::AstPass,
    sql_types::{Array, BigInt, Double, Float, Integer, Jsonb, Nullable, Timestamptz},
};
use homepot::model::Sample;
use serde_json::Value;

use super::{
    NewSample,
    history::{real, temperatures},
};
use crate::row;

/// The columns of `samples`, in the order in which [`Columns::push`] binds them.
pub(super) const NAMES: &[&str] = &[
    "device",
    "collected_at",
    "received_at",
    "transaction_count",
    "transaction_volume",
    "bytes_sent",
    "bytes_received",
    "uptime_seconds",
    "active_connections",
    "queue_depth",
    "collection_interval_ms",
    "cpu_percent",
    "memory_percent",
    "disk_percent",
    "swap_percent",
    "load_1m",
    "load_5m",
    "load_15m",
    "network_latency_ms",
    "error_rate",
    "temperatures",
    "extra",
];

/// Samples, turned on their side.
#[derive(Default)]
pub(super) struct Columns {
    device: Vec<i64>,
    collected_at: Vec<DateTime<Utc>>,
    received_at: Vec<DateTime<Utc>>,
    /// transaction_count, bytes_sent, bytes_received, uptime_seconds.
    wide: [Vec<Option<i64>>; 4],
    transaction_volume: Vec<Option<f64>>,
    /// active_connections, queue_depth, collection_interval_ms.
    narrow: [Vec<Option<i32>>; 3],
    /// cpu_percent to error_rate.
    reals: [Vec<Option<f32>>; 9],
    temperatures: Vec<Option<Value>>,
    extra: Vec<Option<Value>>,
}

impl Columns {
    pub(super) fn of<'a>(samples: impl IntoIterator<Item = &'a NewSample>, received_at: DateTime<Utc>) -> Self {
        let mut columns = Self::default();
        for NewSample { device, sample } in samples {
            columns.add(*device, sample, received_at);
        }
        columns
    }

    fn add(&mut self, device: i64, sample: &Sample, received_at: DateTime<Utc>) {
        self.device.push(device);
        self.collected_at.push(sample.collected_at);
        self.received_at.push(received_at);
        let wide = [sample.transaction_count, sample.bytes_sent, sample.bytes_received, sample.uptime_seconds];
        for (column, value) in self.wide.iter_mut().zip(wide) {
            column.push(value);
        }
        self.transaction_volume.push(sample.transaction_volume);
        let narrow = [sample.active_connections, sample.queue_depth, sample.collection_interval_ms];
        for (column, value) in self.narrow.iter_mut().zip(narrow) {
            column.push(value);
        }
        let reals = [
            sample.cpu_percent,
            sample.memory_percent,
            sample.disk_percent,
            sample.swap_percent,
            sample.load_1m,
            sample.load_5m,
            sample.load_15m,
            sample.network_latency_ms,
            sample.error_rate,
        ];
        for (column, value) in self.reals.iter_mut().zip(reals) {
            column.push(real(value));
        }
        self.temperatures.push(temperatures(&sample.temperatures));
        self.extra.push(row::json(sample.extra.as_ref()));
    }

    /// Binds the arrays, separated by commas.
    pub(super) fn push<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        let [transaction_count, bytes_sent, bytes_received, uptime_seconds] = &self.wide;
        out.push_bind_param::<Array<BigInt>, _>(&self.device)?;
        out.push_sql(", ");
        out.push_bind_param::<Array<Timestamptz>, _>(&self.collected_at)?;
        out.push_sql(", ");
        out.push_bind_param::<Array<Timestamptz>, _>(&self.received_at)?;
        out.push_sql(", ");
        out.push_bind_param::<Array<Nullable<BigInt>>, _>(transaction_count)?;
        out.push_sql(", ");
        out.push_bind_param::<Array<Nullable<Double>>, _>(&self.transaction_volume)?;
        for column in [bytes_sent, bytes_received, uptime_seconds] {
            out.push_sql(", ");
            out.push_bind_param::<Array<Nullable<BigInt>>, _>(column)?;
        }
        for column in &self.narrow {
            out.push_sql(", ");
            out.push_bind_param::<Array<Nullable<Integer>>, _>(column)?;
        }
        for column in &self.reals {
            out.push_sql(", ");
            out.push_bind_param::<Array<Nullable<Float>>, _>(column)?;
        }
        for column in [&self.temperatures, &self.extra] {
            out.push_sql(", ");
            out.push_bind_param::<Array<Nullable<Jsonb>>, _>(column)?;
        }
        Ok(())
    }
}
