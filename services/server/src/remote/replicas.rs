//! All replicas of a service: those that DNS names, and of these the ones that are ready.

use std::{
    collections::HashMap,
    io,
    net::SocketAddr,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use homepot::{
    contract::{self, Repeat},
    model::ServerAddress,
};
use homepot_runtime::backoff::every;
use http::{Request, Response};
use http_body_util::{BodyExt as _, Full};
use tokio::{
    sync::watch,
    task::{AbortHandle, JoinSet},
};
use tonic::{Status, body::Body, codegen::StdError, transport::Channel};
use tower::ServiceExt as _;

use super::replica::Replica;

/// How often the name is looked up: a new replica has its share this long after DNS names it.
const LOOK_UP_EVERY: Duration = Duration::from_secs(5);
/// How often, while none of those that are known is ready: the one that takes over may not be known yet.
const LOOK_UP_AGAIN: Duration = Duration::from_secs(1);
/// How long a call waits where no replica is ready. Longer than it takes to find one that DNS has.
const PATIENCE: Duration = Duration::from_secs(3);
/// How often a call is sent that may be repeated.
const ATTEMPTS: usize = 3;

/// The replicas behind one address. Cheap to clone; the search for them ends with the last clone.
#[derive(Clone)]
pub(super) struct Replicas(Arc<Shared>);

struct Shared {
    names: Vec<ServerAddress>,
    ready: watch::Receiver<Vec<(SocketAddr, Channel)>>,
    next: AtomicUsize,
    search: AbortHandle,
}

impl Drop for Shared {
    fn drop(&mut self) {
        self.search.abort();
    }
}

impl Replicas {
    /// Begins to look for them, at all addresses that `names` have.
    pub(super) fn find(names: Vec<ServerAddress>, ca: Option<PathBuf>) -> Self {
        let (ready, seen) = watch::channel(Vec::new());
        let search = tokio::spawn(search(names.clone(), ca, ready)).abort_handle();
        Self(Arc::new(Shared { names, ready: seen, next: AtomicUsize::new(0), search }))
    }

    /// Whether one can be called now.
    pub(super) fn any_ready(&self) -> bool {
        !self.0.ready.borrow().is_empty()
    }

    /// Carries a call to one of them, in turn. Where the connection breaks, it goes to the next one if the contract says
    /// that the call may be repeated.
    pub(super) async fn call(self, request: Request<Body>) -> Result<Response<Body>, StdError> {
        let rule = contract::method(request.uri().path());
        let may_repeat =
            rule.is_some_and(|rule| !rule.client_streaming && matches!(rule.repeat, Repeat::Safe | Repeat::Idempotent));
        if !may_repeat {
            return match self.next(&[]).await {
                Some((_, channel)) => Ok(channel.oneshot(request).await?),
                None => Ok(self.nobody()),
            };
        }
        let (parts, body) = request.into_parts();
        let body = body.collect().await?.to_bytes();
        let mut tried = Vec::new();
        loop {
            let Some((at, channel)) = self.next(&tried).await else { return Ok(self.nobody()) };
            tried.push(at);
            let request = Request::from_parts(parts.clone(), whole(body.clone()));
            match channel.oneshot(request).await {
                Ok(answer) => return Ok(answer),
                Err(error) if tried.len() == ATTEMPTS => return Err(error.into()),
                Err(error) => tracing::debug!(replica = %at, %error, "a call broke and is sent again"),
            }
        }
    }

    /// The next one that is ready, one that was not `tried` where there is any.
    async fn next(&self, tried: &[SocketAddr]) -> Option<(SocketAddr, Channel)> {
        let mut seen = self.0.ready.clone();
        let ready = tokio::time::timeout(PATIENCE, seen.wait_for(|ready| !ready.is_empty())).await.ok()?.ok()?;
        let turn = self.0.next.fetch_add(1, Ordering::Relaxed);
        let in_turn = || (0..ready.len()).map(|step| &ready[(turn + step) % ready.len()]);
        in_turn().find(|(at, _)| !tried.contains(at)).or_else(|| in_turn().next()).cloned()
    }

    fn nobody(&self) -> Response<Body> {
        let names: Vec<_> = self.0.names.iter().map(ToString::to_string).collect();
        Status::unavailable(format!("no service at {} is ready", names.join(", "))).into_http()
    }
}

fn whole(bytes: Bytes) -> Body {
    Body::new(Full::new(bytes))
}

/// Looks the names up again and again, and follows each address that they have.
async fn search(names: Vec<ServerAddress>, ca: Option<PathBuf>, ready: watch::Sender<Vec<(SocketAddr, Channel)>>) {
    let ready = Arc::new(ready);
    let mut followed: HashMap<(usize, SocketAddr), AbortHandle> = HashMap::new();
    // Ends them all when it is dropped.
    let mut followers = JoinSet::new();
    let mut ticks = every(LOOK_UP_EVERY);
    let mut seen = ready.subscribe();
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            () = async {
                let _ = seen.wait_for(Vec::is_empty).await;
                tokio::time::sleep(LOOK_UP_AGAIN).await;
            } => {}
        }
        for (number, name) in names.iter().enumerate() {
            // Where the lookup fails, those who were known stay: what is wrong may be DNS alone.
            let found = match look_up(name).await {
                Ok(found) if !found.is_empty() => found,
                Ok(_) => continue,
                Err(error) => {
                    tracing::warn!(%name, %error, "look up the address of a service");
                    continue;
                }
            };
            followed.retain(|(of, at), follower| {
                let stays = *of != number || found.contains(at);
                if !stays {
                    follower.abort();
                }
                stays
            });
            for at in found {
                followed.entry((number, at)).or_insert_with(|| {
                    let (replica, ready) = (Replica { name: name.clone(), at, ca: ca.clone() }, ready.clone());
                    followers.spawn(async move { replica.keep(&ready).await })
                });
            }
        }
        while followers.try_join_next().is_some() {}
    }
}

async fn look_up(name: &ServerAddress) -> io::Result<Vec<SocketAddr>> {
    let port = name.uri().port_u16().unwrap_or(if name.is_tls() { 443 } else { 80 });
    let host = name.host().trim_start_matches('[').trim_end_matches(']').to_owned();
    Ok(tokio::net::lookup_host((host, port)).await?.collect())
}
