//! How the updater's words are those of the protocol.

use homepot::pb::{device::v1 as pb, rollout::v1 as rollout_pb};

use crate::update::{Report, State, TargetReport};

/// A report of the updater, as the protocol has it.
pub(super) fn told(report: Report) -> pb::UpdateReport {
    let Report { generation, state, reason, offset, acknowledged: _, targets } = report;
    let state = state.map_or(rollout_pb::UpdateState::Unspecified, |state| match state {
        State::Downloading => rollout_pb::UpdateState::Downloading,
        State::Waiting if reason.is_empty() => rollout_pb::UpdateState::Verified,
        State::Waiting => rollout_pb::UpdateState::Held,
        State::Applying => rollout_pb::UpdateState::Applying,
        State::Probation => rollout_pb::UpdateState::Probation,
        State::Confirmed => rollout_pb::UpdateState::Confirmed,
        State::Rejected => rollout_pb::UpdateState::Rejected,
        State::Failed => rollout_pb::UpdateState::Failed,
        State::RolledBack => rollout_pb::UpdateState::RolledBack,
        State::RollbackFailed => rollout_pb::UpdateState::RollbackFailed,
        State::Cancelled => rollout_pb::UpdateState::Cancelled,
    });
    let targets = targets.into_iter().map(|target: TargetReport| rollout_pb::DeviceTarget {
        drifted: target.has_drifted(),
        sha256: target.sha256.map(|sha256| sha256.to_string()).unwrap_or_default(),
        counter: target.counter,
        target: target.name,
    });
    let (state, targets) = (state.into(), targets.collect());
    pb::UpdateReport { generation, state, fetched_bytes: offset, targets, reason, can_wait: true }
}

/// A state of a report, as the updater has it.
pub(super) fn state_of(state: rollout_pb::UpdateState) -> Option<State> {
    use rollout_pb::UpdateState as Told;
    Some(match state {
        Told::Downloading => State::Downloading,
        Told::Verified => State::Waiting,
        Told::Applying => State::Applying,
        Told::Probation => State::Probation,
        Told::Confirmed => State::Confirmed,
        Told::Rejected => State::Rejected,
        Told::Failed => State::Failed,
        Told::RolledBack => State::RolledBack,
        Told::RollbackFailed => State::RollbackFailed,
        Told::Cancelled => State::Cancelled,
        Told::Unspecified
        | Told::Waiting
        | Told::Offered
        | Told::Held
        | Told::Superseded
        | Told::Unreachable
        | Told::Skipped => return None,
    })
}
