//! The one error that crosses a service's edge.
//!
//! Inside, crates have their own typed errors. Where an answer leaves a service it becomes an [`Error`]: a [`Kind`]
//! that maps once to gRPC and once to HTTP, a message meant for the caller, and the fields at fault. Causes that a
//! caller can't act on are logged where they happen and never travel.

use std::{collections::HashMap, fmt, time::Duration};

use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt};

/// What went wrong, as far as a caller can act on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// The request itself is at fault; repeating it won't help.
    Invalid,
    /// The caller is not authenticated.
    Unauthenticated,
    /// The caller is known and may not.
    Forbidden,
    /// There is no such thing, or none that the caller may see.
    NotFound,
    /// The name is taken.
    AlreadyExists,
    /// The thing is in a state that does not allow it.
    Conflict,
    /// Too much at once; wait.
    Throttled,
    /// Not now; try again.
    Unavailable,
    /// It took too long.
    Timeout,
    /// The request is larger than allowed.
    TooLarge,
    /// The route or method is not there.
    Unimplemented,
    /// A fault of ours.
    Internal,
}

impl Kind {
    /// The gRPC code.
    pub fn code(self) -> Code {
        match self {
            Self::Invalid => Code::InvalidArgument,
            Self::Unauthenticated => Code::Unauthenticated,
            Self::Forbidden => Code::PermissionDenied,
            Self::NotFound => Code::NotFound,
            Self::AlreadyExists => Code::AlreadyExists,
            Self::Conflict => Code::FailedPrecondition,
            Self::Throttled => Code::ResourceExhausted,
            Self::Unavailable => Code::Unavailable,
            Self::Timeout => Code::DeadlineExceeded,
            Self::TooLarge => Code::OutOfRange,
            Self::Unimplemented => Code::Unimplemented,
            Self::Internal => Code::Internal,
        }
    }

    /// Its word in logs.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Invalid => "invalid",
            Self::Unauthenticated => "unauthenticated",
            Self::Forbidden => "forbidden",
            Self::NotFound => "not_found",
            Self::AlreadyExists => "already_exists",
            Self::Conflict => "conflict",
            Self::Throttled => "throttled",
            Self::Unavailable => "unavailable",
            Self::Timeout => "timeout",
            Self::TooLarge => "too_large",
            Self::Unimplemented => "unimplemented",
            Self::Internal => "internal",
        }
    }

    /// The HTTP status.
    pub fn http_status(self) -> http::StatusCode {
        match self {
            Self::Invalid => http::StatusCode::UNPROCESSABLE_ENTITY,
            Self::Unauthenticated => http::StatusCode::UNAUTHORIZED,
            Self::Forbidden => http::StatusCode::FORBIDDEN,
            Self::NotFound => http::StatusCode::NOT_FOUND,
            Self::AlreadyExists | Self::Conflict => http::StatusCode::CONFLICT,
            Self::Throttled => http::StatusCode::TOO_MANY_REQUESTS,
            Self::Unavailable => http::StatusCode::SERVICE_UNAVAILABLE,
            Self::Timeout => http::StatusCode::GATEWAY_TIMEOUT,
            Self::TooLarge => http::StatusCode::PAYLOAD_TOO_LARGE,
            Self::Unimplemented => http::StatusCode::NOT_IMPLEMENTED,
            Self::Internal => http::StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    fn from_code(code: Code) -> Self {
        match code {
            Code::InvalidArgument => Self::Invalid,
            Code::Unauthenticated => Self::Unauthenticated,
            Code::PermissionDenied => Self::Forbidden,
            Code::NotFound => Self::NotFound,
            Code::AlreadyExists => Self::AlreadyExists,
            Code::FailedPrecondition | Code::Aborted => Self::Conflict,
            Code::ResourceExhausted => Self::Throttled,
            Code::Unavailable | Code::Cancelled => Self::Unavailable,
            Code::DeadlineExceeded => Self::Timeout,
            Code::OutOfRange => Self::TooLarge,
            Code::Unimplemented => Self::Unimplemented,
            Code::Ok | Code::Unknown | Code::Internal | Code::DataLoss => Self::Internal,
        }
    }
}

/// A field of a request that is at fault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldViolation {
    /// The field's name in the protocol, for example `device_id`.
    pub field: String,
    /// Why, in words for a person.
    pub reason: String,
}

/// The reason of a field that has to be given and is not. Reasons cross the wire as text, so this one is told from others by it.
pub(crate) const REQUIRED: &str = "is required";

