//! The one shape of every error the gateway answers: `{"detail": <text or faults>, "status_code": N}`.
//!
//! A service's error arrives as a gRPC status, becomes a [`homepot::Error`] and then an [`ApiError`]; causes that a
//! caller can't act on are logged here and replaced by a general text.

use std::time::Duration;

use axum::{
    Json,
    response::{IntoResponse, Response},
};
use homepot::{Error, Kind, error::FieldViolation};
use http::{
    HeaderValue, StatusCode,
    header::{RETRY_AFTER, WWW_AUTHENTICATE},
};
use serde::Serialize;
use tonic::{Code, Status};

/// How long to wait when nobody told.
const DEFAULT_RETRY: Duration = Duration::from_secs(1);

/// Every error's body.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct ErrorBody {
    /// A sentence, or for a request at fault (422) every fault of it.
    pub(crate) detail: Detail,
    /// The HTTP status again.
    pub(crate) status_code: u16,
    /// Why, for programs, where there is something that they can do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) reason: Option<String>,
}

/// What an error says.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub(crate) enum Detail {
    /// A sentence.
    Text(String),
    /// Every fault, in the order of the request's fields.
    Faults(Vec<Fault>),
}

/// One thing that is wrong with a request.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Fault {
    /// What kind of fault, for programs.
    #[serde(rename = "type")]
    pub(crate) kind: String,
    /// Where: `body`, `query` or `header`, then the field, or the place in a text that is not JSON.
    pub(crate) loc: Vec<Place>,
    /// What kind of fault, for people.
    pub(crate) msg: String,
}

/// A step of the way to a fault.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub(crate) enum Place {
    /// A field.
    Name(String),
    /// A place, counted from 0.
    At(usize),
}

impl Fault {
    /// A fault of the body as a whole.
    pub(crate) fn of_body(kind: &str, msg: impl Into<String>) -> Self {
        Self { kind: kind.to_owned(), loc: vec![Place::Name("body".to_owned())], msg: msg.into() }
    }

    /// A fault of one field of the body.
    pub(crate) fn of_field(field: &str, kind: &str, msg: impl Into<String>) -> Self {
        let mut fault = Self::of_body(kind, msg);
        fault.loc.push(Place::Name(field.to_owned()));
        fault
    }

    /// A fault of one parameter of the query.
    pub(crate) fn of_parameter(name: &str, kind: &str, msg: impl Into<String>) -> Self {
        let loc = ["query", name].map(|step| Place::Name(step.to_owned())).into();
        Self { loc, ..Self::of_body(kind, msg) }
    }

    /// A fault of one header.
    pub(crate) fn of_header(name: &str, kind: &str, msg: impl Into<String>) -> Self {
        let loc = ["header", name].map(|step| Place::Name(step.to_owned())).into();
        Self { loc, ..Self::of_body(kind, msg) }
    }

    /// A field that is not there.
    pub(crate) fn missing(field: &str) -> Self {
        Self::of_field(field, "missing", "Field required")
    }

    /// Whether it is about this field of the body, or this parameter.
    pub(crate) fn is_of(&self, field: &str) -> bool {
        matches!(self.loc.get(1), Some(Place::Name(name)) if name == field)
    }
}

impl From<&FieldViolation> for Fault {
    fn from(violation: &FieldViolation) -> Self {
        let field = legacy_name(&violation.field);
        match violation.reason.as_str() {
            _ if violation.is_missing() => Self::missing(field),
            // What callers say of themselves: metadata there, a header here, and no field's name has a hyphen.
            reason if field.starts_with("x-") => {
                Self::of_header(field, "value_error", format!("Value error, {reason}"))
            }
            reason => Self::of_field(field, "value_error", format!("Value error, {reason}")),
        }
    }
}

/// An answer of a service that its own contract forbids.
pub(crate) fn broken(error: &Error) -> ApiError {
    tracing::error!(%error, "a service answered what its contract forbids");
    ApiError::internal()
}

/// What legacy clients call a field of the protocol.
fn legacy_name(field: &str) -> &str {
    let field = field.rsplit('.').next().unwrap_or(field);
    match field {
        "time_to_live" => "ttl_seconds",
        "collection_interval" => "collection_interval_seconds",
        "extra" => "extra_metrics",
        "state" => "status",
        "duration" => "duration_ms",
        field => field,
    }
}

/// An error on its way out.
#[derive(Clone, Debug)]
pub(crate) struct ApiError {
    status: StatusCode,
    detail: Detail,
    retry_after: Option<Duration>,
    operators: bool,
    reason: Option<String>,
}

