//! The sign-in with an identity provider: `GET /session` says whether there is one, `POST /session/provider` begins, and the
//! provider sends the browser back to `GET /session/callback`, where the session's cookie is set.
//!
//! What the page is told of a failure is a word that it knows, behind the `#`: no text of somebody else is ever shown, and the
//! only address that a browser is sent to from here is our own page.

use axum::{
    Json, Router,
    extract::{Request, State},
    response::{IntoResponse as _, Response},
    routing::{get, post},
};
use homepot::{model::Secret, pb::session::v1 as pb};
use http::{HeaderValue, StatusCode, header, request::Parts};
use serde_json::{Value, json};

use super::{cookie, same_origin, session};
use crate::{
    App,
    backend::call,
    body,
    caller::Caller,
    error::{ApiError, Fault},
};

/// Behind what the browser keeps where a window of its own signs in, which closes when it is back.
const IN_WINDOW: char = 'w';

pub(super) fn router() -> Router<App> {
    Router::new().route("/session/provider", post(begin)).route("/session/callback", get(finish))
}

/// How people can sign in; nothing of it is secret.
pub(super) async fn options(State(app): State<App>, request: Request) -> Result<Response, ApiError> {
    let (parts, _) = request.into_parts();
    let caller = Caller::anyone(&parts)?;
    let mut client = app.services.session();
    let request = pb::GetSignInOptionsRequest {};
    let options = call(&caller, request, |request| async move { client.get_sign_in_options(request).await }).await?;
    let provider = Some(options.provider_name).filter(|name| !name.is_empty());
    Ok(Json(json!({ "provider": provider.map(|name| json!({ "name": name })) })).into_response())
}

/// Answers where to go, and gives the browser what it needs when it is back.
async fn begin(State(app): State<App>, request: Request) -> Result<Response, ApiError> {
    let (parts, body) = request.into_parts();
    same_origin::check(&parts, &app.config)?;
    let object = body::object(&parts, body, &app).await?;
    let mut faults = Vec::new();
    for name in object.keys().filter(|name| !["fresh", "window"].contains(&name.as_str())) {
        faults.push(Fault::of_field(name, "extra_forbidden", "This field is not known"));
    }
    let mut flag = |name| match object.get(name) {
        None | Some(Value::Null) => false,
        Some(Value::Bool(flag)) => *flag,
        Some(_) => {
            faults.push(Fault::of_field(name, "bool_type", "Input should be true or false"));
            false
        }
    };
    let (fresh, window) = (flag("fresh"), flag("window"));
    if !faults.is_empty() {
        return Err(ApiError::invalid(faults));
    }
    let mut client = app.services.session();
    let request = pb::BeginSignInRequest { fresh };
    let caller = Caller::anyone(&parts)?;
    let begun = call(&caller, request, |request| async move { client.begin_sign_in(request).await }).await?;
    let kept = if window { format!("{}.{IN_WINDOW}", begun.attempt) } else { begun.attempt };
    let set = cookie::set_attempt(&kept, app.config.over_tls).ok_or_else(ApiError::internal)?;
    Ok(([(header::SET_COOKIE, set)], Json(json!({ "url": begun.url }))).into_response())
}

/// The browser is back, from another site's page, which is what makes this the one route that such a page may lead to: what it
/// brings is worth something only with the cookie of the same browser.
async fn finish(State(app): State<App>, request: Request) -> Response {
    let (parts, _) = request.into_parts();
    let kept = cookie::find_attempt(&parts.headers, app.config.over_tls).unwrap_or_default();
    let (attempt, is_window) = match kept.split_once('.') {
        Some((attempt, _)) => (attempt, true),
        None => (kept.as_str(), false),
    };
    let signed_in = sign_in(&app, &parts, attempt).await;
    let mut way = if is_window { "/#/signed-in?window=1".to_owned() } else { "/#/signed-in".to_owned() };
    if let Err(error) = &signed_in {
        let word = error.body().reason.unwrap_or_else(|| "FAILED".to_owned());
        way += &format!("{}failed={word}", if is_window { '&' } else { '?' });
    }
    let location = HeaderValue::try_from(way).unwrap_or(HeaderValue::from_static("/"));
    let mut response = (StatusCode::SEE_OTHER, [(header::LOCATION, location)]).into_response();
    let cookies = [signed_in.ok(), cookie::clear_attempt(app.config.over_tls)];
    for cookie in cookies.into_iter().flatten() {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    response
}

/// The cookie of the session that is made.
async fn sign_in(app: &App, parts: &Parts, attempt: &str) -> Result<HeaderValue, ApiError> {
    let mut request = pb::FinishSignInRequest { attempt: attempt.to_owned(), ..Default::default() };
    for (name, value) in form_urlencoded::parse(parts.uri.query().unwrap_or_default().as_bytes()) {
        let field = match &*name {
            "state" => &mut request.state,
            "code" => &mut request.code,
            "error" => &mut request.error,
            "iss" => &mut request.issuer,
            _ => continue,
        };
        // A parameter that is there twice says nothing: which of them was checked by whom?
        *field = if field.is_empty() { value.into_owned() } else { String::new() };
    }
    let mut client = app.services.session();
    let caller = Caller::anyone(parts)?;
    let made = call(&caller, request, |request| async move { client.finish_sign_in(request).await }).await?;
    session::open(app, parts, &Secret::presented(made.code)).await.map(|(set, _)| set)
}
