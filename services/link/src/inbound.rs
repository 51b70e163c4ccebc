//! Messages from a device: reads its stream, and refuses malformed messages.

use futures_util::FutureExt as _;
use homepot::pb::device::v1::{self as pb, attach_request::Message as Up};
use tonic::{Code, Status, Streaming};

use crate::sessions::End;

/// Messages dealt with together; a device that never pauses must not keep its hints waiting.
const TOGETHER: usize = 16;

/// What comes from a device's stream; `None`: nothing more.
pub(crate) type Received = Result<Option<pb::AttachRequest>, Status>;

/// The next message; after what is said of a command, those that are there already too, so that the ledger hears them
/// together. Samples are taken one message at a time: they are large, and who can't be kept up with has to wait.
pub(crate) async fn next_messages(inbound: &mut Streaming<pb::AttachRequest>) -> Vec<Received> {
    let mut messages = vec![inbound.message().await];
    while messages.len() < TOGETHER && messages.last().is_some_and(is_of_a_command) {
        let Some(message) = inbound.message().now_or_never() else { break };
        messages.push(message);
    }
    messages
}

fn is_of_a_command(message: &Received) -> bool {
    let Ok(Some(pb::AttachRequest { message: Some(message) })) = message else { return false };
    matches!(message, Up::CommandAcknowledged(_) | Up::CommandStarted(_) | Up::CommandOutcome(_))
}

/// A message, or what its absence means.
pub(crate) fn received(message: Received) -> Result<pb::AttachRequest, End> {
    match message {
        Ok(Some(message)) => Ok(message),
        Ok(None) => Err(End::PeerGone),
        // What tonic says of bytes that are no message, or are too many.
        Err(status) if matches!(status.code(), Code::Internal | Code::OutOfRange) => {
            count_refusal("undecodable");
            Err(End::Protocol("a message could not be decoded, or is larger than 1 MiB".to_owned()))
        }
        Err(_) => Err(End::PeerGone),
    }
}

pub(crate) fn count_refusal(message: &str) {
    metrics::counter!("homepot_messages_refused_total", "message" => message.to_owned()).increment(1);
}