impl ApiError {
    /// An error that says `text`.
    pub(crate) fn new(status: StatusCode, text: impl Into<String>) -> Self {
        Self { status, detail: Detail::Text(text.into()), retry_after: None, operators: false, reason: None }
    }

    /// The request is at fault.
    pub(crate) fn invalid(faults: Vec<Fault>) -> Self {
        Self { detail: Detail::Faults(faults), ..Self::new(StatusCode::UNPROCESSABLE_ENTITY, "") }
    }

    /// There is no such route, or nothing that could go by such a name.
    pub(crate) fn not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, "Not Found")
    }

    /// A fault of ours; the caller logged the cause.
    pub(crate) fn internal() -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, Error::internal().message())
    }

    /// A service that took too long.
    pub(crate) fn timeout() -> Self {
        Self::new(StatusCode::GATEWAY_TIMEOUT, "The service did not answer in time")
    }

    /// The HTTP status.
    pub(crate) fn status(&self) -> StatusCode {
        self.status
    }

    /// The same as a status of gRPC.
    pub(crate) fn as_grpc(&self) -> Status {
        let kind = match self.status.as_u16() {
            401 => Kind::Unauthenticated,
            403 => Kind::Forbidden,
            408 | 504 => Kind::Timeout,
            413 => Kind::TooLarge,
            429 => Kind::Throttled,
            503 => Kind::Unavailable,
            500.. => Kind::Internal,
            _ => Kind::Invalid,
        };
        let told = match &self.detail {
            Detail::Text(text) => text.clone(),
            Detail::Faults(faults) => faults.iter().map(|fault| fault.msg.as_str()).collect::<Vec<_>>().join("; "),
        };
        let error = Error::new(kind, told);
        let error = match &self.reason {
            Some(reason) => error.because(reason),
            None => error,
        };
        Status::from(match self.retry_after {
            Some(delay) => error.retry_after(delay),
            None => error,
        })
    }

    /// The body as it goes out.
    pub(crate) fn body(&self) -> ErrorBody {
        let reason = self.reason.clone();
        ErrorBody { detail: self.detail.clone(), status_code: self.status.as_u16(), reason }
    }

    /// The faults of the object at `place` of a body that is a list.
    pub(crate) fn faults_at(self, place: usize) -> Vec<Fault> {
        let Detail::Faults(mut faults) = self.detail else { return Vec::new() };
        for fault in &mut faults {
            fault.loc.insert(1.min(fault.loc.len()), Place::At(place));
        }
        faults
    }

    /// What a service found wrong with `field` stood in a header.
    #[must_use]
    pub(crate) fn in_header(mut self, field: &str, header: &str) -> Self {
        if let Detail::Faults(faults) = &mut self.detail {
            for fault in faults.iter_mut().filter(|fault| fault.is_of(field)) {
                *fault = Fault::of_header(header, &fault.kind, fault.msg.clone());
            }
        }
        self
    }

    /// Marks an error on an operator's route: its 401 names the scheme that would open it.
    #[must_use]
    pub(crate) fn for_operators(mut self) -> Self {
        self.operators = true;
        self
    }

    /// `other` when a service found fault with `field`: an id in the path that can't exist names nothing.
    #[must_use]
    pub(crate) fn or_if_at(self, field: &str, status: StatusCode, text: impl Into<String>) -> Self {
        match &self.detail {
            Detail::Faults(faults) if faults.iter().any(|fault| fault.is_of(field)) => {
                Self { detail: Detail::Text(text.into()), status, ..self }
            }
            _ => self,
        }
    }
}

impl From<&Status> for ApiError {
    fn from(status: &Status) -> Self {
        // Our services never answer Unknown: it is the transport that gave up.
        let error = match status.code() {
            Code::Unknown => Error::new(Kind::Unavailable, ""),
            _ => Error::from(status),
        };
        if matches!(error.kind(), Kind::Internal | Kind::Unavailable | Kind::Timeout | Kind::Unimplemented) {
            tracing::warn!(code = ?status.code(), message = status.message(), "service call failed");
        }
        Self::from(error)
    }
}

