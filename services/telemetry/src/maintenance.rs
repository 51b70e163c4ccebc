//! Storage that runs itself: partitions ahead of time, rollups behind the samples, an end to what has expired.

use std::time::Duration;

use chrono::Utc;
use homepot_runtime::Drain;
use homepot_store::{
    Store,
    maintenance::{self, Report, Retention},
};

const EVERY: Duration = Duration::from_secs(10);

/// Does its share until `drain`: every process tries, and one at a time does it.
pub(crate) async fn run(store: Store, kept: Retention, drain: Drain) {
    loop {
        let round = move |conn: &mut _| maintenance::run(conn, Utc::now(), &kept);
        let more = match store.run("maintain", round).await {
            Ok(Some(report)) => {
                tell(&report);
                report.more
            }
            // Another replica is at it.
            Ok(None) => false,
            Err(error) if error.is_passing() => false,
            Err(error) => {
                tracing::error!(%error, "maintain storage");
                false
            }
        };
        let pause = if more { Duration::ZERO } else { EVERY };
        tokio::select! {
            () = drain.wait() => return,
            () = tokio::time::sleep(pause) => {}
        }
    }
}

fn tell(report: &Report) {
    let lag = (Utc::now() - report.rolled_to).to_std().unwrap_or_default();
    metrics::gauge!("homepot_rollup_lag_seconds").set(lag.as_secs_f64());
    metrics::counter!("homepot_rollup_rows_total", "resolution" => "1m").increment(report.minutes as u64);
    metrics::counter!("homepot_rollup_rows_total", "resolution" => "1h").increment(report.hours as u64);
    metrics::counter!("homepot_rollup_late_total").increment(report.late as u64);
    metrics::counter!("homepot_partitions_dropped_total").increment(report.dropped.len() as u64);
    if report.made > 0 {
        tracing::info!(partitions = report.made, "made partitions");
    }
    for partition in &report.dropped {
        tracing::info!(partition, "dropped a partition that has expired");
    }
}
