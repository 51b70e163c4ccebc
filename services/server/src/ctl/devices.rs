//! `homepot ctl devices`.

use std::{ops::ControlFlow, process::ExitCode, time::Duration};

use homepot::{
    model::to_proto_duration,
    pb::{common::v1::DeviceSource, registry::v1 as pb},
};
use homepot_runtime::settings::parse_time;
use serde_json::{Value, json};

use super::{
    calls::{all, answer, follow},
    labels::LabelChange,
    out::Out,
    summary::SummaryArgs,
    table::{Cell, Column, Record, column, key, wide},
    words,
};
use crate::client::Client;

pub(super) const STATUS: &str = "DEVICE_STATUS_";
const STATUSES: &[&str] = &["unknown", "online", "offline", "maintenance", "error"];
const SOURCE: &str = "DEVICE_SOURCE_";
const SOURCES: &[&str] = &["real", "simulated"];

#[derive(Debug, clap::Subcommand)]
pub(super) enum Action {
    /// List the devices you may see.
    List {
        #[command(flatten)]
        filter: Filter,
        /// At most so many.
        #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(1..))]
        limit: Option<u32>,
    },
    /// Count devices by status, type and site: the real ones, unless told otherwise.
    Summary(SummaryArgs),
    /// Show one device with its presence.
    Get {
        /// The device.
        #[arg(value_name = "DEVICE_ID")]
        device_id: String,
    },
    /// Show a device's labels, or change some; the others stay.
    ///
    /// The labels are read, changed and written back: of two who change the same device at once, the later wins.
    Label {
        /// The device.
        #[arg(value_name = "DEVICE_ID")]
        device_id: String,
        /// key=value sets a label, key- takes it away.
        #[arg(value_name = "KEY=VALUE|KEY-", allow_hyphen_values = false)]
        changes: Vec<LabelChange>,
    },
    /// Mark a device as under maintenance, or end that.
    Maintenance {
        /// The device.
        #[arg(value_name = "DEVICE_ID")]
        device_id: String,
        /// Whether it is under maintenance.
        #[arg(value_parser = ["on", "off"])]
        switch: String,
    },
    /// Let a device in again that was shut out.
    Activate {
        /// The device.
        #[arg(value_name = "DEVICE_ID")]
        device_id: String,
    },
    /// Shut a device out: its stream ends within 2 s, and it is refused until it is activated.
    Deactivate {
        /// The device.
        #[arg(value_name = "DEVICE_ID")]
        device_id: String,
    },
    /// When a device came and went, newest first.
    History {
        /// The device.
        #[arg(value_name = "DEVICE_ID")]
        device_id: String,
        /// At most so many.
        #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(1..))]
        limit: Option<u32>,
    },
    /// Show devices as they are, and each again when it changes, until Ctrl-C.
    Watch {
        /// Only these devices.
        #[arg(value_name = "DEVICE_ID")]
        device_ids: Vec<String>,
        /// Only devices of this site.
        #[arg(long, default_value = "", hide_default_value = true, value_name = "SITE_ID")]
        site: String,
        /// Only real or only simulated devices.
        #[arg(long, value_parser = source_parser())]
        source: Option<DeviceSource>,
    },
    /// Make a new key for a device and show it, once; older keys stay good for a while.
    RotateKey {
        /// The device.
        #[arg(value_name = "DEVICE_ID")]
        device_id: String,
        /// How long the older keys stay good, such as 0s, 1h or 30d.
        #[arg(long, default_value = "24h", value_name = "TIME", value_parser = parse_time)]
        overlap: Duration,
    },
    /// End every key of a device at once; its stream ends within 2 s.
    RevokeKeys {
        /// The device.
        #[arg(value_name = "DEVICE_ID")]
        device_id: String,
    },
    /// Remove simulated devices with all their data; real ones are never touched.
    ///
    /// Their streams end within 2 s. Repeat it when it was cut short.
    RemoveSimulated(super::removal::RemovalArgs),
}

impl Action {
    /// How much longer than others its call may take.
    pub(super) fn takes(&self) -> Duration {
        match self {
            Self::RemoveSimulated(_) => super::removal::TAKES,
            _ => Duration::ZERO,
        }
    }
}

