//! Replicas on one database need one secret. Where theirs differ nothing breaks, but each takes the other's tickets and tags
//! for none, and devices that change between them pay for Argon2 again and again. So it is said.

use std::time::Duration;

use homepot_runtime::{Drain, backoff::every};
use homepot_store::secrets;

use crate::Registry;

const EVERY: Duration = Duration::from_secs(10);
/// Another secret that was in use within this time is in use.
const RECENT: Duration = Duration::from_secs(25);

impl Registry {
    /// Says when a server with another secret works on the same database, until `drain`.
    pub async fn watch_secret(&self, drain: Drain) {
        let differs = metrics::gauge!("homepot_server_secret_differs");
        let mut told = false;
        let mut ticks = every(EVERY);
        loop {
            tokio::select! {
                () = drain.wait() => return,
                _ = ticks.tick() => {}
            }
            let fingerprint = self.inner.keyring.fingerprint();
            let note = move |conn: &mut _| secrets::note_in_use(conn, &fingerprint, RECENT);
            match self.inner.store.run("note_server_secret", note).await {
                Ok(other) => {
                    differs.set(f64::from(u8::from(other)));
                    match (other, told) {
                        (true, false) => tracing::error!(
                            "another server on this database has another secret, or had until a moment ago: give all of them \
                             the same --secret-file or HOMEPOT_SECRET"
                        ),
                        (false, true) => tracing::info!("all servers on this database have the same secret now"),
                        _ => {}
                    }
                    told = other;
                }
                Err(error) => tracing::debug!(%error, "note the server's secret"),
            }
        }
    }
}