impl FieldViolation {
    /// A violation of `field`.
    pub fn new(field: impl Into<String>, reason: impl Into<String>) -> Self {
        Self { field: field.into(), reason: reason.into() }
    }

    /// Whether the field has to be given and is not.
    pub fn is_missing(&self) -> bool {
        self.reason == REQUIRED
    }
}

/// An error travels in the headers of an answer, of which a client takes 16 KiB: the message percent-encoded, which may triple it,
/// and once more in base64 beside the fields at fault. Whoever sends thousands of wrong values learns of the first.
const MESSAGE_BYTES: usize = 2_000;
const MOST_VIOLATIONS: usize = 16;
const FIELD_BYTES: usize = 80;
const REASON_BYTES: usize = 160;

/// Cuts a text that is longer than so many bytes, and shows that it did.
fn shorten(text: &mut String, most: usize) {
    if text.len() > most {
        text.truncate(text.floor_char_boundary(most - '…'.len_utf8()));
        text.push('…');
    }
}

/// The text for a caller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    kind: Kind,
    message: String,
    violations: Vec<FieldViolation>,
    retry_after: Option<Duration>,
    reason: Option<String>,
}

/// Why a call was refused, in words that programs act on. They travel as `google.rpc.ErrorInfo`.
pub mod reason {
    /// The sign-in is too old for this call. Sign in again and repeat the call.
    pub const SIGN_IN_AGAIN: &str = "SIGN_IN_AGAIN";
    /// The session has ended; sign in again.
    pub const SESSION_ENDED: &str = "SESSION_ENDED";
    /// This server has no identity provider.
    pub const NO_PROVIDER: &str = "NO_PROVIDER";
    /// The identity provider can't be reached, or can't be trusted as it answers now.
    pub const PROVIDER_FAILED: &str = "PROVIDER_FAILED";
    /// The person did not sign in at the identity provider, or the provider did not let it.
    pub const PROVIDER_REFUSED: &str = "PROVIDER_REFUSED";
    /// The sign-in was not begun in this browser, is too old, or is over already; begin another one.
    pub const SIGN_IN_UNKNOWN: &str = "SIGN_IN_UNKNOWN";
    /// None of the person's groups has a role here.
    pub const NO_ROLE: &str = "NO_ROLE";
    /// The operator that this person is was revoked.
    pub const OPERATOR_REVOKED: &str = "OPERATOR_REVOKED";
    /// A run would reach another number of devices than its caller expected; look again.
    pub const DEVICES_CHANGED: &str = "DEVICES_CHANGED";
}

/// Whose reasons they are, as `google.rpc.ErrorInfo` wants to know.
const REASON_DOMAIN: &str = "homepot";

impl Error {
    /// An error of `kind` that says `message`; a very long one is cut.
    pub fn new(kind: Kind, message: impl Into<String>) -> Self {
        let mut message = message.into();
        shorten(&mut message, MESSAGE_BYTES);
        Self { kind, message, violations: Vec::new(), retry_after: None, reason: None }
    }

    /// One field is at fault.
    pub fn invalid(field: impl Into<String>, reason: impl Into<String>) -> Self {
        Self::violations(vec![FieldViolation::new(field, reason)])
    }

    /// A field has to be given and is not.
    pub fn missing(field: impl Into<String>) -> Self {
        Self::invalid(field, REQUIRED)
    }

    /// Several fields are at fault; as many as a caller reads are reported at once.
    pub fn violations(mut violations: Vec<FieldViolation>) -> Self {
        let more = violations.len().saturating_sub(MOST_VIOLATIONS);
        violations.truncate(MOST_VIOLATIONS);
        for violation in &mut violations {
            shorten(&mut violation.field, FIELD_BYTES);
            shorten(&mut violation.reason, REASON_BYTES);
        }
        let mut told: Vec<_> = violations.iter().map(|v| format!("{}: {}", v.field, v.reason)).collect();
        if more > 0 {
            told.push(format!("{more} more faults are not listed"));
        }
        Self { violations, ..Self::new(Kind::Invalid, told.join("; ")) }
    }

    /// There is no such thing.
    pub fn not_found(message: impl Into<String>) -> Self {
        Self::new(Kind::NotFound, message)
    }

    /// A fault of ours; the cause belongs in the log, not in here.
    pub fn internal() -> Self {
        Self::new(Kind::Internal, "internal error; the server's log has the cause under this request's id")
    }

