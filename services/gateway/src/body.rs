//! Reads a request's body: bounded in size and time, little of it before its sender is known, JSON, an object, and of the
//! shape the route wants.

use std::time::Duration;

use axum::{
    body::Body,
    extract::{FromRequest, Request},
};
use bytes::{Bytes, BytesMut};
use homepot::Error;
use http::{HeaderMap, StatusCode, header, request::Parts};
use http_body_util::BodyExt;
use serde_json::{Map, Value};

use crate::{
    App,
    backend::check_sender,
    caller::Sender,
    encoding::decoded,
    error::{ApiError, Fault, Place},
    legacy::Fields,
    query,
};

/// A body may be this large.
pub(crate) const MAX_BODY_BYTES: usize = 1024 * 1024;
/// As much is read before it is known who sends it.
const UNCHECKED_BYTES: usize = 4 * 1024;
/// A request to enrol may be this large: its sender shows what it has with the request itself.
const ENROLLMENT_BYTES: usize = 32 * 1024;
/// The first bytes have this long to arrive.
const UNCHECKED_TIMEOUT: Duration = Duration::from_secs(5);
/// A body of a sender who is known may take this long to arrive.
const READ_TIMEOUT: Duration = Duration::from_secs(30);
/// Of a body that is too large, this much is read and dropped: a client that is still writing when its connection
/// ends would never see the answer.
const MAX_DRAINED_BYTES: usize = 8 * MAX_BODY_BYTES;

/// What a route wants its body to be.
pub(crate) trait Shape: Sized {
    /// Reads every field, in the order in which faults are told.
    fn read(fields: &mut Fields) -> Self;

    /// The domain's own judgement; fields that were at fault already hold defaults.
    fn judge(&self) -> Result<(), Error> {
        Ok(())
    }
}

/// A body that was read and found without fault.
pub(crate) struct Valid<T>(pub(crate) T);

impl<T: Shape> FromRequest<App> for Valid<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, app: &App) -> Result<Self, ApiError> {
        let (parts, body) = request.into_parts();
        let text = whole(&parts, body, app).await?;
        let Value::Object(object) = text else { return Err(not_an_object()) };
        let fields = Fields::new(object).beside(query::found(&parts.extensions));
        judged(fields).map(Self)
    }
}

/// A body of one object or of a list of them, each read and found without fault.
pub(crate) struct OneOrMany<T>(pub(crate) Vec<T>);

/// Objects in one list.
const MAX_OBJECTS: usize = 1_000;

impl<T: Shape> FromRequest<App> for OneOrMany<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, app: &App) -> Result<Self, ApiError> {
        let (parts, body) = request.into_parts();
        let text = whole(&parts, body, app).await?;
        let of_query = query::found(&parts.extensions);
        match text {
            Value::Object(object) => judged(Fields::new(object).beside(of_query)).map(|one| Self(vec![one])),
            Value::Array(list) => many(list, of_query).map(Self),
            _ => Err(not_an_object()),
        }
    }
}

/// Reads each object of a list; the faults of all are told, each with its place.
fn many<T: Shape>(list: Vec<Value>, mut faults: Vec<Fault>) -> Result<Vec<T>, ApiError> {
    if list.is_empty() {
        faults.push(Fault::of_body("too_short", "List should have at least 1 item"));
    } else if list.len() > MAX_OBJECTS {
        let told = format!("List should have at most {MAX_OBJECTS} items");
        return Err(ApiError::invalid(vec![Fault::of_body("too_long", told)]));
    }
    let mut values = Vec::with_capacity(list.len());
    for (place, item) in list.into_iter().enumerate() {
        let read = match item {
            Value::Object(object) => judged(Fields::new(object)),
            _ => Err(not_an_object()),
        };
        match read {
            Ok(value) => values.push(value),
            Err(error) => faults.extend(error.faults_at(place)),
        }
    }
    if faults.is_empty() { Ok(values) } else { Err(ApiError::invalid(faults)) }
}

