//! Releases on a device's stream: what it should have goes down, and what it says of itself comes up.

use homepot::{
    model::{UpdateReport, UpdateState},
    pb::{
        device::v1::{self as pb, attach_response::Message},
        rollout::v1 as rollout_pb,
    },
};
use homepot_rollout::{Mark, Wait};
use tokio::time::{Duration, Instant};

use crate::{session::Session, sessions::End};

/// A ticket is good for an hour; a device gets another while it may still need one.
const RENEW: Duration = Duration::from_secs(45 * 60);

/// What a session told its device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Told {
    mark: Mark,
    at: Instant,
}

impl Session {
    /// Tells the device what it should have, unless it knows. Costs nothing for devices that take no releases.
    pub(crate) async fn tell_desired(&self) -> Result<(), End> {
        let Some(told) = &self.told else { return Ok(()) };
        let rollouts = &self.link.inner.rollouts;
        let Some(offer) = self.until_available(|| rollouts.desired(self.caller.pk)).await? else { return Ok(()) };
        let now = Told { mark: offer.mark(), at: Instant::now() };
        let knows = told.lock().is_some_and(|before| before.mark == now.mark && before.at.elapsed() < RENEW);
        if knows {
            return Ok(());
        }
        let Mark { generation, installs, .. } = now.mark;
        tracing::info!(device_id = %self.caller.device_id, generation, installs, release_id = %offer.release_id(),
            "device told what to have");
        self.outbound.send(Message::DesiredRelease(offer.into())).await?;
        *told.lock() = Some(now);
        Ok(())
    }

    /// Keeps what the device says of itself, and answers what it is to do by now.
    pub(crate) async fn note_update(&self, report: UpdateReport) -> Result<(), End> {
        let rollouts = &self.link.inner.rollouts;
        let reported = self.until_available(|| rollouts.report(self.caller.pk, report.clone())).await?;
        let state = report.state;
        if let Some(reason) = reported.lie.as_deref().filter(|_| reported.is_new) {
            tracing::warn!(device_id = %self.caller.device_id, generation = report.generation, reason,
                "device is not believed to have its release");
        } else if reported.is_new {
            tracing::info!(device_id = %self.caller.device_id, generation = report.generation,
                state = state.map(UpdateState::as_str), reason = report.reason, "device told how far its update is");
        }
        let wait = reported.wait.as_ref();
        if wait.is_some() && !report.can_wait {
            // It would take the answer for the end of the update. Without one it waits, and asks again when it attaches next.
            return Ok(());
        }
        let ack = pb::UpdateReportAck {
            generation: report.generation,
            state: state.map(|state| rollout_pb::UpdateState::from(state).into()).unwrap_or_default(),
            action: pb::UpdateAction::from(reported.action).into(),
            ask_again_seconds: wait.map(Wait::ask_again_seconds).unwrap_or_default(),
            reason: wait.map(|wait| wait.reason.clone()).unwrap_or_default(),
        };
        self.outbound.send(Message::UpdateReportAck(ack)).await?;
        let is_fresh =
            || self.told.as_ref().and_then(|told| *told.lock()).is_some_and(|told| told.at.elapsed() < RENEW);
        let is_done = state.is_none_or(|state| !state.is_in_flight());
        if reported.is_newest && (is_done || is_fresh()) { Ok(()) } else { self.tell_desired().await }
    }
}
