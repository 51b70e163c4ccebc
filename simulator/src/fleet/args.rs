//! The arguments of `homepot-sim fleet`.

use std::{path::PathBuf, time::Duration};

use anyhow::Context as _;
use chrono::{DateTime, TimeDelta, Utc};
use homepot::model::{MAX_AGE, SiteId};
use homepot_host::environment;

use crate::{server::Server, span};

pub(crate) const AFTER_HELP: &str = "\
With an admin's token (HOMEPOT_TOKEN or --token-file), sites and enrolment tokens are made as needed:
  homepot-sim fleet --devices 24 --sites 3 --scenario healthy --history 6h

With an enrolment token, made for example with `homepot ctl tokens create --site shop --simulated --uses 24`:
  HOMEPOT_ENROLLMENT_TOKEN=hpe_... homepot-sim fleet --devices 24 --site shop

The fleet's keys stay in the state directory, so that the next run with the same --name has the same devices.
Ctrl-C ends a run as --duration does: devices stop measuring, the simulator waits for what is under way and prints a \
summary.
Exit codes: 0 everything that was sent was acknowledged, 1 it was not or the run failed, 2 wrong command line.";

/// How devices speak.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Protocol {
    /// Each device holds a stream, as the agent does
    Grpc,
    /// Each device reports and polls for commands over REST, as legacy devices do
    Rest,
}

/// See the [module](self).
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    pub(crate) server: Server,
    /// Number of devices
    #[arg(long, short = 'n', default_value_t = 24, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub(crate) devices: u32,
    /// Name of the fleet, with which the ids of its devices begin
    #[arg(long, default_value = "sim", value_parser = name)]
    pub(crate) name: String,
    /// Scenario: the name of one that ships, or a file. See `homepot-sim scenarios`
    #[arg(long, default_value = "healthy")]
    pub(crate) scenario: String,
    /// Seed of all random numbers. Another seed makes another fleet in the same scenario
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,
    /// Protocol of the devices
    #[arg(long, value_enum, default_value_t = Protocol::Grpc)]
    pub(crate) protocol: Protocol,
    /// The server's REST address, for `--protocol rest`
    #[arg(long, env = "HOMEPOT_REST_URL", default_value = "http://127.0.0.1:8000", value_name = "URL")]
    pub(crate) rest: String,
    /// Number of sites for the devices: NAME-1, NAME-2 and so on, made as needed
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=1_000), conflicts_with = "site")]
    pub(crate) sites: u32,
    /// Put all devices at this site, which must exist
    #[arg(long, value_parser = site)]
    pub(crate) site: Option<SiteId>,
    /// End after this time, such as 90s, 5m or 1h, counted from the start of the last device [default: at Ctrl-C]
    #[arg(long, value_parser = span::parse, value_name = "SPAN")]
    pub(crate) duration: Option<Duration>,
    /// The most devices to start per second
    #[arg(long, default_value_t = 500.0, value_parser = rate, value_name = "RATE")]
    pub(crate) ramp: f64,
    /// Number of devices that share a connection, as behind a proxy. Each still has a stream of its own
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=100), value_name = "NUMBER")]
    pub(crate) devices_per_connection: u32,
    /// How often devices measure, such as 5s [default: as the server says]
    #[arg(long, value_parser = span::parse, value_name = "SPAN")]
    pub(crate) interval: Option<Duration>,
    /// How often devices poll for commands, with `--protocol rest`
    #[arg(long, value_parser = span::parse, default_value = "10s", value_name = "SPAN")]
    pub(crate) poll_interval: Duration,
    /// Let new devices first send a history of this length, such as 6h or 7d
    #[arg(long, value_parser = span::parse, value_name = "SPAN", conflicts_with = "start")]
    pub(crate) history: Option<Duration>,
    /// Time from one sample to the next in that history
    #[arg(long, value_parser = span::parse, default_value = "60s", value_name = "SPAN")]
    pub(crate) history_interval: Duration,
    /// Time of the first samples, such as 2026-11-24T08:00:00Z. The same start, seed and interval give the same samples
    #[arg(long, value_name = "TIME", requires = "interval")]
    pub(crate) start: Option<DateTime<Utc>>,
    /// End when each device has measured this many samples
    #[arg(long, value_name = "NUMBER")]
    pub(crate) samples: Option<u64>,
    /// The most samples that a device keeps while the server is away
    #[arg(long, default_value_t = 120, value_parser = clap::value_parser!(u32).range(1..=100_000), value_name = "NUMBER")]
    pub(crate) spool_samples: u32,
    /// How long to wait at the end for what is under way
    #[arg(long, value_parser = span::parse, default_value = "30s", value_name = "SPAN")]
    pub(crate) drain: Duration,
    /// Directory of the fleet's keys [default: homepot-sim in the user's state directory]
    #[arg(long, env = "HOMEPOT_SIM_STATE_DIR", value_name = "DIR")]
    pub(crate) state_dir: Option<PathBuf>,
    /// Trust root that the devices believe about releases, as a file. Without one they trust the newest root of the server
    #[arg(long, value_name = "FILE")]
    pub(crate) update_root: Option<PathBuf>,
    /// Print the summary as JSON
    #[arg(long)]
    pub(crate) json: bool,
    /// Print nothing while it runs
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
