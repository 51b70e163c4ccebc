//! Activity of people, and errors of applications.

use std::{convert::Infallible, time::Duration};

use axum::{
    Json,
    extract::{FromRequestParts, State},
};
use homepot::{
    Error,
    model::{
        Activity, ActivityType, DeviceId, ErrorReport, Faults, MAX_CONTEXT, MAX_METADATA, Severity, to_proto_duration,
        to_struct,
    },
    pb::{analytics::v1 as pb, common::v1::DeviceSource, device::v1 as device_pb},
};
use http::{StatusCode, request::Parts};

use super::{
    Fields,
    views::{View, view},
};
use crate::{
    App,
    backend::call,
    body::{Shape, Valid},
    caller::{DeviceOrOperator, Operator},
    error::{ApiError, Fault},
    query,
};

const ONE_DAY_MS: f64 = 86_400_000.0;
const SOURCES: [(&str, DeviceSource); 2] = [("real", DeviceSource::Real), ("simulated", DeviceSource::Simulated)];

/// Whether a simulator plays the caller, by the header `X-Device-Source`.
pub(super) struct Source(DeviceSource);

impl Source {
    const HEADER: &str = "x-device-source";
}

impl<S: Send + Sync> FromRequestParts<S> for Source {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let Some(told) = query::header(parts, Self::HEADER) else { return Ok(Self(DeviceSource::Unspecified)) };
        let known = SOURCES.iter().find(|(word, _)| told.eq_ignore_ascii_case(word));
        if known.is_none() {
            let msg = "Input should be 'real' or 'simulated'";
            query::add(&mut parts.extensions, Fault::of_header(Self::HEADER, "enum", msg));
        }
        Ok(Self(known.map_or(DeviceSource::Unspecified, |(_, source)| *source)))
    }
}

fn logged(message: &'static str) -> (StatusCode, Json<View>) {
    (StatusCode::CREATED, Json(view! {"success": true, "message": message}))
}

impl Shape for pb::Activity {
    fn read(fields: &mut Fields) -> Self {
        let word = fields.required_word("activity_type", ActivityType::WORDS).and_then(|word| word.parse().ok());
        let span = |millis: f64| Duration::try_from_secs_f64(millis / 1_000.0).map(to_proto_duration).ok();
        Self {
            activity_type: word.map(|word: ActivityType| pb::ActivityType::from(word).into()).unwrap_or_default(),
            page_url: fields.string("page_url", 2_048),
            element_id: fields.string("element_id", 256),
            search_query: fields.string("search_query", 500),
            session_id: fields.string("session_id", 128),
            duration: fields.number("duration_ms", 0.0..=ONE_DAY_MS).and_then(span),
            metadata: fields.object("metadata", MAX_METADATA).as_ref().map(to_struct),
        }
    }

    fn judge(&self) -> Result<(), Error> {
        Activity::try_from(self.clone()).map(drop)
    }
}

/// Keeps what somebody did, in the name of the operator whose token comes with it.
pub(super) async fn log_activity(
    State(app): State<App>,
    Operator(caller): Operator,
    Source(source): Source,
    Valid(activity): Valid<pb::Activity>,
) -> Result<(StatusCode, Json<View>), ApiError> {
    let mut analytics = app.services.analytics();
    let message = pb::LogActivityRequest { activity: Some(activity), source: source.into() };
    call(&caller, message, |request| async move { analytics.log_activity(request).await }).await?;
    Ok(logged("Activity logged"))
}

/// One error of an application, and the device it happened on. A device may leave that to the header, and may name no other.
pub(super) struct ApplicationError {
    error: pb::ErrorReport,
    device_id: String,
}

impl Shape for ApplicationError {
    fn read(fields: &mut Fields) -> Self {
        let category = fields.required_text("category", 64);
        let severity = fields.required_word("severity", Severity::WORDS).and_then(|word| word.parse().ok());
        let mut error = pb::ErrorReport {
            category,
            severity: severity.map(|word: Severity| pb::Severity::from(word).into()).unwrap_or_default(),
            error_code: fields.string("error_code", 128),
            error_message: fields.required_text("error_message", 4_000),
            stack_trace: fields.string("stack_trace", 16_000),
            endpoint: fields.string("endpoint", 2_048),
            user_id: fields.string("user_id", 128),
            context: None,
        };
        let device_id = fields.string("device_id", 128);
        error.context = fields.object("context", MAX_CONTEXT).as_ref().map(to_struct);
        Self { error, device_id }
    }

    fn judge(&self) -> Result<(), Error> {
        let mut faults = Faults::new();
        faults.take(ErrorReport::try_from(self.error.clone()));
        if !self.device_id.is_empty() {
            faults.take(DeviceId::parse(&self.device_id));
        }
        faults.check()
    }
}

/// Counts an error of an application. Who shows a device's credentials and an operator's is taken for the device.
pub(super) async fn log_error(
    State(app): State<App>,
    caller: DeviceOrOperator,
    Source(source): Source,
    Valid(ApplicationError { error, device_id }): Valid<ApplicationError>,
) -> Result<(StatusCode, Json<View>), ApiError> {
    let error = Some(error);
    match caller {
        DeviceOrOperator::Device(caller) => {
            let mut device = app.services.device();
            let message = device_pb::ReportErrorRequest { device_id, error };
            call(&caller, message, |request| async move { device.report_error(request).await }).await?;
        }
        DeviceOrOperator::Operator(caller) => {
            let mut analytics = app.services.analytics();
            let message = pb::LogErrorRequest { error, device_id, source: source.into() };
            call(&caller, message, |request| async move { analytics.log_error(request).await }).await?;
        }
    }
    Ok(logged("Error logged"))
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn source_of(value: &str) -> (DeviceSource, Vec<Fault>) {
        let request = http::Request::get("/").header(Source::HEADER, value).body(()).unwrap();
        let mut parts = request.into_parts().0;
        let Ok(Source(source)) = Source::from_request_parts(&mut parts, &()).await;
        (source, query::found(&parts.extensions))
    }

    #[tokio::test]
    async fn a_caller_is_real_unless_it_says_that_it_is_simulated() {
        assert_eq!(source_of("").await, (DeviceSource::Unspecified, Vec::new()));
        assert_eq!(source_of("Simulated").await, (DeviceSource::Simulated, Vec::new()));
        for odd in ["fake", "r\u{e9}el"] {
            let (_, faults) = source_of(odd).await;
            let loc = serde_json::to_value(&faults[0].loc).unwrap();
            assert_eq!(loc, serde_json::json!(["header", "x-device-source"]));
        }
    }
}
