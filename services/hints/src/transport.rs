//! The interface of a transport between replicas.

use futures_util::future::BoxFuture;

/// A way to every other replica. It may lose, double and reorder messages.
pub trait Transport: Send + Sync + 'static {
    /// What metrics and logs call it.
    fn name(&self) -> &'static str;

    /// Sends messages to everybody who listens, each of [`crate::MAX_MESSAGE_BYTES`] at most. Ends within seconds, and
    /// after an error the next call starts over with a new connection.
    fn publish(&self, messages: Vec<String>) -> BoxFuture<'_, Result<(), TransportError>>;

    /// Listens on a connection of its own.
    fn listen(&self) -> BoxFuture<'_, Result<Box<dyn Incoming>, TransportError>>;
}

/// A connection that messages come in by; closed when dropped.
pub trait Incoming: Send {
    /// The next message; `None` where messages may have been lost, and those from now on are not. An error is the connection's
    /// end, which shows within a minute whatever happened to the peer.
    fn next(&mut self) -> BoxFuture<'_, Result<Option<Vec<u8>>, TransportError>>;
}

/// Why messages don't get through; without secrets.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{0}")]
pub struct TransportError(pub(crate) String);

impl TransportError {
    /// An error in words for a person.
    pub fn new(reason: impl Into<String>) -> Self {
        Self(reason.into())
    }
}
