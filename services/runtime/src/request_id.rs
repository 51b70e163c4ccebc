//! One id for each call, through every service it touches.
//!
//! The id comes with the call in `x-request-id`, as a gateway sends it, or is made here. It stands in the span of every
//! log line, in the answer, and on the request for whatever is called from here. The same layer counts and times calls,
//! and begins the span of a call in a trace, since it sees all of them.

use std::{
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use homepot::access::{Audience, audience};
use http::{HeaderMap, HeaderValue, Request, Response};
use tokio::time::Instant;
use tonic::Code;
use tower::{Layer, Service};
use tracing::{Instrument as _, Span, field::Empty};

use crate::{
    peer::{ForwardedPeer, TrustedProxies},
    trace::{self, CallSpan, Said, Whose},
};

/// The metadata that carries the id.
pub const REQUEST_ID: &str = "x-request-id";

/// An id from outside may be this long; anything longer is replaced.
const MAX_LENGTH: usize = 128;

/// The method that is called, by its gRPC path; the layer puts it into each request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Method(pub &'static str);

/// Gives each gRPC call its id, its spans and its place in the metrics.
#[derive(Clone, Debug, Default)]
pub struct RequestLayer {
    /// Whose word is taken on the trace of a device's call.
    trusted: TrustedProxies,
}

impl RequestLayer {
    /// A layer of services behind gateways that are `trusted`.
    pub fn new(trusted: TrustedProxies) -> Self {
        Self { trusted }
    }
}

impl<S> Layer<S> for RequestLayer {
    type Service = RequestService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        RequestService { layer: self.clone(), inner }
    }
}

/// What [`RequestLayer`] makes.
#[derive(Clone, Debug)]
pub struct RequestService<S> {
    layer: RequestLayer,
    inner: S,
}

impl<S, B, R> Service<Request<B>> for RequestService<S>
where
    S: Service<Request<B>, Response = Response<R>>,
    S::Future: Send + 'static,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<S::Response, S::Error>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        let id = id_of(request.headers());
        let method = method(request.uri().path());
        let trace = self.layer.trace(&request, method, &id);
        let span = trace.in_scope(|| log_span(method, &id, &trace));
        request.headers_mut().insert(REQUEST_ID, id.clone());
        request.extensions_mut().insert(Method(method));
        if !trace.is_disabled() {
            request.extensions_mut().insert(CallSpan(trace.clone()));
        }

        let started = Instant::now();
        // Within the spans already here: a service may start its work before its future is polled.
        let answer = trace.in_scope(|| span.in_scope(|| self.inner.call(request)));
        let traced = trace.clone();
        let answer = async move {
            let mut answer = answer.await;
            if let Ok(response) = &mut answer {
                record(method, response.headers(), started.elapsed(), &traced);
                response.headers_mut().insert(REQUEST_ID, id);
            }
            answer
        };
        let answer = answer.instrument(span);
        if trace.is_disabled() { Box::pin(answer) } else { Box::pin(trace::answered(trace, answer)) }
    }
}

impl RequestLayer {
    /// The span of a call in its trace. What a caller says of a trace is taken of operators; of devices it is not, for they are
    /// many, unless a gateway says it.
    fn trace<B>(&self, request: &Request<B>, method: &'static str, id: &HeaderValue) -> Span {
        if !trace::is_on() {
            return Span::none();
        }
        let whose = match audience(method) {
            Some(Audience::Device | Audience::Enrollee) => Whose::Device,
            _ => Whose::Operator,
        };
        let said = match whose {
            _ if request.extensions().get::<ForwardedPeer>().is_some() => Said::ByGateway(request.headers()),
            Whose::Device if !self.trusted.sent(request) => Said::Nothing,
            _ => Said::ByCaller(request.headers()),
        };
        let Some(origin) = trace::decide(whose, said) else { return Span::none() };
        let name = method.trim_start_matches('/');
        origin.of(tracing::info_span!(
            target: trace::ROOT,
            parent: None,
            "call",
            otel.name = name,
            otel.kind = "server",
            otel.status_code = Empty,
            rpc.system.name = "grpc",
            rpc.method = name,
            rpc.response.status_code = Empty,
            request_id = id.to_str().unwrap_or_default(),
            operator = Empty,
            device_id = Empty,
        ))
    }
}

/// The span of a call in log lines. Who calls is noted once that is known.
fn log_span(method: &'static str, id: &HeaderValue, trace: &Span) -> Span {
    let request_id = id.to_str().unwrap_or_default();
    tracing::info_span!("call", request_id, method, trace_id = trace::id(trace), device_id = Empty)
}

/// The id that a request brought, where it is one, or a new one.
pub fn id_of(headers: &HeaderMap) -> HeaderValue {
    accepted(headers).unwrap_or_else(fresh)
}

