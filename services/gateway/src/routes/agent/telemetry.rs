//! The packaged agent's measurements, one or a list of them.

use std::time::Duration;

use axum::{Json, extract::State};
use chrono::{DateTime, Utc};
use homepot::{
    Error,
    error::FieldViolation,
    model::{JsonObject, MAX_EXTRA, Sample, to_proto_duration, to_proto_timestamp, to_struct},
    pb::{device::v1 as device_pb, telemetry::v1 as pb},
};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::{Done, mismatch};
use crate::{
    App,
    backend::call,
    body::{OneOrMany, Shape},
    caller::Device,
    error::{ApiError, ErrorBody, Fault},
    validate::Fields,
};

/// What the agent measured at one time.
#[derive(ToSchema)]
#[schema(example = json!({
    "device_id": "pos-terminal-001", "cpu_usage": 23.5, "memory_usage": 61.0, "disk_usage": 48.3,
    "network_latency_ms": 8.4, "uptime_seconds": 3600, "collection_interval_seconds": 30,
    "timestamp": "2026-01-31T12:00:00+00:00"
}))]
pub(crate) struct AgentTelemetry {
    /// Whose; may be left to the header.
    device_id: Option<String>,
    #[schema(minimum = 0, maximum = 100)]
    cpu_usage: Option<f64>,
    #[schema(minimum = 0, maximum = 100)]
    memory_usage: Option<f64>,
    #[schema(minimum = 0, maximum = 100)]
    disk_usage: Option<f64>,
    #[schema(minimum = 0, maximum = 3_600_000)]
    network_latency_ms: Option<f64>,
    /// Since boot.
    #[schema(minimum = 0)]
    uptime_seconds: Option<i64>,
    /// What this measurement covers: over 0, up to a day.
    collection_interval_seconds: Option<f64>,
    /// By the device's clock; where that can't be right, the server's time is taken.
    #[schema(value_type = Option<String>, format = DateTime)]
    timestamp: Option<DateTime<Utc>>,
    /// What the till's application told. Kept in the sample's `extra_metrics` as `pos`.
    #[schema(value_type = Option<Object>)]
    pos: Option<JsonObject>,
    /// Whatever else. Kept in the sample's `extra_metrics`; together with `pos` at most 4,096 bytes.
    #[schema(value_type = Option<Object>)]
    extra: Option<JsonObject>,
}

impl Shape for AgentTelemetry {
    fn read(fields: &mut Fields) -> Self {
        Self {
            device_id: fields.text("device_id", 128),
            cpu_usage: fields.number("cpu_usage", 0.0..=100.0),
            memory_usage: fields.number("memory_usage", 0.0..=100.0),
            disk_usage: fields.number("disk_usage", 0.0..=100.0),
            network_latency_ms: fields.number("network_latency_ms", 0.0..=3_600_000.0),
            uptime_seconds: fields.integer("uptime_seconds", 0..=1 << 53),
            collection_interval_seconds: fields.number("collection_interval_seconds", 0.0..=86_400.0),
            timestamp: fields.time_if_any("timestamp"),
            pos: fields.object("pos", MAX_EXTRA),
            extra: fields.object("extra", MAX_EXTRA),
        }
    }

    fn judge(&self) -> Result<(), Error> {
        // Whether the time can be is for the service to say: a gateway has no clock to judge it by.
        let sample = Sample::from_proto(self.sample(), Some(DateTime::UNIX_EPOCH));
        sample.map(drop).map_err(|fault| Error::invalid(agents_name(&fault.field), fault.reason))
    }
}

impl AgentTelemetry {
    fn sample(&self) -> pb::Sample {
        let interval = |seconds: f64| Duration::try_from_secs_f64(seconds).map(to_proto_duration).ok();
        let mut extra = self.extra.clone().unwrap_or_default();
        if let Some(pos) = &self.pos {
            extra.insert("pos".to_owned(), Value::Object(pos.clone()));
        }
        pb::Sample {
            collected_at: self.timestamp.map(to_proto_timestamp),
            cpu_percent: self.cpu_usage,
            memory_percent: self.memory_usage,
            disk_percent: self.disk_usage,
            network_latency_ms: self.network_latency_ms,
            uptime_seconds: self.uptime_seconds,
            collection_interval: self.collection_interval_seconds.and_then(interval),
            extra: Some(extra).filter(|extra| !extra.is_empty()).map(|extra| to_struct(&extra)),
            ..Default::default()
        }
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

#[derive(Serialize, ToSchema)]
pub(crate) struct Saved {
    #[schema(example = "pos-terminal-001")]
    device_id: String,
    #[schema(example = 1)]
    saved_count: usize,
}

/// Stores one measurement or a list of them; durable when answered
///
/// The body is one object or a list of up to 1,000. All are stored, or none.
#[utoipa::path(
    post, path = "/agent/telemetry", tag = "agent",
    request_body = AgentTelemetry,
    responses(
        (status = 200, description = "All are stored", body = Done<Saved>),
        (status = 403, description = "The device is shut out, or reports for another", body = ErrorBody,
            example = json!({"detail": "Device ID mismatch", "status_code": 403})),
    )
)]
pub(crate) async fn telemetry(
    State(app): State<App>,
    Device(caller): Device,
    OneOrMany(measured): OneOrMany<AgentTelemetry>,
) -> Result<Json<Done<Saved>>, ApiError> {
    let own_id = caller.device_id();
    // Another's id in any of them is for the service to refuse, once it knows who calls.
    let mut told = measured.iter().filter_map(|one| one.device_id.clone());
    let device_id = told.find(|id| *id != own_id).unwrap_or_default();
    let store = async |samples: Vec<pb::Sample>| {
        let mut device = app.services.device();
        let message = device_pb::ReportSamplesRequest { device_id: device_id.clone(), samples };
        let answer = call(&caller, message, |request| async move { device.report_samples(request).await }).await;
        answer.map(|answer| answer.refused).map_err(mismatch)
    };
    let samples: Vec<_> = measured.iter().map(AgentTelemetry::sample).collect();
    let saved_count = samples.len();
    let mut refused = store(samples.clone()).await?;
    if !refused.is_empty() && refused.iter().all(|refused| refused.field == "collected_at") {
        // Their times make no sense; the rest of them does.
        let without_time = refused.iter().filter_map(|refused| samples.get(refused.index as usize)).cloned();
        refused = store(without_time.map(|sample| pb::Sample { collected_at: None, ..sample }).collect()).await?;
    }
    if !refused.is_empty() {
        let fault =
            |refused: pb::RefusedSample| Fault::from(&FieldViolation::new(agents_name(&refused.field), refused.reason));
        return Err(ApiError::invalid(refused.into_iter().map(fault).collect()));
    }
    Ok(Done::new("Telemetry saved successfully", Saved { device_id: own_id, saved_count }))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

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
        assert_eq!(measured.sample(), expected);
    }
}
