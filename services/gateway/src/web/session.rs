//! The sign-in of the page: `POST /session` turns a token or a one-time code into a cookie, `DELETE /session` ends it. A call with
//! that cookie is a call of its session.

use std::time::Duration;

use axum::{
    Json, Router,
    extract::{Request, State},
    middleware::Next,
    response::{IntoResponse as _, Response},
    routing::post,
};
use homepot::{
    model::{SESSION_ABSOLUTE, Secret, SecretKind},
    pb::session::v1 as pb,
};
use http::{HeaderValue, StatusCode, header, request::Parts};
use serde_json::{Map, Value, json};

use super::{cookie, provider, same_origin};
use crate::{
    App,
    backend::{call, promised},
    body,
    caller::Caller,
    error::{ApiError, Fault},
};

/// What one signs in with.
const FIELDS: [&str; 2] = ["token", "code"];

pub(super) fn router() -> Router<App> {
    let router = Router::new().route("/session", post(sign_in).delete(sign_out).get(provider::options));
    router.merge(provider::router())
}

/// The middleware of what operators call. Who shows no credential in the usual header and brings the cookie calls with its
/// session, where our own page is behind it.
pub(crate) async fn admit(State(app): State<App>, request: Request, next: Next) -> Response {
    let (mut parts, body) = request.into_parts();
    if !parts.headers.contains_key(header::AUTHORIZATION)
        && let Some(secret) = cookie::find(&parts.headers, app.config.over_tls)
    {
        if let Err(error) = same_origin::check(&parts, &app.config) {
            return error.into_response();
        }
        // A session's letters are all those of a header.
        if let Ok(mut value) = HeaderValue::try_from(format!("Bearer {}", secret.reveal())) {
            value.set_sensitive(true);
            parts.headers.insert(header::AUTHORIZATION, value);
        }
    }
    next.run(Request::from_parts(parts, body)).await
}

async fn sign_in(State(app): State<App>, request: Request) -> Result<Response, ApiError> {
    let (parts, body) = request.into_parts();
    same_origin::check(&parts, &app.config)?;
    let secret = read(&body::object(&parts, body, &app).await?)?;
    let (set, session) = open(&app, &parts, &secret).await?;
    // All else of it, `WhoAmI` tells.
    let shown = json!({ "session_id": session.session_id, "operator": session.operator });
    Ok((StatusCode::CREATED, [(header::SET_COOKIE, set)], Json(shown)).into_response())
}

/// Opens a session with a token or a code, and ends the one that the browser had before; answers the cookie.
pub(super) async fn open(app: &App, parts: &Parts, secret: &Secret) -> Result<(HeaderValue, pb::Session), ApiError> {
    let caller = Caller::operator(parts, secret)?;
    let mut client = app.services.session();
    let request = pb::CreateSessionRequest {};
    let made = call(&caller, request, |request| async move { client.create_session(request).await }).await?;

    let session = promised(made.session)?;
    let set = cookie::set(&Secret::presented(made.secret), lasts(&session), app.config.over_tls);
    // Each sign-in has a secret of its own, and the one before is of no more use to anybody.
    if let Some(before) = cookie::find(&parts.headers, app.config.over_tls)
        && let Err(error) = end(app, parts, &before).await
    {
        tracing::debug!(status = error.status().as_u16(), "end the session before");
    }
    Ok((set.ok_or_else(ApiError::internal)?, session))
}

async fn sign_out(State(app): State<App>, request: Request) -> Result<Response, ApiError> {
    let (parts, _) = request.into_parts();
    same_origin::check(&parts, &app.config)?;
    if let Some(secret) = cookie::find(&parts.headers, app.config.over_tls) {
        match end(&app, &parts, &secret).await {
            // One that has ended needs no end.
            Err(error) if error.status() != StatusCode::UNAUTHORIZED => return Err(error),
            _ => {}
        }
    }
    let clear = [(header::SET_COOKIE, cookie::clear(app.config.over_tls).ok_or_else(ApiError::internal)?)];
    Ok((StatusCode::NO_CONTENT, clear).into_response())
}

/// Ends a session in its own name.
async fn end(app: &App, parts: &Parts, secret: &Secret) -> Result<(), ApiError> {
    let caller = Caller::operator(parts, secret)?;
    let mut client = app.services.session();
    let session_id = secret.public_id(SecretKind::Session).unwrap_or_default().to_owned();
    let request = pb::RevokeSessionRequest { session_id };
    call(&caller, request, |request| async move { client.revoke_session(request).await }).await.map(drop)
}

/// The token or the code of the body. An error does not repeat them.
fn read(object: &Map<String, Value>) -> Result<Secret, ApiError> {
    let mut faults = Vec::new();
    for name in object.keys().filter(|name| !FIELDS.contains(&name.as_str())) {
        faults.push(Fault::of_field(name, "extra_forbidden", "This field is not known"));
    }
    let mut secrets = Vec::new();
    for name in FIELDS {
        match object.get(name) {
            None | Some(Value::Null) => {}
            Some(Value::String(text)) if !text.is_empty() => secrets.push(Secret::presented(text.trim())),
            Some(_) => faults.push(Fault::of_field(name, "string_type", "Input should be a text that is not empty")),
        }
    }
    if faults.is_empty() && secrets.len() != 1 {
        faults.push(Fault::of_body("missing", "Give one of the fields token and code"));
    }
    match secrets.pop() {
        Some(secret) if faults.is_empty() => Ok(secret),
        _ => Err(ApiError::invalid(faults)),
    }
}

/// How long a session may last.
fn lasts(session: &pb::Session) -> Duration {
    let ends = session.expires_at.as_ref().zip(session.created_at.as_ref());
    let seconds = ends.map(|(end, begin)| end.seconds - begin.seconds);
    seconds.and_then(|seconds| u64::try_from(seconds).ok()).map_or(SESSION_ABSOLUTE, Duration::from_secs)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_sign_in_takes_one_of_token_and_code_and_repeats_neither() {
        let read = |value: Value| read(value.as_object().unwrap());
        assert_eq!(read(json!({"token": "t"})).unwrap(), Secret::presented("t"));
        assert_eq!(read(json!({"code": " c\n", "token": null})).unwrap(), Secret::presented("c"));
        for bad in [
            json!({}),
            json!({"token": "secret", "code": "secret"}),
            json!({"token": 7}),
            json!({"code": ""}),
            json!({"token": "secret", "name": "ann"}),
        ] {
            let told = format!("{:?}", read(bad.clone()).unwrap_err());
            assert!(!told.contains("secret"), "{bad}: {told}");
        }
    }

    #[test]
    fn a_cookie_lasts_as_long_as_its_session_may() {
        let at = |seconds| Some(prost_types::Timestamp { seconds, nanos: 0 });
        let session = pb::Session { created_at: at(100), expires_at: at(160), ..Default::default() };
        assert_eq!(lasts(&session), Duration::from_secs(60));
        assert_eq!(lasts(&pb::Session::default()), SESSION_ABSOLUTE);
    }
}
