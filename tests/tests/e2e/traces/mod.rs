//! Traces: what a collector is told of requests and devices, and that nothing waits for it.

mod collectors;
mod followed;
mod lines;

use homepot_tests::{Collector, Seen, ServerOptions};

/// The trace and the span of a client that asks for its request to be traced.
const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const CLIENT: &str = "00f067aa0ba902b7";

fn traceparent(flags: &str) -> String {
    format!("00-{TRACE}-{CLIENT}-{flags}")
}

/// A server that traces what it is asked to trace, and nothing by chance.
fn traced(collector: &Collector) -> ServerOptions {
    sharing(collector, "0", "0")
}

/// A server that traces these shares of the operators' and the devices' work.
fn sharing(collector: &Collector, requests: &str, devices: &str) -> ServerOptions {
    ServerOptions::default()
        .env("OTEL_EXPORTER_OTLP_ENDPOINT", &collector.url)
        .env("OTEL_TRACES_SAMPLER_ARG", requests)
        .env("HOMEPOT_TRACE_DEVICE_SHARE", devices)
}

/// The span of that name that `service` sent.
fn span(spans: &[Seen], service: &str, name: &str) -> Option<Seen> {
    spans.iter().find(|span| span.service == service && span.name == name).cloned()
}