fn judged<T: Shape>(mut fields: Fields) -> Result<T, ApiError> {
    let value = T::read(&mut fields);
    let judgement = value.judge();
    fields.finish(value, judgement)
}

/// The object that a body is; an empty one where there is no body.
pub(crate) async fn object(parts: &Parts, body: Body, app: &App) -> Result<Map<String, Value>, ApiError> {
    let bytes = bytes(parts, body, app).await?;
    if bytes.is_empty() {
        return Ok(Map::new());
    }
    match parse(&parts.headers, &bytes)? {
        Value::Object(object) => Ok(object),
        _ => Err(not_an_object()),
    }
}

/// The JSON of a whole body.
async fn whole(parts: &Parts, body: Body, app: &App) -> Result<Value, ApiError> {
    let bytes = bytes(parts, body, app).await?;
    parse(&parts.headers, &bytes)
}

/// A whole body, as it came.
pub(crate) async fn bytes(parts: &Parts, body: Body, app: &App) -> Result<Bytes, ApiError> {
    read(&parts.headers, body, parts.extensions.get::<Sender>(), app).await
}

/// An error for a body of more than `limit` bytes.
pub(crate) fn too_large(limit: usize) -> ApiError {
    ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, format!("Request body is larger than {limit} bytes"))
}

fn not_an_object() -> ApiError {
    let msg = "Input should be a valid dictionary or object to extract fields from";
    ApiError::invalid(vec![Fault::of_body("model_attributes_type", msg)])
}

/// Reads a few bytes, and more only once the services know who sends them.
async fn read(headers: &HeaderMap, body: Body, sender: Option<&Sender>, app: &App) -> Result<Bytes, ApiError> {
    let told = headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    let waits_for_our_word = headers.contains_key(header::EXPECT);
    let too_slow = |_| ApiError::new(StatusCode::REQUEST_TIMEOUT, "Request body took too long");
    let limit = if sender.is_some() { MAX_BODY_BYTES } else { ENROLLMENT_BYTES };
    if waits_for_our_word && told.is_some_and(|length| length > limit as u64) {
        return Err(too_large(limit));
    }
    let mut reading = Reading { body, bytes: BytesMut::new(), seen: 0, limit };
    let first = if sender.is_some() { UNCHECKED_BYTES } else { ENROLLMENT_BYTES };
    let announces_more = told.is_some_and(|length| length > first as u64);
    let whole =
        !announces_more && tokio::time::timeout(UNCHECKED_TIMEOUT, reading.up_to(first)).await.map_err(too_slow)??;
    if !whole {
        let Some(sender) = sender else { return Err(too_large(limit)) };
        check_sender(&app.services, sender).await?;
        tokio::time::timeout(READ_TIMEOUT, reading.up_to(MAX_DRAINED_BYTES)).await.map_err(too_slow)??;
    }
    if reading.seen > limit { Err(too_large(limit)) } else { Ok(reading.bytes.freeze()) }
}

/// A body as far as it was read. Past the limit it is dropped as it comes.
struct Reading {
    body: Body,
    bytes: BytesMut,
    seen: usize,
    limit: usize,
}

impl Reading {
    /// Reads until more than `bytes` have been seen; `true` at the body's end.
    async fn up_to(&mut self, bytes: usize) -> Result<bool, ApiError> {
        while self.seen <= bytes {
            let Some(frame) = self.body.frame().await else { return Ok(true) };
            let broken = |_| ApiError::new(StatusCode::BAD_REQUEST, "There was an error reading the body");
            let Ok(data) = frame.map_err(broken)?.into_data() else { continue };
            self.seen += data.len();
            if self.seen <= self.limit {
                self.bytes.extend_from_slice(&data);
            }
        }
        Ok(false)
    }
}

