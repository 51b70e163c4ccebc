//! The provider's public keys. They are kept; a token that names a key which is not among them has them fetched anew, but no
//! more often than once in a while, so that a stream of such tokens is no load for the provider.

use std::{sync::Arc, time::Duration};

use tokio::{sync::Mutex, time::Instant};

use crate::{Fault, fetch::Fetcher, signature::Key};

/// Keys are used this long before they are asked for again, so that one that was withdrawn goes.
const KEEP: Duration = Duration::from_secs(3600);
/// Keys are asked for again no sooner because one was missing, or because the last try failed.
const AGAIN: Duration = Duration::from_secs(30);
const FAILED: Duration = Duration::from_secs(2);
/// More keys than a provider has.
const MAX_KEYS: usize = 64;

/// See the [module](self).
#[derive(Default)]
pub(crate) struct Keys(Mutex<State>);

#[derive(Default)]
struct State {
    known: Option<(Instant, Arc<Vec<Key>>)>,
    /// When they were last fetched because one was missing.
    missed_at: Option<Instant>,
    failed: Option<(Instant, Fault)>,
}

impl Keys {
    /// The keys that a token may be signed with which names the key `kid`, or none.
    pub(crate) async fn for_kid(
        &self,
        kid: Option<&str>,
        jwks_uri: &str,
        fetcher: &Fetcher,
    ) -> Result<Arc<Vec<Key>>, Fault> {
        let mut state = self.0.lock().await;
        let known = state.known.clone().filter(|(at, _)| at.elapsed() < KEEP).map(|(_, keys)| keys);
        if let Some(keys) = known {
            if kid.is_none_or(|kid| keys.iter().any(|key| key.has_id(kid))) {
                return Ok(keys);
            }
            if state.missed_at.is_some_and(|at| at.elapsed() < AGAIN) {
                return Ok(keys);
            }
            state.missed_at = Some(Instant::now());
        }
        if let Some((at, fault)) = &state.failed
            && at.elapsed() < FAILED
        {
            return Err(fault.clone());
        }
        match fetch(jwks_uri, fetcher).await {
            Ok(keys) => {
                let keys = Arc::new(keys);
                (state.known, state.failed) = (Some((Instant::now(), keys.clone())), None);
                Ok(keys)
            }
            Err(fault) => {
                state.failed = Some((Instant::now(), fault.clone()));
                Err(fault)
            }
        }
    }
}

async fn fetch(jwks_uri: &str, fetcher: &Fetcher) -> Result<Vec<Key>, Fault> {
    #[derive(serde::Deserialize)]
    struct Set {
        keys: Vec<serde_json::Value>,
    }
    let set: Set = fetcher.get(jwks_uri).await?.json("the address of the keys")?;
    // Keys of kinds that nobody here knows are no fault: a provider may have others for others.
    Ok(set.keys.into_iter().take(MAX_KEYS).filter_map(Key::read).collect())
}
