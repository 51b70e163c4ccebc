//! What legacy clients rely on: the documented endpoints by hand, below `/api/v1` and without it, frozen by their contract.
//!
//! Nothing is added here: whatever is new is found below `/api/v2`. `openapi.json` describes it, and is as frozen.
//! Each handler reads top down: who asks, what, the call, the answer.

mod agent;
mod analytics;
mod commands;
mod fields;
mod health;
mod metrics;
mod prometheus;
mod registry;
mod views;

use axum::{
    Json, Router, middleware,
    routing::{get, post, put},
};
use serde_json::Value;

pub(crate) use self::fields::Fields;
use crate::{App, query};

/// Before every path of the contract.
const PREFIX: &str = "/api/v1";
/// Where the document is.
pub(crate) const DOCUMENT_PATH: &str = "/api/v1/openapi.json";
const DOCUMENT: &str = include_str!("openapi.json");

/// The routes under the prefix and without it, and the document that describes them.
pub(crate) fn router(version: &'static str) -> Router<App> {
    let document = get(move || async move { Json(document(version)) });
    Router::new().nest(PREFIX, routes()).merge(routes()).route(DOCUMENT_PATH, document)
}

fn document(version: &str) -> Value {
    let mut document: Value = serde_json::from_str(DOCUMENT).unwrap_or_default();
    document["info"]["version"] = version.into();
    document
}

fn routes() -> Router<App> {
    let sites = || get(registry::sites).post(registry::create_site);
    Router::new()
        .route("/devices/sites/{site_id}/devices", get(registry::of_site).post(registry::enroll))
        .route("/devices/device", get(registry::list))
        .route("/devices/device/{device_id}", get(registry::get))
        .route("/devices/device/{device_id}/commands", get(commands::history))
        .route("/devices/device/{device_id}/permissions", get(agent::permissions::get).patch(agent::permissions::set))
        .route("/devices/{device_id}/commands", post(commands::queue))
        .route("/devices/{device_id}/commands/{command_id}/ack", post(commands::acknowledge))
        .route("/devices/{command_id}/status", put(commands::report_status).post(commands::report_status))
        .route("/devices/pending", get(commands::pending))
        .route("/analytics/device-metrics", post(metrics::report))
        .route("/analytics/user-activity", post(analytics::log_activity))
        .route("/analytics/error", post(analytics::log_error))
        .route("/agent/heartbeat", post(agent::heartbeat))
        .route("/agent/telemetry", post(metrics::report_of_agent))
        .route("/agent/device-dna", post(agent::record::device_dna))
        .route("/agent/logs", post(agent::log))
        .route("/enrolment-intents/{intent_id}/claim", post(agent::record::claim))
        .route("/sites/", sites())
        .route("/sites", sites())
        .route("/health/health", get(health::health))
        .layer(middleware::from_fn(query::takes_none))
        .route("/telemetry/prometheus", get(prometheus::prometheus))
}

#[cfg(test)]
mod tests;
