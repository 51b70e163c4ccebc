//! Traces: which requests are followed through the processes, and the spans that tell of them.
//!
//! A span of a trace is a `tracing` span with the target [`ROOT`] or [`TARGET`]; spans of log lines have other targets, and
//! neither kind sees the other. So an attribute of a trace is always one that was written for it, and log lines don't grow.
//! Whether a request is traced is decided once, where its first span would begin ([`decide`]): what is not traced makes no
//! root, and a span with the target [`TARGET`] exists only below another one. Where nothing is exported, all of them are
//! switched off where they stand, which costs a comparison each.
//!
//! The context travels as the W3C has it, in `traceparent` and `tracestate`.

mod export;
mod http;
mod layer;
mod share;

use std::sync::OnceLock;

use ::http::{HeaderMap, HeaderName, HeaderValue};
use opentelemetry::{
    Context,
    propagation::{Extractor, Injector, TextMapPropagator as _},
    trace::TraceContextExt as _,
};
use opentelemetry_sdk::propagation::TraceContextPropagator;
use tracing::{Instrument as _, Span, field, instrument::Instrumented};
use tracing_opentelemetry::OpenTelemetrySpanExt as _;

use self::share::Asked;
pub use self::{
    export::{Collector, Exporter, Sending},
    http::{HttpSpans, note_device},
    layer::{Resources, Traces, start},
    share::Share,
};

/// Target of spans that begin a trace in this process, or go on with one that began elsewhere.
pub const ROOT: &str = "trace::root";
/// Target of spans below those. The store, which does not know this crate, has it as a text.
pub const TARGET: &str = "trace";

const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
const TRACESTATE: HeaderName = HeaderName::from_static("tracestate");
/// Tells who is called next that the request is not traced, so that it does not decide once more.
const NOT_TRACED: HeaderValue = HeaderValue::from_static("00-00000000000000000000000000000001-0000000000000001-00");

/// Set once, where spans are exported.
static ON: OnceLock<Decisions> = OnceLock::new();

/// How much is traced.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Shares {
    /// Of operators' requests.
    pub requests: Share,
    /// Of what devices send and fetch.
    pub devices: Share,
}

struct Decisions {
    shares: Shares,
    asked: Asked,
}

/// Whose work may be traced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whose {
    /// An operator's, or of somebody on the way to sign in.
    Operator,
    /// A device's.
    Device,
}

/// What a request says of its trace.
#[derive(Clone, Copy, Debug)]
pub enum Said<'a> {
    /// Nothing that counts.
    Nothing,
    /// What a caller's headers say, who may ask for a trace, within a limit.
    ByCaller(&'a HeaderMap),
    /// What a gateway in this process decided.
    ByGateway(&'a HeaderMap),
}

/// What a span that begins here goes on from; nothing, where the trace begins with it.
#[derive(Clone, Debug)]
pub struct Origin(Context);

impl Origin {
    /// Puts a root in its place of the trace.
    #[must_use]
    pub fn of(self, root: Span) -> Span {
        // Fails where the span is switched off, and then there is nothing to place.
        let _ = root.set_parent(self.0);
        root
    }
}

/// Whether spans are exported.
pub fn is_on() -> bool {
    ON.get().is_some()
}

/// Decides whether work is traced, and from where its trace goes on. Who says that a request is not traced is believed.
pub fn decide(whose: Whose, said: Said<'_>) -> Option<Origin> {
    let Decisions { shares, asked } = ON.get()?;
    let (said, is_limited) = match said {
        Said::Nothing => (None, true),
        Said::ByCaller(headers) => (read(headers), true),
        Said::ByGateway(headers) => (read(headers), false),
    };
    if let Some(context) = said {
        let is_traced = context.span().span_context().is_sampled() && (!is_limited || asked.admit());
        return is_traced.then_some(Origin(context));
    }
    let share = match whose {
        Whose::Operator => shares.requests,
        Whose::Device => shares.devices,
    };
    share.draw().then(|| Origin(Context::new()))
}

/// Goes on with a trace that was kept as [`traceparent`] has it.
pub fn resume(traceparent: &str) -> Option<Origin> {
    ON.get()?;
    let kept = HeaderMap::from_iter([(TRACEPARENT, HeaderValue::from_str(traceparent).ok()?)]);
    read(&kept).filter(|context| context.span().span_context().is_sampled()).map(Origin)
}

fn read(headers: &HeaderMap) -> Option<Context> {
    // Most requests have none.
    headers.get(TRACEPARENT)?;
    let context = TraceContextPropagator::new().extract_with_context(&Context::new(), &Headers(headers));
    context.has_active_span().then_some(context)
}

/// Writes what whoever is called next is to know: that this request is traced and by which span it calls, or that it is not.
pub fn pass_on(span: &Span, headers: &mut HeaderMap) {
    if !is_on() {
        return;
    }
    headers.remove(TRACESTATE);
    headers.insert(TRACEPARENT, NOT_TRACED);
    if !span.is_disabled() {
        TraceContextPropagator::new().inject_context(&span.context(), &mut Written(headers));
    }
}

/// The id of the trace that a span is in, for log lines; `None` where it is in none.
pub fn id(span: &Span) -> Option<String> {
    if span.is_disabled() {
        return None;
    }
    Some(span.context().span().span_context().trace_id().to_string())
}

/// The place of a span in its trace as text, to go on from later; `None` where it is in none.
pub fn traceparent(span: &Span) -> Option<String> {
    if span.is_disabled() {
        return None;
    }
    let context = span.context();
    let span = context.span();
    let place = span.span_context();
    Some(format!("00-{}-{}-{:02x}", place.trace_id(), place.span_id(), place.trace_flags()))
}

/// Marks the span of something that failed by a fault of the server.
pub fn failed(span: &Span) {
    span.record("otel.status_code", "ERROR");
}

tokio::task_local! {
    /// The span of the call that a task answers, where it is traced.
    static CALL: Span;
}

/// Has a task that a call starts go on in the spans of the call, those of log lines and that of its trace.
pub fn carried<F: Future>(task: F) -> Instrumented<Instrumented<F>> {
    let trace = CALL.try_with(Span::clone).unwrap_or_else(|_| Span::none());
    task.instrument(Span::current()).instrument(trace)
}

/// Answers a call within its span, which tasks that it starts may have too.
pub(crate) fn answered<F: Future>(trace: Span, call: F) -> impl Future<Output = F::Output> {
    CALL.scope(trace.clone(), call).instrument(trace)
}

/// The span of a call in a trace, in the request's extensions: for what is learnt of the call on the way.
#[derive(Clone, Debug)]
pub struct CallSpan(pub Span);

impl CallSpan {
    /// Notes who calls.
    pub(crate) fn note(&self, name: &'static str, value: &dyn std::fmt::Display) {
        self.0.record(name, field::display(value));
    }
}

struct Headers<'a>(&'a HeaderMap);

impl Extractor for Headers<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key)?.to_str().ok()
    }

    fn keys(&self) -> Vec<&str> {
        self.0.keys().map(HeaderName::as_str).collect()
    }
}

struct Written<'a>(&'a mut HeaderMap);

impl Injector for Written<'_> {
    fn set(&mut self, key: &str, value: String) {
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(key), HeaderValue::try_from(value))
            && !value.is_empty()
        {
            self.0.insert(name, value);
        }
    }
}
