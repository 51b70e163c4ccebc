//! Which devices a run is for, and whether that is meant.

use std::{
    collections::BTreeSet,
    io::{BufRead as _, IsTerminal as _, Write as _},
};

use homepot::pb::command::v1 as pb;

use super::{
    Usage,
    devices::{self, Filter},
    words,
};
use crate::client::Client;

const HEADING: &str = "Which devices";

#[derive(Clone, Debug, Default, clap::Args)]
#[group(required = true, multiple = true)]
pub(super) struct Selection {
    /// This device; can be repeated.
    #[arg(long = "device", help_heading = HEADING, value_name = "DEVICE_ID", conflicts_with_all = ["site", "selector", "fleet"])]
    devices: Vec<String>,
    /// The devices of this site.
    #[arg(long, help_heading = HEADING, value_name = "SITE_ID", conflicts_with = "fleet")]
    site: Option<String>,
    /// The devices with such labels: key=value, key!=value, 'key in (a, b)', 'key notin (a, b)', key, '!key', joined by
    /// commas; with --site those of the site.
    #[arg(short = 'l', long, help_heading = HEADING, value_name = "SELECTOR", conflicts_with = "fleet")]
    selector: Option<String>,
    /// Every device you may reach.
    #[arg(long, help_heading = HEADING)]
    fleet: bool,
}

impl Selection {
    pub(super) fn target(&self) -> pb::Target {
        pb::Target {
            device_ids: self.devices.clone(),
            site_id: self.site.clone().unwrap_or_default(),
            label_selector: self.selector.clone().unwrap_or_default(),
            fleet: self.fleet,
        }
    }

    /// How many devices match, and how many of these are shut out.
    async fn count(&self, client: &Client) -> anyhow::Result<(usize, usize)> {
        if !self.devices.is_empty() {
            return Ok((self.devices.iter().collect::<BTreeSet<_>>().len(), 0));
        }
        let (site, selector) = (self.site.clone().unwrap_or_default(), self.selector.clone().unwrap_or_default());
        let found = devices::list(client, &Filter { site, selector, ..Filter::default() }, None).await?;
        Ok((found.len(), found.iter().filter(|device| !device.active).count()))
    }
}

/// Asks whoever starts it, where it reaches more than one device; an error when it is not meant.
pub(super) async fn confirm(
    client: &Client,
    selection: &Selection,
    command_type: &str,
    yes: bool,
) -> anyhow::Result<()> {
    if selection.devices.is_empty()
        && [&selection.site, &selection.selector].into_iter().flatten().any(String::is_empty)
    {
        // Left empty by a script, it must not come to mean everything.
        return Err(Usage("target: --site and --selector must not be empty; --fleet is every device".into()).into());
    }
    let (matching, shut_out) = selection.count(client).await?;
    anyhow::ensure!(matching > 0, "target: no device matches");
    if matching == 1 || yes {
        return Ok(());
    }
    let inactive = if shut_out > 0 { format!(" ({shut_out} of them shut out)") } else { String::new() };
    let told = words::harmless(&format!("{} for {matching} devices{inactive}", command_type.to_uppercase()));
    anyhow::ensure!(ask(&told)?, "nothing was started");
    Ok(())
}

/// Whether whoever sits at the terminal means what is told; an error where there is none.
pub(super) fn ask(told: &str) -> anyhow::Result<bool> {
    if !(std::io::stdin().is_terminal() && std::io::stderr().is_terminal()) {
        return Err(Usage(format!("{told}: say --yes, as there is no terminal to ask on")).into());
    }
    let mut answer = String::new();
    let asked = write!(std::io::stderr(), "{told}. Go on? [y/N] ").and_then(|()| std::io::stderr().flush());
    asked.and_then(|()| std::io::stdin().lock().read_line(&mut answer))?;
    Ok(is_yes(&answer))
}

fn is_yes(answer: &str) -> bool {
    ["y", "yes"].contains(&answer.trim().to_lowercase().as_str())
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
        for bad in [&[][..], &["--fleet", "--site", "a"], &["--device", "a", "-l", "b"], &["--device", "a", "--fleet"]]
        {
            assert!(read(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn only_a_yes_is_a_yes() {
        assert!(is_yes("y\n") && is_yes("Yes\n"));
        assert!(!is_yes("\n") && !is_yes("") && !is_yes("n\n") && !is_yes("yesterday"));
    }
}
