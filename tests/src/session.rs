//! A device's stream, held by the test itself: what it sends is the test's to choose.

use homepot::pb::device::v1::{
    AttachRequest, AttachResponse, Goodbye, GoodbyeReason, Hello, Welcome, attach_request::Message as Up,
    attach_response::Message as Down,
};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Status, Streaming};

use crate::{
    PATIENCE, System,
    grpc::{Caller, DeviceKey},
};

/// An attached, or attaching, device.
#[derive(Debug)]
pub struct Session {
    up: mpsc::Sender<AttachRequest>,
    down: Streaming<AttachResponse>,
}

/// A Hello without fault.
pub fn hello() -> Hello {
    Hello {
        protocol_min: 1,
        protocol_max: 1,
        agent_version: "0.0.0-test".to_owned(),
        boot_id: "boot-1".to_owned(),
        capabilities: vec!["PING".to_owned(), "REBOOT".to_owned()],
        ..Default::default()
    }
}

impl Session {
    /// Opens the stream and says nothing.
    pub async fn open(server: &System, key: &DeviceKey) -> Result<Self, Status> {
        let (up, messages) = mpsc::channel(64);
        let mut client = server.clients(&Caller::Device(key.clone())).device;
        let down = client.attach(ReceiverStream::new(messages)).await?.into_inner();
        Ok(Self { up, down })
    }

    /// Opens the stream, says Hello and hears Welcome.
    pub async fn attach(server: &System, key: &DeviceKey) -> (Self, Welcome) {
        let mut session = Self::open(server, key).await.expect("a good key opens the stream");
        session.send(Up::Hello(hello())).await;
        match session.next().await {
            Some(Down::Welcome(welcome)) => (session, welcome),
            other => panic!("no Welcome but {other:?}"),
        }
    }

    /// Sends a message.
    pub async fn send(&self, message: Up) {
        self.send_raw(AttachRequest { message: Some(message) }).await;
    }

    /// Sends a message as it is, also without a kind.
    pub async fn send_raw(&self, message: AttachRequest) {
        // When the server ended the stream, what it said is what counts.
        let _ = self.up.send(message).await;
    }

    /// The next message; `None` when the stream ended. Panics when neither comes.
    pub async fn next(&mut self) -> Option<Down> {
        let next = tokio::time::timeout(PATIENCE, self.down.message()).await.expect("the server keeps silent");
        next.ok().flatten().and_then(|answer| answer.message)
    }

    /// The next message that `read` takes; others are passed over. Panics when the stream ends before.
    pub async fn expect<T>(&mut self, what: &str, read: impl Fn(&Down) -> Option<T>) -> T {
        loop {
            let message = self.next().await.unwrap_or_else(|| panic!("the stream ended before {what}"));
            if let Some(found) = read(&message) {
                return found;
            }
        }
    }

    /// Hears Goodbye for that reason, then the stream's end.
    pub async fn expect_goodbye(&mut self, reason: GoodbyeReason) -> Goodbye {
        let goodbye = self
            .expect("Goodbye", |message| match message {
                Down::Goodbye(goodbye) => Some(goodbye.clone()),
                _ => None,
            })
            .await;
        assert_eq!(goodbye.reason(), reason, "{}", goodbye.detail);
        let end = self.next().await;
        assert_eq!(end, None, "Goodbye is the last message");
        goodbye
    }

    /// Waits until the server ended the stream, whatever it says before.
    pub async fn ended(&mut self) {
        while self.next().await.is_some() {}
    }
}
