//! What the packaged agent of the legacy platform calls: heartbeat, telemetry, what the machine is, permissions, logs, and
//! the claim by which it enrols.

pub(super) mod claim;
pub(super) mod permissions;
pub(super) mod record;
pub(super) mod telemetry;

use axum::{Json, extract::State};
use chrono::{DateTime, SecondsFormat, Utc};
use homepot::{
    Error,
    model::{ErrorReport, JsonObject, MAX_CONTEXT, Severity, from_proto_timestamp, to_struct},
    pb::{analytics::v1 as analytics_pb, device::v1 as pb},
};
use http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    App,
    backend::{call, promised},
    body::{Shape, Valid},
    caller::Device,
    error::{ApiError, ErrorBody},
    validate::Fields,
    views::broken,
};

/// What these routes answer.
#[derive(Serialize, ToSchema)]
pub(crate) struct Done<T> {
    #[schema(example = "success")]
    status: &'static str,
    message: &'static str,
    data: T,
}

impl<T> Done<T> {
    fn new(message: &'static str, data: T) -> Json<Self> {
        Json(Self { status: "success", message, data })
    }
}

/// A device reports for itself only.
fn mismatch(error: ApiError) -> ApiError {
    error.or_if_at("device_id", StatusCode::FORBIDDEN, "Device ID mismatch")
}

/// A sign of life. Whatever else is in it is ignored.
#[derive(ToSchema)]
#[schema(example = json!({
    "device_id": "pos-terminal-001", "timestamp": "2026-01-31T12:00:00+00:00", "status": "ONLINE", "site_id": "site-001"
}))]
pub(crate) struct Heartbeat {
    /// Whose; may be left to the header.
    device_id: Option<String>,
}

impl Shape for Heartbeat {
    fn read(fields: &mut Fields) -> Self {
        Self { device_id: fields.text("device_id", 128) }
    }
}

#[derive(Serialize, ToSchema)]
pub(crate) struct Heard {
    #[schema(example = "pos-terminal-001")]
    device_id: String,
    /// By the server's clock.
    #[schema(example = "2026-01-31T12:00:00.000000+00:00")]
    last_heartbeat_at: String,
}

/// Takes a sign of life; it counts as presence, like every other call of the device
#[utoipa::path(
    post, path = "/agent/heartbeat", tag = "agent",
    request_body = Heartbeat,
    responses(
        (status = 200, description = "It was heard", body = Done<Heard>),
        (status = 403, description = "The device is shut out, or reports for another", body = ErrorBody,
            example = json!({"detail": "Device ID mismatch", "status_code": 403})),
    )
)]
pub(crate) async fn heartbeat(
    State(app): State<App>,
    Device(caller): Device,
    Valid(heartbeat): Valid<Heartbeat>,
) -> Result<Json<Done<Heard>>, ApiError> {
    let device_id = caller.device_id();
    let mut device = app.services.device();
    let message = pb::ReportHeartbeatRequest { device_id: heartbeat.device_id.unwrap_or_default() };
    let answer = call(&caller, message, |request| async move { device.report_heartbeat(request).await }).await;
    let heard_at = promised(answer.map_err(mismatch)?.heard_at)?;
    let heard_at = from_proto_timestamp("heard_at", &heard_at).map_err(|error| broken(&error))?;
    let last_heartbeat_at = iso_format(heard_at);
    Ok(Done::new("Heartbeat updated successfully", Heard { device_id, last_heartbeat_at }))
}

/// As Python writes a time.
fn iso_format(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Micros, false)
}

