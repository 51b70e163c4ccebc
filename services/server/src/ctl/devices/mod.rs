//! `homepot ctl devices`.

mod records;
mod removal;

use std::{ops::ControlFlow, process::ExitCode, time::Duration};

use chrono::{DateTime, Utc};
use homepot::{
    model::{to_proto_duration, to_proto_timestamp},
    pb::{common::v1::DeviceSource, registry::v1 as pb},
};
use homepot_host::settings::parse_time;
use serde_json::json;

use self::{
    records::{Label, NewKey},
    removal::{RemovalArgs, RemoveArgs},
};
use super::kit::{
    args::{DeviceId, Limit, Selector, Until},
    calls::{all, answer, follow},
    fleet,
    labels::{LabelChange, apply},
    out::Out,
    record::Record,
    source::source_parser,
    states::device_status_parser,
    words,
};
use crate::client::Client;

#[derive(Debug, clap::Subcommand)]
pub(super) enum Action {
    /// List the devices that you may see. With --watch, also show changes.
    List(List),
    /// Count devices by status, type and site: the real ones, unless --source says otherwise.
    Summary(SummaryArgs),
    /// Show one device with its presence.
    Get(DeviceId),
    /// Show the labels of a device, or change some of them.
    ///
    /// Labels are read, changed and written back. If two people change the same device at once, the later change wins.
    Label {
        #[command(flatten)]
        device: DeviceId,
        /// key=value sets a label, key- removes it.
        #[arg(value_name = "KEY=VALUE|KEY-", allow_hyphen_values = false)]
        changes: Vec<LabelChange>,
    },
    /// Mark a device as under maintenance, or end that.
    Maintenance {
        #[command(flatten)]
        device: DeviceId,
        /// Whether it is under maintenance.
        #[arg(value_parser = ["on", "off"])]
        switch: String,
    },
    /// Activate a device that was deactivated.
    Activate(DeviceId),
    /// Deactivate a device: its stream ends within 2 s, and its calls are refused until it is activated.
    Deactivate(DeviceId),
    /// List when a device went online and offline, newest first.
    History {
        #[command(flatten)]
        device: DeviceId,
        /// Only from this time on: an age such as 2h or 7d, or a time such as 2026-11-27T08:00:00Z [default: the oldest
        /// that is kept].
        #[arg(long, value_name = "TIME", value_parser = words::moment)]
        since: Option<DateTime<Utc>>,
        #[command(flatten)]
        until: Until,
        #[command(flatten)]
        limit: Limit,
    },
    /// Make a new key for a device and show it, once. Older keys stay valid for a while.
    RotateKey {
        #[command(flatten)]
        device: DeviceId,
        /// How long the older keys stay valid, such as 0s, 1h or 30d.
        #[arg(long, default_value = "24h", value_name = "TIME", value_parser = parse_time)]
        overlap: Duration,
    },
    /// Revoke all keys of a device at once. Its stream ends within 2 s.
    RevokeKeys(DeviceId),
    /// Remove a device for good: no list shows it any more, and it can't come back.
    ///
    /// Asks you to type the device's id. Its stream ends within 2 s. If the command was cut short, repeat it.
    Remove(RemoveArgs),
    /// Remove simulated devices with all their data. Real devices are never removed.
    ///
    /// Their streams end within 2 s. If the command was cut short, repeat it.
    RemoveSimulated(RemovalArgs),
}

impl Action {
    /// How much longer than others its call may take.
    pub(super) fn takes(&self) -> Duration {
        match self {
            Self::Remove(_) | Self::RemoveSimulated(_) => removal::TAKES,
            _ => Duration::ZERO,
        }
    }
}

/// What to list, and for how long.
#[derive(Debug, clap::Args)]
pub(super) struct List {
    /// Watch only these devices.
    #[arg(value_name = "DEVICE_ID", requires = "watch")]
    device_ids: Vec<String>,
    #[command(flatten)]
    filter: Filter,
    #[command(flatten)]
    limit: Limit,
    /// Show all devices as they are now, and then every change, until Ctrl-C.
    #[arg(long, conflicts_with_all = ["status", "selector", "limit"])]
    watch: bool,
}

/// Which devices.
#[derive(Clone, Debug, Default, clap::Args)]
struct Filter {
    /// Only devices of this site.
    #[arg(long, default_value = "", hide_default_value = true, value_name = "SITE_ID")]
    site: String,
    /// Only devices with this status.
    #[arg(long, value_parser = device_status_parser())]
    status: Option<pb::DeviceStatus>,
    /// Only real or only simulated devices.
    #[arg(long, value_parser = source_parser())]
    source: Option<DeviceSource>,
    #[command(flatten)]
    selector: Selector,
}

/// Which devices to count.
#[derive(Debug, clap::Args)]
pub(super) struct SummaryArgs {
    /// Only devices of this site.
    #[arg(long, default_value = "", hide_default_value = true, value_name = "SITE_ID")]
    site: String,
    /// Count real or simulated devices. The two are never summed [default: real].
    #[arg(long, value_parser = source_parser())]
    source: Option<DeviceSource>,
    #[command(flatten)]
    selector: Selector,
}

