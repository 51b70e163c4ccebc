//! Spans of what devices do on their streams. A stream lives for an hour, so that each piece of its work is a trace of its own; a
//! command belongs to the trace of the call that queued it, where that was traced.

use homepot::model::{Command, CommandId, DeviceId};
use homepot_runtime::trace::{self, Said, Whose};
use tracing::{Span, field::Empty};

/// A stream that opens, until its device is welcome.
pub(crate) fn attach(device_id: &DeviceId, request_id: &str) -> Span {
    let Some(origin) = trace::decide(Whose::Device, Said::Nothing) else { return Span::none() };
    origin.of(tracing::info_span!(
        target: trace::ROOT,
        parent: None,
        "attach",
        otel.name = "attach",
        otel.kind = "server",
        otel.status_code = Empty,
        %device_id,
        request_id,
    ))
}

/// The same in log lines.
pub(crate) fn attach_in_log(device_id: &DeviceId, request_id: &str, trace: &Span) -> Span {
    tracing::info_span!("attach", %device_id, request_id, trace_id = trace::id(trace))
}

/// A message of samples, until they are stored.
pub(crate) fn samples(device_id: &DeviceId, samples: usize) -> Span {
    let Some(origin) = trace::decide(Whose::Device, Said::Nothing) else { return Span::none() };
    origin.of(tracing::info_span!(
        target: trace::ROOT,
        parent: None,
        "samples",
        otel.name = "store samples",
        otel.kind = "server",
        otel.status_code = Empty,
        %device_id,
        samples,
    ))
}

/// A command that is sent to its device.
pub(crate) fn deliver(device_id: &DeviceId, command_id: CommandId, queued_by: Option<&String>) -> Span {
    let Some(origin) = queued_by.and_then(|place| trace::resume(place)) else { return Span::none() };
    origin.of(tracing::info_span!(
        target: trace::ROOT,
        parent: None,
        "deliver",
        otel.name = "deliver command",
        otel.kind = "producer",
        %device_id,
        %command_id,
    ))
}

/// What a device said of a command, once that is stored.
pub(crate) fn heard(command: &Command) -> Span {
    let Some(origin) = command.trace.as_deref().and_then(trace::resume) else { return Span::none() };
    origin.of(tracing::info_span!(
        target: trace::ROOT,
        parent: None,
        "command",
        otel.name = format!("command {}", command.state.as_str()),
        otel.kind = "consumer",
        device_id = %command.device_id,
        command_id = %command.command_id,
        state = command.state.as_str(),
    ))
}
