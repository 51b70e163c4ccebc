//! The spans of a request over HTTP: in log lines, and in its trace.

use std::net::IpAddr;

use http::{HeaderMap, HeaderName, HeaderValue};
use tracing::{
    Instrument as _, Span,
    field::{Empty, display},
};

use super::{ROOT, Said, TRACEPARENT, TRACESTATE, Whose, answered, decide, failed, id, is_on, pass_on, read};
use crate::{auth::API_KEY, request_id::REQUEST_ID};

/// The spans of a request that a gateway answers.
#[derive(Debug)]
pub struct HttpSpans {
    log: Span,
    trace: Span,
    /// What every call to a service is told of the request: its id, and its place in a trace.
    pub headers: HeaderMap,
}

impl HttpSpans {
    /// Begins them. What devices say of a trace is not taken, for they are many.
    pub fn begin(
        said: &HeaderMap,
        (method, route): (&'static str, &str),
        request_id: &HeaderValue,
        peer: Option<IpAddr>,
    ) -> Self {
        let whose = if said.contains_key(API_KEY) { Whose::Device } else { Whose::Operator };
        let trace = match whose {
            Whose::Operator => decide(whose, Said::ByCaller(said)),
            Whose::Device => decide(whose, Said::Nothing),
        };
        let id_text = request_id.to_str().unwrap_or_default();
        let trace = trace.map_or_else(Span::none, |origin| {
            origin.of(tracing::info_span!(
                target: ROOT,
                parent: None,
                "http",
                otel.name = format!("{method} {route}"),
                otel.kind = "server",
                otel.status_code = Empty,
                http.request.method = method,
                http.route = route,
                http.response.status_code = Empty,
                request_id = id_text,
            ))
        });
        let peer = peer.map(display);
        let log = trace.in_scope(|| {
            tracing::info_span!("http", request_id = id_text, peer, trace_id = id(&trace), device_id = Empty)
        });
        let mut headers = HeaderMap::from_iter([(HeaderName::from_static(REQUEST_ID), request_id.clone())]);
        match whose {
            Whose::Operator if !is_on() => pass_through(said, &mut headers),
            _ => pass_on(&trace, &mut headers),
        }
        Self { log, trace, headers }
    }

    /// Answers the request within them.
    pub async fn within<F: Future>(&self, answer: F) -> F::Output {
        let answer = answer.instrument(self.log.clone());
        if self.trace.is_disabled() { answer.await } else { answered(self.trace.clone(), answer).await }
    }

    /// Writes log lines of the request.
    pub fn log<T>(&self, write: impl FnOnce() -> T) -> T {
        self.log.in_scope(write)
    }

    /// Notes how the request was answered.
    pub fn note_status(&self, status: u16) {
        self.trace.record("http.response.status_code", status);
        if status >= 500 {
            failed(&self.trace);
        }
    }
}

/// What a caller said of its trace, passed on by a process that exports nothing itself.
fn pass_through(said: &HeaderMap, headers: &mut HeaderMap) {
    if read(said).is_none() {
        return;
    }
    for name in [TRACEPARENT, TRACESTATE] {
        headers.extend(said.get(&name).map(|value| (name, value.clone())));
    }
}

/// Has log lines of this request name its device, once a service said that it is the one.
pub fn note_device(device_id: &str) {
    Span::current().record("device_id", device_id);
}
