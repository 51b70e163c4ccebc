//! Background tasks that run beside the requests until the server stops.

use std::time::Duration;

use homepot_runtime::{Drain, backoff::every, ops::Readiness};
use homepot_store::{Store, Trouble};

/// How often the database is asked while it is in trouble: devices wait for its return.
const TICK: Duration = Duration::from_secs(1);
/// While all is well it is asked each so many ticks.
const CALM: u32 = 5;

/// Keeps `readiness` in step with whether the database takes writes, until `drain`.
pub(crate) async fn watch_database(store: Store, readiness: Readiness, drain: Drain) {
    let (mut trouble, mut calm) = (None, 0);
    let mut ticks = every(TICK);
    loop {
        tokio::select! {
            () = drain.wait() => return,
            _ = ticks.tick() => {}
        }
        // Operations notice most of it first, and then nobody should have to wait for the next question.
        calm = if trouble.is_none() && !store.is_in_trouble() { calm + 1 } else { 0 };
        if calm % CALM != 0 {
            continue;
        }
        let now = store.check().await.err();
        if now != trouble {
            match now {
                None => tracing::info!("database is back"),
                Some(Trouble::OutOfReach) => tracing::error!("database is out of reach"),
                Some(trouble) => tracing::error!(reason = trouble.as_str(), "database takes no writes"),
            }
            readiness.note_reason("database", now.map(Trouble::as_str));
            trouble = now;
        }
        // What the services take for now is carried on from here. Where it fails, the next look is soon.
        if let (None, Err(error)) = (trouble, store.look_at_clock().await) {
            tracing::debug!(%error, "look at the database's clock");
        }
    }
}
