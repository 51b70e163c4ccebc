//! What goes on beside the requests until the server stops.

use std::time::Duration;

use homepot_runtime::{Drain, ops::Readiness};
use homepot_store::Store;

const PING: Duration = Duration::from_secs(5);
/// A database that takes longer than this for a ping is out of reach.
const PING_TIMEOUT: Duration = Duration::from_secs(3);

/// Keeps `readiness` in step with the database until `drain`.
pub(crate) async fn watch_database(store: Store, readiness: Readiness, drain: Drain) {
    let mut reachable = true;
    while passes(PING, &drain).await {
        let ping = store.run("ping", homepot_store::health::ping);
        let answer = tokio::time::timeout(PING_TIMEOUT, ping).await;
        let now = matches!(answer, Ok(Ok(_)));
        if now != reachable {
            match now {
                true => tracing::info!("database is back"),
                false => tracing::error!("database is out of reach"),
            }
            readiness.note("database", now);
            reachable = now;
        }
    }
}

/// `false` when the server stops before `time` has passed.
async fn passes(time: Duration, drain: &Drain) -> bool {
    tokio::select! {
        () = drain.wait() => false,
        () = tokio::time::sleep(time) => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn waiting_ends_with_the_server() {
        let drain = Drain::new();
        assert!(passes(PING, &drain).await);
        drain.start();
        assert!(!passes(PING, &drain).await);
    }
}
