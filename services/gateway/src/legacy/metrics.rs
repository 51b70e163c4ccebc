//! What devices measure.

use std::time::Duration;

use axum::{Json, extract::State};
use chrono::DateTime;
use homepot::{
    Error,
    error::FieldViolation,
    model::{JsonObject, MAX_EXTRA, Sample, to_proto_duration, to_proto_timestamp, to_struct},
    pb::{device::v1 as device_pb, telemetry::v1 as pb},
};
use http::StatusCode;
use serde_json::Value;

use super::{
    Fields, agent,
    views::{View, view},
};
use crate::{
    App,
    backend::call,
    body::{OneOrMany, Shape, Valid},
    caller::{Caller, Device},
    error::{ApiError, Fault},
};

const EXACT_INTEGER: i64 = 1 << 53;
const ONE_DAY: f64 = 86_400.0;

/// One measurement.
pub(super) struct DeviceMetrics {
    /// Whose; may be left to the header.
    device_id: String,
    sample: pb::Sample,
    /// Whether its time is what a legacy agent says of it, which the contract does not have.
    is_legacy_time: bool,
}

/// What a measurement covers.
fn interval(fields: &mut Fields) -> Option<prost_types::Duration> {
    let seconds = fields.number("collection_interval_seconds", 0.0..=ONE_DAY)?;
    Duration::try_from_secs_f64(seconds).map(to_proto_duration).ok()
}

impl Shape for DeviceMetrics {
    fn read(fields: &mut Fields) -> Self {
        let device_id = fields.string("device_id", 128);
        let mut sample = pb::Sample {
            cpu_percent: fields.number("cpu_percent", 0.0..=100.0),
            memory_percent: fields.number("memory_percent", 0.0..=100.0),
            disk_percent: fields.number("disk_percent", 0.0..=100.0),
            network_latency_ms: fields.number("network_latency_ms", 0.0..=3_600_000.0),
            transaction_count: fields.integer("transaction_count", 0..=EXACT_INTEGER),
            transaction_volume: fields.number("transaction_volume", -1e15..=1e15),
            error_rate: fields.number("error_rate", 0.0..=100.0),
            active_connections: fields.integer("active_connections", 0..=i32::MAX.into()),
            queue_depth: fields.integer("queue_depth", 0..=i32::MAX.into()),
            collection_interval: interval(fields),
            ..Default::default()
        };
        let extra = fields.object("extra_metrics", MAX_EXTRA);
        let counted = |key: &str| whole(extra.as_ref()?.get(key)?).filter(|count| *count >= 0);
        sample.swap_percent = fields.number("swap_percent", 0.0..=100.0);
        sample.load_1m = fields.number("load_1m", 0.0..=1e6);
        sample.load_5m = fields.number("load_5m", 0.0..=1e6);
        sample.load_15m = fields.number("load_15m", 0.0..=1e6);
        sample.bytes_sent = fields.integer("bytes_sent", 0..=i64::MAX).or_else(|| counted("bytes_sent"));
        sample.bytes_received = fields.integer("bytes_received", 0..=i64::MAX).or_else(|| counted("bytes_recv"));
        sample.uptime_seconds = fields.integer("uptime_seconds", 0..=EXACT_INTEGER);
        sample.extra = extra.as_ref().map(to_struct);
        let collected_at = fields.time("collected_at");
        // The contract has no such field, so what a legacy agent puts here is taken only where it makes sense.
        let legacy_time = fields.time_if_any("timestamp").filter(|_| collected_at.is_none());
        sample.collected_at = collected_at.or(legacy_time).map(to_proto_timestamp);
        Self { device_id, sample, is_legacy_time: legacy_time.is_some() }
    }

