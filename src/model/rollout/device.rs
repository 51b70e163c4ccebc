//! What a device should have, and what it has.

use chrono::{DateTime, Utc};

use super::{UpdateState, release::TrustRoot, values::PlannedValue};
use crate::{
    error::Error,
    model::{DeviceId, DeviceSource, Faults, ReleaseId, RolloutId, Sha256, SiteId, to_proto_timestamp},
    pb::{common::v1 as common_pb, device::v1 as device_pb, rollout::v1 as pb},
};

/// Targets of a device, at most.
pub const MAX_TARGETS: usize = 64;
const MAX_TARGET_NAME: usize = 64;
const MAX_REASON: usize = 2_000;

/// What a device is to do about a release.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UpdateAction {
    /// Install it.
    Install,
    /// Begin nothing further.
    Cancel,
    /// Not yet: ask again.
    Wait,
}

impl From<UpdateAction> for device_pb::UpdateAction {
    fn from(action: UpdateAction) -> Self {
        match action {
            UpdateAction::Install => Self::Install,
            UpdateAction::Cancel => Self::Cancel,
            UpdateAction::Wait => Self::Wait,
        }
    }
}

/// The release that a device should have, with what it needs to believe it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DesiredRelease {
    /// Raised with every change.
    pub generation: u64,
    /// What to do.
    pub action: UpdateAction,
    /// The release.
    pub release_id: ReleaseId,
    /// With its signatures.
    pub signed_release: Vec<u8>,
    /// Oldest first.
    pub roots: Vec<TrustRoot>,
    /// Raised when a device that waits is to ask again.
    pub asks: u32,
    /// The values of its variables; `None`: it has none.
    pub sealed_values: Option<Vec<u8>>,
}

/// A target, as a device says what it has there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeviceTarget {
    /// Its name.
    pub name: String,
    /// Of the file that is there; `None`: none is.
    pub sha256: Option<Sha256>,
    /// Of the release that put it there; 0: none did.
    pub counter: u64,
    /// Whether it is something else than that release put there.
    pub is_drifted: bool,
}

/// Whether this is the name of a target.
pub(crate) fn is_target_name(name: &str) -> bool {
    let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    (1..=MAX_TARGET_NAME).contains(&name.len()) && name.chars().all(is_plain)
}

/// Checks the names of a device's targets.
pub(crate) fn check_targets<'a>(field: &str, names: impl ExactSizeIterator<Item = &'a str>) -> Result<(), Error> {
    if names.len() > MAX_TARGETS {
        return Err(Error::invalid(field, format!("has more than {MAX_TARGETS} entries")));
    }
    for name in names {
        if !is_target_name(name) {
            return Err(Error::invalid(field, "must be 1 to 64 of a-z, 0-9 and '-'"));
        }
    }
    Ok(())
}

impl TryFrom<pb::DeviceTarget> for DeviceTarget {
    type Error = Error;

    fn try_from(target: pb::DeviceTarget) -> Result<Self, Error> {
        let pb::DeviceTarget { target: name, sha256, counter, drifted } = target;
        let sha256 = if sha256.is_empty() { None } else { Some(Sha256::parse_as("targets.sha256", &sha256)?) };
        Ok(Self { name, sha256, counter, is_drifted: drifted })
    }
}

impl From<DeviceTarget> for pb::DeviceTarget {
    fn from(target: DeviceTarget) -> Self {
        Self {
            target: target.name,
            sha256: target.sha256.map(Into::into).unwrap_or_default(),
            counter: target.counter,
            drifted: target.is_drifted,
        }
    }
}

/// What a device says of a release and of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UpdateReport {
    /// Of what it speaks; 0: it was told nothing.
    pub generation: u64,
    /// How far it is; `None`: it was told nothing.
    pub state: Option<UpdateState>,
    /// Bytes it has of the release's files.
    pub fetched_bytes: u64,
    /// What it really has.
    pub targets: Vec<DeviceTarget>,
    /// Why it is in this state.
    pub reason: Option<String>,
    /// Whether it knows [`UpdateAction::Wait`].
    pub can_wait: bool,
}

impl TryFrom<device_pb::UpdateReport> for UpdateReport {
    type Error = Error;

