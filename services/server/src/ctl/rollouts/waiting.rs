//! Waiting for a rollout, with its progress.

use std::{ops::ControlFlow, time::Duration};

use homepot::pb::rollout::v1 as pb;

use super::{
    super::kit::{
        calls::follow,
        out::{Out, note},
        progress::{Progress, Step},
        status::{self, Status},
    },
    get,
    records::{line, state_word},
};
use crate::client::Client;

/// Follows a rollout until it stands still, or for `timeout`; answers it as it was last heard of.
pub(super) async fn wait(
    client: &Client,
    out: &Out,
    mut rollout: pb::Rollout,
    timeout: Option<Duration>,
) -> anyhow::Result<(pb::Rollout, Status)> {
    let rollout_id = rollout.rollout_id.clone();
    let (mut rollouts, mut progress) = (client.rollouts(), Progress::new());
    let open = async |cursor| rollouts.watch(pb::WatchRequest { rollout_id: rollout_id.clone(), cursor }).await;
    let take = async |news: Option<pb::WatchResponse>| {
        out.check_reader()?;
        rollout = match news.and_then(|mut news| news.rollouts.pop()) {
            Some(news) => news,
            // It is open from now on, or nothing has changed for a while: what was missed before shows here.
            None => get(client, &rollout_id).await?,
        };
        progress.tell(step(&rollout));
        Ok(if stands_still(&rollout) { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
    };
    let followed = follow(open, take);
    let ended = match timeout {
        Some(timeout) => tokio::time::timeout(timeout, followed).await,
        None => Ok(followed.await),
    };
    progress.end();
    match ended {
        Ok(ended) => ended?,
        Err(_) => {
            let state = state_word(&rollout);
            note(format_args!("still {state}; it goes on: homepot ctl rollouts wait {rollout_id}"));
            return Ok((rollout, status::STILL_UNDER_WAY));
        }
    }
    let status = end(&rollout);
    if status != status::SUCCEEDED {
        tell_failures(&rollout);
    }
    Ok((rollout, status))
}

fn step(rollout: &pb::Rollout) -> Step {
    let progress = rollout.progress.unwrap_or_default();
    let state = state_word(rollout);
    let words = format!("phase {} of {}: {}; {state}", rollout.phase, rollout.phases.len(), line(&progress));
    let done = progress.confirmed + progress.failed + progress.cancelled + progress.skipped;
    Step { done, total: progress.total, state, words }
}

/// Whether nothing more happens by itself.
fn stands_still(rollout: &pb::Rollout) -> bool {
    use pb::RolloutState as State;
    match rollout.state() {
        State::Halted | State::Completed | State::Aborted => true,
        State::Unspecified | State::Running | State::Paused | State::AwaitingApproval => false,
    }
}

/// The exit status of a rollout that stands still.
fn end(rollout: &pb::Rollout) -> Status {
    let progress = rollout.progress.unwrap_or_default();
    let all = rollout.state() == pb::RolloutState::Completed && progress.confirmed == progress.total;
    if all { status::SUCCEEDED } else { status::FAILED }
}

fn tell_failures(rollout: &pb::Rollout) {
    let rollout_id = &rollout.rollout_id;
    if !rollout.reason.is_empty() {
        note(format_args!("{}: {}", state_word(rollout), rollout.reason));
    }
    note(format_args!("what became of each device: homepot ctl rollouts devices {rollout_id}"));
    if rollout.state() == pb::RolloutState::Halted {
        note(format_args!("to go on: homepot ctl rollouts resume {rollout_id}"));
        note(format_args!("to end it: homepot ctl rollouts abort {rollout_id}"));
    }
}
