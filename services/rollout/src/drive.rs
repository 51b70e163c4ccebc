//! Drives rollouts on, whichever replica began them.

use std::time::Duration;

use homepot_hints::Topic;
use homepot_runtime::backoff::every;
use tokio::time::sleep;

use crate::{Rollouts, counted};

/// How often rollouts are looked at where nothing tells of them: what another replica saw, or what ran out of time.
const EVERY: Duration = Duration::from_secs(1);
/// The least time between two looks: devices end by the hundred.
const PAUSE: Duration = Duration::from_millis(100);
/// How often they are counted for the metrics.
const COUNTED: Duration = Duration::from_secs(5);

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
        sleep(PAUSE).await;
    }
}
