//! How devices, their history and their totals look.

use homepot::pb::registry::v1 as pb;
use serde_json::{Value, json};

use super::super::kit::{
    fleet,
    record::{Cell, Column, Record, column, key, wide},
    source::source,
    states::device_status,
    words,
};

impl Record for pb::Device {
    const COLUMNS: &'static [Column<Self>] = &[
        column("DEVICE", |d, _| (&d.device_id).into()),
        column("SITE", |d, _| (&d.site_id).into()),
        key("STATUS", |d, _| {
            Cell::state(match d.removed_at {
                Some(_) => "removed".to_owned(),
                None if d.active => status(d),
                None => "inactive".to_owned(),
            })
        }),
        column("SEEN", |d, style| style.time(&presence(d).last_seen_at)),
        wide("SINCE", |d, style| style.time(&presence(d).status_since)),
        column("TYPE", |d, _| (&d.device_type).into()),
        wide("SOURCE", |d, _| source(d.source).into()),
        wide("PROVES", |d, _| if d.proves { "yes" } else { "no" }.into()),
        column("AGENT", |d, _| presence(d).agent_version.into()),
        wide("ADDRESS", |d, _| (&d.ip_address).into()),
        wide("FIRMWARE", |d, _| (&d.firmware_version).into()),
        wide("SESSION", |d, _| presence(d).session_epoch.to_string().into()),
        wide("ENROLLED", |d, style| style.time(&d.created_at)),
        wide("REMOVED", |d, style| style.time(&d.removed_at)),
        wide("CAN DO", |d, _| presence(d).capabilities.join(",").into()),
        column("LABELS", |d, _| words::labels(&d.labels).into()),
        column("NAME", |d, _| (&d.name).into()),
        wide("NOTES", |d, _| notes(d).into()),
    ];

    const NAME: Option<&'static str> = Some("device_id");

    fn json(&self) -> Value {
        json!({
            "device_id": self.device_id, "site_id": self.site_id, "name": self.name,
            "device_type": self.device_type, "ip_address": words::text(&self.ip_address),
            "mac_address": words::text(&self.mac_address), "firmware_version": words::text(&self.firmware_version),
            "config": words::object(&self.config), "source": source(self.source), "active": self.active,
            "maintenance": self.maintenance, "presence": self.presence.as_ref().map(presence_json),
            "created_at": words::time(&self.created_at), "updated_at": words::time(&self.updated_at),
            "labels": words::labels_json(&self.labels), "proves": self.proves,
            "removed_at": words::time(&self.removed_at),
        })
    }

    fn full() -> Self {
        Self { presence: Some(pb::Presence::default()), ..Self::default() }
    }
}

fn presence_json(p: &pb::Presence) -> Value {
    json!({
        "status": device_status(p.status()), "last_seen_at": words::time(&p.last_seen_at),
        "attached_at": words::time(&p.attached_at), "session_epoch": p.session_epoch,
        "agent_version": words::text(&p.agent_version), "boot_id": words::text(&p.boot_id),
        "capabilities": p.capabilities, "heartbeat_interval_seconds": words::seconds(&p.heartbeat_interval),
        "status_since": words::time(&p.status_since), "flapping": p.flapping,
        "contested_since": words::time(&p.contested_since), "source": source(p.source),
        "clock_skew_seconds": p.clock_skew.map(skew_seconds),
    })
}

fn presence(device: &pb::Device) -> pb::Presence {
    device.presence.clone().unwrap_or_default()
}

fn status(device: &pb::Device) -> String {
    device_status(presence(device).status())
}

/// What somebody should know who looks at this device.
fn notes(device: &pb::Device) -> String {
    let presence = presence(device);
    let flapping = presence.flapping.then_some("comes and goes all the time");
    let contested = presence.contested_since.is_some().then_some("two machines use its key");
    let skew = presence.clock_skew.map(skew_seconds).filter(|skew| skew.abs() > SKEW_OF_NOTE);
    let skew = skew
        .map(|skew| format!("its clock is {} s {}", skew.abs().round(), if skew > 0.0 { "ahead" } else { "behind" }));
    let notes = [flapping, contested].into_iter().flatten().map(str::to_owned);
    notes.chain(skew).collect::<Vec<_>>().join("; ")
}

/// Seconds by which a clock may be off before somebody should know.
const SKEW_OF_NOTE: f64 = 10.0;

fn skew_seconds(skew: prost_types::Duration) -> f64 {
    skew.seconds as f64 + f64::from(skew.nanos) / 1e9
}

impl Record for pb::StateChange {
    const COLUMNS: &'static [Column<Self>] = &[
        column("WHEN", |c, style| style.time(&c.time)),
        key("STATUS", |c, _| Cell::state(device_status(c.status()))),
        column("CAUSE", |c, _| cause(c).into()),
        wide("SESSION", |c, _| c.session_epoch.to_string().into()),
        column("NOT SHOWN", |c, _| match c.changes_not_shown {
            0 => "-".into(),
            count => count.to_string().into(),
        }),
        column("DETAIL", |c, _| (&c.detail).into()),
    ];

    fn json(&self) -> Value {
        json!({
            "device_id": self.device_id, "status": device_status(self.status()),
            "time": words::time(&self.time), "cause": cause(self), "detail": words::text(&self.detail),
            "flapping": self.flapping, "changes_not_shown": self.changes_not_shown,
            "session_epoch": self.session_epoch,
        })
    }
}