    fn try_from(report: device_pb::UpdateReport) -> Result<Self, Error> {
        let device_pb::UpdateReport { generation, state, fetched_bytes, targets, reason, can_wait } = report;
        let mut faults = Faults::new();
        let state = faults.take(UpdateState::from_proto("state", state)).flatten();
        if state.is_some_and(|state| !state.is_of_device()) || (state.is_none() && generation > 0) {
            faults.add("state", "is not one that a device may be in");
        }
        if i64::try_from(generation).is_err() {
            faults.add("generation", "is too large");
        }
        if i64::try_from(fetched_bytes).is_err() {
            faults.add("fetched_bytes", "is too large");
        }
        faults.take(check_targets("targets", targets.iter().map(|target| target.target.as_str())));
        faults.text("reason", &reason, 0, MAX_REASON);
        let targets = targets.into_iter().map(DeviceTarget::try_from).collect::<Result<Vec<_>, _>>();
        let targets = faults.take(targets);
        let reason = Some(reason).filter(|reason| !reason.is_empty());
        faults.finish(targets.map(|targets| Self { generation, state, fetched_bytes, targets, reason, can_wait }))
    }
}

/// How a device stands with what it should have.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeviceUpdate {
    /// Of what it was last told; 0: nothing.
    pub generation: u64,
    /// The release of that.
    pub release_id: Option<ReleaseId>,
    /// The rollout that told it.
    pub rollout_id: Option<RolloutId>,
    /// How far it is.
    pub state: Option<UpdateState>,
    /// Why it is there.
    pub reason: Option<String>,
    /// What it really has.
    pub targets: Vec<DeviceTarget>,
    /// When it last said so.
    pub reported_at: Option<DateTime<Utc>>,
    /// What becomes of targets that have drifted, where their release says that drift is mended.
    pub drift_notes: Vec<String>,
}

impl From<DeviceUpdate> for pb::GetDeviceUpdateResponse {
    fn from(update: DeviceUpdate) -> Self {
        Self {
            generation: update.generation,
            release_id: update.release_id.map(|id| id.to_string()).unwrap_or_default(),
            rollout_id: update.rollout_id.map(|id| id.to_string()).unwrap_or_default(),
            state: update.state.map(|state| pb::UpdateState::from(state).into()).unwrap_or_default(),
            reason: update.reason.unwrap_or_default(),
            targets: update.targets.into_iter().map(Into::into).collect(),
            reported_at: update.reported_at.map(to_proto_timestamp),
            drift_notes: update.drift_notes,
        }
    }
}

/// A device of a rollout.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RolloutDevice {
    /// The device.
    pub device_id: DeviceId,
    /// Its site.
    pub site_id: SiteId,
    /// Whether it is real.
    pub source: DeviceSource,
    /// From 1; 0: it was left out from the start.
    pub phase: u32,
    /// How far it is.
    pub state: UpdateState,
    /// Why it is there.
    pub reason: Option<String>,
    /// Bytes it has of the release's files.
    pub fetched_bytes: u64,
    /// When this last changed.
    pub changed_at: DateTime<Utc>,
}

impl From<RolloutDevice> for pb::RolloutDevice {
    fn from(device: RolloutDevice) -> Self {
        Self {
            device_id: device.device_id.into(),
            site_id: device.site_id.into(),
            phase: device.phase,
            state: pb::UpdateState::from(device.state).into(),
            reason: device.reason.unwrap_or_default(),
            fetched_bytes: device.fetched_bytes,
            changed_at: Some(to_proto_timestamp(device.changed_at)),
            source: common_pb::DeviceSource::from(device.source).into(),
        }
    }
}

/// What a rollout would do to a device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlannedDevice {
    /// The device.
    pub device_id: DeviceId,
    /// Its site.
    pub site_id: SiteId,
    /// Whether it is real.
    pub source: DeviceSource,
    /// From 1; 0: it would be left out.
    pub phase: u32,
    /// Why it would be.
    pub reason: Option<String>,
    /// What would change.
    pub changes: Vec<TargetChange>,
    /// What its variables would be.
    pub values: Vec<PlannedValue>,
}

/// What would change on a target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TargetChange {
    /// The target.
    pub target: String,
    /// What is there by the device's last report.
    pub from: Option<Sha256>,
    /// What the release brings.
    pub to: Sha256,
}

impl From<PlannedDevice> for pb::PlannedDevice {
    fn from(device: PlannedDevice) -> Self {
        let change = |change: TargetChange| pb::TargetChange {
            target: change.target,
            from_sha256: change.from.map(Into::into).unwrap_or_default(),
            to_sha256: change.to.into(),
        };
        Self {
            device_id: device.device_id.into(),
            site_id: device.site_id.into(),
            phase: device.phase,
            reason: device.reason.unwrap_or_default(),
            changes: device.changes.into_iter().map(change).collect(),
            values: device.values.into_iter().map(Into::into).collect(),
            source: common_pb::DeviceSource::from(device.source).into(),
        }
    }
}
