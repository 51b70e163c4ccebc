//! `homepot ctl devices remove` and `remove-simulated`.

use std::{collections::BTreeSet, time::Duration};

use homepot::pb::{common::v1::DeviceSource, registry::v1 as pb};
use serde_json::json;

use super::{
    super::kit::{
        args::{DeviceId, Selector},
        ask::ask,
        calls::answer,
        out::Out,
        removal::Removal,
        source::source,
        status::Usage,
    },
    Filter, list,
};
use crate::client::Client;

/// Samples of a large fleet are many rows.
pub(super) const TAKES: Duration = Duration::from_secs(3600);

/// The device to remove, and whether to keep its history.
#[derive(Debug, clap::Args)]
pub(in crate::ctl) struct RemoveArgs {
    #[command(flatten)]
    device: DeviceId,
    #[command(flatten)]
    removal: Removal,
}

pub(super) async fn remove(client: &Client, out: &Out, args: RemoveArgs) -> anyhow::Result<()> {
    let RemoveArgs { device: DeviceId { device_id }, removal } = args;
    let mut registry = client.registry();
    let found = answer(registry.get_device(pb::GetDeviceRequest { device_id: device_id.clone() }).await)?;
    let device = found.device.unwrap_or_default();
    let (words, history) = removal.fate();
    let kind = source(device.source);
    let told = format!("the {kind} device {device_id} of site {} goes for good; {words}", device.site_id);
    let confirm = removal.confirm(&told, &device_id)?;
    let request = pb::RemoveDeviceRequest { device_id: device_id.clone(), history: removal.history().into(), confirm };
    answer(registry.remove_device(request).await)?;
    let value = json!({ "device_id": device_id, "removed": true, "history": history });
    out.outcome(&value, Some(&device_id), format_args!("{device_id} is removed; {words}"))
}

/// Which simulated devices. At least one of --site, --selector and --all is required.
#[derive(Debug, clap::Args)]
pub(in crate::ctl) struct RemovalArgs {
    /// Only devices of this site. Can be repeated.
    #[arg(long = "site", value_name = "SITE_ID")]
    sites: Vec<String>,
    /// Only devices whose labels match, as for `devices list`.
    #[arg(short = 'l', long, value_name = "SELECTOR")]
    selector: Option<String>,
    /// Remove every simulated device of every site.
    #[arg(long, conflicts_with_all = ["sites", "selector"])]
    all: bool,
    /// Do not ask for confirmation.
    #[arg(long)]
    yes: bool,
}

pub(super) async fn remove_simulated(client: &Client, out: &Out, args: RemovalArgs) -> anyhow::Result<()> {
    let RemovalArgs { sites, selector, all, yes } = args;
    if sites.iter().chain(&selector).any(|value| value.trim().is_empty()) {
        // Left empty by a script, it must not come to mean everything.
        return Err(Usage("--site and --selector must not be empty; give --all for every site".into()).into());
    }
    if !all && sites.is_empty() && selector.is_none() {
        return Err(Usage("give --site or --selector; or --all for every simulated device of every site".into()).into());
    }
    let label_selector = selector.unwrap_or_default();
    // Named twice, a site still has its devices once.
    let sites: Vec<_> = sites.into_iter().collect::<BTreeSet<_>>().into_iter().collect();
    let mut expected_devices = None;
    if !yes {
        let matching = count(client, &sites, &label_selector).await?;
        let told = format!("{matching} simulated devices will be removed with all their data");
        anyhow::ensure!(matching == 0 || ask(&told)?, "nothing was removed");
        // What came or went while the question stood is not what was agreed to.
        expected_devices = Some(u32::try_from(matching).unwrap_or(u32::MAX));
    }
    let request = pb::RemoveSimulatedDevicesRequest { site_ids: sites, label_selector, all, expected_devices };
    let removed = answer(client.registry().remove_simulated_devices(request).await)?.removed;
    out.outcome(&json!({ "removed": removed }), None, format_args!("{removed} simulated device(s) removed"))
}

async fn count(client: &Client, sites: &[String], selector: &str) -> anyhow::Result<usize> {
    let every = [String::new()];
    let sites = if sites.is_empty() { &every[..] } else { sites };
    let mut matching = 0;
    for site in sites {
        let (site, selector, source) = (site.clone(), selector.to_owned(), Some(DeviceSource::Simulated));
        let filter = Filter { site, selector: Selector { selector }, source, ..Filter::default() };
        matching += list(client, filter, None).await?.len();
    }
    Ok(matching)
}