pub(super) async fn run(client: &Client, out: &Out, action: Action) -> anyhow::Result<ExitCode> {
    let mut registry = client.registry();
    match action {
        Action::List(args) if args.watch => watch(client, out, args).await?,
        Action::List(args) => out.list(&list(client, args.filter, args.limit.limit).await?)?,
        Action::Get(DeviceId { device_id }) => {
            let found = answer(registry.get_device(pb::GetDeviceRequest { device_id }).await)?;
            out.detail(&found.device.unwrap_or_default())?;
        }
        Action::Label { device: DeviceId { device_id }, changes } => label(client, out, device_id, &changes).await?,
        Action::Maintenance { device: DeviceId { device_id }, switch } => {
            let request =
                pb::UpdateDeviceRequest { device_id, maintenance: Some(switch == "on"), ..Default::default() };
            let changed = answer(registry.update_device(request).await)?;
            out.changed(&changed.device.unwrap_or_default(), &[])?;
        }
        Action::Activate(DeviceId { device_id }) => {
            let changed = answer(registry.activate_device(pb::ActivateDeviceRequest { device_id }).await)?;
            out.changed(&changed.device.unwrap_or_default(), &[])?;
        }
        Action::Deactivate(DeviceId { device_id }) => {
            let changed = answer(registry.deactivate_device(pb::DeactivateDeviceRequest { device_id }).await)?;
            out.changed(&changed.device.unwrap_or_default(), &[])?;
        }
        Action::History { device: DeviceId { device_id }, since, until, limit } => {
            let (start_time, end_time) = (since.map(to_proto_timestamp), until.to_proto());
            let changes = all(limit.limit, async |page_size, page_token| {
                let device_id = device_id.clone();
                let request = pb::ListStateChangesRequest { device_id, start_time, end_time, page_size, page_token };
                let page = registry.list_state_changes(request).await?.into_inner();
                Ok((page.changes, page.next_page_token))
            });
            out.list(&changes.await?)?;
        }
        Action::Summary(args) => summary(client, out, args).await?,
        Action::RotateKey { device: DeviceId { device_id }, overlap } => {
            let request = pb::RotateDeviceKeyRequest { device_id, overlap: Some(to_proto_duration(overlap)) };
            let made = answer(registry.rotate_device_key(request).await)?;
            let key = NewKey { device_id: made.device_id, older_keys_expire_at: made.older_keys_expire_at };
            out.secret(&key, "api_key", &made.api_key)?;
        }
        Action::RevokeKeys(DeviceId { device_id }) => {
            let request = pb::RevokeDeviceKeysRequest { device_id: device_id.clone() };
            let revoked = answer(registry.revoke_device_keys(request).await)?.revoked;
            let told = json!({ "device_id": device_id, "revoked": revoked });
            out.outcome(
                &told,
                Some(&device_id),
                format_args!("{revoked} key(s) of {device_id} ended; rotate-key makes the next"),
            )?;
        }
        Action::Remove(args) => removal::remove(client, out, args).await?,
        Action::RemoveSimulated(args) => removal::remove_simulated(client, out, args).await?,
    }
    Ok(ExitCode::SUCCESS)
}

/// The devices that `filter` leaves, or the first of them.
async fn list(client: &Client, filter: Filter, limit: Option<u32>) -> anyhow::Result<Vec<pb::Device>> {
    let request = pb::ListDevicesRequest {
        site_id: filter.site,
        source: filter.source.unwrap_or_default().into(),
        status: filter.status.unwrap_or_default().into(),
        label_selector: filter.selector.selector,
        ..Default::default()
    };
    fleet::devices(client, request, limit).await
}

async fn watch(client: &Client, out: &Out, args: List) -> anyhow::Result<()> {
    let source = args.filter.source.unwrap_or_default().into();
    let (device_ids, site_id) = (args.device_ids, args.filter.site);
    let request = pb::WatchRequest { device_ids, site_id, source, cursor: String::new() };
    let mut registry = client.registry();
    let mut feed = out.feed::<pb::Device>(&["removed"])?;
    let open = async |cursor| registry.watch(pb::WatchRequest { cursor, ..request.clone() }).await;
    let take = async |news: Option<pb::WatchResponse>| {
        out.check_reader()?;
        let pb::WatchResponse { devices, removed_device_ids, .. } = news.unwrap_or_default();
        for device_id in removed_device_ids {
            let words = format!("{device_id} is removed");
            out.event(&feed, json!({ "device_id": device_id, "removed": true }), words)?;
        }
        out.news(&mut feed, &devices)?;
        Ok(ControlFlow::<()>::Continue(()))
    };
    follow(open, take).await
}

async fn label(client: &Client, out: &Out, device_id: String, changes: &[LabelChange]) -> anyhow::Result<()> {
    let mut registry = client.registry();
    let found = answer(registry.get_device(pb::GetDeviceRequest { device_id: device_id.clone() }).await)?;
    let mut device = found.device.unwrap_or_default();
    if !changes.is_empty() {
        let mut labels = device.labels;
        apply(&mut labels, changes);
        let request = pb::UpdateDeviceRequest { device_id, labels: Some(pb::Labels { labels }), ..Default::default() };
        device = answer(registry.update_device(request).await)?.device.unwrap_or_default();
    }
    if out.has_documents() {
        return out.document(&words::labels_json(&device.labels));
    }
    let mut labels: Vec<_> = device.labels.into_iter().map(|(key, value)| Label { key, value }).collect();
    labels.sort_by(|one, other| one.key.cmp(&other.key));
    out.list(&labels)
}

async fn summary(client: &Client, out: &Out, args: SummaryArgs) -> anyhow::Result<()> {
    let summary = fleet::summarize(client, args.site, args.selector.selector, args.source).await?;
    out.detail(&summary)?;
    tell(out, &summary.by_site, summary.sites_left_out, "sites")?;
    tell(out, &summary.by_device_type, summary.device_types_left_out, "types")
}

fn tell<T: Record>(out: &Out, counts: &[T], left_out: u32, of: &str) -> anyhow::Result<()> {
    out.below(counts)?;
    if left_out > 0 { out.text(format_args!("and {left_out} more {of}")) } else { Ok(()) }
}
