//! Ends what ran out of time.

use std::time::Duration;

use chrono::Utc;
use homepot_store::{Store, commands};
use tokio::time::{MissedTickBehavior, interval};

const EVERY: Duration = Duration::from_secs(1);
/// Rows a sweep; more are left to the next, so that no sweep holds its locks for long.
const LIMIT: u32 = 1_000;

pub(crate) async fn run(store: &Store) {
    let mut ticks = interval(EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        match store.run("sweep_commands", |conn| commands::sweep(conn, Utc::now(), LIMIT)).await {
            Ok(swept) if swept.expired + swept.unknown > 0 => {
                tracing::info!(expired = swept.expired, unknown = swept.unknown, "commands ran out of time");
            }
            Ok(_) => {}
            Err(error) => tracing::warn!(%error, "sweep commands"),
        }
    }
}
