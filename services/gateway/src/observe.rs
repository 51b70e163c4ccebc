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
    peer::{ForwardedPeer, TrustedProxies},
    request_id::{REQUEST_ID, id_of},
    serve::ClientConnection,
    trace::HttpSpans,
};
use http::{HeaderMap, HeaderValue, Method, header};

use crate::error::ApiError;

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
    let request_id = id_of(request.headers());
    let peer = peer(&request, &trusted);
    let route = request.extensions().get::<MatchedPath>().map_or("unmatched", MatchedPath::as_str).to_owned();
    let method = method_label(request.method());
    let spans = HttpSpans::begin(request.headers(), (method, &route), &request_id, peer.map(|peer| peer.ip));
    let connection = request.extensions().get::<ClientConnection>().cloned();
    request.extensions_mut().insert(Context { headers: spans.headers.clone(), peer, connection });

    let handled = spans.within(AssertUnwindSafe(next.run(request)).catch_unwind()).await;
    let mut response = handled.unwrap_or_else(|_| {
        spans.log(|| tracing::error!(route, "handler panicked"));
        ApiError::internal().into_response()
    });

    secure(response.headers_mut());
    response.headers_mut().insert(REQUEST_ID, request_id);
    let elapsed = started.elapsed();
    let status = response.status().as_u16();
    spans.note_status(status);
    let latency_ms = elapsed.as_secs_f64() * 1e3;
    spans.log(|| tracing::info!(method, route, status, latency_ms, "request answered"));
    let labels = [("route", route.clone()), ("method", method.to_owned()), ("status", status.to_string())];
    metrics::counter!("homepot_http_requests_total", &labels).increment(1);
    metrics::histogram!("homepot_http_request_seconds", "route" => route, "method" => method)
        .record(elapsed.as_secs_f64());
    response
}

/// Methods that nobody defined share one label: a client can't make up new series.
fn method_label(method: &Method) -> &'static str {
    const KNOWN: [&str; 7] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];
    KNOWN.into_iter().find(|known| *known == method.as_str()).unwrap_or("other")
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
}
