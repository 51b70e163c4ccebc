//! Hints: wake-ups that say that a device's queue may have a command, or that something of some kind changed. They only
//! save time; the truth is in the database.
//!
//! Code that changed something calls [`Hints::wake`] or [`Hints::tell`]. Other replicas send their hints over a
//! [`Transport`]: Postgres' notifications, or Redis. Both wake the tasks that wait in this process. This crate calls
//! the store only to notify, and stores nothing. A hint that is lost, doubled or late changes nothing but latency, so
//! all code here may drop hints, and drops them rather than block or use more memory.

mod hub;
mod message;
mod notify;
mod outage;
mod outbox;
mod redis;
pub mod settings;
mod tasks;
mod transport;

use std::{fmt, sync::Arc};

use homepot_runtime::Drain;
pub use homepot_store::listen::Patience;

use self::{hub::Hub, outbox::Outbox};
pub use self::{
    hub::{Listener, Wakeup},
    message::MAX_MESSAGE_BYTES,
    notify::NotifyTransport,
    redis::{RedisAddress, RedisTransport, RedisTransportError},
    transport::{Incoming, Transport, TransportError},
};

/// The channel of all replicas, as both transports have it.
pub const CHANNEL: &str = "homepot_hints";

/// Something of this sort changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Topic {
    /// Commands and what became of them.
    Ledger,
    /// Which devices are there.
    Presence,
    /// Runs over many devices.
    Runs,
    /// Rollouts, and devices of them that came to an end.
    Rollouts,
}

impl Topic {
    pub(crate) const ALL: [Self; 4] = [Self::Ledger, Self::Presence, Self::Runs, Self::Rollouts];

    /// Its word in messages and metrics.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Ledger => "ledger",
            Self::Presence => "presence",
            Self::Runs => "runs",
            Self::Rollouts => "rollouts",
        }
    }
}

/// See the [crate](self). Clones share everything.
#[derive(Clone)]
pub struct Hints {
    hub: Arc<Hub>,
    /// `None`: there is nobody else to tell.
    outbox: Option<Arc<Outbox>>,
}

impl Hints {
    /// Hints that stay in this process.
    pub fn local() -> Self {
        Self { hub: Arc::default(), outbox: None }
    }

    /// Hints that reach every replica over `transport`, until `drain`. Needs a runtime; what is told before the transport
    /// is connected reaches this process only.
    pub fn start(transport: Arc<dyn Transport>, drain: Drain) -> Self {
        let hub = Arc::<Hub>::default();
        let outbox = Arc::new(Outbox::new(transport.name()));
        tasks::start(transport, &hub, &outbox, &drain);
        Self { hub, outbox: Some(outbox) }
    }

    /// Tells whoever holds `device` that its queue may have something. Never blocks. Where the device has a session here,
    /// nobody else is told.
    pub fn wake(&self, device: i64) {
        if !self.hub.wake(device)
            && let Some(outbox) = &self.outbox
        {
            outbox.add_device(device);
        }
    }

    /// Waits for hints about `device` from now on; the newest subscriber of a device gets them.
    pub fn device(&self, device: i64) -> Wakeup {
        Wakeup::subscribe(&self.hub, device)
    }

    /// Tells everybody, here and elsewhere, that something of this sort changed. Never blocks.
    pub fn tell(&self, topic: Topic) {
        self.hub.tell(topic);
        if let Some(outbox) = &self.outbox {
            outbox.add_topic(topic);
        }
    }

    /// Listens for changes of this sort from now on.
    pub fn listen(&self, topic: Topic) -> Listener {
        Listener::new(&self.hub, topic)
    }

    /// How many hints wait to be published; bounded.
    pub fn waiting(&self) -> usize {
        self.outbox.as_ref().map_or(0, |outbox| outbox.len())
    }
}

impl fmt::Debug for Hints {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hints").field("waiting", &self.waiting()).finish_non_exhaustive()
    }
}