fn parse(headers: &HeaderMap, bytes: &[u8]) -> Result<Value, ApiError> {
    if bytes.is_empty() {
        return Err(ApiError::invalid(vec![Fault::of_body("missing", "Field required")]));
    }
    // A form or a plain text is what another site's page can make a browser send without asking.
    if !is_json(headers) {
        return Err(not_an_object());
    }
    let text = decoded(headers, bytes, MAX_BODY_BYTES)?;
    match serde_json::from_slice(&text) {
        Ok(Value::Null) => Err(ApiError::invalid(vec![Fault::of_body("missing", "Field required")])),
        Ok(value) => Ok(value),
        Err(error) => {
            let mut fault = Fault::of_body("json_invalid", "JSON decode error");
            fault.loc.push(Place::At(offset(&text, &error)));
            Err(ApiError::invalid(vec![fault]))
        }
    }
}

/// True for JSON and for a body whose type nobody told.
fn is_json(headers: &HeaderMap) -> bool {
    let Some(value) = headers.get(header::CONTENT_TYPE) else { return true };
    let Some(essence) = value.to_str().ok().and_then(|text| text.split(';').next()) else { return false };
    let essence = essence.trim().to_ascii_lowercase();
    essence == "application/json" || (essence.starts_with("application/") && essence.ends_with("+json"))
}

/// How many bytes lie before the place where the text stopped being JSON.
fn offset(bytes: &[u8], error: &serde_json::Error) -> usize {
    let lines = bytes.split_inclusive(|byte| *byte == b'\n').take(error.line().saturating_sub(1));
    lines.map(<[u8]>::len).sum::<usize>() + error.column().saturating_sub(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json_headers(content_type: Option<&str>) -> HeaderMap {
        content_type.map(|text| (header::CONTENT_TYPE, text.parse().unwrap())).into_iter().collect()
    }

    fn fault(text: &str) -> String {
        format!("{:?}", parse(&json_headers(None), text.as_bytes()).unwrap_err())
    }

    #[test]
    fn what_is_not_json_is_told_with_its_place() {
        for text in ["{", "{\"a\": NaN}", "{\"a\": Infinity}", "{\"a\": 1e999}", "{\"a\": \"\\ud800\"}", "nonsense"] {
            assert!(fault(text).contains("json_invalid"), "{text}");
        }
        assert!(fault("{\n\"a\": x}").contains("At(7)"));
        assert!(parse(&json_headers(None), b"{\"a\": \"\xff\"}").is_err());
    }

    #[test]
    fn what_is_no_object_is_told() {
        assert!(fault("null").contains("missing"));
        assert!(fault("").contains("missing"));
    }

    #[test]
    fn only_json_is_read_and_a_client_that_tells_no_type_is_taken_at_its_word() {
        for good in
            [None, Some("application/json"), Some("Application/JSON; charset=utf-8"), Some("application/a+json")]
        {
            assert!(parse(&json_headers(good), b"{}").is_ok(), "{good:?}");
        }
        for bad in ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"] {
            assert!(parse(&json_headers(Some(bad)), b"{}").is_err(), "{bad}");
        }
    }

    #[test]
    fn faults_of_a_list_are_told_with_their_places() {
        struct Named;
        impl Shape for Named {
            fn read(fields: &mut Fields) -> Self {
                fields.required_text("name", 9);
                Self
            }
        }
        let places = |text: &str| -> Vec<Vec<Place>> {
            let Ok(Value::Array(list)) = serde_json::from_str(text) else { panic!("{text} is no list") };
            let error = many::<Named>(list, Vec::new()).err().map(|error| error.body().detail);
            let Some(crate::error::Detail::Faults(faults)) = error else { return Vec::new() };
            faults.into_iter().map(|fault| fault.loc).collect()
        };
        let body = || Place::Name("body".to_owned());
        assert!(places(r#"[{"name": "a"}]"#).is_empty());
        assert_eq!(places("[]"), [[body()]]);
        assert_eq!(
            places(r#"[{"name": "a"}, {}, 7]"#),
            [vec![body(), Place::At(1), Place::Name("name".to_owned())], vec![body(), Place::At(2)]]
        );
    }

    #[test]
    fn nesting_beyond_measure_is_refused_and_not_followed() {
        let deep = format!("{{\"a\": {}{}}}", "[".repeat(100_000), "]".repeat(100_000));
        assert!(fault(&deep).contains("json_invalid"));
    }
}
