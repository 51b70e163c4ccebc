//! Rollouts: one release for many devices, in phases.

mod device;
mod phases;
mod policy;
mod release;
mod state;
mod values;

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

pub use self::{
    device::{
        DesiredRelease, DeviceTarget, DeviceUpdate, MAX_TARGETS, PlannedDevice, RolloutDevice, TargetChange,
        UpdateAction, UpdateReport,
    },
    phases::Phases,
    policy::{MaintenanceWindow, SitePolicy, UpdatePolicy, WEEK},
    release::{Artifact, CHUNK_BYTES, Release, ReleaseFile, Signers, TrustRoot},
    state::{RolloutState, UpdateState},
    values::{PlannedValue, ValueOrigin, ValueScope, VariableValue},
};
use super::{
    Faults, ReleaseId, RolloutId, SiteId, Target, Whom, command::span, non_empty, to_proto_duration, to_proto_timestamp,
};
use crate::{checked, error::Error, pb::rollout::v1 as pb};

const DEFAULT_SOAK: Duration = Duration::from_secs(600);
const DEFAULT_SILENCE: Duration = Duration::from_secs(3600);
const DEFAULT_IN_FLIGHT: u32 = 100;
const DEFAULT_IN_FLIGHT_OF_SITE: u32 = 1;
const DEFAULT_FAILURE_PERCENT: u32 = 5;
/// Among fewer devices than these, the first failure is one too many.
const FEW: u32 = 20;

/// What a caller asks a rollout to do.
#[derive(Clone, Debug, PartialEq)]
pub struct RolloutOrder {
    /// The release.
    pub release_id: ReleaseId,
    /// Which devices.
    pub target: Target,
    /// How it goes from few of them to all.
    pub phases: Phases,
    /// How long a phase lasts after its last device is done.
    pub soak: Duration,
    /// Devices under way at a time.
    pub max_in_flight: u32,
    /// Of these, at each site, those of other rollouts included.
    pub max_in_flight_per_site: u32,
    /// Percent of the devices that have begun that may fail.
    pub max_failure_percent: u32,
    /// A device that says nothing for longer counts as failed.
    pub silence: Duration,
    /// Makes a repeat harmless.
    pub idempotency_key: Option<String>,
    /// Its purpose, for people.
    pub description: Option<String>,
    /// In the place of which rollout, for the devices that have begun with that. `target` is that of the earlier one then.
    pub replaces: Option<RolloutId>,
}

impl TryFrom<pb::StartRolloutRequest> for RolloutOrder {
    type Error = Error;

    fn try_from(request: pb::StartRolloutRequest) -> Result<Self, Error> {
        checked::check(&request)?;
        let mut faults = Faults::new();
        let release_id = faults.take(ReleaseId::parse(&request.release_id));
        let replaces = Some(&request.replaces_rollout_id).filter(|id| !id.is_empty());
        let no_id = |_| Error::invalid("replaces_rollout_id", "is not a UUID");
        let replaces = replaces.and_then(|id| faults.take(RolloutId::parse(id).map_err(no_id)));
        if request.target.is_some() && replaces.is_some() {
            faults.add("target", "must be left out with replaces_rollout_id");
        }
        let target = match replaces {
            None => faults.take(Target::try_from(request.target.unwrap_or_default())),
            // Known once the earlier rollout was looked up.
            Some(_) => Some(Target { whom: Whom::Devices(Vec::new()), source: None }),
        };
        let phases = faults.take(Phases::parse(&request.phases));
        let soak = faults.take(span("soak", request.soak.as_ref(), DEFAULT_SOAK));
        let silence = faults.take(span("silence", request.silence.as_ref(), DEFAULT_SILENCE));
        let all = release_id.zip(target).zip(phases).zip(soak.zip(silence));
        let (((release_id, target), phases), (soak, silence)) = faults.finish(all)?;
        let or = |number: u32, default: u32| if number == 0 { default } else { number };
        Ok(Self {
            release_id,
            target,
            phases,
            soak,
            max_in_flight: or(request.max_in_flight, DEFAULT_IN_FLIGHT),
            max_in_flight_per_site: or(request.max_in_flight_per_site, DEFAULT_IN_FLIGHT_OF_SITE),
            max_failure_percent: request.max_failure_percent.unwrap_or(DEFAULT_FAILURE_PERCENT),
            silence,
            idempotency_key: non_empty(request.idempotency_key),
            description: non_empty(request.description),
            replaces,
        })
    }
}