impl From<Error> for ApiError {
    fn from(error: Error) -> Self {
        let kind = error.kind();
        let told = error.message().to_owned();
        let reason = error.reason().map(str::to_owned);
        let answer = match kind {
            Kind::Invalid if !error.field_violations().is_empty() => {
                return Self::invalid(error.field_violations().iter().map(Fault::from).collect());
            }
            Kind::Internal => Self::internal(),
            Kind::Timeout => Self::timeout(),
            Kind::TooLarge => Self::new(kind.http_status(), "Request is larger than allowed"),
            // Only what came with a delay was written by a service of ours, for the caller.
            Kind::Unavailable if error.retry_delay().is_none() => {
                Self::new(kind.http_status(), "Service is unavailable; try again")
            }
            _ => Self::new(kind.http_status(), told),
        };
        let retryable = matches!(kind, Kind::Unavailable | Kind::Throttled);
        Self { retry_after: retryable.then(|| error.retry_delay().unwrap_or(DEFAULT_RETRY)), reason, ..answer }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let body = ErrorBody { detail: self.detail, status_code: self.status.as_u16(), reason: self.reason };
        let mut response = (self.status, Json(body)).into_response();
        if let Some(delay) = self.retry_after {
            let seconds = delay.as_millis().div_ceil(1_000).clamp(1, 3_600) as u32;
            response.headers_mut().insert(RETRY_AFTER, seconds.into());
        }
        if self.operators && self.status == StatusCode::UNAUTHORIZED {
            response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_of_a_header_is_told_as_one() {
        let loc = |field: &str| {
            let error = Error::invalid(field, "is nonsense");
            let fault = Fault::from(&error.field_violations()[0]);
            serde_json::to_value(&fault.loc).unwrap()
        };
        assert_eq!(loc("x-device-source"), serde_json::json!(["header", "x-device-source"]));
        assert_eq!(loc("cpu_percent"), serde_json::json!(["body", "cpu_percent"]));
    }

    fn of(error: Error) -> ApiError {
        ApiError::from(&Status::from(error))
    }

    #[test]
    fn an_error_has_the_bytes_of_the_contract() {
        let body =
            |detail, status_code| serde_json::to_string(&ErrorBody { detail, status_code, reason: None }).unwrap();
        assert_eq!(
            body(Detail::Text("Device not found".to_owned()), 404),
            r#"{"detail":"Device not found","status_code":404}"#
        );
        assert_eq!(
            body(Detail::Faults(vec![Fault::missing("device_id")]), 422),
            r#"{"detail":[{"type":"missing","loc":["body","device_id"],"msg":"Field required"}],"status_code":422}"#
        );
    }

    #[test]
    fn a_services_faults_keep_their_fields_under_the_names_of_rest() {
        let error = of(Error::violations(vec![
            FieldViolation::new("device_id", "is required"),
            FieldViolation::new("time_to_live", "is too long"),
        ]));
        let faults = vec![
            Fault::missing("device_id"),
            Fault::of_field("ttl_seconds", "value_error", "Value error, is too long"),
        ];
        assert_eq!(error.detail, Detail::Faults(faults));
        assert_eq!(error.status, StatusCode::UNPROCESSABLE_ENTITY);
    }

    #[test]
    fn causes_of_ours_do_not_travel() {
        for status in [
            Status::internal("h2: secret path"),
            Status::unknown("secret path"),
            Status::unavailable("tcp: secret path"),
            Status::deadline_exceeded("secret path"),
        ] {
            let Detail::Text(text) = ApiError::from(&status).detail else { panic!("{status:?} has faults") };
            assert!(!text.contains("secret"), "{text}");
        }
    }

    #[test]
    fn what_may_be_repeated_says_when() {
        let delay = |error| of(error).into_response().headers().get(RETRY_AFTER).cloned();
        let unavailable = Error::new(Kind::Unavailable, "draining");
        assert_eq!(delay(unavailable.clone()).unwrap(), "1");
        assert_eq!(delay(unavailable.retry_after(Duration::from_millis(2_500))).unwrap(), "3");
        assert_eq!(delay(Error::new(Kind::Throttled, "slow down")).unwrap(), "1");
        assert!(delay(Error::new(Kind::Conflict, "no")).is_none());
    }

    #[test]
    fn an_id_that_cannot_exist_names_nothing() {
        let error = of(Error::invalid("site_id", "must be …"));
        assert_eq!(error.clone().or_if_at("device_id", StatusCode::NOT_FOUND, "x").status(), 422);
        let missing = error.or_if_at("site_id", StatusCode::NOT_FOUND, "Site ? not found");
        assert_eq!(missing.status(), 404);
        assert_eq!(missing.detail, Detail::Text("Site ? not found".to_owned()));
    }
}
