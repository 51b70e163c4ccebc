//! What keeps a release waiting that is complete and checked: the server's word that it is not time yet, and holds of this machine.

use std::time::{Duration, Instant as Moment};

use homepot::pb::device::v1 as pb;

use super::worker::{Gone, Work, Worker};
use crate::{
    hold::Applying,
    platform,
    update::{Event, State},
};

/// The server is asked again after this time at the latest, and where it said nothing that is known here.
const ASK_AGAIN: Duration = Duration::from_secs(300);
const LONGEST: Duration = Duration::from_secs(3600);
/// How often somebody looks whether a hold has ended.
const LOOK: Duration = Duration::from_secs(1);
/// A new reason of a hold is told no more often.
const SAME_REASON: Duration = Duration::from_secs(60);
/// A device that is held for longer says so.
const LONG: Duration = Duration::from_secs(24 * 3600);

/// See the [module](self).
#[derive(Debug, Default)]
pub(super) struct Gate {
    /// When the server is to be asked again.
    ask_at: Option<Moment>,
    /// Since when something on this machine has held it without a break, and when that was last told.
    held: Option<(Moment, Moment)>,
    /// Nobody gets a hold while this is here.
    applying: Option<Applying>,
}

impl Gate {
    /// After which time to call [`Worker::tend`].
    pub(super) fn wake_after(&self) -> Duration {
        let ask = self.ask_at.map(|at| at.saturating_duration_since(Moment::now()));
        self.held.map(|_| LOOK).into_iter().chain(ask).min().unwrap_or(LONGEST)
    }

    /// Lets others hold this machine again, once nothing is being put in place any more.
    pub(super) fn let_go(&mut self, state: Option<State>) {
        if !matches!(state, Some(State::Waiting | State::Applying | State::Probation)) {
            *self = Self::default();
        }
    }
}

impl Worker {
    /// A release on probation goes on after a restart of the agent, so nobody may hold the machine.
    pub(super) fn resume_applying(&self, work: &mut Work) {
        if work.updater.state() == Some(State::Probation) {
            work.gate.applying = self.holds.begin().ok().flatten();
        }
    }

    /// The server has answered whether the release may be put in place.
    pub(super) fn answered(&mut self, work: &mut Work, ack: &pb::UpdateReportAck) -> Result<(), Gone> {
        let generation = ack.generation;
        work.gate.ask_at = None;
        match ack.action() {
            pb::UpdateAction::Install => self.apply(work, generation),
            pb::UpdateAction::Cancel => self.act(work, Event::Cancel { generation }),
            action @ (pb::UpdateAction::Wait | pb::UpdateAction::Unspecified) => {
                let after = match action {
                    pb::UpdateAction::Wait => Duration::from_secs(ack.ask_again_seconds.into()),
                    _ => ASK_AGAIN,
                };
                work.gate.ask_at = Some(Moment::now() + after.clamp(LOOK, LONGEST));
                tracing::info!(generation, reason = ack.reason, "the release has to wait");
                Ok(())
            }
        }
    }

    fn apply(&mut self, work: &mut Work, generation: u64) -> Result<(), Gone> {
        match self.holds.begin() {
            Ok(Some(applying)) => {
                // Somebody may have taken a hold since the server was asked; from now on nobody can.
                self.note_holds(work)?;
                if work.gate.held.is_none() {
                    work.gate.applying = Some(applying);
                    return self.act(work, Event::Apply { generation });
                }
            }
            Ok(None) => work.gate.ask_at = Some(Moment::now() + LOOK),
            Err(error) => {
                tracing::warn!(%error, "the lock of the hold directory can't be taken; it is tried again");
                work.gate.ask_at = Some(Moment::now() + ASK_AGAIN);
            }
        }
        Ok(())
    }

    /// Looks whether something on this machine holds it, and tells what has changed about that.
    pub(super) fn note_holds(&mut self, work: &mut Work) -> Result<(), Gone> {
        let generation = work.updater.generation();
        let now = Moment::now();
        let reason = match (self.holds.current(platform::since_boot()), work.gate.held) {
            (None, None) => return Ok(()),
            (None, Some(_)) => {
                work.gate.held = None;
                String::new()
            }
            (Some(_), Some((_, told))) if told.elapsed() < SAME_REASON => return Ok(()),
            (Some(reason), held) => {
                let since = held.map_or(now, |(since, _)| since);
                work.gate.held = Some((since, now));
                if since.elapsed() < LONG { reason } else { format!("{reason}; for more than 24 h without a break") }
            }
        };
        self.act(work, Event::Hold { generation, reason })
    }

    /// Goes on with what waits, where it need not wait any more.
    pub(super) fn tend(&mut self, work: &mut Work) -> Result<(), Gone> {
        if work.updater.state() != Some(State::Waiting) {
            return Ok(());
        }
        self.note_holds(work)?;
        let is_silent = work.told.as_ref().is_none_or(|(_, at)| at.elapsed() >= ASK_AGAIN);
        let is_due = match work.gate.held {
            // So that nobody takes it for lost.
            Some(_) => is_silent,
            None => work.gate.ask_at.is_some_and(|at| at <= Moment::now()),
        };
        if is_due {
            (work.told, work.gate.ask_at) = (None, None);
            self.report(work)?;
        }
        Ok(())
    }
}
