//! The packaged agent's measurements, one or a list of them.

use axum::{Json, extract::State};
use homepot::{
    Error,
    model::{JsonObject, MAX_EXTRA, to_proto_timestamp, to_struct},
    pb::telemetry::v1 as pb,
};
use serde_json::Value;

use super::done;
use crate::{
    App,
    body::{OneOrMany, Shape},
    caller::Device,
    error::ApiError,
    legacy::{
        Fields, metrics,
        views::{View, view},
    },
};

/// What the agent measured at one time.
pub(in crate::legacy) struct AgentTelemetry {
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
            collection_interval: metrics::interval(fields),
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
        metrics::judge(&self.sample, agents_name)
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

/// Stores one measurement or a list of them; all or none, durable when answered.
pub(in crate::legacy) async fn telemetry(
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
    metrics::store(&app, &caller, &device_id, samples, true, agents_name).await?;
    Ok(done("Telemetry saved successfully", view! {"device_id": own_id, "saved_count": saved_count}))
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
        assert_eq!(measured.sample, expected);
    }
}
