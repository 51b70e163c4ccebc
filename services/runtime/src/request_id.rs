//! One id for each request, through every service it touches.
//!
//! The id comes with the request in `x-request-id`, or from the request that this one is part of (a gateway that calls
//! the services in its own process), or is made here. It stands in the span of every log line, in the answer, and in
//! whatever is called from here. The same layer counts and times requests, since it sees all of them.

use std::{
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use axum::extract::MatchedPath;
use http::{HeaderMap, HeaderValue, Request, Response};
use tokio::time::Instant;
use tower::{Layer, Service};
use tracing::Instrument as _;

/// The header, and the gRPC metadata, that carries the id.
pub const REQUEST_ID: &str = "x-request-id";

/// An id from outside may be this long; anything longer is replaced.
const MAX_LENGTH: usize = 128;

tokio::task_local! {
    static CURRENT: HeaderValue;
}

/// The id of the request this task works on, if it works on one.
pub fn current() -> Option<HeaderValue> {
    CURRENT.try_with(Clone::clone).ok()
}

/// What kind of request passes, and so how it is named in metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Naming {
    Grpc,
    Rest,
}

/// Gives each request its id, its span and its place in the metrics.
#[derive(Clone, Copy, Debug)]
pub struct RequestLayer(Naming);

impl RequestLayer {
    /// For gRPC services: requests are named by their method when the contract knows it.
    pub fn grpc() -> Self {
        Self(Naming::Grpc)
    }

    /// For REST: lay it on an axum router with `Router::layer`, so that requests are named by the route they matched.
    pub fn rest() -> Self {
        Self(Naming::Rest)
    }
}

impl<S> Layer<S> for RequestLayer {
    type Service = RequestService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        RequestService { inner, naming: self.0 }
    }
}

/// What [`RequestLayer`] makes.
#[derive(Clone, Debug)]
pub struct RequestService<S> {
    inner: S,
    naming: Naming,
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
        let id = accepted(request.headers()).or_else(current).unwrap_or_else(fresh);
        let told = Told { naming: self.naming, method: request.method().clone(), route: route(self.naming, &request) };
        let path = request.uri().path();
        let span = tracing::info_span!("request", request_id = id.to_str().unwrap_or_default(), path);
        request.headers_mut().insert(REQUEST_ID, id.clone());

        let started = Instant::now();
        let answer = CURRENT.scope(id.clone(), self.inner.call(request));
        let answer = async move {
            let mut answer = answer.await;
            if let Ok(response) = &mut answer {
                told.record(response.status(), response.headers(), started.elapsed());
                response.headers_mut().insert(REQUEST_ID, id);
            }
            answer
        };
        Box::pin(answer.instrument(span))
    }
}

/// The id a request brought, if it is one that may be repeated in logs and answers.
fn accepted(headers: &HeaderMap) -> Option<HeaderValue> {
    let id = headers.get(REQUEST_ID)?;
    let good = (1..=MAX_LENGTH).contains(&id.len()) && id.as_bytes().iter().all(u8::is_ascii_graphic);
    good.then(|| id.clone())
}

fn fresh() -> HeaderValue {
    let id = uuid::Uuid::now_v7().to_string();
    HeaderValue::try_from(id).unwrap_or(HeaderValue::from_static("none"))
}

/// A name out of a bounded set: callers choose paths, and must not choose labels.
fn route<B>(naming: Naming, request: &Request<B>) -> String {
    let route = match naming {
        Naming::Grpc => homepot::access::audience(request.uri().path()).map(|_| request.uri().path()),
        Naming::Rest => request.extensions().get::<MatchedPath>().map(MatchedPath::as_str),
    };
    route.unwrap_or("other").to_owned()
}

struct Told {
    naming: Naming,
    method: http::Method,
    route: String,
}