/// A line of an agent's log. When it happened is when it came in.
#[derive(ToSchema)]
#[schema(example = json!({
    "device_id": "pos-terminal-001", "level": "info", "category": "status", "message": "Status report: ONLINE",
    "timestamp": "2026-01-31T12:00:00+00:00"
}))]
pub(crate) struct LogLine {
    /// Whose; may be left to the header.
    device_id: Option<String>,
    /// `critical`, `error`, `warning` (or `warn`) or `info`, in any case; anything else counts as `info`.
    #[schema(max_length = 64)]
    level: Option<String>,
    #[schema(min_length = 1, max_length = 4000)]
    message: String,
    /// Default: `device`.
    #[schema(max_length = 64)]
    category: Option<String>,
    /// Whatever else: at most 8,192 bytes, 64 keys, 4 levels deep.
    #[schema(value_type = Option<Object>)]
    context: Option<JsonObject>,
}

impl LogLine {
    fn report(&self) -> analytics_pb::ErrorReport {
        let level = self.level.as_deref().unwrap_or_default().to_ascii_lowercase();
        let severity = match level.as_str() {
            "warn" => Severity::Warning,
            level => level.parse().unwrap_or(Severity::Info),
        };
        let category = self.category.clone().filter(|category| !category.is_empty());
        analytics_pb::ErrorReport {
            category: category.unwrap_or_else(|| "device".to_owned()),
            severity: analytics_pb::Severity::from(severity).into(),
            error_message: self.message.clone(),
            endpoint: "/agent/logs".to_owned(),
            context: self.context.as_ref().map(to_struct),
            ..Default::default()
        }
    }
}

impl Shape for LogLine {
    fn read(fields: &mut Fields) -> Self {
        Self {
            device_id: fields.text("device_id", 128),
            level: fields.text("level", 64),
            message: fields.required_text("message", 4_000),
            category: fields.text("category", 64),
            context: fields.object("context", MAX_CONTEXT),
        }
    }

    fn judge(&self) -> Result<(), Error> {
        match ErrorReport::try_from(self.report()) {
            // The message goes by another name here, and its length was checked above.
            Err(error) if error.field_violations().iter().all(|fault| fault.field == "error_message") => {
                match self.message.contains('\0') {
                    true => Err(Error::invalid("message", "holds a NUL character")),
                    false => Ok(()),
                }
            }
            judged => judged.map(drop),
        }
    }
}

/// It is stored.
#[derive(Serialize, ToSchema)]
pub(crate) struct Stored {
    #[schema(example = "success")]
    status: &'static str,
    #[schema(example = "Log stored")]
    message: &'static str,
}

/// Keeps a line of an agent's log, among the errors of its device
///
/// `GET /analytics/errors?device_id=...` shows it. As there, repeats within an hour become one entry with a count.
#[utoipa::path(
    post, path = "/agent/logs", tag = "agent",
    request_body = LogLine,
    responses(
        (status = 200, description = "It is stored", body = Stored),
        (status = 403, description = "The device is shut out, or reports for another", body = ErrorBody,
            example = json!({"detail": "Device ID mismatch", "status_code": 403})),
    )
)]
pub(crate) async fn log(
    State(app): State<App>,
    Device(caller): Device,
    Valid(line): Valid<LogLine>,
) -> Result<Json<Stored>, ApiError> {
    let mut device = app.services.device();
    let error = Some(line.report());
    let message = pb::ReportErrorRequest { device_id: line.device_id.unwrap_or_default(), error };
    call(&caller, message, |request| async move { device.report_error(request).await }).await.map_err(mismatch)?;
    Ok(Json(Stored { status: "success", message: "Log stored" }))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_line_of_any_level_becomes_a_report() {
        let severity = |level: &str| {
            let object = json!({"level": level, "message": "m"});
            let mut fields = Fields::new(object.as_object().unwrap().clone());
            let line = LogLine::read(&mut fields);
            line.judge().unwrap();
            (line.report().severity(), line.report().category)
        };
        for (level, expected) in [
            ("CRITICAL", analytics_pb::Severity::Critical),
            ("warn", analytics_pb::Severity::Warning),
            ("error", analytics_pb::Severity::Error),
            ("debug", analytics_pb::Severity::Info),
        ] {
            assert_eq!(severity(level), (expected, "device".to_owned()));
        }
    }
}
