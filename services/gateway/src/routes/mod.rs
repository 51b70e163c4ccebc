//! The routes, by resource. Each handler reads top down: who asks, what, the call, the answer.

mod agent;
mod analytics;
mod commands;
mod devices;
mod health;
mod ledger;
mod metrics;
mod presence;
mod sites;
mod summary;
mod telemetry;

use axum::Router;
use utoipa::openapi::OpenApi;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{App, openapi};

/// Before every path of the contract.
pub(crate) const PREFIX: &str = "/api/v1";

fn all() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(devices::enroll, devices::of_site))
        .routes(routes!(devices::list))
        .routes(routes!(devices::get))
        .routes(routes!(devices::remove_simulated))
        .routes(routes!(summary::summary))
        .routes(routes!(presence::state_history))
        .routes(routes!(presence::watch))
        .routes(routes!(metrics::report))
        .routes(routes!(analytics::activity::log_activity, analytics::activity::activities))
        .routes(routes!(analytics::activity::activity_summary))
        .routes(routes!(analytics::errors::log_error))
        .routes(routes!(analytics::errors::errors))
        .routes(routes!(analytics::errors::error_summary))
        .routes(routes!(telemetry::latest))
        .routes(routes!(telemetry::latest_of_device))
        .routes(routes!(telemetry::samples))
        .routes(routes!(telemetry::query))
        .routes(routes!(telemetry::watch))
        .routes(routes!(telemetry::prometheus))
        .routes(routes!(commands::queue))
        .routes(routes!(commands::pending))
        .routes(routes!(commands::report_status, commands::post_status))
        .routes(routes!(commands::acknowledge))
        .routes(routes!(commands::history))
        .routes(routes!(ledger::watch))
        .routes(routes!(commands::get))
        .routes(routes!(commands::cancel))
        .routes(routes!(agent::heartbeat))
        .routes(routes!(agent::telemetry::telemetry))
        .routes(routes!(agent::record::device_dna))
        .routes(routes!(agent::log))
        .routes(routes!(agent::permissions::get, agent::permissions::set))
        .routes(routes!(agent::claim::claim))
        .routes(routes!(sites::create, sites::list))
        .route("/sites", axum::routing::get(sites::list).post(sites::create))
        .routes(routes!(health::health))
}

/// The routes under the prefix, and the document that describes them.
pub(crate) fn api(version: &str) -> (Router<App>, OpenApi) {
    let (router, mut document) =
        OpenApiRouter::with_openapi(openapi::base(version)).nest(PREFIX, all()).split_for_parts();
    openapi::complete(&mut document);
    (router, document)
}

/// The same routes without the prefix.
pub(crate) fn bare() -> (Router<App>, OpenApi) {
    all().split_for_parts()
}
