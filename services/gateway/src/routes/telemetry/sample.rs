//! A stored sample, as it is written.

use chrono::{DateTime, Utc};
use homepot::{
    Error,
    model::{JsonObject, Metric},
    pb::telemetry::v1 as pb,
};
use serde::Serialize;
use serde_json::Number;
use utoipa::ToSchema;

use crate::{
    error::ApiError,
    views::{broken, object, source_word, time},
};

/// What a device measured at one time. What it did not measure is null.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SampleView {
    #[schema(example = "pos-terminal-001")]
    device_id: String,
    #[schema(example = "site-001")]
    site_id: String,
    /// When it was measured: by the device's clock, or by the server's where `device_time` has the device's.
    #[schema(example = "2026-01-31T12:00:00.000000Z")]
    collected_at: Option<String>,
    /// By the server's clock.
    #[schema(example = "2026-01-31T12:00:00.100000Z")]
    received_at: Option<String>,
    cpu_percent: Option<f64>,
    memory_percent: Option<f64>,
    disk_percent: Option<f64>,
    swap_percent: Option<f64>,
    load_1m: Option<f64>,
    load_5m: Option<f64>,
    load_15m: Option<f64>,
    network_latency_ms: Option<f64>,
    transaction_count: Option<i64>,
    transaction_volume: Option<f64>,
    error_rate: Option<f64>,
    active_connections: Option<i64>,
    queue_depth: Option<i64>,
    bytes_sent: Option<i64>,
    bytes_received: Option<i64>,
    uptime_seconds: Option<i64>,
    /// What the measurement covers.
    collection_interval_seconds: Option<f64>,
    temperatures: Vec<TemperatureView>,
    /// Whatever else the device measured.
    #[schema(value_type = Option<Object>)]
    extra_metrics: Option<JsonObject>,
    /// Whether the device is `real` or `simulated`.
    #[schema(example = "real")]
    source: &'static str,
    /// What the device's clock showed, where that was wrong; else null.
    device_time: Option<String>,
}

/// One sensor's reading.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TemperatureView {
    sensor: String,
    celsius: f64,
}

impl TryFrom<pb::DeviceSample> for SampleView {
    type Error = ApiError;

    fn try_from(stored: pb::DeviceSample) -> Result<Self, ApiError> {
        Self::read(stored).map_err(|error| broken(&error))
    }
}

impl SampleView {
    fn read(stored: pb::DeviceSample) -> Result<Self, Error> {
        let sample = stored.sample.unwrap_or_default();
        let seconds = |span: &prost_types::Duration| span.seconds as f64 + f64::from(span.nanos) / 1e9;
        let temperature =
            |reading: pb::Temperature| TemperatureView { sensor: reading.sensor, celsius: reading.celsius };
        Ok(Self {
            device_id: stored.device_id,
            site_id: stored.site_id,
            collected_at: time(sample.collected_at.as_ref())?,
            received_at: time(stored.received_at.as_ref())?,
            cpu_percent: sample.cpu_percent,
            memory_percent: sample.memory_percent,
            disk_percent: sample.disk_percent,
            swap_percent: sample.swap_percent,
            load_1m: sample.load_1m,
            load_5m: sample.load_5m,
            load_15m: sample.load_15m,
            network_latency_ms: sample.network_latency_ms,
            transaction_count: sample.transaction_count,
            transaction_volume: sample.transaction_volume,
            error_rate: sample.error_rate,
            active_connections: sample.active_connections,
            queue_depth: sample.queue_depth,
            bytes_sent: sample.bytes_sent,
            bytes_received: sample.bytes_received,
            uptime_seconds: sample.uptime_seconds,
            collection_interval_seconds: sample.collection_interval.as_ref().map(seconds),
            temperatures: sample.temperatures.into_iter().map(temperature).collect(),
            extra_metrics: object(sample.extra.as_ref())?,
            source: source_word(stored.source),
            device_time: time(sample.device_time.as_ref())?,
        })
    }

