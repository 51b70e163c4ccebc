//! Messages to a device.

use std::{
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use homepot::pb::device::v1::{AttachResponse, attach_response::Message};
use tokio::sync::mpsc;
use tokio_stream::Stream;
use tonic::Status;

use crate::sessions::End;

/// Messages that wait for a device; when they are this many, its session waits for the device.
const WAITING: usize = 8;
/// A device that takes nothing for this long is as good as gone.
const SEND_DEADLINE: Duration = Duration::from_secs(10);

/// A session's end of it. Messages go boxed: the channel makes room for 32 of whatever it carries at once, which for plain
/// messages is 7 KiB a session, nearly always empty.
#[derive(Clone)]
pub(crate) struct Outbound(mpsc::Sender<Box<AttachResponse>>);

/// The device's end of it.
pub struct Down(mpsc::Receiver<Box<AttachResponse>>);

impl Outbound {
    /// Both ends.
    pub(crate) fn pair() -> (Self, Down) {
        let (sender, receiver) = mpsc::channel(WAITING);
        (Self(sender), Down(receiver))
    }

    /// Hands a message on; a device that does not take it in time is gone.
    pub(crate) async fn send(&self, message: Message) -> Result<(), End> {
        let message = Box::new(AttachResponse { message: Some(message) });
        // Nearly always there is room, and no need for a timer.
        match self.0.try_send(message) {
            Ok(()) => Ok(()),
            Err(mpsc::error::TrySendError::Full(message)) => {
                self.0.send_timeout(message, SEND_DEADLINE).await.map_err(|_| End::PeerGone)
            }
            Err(mpsc::error::TrySendError::Closed(_)) => Err(End::PeerGone),
        }
    }

    /// Whether the device's end is gone.
    pub(crate) fn is_closed(&self) -> bool {
        self.0.is_closed()
    }

    /// Waits until the device's end is gone.
    pub(crate) async fn closed(&self) {
        self.0.closed().await;
    }
}

impl Stream for Down {
    type Item = Result<AttachResponse, Status>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.poll_recv(context).map(|message| message.map(|message| Ok(*message)))
    }
}