/// Reads `real` or `simulated`.
pub(super) fn source_parser() -> impl clap::builder::TypedValueParser<Value = DeviceSource> {
    words::choice(SOURCE, SOURCES, DeviceSource::from_str_name)
}

/// Which devices.
#[derive(Clone, Debug, Default, clap::Args)]
pub(super) struct Filter {
    /// Only devices of this site.
    #[arg(long, default_value = "", hide_default_value = true, value_name = "SITE_ID")]
    pub(super) site: String,
    /// Only devices that fare so.
    #[arg(long, value_parser = words::choice(STATUS, STATUSES, pb::DeviceStatus::from_str_name))]
    pub(super) status: Option<pb::DeviceStatus>,
    /// Only real or only simulated devices.
    #[arg(long, value_parser = source_parser())]
    pub(super) source: Option<DeviceSource>,
    /// Only devices with such labels: key=value, key!=value, 'key in (a, b)', 'key notin (a, b)', key, '!key', joined by
    /// commas.
    #[arg(short = 'l', long, default_value = "", hide_default_value = true, value_name = "SELECTOR")]
    pub(super) selector: String,
}

impl Record for pb::Device {
    const COLUMNS: &'static [Column<Self>] = &[
        column("DEVICE", |d, _| (&d.device_id).into()),
        column("SITE", |d, _| (&d.site_id).into()),
        key("STATUS", |d, _| Cell::state(if d.active { status(d) } else { "inactive".to_owned() })),
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
        wide("CAN DO", |d, _| presence(d).capabilities.join(",").into()),
        column("LABELS", |d, _| words::labels(&d.labels).into()),
        column("NAME", |d, _| (&d.name).into()),
        wide("NOTES", |d, _| notes(d).into()),
    ];

    fn json(&self) -> Value {
        json!({
            "device_id": self.device_id, "site_id": self.site_id, "name": self.name,
            "device_type": self.device_type, "ip_address": words::text(&self.ip_address),
            "mac_address": words::text(&self.mac_address), "firmware_version": words::text(&self.firmware_version),
            "config": words::object(&self.config), "source": source(self.source), "active": self.active,
            "maintenance": self.maintenance, "presence": self.presence.as_ref().map(presence_json),
            "created_at": words::time(&self.created_at), "updated_at": words::time(&self.updated_at),
            "labels": words::labels_json(&self.labels), "proves": self.proves,
        })
    }
}

fn presence_json(p: &pb::Presence) -> Value {
    json!({
        "status": words::word(p.status().as_str_name(), STATUS), "last_seen_at": words::time(&p.last_seen_at),
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
    words::word(presence(device).status().as_str_name(), STATUS)
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

/// The word for a source; a device that does not tell is a real one.
pub(super) fn source(value: i32) -> &'static str {
    match DeviceSource::try_from(value) {
        Ok(DeviceSource::Simulated) => "simulated",
        _ => "real",
    }
}

impl Record for pb::StateChange {
    const COLUMNS: &'static [Column<Self>] = &[
        column("WHEN", |c, style| style.time(&c.time)),
        key("STATUS", |c, _| Cell::state(words::word(c.status().as_str_name(), STATUS))),
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
            "device_id": self.device_id, "status": words::word(self.status().as_str_name(), STATUS),
            "time": words::time(&self.time), "cause": cause(self), "detail": words::text(&self.detail),
            "flapping": self.flapping, "changes_not_shown": self.changes_not_shown,
            "session_epoch": self.session_epoch,
        })
    }
}

fn cause(change: &pb::StateChange) -> String {
    words::word(change.cause().as_str_name(), "STATE_CHANGE_CAUSE_")
}

