//! Drives rollouts on, whichever replica began them.

use std::time::Duration;

use homepot_hints::Topic;
use homepot_runtime::backoff::every;
use tokio::time::{Instant, sleep};

use crate::{Rollouts, counted};

/// How often rollouts are looked at where nothing tells of them: what another replica saw, or what ran out of time.
const EVERY: Duration = Duration::from_secs(1);
/// How often what nobody needs any more is removed.
const CLEAN_UP: Duration = Duration::from_secs(600);
/// How often drift that is to be mended is looked for.
const MEND: Duration = Duration::from_secs(2);
/// The least time between two looks: devices end by the hundred.
const PAUSE: Duration = Duration::from_millis(100);
/// A look at many devices takes its time, and what it takes of the database, others miss: a tenth, where the pause of [`EVERY`] is
/// enough for that.
const SHARE: u32 = 10;
/// How often they are counted for the metrics.
const COUNTED: Duration = Duration::from_secs(5);

/// Removes files that no release uses, and rollouts that ended long ago, until the returned future is dropped.
pub(crate) async fn clean_up(rollouts: &Rollouts) {
    let mut ticks = every(CLEAN_UP);
    loop {
        ticks.tick().await;
        loop {
            let (kept, bytes) = (rollouts.store.retention().rollouts, rollouts.bytes);
            let remove = move |conn: &mut _| homepot_store::releases::clean_up(conn, bytes, kept);
            match rollouts.store.run("clean_up_releases", remove).await {
                Ok(0) => break,
                Ok(removed) => tracing::info!(removed, "files and rollouts that nobody needs are removed"),
                Err(error) => {
                    tracing::warn!(%error, "remove files and rollouts that nobody needs");
                    break;
                }
            }
        }
    }
}

/// Begins to mend drift where releases say that it is mended, until the returned future is dropped.
pub(crate) async fn mend(rollouts: &Rollouts) {
    let (mut ticks, limits) = (every(MEND), rollouts.mends);
    loop {
        ticks.tick().await;
        match rollouts.store.run("mend_drift", move |conn| homepot_store::rollouts::mend(conn, limits)).await {
            Ok(begun) => {
                for mend in &begun {
                    tracing::info!(rollout_id = %mend.rollout_id, "drift of a device is being mended");
                    mend.to_tell.iter().for_each(|pk| rollouts.hints.wake(*pk));
                }
                if !begun.is_empty() {
                    rollouts.hints.tell(Topic::Rollouts);
                }
            }
            Err(error) => tracing::warn!(%error, "mend drift"),
        }
    }
}

/// Drives rollouts on, until the returned future is dropped.
pub(crate) async fn run(rollouts: &Rollouts) {
    let (mut ticks, mut counts, mut news) = (every(EVERY), every(COUNTED), rollouts.hints.listen(Topic::Rollouts));
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            () = news.changed() => {}
            _ = counts.tick() => {
                match rollouts.store.run("count_rollouts", homepot_store::rollouts::counts).await {
                    Ok(counts) => counted::tell(&counts),
                    Err(error) => tracing::warn!(%error, "count rollouts"),
                }
                continue;
            }
        }
        let began = Instant::now();
        match rollouts.store.run("advance_rollouts", homepot_store::rollouts::advance).await {
            Ok(advanced) => {
                for step in &advanced {
                    tracing::info!(rollout_id = %step.rollout_id, state = step.state.as_str(), told = step.to_tell.len(),
                        "rollout moved on");
                    step.to_tell.iter().for_each(|pk| rollouts.hints.wake(*pk));
                }
                if !advanced.is_empty() {
                    rollouts.hints.tell(Topic::Rollouts);
                }
            }
            Err(error) => tracing::warn!(%error, "advance rollouts"),
        }
        rollouts.settle_config_updates().await;
        match rollouts.store.run("next_turns", homepot_store::rollouts::next_turns).await {
            Ok(to_tell) => to_tell.into_iter().for_each(|pk| rollouts.hints.wake(pk)),
            Err(error) => tracing::warn!(%error, "find whose turn it is"),
        }
        sleep((began.elapsed() * (SHARE - 1)).clamp(PAUSE, EVERY)).await;
    }
}
