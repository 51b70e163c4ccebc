//! Between the stream's messages and what the agent works with.

use std::time::Duration;

use homepot::{
    model::{CommandId, Delivery, from_proto_duration, from_proto_timestamp},
    pb::device::v1 as pb,
};
use pb::{attach_request::Message as Up, attach_response::Message as Down};

use super::{
    clock::ServerClock,
    connection::{Event, Outgoing, Terms},
    reconnect::{End, Farewell},
};
use crate::platform;

/// What a server that leaves the terms out is taken to want.
const SAMPLE_INTERVAL: Duration = Duration::from_secs(5);
const HEARTBEAT_INTERVAL: Duration = Duration::from_secs(10);
/// Below this the processor's use can't be measured.
const MIN_INTERVAL: Duration = Duration::from_millis(200);
const MAX_INTERVAL: Duration = Duration::from_secs(24 * 3600);

/// One message from the server, as the connection takes it.
#[derive(Debug)]
pub enum Inbound {
    /// Something for whoever holds the connection.
    Event(Box<Event>),
    /// The session is over.
    Goodbye(End),
    /// A kind this agent does not know, or one that has no place here.
    Ignored,
}

/// Reads a message.
pub fn inbound(response: pb::AttachResponse) -> Inbound {
    let event = match response.message {
        Some(Down::SamplesAck(ack)) => Event::SamplesAcknowledged {
            first_seq: ack.first_seq,
            last_seq: ack.seq,
            refused: ack.refused.into_iter().map(|r| (r.index, r.field, r.reason)).collect(),
        },
        Some(Down::Command(delivery)) => command(delivery),
        Some(Down::OutcomeAck(ack)) => match CommandId::parse(&ack.command_id) {
            Ok(command_id) => Event::OutcomeAcknowledged { command_id, refusal: ack.refusal },
            Err(_) => return Inbound::Ignored,
        },
        Some(Down::Refusal(refusal)) => {
            Event::Refused { message: refusal.message, field: refusal.field, reason: refusal.reason }
        }
        Some(Down::Goodbye(goodbye)) => return Inbound::Goodbye(farewell(goodbye)),
        Some(Down::CommandCancellation(cancellation)) => match CommandId::parse(&cancellation.command_id) {
            Ok(command_id) => Event::Cancellation { command_id, reason: cancellation.reason },
            Err(_) => return Inbound::Ignored,
        },
        Some(Down::JournalCheck(check)) => {
            // What is no id is of no command that this agent could have.
            Event::JournalCheck(check.command_ids.iter().filter_map(|id| CommandId::parse(id).ok()).collect())
        }
        Some(Down::DesiredRelease(desired)) => Event::DesiredRelease(desired),
        Some(Down::UpdateReportAck(ack)) => Event::UpdateReportAcknowledged(ack),
        // The one and the other before a session only.
        Some(Down::Welcome(_) | Down::Challenge(_)) | None => return Inbound::Ignored,
    };
    Inbound::Event(Box::new(event))
}

fn command(delivery: pb::CommandDelivery) -> Event {
    let command_id = CommandId::parse(&delivery.command_id).ok();
    match Delivery::try_from(delivery) {
        Ok(delivery) => Event::Command(delivery),
        Err(error) => Event::UnreadableCommand { command_id, reason: error.message().to_owned() },
    }
}

fn farewell(goodbye: pb::Goodbye) -> End {
    let farewell = match goodbye.reason() {
        pb::GoodbyeReason::Superseded => Farewell::Superseded,
        pb::GoodbyeReason::Revoked => Farewell::Revoked,
        pb::GoodbyeReason::Draining => Farewell::Draining,
        pb::GoodbyeReason::Protocol => Farewell::Protocol,
        pb::GoodbyeReason::Aged => Farewell::Aged,
        pb::GoodbyeReason::Silent => Farewell::Silent,
        pb::GoodbyeReason::Internal | pb::GoodbyeReason::Unspecified => Farewell::Internal,
    };
    let reconnect_after = goodbye.reconnect_after.and_then(|d| from_proto_duration("reconnect_after", &d).ok());
    End::Goodbye { farewell, detail: goodbye.detail, reconnect_after }
}

/// What Welcome set. `hello`: since the boot, when Hello was sent.
pub fn terms(welcome: &pb::Welcome, hello: Duration) -> Terms {
    let span = |value: Option<_>| value.as_ref().and_then(|value| from_proto_duration("interval", value).ok());
    let interval = |given: Option<Duration>, default: Duration| {
        given.filter(|given| !given.is_zero()).unwrap_or(default).clamp(MIN_INTERVAL, MAX_INTERVAL)
    };
    let server_time = welcome.server_time.and_then(|time| from_proto_timestamp("server_time", &time).ok());
    Terms {
        session_epoch: welcome.session_epoch,
        sample_interval: interval(span(welcome.sample_interval), SAMPLE_INTERVAL),
        heartbeat_interval: interval(span(welcome.heartbeat_interval), HEARTBEAT_INTERVAL),
        max_samples_per_message: usize::try_from(welcome.max_samples_per_message).unwrap_or(usize::MAX).max(1),
        max_unacknowledged_samples: u64::from(welcome.max_unacknowledged_samples).max(1),
        backlog_samples_per_second: Some(welcome.backlog_samples_per_second).filter(|pace| *pace > 0),
        max_sample_age: span(welcome.max_sample_age).filter(|age| !age.is_zero()),
        clock: server_time.map(|welcome| ServerClock { welcome, hello, arrived: platform::since_boot() }),
    }
}

/// Writes a message; `None`: it is for the connection alone.
pub fn outbound(message: Outgoing) -> Option<pb::AttachRequest> {
    let message = match message {
        Outgoing::Samples(samples) => Up::Samples(samples),
        Outgoing::Lost(news) => Up::SamplesLost(news),
        Outgoing::Acknowledged(id) => Up::CommandAcknowledged(pb::CommandAcknowledged { command_id: id.to_string() }),
        Outgoing::Started(id) => Up::CommandStarted(pb::CommandStarted { command_id: id.to_string() }),
        Outgoing::Outcome(outcome) => Up::CommandOutcome(outcome.into()),
        Outgoing::Update(report) => Up::UpdateReport(report),
        Outgoing::AttachAgain { .. } => return None,
    };
    Some(pb::AttachRequest { message: Some(message) })
}
