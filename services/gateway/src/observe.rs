//! What happens around every request: an id, the client's address, one log line, metrics, a span in its trace, security
//! headers, and an answer even when a handler panics.

use std::{net::SocketAddr, panic::AssertUnwindSafe, time::Instant};

use axum::{
    extract::{ConnectInfo, MatchedPath, Request, State},
    middleware::Next,
    response::{IntoResponse, Response},
};
use futures_util::FutureExt;
use homepot_runtime::{
    auth::API_KEY,
    peer::{ForwardedPeer, TrustedProxies},
    serve::ClientConnection,
    trace::{self, Said, Whose},
};
use http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use tracing::{Instrument, Span, field::Empty};

use crate::error::ApiError;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// What is known of a request before any route sees it.
#[derive(Clone, Debug)]
pub(crate) struct Context {
    /// What every call to a service is told of the request: its id, and its place in a trace.
    pub(crate) headers: HeaderMap,
    /// Where the client is; `None` when the listener did not tell.
    pub(crate) peer: Option<ForwardedPeer>,
    /// The connection it came on, which is to learn when its caller was let in.
    pub(crate) connection: Option<ClientConnection>,
}

/// The middleware.
pub(crate) async fn observe(State(trusted): State<TrustedProxies>, mut request: Request, next: Next) -> Response {
    let started = Instant::now();
    let request_id = request_id(request.headers());
    let peer = peer(&request, &trusted);
    let route = request.extensions().get::<MatchedPath>().map_or("unmatched", MatchedPath::as_str).to_owned();
    let method = method_label(request.method());
    let whose = if request.headers().contains_key(API_KEY) { Whose::Device } else { Whose::Operator };
    let trace = trace_span(whose, &request, method, &route, &request_id);
    let span = trace.in_scope(|| log_span(&request_id, peer, &trace));
    let mut headers = HeaderMap::from_iter([(REQUEST_ID, request_id.clone())]);
    if whose == Whose::Operator {
        trace::pass_through(request.headers(), &mut headers);
    }
    trace::pass_on(&trace, &mut headers);
    let connection = request.extensions().get::<ClientConnection>().cloned();
    request.extensions_mut().insert(Context { headers, peer, connection });

    let handling = AssertUnwindSafe(next.run(request)).catch_unwind();
    let handled = handling.instrument(span.clone()).instrument(trace.clone()).await;
    let mut response = handled.unwrap_or_else(|_| {
        span.in_scope(|| tracing::error!(route, "handler panicked"));
        ApiError::internal().into_response()
    });

    secure(response.headers_mut());
    response.headers_mut().insert(REQUEST_ID, request_id);
    let elapsed = started.elapsed();
    let status = response.status().as_u16();
    note_status(&trace, status);
    let latency_ms = elapsed.as_secs_f64() * 1e3;
    span.in_scope(|| tracing::info!(method, route, status, latency_ms, "request answered"));
    let labels = [("route", route.clone()), ("method", method.to_owned()), ("status", status.to_string())];
    metrics::counter!("homepot_http_requests_total", &labels).increment(1);
    metrics::histogram!("homepot_http_request_seconds", "route" => route, "method" => method)
        .record(elapsed.as_secs_f64());
    response
}

/// The span of a request in its trace. What devices say of a trace is not taken, for they are many.
fn trace_span(whose: Whose, request: &Request, method: &'static str, route: &str, request_id: &HeaderValue) -> Span {
    let said = match whose {
        Whose::Operator => Said::ByCaller(request.headers()),
        Whose::Device => Said::Nothing,
    };
    let Some(origin) = trace::decide(whose, said) else { return Span::none() };
    origin.of(tracing::info_span!(
        target: trace::ROOT,
        parent: None,
        "http",
        otel.name = format!("{method} {route}"),
        otel.kind = "server",
        otel.status_code = Empty,
        http.request.method = method,
        http.route = route,
        http.response.status_code = Empty,
        request_id = request_id.to_str().unwrap_or_default(),
    ))
}