    /// The names of what [`Self::cells`] answers.
    pub(super) fn columns() -> impl Iterator<Item = &'static str> {
        let before = ["device_id", "site_id", "collected_at", "received_at"];
        let after = ["collection_interval_seconds", "temperatures", "extra_metrics", "source", "device_time"];
        before.into_iter().chain(Metric::ALL.map(Metric::name)).chain(after)
    }

    /// One cell a column; what is no number or text, as JSON.
    pub(super) fn cells(self) -> impl Iterator<Item = String> {
        let metrics = Metric::ALL.map(|metric| self.number(metric).map(|number| number.to_string()));
        let json = |value: serde_json::Result<String>| value.unwrap_or_default();
        let after = [
            self.collection_interval_seconds.map(|seconds| seconds.to_string()),
            (!self.temperatures.is_empty()).then(|| json(serde_json::to_string(&self.temperatures))),
            self.extra_metrics.as_ref().map(|extra| json(serde_json::to_string(extra))),
            Some(self.source.to_owned()),
            self.device_time,
        ];
        let before = [Some(self.device_id), Some(self.site_id), self.collected_at, self.received_at];
        before.into_iter().chain(metrics).chain(after).map(Option::unwrap_or_default)
    }

    /// When it was measured.
    pub(super) fn collected_at(&self) -> Option<DateTime<Utc>> {
        DateTime::parse_from_rfc3339(self.collected_at.as_deref()?).ok().map(|time| time.to_utc())
    }

    /// The device, its site and its source.
    pub(super) fn whose(&self) -> (&str, &str, &'static str) {
        (&self.device_id, &self.site_id, self.source)
    }

    /// What was measured of `metric`.
    pub(super) fn number(&self, metric: Metric) -> Option<Number> {
        let real = |value: Option<f64>| value.and_then(Number::from_f64);
        let whole = |value: Option<i64>| value.map(Number::from);
        match metric {
            Metric::CpuPercent => real(self.cpu_percent),
            Metric::MemoryPercent => real(self.memory_percent),
            Metric::DiskPercent => real(self.disk_percent),
            Metric::SwapPercent => real(self.swap_percent),
            Metric::Load1m => real(self.load_1m),
            Metric::Load5m => real(self.load_5m),
            Metric::Load15m => real(self.load_15m),
            Metric::NetworkLatencyMs => real(self.network_latency_ms),
            Metric::TransactionCount => whole(self.transaction_count),
            Metric::TransactionVolume => real(self.transaction_volume),
            Metric::ErrorRate => real(self.error_rate),
            Metric::ActiveConnections => whole(self.active_connections),
            Metric::QueueDepth => whole(self.queue_depth),
            Metric::BytesSent => whole(self.bytes_sent),
            Metric::BytesReceived => whole(self.bytes_received),
            Metric::UptimeSeconds => whole(self.uptime_seconds),
        }
    }
}

#[cfg(test)]
mod tests {
    use homepot::{model::to_struct, pb::common::v1::DeviceSource};
    use prost_types::{Duration, Timestamp};
    use serde_json::{Value, json};

    use super::*;

    fn stored() -> pb::DeviceSample {
        let sample = pb::Sample {
            collected_at: Some(Timestamp { seconds: 1_700_000_000, nanos: 5_000 }),
            cpu_percent: Some(45.5),
            bytes_sent: Some(i64::MAX),
            collection_interval: Some(Duration { seconds: 5, nanos: 500_000_000 }),
            temperatures: vec![pb::Temperature { sensor: "cpu".to_owned(), celsius: 40.5 }],
            extra: Some(to_struct(json!({"fan": 900}).as_object().unwrap())),
            ..Default::default()
        };
        pb::DeviceSample {
            device_id: "d".to_owned(),
            site_id: "s".to_owned(),
            sample: Some(sample),
            received_at: Some(Timestamp { seconds: 1_700_000_001, nanos: 0 }),
            source: DeviceSource::Simulated.into(),
        }
    }

    #[test]
    fn a_sample_has_every_metric_by_its_name_and_null_for_what_was_not_measured() {
        let view = serde_json::to_value(SampleView::try_from(stored()).unwrap()).unwrap();
        for metric in Metric::ALL {
            assert!(view.get(metric.name()).is_some(), "{metric:?}");
        }
        assert_eq!((&view["device_id"], &view["site_id"]), (&json!("d"), &json!("s")));
        assert_eq!(view["source"], "simulated");
        assert_eq!(view["collected_at"], "2023-11-14T22:13:20.000005Z");
        assert_eq!((&view["cpu_percent"], &view["queue_depth"]), (&json!(45.5), &Value::Null));
        assert_eq!((&view["bytes_sent"], &view["collection_interval_seconds"]), (&json!(i64::MAX), &json!(5.5)));
        assert_eq!(view["temperatures"], json!([{"sensor": "cpu", "celsius": 40.5}]));
    }

    #[test]
    fn a_row_has_a_cell_for_each_column_with_the_number_of_the_same_field() {
        let view = SampleView::try_from(stored()).unwrap();
        let object = serde_json::to_value(SampleView::try_from(stored()).unwrap()).unwrap();
        let columns: Vec<_> = SampleView::columns().collect();
        let cells: Vec<_> = view.cells().collect();
        assert_eq!(columns.len(), cells.len());
        for (column, cell) in columns.into_iter().zip(cells) {
            let expected = match &object[column] {
                Value::Null => String::new(),
                Value::String(text) => text.clone(),
                Value::Array(_) | Value::Object(_) => {
                    assert_eq!(serde_json::from_str::<Value>(&cell).unwrap(), object[column]);
                    continue;
                }
                other => other.to_string(),
            };
            assert_eq!(cell, expected, "{column}");
        }
    }
}
