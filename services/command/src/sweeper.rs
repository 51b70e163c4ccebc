//! Ends commands whose time is over.

use std::time::Duration;

use homepot_runtime::backoff::every;
use homepot_store::commands;

use crate::Commands;

const EVERY: Duration = Duration::from_secs(1);
/// Rows a sweep; more are left to the next, so that no sweep holds its locks for long.
const LIMIT: u32 = 1_000;

pub(crate) async fn run(ledger: &Commands) {
    let mut ticks = every(EVERY);
    loop {
        ticks.tick().await;
        match ledger.store.run("sweep_commands", |conn| commands::sweep(conn, None, LIMIT)).await {
            Ok(swept) if !(swept.expired.is_none() && swept.unknown.is_none()) => {
                for (state, ended) in [("expired", swept.expired), ("unknown", swept.unknown)] {
                    for (source, number) in ended.each() {
                        let source = source.as_str();
                        metrics::counter!("homepot_commands_finished_total", "state" => state, "source" => source)
                            .increment(number);
                    }
                }
                tracing::info!(expired = ?swept.expired, unknown = ?swept.unknown, "commands ran out of time");
                ledger.changed();
            }
            Ok(_) => {}
            Err(error) => tracing::warn!(%error, "sweep commands"),
        }
    }
}