pub(super) async fn run(client: &Client, out: &Out, action: Action) -> anyhow::Result<ExitCode> {
    let mut registry = client.registry();
    match action {
        Action::List { filter, limit } => out.list(&list(client, &filter, limit).await?)?,
        Action::Get { device_id } => {
            let found = answer(registry.get_device(pb::GetDeviceRequest { device_id }).await)?;
            out.detail(&found.device.unwrap_or_default())?;
        }
        Action::Label { device_id, changes } => super::labels::run(client, out, device_id, &changes).await?,
        Action::Maintenance { device_id, switch } => {
            let request =
                pb::UpdateDeviceRequest { device_id, maintenance: Some(switch == "on"), ..Default::default() };
            let changed = answer(registry.update_device(request).await)?;
            out.changed(&changed.device.unwrap_or_default(), &[])?;
        }
        Action::Activate { device_id } => {
            let changed = answer(registry.activate_device(pb::ActivateDeviceRequest { device_id }).await)?;
            out.changed(&changed.device.unwrap_or_default(), &[])?;
        }
        Action::Deactivate { device_id } => {
            let changed = answer(registry.deactivate_device(pb::DeactivateDeviceRequest { device_id }).await)?;
            out.changed(&changed.device.unwrap_or_default(), &[])?;
        }
        Action::History { device_id, limit } => {
            let changes = all(limit, async |page_size, page_token| {
                let request = pb::ListStateChangesRequest { device_id: device_id.clone(), page_size, page_token };
                let page = registry.list_state_changes(request).await?.into_inner();
                Ok((page.changes, page.next_page_token))
            });
            out.list(&changes.await?)?;
        }
        Action::Summary(args) => super::summary::run(client, out, args).await?,
        Action::Watch { device_ids, site, source } => {
            let source = source.unwrap_or_default().into();
            let filter = pb::WatchRequest { device_ids, site_id: site, source, cursor: String::new() };
            watch(client, out, filter).await?;
        }
        Action::RotateKey { device_id, overlap } => {
            let request = pb::RotateDeviceKeyRequest { device_id, overlap: Some(to_proto_duration(overlap)) };
            let made = answer(registry.rotate_device_key(request).await)?;
            out.secret(
                &NewKey { device_id: made.device_id, ends: made.older_keys_expire_at },
                "api_key",
                &made.api_key,
            )?;
        }
        Action::RevokeKeys { device_id } => {
            let request = pb::RevokeDeviceKeysRequest { device_id: device_id.clone() };
            let revoked = answer(registry.revoke_device_keys(request).await)?.revoked;
            out.document(&json!({ "device_id": device_id, "revoked": revoked }))?;
            out.text(format_args!("{revoked} key(s) of {device_id} ended; rotate-key makes the next"))?;
        }
        Action::RemoveSimulated(args) => super::removal::run(client, out, args).await?,
    }
    Ok(ExitCode::SUCCESS)
}

/// The devices that `filter` leaves, or the first of them.
pub(super) async fn list(client: &Client, filter: &Filter, limit: Option<u32>) -> anyhow::Result<Vec<pb::Device>> {
    let devices = all(limit, async |page_size, page_token| {
        let request = pb::ListDevicesRequest {
            site_id: filter.site.clone(),
            source: filter.source.unwrap_or_default().into(),
            status: filter.status.unwrap_or_default().into(),
            page_size,
            page_token,
            label_selector: filter.selector.clone(),
        };
        let page = client.registry().list_devices(request).await?.into_inner();
        Ok((page.devices, page.next_page_token))
    });
    devices.await
}

async fn watch(client: &Client, out: &Out, filter: pb::WatchRequest) -> anyhow::Result<()> {
    let mut registry = client.registry();
    let mut table = out.table();
    let open = async |cursor| registry.watch(pb::WatchRequest { cursor, ..filter.clone() }).await;
    let take = async |news: Option<pb::WatchResponse>| {
        out.check_reader()?;
        let pb::WatchResponse { devices, removed_device_ids, .. } = news.unwrap_or_default();
        for device_id in removed_device_ids {
            out.event(&json!({ "device_id": device_id, "removed": true }), format_args!("{device_id} is removed"))?;
        }
        out.news(&mut table, &devices)?;
        Ok(ControlFlow::<()>::Continue(()))
    };
    follow(open, take).await
}

/// What is told of a new key beside the key.
struct NewKey {
    device_id: String,
    ends: Option<prost_types::Timestamp>,
}

impl Record for NewKey {
    const COLUMNS: &'static [Column<Self>] =
        &[column("DEVICE", |k, _| (&k.device_id).into()), column("OLDER KEYS END", |k, style| style.time(&k.ends))];

    fn json(&self) -> Value {
        json!({ "device_id": self.device_id, "older_keys_expire_at": words::time(&self.ends) })
    }
}
