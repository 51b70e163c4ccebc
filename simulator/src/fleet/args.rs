//! What can be said of a fleet.

use std::{path::PathBuf, time::Duration};

use anyhow::Context as _;
use chrono::{DateTime, TimeDelta, Utc};
use homepot::model::{MAX_AGE, SiteId};
use homepot_host::environment;

use crate::{server::Server, span};

pub(crate) const AFTER_HELP: &str = "\
With an admin's token (HOMEPOT_TOKEN or --token-file) the sites and the tokens for enrolment are made as needed:
  homepot-sim fleet --devices 24 --sites 3 --scenario healthy --history 6h

With a token for enrolment that somebody made, as `homepot ctl tokens create --site shop --simulated --uses 24` does:
  HOMEPOT_ENROLLMENT_TOKEN=hpe_... homepot-sim fleet --devices 24 --site shop

The fleet's keys stay in the state directory, so that the next run of the same --name has the same devices.
Ctrl-C ends a run as --duration does: no more is measured, what is under way is waited for, and the summary is told.
Exit codes: 0 all that was sent was acknowledged, 1 it was not or the run failed, 2 told nonsense.";

/// How devices speak.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Protocol {
    /// One stream a device, as the agent does
    Grpc,
    /// As a legacy device: reports and asks for commands now and then
    Rest,
}

/// See the [module](self).
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    pub(crate) server: Server,
    /// How many devices
    #[arg(long, short = 'n', default_value_t = 24, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub(crate) devices: u32,
    /// What the fleet is called: its devices' ids begin with it
    #[arg(long, default_value = "sim", value_parser = name)]
    pub(crate) name: String,
    /// A scenario that ships, or a file; see `homepot-sim scenarios`
    #[arg(long, default_value = "healthy")]
    pub(crate) scenario: String,
    /// Another seed is another fleet in the same scenario
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,
    /// How devices speak
    #[arg(long, value_enum, default_value_t = Protocol::Grpc)]
    pub(crate) protocol: Protocol,
    /// REST address, for `--protocol rest`
    #[arg(long, env = "HOMEPOT_REST_URL", default_value = "http://127.0.0.1:8000", value_name = "URL")]
    pub(crate) rest: String,
    /// Sites to spread them over: NAME-1, NAME-2 and so on, made as needed
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=1_000), conflicts_with = "site")]
    pub(crate) sites: u32,
    /// The one site they are at, which exists
    #[arg(long, value_parser = site)]
    pub(crate) site: Option<SiteId>,
    /// End after so long, such as 90s, 5m or 1h, counted from when all have been started [default: at Ctrl-C]
    #[arg(long, value_parser = span::parse, value_name = "SPAN")]
    pub(crate) duration: Option<Duration>,
    /// Devices started a second, at most
    #[arg(long, default_value_t = 500.0, value_parser = rate, value_name = "RATE")]
    pub(crate) ramp: f64,
    /// Devices that share a connection, as behind a proxy; each has a stream of its own all the same
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=100), value_name = "NUMBER")]
    pub(crate) devices_per_connection: u32,
    /// Measure this often [default: as the server says]
    #[arg(long, value_parser = span::parse, value_name = "SPAN")]
    pub(crate) interval: Option<Duration>,
    /// Ask for commands this often, with `--protocol rest`
    #[arg(long, value_parser = span::parse, default_value = "10s", value_name = "SPAN")]
    pub(crate) poll_interval: Duration,
    /// New devices begin with what they measured in the time before, such as 6h or 7d
    #[arg(long, value_parser = span::parse, value_name = "SPAN", conflicts_with = "start")]
    pub(crate) history: Option<Duration>,
    /// From sample to sample in that history
    #[arg(long, value_parser = span::parse, default_value = "60s", value_name = "SPAN")]
    pub(crate) history_interval: Duration,
    /// The time of the first samples, such as 2026-11-24T08:00:00Z: the same start, seed and interval give the same samples
    #[arg(long, value_name = "TIME", requires = "interval")]
    pub(crate) start: Option<DateTime<Utc>>,
    /// End when each device has measured so many
    #[arg(long, value_name = "NUMBER")]
    pub(crate) samples: Option<u64>,
    /// Samples a device keeps while the server is away
    #[arg(long, default_value_t = 120, value_parser = clap::value_parser!(u32).range(1..=100_000), value_name = "NUMBER")]
    pub(crate) spool_samples: u32,
    /// Wait so long at the end for what is under way
    #[arg(long, value_parser = span::parse, default_value = "30s", value_name = "SPAN")]
    pub(crate) drain: Duration,
    /// Where the fleet's keys lie [default: homepot-sim in the user's state directory]
    #[arg(long, env = "HOMEPOT_SIM_STATE_DIR", value_name = "DIR")]
    pub(crate) state_dir: Option<PathBuf>,
    /// Tell the summary as JSON
    #[arg(long)]
    pub(crate) json: bool,
    /// Tell nothing while it runs
    #[arg(long, short)]
    pub(crate) quiet: bool,
}

impl Args {
    /// Where the samples begin. `now` is when the run does.
    pub(crate) fn begin(&self, now: DateTime<Utc>) -> anyhow::Result<DateTime<Utc>> {
        let history = self.history.map(|span| TimeDelta::from_std(span).unwrap_or(TimeDelta::MAX));
        let start = match (self.start, history) {
            (Some(start), _) => start,
            (None, Some(history)) => now.checked_sub_signed(history).context("--history: is too long")?,
            (None, None) => now,
        };
        let oldest = now - TimeDelta::from_std(MAX_AGE).unwrap_or(TimeDelta::MAX);
        anyhow::ensure!(start >= oldest, "the samples would begin at {start}; the server takes none before {oldest}");
        anyhow::ensure!(start <= now, "--start: {start} lies in the future");
        let legacy = self.protocol == Protocol::Rest;
        anyhow::ensure!(
            !legacy || start == now,
            "a legacy device tells no times, so it has no --history and no --start"
        );
        Ok(start)
    }
}

/// Where the keys of fleets lie: as was said, or in the user's state directory.
pub(super) fn state_dir(said: Option<&PathBuf>) -> anyhow::Result<PathBuf> {
    if let Some(directory) = said {
        return Ok(directory.clone());
    }
    let set = |variable| environment::of_the_system(variable).map(PathBuf::from);
    let state = set("XDG_STATE_HOME").or_else(|| Some(set("HOME")?.join(".local/state")));
    Ok(state.context("there is no HOME; give --state-dir")?.join("homepot-sim"))
}

/// Letters that a device's id, a site's id, a label and a file name may have.
pub(super) fn name(text: &str) -> Result<String, String> {
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let good =
        (1..=40).contains(&text.len()) && text.chars().all(fits) && !text.starts_with('-') && !text.ends_with('-');
    if good {
        Ok(text.to_owned())
    } else {
        Err("must be 1 to 40 of a-z, 0-9 and '-', a letter or digit first and last".to_owned())
    }
}

fn site(text: &str) -> Result<SiteId, String> {
    SiteId::parse(text).map_err(|error| error.message().to_owned())
}

fn rate(text: &str) -> Result<f64, String> {
    let rate = text.parse().ok().filter(|rate| (0.001..=1e6).contains(rate));
    rate.ok_or_else(|| "must be a number above 0".to_owned())
}
