//! Storage that runs itself: partitions ahead of time, rollups and blocks behind the samples, an end to what has expired.

use std::time::Duration;

use homepot_runtime::Drain;
use homepot_store::{
    Store,
    maintenance::{self, Guard, Hold, Report, Round},
};

const EVERY: Duration = Duration::from_secs(10);

/// Does its share until `drain`: every process tries, and one at a time does it.
pub(crate) async fn run(store: Store, drain: Drain) {
    let kept = store.retention();
    let guard = std::sync::Arc::new(Guard::default());
    metrics::gauge!("homepot_maintenance_held").set(0);
    loop {
        let guard = guard.clone();
        let round = move |conn: &mut _| maintenance::run(conn, &guard, &kept);
        let more = match store.run("maintain", round).await {
            Ok(Round::Done(report)) => {
                metrics::gauge!("homepot_maintenance_held").set(0);
                tell(&report);
                report.more
            }
            Ok(Round::Elsewhere) => {
                metrics::gauge!("homepot_maintenance_held").set(0);
                false
            }
            Ok(Round::Held(hold)) => {
                metrics::gauge!("homepot_maintenance_held").set(1);
                warn(hold);
                false
            }
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

fn warn(hold: Hold) {
    let (leap_seconds, left_seconds) = (hold.leap.num_seconds(), hold.left.as_secs());
    if hold.contradicted {
        tracing::error!(
            leap_seconds,
            "the database's clock is far after the last round of maintenance, and devices' clocks contradict it: nothing is \
             rolled up or dropped until `homepot confirm-clock` says that the clock is right"
        );
    } else {
        tracing::error!(
            leap_seconds,
            left_seconds,
            "the database's clock is far after the last round of maintenance: nothing is rolled up or dropped until the clock \
             has run steadily for long enough, or `homepot confirm-clock` says that it is right"
        );
    }
}

fn tell(report: &Report) {
    metrics::gauge!("homepot_rollup_lag_seconds").set(report.lag.as_secs_f64());
    metrics::counter!("homepot_rollup_rows_total", "resolution" => "1m").increment(report.minutes as u64);
    metrics::counter!("homepot_rollup_rows_total", "resolution" => "1h").increment(report.hours as u64);
    metrics::counter!("homepot_rollup_late_total").increment(report.late as u64);
    metrics::gauge!("homepot_packing_lag_seconds").set(report.packed.lag.as_secs_f64());
    for packed in [report.packed, report.packed_late] {
        metrics::counter!("homepot_packed_blocks_total").increment(packed.blocks as u64);
        metrics::counter!("homepot_packed_samples_total").increment(packed.samples as u64);
        metrics::counter!("homepot_packed_bytes_total").increment(packed.bytes as u64);
        metrics::counter!("homepot_packed_again_total").increment(packed.again as u64);
        metrics::counter!("homepot_packing_refused_total").increment(packed.refused as u64);
    }
    metrics::counter!("homepot_partitions_dropped_total").increment(report.dropped.len() as u64);
    if report.made > 0 {
        tracing::info!(partitions = report.made, "made partitions");
    }
    for partition in &report.dropped {
        tracing::info!(partition, "dropped a partition that has expired");
    }
}
