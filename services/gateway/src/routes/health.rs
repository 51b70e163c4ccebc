//! `/health/health`.

use std::time::Duration;

use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};
use http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

use crate::App;

/// A database that needs longer is out of reach.
const PATIENCE: Duration = Duration::from_secs(2);

#[derive(Serialize, ToSchema)]
pub(crate) struct Healthy {
    #[schema(example = "healthy")]
    status: &'static str,
    #[schema(example = "0.1.0")]
    version: &'static str,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct Unhealthy {
    #[schema(example = "unhealthy")]
    status: &'static str,
    version: &'static str,
    #[schema(example = "Database is out of reach")]
    detail: &'static str,
    #[schema(example = 503)]
    status_code: u16,
}

/// Tells whether the server works
#[utoipa::path(
    get, path = "/health/health", tag = "health",
    responses(
        (status = 200, description = "It works", body = Healthy),
        (status = 503, description = "The database is out of reach", body = Unhealthy),
    )
)]
pub(crate) async fn health(State(app): State<App>) -> Response {
    let version = app.version;
    if tokio::time::timeout(PATIENCE, (app.readiness)()).await.unwrap_or(false) {
        return Json(Healthy { status: "healthy", version }).into_response();
    }
    let status = StatusCode::SERVICE_UNAVAILABLE;
    let detail = "Database is out of reach";
    (status, Json(Unhealthy { status: "unhealthy", version, detail, status_code: status.as_u16() })).into_response()
}