fn cause(change: &pb::StateChange) -> String {
    words::word(change.cause().as_str_name(), "STATE_CHANGE_CAUSE_")
}

/// The note that is shown with a new key.
#[derive(Default)]
pub(super) struct NewKey {
    pub(super) device_id: String,
    pub(super) older_keys_expire_at: Option<prost_types::Timestamp>,
}

impl Record for NewKey {
    const COLUMNS: &'static [Column<Self>] = &[
        column("DEVICE", |k, _| (&k.device_id).into()),
        column("OLDER KEYS END", |k, style| style.time(&k.older_keys_expire_at)),
    ];

    const NAME: Option<&'static str> = Some("device_id");

    fn json(&self) -> Value {
        json!({ "device_id": self.device_id, "older_keys_expire_at": words::time(&self.older_keys_expire_at) })
    }
}

/// A label of a device.
#[derive(Default)]
pub(super) struct Label {
    pub(super) key: String,
    pub(super) value: String,
}

impl Record for Label {
    const COLUMNS: &'static [Column<Self>] =
        &[column("LABEL", |label, _| (&label.key).into()), column("VALUE", |label, _| (&label.value).into())];
    const NAME: Option<&'static str> = Some("key");

    fn json(&self) -> Value {
        json!({ "key": self.key, "value": self.value })
    }
}

impl Record for pb::SummarizeFleetResponse {
    const COLUMNS: &'static [Column<Self>] = &[
        column("COUNTED", |s, _| source(s.source).into()),
        column("DEVICES", |s, _| s.total.to_string().into()),
        column("ONLINE", |s, _| of_status(s, pb::DeviceStatus::Online).to_string().into()),
        column("OFFLINE", |s, _| of_status(s, pb::DeviceStatus::Offline).to_string().into()),
        column("UNKNOWN", |s, _| of_status(s, pb::DeviceStatus::Unknown).to_string().into()),
        column("MAINTENANCE", |s, _| of_status(s, pb::DeviceStatus::Maintenance).to_string().into()),
        column("SHUT OUT", |s, _| s.inactive.to_string().into()),
        column("NOT COUNTED", |s, _| format!("{} {}", s.not_counted, fleet::not_counted(s)).into()),
    ];

    fn json(&self) -> Value {
        let statuses: serde_json::Map<_, _> =
            self.by_status.iter().map(|count| (device_status(count.status()), count.devices.into())).collect();
        json!({
            "source": source(self.source), "total": self.total, "not_counted": self.not_counted,
            "inactive": self.inactive, "by_status": statuses,
            "by_device_type": self.by_device_type.iter().map(Record::json).collect::<Vec<_>>(),
            "device_types_left_out": self.device_types_left_out,
            "by_site": self.by_site.iter().map(Record::json).collect::<Vec<_>>(),
            "sites_left_out": self.sites_left_out,
        })
    }
}

impl Record for pb::SiteCount {
    const COLUMNS: &'static [Column<Self>] = &[
        column("SITE", |c, _| (&c.site_id).into()),
        column("DEVICES", |c, _| c.devices.to_string().into()),
        column("ONLINE", |c, _| c.online.to_string().into()),
    ];

    const NAME: Option<&'static str> = Some("site_id");

    fn json(&self) -> Value {
        json!({ "site_id": self.site_id, "devices": self.devices, "online": self.online })
    }
}

impl Record for pb::DeviceTypeCount {
    const COLUMNS: &'static [Column<Self>] =
        &[column("TYPE", |c, _| (&c.device_type).into()), column("DEVICES", |c, _| c.devices.to_string().into())];

    const NAME: Option<&'static str> = Some("device_type");

    fn json(&self) -> Value {
        json!({ "device_type": self.device_type, "devices": self.devices })
    }
}

fn of_status(summary: &pb::SummarizeFleetResponse, status: pb::DeviceStatus) -> u64 {
    summary.by_status.iter().filter(|count| count.status() == status).map(|count| count.devices).sum()
}

#[cfg(test)]
mod tests {
    use homepot::pb::common::v1::DeviceSource;

    use super::*;

    #[test]
    fn a_summary_says_what_was_counted_and_what_was_not() {
        let online = pb::StatusCount { status: pb::DeviceStatus::Online.into(), devices: 2 };
        let summary = pb::SummarizeFleetResponse {
            source: DeviceSource::Simulated.into(),
            total: 3,
            not_counted: 7,
            by_status: vec![online],
            ..Default::default()
        };
        let told = summary.json();
        assert_eq!((&told["source"], &told["by_status"]), (&json!("simulated"), &json!({"online": 2})));
        assert_eq!((fleet::not_counted(&summary), of_status(&summary, pb::DeviceStatus::Offline)), ("real", 0));
    }
}
