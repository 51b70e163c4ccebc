//! gRPC-Web: every method for operators at its gRPC path, for browsers. What a call carries is bytes here: the gateway looks at
//! the caller's token and the frame of the message, and passes both on.

use std::convert::Infallible;

use axum::{
    Router,
    body::Body,
    extract::{FromRequestParts as _, Request, State},
    response::{IntoResponse as _, Response},
    routing::post,
};
use bytes::Bytes;
use homepot::{
    Error, Kind,
    contract::{self, Method},
};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use http_body_util::{BodyExt as _, Full, Limited};
use tonic::Status;
use tonic_web::GrpcWebLayer;
use tower::{Layer as _, ServiceExt as _, service_fn};

use crate::{
    App,
    backend::{DEADLINE, MAX_ANSWER_BYTES},
    body,
    bounded::lasting,
    caller::{Caller, Operator},
    error::ApiError,
};

/// What the body may be, and what the answer may be asked for as.
const CONTENT_TYPES: [&str; 4] = [
    "application/grpc-web",
    "application/grpc-web+proto",
    "application/grpc-web-text",
    "application/grpc-web-text+proto",
];
/// The client's deadline, and the form in which ours is told to the service.
const TIMEOUT: &str = "grpc-timeout";
/// Before a message: a flag and its length.
const PREFIX_BYTES: usize = 5;

/// What a service answers.
type Answer = http::Response<tonic::body::Body>;

/// The methods that have a path over REST, which are those for operators. No device's method is found here.
pub(crate) fn router() -> Router<App> {
    contract::methods().filter(|method| method.http.is_some()).fold(Router::new(), |router, method| {
        router.route(method.path, post(move |State(app): State<App>, request: Request| answer(app, method, request)))
    })
}

/// What is not gRPC-Web gets an answer of REST; all else the answer of the method in the form that was asked for.
async fn answer(app: App, method: &'static Method, mut request: Request) -> Response {
    let Some(content_type) = grpc_web(&request, header::CONTENT_TYPE) else {
        let told = format!("This path takes gRPC-Web only: {}", CONTENT_TYPES.join(", "));
        return ApiError::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, told).into_response();
    };
    if grpc_web(&request, header::ACCEPT).is_none() {
        // Who does not say gets what it speaks.
        request.headers_mut().insert(header::ACCEPT, content_type);
    }
    let call = service_fn(move |request: http::Request<tonic::body::Body>| {
        let app = app.clone();
        async move {
            let answer = call(&app, method, request.map(Body::new)).await;
            Ok::<_, Infallible>(answer.unwrap_or_else(Status::into_http))
        }
    });
    let Ok(answer) = GrpcWebLayer::new().layer(call).oneshot(request).await;
    let answer = answer.map(Body::new);
    if method.server_streaming {
        return lasting(answer);
    }
    // All of it is here already; what is whole has a length.
    let (parts, body) = answer.into_parts();
    match body.collect().await {
        Ok(whole) => Response::from_parts(parts, Body::from(whole.to_bytes())),
        Err(_) => ApiError::internal().into_response(),
    }
}

fn grpc_web(request: &Request, name: HeaderName) -> Option<HeaderValue> {
    request.headers().get(name).filter(|value| CONTENT_TYPES.iter().any(|known| value == known)).cloned()
}

/// The call as gRPC.
async fn call(app: &App, method: &Method, request: Request) -> Result<Answer, Status> {
    let (mut parts, body) = request.into_parts();
    let Operator(caller) = Operator::from_request_parts(&mut parts, app).await.map_err(|error| error.as_grpc())?;
    let message = body::bytes(&parts, body, app).await.map_err(|error| error.as_grpc())?;
    check_frame(&message)?;
    let request = outgoing(&caller, method, message, parts.headers.get(TIMEOUT).cloned());
    let answered = async {
        let answer = app.services.carrier().oneshot(request).await.map_err(|_| unavailable())?;
        match method.server_streaming {
            true => Ok((is_granted(answer.headers()), answer)),
            false => whole(answer).await,
        }
    };
    let answer = tokio::time::timeout(DEADLINE, answered).await;
    let (granted, answer) = answer.map_err(|_| ApiError::timeout().as_grpc())??;
    if granted {
        caller.was_let_in();
    }
    Ok(answer)
}

fn unavailable() -> Status {
    ApiError::from(Error::new(Kind::Unavailable, "")).as_grpc()
}

/// One whole message, as it is: tonic makes room for what a length announces, so it has to be true.
fn check_frame(bytes: &[u8]) -> Result<(), Status> {
    let Some((&[flag, ref length @ ..], message)) = bytes.split_first_chunk::<PREFIX_BYTES>() else {
        return Err(Status::invalid_argument("the body holds no message"));
    };
    if flag != 0 {
        return Err(Status::unimplemented("the message is compressed; send it as it is"));
    }
    let mut announced = [0; 4];
    announced.copy_from_slice(length);
    if usize::try_from(u32::from_be_bytes(announced)) != Ok(message.len()) {
        return Err(Status::invalid_argument("the body is not one message of the length that it announces"));
    }
    Ok(())
}

fn outgoing(
    caller: &Caller,
    method: &Method,
    message: Bytes,
    timeout: Option<HeaderValue>,
) -> http::Request<tonic::body::Body> {
    let (metadata, extensions, ()) = caller.request(()).into_parts();
    let mut request = http::Request::new(tonic::body::Body::new(Full::new(message)));
    *request.method_mut() = http::Method::POST;
    *request.uri_mut() = http::Uri::from_static(method.path);
    *request.version_mut() = http::Version::HTTP_2;
    *request.headers_mut() = metadata.into_headers();
    *request.extensions_mut() = extensions;
    let headers = request.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
    headers.insert(header::TE, HeaderValue::from_static("trailers"));
    // For the other side; in one process nobody reads it, so the clock runs here as well.
    let ours = (!method.server_streaming).then(|| HeaderValue::try_from(format!("{}S", DEADLINE.as_secs())).ok());
    if let Some(timeout) = timeout.or(ours.flatten()) {
        headers.insert(TIMEOUT, timeout);
    }
    request
}

/// Reads an answer of one message to its end, and tells whether it is one.
async fn whole(answer: Answer) -> Result<(bool, Answer), Status> {
    let (parts, body) = answer.into_parts();
    let whole = Limited::new(body, MAX_ANSWER_BYTES).collect().await.map_err(|_| unavailable())?;
    let trailers = whole.trailers().cloned();
    let granted = is_granted(&parts.headers) && trailers.as_ref().is_some_and(is_granted);
    let body = Full::new(whole.to_bytes()).with_trailers(async move { trailers.map(Ok) });
    Ok((granted, Answer::from_parts(parts, tonic::body::Body::new(body))))
}

fn is_granted(headers: &HeaderMap) -> bool {
    headers.get("grpc-status").is_none_or(|status| status == "0")
}

#[cfg(test)]
mod tests;
