//! One replica of a service: a connection that is kept, and whether it may be used.
//!
//! The replica itself says whether it wants calls, by gRPC health over the same connection. One that drains says so before it
//! closes anything, so calls go elsewhere in time.

use std::{net::SocketAddr, time::Duration};

use futures_util::{
    FutureExt as _,
    future::{BoxFuture, pending, select_all},
};
use homepot::model::ServerAddress;
use homepot_runtime::{
    backoff::Backoff,
    tls::{Shown, Trusted},
};
use tokio::sync::watch;
use tonic::{Streaming, transport::Channel};
use tonic_health::pb::{
    HealthCheckRequest, HealthCheckResponse, health_check_response::ServingStatus, health_client::HealthClient,
};

use crate::{client, settings::CallerTls};

/// A replica that vanished without a word is noticed within these two.
const KEEPALIVE: Duration = Duration::from_secs(5);
const KEEPALIVE_TIMEOUT: Duration = Duration::from_secs(5);
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(3);

/// The replicas that may be called, each by its address.
pub(super) type Ready = watch::Sender<Vec<(SocketAddr, Channel)>>;

/// Where a replica is, and who vouches for it.
#[derive(Clone, Debug)]
pub(super) struct Replica {
    /// The address by name, which its certificate has to be for.
    pub(super) name: ServerAddress,
    /// This replica's own.
    pub(super) at: SocketAddr,
    /// Whom it has to be vouched for by, and what it is shown.
    pub(super) tls: CallerTls,
}

impl Replica {
    /// Keeps the replica in `ready` while it wants calls, until the future is dropped.
    pub(super) async fn keep(self, ready: &Ready) {
        let _gone = Gone { ready, at: self.at };
        let mut backoff = Backoff::new(FIRST_PAUSE, LONGEST_PAUSE);
        loop {
            let ended = self.follow(ready, &mut backoff).await;
            remove(ready, self.at);
            if let Err(error) = ended {
                tracing::debug!(replica = %self.at, error = format!("{error:#}"), "a replica of a service is away");
            }
            backoff.pause().await;
        }
    }

    /// Connects, and goes by what the replica says of itself until the connection ends. Where the gateway's own certificate or
    /// the authorities are replaced, another connection takes the place of this one; calls that are under way end on it.
    async fn follow(&self, ready: &Ready, backoff: &mut Backoff) -> anyhow::Result<()> {
        let mut replaced = self.replaced();
        let (mut channel, mut said) = self.open().await?;
        loop {
            let answer = tokio::select! {
                answer = said.message() => answer?,
                () = &mut replaced => {
                    replaced = self.replaced();
                    match self.open().await {
                        Ok(opened) => (channel, said) = opened,
                        Err(error) => {
                            // Files that can be read may still be the wrong ones, which is no reason to stop what works.
                            let error = format!("{error:#}");
                            tracing::warn!(replica = %self.at, error, "a replica is out of reach by the new files; the \
                                connection by the old ones stays");
                            replaced = Box::pin(tokio::time::sleep(LONGEST_PAUSE));
                        }
                    }
                    continue;
                }
            };
            let Some(answer) = answer else { return Ok(()) };
            backoff.reset();
            match answer.status() {
                ServingStatus::Serving => add(ready, self.at, &channel),
                _ => remove(ready, self.at),
            }
        }
    }

    /// A connection, and what the replica says of itself on it.
    async fn open(&self) -> anyhow::Result<(Channel, Streaming<HealthCheckResponse>)> {
        let channel = self.connect().await?;
        let mut health = HealthClient::new(channel.clone());
        let said = health.watch(HealthCheckRequest { service: String::new() }).await?.into_inner();
        Ok((channel, said))
    }

    /// Ends when another certificate is to be shown, or other authorities are trusted.
    fn replaced(&self) -> BoxFuture<'static, ()> {
        let CallerTls { trusted, shown } = &self.tls;
        let changes = trusted.iter().map(Trusted::changes).chain(shown.iter().map(Shown::changes));
        let changed = changes.map(|mut changes| Box::pin(async move { drop(changes.changed().await) }));
        let changed: Vec<_> = changed.collect();
        match changed.is_empty() {
            true => Box::pin(pending()),
            false => Box::pin(select_all(changed).map(drop)),
        }
    }

    async fn connect(&self) -> anyhow::Result<Channel> {
        let (trusted, shown) = (self.tls.trusted.as_ref(), self.tls.shown.as_ref());
        let endpoint =
            client::endpoint_at(&self.name, Some(self.at), trusted.map(Trusted::current), shown.map(Shown::current))?
                .http2_keep_alive_interval(KEEPALIVE)
                .keep_alive_timeout(KEEPALIVE_TIMEOUT)
                .keep_alive_while_idle(true);
        Ok(endpoint.connect().await?)
    }
}

fn add(ready: &Ready, at: SocketAddr, channel: &Channel) {
    ready.send_modify(|ready| {
        ready.retain(|(known, _)| *known != at);
        ready.push((at, channel.clone()));
        // In the same order for everybody who looks, whatever came first.
        ready.sort_by_key(|(at, _)| *at);
    });
}

fn remove(ready: &Ready, at: SocketAddr) {
    ready.send_if_modified(|ready| {
        let before = ready.len();
        ready.retain(|(known, _)| *known != at);
        ready.len() < before
    });
}

/// A replica that is no longer followed is no longer called.
struct Gone<'a> {
    ready: &'a Ready,
    at: SocketAddr,
}

impl Drop for Gone<'_> {
    fn drop(&mut self) {
        remove(self.ready, self.at);
    }
}