/// The span of a request in log lines. Which device it is from is noted once a service said that it is.
fn log_span(request_id: &HeaderValue, peer: Option<ForwardedPeer>, trace: &Span) -> Span {
    tracing::info_span!(
        "http",
        request_id = request_id.to_str().unwrap_or_default(),
        peer = peer.map(|peer| tracing::field::display(peer.ip)),
        trace_id = trace::id(trace),
        device_id = Empty,
    )
}

fn note_status(trace: &Span, status: u16) {
    trace.record("http.response.status_code", status);
    if status >= 500 {
        trace::failed(trace);
    }
}

/// Methods that nobody defined share one label: a client can't make up new series.
fn method_label(method: &Method) -> &'static str {
    const KNOWN: [&str; 7] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];
    KNOWN.into_iter().find(|known| *known == method.as_str()).unwrap_or("other")
}

/// The client's id for the request where it is one, otherwise a new one.
fn request_id(headers: &HeaderMap) -> HeaderValue {
    let well_formed = |value: &&HeaderValue| {
        let bytes = value.as_bytes();
        (1..=128).contains(&bytes.len()) && bytes.iter().all(|b| b.is_ascii_alphanumeric() || b"-_.:".contains(b))
    };
    headers.get(REQUEST_ID).filter(well_formed).cloned().unwrap_or_else(|| {
        let id = uuid::Uuid::now_v7().to_string();
        HeaderValue::try_from(id).unwrap_or_else(|_| HeaderValue::from_static("none"))
    })
}

fn peer(request: &Request, trusted: &TrustedProxies) -> Option<ForwardedPeer> {
    let ConnectInfo(address) = request.extensions().get::<ConnectInfo<SocketAddr>>()?;
    Some(ForwardedPeer::of(address.ip(), request, trusted))
}

/// No sniffing, no framing, no caching of answers that may hold a key, and nothing to load unless a page said what.
fn secure(headers: &mut HeaderMap) {
    let defaults = [
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'"),
        (header::CACHE_CONTROL, "no-store"),
    ];
    for (name, value) in defaults {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    }
}

#[cfg(test)]
mod tests {
    use axum::body::Body;

    use super::*;

    fn seen(socket: &str, headers: &[(&'static str, &str)], trusted: &str) -> (String, bool) {
        let mut request = Request::new(Body::empty());
        let address: SocketAddr = format!("{socket}:1").parse().unwrap();
        request.extensions_mut().insert(ConnectInfo(address));
        for (name, value) in headers {
            request.headers_mut().append(*name, value.parse().unwrap());
        }
        let peer = peer(&request, &trusted.parse().unwrap()).unwrap();
        (peer.ip.to_string(), peer.proxied)
    }

    #[test]
    fn an_address_is_believed_from_the_socket_and_from_trusted_proxies_only() {
        let claim = [("x-forwarded-for", "127.0.0.1, 192.0.2.7, 10.0.0.2")];
        assert_eq!(seen("198.51.100.1", &[], ""), ("198.51.100.1".to_owned(), false));
        assert_eq!(seen("198.51.100.1", &claim, ""), ("198.51.100.1".to_owned(), true));
        assert_eq!(seen("10.0.0.1", &claim, "10.0.0.1,10.0.0.2"), ("192.0.2.7".to_owned(), true));
        assert_eq!(seen("10.0.0.1", &[("x-forwarded-for", "x")], "10.0.0.1"), ("10.0.0.1".to_owned(), true));
    }

    #[test]
    fn a_page_in_a_browser_is_no_device_on_this_machine() {
        assert_eq!(seen("127.0.0.1", &[("origin", "http://127.0.0.1:8000")], ""), ("127.0.0.1".to_owned(), true));
    }

    #[test]
    fn a_request_keeps_a_well_formed_id_and_gets_a_new_one_otherwise() {
        let of =
            |value: &'static str| request_id(&[(REQUEST_ID, HeaderValue::from_static(value))].into_iter().collect());
        assert_eq!(of("req-1.a:b_c"), "req-1.a:b_c");
        assert_eq!(of("two words").len(), 36);
        assert_eq!(request_id(&HeaderMap::new()).len(), 36);
    }
}
