//! Postgres' own notifications: nothing to set up, as every replica has the database anyway.

use futures_util::future::BoxFuture;
use homepot_store::{
    Lane, Store,
    listen::{Notifications, Patience},
    notify::notify,
};

use crate::{CHANNEL, Incoming, Transport, TransportError};

/// Publishes through the store and listens on a connection of its own, to the same database.
pub struct NotifyTransport {
    store: Store,
    patience: Patience,
}

impl NotifyTransport {
    /// Notifications of the store's database.
    pub fn new(store: Store) -> Self {
        Self { store, patience: Patience::default() }
    }

    /// Trusts silence for another time than usual.
    #[must_use]
    pub fn with_patience(self, patience: Patience) -> Self {
        Self { patience, ..self }
    }
}

impl Transport for NotifyTransport {
    fn name(&self) -> &'static str {
        "postgres"
    }

    fn publish(&self, messages: Vec<String>) -> BoxFuture<'_, Result<(), TransportError>> {
        Box::pin(async move {
            let send = move |conn: &mut _| notify(conn, CHANNEL, &messages);
            self.store
                .lane(Lane::Devices)
                .run("notify", send)
                .await
                .map_err(|error| TransportError::new(error.to_string()))
        })
    }

    fn listen(&self) -> BoxFuture<'_, Result<Box<dyn Incoming>, TransportError>> {
        Box::pin(async move {
            let notifications = Notifications::open(&self.store, CHANNEL, self.patience).await;
            let notifications = notifications.map_err(|error| TransportError::new(error.to_string()))?;
            Ok(Box::new(notifications) as Box<dyn Incoming>)
        })
    }
}

impl Incoming for Notifications {
    fn next(&mut self) -> BoxFuture<'_, Result<Option<Vec<u8>>, TransportError>> {
        Box::pin(async move {
            let message = Notifications::next(self).await;
            message
                .map(|message| message.map(String::into_bytes))
                .map_err(|error| TransportError::new(error.to_string()))
        })
    }
}