/// A rollout as the store has it.
#[derive(Clone, Debug, PartialEq)]
pub struct Rollout {
    /// Its id.
    pub rollout_id: RolloutId,
    /// The request.
    pub order: RolloutOrder,
    /// Name and version of the release.
    pub release: (String, String),
    /// The phase it is in, from 1.
    pub phase: u32,
    /// When the last device of that phase was done; `None`: not all are.
    pub phase_done_at: Option<DateTime<Utc>>,
    /// Failures that who resumed it has seen.
    pub forgiven: u32,
    /// Where it stands.
    pub state: RolloutState,
    /// Why it stands there.
    pub reason: Option<String>,
    /// How far it is.
    pub progress: RolloutProgress,
    /// Who started it.
    pub created_by: String,
    /// When.
    pub created_at: DateTime<Utc>,
    /// When it reached an end.
    pub finished_at: Option<DateTime<Utc>>,
    /// What it needs before it begins.
    pub approval: Approval,
    /// Whether the server started it to mend the drift of its device.
    pub mends_drift: bool,
}

/// The approval that a rollout needs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Approval {
    /// The sites that ask for one; none: it needs none.
    pub site_ids: Vec<SiteId>,
    /// Who gave it, and when.
    pub given: Option<(String, DateTime<Utc>)>,
}

impl From<Rollout> for pb::Rollout {
    fn from(rollout: Rollout) -> Self {
        let order = rollout.order;
        let (release_name, release_version) = rollout.release;
        let (approved_by, approved_at) = rollout.approval.given.unzip();
        Self {
            rollout_id: rollout.rollout_id.to_string(),
            release_id: order.release_id.to_string(),
            release_name,
            release_version,
            target: Some(order.target.into()),
            phases: order.phases.texts(),
            phase: rollout.phase,
            soak: Some(to_proto_duration(order.soak)),
            max_in_flight: order.max_in_flight,
            max_in_flight_per_site: order.max_in_flight_per_site,
            max_failure_percent: order.max_failure_percent,
            silence: Some(to_proto_duration(order.silence)),
            state: pb::RolloutState::from(rollout.state).into(),
            reason: rollout.reason.unwrap_or_default(),
            progress: Some(rollout.progress.into()),
            created_by: rollout.created_by,
            idempotency_key: order.idempotency_key.unwrap_or_default(),
            description: order.description.unwrap_or_default(),
            created_at: Some(to_proto_timestamp(rollout.created_at)),
            finished_at: rollout.finished_at.map(to_proto_timestamp),
            approval_site_ids: rollout.approval.site_ids.into_iter().map(Into::into).collect(),
            approved_by: approved_by.unwrap_or_default(),
            approved_at: approved_at.map(to_proto_timestamp),
            replaces_rollout_id: order.replaces.map(|id| id.to_string()).unwrap_or_default(),
            mends_drift: rollout.mends_drift,
        }
    }
}

/// How far a rollout is, in devices.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RolloutProgress {
    /// Their turn has not come.
    pub waiting: u32,
    /// Of these, in the phase it is in or in one before.
    pub waiting_now: u32,
    /// They were told, and have no end yet.
    pub in_flight: u32,
    /// Of these, those that wait to be allowed to apply it.
    pub held: u32,
    /// They have the release.
    pub confirmed: u32,
    /// See [`UpdateState::is_failure`].
    pub failed: u32,
    /// Told to stop, or to install something else.
    pub cancelled: u32,
    /// Left out.
    pub skipped: u32,
}

impl From<RolloutProgress> for pb::RolloutProgress {
    fn from(progress: RolloutProgress) -> Self {
        let RolloutProgress { waiting, waiting_now: _, in_flight, held, confirmed, failed, cancelled, skipped } =
            progress;
        let total = progress.begun() + waiting + skipped;
        Self { total, waiting, in_flight, held, confirmed, failed, cancelled, skipped }
    }
}

impl RolloutProgress {
    /// Devices that were told to install it.
    pub fn begun(&self) -> u32 {
        self.in_flight + self.confirmed + self.failed + self.cancelled
    }

    /// Counts devices of a state; `is_now`: their phase has come.
    pub fn count(&mut self, state: UpdateState, is_now: bool, devices: u32) {
        let place = match state {
            UpdateState::Waiting => {
                if is_now {
                    self.waiting_now += devices;
                }
                &mut self.waiting
            }
            UpdateState::Confirmed => &mut self.confirmed,
            UpdateState::Skipped => &mut self.skipped,
            UpdateState::Superseded | UpdateState::Cancelled => &mut self.cancelled,
            state if state.is_failure() => &mut self.failed,
            state => {
                if state == UpdateState::Held {
                    self.held += devices;
                }
                &mut self.in_flight
            }
        };
        *place += devices;
    }

    /// How many devices may fail, of those that have begun.
    pub fn may_fail(&self, percent: u32) -> u32 {
        let begun = self.begun();
        if begun < FEW { 0 } else { u32::try_from(u64::from(begun) * u64::from(percent) / 100).unwrap_or(u32::MAX) }
    }
}