impl Told {
    /// Counts at the head of the answer: a stream's later end is its session's to count.
    fn record(self, status: http::StatusCode, headers: &HeaderMap, took: Duration) {
        let took_ms = took.as_secs_f64() * 1000.0;
        match self.naming {
            Naming::Grpc => {
                let code =
                    headers.get("grpc-status").map_or(tonic::Code::Ok, |c| tonic::Code::from_bytes(c.as_bytes()));
                let code = format!("{code:?}");
                tracing::debug!(code, took_ms, "call answered");
                metrics::counter!("homepot_grpc_requests_total", "method" => self.route.clone(), "code" => code)
                    .increment(1);
                metrics::histogram!("homepot_grpc_request_seconds", "method" => self.route).record(took);
            }
            Naming::Rest => {
                tracing::debug!(status = status.as_u16(), took_ms, "request answered");
                let verb = verb(&self.method);
                let status = status.as_u16().to_string();
                metrics::counter!("homepot_http_requests_total",
                    "route" => self.route.clone(), "method" => verb, "status" => status)
                .increment(1);
                metrics::histogram!("homepot_http_request_seconds", "route" => self.route, "method" => verb)
                    .record(took);
            }
        }
    }
}

fn verb(method: &http::Method) -> &'static str {
    ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
        .into_iter()
        .find(|known| method == known)
        .unwrap_or("other")
}

/// Hands the current request's id on to a service in another process.
#[derive(Clone, Copy, Debug, Default)]
pub struct ForwardLayer;

impl<S> Layer<S> for ForwardLayer {
    type Service = ForwardService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        ForwardService(inner)
    }
}

/// What [`ForwardLayer`] makes.
#[derive(Clone, Debug)]
pub struct ForwardService<S>(S);

impl<S: Service<Request<B>>, B> Service<Request<B>> for ForwardService<S> {
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.0.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<B>) -> S::Future {
        if let Some(id) = current() {
            request.headers_mut().entry(REQUEST_ID).or_insert(id);
        }
        self.0.call(request)
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
        let header = request.headers()[REQUEST_ID].to_str().unwrap().to_owned();
        assert_eq!(current().unwrap(), header.as_str());
        Ok(Response::new(header))
    }

    async fn ask(id: Option<&str>) -> (String, String) {
        let mut request = Request::new(());
        if let Some(id) = id {
            request.headers_mut().insert(REQUEST_ID, id.parse().unwrap());
        }
        let answer = RequestLayer::grpc().layer(service_fn(seen)).oneshot(request).await.unwrap();
        (answer.headers()[REQUEST_ID].to_str().unwrap().to_owned(), answer.into_body())
    }

    #[tokio::test]
    async fn an_id_that_came_along_is_kept_and_echoed() {
        assert_eq!(ask(Some("till-7/42")).await, ("till-7/42".into(), "till-7/42".into()));
    }

    #[tokio::test]
    async fn a_missing_or_unfit_id_is_replaced() {
        let long = "x".repeat(MAX_LENGTH + 1);
        for id in [None, Some(""), Some("two words"), Some(long.as_str())] {
            let (echoed, handled) = ask(id).await;
            assert_eq!(echoed, handled);
            assert!(uuid::Uuid::parse_str(&echoed).is_ok(), "{echoed}");
        }
    }

    #[tokio::test]
    async fn a_call_made_for_a_request_carries_the_requests_id() {
        let inner = RequestLayer::grpc().layer(service_fn(seen));
        let remote = ForwardLayer.layer(service_fn(seen));
        let outer = RequestLayer::rest().layer(service_fn(move |_: Request<()>| {
            let (inner, remote) = (inner.clone(), remote.clone());
            async move {
                let within = inner.oneshot(Request::new(())).await?.into_body();
                let beyond = remote.oneshot(Request::new(())).await?.into_body();
                Ok::<_, Infallible>(Response::new((within, beyond)))
            }
        }));
        let mut request = Request::new(());
        request.headers_mut().insert(REQUEST_ID, HeaderValue::from_static("one"));
        assert_eq!(outer.oneshot(request).await.unwrap().into_body(), ("one".into(), "one".into()));
    }

    #[test]
    fn callers_cannot_choose_labels() {
        let (recorder, metrics) = Metrics::local();
        metrics::with_local_recorder(&recorder, || {
            for path in ["/homepot.command.v1.CommandService/Queue", "/x/y"] {
                let request = Request::builder().uri(path).body(()).unwrap();
                RequestLayer::grpc().layer(service_fn(seen)).oneshot(request).now_or_never().unwrap().unwrap();
            }
        });
        let text = metrics.render();
        assert!(text.contains(r#"{method="/homepot.command.v1.CommandService/Queue",code="Ok"} 1"#), "{text}");
        assert!(text.contains(r#"{method="other",code="Ok"} 1"#), "{text}");
        assert!(!text.contains("/x/y"), "{text}");
    }
}
