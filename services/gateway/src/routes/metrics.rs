//! What devices measure.

use std::time::Duration;

use axum::{Json, extract::State};
use chrono::{DateTime, Utc};
use homepot::{
    Error,
    model::{JsonObject, MAX_EXTRA, Sample, to_proto_duration, to_proto_timestamp, to_struct},
    pb::{device::v1 as device_pb, telemetry::v1 as pb},
};
use http::StatusCode;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::{
    App,
    backend::call,
    body::{Shape, Valid},
    caller::Device,
    error::{ApiError, ErrorBody, Fault},
    validate::Fields,
};

const EXACT_INTEGER: i64 = 1 << 53;
const ONE_DAY: f64 = 86_400.0;

/// One measurement. What was not measured is left out.
#[derive(ToSchema)]
#[schema(example = json!({
    "device_id": "pos-terminal-001", "cpu_percent": 45.5, "memory_percent": 60.2, "disk_percent": 30.1,
    "network_latency_ms": 120.5, "transaction_count": 150, "transaction_volume": 5000.0, "error_rate": 0.5,
    "active_connections": 10, "queue_depth": 2, "collection_interval_seconds": 5,
    "extra_metrics": {"boot_time": 1.7e9, "bytes_sent": 1, "bytes_recv": 2}
}))]
pub(crate) struct DeviceMetrics {
    /// Whose; may be left to the header.
    device_id: Option<String>,
    #[schema(minimum = 0, maximum = 100)]
    cpu_percent: Option<f64>,
    #[schema(minimum = 0, maximum = 100)]
    memory_percent: Option<f64>,
    #[schema(minimum = 0, maximum = 100)]
    disk_percent: Option<f64>,
    #[schema(minimum = 0, maximum = 3_600_000)]
    network_latency_ms: Option<f64>,
    /// Since the last report.
    #[schema(minimum = 0)]
    transaction_count: Option<i64>,
    /// In the site's currency.
    transaction_volume: Option<f64>,
    /// In percent.
    #[schema(minimum = 0, maximum = 100)]
    error_rate: Option<f64>,
    #[schema(minimum = 0)]
    active_connections: Option<i64>,
    #[schema(minimum = 0)]
    queue_depth: Option<i64>,
    /// What this measurement covers: over 0, up to a day.
    collection_interval_seconds: Option<f64>,
    /// Whatever else: at most 4,096 bytes, 64 keys, 4 levels deep. `bytes_sent` and `bytes_recv` in here count as the
    /// fields of these names.
    #[schema(value_type = Option<Object>)]
    extra_metrics: Option<JsonObject>,
    #[schema(minimum = 0, maximum = 100)]
    swap_percent: Option<f64>,
    #[schema(minimum = 0)]
    load_1m: Option<f64>,
    #[schema(minimum = 0)]
    load_5m: Option<f64>,
    #[schema(minimum = 0)]
    load_15m: Option<f64>,
    /// Since boot.
    #[schema(minimum = 0)]
    bytes_sent: Option<i64>,
    /// Since boot.
    #[schema(minimum = 0)]
    bytes_received: Option<i64>,
    /// Since boot.
    #[schema(minimum = 0)]
    uptime_seconds: Option<i64>,
    /// By the device's clock: at most 7 days ago. A time more than 5 minutes ahead is corrected. Left out: the server's time.
    #[schema(value_type = Option<String>, format = DateTime)]
    collected_at: Option<DateTime<Utc>>,
    /// What a legacy agent says of the time.
    #[schema(ignore)]
    legacy_time: Option<DateTime<Utc>>,
}

