//! `homepot ctl devices remove-simulated`.

use std::time::Duration;

use homepot::{
    pb::{common::v1::DeviceSource, registry::v1 as pb},
    text,
};
use serde_json::json;

use super::{
    Usage,
    calls::answer,
    devices::{self, Filter},
    out::Out,
    target::ask,
};
use crate::client::Client;

/// Samples of a large fleet are many rows.
pub(super) const TAKES: Duration = Duration::from_secs(3600);

/// Which simulated devices. At least one of --site, --selector and --all is required.
#[derive(Debug, clap::Args)]
pub(super) struct RemovalArgs {
    /// Only devices of this site; may be given more than once.
    #[arg(long = "site", value_name = "SITE_ID")]
    sites: Vec<String>,
    /// Only devices with such labels, as for `list`.
    #[arg(short = 'l', long, value_name = "SELECTOR")]
    selector: Option<String>,
    /// Remove every simulated device of every site.
    #[arg(long, conflicts_with_all = ["sites", "selector"])]
    all: bool,
    /// Do not ask.
    #[arg(long)]
    yes: bool,
}

pub(super) async fn run(client: &Client, out: &Out, args: RemovalArgs) -> anyhow::Result<()> {
    let RemovalArgs { sites, selector, all, yes } = args;
    if sites.iter().chain(&selector).any(|value| value.trim().is_empty()) {
        // Left empty by a script, it must not come to mean everything.
        return Err(Usage("--site and --selector must not be empty; give --all for every site".into()).into());
    }
    if !all && sites.is_empty() && selector.is_none() {
        return Err(Usage("give --site or --selector; or --all for every simulated device of every site".into()).into());
    }
    let label_selector = selector.unwrap_or_default();
    if !yes {
        let matching = count(client, &sites, &label_selector).await?;
        let told = text::visible(&format!("{matching} simulated devices will be removed with all their data"));
        anyhow::ensure!(matching == 0 || ask(&told)?, "nothing was removed");
    }
    let request = pb::RemoveSimulatedDevicesRequest { site_ids: sites, label_selector, all };
    let removed = answer(client.registry().remove_simulated_devices(request).await)?.removed;
    out.document(&json!({ "removed": removed }))?;
    out.text(format_args!("{removed} simulated device(s) removed"))
}

async fn count(client: &Client, sites: &[String], selector: &str) -> anyhow::Result<usize> {
    let every = [String::new()];
    let sites = if sites.is_empty() { &every[..] } else { sites };
    let mut matching = 0;
    for site in sites {
        let (site, selector, source) = (site.clone(), selector.to_owned(), Some(DeviceSource::Simulated));
        let filter = Filter { site, selector, source, ..Filter::default() };
        matching += devices::list(client, &filter, None).await?.len();
    }
    Ok(matching)
}
