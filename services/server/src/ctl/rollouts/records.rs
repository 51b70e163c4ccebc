//! How rollouts and their devices look.

use homepot::pb::rollout::v1 as pb;
use serde_json::{Value, json};

use super::super::kit::{
    record::{Cell, Column, Record, column, key, wide},
    source::source,
    target::{in_words, of_target},
    words,
};

pub(super) const STATE: &str = "ROLLOUT_STATE_";
pub(super) const STATES: &[&str] = &["running", "paused", "halted", "completed", "aborted", "awaiting_approval"];
pub(super) const DEVICE_STATE: &str = "UPDATE_STATE_";
pub(super) const DEVICE_STATES: &[&str] = &[
    "waiting",
    "offered",
    "downloading",
    "verified",
    "held",
    "applying",
    "probation",
    "confirmed",
    "rejected",
    "failed",
    "rolled_back",
    "rollback_failed",
    "superseded",
    "cancelled",
    "unreachable",
    "skipped",
];

impl Record for pb::Rollout {
    const COLUMNS: &'static [Column<Self>] = &[
        column("ROLLOUT", |r, _| (&r.rollout_id).into()),
        column("RELEASE", |r, _| format!("{} {}", r.release_name, r.release_version).into()),
        key("STATE", |r, _| Cell::state(state_word(r))),
        column("PHASE", |r, _| format!("{} of {}", r.phase, r.phases.len()).into()),
        column("STARTED", |r, style| style.time(&r.created_at)),
        column("BY", |r, _| if r.mends_drift { "the server".into() } else { (&r.created_by).into() }),
        column("PROGRESS", |r, _| line(&r.progress.unwrap_or_default()).into()),
        wide("ENDED", |r, style| style.time(&r.finished_at)),
        wide("TARGET", |r, _| r.target.as_ref().map(in_words).unwrap_or_default().into()),
        wide("PHASES", |r, _| r.phases.join(", ").into()),
        wide("APPROVED BY", |r, _| (&r.approved_by).into()),
        wide("REPLACES", |r, _| (&r.replaces_rollout_id).into()),
        wide("RELEASE ID", |r, _| (&r.release_id).into()),
        column("REASON", |r, _| (&r.reason).into()),
        wide("DESCRIPTION", |r, _| (&r.description).into()),
    ];

    const NAME: Option<&'static str> = Some("rollout_id");

    fn json(&self) -> Value {
        let p = self.progress.unwrap_or_default();
        json!({
            "rollout_id": self.rollout_id, "release_id": self.release_id, "release_name": self.release_name,
            "release_version": self.release_version, "target": self.target.as_ref().map(of_target),
            "phases": self.phases, "phase": self.phase, "soak_seconds": words::seconds(&self.soak),
            "max_in_flight": self.max_in_flight, "max_in_flight_per_site": self.max_in_flight_per_site,
            "max_failure_percent": self.max_failure_percent, "silence_seconds": words::seconds(&self.silence),
            "state": state_word(self), "reason": words::text(&self.reason),
            "progress": {
                "total": p.total, "waiting": p.waiting, "in_flight": p.in_flight, "held": p.held,
                "confirmed": p.confirmed, "failed": p.failed, "cancelled": p.cancelled, "skipped": p.skipped,
            },
            "created_by": self.created_by, "idempotency_key": words::text(&self.idempotency_key),
            "description": words::text(&self.description), "created_at": words::time(&self.created_at),
            "finished_at": words::time(&self.finished_at), "approval_site_ids": self.approval_site_ids,
            "approved_by": words::text(&self.approved_by), "approved_at": words::time(&self.approved_at),
            "replaces_rollout_id": words::text(&self.replaces_rollout_id), "mends_drift": self.mends_drift,
        })
    }

    fn full() -> Self {
        Self { target: Some(Default::default()), ..Self::default() }
    }
}

pub(super) fn state_word(rollout: &pb::Rollout) -> String {
    words::word(rollout.state().as_str_name(), STATE)
}

fn device_state(state: pb::UpdateState) -> String {
    words::word(state.as_str_name(), DEVICE_STATE)
}

/// The progress in words.
pub(super) fn line(progress: &pb::RolloutProgress) -> String {
    let mut line = format!("{} of {} confirmed, {} in flight", progress.confirmed, progress.total, progress.in_flight);
    let rest = [
        (progress.held, "of them held"),
        (progress.failed, "failed"),
        (progress.cancelled, "cancelled"),
        (progress.skipped, "left out"),
    ];
    for (count, word) in rest.into_iter().filter(|(count, _)| *count > 0) {
        line.push_str(&format!(", {count} {word}"));
    }
    line
}

impl Record for pb::RolloutDevice {
    const COLUMNS: &'static [Column<Self>] = &[
        column("DEVICE", |d, _| (&d.device_id).into()),
        column("SITE", |d, _| (&d.site_id).into()),
        wide("SOURCE", |d, _| source(d.source).into()),
        column("PHASE", |d, _| d.phase.to_string().into()),
        key("STATE", |d, _| Cell::state(device_state(d.state()))),
        column("SINCE", |d, style| style.time(&d.changed_at)),
        wide("FETCHED", |d, _| d.fetched_bytes.to_string().into()),
        column("REASON", |d, _| (&d.reason).into()),
    ];

    const NAME: Option<&'static str> = Some("device_id");

    fn json(&self) -> Value {
        json!({
            "device_id": self.device_id, "site_id": self.site_id, "phase": self.phase,
            "state": device_state(self.state()), "reason": words::text(&self.reason),
            "fetched_bytes": self.fetched_bytes, "changed_at": words::time(&self.changed_at),
            "source": source(self.source),
        })
    }
}