impl Shape for DeviceMetrics {
    fn read(fields: &mut Fields) -> Self {
        let mut metrics = Self {
            device_id: fields.text("device_id", 128),
            cpu_percent: fields.number("cpu_percent", 0.0..=100.0),
            memory_percent: fields.number("memory_percent", 0.0..=100.0),
            disk_percent: fields.number("disk_percent", 0.0..=100.0),
            network_latency_ms: fields.number("network_latency_ms", 0.0..=3_600_000.0),
            transaction_count: fields.integer("transaction_count", 0..=EXACT_INTEGER),
            transaction_volume: fields.number("transaction_volume", -1e15..=1e15),
            error_rate: fields.number("error_rate", 0.0..=100.0),
            active_connections: fields.integer("active_connections", 0..=i32::MAX.into()),
            queue_depth: fields.integer("queue_depth", 0..=i32::MAX.into()),
            collection_interval_seconds: fields.number("collection_interval_seconds", 0.0..=ONE_DAY),
            extra_metrics: fields.object("extra_metrics", MAX_EXTRA),
            swap_percent: fields.number("swap_percent", 0.0..=100.0),
            load_1m: fields.number("load_1m", 0.0..=1e6),
            load_5m: fields.number("load_5m", 0.0..=1e6),
            load_15m: fields.number("load_15m", 0.0..=1e6),
            bytes_sent: fields.integer("bytes_sent", 0..=i64::MAX),
            bytes_received: fields.integer("bytes_received", 0..=i64::MAX),
            uptime_seconds: fields.integer("uptime_seconds", 0..=EXACT_INTEGER),
            collected_at: fields.time("collected_at"),
            legacy_time: None,
        };
        // The contract has no such field, so what a legacy agent puts here is taken only where it makes sense.
        metrics.legacy_time = fields.time_if_any("timestamp").filter(|_| metrics.collected_at.is_none());
        metrics
    }

    fn judge(&self) -> Result<(), Error> {
        // Whether the time can be is for the service to say: a gateway has no clock to judge it by.
        let sample = Sample::from_proto(self.sample(), Some(DateTime::UNIX_EPOCH));
        sample.map(drop).map_err(|fault| Error::invalid(fault.field, fault.reason))
    }
}

impl DeviceMetrics {
    fn sample(&self) -> pb::Sample {
        let interval = |seconds: f64| Duration::try_from_secs_f64(seconds).map(to_proto_duration).ok();
        let counted = |key: &str| {
            let value = self.extra_metrics.as_ref()?.get(key)?;
            whole(value).filter(|count| *count >= 0)
        };
        pb::Sample {
            collected_at: self.collected_at.or(self.legacy_time).map(to_proto_timestamp),
            cpu_percent: self.cpu_percent,
            memory_percent: self.memory_percent,
            disk_percent: self.disk_percent,
            swap_percent: self.swap_percent,
            load_1m: self.load_1m,
            load_5m: self.load_5m,
            load_15m: self.load_15m,
            network_latency_ms: self.network_latency_ms,
            transaction_count: self.transaction_count,
            transaction_volume: self.transaction_volume,
            error_rate: self.error_rate,
            active_connections: self.active_connections,
            queue_depth: self.queue_depth,
            collection_interval: self.collection_interval_seconds.and_then(interval),
            bytes_sent: self.bytes_sent.or_else(|| counted("bytes_sent")),
            bytes_received: self.bytes_received.or_else(|| counted("bytes_recv")),
            uptime_seconds: self.uptime_seconds,
            temperatures: Vec::new(),
            extra: self.extra_metrics.as_ref().map(to_struct),
            device_time: None,
        }
    }
}

/// A whole number, also one written as `1e9` or `1.0`.
fn whole(value: &Value) -> Option<i64> {
    let from_float = || {
        let number = value.as_f64().filter(|number| number.fract() == 0.0 && number.abs() <= EXACT_INTEGER as f64)?;
        Some(number as i64)
    };
    value.as_i64().or_else(from_float)
}

#[derive(Serialize, ToSchema)]
pub(crate) struct Logged {
    #[schema(example = true)]
    success: bool,
    #[schema(example = "Device metrics logged")]
    message: &'static str,
}

