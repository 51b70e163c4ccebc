//! The two tasks of a transport: one publishes what gathered, one hears what others publish.

use std::{sync::Arc, time::Duration};

use homepot_runtime::{Drain, backoff::Backoff};
use tokio::time::{Instant, timeout};

use crate::{
    Transport, TransportError,
    hub::Hub,
    message::{self, Batch},
    outage::{Direction, Outage},
    outbox::{Outbox, count_batch},
};

const BACKOFF_FIRST: Duration = Duration::from_millis(50);
const BACKOFF_MOST: Duration = Duration::from_secs(5);
/// A transport that takes longer than this for a publish is no faster than the look once a second, by far.
const PUBLISH_PATIENCE: Duration = Duration::from_secs(10);

const PUBLISHED: &str = "homepot_hints_published_total";
const RECEIVED: &str = "homepot_hints_received_total";
const LOST: &str = "homepot_hints_lost_total";

/// What both tasks share.
struct Shared {
    transport: Arc<dyn Transport>,
    hub: Arc<Hub>,
    outbox: Arc<Outbox>,
    outage: Outage,
    /// How others, and this one itself, tell its messages from those of others.
    name: String,
}

/// Starts both; they end with `drain`.
pub(crate) fn start(transport: Arc<dyn Transport>, hub: &Arc<Hub>, outbox: &Arc<Outbox>, drain: &Drain) {
    for counter in [PUBLISHED, RECEIVED, LOST] {
        count_batch(counter, transport.name(), &Batch::default());
    }
    let outage = Outage::new(transport.name());
    let name = format!("{:016x}", random());
    let shared = Arc::new(Shared { transport, hub: hub.clone(), outbox: outbox.clone(), outage, name });
    let (publishing, listening) = (shared.clone(), shared);
    until(drain.clone(), async move { publishing.publish().await });
    until(drain.clone(), async move { listening.listen().await });
}

fn until(drain: Drain, task: impl Future<Output = ()> + Send + 'static) {
    tokio::spawn(async move {
        tokio::select! {
            () = drain.wait() => {}
            () = task => {}
        }
    });
}

impl Shared {
    async fn publish(&self) {
        let mut backoff = Backoff::new(BACKOFF_FIRST, BACKOFF_MOST);
        loop {
            // After a failure an empty message finds out whether the transport works again.
            let batch = match backoff.is_new() {
                true => self.outbox.take().await,
                false => self.outbox.take_now(),
            };
            match self.deliver(batch.encode(&self.name)).await {
                Ok(()) => {
                    count_batch(PUBLISHED, self.transport.name(), &batch);
                    self.outage.works(Direction::Publishing);
                    backoff.reset();
                }
                Err(error) => {
                    count_batch(LOST, self.transport.name(), &batch);
                    self.outage.broke(Direction::Publishing, &error);
                    backoff.pause().await;
                }
            }
        }
    }

    /// Tries twice: a connection that broke while nothing was published shows only now.
    async fn deliver(&self, messages: Vec<String>) -> Result<(), TransportError> {
        match self.deliver_once(messages.clone()).await {
            Ok(()) => Ok(()),
            Err(_) => self.deliver_once(messages).await,
        }
    }

    async fn deliver_once(&self, messages: Vec<String>) -> Result<(), TransportError> {
        let answer = timeout(PUBLISH_PATIENCE, self.transport.publish(messages)).await;
        answer.unwrap_or_else(|_| Err(TransportError::new("no answer to a publish")))
    }

    async fn listen(&self) {
        let mut backoff = Backoff::new(BACKOFF_FIRST, BACKOFF_MOST);
        loop {
            let error = match self.transport.listen().await {
                Err(error) => error,
                Ok(mut incoming) => {
                    self.outage.works(Direction::Listening);
                    // What was told while nobody listened may be lost.
                    self.hub.wake_all();
                    let connected = Instant::now();
                    let error = loop {
                        match incoming.next().await {
                            Ok(Some(message)) => self.receive(&message),
                            Ok(None) => self.hub.wake_all(),
                            Err(error) => break error,
                        }
                    };
                    // One that breaks at once, each time, must not wake everybody without end.
                    if connected.elapsed() > BACKOFF_MOST {
                        backoff.reset();
                    }
                    error
                }
            };
            self.outage.broke(Direction::Listening, &error);
            backoff.pause().await;
        }
    }

    fn receive(&self, message: &[u8]) {
        let Some(received) = message::decode(message) else {
            return tracing::debug!(bytes = message.len(), "a message that is none");
        };
        // Who is here was told when it was sent.
        if received.sender == self.name {
            return;
        }
        count_batch(RECEIVED, self.transport.name(), &received.batch);
        for device in received.batch.devices {
            self.hub.wake(device);
        }
        for topic in received.batch.topics {
            self.hub.tell(topic);
        }
    }
}

/// Tells this process's own messages from those of others.
fn random() -> u64 {
    getrandom::u64().unwrap_or_else(|_| {
        // Good enough to tell replicas apart, and no reason to fail.
        let now = std::time::UNIX_EPOCH.elapsed().unwrap_or_default();
        u64::from(now.subsec_nanos()) << 32 | u64::from(std::process::id())
    })
}
