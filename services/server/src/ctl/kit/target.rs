//! The target of a run or a rollout, and the question whether it is meant.

use std::collections::BTreeSet;

use homepot::pb::{command::v1 as pb, common::v1::DeviceSource};
use serde_json::{Value, json};

use super::{
    ask::ask,
    fleet,
    source::{source, source_parser},
    status::Usage,
    words,
};
use crate::client::Client;

const HEADING: &str = "Which devices";

/// The way they are named, and which of them.
#[derive(Clone, Debug, Default, clap::Args)]
#[group(skip)]
pub(crate) struct Selection {
    #[command(flatten)]
    named: Named,
    /// Only real or only simulated devices [default: real; with --device: either].
    #[arg(long, help_heading = HEADING, value_parser = source_parser())]
    source: Option<DeviceSource>,
}

#[derive(Clone, Debug, Default, clap::Args)]
#[group(required = true, multiple = true)]
struct Named {
    /// This device. Can be repeated.
    #[arg(long = "device", help_heading = HEADING, value_name = "DEVICE_ID", conflicts_with_all = ["site", "selector", "fleet"])]
    devices: Vec<String>,
    /// The devices of this site.
    #[arg(long, help_heading = HEADING, value_name = "SITE_ID", conflicts_with = "fleet")]
    site: Option<String>,
    /// The devices whose labels match all of these conditions, separated by commas: key=value, key!=value, 'key in (a,
    /// b)', 'key notin (a, b)', key, '!key'. With --site, only devices of that site.
    #[arg(short = 'l', long, help_heading = HEADING, value_name = "SELECTOR", conflicts_with = "fleet")]
    selector: Option<String>,
    /// All devices that you may reach.
    #[arg(long, help_heading = HEADING)]
    fleet: bool,
}

impl Selection {
    pub(crate) fn target(&self) -> pb::Target {
        let Named { devices, site, selector, fleet } = self.named.clone();
        pb::Target {
            device_ids: devices,
            site_id: site.unwrap_or_default(),
            label_selector: selector.unwrap_or_default(),
            fleet,
            source: self.source.unwrap_or_default().into(),
        }
    }

    /// Which devices, in words, and how many of these are shut out; an error when there are none.
    async fn count(&self, client: &Client) -> anyhow::Result<(u64, String)> {
        let Named { devices, site, selector, .. } = self.named.clone();
        if !devices.is_empty() {
            let named = devices.iter().collect::<BTreeSet<_>>().len();
            return Ok((named as u64, format!("{named} devices")));
        }
        let (site, selector) = (site.unwrap_or_default(), selector.unwrap_or_default());
        let found = fleet::summarize(client, site, selector, self.source).await?;
        let (counted, other) = (source(found.source), fleet::not_counted(&found));
        if found.total == 0 && found.not_counted > 0 {
            anyhow::bail!("target: no {counted} device matches; --source {other} reaches {}", found.not_counted);
        }
        anyhow::ensure!(found.total > 0, "target: no device matches");
        let inactive =
            if found.inactive > 0 { format!(" ({} of them shut out)", found.inactive) } else { String::new() };
        Ok((found.total, format!("{} {counted} devices{inactive}", found.total)))
    }
}

/// A target in words.
pub(crate) fn in_words(target: &pb::Target) -> String {
    let site = (!target.site_id.is_empty()).then(|| format!("site {}", target.site_id));
    let labels = (!target.label_selector.is_empty()).then(|| target.label_selector.clone());
    let fleet = target.fleet.then(|| "the fleet".to_owned());
    let devices = (!target.device_ids.is_empty()).then(|| format!("{} named device(s)", target.device_ids.len()));
    let source = source_of(target).map(str::to_owned);
    [devices, site, labels, fleet, source].into_iter().flatten().collect::<Vec<_>>().join(", ")
}

/// A target as JSON.
pub(crate) fn of_target(target: &pb::Target) -> Value {
    json!({
        "device_ids": target.device_ids, "site_id": words::text(&target.site_id),
        "label_selector": words::text(&target.label_selector), "fleet": target.fleet, "source": source_of(target),
    })
}

/// Which devices it reaches; `None`: whatever is named.
fn source_of(target: &pb::Target) -> Option<&'static str> {
    (target.source() != DeviceSource::Unspecified).then(|| source(target.source))
}

/// Asks whoever starts it, where it reaches more than one device; an error when it is not meant.
pub(crate) async fn confirm(client: &Client, selection: &Selection, what: &str, yes: bool) -> anyhow::Result<()> {
    let Named { devices, site, selector, .. } = &selection.named;
    if devices.is_empty() && [site, selector].into_iter().flatten().any(String::is_empty) {
        // Left empty by a script, it must not come to mean everything.
        return Err(Usage("target: --site and --selector must not be empty; --fleet is every device".into()).into());
    }
    let (matching, which) = selection.count(client).await?;
    if matching == 1 || yes {
        return Ok(());
    }
    let told = format!("{what} for {which}");
    anyhow::ensure!(ask(&told)?, "nothing was started");
    Ok(())
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;

    #[derive(Debug, clap::Parser)]
    struct Line {
        #[command(flatten)]
        selection: Selection,
    }

    fn read(line: &[&str]) -> Result<pb::Target, clap::Error> {
        Line::try_parse_from([&["runs"], line].concat()).map(|line| line.selection.target())
    }

    #[test]
    fn devices_are_named_in_exactly_one_way() {
        assert_eq!(read(&["--device", "a", "--device", "b"]).unwrap().device_ids, ["a", "b"]);
        let both = read(&["--site", "shop-7", "-l", "tier=pos"]).unwrap();
        assert_eq!((both.site_id.as_str(), both.label_selector.as_str()), ("shop-7", "tier=pos"));
        assert!(read(&["--fleet"]).unwrap().fleet);
        let simulated = read(&["--fleet", "--source", "simulated"]).unwrap();
        assert_eq!((simulated.fleet, simulated.source()), (true, DeviceSource::Simulated));
        for bad in [
            &[][..],
            &["--fleet", "--site", "a"],
            &["--device", "a", "-l", "b"],
            &["--device", "a", "--fleet"],
            &["--source", "real"],
        ] {
            assert!(read(bad).is_err(), "{bad:?}");
        }
    }
}