impl Record for pb::PlannedDevice {
    const COLUMNS: &'static [Column<Self>] = &[
        column("DEVICE", |d, _| (&d.device_id).into()),
        column("SITE", |d, _| (&d.site_id).into()),
        wide("SOURCE", |d, _| source(d.source).into()),
        key("PHASE", |d, _| if d.phase == 0 { "left out".into() } else { d.phase.to_string().into() }),
        column("CHANGES", |d, _| changes(d).into()),
        column("VALUES", |d, _| d.values.iter().map(value).collect::<Vec<_>>().join(", ").into()),
        column("REASON", |d, _| (&d.reason).into()),
    ];

    const NAME: Option<&'static str> = Some("device_id");

    fn json(&self) -> Value {
        let change = |change: &pb::TargetChange| {
            json!({
                "target": change.target, "from_sha256": words::text(&change.from_sha256),
                "to_sha256": change.to_sha256,
            })
        };
        let value = |value: &pb::PlannedValue| {
            json!({
                "variable": value.variable, "origin": origin(value), "secret": value.secret, "changed": value.changed,
                "value": if value.secret { Value::Null } else { value.value.as_str().into() },
            })
        };
        json!({
            "device_id": self.device_id, "site_id": self.site_id, "phase": self.phase,
            "reason": words::text(&self.reason), "changes": self.changes.iter().map(change).collect::<Vec<_>>(),
            "source": source(self.source), "values": self.values.iter().map(value).collect::<Vec<_>>(),
        })
    }
}

fn origin(value: &pb::PlannedValue) -> String {
    words::word(value.origin().as_str_name(), "VALUE_ORIGIN_")
}

/// Such as `port=8080 (site)`; a star stands before what is another value than the device was last told.
fn value(value: &pb::PlannedValue) -> String {
    let star = if value.changed { "*" } else { "" };
    let shown = if value.secret { "(secret)" } else { value.value.as_str() };
    format!("{star}{}={shown} ({})", value.variable, origin(value))
}

fn changes(device: &pb::PlannedDevice) -> String {
    if device.changes.is_empty() && device.phase > 0 {
        return "none: it has this release".to_owned();
    }
    let short = |sha256: &str| match sha256.get(..12) {
        Some(short) => short.to_owned(),
        None => "nothing".to_owned(),
    };
    let change = |change: &pb::TargetChange| {
        format!("{}: {} → {}", change.target, short(&change.from_sha256), short(&change.to_sha256))
    };
    device.changes.iter().map(change).collect::<Vec<_>>().join(", ")
}

impl Record for pb::GetDeviceUpdateResponse {
    const COLUMNS: &'static [Column<Self>] = &[
        column("GENERATION", |d, _| d.generation.to_string().into()),
        key("STATE", |d, _| match d.state() {
            pb::UpdateState::Unspecified => "never told".into(),
            state => Cell::state(device_state(state)),
        }),
        column("RELEASE ID", |d, _| (&d.release_id).into()),
        column("ROLLOUT", |d, _| (&d.rollout_id).into()),
        column("TARGETS", |d, _| d.targets.iter().map(target).collect::<Vec<_>>().join(", ").into()),
        column("REPORTED", |d, style| style.time(&d.reported_at)),
        column("REASON", |d, _| (&d.reason).into()),
        column("DRIFT", |d, _| d.drift_notes.join("; ").into()),
    ];

    fn json(&self) -> Value {
        let target = |target: &pb::DeviceTarget| {
            json!({
                "target": target.target, "sha256": words::text(&target.sha256), "counter": target.counter,
                "drifted": target.drifted,
            })
        };
        let state = Some(self.state()).filter(|state| *state != pb::UpdateState::Unspecified).map(device_state);
        json!({
            "generation": self.generation, "state": state, "release_id": words::text(&self.release_id),
            "rollout_id": words::text(&self.rollout_id), "reason": words::text(&self.reason),
            "targets": self.targets.iter().map(target).collect::<Vec<_>>(),
            "reported_at": words::time(&self.reported_at), "drift_notes": self.drift_notes,
        })
    }
}

fn target(target: &pb::DeviceTarget) -> String {
    let has = target.sha256.get(..12).unwrap_or("nothing");
    let drifted = if target.drifted { ", drifted" } else { "" };
    format!("{}: {has}{drifted}", target.target)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states_have_the_words_of_the_protocol() {
        for word in DEVICE_STATES {
            let name = format!("{DEVICE_STATE}{}", word.to_uppercase());
            assert_eq!(pb::UpdateState::from_str_name(&name).map(device_state).as_deref(), Some(*word));
        }
        assert_eq!(DEVICE_STATES.len(), (1..).take_while(|number| pb::UpdateState::try_from(*number).is_ok()).count());
    }

    #[test]
    fn progress_is_told_in_words_with_what_went_wrong() {
        let progress = pb::RolloutProgress { total: 60, in_flight: 2, confirmed: 27, failed: 1, ..Default::default() };
        assert_eq!(line(&progress), "27 of 60 confirmed, 2 in flight, 1 failed");
    }
}