/// Stores one measurement; durable when answered
#[utoipa::path(
    post, path = "/analytics/device-metrics", tag = "metrics",
    request_body = DeviceMetrics,
    responses(
        (status = 201, description = "It is stored", body = Logged),
        (status = 403, description = "The device is shut out, or reports for another", body = ErrorBody,
            example = json!({"detail": "Device ID mismatch", "status_code": 403})),
    )
)]
pub(crate) async fn report(
    State(app): State<App>,
    Device(caller): Device,
    Valid(metrics): Valid<DeviceMetrics>,
) -> Result<(StatusCode, Json<Logged>), ApiError> {
    let store = async |sample: pb::Sample| {
        let mut services = app.services.device();
        let device_id = metrics.device_id.clone().unwrap_or_default();
        let message = device_pb::ReportSamplesRequest { device_id, samples: vec![sample] };
        let answer = call(&caller, message, |request| async move { services.report_samples(request).await }).await;
        let mismatch = |error: ApiError| error.or_if_at("device_id", StatusCode::FORBIDDEN, "Device ID mismatch");
        answer.map(|answer| answer.refused).map_err(mismatch)
    };
    let mut refused = store(metrics.sample()).await?;
    if metrics.legacy_time.is_some() && refused.iter().any(|refused| refused.field == "collected_at") {
        // The time makes no sense; the rest of the sample does.
        refused = store(pb::Sample { collected_at: None, ..metrics.sample() }).await?;
    }
    if !refused.is_empty() {
        let faults = refused
            .into_iter()
            .map(|refused| Fault::from(&homepot::error::FieldViolation::new(refused.field, refused.reason)));
        return Err(ApiError::invalid(faults.collect()));
    }
    Ok((StatusCode::CREATED, Json(Logged { success: true, message: "Device metrics logged" })))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(value: Value) -> Result<pb::Sample, ApiError> {
        let mut fields = Fields::new(value.as_object().unwrap().clone());
        let metrics = DeviceMetrics::read(&mut fields);
        let judgement = metrics.judge();
        fields.finish(metrics.sample(), judgement)
    }

    fn faults(value: Value) -> Value {
        let error = read(value).unwrap_err();
        assert_eq!(error.status(), 422);
        serde_json::to_value(error.body()).unwrap()
    }

    #[test]
    fn the_contracts_example_becomes_a_sample_with_every_field() {
        let sample = read(json!({
            "device_id": "pos-terminal-001", "cpu_percent": 45.5, "memory_percent": 60.2, "disk_percent": 30.1,
            "network_latency_ms": 120.5, "transaction_count": 150, "transaction_volume": 5000.0, "error_rate": 0.5,
            "active_connections": 10, "queue_depth": 2, "collection_interval_seconds": 5,
            "extra_metrics": {"boot_time": 1.7e9, "bytes_sent": 1, "bytes_recv": 2}, "nobody knows": "this"
        }))
        .unwrap();
        let extra = [("boot_time", json!(1.7e9)), ("bytes_sent", json!(1)), ("bytes_recv", json!(2))];
        let expected = pb::Sample {
            cpu_percent: Some(45.5),
            memory_percent: Some(60.2),
            disk_percent: Some(30.1),
            network_latency_ms: Some(120.5),
            transaction_count: Some(150),
            transaction_volume: Some(5000.0),
            error_rate: Some(0.5),
            active_connections: Some(10),
            queue_depth: Some(2),
            collection_interval: Some(prost_types::Duration { seconds: 5, nanos: 0 }),
            bytes_sent: Some(1),
            bytes_received: Some(2),
            extra: Some(to_struct(&extra.map(|(key, value)| (key.to_owned(), value)).into_iter().collect())),
            ..Default::default()
        };
        assert_eq!(sample, expected);
    }

    #[test]
    fn every_fault_is_told_at_once_with_its_place() {
        let told = faults(json!({
            "cpu_percent": 101, "memory_percent": "high", "transaction_count": 1.5, "extra_metrics": [],
            "device_id": 7, "collection_interval_seconds": 0
        }));
        let places: Vec<_> = told["detail"].as_array().unwrap().iter().map(|fault| fault["loc"][1].clone()).collect();
        assert_eq!(
            places,
            [
                "device_id",
                "cpu_percent",
                "memory_percent",
                "transaction_count",
                "collection_interval_seconds",
                "extra_metrics"
            ]
        );
    }

    #[test]
    fn counters_in_the_extra_metrics_fill_the_typed_fields_only_where_they_are_counters() {
        let bytes = |value: Value| read(json!({"extra_metrics": {"bytes_sent": value}})).unwrap().bytes_sent;
        assert_eq!(bytes(json!(1e9)), Some(1_000_000_000));
        for other in [json!(-1), json!(1.5), json!("1"), json!(null), json!(1e17)] {
            assert_eq!(bytes(other), None);
        }
        let both = json!({"bytes_sent": 7, "extra_metrics": {"bytes_sent": 1}});
        assert_eq!(read(both).unwrap().bytes_sent, Some(7));
    }

    #[test]
    fn a_time_of_ours_must_be_right_and_a_legacy_one_is_taken_only_where_it_makes_sense() {
        let now = Utc::now();
        let taken = read(json!({"timestamp": now.to_rfc3339()})).unwrap().collected_at;
        assert_eq!(taken.map(|time| time.seconds), Some(now.timestamp()));
        for odd in [json!(1.7e9), json!("2020-01-01T00:00:00"), json!({})] {
            assert_eq!(read(json!({"timestamp": odd})).unwrap().collected_at, None);
        }
        assert_eq!(faults(json!({"collected_at": "yesterday"}))["detail"][0]["type"], "datetime_parsing");
    }
}