/// The next step of a rollout that is running.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RolloutStep {
    /// Tell this many more devices, as far as their sites allow.
    Offer(u32),
    /// Nothing to do for now.
    Wait,
    /// Too many devices failed.
    Halt,
    /// The last device of the phase is done; the soak begins.
    Soak,
    /// The next phase begins.
    Advance,
    /// Every device has an end.
    Complete,
}

impl Rollout {
    /// What is to be done about it. Failures halt it before anything else.
    pub fn step(&self, now: DateTime<Utc>) -> RolloutStep {
        let (order, progress) = (&self.order, &self.progress);
        let is_last = self.phase >= order.phases.count();
        let counted = progress.failed.saturating_sub(self.forgiven);
        if counted > progress.may_fail(order.max_failure_percent) {
            return RolloutStep::Halt;
        }
        if progress.waiting_now == 0 && progress.in_flight == 0 {
            let soak = TimeDelta::from_std(order.soak).unwrap_or(TimeDelta::MAX);
            return match self.phase_done_at {
                _ if progress.waiting == 0 => RolloutStep::Complete,
                None => RolloutStep::Soak,
                Some(done) if now - done >= soak => RolloutStep::Advance,
                Some(_) => RolloutStep::Wait,
            };
        }
        debug_assert!(!is_last || progress.waiting == progress.waiting_now, "the last phase has all devices");
        // Those that are held keep nobody waiting: they ask before they apply it, and only so many of them may at a time.
        let busy = progress.in_flight - progress.held;
        match order.max_in_flight.saturating_sub(busy).min(progress.waiting_now) {
            0 => RolloutStep::Wait,
            free => RolloutStep::Offer(free),
        }
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::pb::command::v1 as command_pb;

    fn rollout(progress: RolloutProgress) -> Rollout {
        let request = pb::StartRolloutRequest {
            release_id: Uuid::nil().to_string(),
            target: Some(command_pb::Target { fleet: true, ..Default::default() }),
            max_in_flight: 10,
            ..Default::default()
        };
        Rollout {
            rollout_id: RolloutId(Uuid::nil()),
            order: request.try_into().unwrap(),
            release: ("n".to_owned(), "1".to_owned()),
            phase: 1,
            phase_done_at: None,
            forgiven: 0,
            state: RolloutState::Running,
            reason: None,
            progress,
            created_by: "op".to_owned(),
            created_at: DateTime::UNIX_EPOCH,
            finished_at: None,
            approval: Approval::default(),
            mends_drift: false,
        }
    }

    fn progress(counts: &[(UpdateState, bool, u32)]) -> RolloutProgress {
        let mut progress = RolloutProgress::default();
        counts.iter().for_each(|(state, is_now, devices)| progress.count(*state, *is_now, *devices));
        progress
    }

    use UpdateState::{Applying, Confirmed, RolledBack, Skipped, Unreachable, Waiting};

    #[test]
    fn the_first_failure_of_few_halts_and_of_many_five_percent_may_fail() {
        let step = |counts: &[_]| rollout(progress(counts)).step(DateTime::UNIX_EPOCH);
        assert_eq!(step(&[(RolledBack, true, 1), (Waiting, false, 99)]), RolloutStep::Halt);
        assert_eq!(step(&[(Unreachable, true, 1), (Confirmed, true, 18), (Waiting, true, 5)]), RolloutStep::Halt);
        assert_eq!(step(&[(RolledBack, true, 1), (Confirmed, true, 19), (Waiting, true, 5)]), RolloutStep::Offer(5));
        assert_eq!(step(&[(RolledBack, true, 6), (Confirmed, true, 94), (Waiting, true, 5)]), RolloutStep::Halt);
        let mut seen = rollout(progress(&[(RolledBack, true, 1), (Waiting, true, 4)]));
        seen.forgiven = 1;
        assert_eq!(seen.step(DateTime::UNIX_EPOCH), RolloutStep::Offer(4));
    }

    #[test]
    fn a_phase_is_done_then_soaks_and_then_the_next_begins() {
        let mut one = rollout(progress(&[(Confirmed, true, 1), (Waiting, false, 9), (Skipped, true, 3)]));
        let now = DateTime::UNIX_EPOCH + DEFAULT_SOAK;
        assert_eq!(one.step(now), RolloutStep::Soak);
        one.phase_done_at = Some(DateTime::UNIX_EPOCH + Duration::from_secs(1));
        assert_eq!(one.step(now), RolloutStep::Wait);
        one.phase_done_at = Some(DateTime::UNIX_EPOCH);
        assert_eq!(one.step(now), RolloutStep::Advance);
        one.progress = progress(&[(Confirmed, true, 10), (Skipped, true, 3)]);
        assert_eq!(one.step(now), RolloutStep::Complete);
        one.progress = progress(&[(Applying, true, 10), (Waiting, true, 3)]);
        assert_eq!(one.step(now), RolloutStep::Wait);
        assert_eq!(pb::RolloutProgress::from(one.progress).total, 13);
    }
}
