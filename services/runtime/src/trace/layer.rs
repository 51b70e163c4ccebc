//! From spans of `tracing` to finished spans of OpenTelemetry in a bounded queue.

use std::time::Duration;

use opentelemetry::{Context, KeyValue, trace::TracerProvider as _};
use opentelemetry_sdk::{
    Resource,
    error::OTelSdkResult,
    trace::{SdkTracerProvider, Span, SpanData, SpanProcessor},
};
use tokio::sync::mpsc::{self, error::TrySendError};
use tracing::{Metadata, Subscriber, subscriber::Interest};
use tracing_subscriber::{
    Layer,
    layer::{self, Filter},
    registry::LookupSpan,
};

use super::{Asked, Decisions, Exporter, ON, ROOT, Shares, TARGET, export::dropped};

/// Finished spans that wait to be sent. Each is a KiB or so.
const QUEUE: usize = 2_048;

/// What every span of this process says of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resources {
    /// What the process is called among the services of a trace.
    pub service: String,
    /// Roles that it runs, separated by commas.
    pub roles: String,
    /// Its version.
    pub version: &'static str,
    /// What tells it from other processes of the same name.
    pub instance: String,
}

/// The layer that makes spans of traces. It goes beside that of the log, and each filters for itself.
pub struct Traces<S>(Box<dyn Layer<S> + Send + Sync>);

impl<S> Traces<S> {
    /// As a layer.
    pub fn into_layer(self) -> Box<dyn Layer<S> + Send + Sync> {
        self.0
    }
}

/// Begins to trace `shares` of the work of this process; once a process. What is traced waits for the exporter to start.
pub fn start<S>(shares: Shares, resources: &Resources) -> (Traces<S>, Exporter)
where
    S: Subscriber + for<'span> LookupSpan<'span> + Send + Sync,
{
    let (queue, spans) = mpsc::channel(QUEUE);
    // With what OTEL_RESOURCE_ATTRIBUTES has, which the SDK reads.
    let resource = Resource::builder()
        .with_service_name(resources.service.clone())
        .with_attributes([
            KeyValue::new("service.version", resources.version),
            KeyValue::new("service.instance.id", resources.instance.clone()),
            KeyValue::new("homepot.roles", resources.roles.clone()),
        ])
        .build();
    // All of them: what is not to be traced makes no span.
    let provider = SdkTracerProvider::builder()
        .with_resource(resource.clone())
        .with_sampler(opentelemetry_sdk::trace::Sampler::AlwaysOn)
        .with_span_processor(Queue(queue))
        .build();
    let layer = tracing_opentelemetry::layer()
        .with_tracer(provider.tracer("homepot"))
        .with_location(false)
        .with_threads(false)
        .with_level(false)
        .with_target(false)
        .with_tracked_inactivity(false)
        .with_context_activation(false)
        .with_filter(OfTraces);
    // A second start would find this set, and go by it.
    let _ = ON.set(Decisions { shares, asked: Asked::new() });
    (Traces(Box::new(layer)), Exporter { spans, resource, provider })
}

/// Lets spans of traces through: roots, and what is below one.
struct OfTraces;

impl<S> Filter<S> for OfTraces
where
    S: Subscriber + for<'span> LookupSpan<'span>,
{
    fn enabled(&self, metadata: &Metadata<'_>, context: &layer::Context<'_, S>) -> bool {
        metadata.is_span()
            && (metadata.target() == ROOT || (metadata.target() == TARGET && context.lookup_current().is_some()))
    }

    fn callsite_enabled(&self, metadata: &'static Metadata<'static>) -> Interest {
        match (metadata.is_span(), metadata.target()) {
            (true, ROOT) => Interest::always(),
            (true, TARGET) => Interest::sometimes(),
            _ => Interest::never(),
        }
    }
}

/// Takes finished spans, and never waits.
#[derive(Debug)]
struct Queue(mpsc::Sender<SpanData>);

impl SpanProcessor for Queue {
    fn on_start(&self, _: &mut Span, _: &Context) {}

    fn on_end(&self, span: SpanData) {
        match self.0.try_send(span) {
            Ok(()) => {}
            Err(TrySendError::Full(_) | TrySendError::Closed(_)) => dropped("queue_full", 1),
        }
    }

    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }

    fn shutdown_with_timeout(&self, _: Duration) -> OTelSdkResult {
        Ok(())
    }
}