/// The id a call brought, if it is one that may be repeated in logs and answers.
fn accepted(headers: &HeaderMap) -> Option<HeaderValue> {
    let id = headers.get(REQUEST_ID)?;
    let fit = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.:".contains(byte);
    let good = (1..=MAX_LENGTH).contains(&id.len()) && id.as_bytes().iter().all(fit);
    good.then(|| id.clone())
}

fn fresh() -> HeaderValue {
    let id = uuid::Uuid::now_v7().to_string();
    HeaderValue::try_from(id).unwrap_or(HeaderValue::from_static("none"))
}

/// The method's name out of a bounded set: callers choose paths, and must not choose labels.
fn method(path: &str) -> &'static str {
    homepot::contract::method(path).map_or("other", |method| method.path)
}

/// Counts at the head of the answer: a stream's later end is its session's to count.
fn record(method: &'static str, headers: &HeaderMap, took: Duration, trace: &Span) {
    let code = headers.get("grpc-status").map_or(Code::Ok, |code| Code::from_bytes(code.as_bytes()));
    note_code(trace, code);
    let code = format!("{code:?}");
    tracing::debug!(code, took_ms = took.as_secs_f64() * 1000.0, "call answered");
    metrics::counter!("homepot_grpc_requests_total", "method" => method, "code" => code).increment(1);
    metrics::histogram!("homepot_grpc_request_seconds", "method" => method).record(took);
}

fn note_code(trace: &Span, code: Code) {
    if trace.is_disabled() {
        return;
    }
    trace.record("rpc.response.status_code", code_name(code));
    use Code::{DataLoss, DeadlineExceeded, Internal, Unavailable, Unimplemented, Unknown};
    if matches!(code, DataLoss | DeadlineExceeded | Internal | Unavailable | Unimplemented | Unknown) {
        trace::failed(trace);
    }
}

/// The code as gRPC writes it.
fn code_name(code: Code) -> &'static str {
    match code {
        Code::Ok => "OK",
        Code::Cancelled => "CANCELLED",
        Code::Unknown => "UNKNOWN",
        Code::InvalidArgument => "INVALID_ARGUMENT",
        Code::DeadlineExceeded => "DEADLINE_EXCEEDED",
        Code::NotFound => "NOT_FOUND",
        Code::AlreadyExists => "ALREADY_EXISTS",
        Code::PermissionDenied => "PERMISSION_DENIED",
        Code::ResourceExhausted => "RESOURCE_EXHAUSTED",
        Code::FailedPrecondition => "FAILED_PRECONDITION",
        Code::Aborted => "ABORTED",
        Code::OutOfRange => "OUT_OF_RANGE",
        Code::Unimplemented => "UNIMPLEMENTED",
        Code::Internal => "INTERNAL",
        Code::Unavailable => "UNAVAILABLE",
        Code::DataLoss => "DATA_LOSS",
        Code::Unauthenticated => "UNAUTHENTICATED",
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use futures_util::FutureExt as _;
    use tower::{ServiceExt as _, service_fn};

    use super::*;
    use crate::metrics::Metrics;

    /// Answers with the id its handler saw.
    async fn seen(request: Request<()>) -> Result<Response<String>, Infallible> {
        Ok(Response::new(request.headers()[REQUEST_ID].to_str().unwrap().to_owned()))
    }

    async fn ask(id: Option<&str>) -> (String, String) {
        let mut request = Request::new(());
        if let Some(id) = id {
            request.headers_mut().insert(REQUEST_ID, id.parse().unwrap());
        }
        let answer = RequestLayer::default().layer(service_fn(seen)).oneshot(request).await.unwrap();
        (answer.headers()[REQUEST_ID].to_str().unwrap().to_owned(), answer.into_body())
    }

    #[tokio::test]
    async fn an_id_that_came_along_is_kept_and_echoed() {
        assert_eq!(ask(Some("till-7:42")).await, ("till-7:42".into(), "till-7:42".into()));
    }

    #[tokio::test]
    async fn a_missing_or_unfit_id_is_replaced() {
        let long = "x".repeat(MAX_LENGTH + 1);
        for id in [None, Some(""), Some("two words"), Some("\"quoted\""), Some(long.as_str())] {
            let (echoed, handled) = ask(id).await;
            assert_eq!(echoed, handled);
            assert!(uuid::Uuid::parse_str(&echoed).is_ok(), "{echoed}");
        }
    }

    #[test]
    fn callers_cannot_choose_labels() {
        let (recorder, metrics) = Metrics::local();
        metrics::with_local_recorder(&recorder, || {
            for path in ["/homepot.command.v1.CommandService/Queue", "/x/y"] {
                let request = Request::builder().uri(path).body(()).unwrap();
                RequestLayer::default().layer(service_fn(seen)).oneshot(request).now_or_never().unwrap().unwrap();
            }
        });
        let text = metrics.render();
        assert!(text.contains(r#"{method="/homepot.command.v1.CommandService/Queue",code="Ok"} 1"#), "{text}");
        assert!(text.contains(r#"{method="other",code="Ok"} 1"#), "{text}");
        assert!(!text.contains("/x/y"), "{text}");
    }
}