    /// Adds when a repeat makes sense.
    #[must_use]
    pub fn retry_after(mut self, delay: Duration) -> Self {
        self.retry_after = Some(delay);
        self
    }

    /// Adds one of [`reason`], for programs.
    #[must_use]
    pub fn because(mut self, reason: &str) -> Self {
        self.reason = Some(reason.to_owned());
        self
    }

    /// What went wrong.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// The text for the caller.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// The fields at fault; empty when the kind is not [`Kind::Invalid`].
    pub fn field_violations(&self) -> &[FieldViolation] {
        &self.violations
    }

    /// When a repeat makes sense, if that is known.
    pub fn retry_delay(&self) -> Option<Duration> {
        self.retry_after
    }

    /// Why, for programs, where there is something that they can do about it.
    pub fn reason(&self) -> Option<&str> {
        self.reason.as_deref()
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Error {}

impl From<Error> for Status {
    fn from(error: Error) -> Self {
        let code = error.kind.code();
        if error.violations.is_empty() && error.retry_after.is_none() && error.reason.is_none() {
            return Status::new(code, error.message);
        }
        let mut details = ErrorDetails::new();
        for violation in &error.violations {
            details.add_bad_request_violation(&violation.field, &violation.reason);
        }
        if let Some(delay) = error.retry_after {
            details.set_retry_info(Some(delay));
        }
        if let Some(reason) = error.reason {
            details.set_error_info(reason, REASON_DOMAIN, HashMap::new());
        }
        Status::with_error_details(code, error.message, details)
    }
}

impl From<&Status> for Error {
    /// Reads back what [`Status::from`] wrote; also the way a client reads a server's answer.
    fn from(status: &Status) -> Self {
        let details = status.get_error_details();
        let violations = details
            .bad_request()
            .map(|bad| {
                let fault = |v: &tonic_types::FieldViolation| FieldViolation::new(&v.field, &v.description);
                bad.field_violations.iter().map(fault).collect()
            })
            .unwrap_or_default();
        Self {
            kind: Kind::from_code(status.code()),
            message: status.message().to_owned(),
            violations,
            retry_after: details.retry_info().and_then(|info| info.retry_delay),
            reason: details.error_info().filter(|info| info.domain == REASON_DOMAIN).map(|info| info.reason.clone()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_survives_the_wire_with_its_fields_its_delay_and_its_reason() {
        let error = Error::violations(vec![
            FieldViolation::new("device_id", "is required"),
            FieldViolation::new("name", "is longer than 200 characters"),
        ])
        .retry_after(Duration::from_secs(3))
        .because(reason::SIGN_IN_AGAIN);
        assert_eq!(Error::from(&Status::from(error.clone())), error);
    }

    #[test]
    fn an_error_fits_into_the_headers_that_a_client_takes_however_much_is_wrong() {
        let thousands = |text: &str| {
            let fault = |number| FieldViolation::new(format!("{text}[{number}]"), text.repeat(100));
            Error::violations((0..5_000).map(fault).collect())
        };
        for error in [thousands("ø\u{9b}"), thousands("x"), Error::new(Kind::Conflict, "\u{1F600}".repeat(10_000))] {
            let answer = Status::from(error.clone()).into_http::<()>();
            // As HTTP/2 counts them, RFC 9113, section 6.5.2.
            let size: usize = answer.headers().iter().map(|(name, value)| name.as_str().len() + value.len() + 32).sum();
            assert!(size < 15 * 1024, "{size}");
            assert_eq!(Error::from(&Status::from(error.clone())), error);
        }
        let told = thousands("x");
        assert_eq!(told.field_violations().len(), MOST_VIOLATIONS);
        assert!(told.message().starts_with("x[0]: xxx"));
        let two = Error::violations(vec![FieldViolation::new("a", "b"); 18]);
        assert!(two.message().ends_with("; 2 more faults are not listed"), "{two}");
    }

    #[test]
    fn every_kind_survives_the_wire_but_for_those_that_share_no_code() {
        for kind in [
            Kind::Invalid,
            Kind::Unauthenticated,
            Kind::Forbidden,
            Kind::NotFound,
            Kind::AlreadyExists,
            Kind::Conflict,
            Kind::Throttled,
            Kind::Unavailable,
            Kind::Timeout,
            Kind::TooLarge,
            Kind::Unimplemented,
            Kind::Internal,
        ] {
            assert_eq!(Error::from(&Status::from(Error::new(kind, "x"))).kind(), kind);
        }
    }
}
