//! Goes over to another address of Redis, or to other authorities, when the files that hold them change.
//!
//! A new address is tried before it counts: it has to let us subscribe and publish. So a typing error, or a password that Redis
//! does not know yet, cuts nobody off. Hints that others publish at the old address meanwhile are missed, as all may be.

use std::sync::Arc;

use futures_util::future::BoxFuture;
use homepot_runtime::reload::Files;

use super::{Publishing, RedisTransport, connect::Connector, subscribe};
use crate::{TransportError, settings::RedisFiles};

/// The files that hold the way to Redis.
pub(super) struct Followed {
    transport: RedisTransport,
    setting: &'static str,
}

impl Followed {
    /// Those that the settings of `transport` name; `None`: it has none.
    pub(super) fn of(transport: &RedisTransport, files: &RedisFiles) -> Option<Self> {
        let setting = match (&files.addresses, &files.authorities) {
            (Some(_), _) => "redis-url-file",
            (None, Some(_)) => "redis-ca-file",
            (None, None) => return None,
        };
        Some(Self { transport: transport.clone(), setting })
    }

    async fn follow(&self) -> Result<bool, String> {
        let shared = &self.transport.shared;
        // Held to the end: one address is tried at a time.
        let mut settings = shared.settings.lock().await;
        let new = settings.read_again()?;
        if new == *settings {
            return Ok(false);
        }
        let connector = Connector::new(&new).map_err(|error| error.to_string())?;
        let tried = self.try_out(&connector).await.map_err(|error| error.to_string())?;
        let mut publishing = shared.publishing.lock().await;
        *publishing = Some(tried);
        // Whoever listens notices it.
        shared.connector.send_replace(Arc::new(connector));
        *settings = new;
        Ok(true)
    }

    /// Answers the connection that can publish.
    async fn try_out(&self, connector: &Connector) -> Result<Publishing, TransportError> {
        let patience = self.transport.patience;
        drop(connector.connect(patience, subscribe).await?);
        let mut publishing = connector.connect(patience, Publishing::open).await?;
        // Those who listen there take no notice of a message that says nothing.
        publishing.send(vec![String::new()], patience).await?;
        Ok(publishing)
    }
}

impl Files for Followed {
    fn setting(&self) -> &'static str {
        self.setting
    }

    fn look(&self) -> BoxFuture<'_, Result<bool, String>> {
        Box::pin(self.follow())
    }
}
