//! How runs and their devices look.

use homepot::pb::{command::v1 as pb, common::v1::DeviceSource};
use serde_json::{Value, json};

use super::{
    commands::{self, compact},
    devices, progress,
    table::{Cell, Column, Record, column, key, wide},
    words,
};

pub(super) const STATE: &str = "RUN_STATE_";
pub(super) const STATES: &[&str] = &["running", "paused", "halted", "completed", "cancelled"];

impl Record for pb::Run {
    const COLUMNS: &'static [Column<Self>] = &[
        column("RUN", |r, _| (&r.run_id).into()),
        column("TYPE", |r, _| (&r.command_type).into()),
        key("STATE", |r, _| Cell::state(state_word(r))),
        column("STARTED", |r, style| style.time(&r.created_at)),
        column("BY", |r, _| (&r.created_by).into()),
        column("PROGRESS", |r, _| progress::line(&r.progress.unwrap_or_default()).into()),
        wide("ENDED", |r, style| style.time(&r.finished_at)),
        wide("TARGET", |r, _| target(r).into()),
        wide("IN FLIGHT", |r, _| format!("up to {}", r.max_in_flight).into()),
        wide("FAILURES", |r, _| format!("up to {}", r.max_failures).into()),
        wide("PAYLOAD", |r, _| compact(&r.payload)),
        wide("KEY", |r, _| (&r.idempotency_key).into()),
        column("REASON", |r, _| (&r.reason).into()),
        wide("DESCRIPTION", |r, _| (&r.description).into()),
    ];

    fn json(&self) -> Value {
        let p = self.progress.unwrap_or_default();
        json!({
            "run_id": self.run_id, "command_type": self.command_type, "payload": words::object(&self.payload),
            "target": self.target.as_ref().map(|t| json!({
                "device_ids": t.device_ids, "site_id": words::text(&t.site_id),
                "label_selector": words::text(&t.label_selector), "fleet": t.fleet, "source": source(t),
            })),
            "max_in_flight": self.max_in_flight, "max_failures": self.max_failures,
            "time_to_live_seconds": words::seconds(&self.time_to_live),
            "run_timeout_seconds": words::seconds(&self.run_timeout), "state": state_word(self),
            "reason": words::text(&self.reason),
            "progress": {
                "total": p.total, "waiting": p.waiting, "in_flight": p.in_flight, "succeeded": p.succeeded,
                "failed": p.failed, "cancelled": p.cancelled, "skipped": p.skipped,
            },
            "created_by": self.created_by, "idempotency_key": words::text(&self.idempotency_key),
            "description": words::text(&self.description), "created_at": words::time(&self.created_at),
            "finished_at": words::time(&self.finished_at),
        })
    }
}

/// A run's state as a word.
pub(super) fn state_word(run: &pb::Run) -> String {
    words::word(run.state().as_str_name(), STATE)
}

fn target(run: &pb::Run) -> String {
    let target = run.target.clone().unwrap_or_default();
    let site = (!target.site_id.is_empty()).then(|| format!("site {}", target.site_id));
    let labels = (!target.label_selector.is_empty()).then(|| target.label_selector.clone());
    let fleet = target.fleet.then(|| "the fleet".to_owned());
    let devices = (!target.device_ids.is_empty()).then(|| format!("{} named device(s)", target.device_ids.len()));
    let source = source(&target).map(str::to_owned);
    [devices, site, labels, fleet, source].into_iter().flatten().collect::<Vec<_>>().join(", ")
}

/// Which devices it reaches; `None`: whatever is named.
fn source(target: &pb::Target) -> Option<&'static str> {
    (target.source() != DeviceSource::Unspecified).then(|| devices::source(target.source))
}

impl Record for pb::RunDevice {
    const COLUMNS: &'static [Column<Self>] = &[
        column("DEVICE", |d, _| (&d.device_id).into()),
        column("SITE", |d, _| (&d.site_id).into()),
        wide("SOURCE", |d, _| devices::source(d.source).into()),
        key("STATE", |d, _| match stands(d) {
            Some(state) => Cell::state(state),
            None if d.skipped => "left out".into(),
            None => "waiting".into(),
        }),
        column("COMMAND", |d, _| (&d.command_id).into()),
        column("REASON", |d, _| (&d.reason).into()),
        wide("RESULT", |d, _| compact(&d.result)),
    ];

    fn json(&self) -> Value {
        json!({
            "device_id": self.device_id, "site_id": self.site_id, "command_id": words::text(&self.command_id),
            "state": stands(self), "reason": words::text(&self.reason), "skipped": self.skipped,
            "result": words::object(&self.result), "source": devices::source(self.source),
        })
    }
}

/// Where a device's command stands; `None` while it has none.
fn stands(device: &pb::RunDevice) -> Option<String> {
    match device.state() {
        pb::CommandState::Unspecified => None,
        state => Some(commands::state_word(state)),
    }
}