    fn judge(&self) -> Result<(), Error> {
        judge(&self.sample, |field| field)
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

/// Judges a sample; `name` says what the caller calls a field of it.
fn judge(sample: &pb::Sample, name: fn(&str) -> &str) -> Result<(), Error> {
    // Whether the time can be is for the service to say: a gateway has no clock to judge it by.
    let judged = Sample::from_proto(sample.clone(), Some(DateTime::UNIX_EPOCH));
    judged.map(drop).map_err(|fault| Error::invalid(name(&fault.field), fault.reason))
}

/// Stores samples. Where `forgives`, those whose time makes no sense get the server's time; the rest of them does make sense.
async fn store(
    app: &App,
    caller: &Caller,
    device_id: &str,
    samples: Vec<pb::Sample>,
    forgives: bool,
    name: fn(&str) -> &str,
) -> Result<(), ApiError> {
    let send = async |samples: Vec<pb::Sample>| {
        let mut services = app.services.device();
        let message = device_pb::ReportSamplesRequest { device_id: device_id.to_owned(), samples };
        let answer = call(caller, message, |request| async move { services.report_samples(request).await }).await;
        answer.map(|answer| answer.refused).map_err(agent::mismatch)
    };
    let mut refused = send(samples.clone()).await?;
    if forgives && !refused.is_empty() && refused.iter().all(|refused| refused.field == "collected_at") {
        let untimed = refused.iter().filter_map(|refused| samples.get(refused.index as usize)).cloned();
        refused = send(untimed.map(|sample| pb::Sample { collected_at: None, ..sample }).collect()).await?;
    }
    if refused.is_empty() {
        return Ok(());
    }
    let fault = |refused: pb::RefusedSample| Fault::from(&FieldViolation::new(name(&refused.field), refused.reason));
    Err(ApiError::invalid(refused.into_iter().map(fault).collect()))
}

/// Stores one measurement; durable when answered.
pub(super) async fn report(
    State(app): State<App>,
    Device(caller): Device,
    Valid(metrics): Valid<DeviceMetrics>,
) -> Result<(StatusCode, Json<View>), ApiError> {
    let DeviceMetrics { device_id, sample, is_legacy_time } = metrics;
    store(&app, &caller, &device_id, vec![sample], is_legacy_time, |field| field).await?;
    Ok((StatusCode::CREATED, Json(view! {"success": true, "message": "Device metrics logged"})))
}

/// What the packaged agent measured at one time.
pub(super) struct AgentTelemetry {
    /// Whose; may be left to the header.
    device_id: Option<String>,
    sample: pb::Sample,
}

impl Shape for AgentTelemetry {
    fn read(fields: &mut Fields) -> Self {
        let device_id = fields.text("device_id", 128);
        let mut sample = pb::Sample {
            cpu_percent: fields.number("cpu_usage", 0.0..=100.0),
            memory_percent: fields.number("memory_usage", 0.0..=100.0),
            disk_percent: fields.number("disk_usage", 0.0..=100.0),
            network_latency_ms: fields.number("network_latency_ms", 0.0..=3_600_000.0),
            uptime_seconds: fields.integer("uptime_seconds", 0..=1 << 53),
            collection_interval: interval(fields),
            collected_at: fields.time_if_any("timestamp").map(to_proto_timestamp),
            ..Default::default()
        };
        // What the till's application told, beside whatever else there is.
        let pos = fields.object("pos", MAX_EXTRA).map(|pos| ("pos".to_owned(), Value::Object(pos)));
        let mut extra: JsonObject = fields.object("extra", MAX_EXTRA).unwrap_or_default();
        extra.extend(pos);
        sample.extra = Some(extra).filter(|extra| !extra.is_empty()).map(|extra| to_struct(&extra));
        Self { device_id, sample }
    }

    fn judge(&self) -> Result<(), Error> {
        judge(&self.sample, agents_name)
    }
}

/// What the agent calls a field of a sample.
fn agents_name(field: &str) -> &str {
    match field {
        "cpu_percent" => "cpu_usage",
        "memory_percent" => "memory_usage",
        "disk_percent" => "disk_usage",
        "collected_at" => "timestamp",
        field => field,
    }
}

/// Stores measurements of the packaged agent, one or a list of them; all or none, durable when answered.
pub(super) async fn report_of_agent(
    State(app): State<App>,
    Device(caller): Device,
    OneOrMany(measured): OneOrMany<AgentTelemetry>,
) -> Result<Json<View>, ApiError> {
    let own_id = caller.device_id();
    // Another's id in any of them is for the service to refuse, once it knows who calls.
    let mut told = measured.iter().filter_map(|one| one.device_id.clone());
    let device_id = told.find(|id| *id != own_id).unwrap_or_default();
    let saved_count = measured.len();
    let samples = measured.into_iter().map(|one| one.sample).collect();
    store(&app, &caller, &device_id, samples, true, agents_name).await?;
    Ok(agent::done("Telemetry saved successfully", view! {"device_id": own_id, "saved_count": saved_count}))
}

#[cfg(test)]
mod tests {
    use chrono::Utc;
    use serde_json::json;

    use super::*;

    fn read(value: Value) -> Result<pb::Sample, ApiError> {
        let mut fields = Fields::new(value.as_object().unwrap().clone());
        let metrics = DeviceMetrics::read(&mut fields);
        let judgement = metrics.judge();
        fields.finish(metrics.sample, judgement)
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

    #[test]
    fn what_the_agent_measures_becomes_a_sample() {
        let object = json!({
            "device_id": "d", "timestamp": "2001-01-01T00:00:00+00:00", "cpu_usage": 20.1, "memory_usage": 55.4,
            "disk_usage": 44.8, "uptime_seconds": 86400, "network_latency_ms": 8.4, "collection_interval_seconds": 30,
            "site_id": "s", "pos": {"transaction_count": 3}
        });
        let mut fields = Fields::new(object.as_object().unwrap().clone());
        let measured = AgentTelemetry::read(&mut fields);
        measured.judge().unwrap();
        let pos = json!({"pos": {"transaction_count": 3}});
        let expected = pb::Sample {
            collected_at: Some(prost_types::Timestamp { seconds: 978_307_200, nanos: 0 }),
            cpu_percent: Some(20.1),
            memory_percent: Some(55.4),
            disk_percent: Some(44.8),
            uptime_seconds: Some(86_400),
            network_latency_ms: Some(8.4),
            collection_interval: Some(prost_types::Duration { seconds: 30, nanos: 0 }),
            extra: Some(to_struct(pos.as_object().unwrap())),
            ..Default::default()
        };
        assert_eq!(measured.sample, expected);
    }
}
