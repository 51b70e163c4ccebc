//! Whatever bytes a peer sends: each message is read or refused, and what was read can be said again.
#![no_main]

use homepot::{
    model::{CommandId, Delivery, DeviceId, Enrollment, Hello, LossReason, Metric, Outcome, Sample, SiteId},
    pb::{
        device::v1::{AttachRequest, AttachResponse, EnrollRequest, attach_request, attach_response},
        telemetry::v1::QueryRequest,
    },
};
use libfuzzer_sys::fuzz_target;
use prost::Message as _;

fuzz_target!(|input: &[u8]| {
    let Some((kind, bytes)) = input.split_first() else { return };
    match kind % 4 {
        0 => from_device(bytes),
        1 => from_server(bytes),
        2 => drop(EnrollRequest::decode(bytes).map(|request| Enrollment::try_from(request).is_ok())),
        _ => query(bytes),
    }
});

/// What the link does with a message.
fn from_device(bytes: &[u8]) {
    let Ok(AttachRequest { message: Some(message) }) = AttachRequest::decode(bytes) else { return };
    match message {
        attach_request::Message::Hello(hello) => drop(Hello::try_from(hello).is_ok()),
        attach_request::Message::Samples(samples) => {
            let now = homepot::model::from_proto_timestamp("now", &Default::default()).expect("1970 is a time");
            for sample in samples.samples {
                let Ok(read) = Sample::from_proto(sample, Some(now)) else { continue };
                let _ = read.check_clock(now);
                // What was taken is taken again: rows are sent on as samples.
                let again = Sample::from_proto(read.clone().into(), None);
                assert_eq!(again.expect("it was good before"), read);
                for metric in Metric::ALL {
                    assert!(metric.of(&read).is_none_or(|value| metric.rounded(value).is_finite()));
                }
            }
        }
        attach_request::Message::SamplesLost(lost) => drop(LossReason::try_from(lost.reason()).is_ok()),
        attach_request::Message::CommandAcknowledged(told) => drop(CommandId::parse(&told.command_id).is_ok()),
        attach_request::Message::CommandStarted(told) => drop(CommandId::parse(&told.command_id).is_ok()),
        attach_request::Message::CommandOutcome(outcome) => drop(Outcome::try_from(outcome).is_ok()),
        // A signature is checked by its length and its key, and not read before.
        attach_request::Message::Proof(_) | attach_request::Message::Heartbeat(_) => {}
    }
}

/// What the agent does with a message.
fn from_server(bytes: &[u8]) {
    if let Ok(AttachResponse { message: Some(attach_response::Message::Command(delivery)) }) =
        AttachResponse::decode(bytes)
    {
        let _ = Delivery::try_from(delivery);
    }
}

fn query(bytes: &[u8]) {
    let Ok(request) = QueryRequest::decode(bytes) else { return };
    let _ = request.device_ids.iter().map(|id| DeviceId::parse(id).is_ok()).count();
    let _ = SiteId::parse(&request.site_id);
    let _ = request.metrics.iter().map(|metric| Metric::try_from(*metric).is_ok()).count();
}
