//! What the packaged agent of the legacy platform calls: heartbeat, telemetry, what the machine is, permissions, logs, and
//! the claim by which it enrols.

pub(super) mod permissions;
pub(super) mod record;

use axum::{Json, extract::State};
use chrono::SecondsFormat;
use homepot::{
    Error,
    model::{ErrorReport, MAX_CONTEXT, Severity, from_proto_timestamp, to_struct},
    pb::{analytics::v1 as analytics_pb, device::v1 as pb},
};
use http::StatusCode;

use super::{
    Fields,
    views::{View, broken, view},
};
use crate::{
    App,
    backend::{call, promised},
    body::{Shape, Valid},
    caller::Device,
    error::ApiError,
};

/// What these routes answer.
pub(super) fn done(message: &'static str, data: View) -> Json<View> {
    Json(view! {"status": "success", "message": message, "data": data})
}

/// A device reports for itself only.
pub(super) fn mismatch(error: ApiError) -> ApiError {
    error.or_if_at("device_id", StatusCode::FORBIDDEN, "Device ID mismatch")
}

impl Shape for pb::ReportHeartbeatRequest {
    fn read(fields: &mut Fields) -> Self {
        Self { device_id: fields.string("device_id", 128) }
    }
}

/// Takes a sign of life; it counts as presence, like every other call of the device.
pub(super) async fn heartbeat(
    State(app): State<App>,
    Device(caller): Device,
    Valid(message): Valid<pb::ReportHeartbeatRequest>,
) -> Result<Json<View>, ApiError> {
    let mut device = app.services.device();
    let answer = call(&caller, message, |request| async move { device.report_heartbeat(request).await }).await;
    let heard_at = promised(answer.map_err(mismatch)?.heard_at)?;
    let heard_at = from_proto_timestamp("heard_at", &heard_at).map_err(|error| broken(&error))?;
    // As Python writes a time.
    let heard_at = heard_at.to_rfc3339_opts(SecondsFormat::Micros, false);
    let data = view! {"device_id": caller.device_id(), "last_heartbeat_at": heard_at};
    Ok(done("Heartbeat updated successfully", data))
}

/// A line of an agent's log. When it happened is when it came in.
impl Shape for pb::ReportErrorRequest {
    fn read(fields: &mut Fields) -> Self {
        let device_id = fields.string("device_id", 128);
        let level = fields.string("level", 64).to_ascii_lowercase();
        let severity = match level.as_str() {
            "warn" => Severity::Warning,
            level => level.parse().unwrap_or(Severity::Info),
        };
        let error_message = fields.required_text("message", 4_000);
        let category = Some(fields.string("category", 64)).filter(|category| !category.is_empty());
        let error = analytics_pb::ErrorReport {
            category: category.unwrap_or_else(|| "device".to_owned()),
            severity: analytics_pb::Severity::from(severity).into(),
            error_message,
            endpoint: "/agent/logs".to_owned(),
            context: fields.object("context", MAX_CONTEXT).as_ref().map(to_struct),
            ..Default::default()
        };
        Self { device_id, error: Some(error) }
    }

    fn judge(&self) -> Result<(), Error> {
        let error = self.error.clone().unwrap_or_default();
        let holds_nul = error.error_message.contains('\0');
        match ErrorReport::try_from(error) {
            // The message goes by another name here, and its length was checked already.
            Err(error) if error.field_violations().iter().all(|fault| fault.field == "error_message") => {
                if holds_nul {
                    Err(Error::invalid("message", "holds a NUL character"))
                } else {
                    Ok(())
                }
            }
            judged => judged.map(drop),
        }
    }
}

/// Keeps a line of an agent's log, among the errors of its device.
pub(super) async fn log(
    State(app): State<App>,
    Device(caller): Device,
    Valid(message): Valid<pb::ReportErrorRequest>,
) -> Result<Json<View>, ApiError> {
    let mut device = app.services.device();
    call(&caller, message, |request| async move { device.report_error(request).await }).await.map_err(mismatch)?;
    Ok(Json(view! {"status": "success", "message": "Log stored"}))
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
            let line = pb::ReportErrorRequest::read(&mut fields);
            line.judge().unwrap();
            let report = line.error.unwrap();
            (report.severity(), report.category)
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
