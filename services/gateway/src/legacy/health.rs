//! `/health/health`.

use std::time::Duration;

use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};
use http::{Extensions, StatusCode};

use super::views::view;
use crate::{App, error::ApiError, query};

/// A database that needs longer is out of reach.
const PATIENCE: Duration = Duration::from_secs(2);

/// Tells whether the server works.
pub(super) async fn health(State(app): State<App>, extensions: Extensions) -> Result<Response, ApiError> {
    query::check(&extensions)?;
    let version = app.config.version;
    if tokio::time::timeout(PATIENCE, (app.config.readiness)()).await.unwrap_or(false) {
        return Ok(Json(view! {"status": "healthy", "version": version}).into_response());
    }
    let status = StatusCode::SERVICE_UNAVAILABLE;
    let detail = "Database is out of reach";
    let told = view! {"status": "unhealthy", "version": version, "detail": detail, "status_code": status.as_u16()};
    Ok((status, Json(told)).into_response())
}
