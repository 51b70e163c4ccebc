//! The provider's description of itself, fetched when somebody signs in and kept for a while.

use std::{sync::Arc, time::Duration};

use serde::Deserialize;
use tokio::{sync::Mutex, time::Instant};

use crate::{Fault, address, fetch::Fetcher, shown};

/// A description is used this long before it is asked for again.
const KEEP: Duration = Duration::from_secs(3600);
/// A provider that failed is asked again no sooner, whoever wants to sign in.
const FAILED: Duration = Duration::from_secs(2);

/// The parts of a discovery document that this client uses.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Metadata {
    issuer: String,
    pub(crate) authorization_endpoint: String,
    pub(crate) token_endpoint: String,
    pub(crate) jwks_uri: String,
    /// Whether it names itself in what a browser brings back (RFC 9207).
    #[serde(default, rename = "authorization_response_iss_parameter_supported")]
    pub(crate) names_itself: bool,
}

/// See the [module](self).
pub(crate) struct Discovery {
    issuer: String,
    /// Who finds it locked waits for the fetch of somebody else.
    last: Mutex<Option<Fetched>>,
}

/// What came of a fetch, and when.
struct Fetched {
    at: Instant,
    outcome: Result<Arc<Metadata>, Fault>,
}

impl Discovery {
    pub(crate) fn new(issuer: String) -> Self {
        Self { issuer, last: Mutex::new(None) }
    }

    pub(crate) async fn get(&self, fetcher: &Fetcher) -> Result<Arc<Metadata>, Fault> {
        let mut last = self.last.lock().await;
        if let Some(Fetched { at, outcome }) = &*last
            && at.elapsed() < if outcome.is_ok() { KEEP } else { FAILED }
        {
            return outcome.clone();
        }
        let outcome = self.fetch(fetcher).await.map(Arc::new);
        *last = Some(Fetched { at: Instant::now(), outcome: outcome.clone() });
        outcome
    }

    async fn fetch(&self, fetcher: &Fetcher) -> Result<Metadata, Fault> {
        let uri = format!("{}/.well-known/openid-configuration", self.issuer.trim_end_matches('/'));
        let metadata: Metadata = fetcher.get(&uri).await?.json("the discovery document")?;
        if metadata.issuer != self.issuer {
            let told = format!(
                "the discovery document is of the issuer '{}', and the setting says '{}'",
                shown(&metadata.issuer),
                self.issuer
            );
            return Err(Fault::Unavailable(told));
        }
        for endpoint in [&metadata.authorization_endpoint, &metadata.token_endpoint, &metadata.jwks_uri] {
            address::parse(endpoint).map_err(|why| Fault::Unavailable(format!("the discovery document: {why}")))?;
        }
        Ok(metadata)
    }
}
