//! Arguments that many nouns have, each with the same words everywhere.

use chrono::{DateTime, Utc};
use homepot::model::to_proto_timestamp;
use prost_types::Timestamp;

use super::words;

/// The one device that an action is about.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct DeviceId {
    /// The device.
    #[arg(value_name = "DEVICE_ID")]
    pub(crate) device_id: String,
}

/// The one site that an action is about.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct SiteId {
    /// The site.
    #[arg(value_name = "SITE_ID")]
    pub(crate) site_id: String,
}

/// The one command that an action is about.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct CommandId {
    /// The command.
    #[arg(value_name = "COMMAND_ID")]
    pub(crate) command_id: String,
}

/// The one run that an action is about.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct RunId {
    /// The run.
    #[arg(value_name = "RUN_ID")]
    pub(crate) run_id: String,
}

/// How long a list may be.
#[derive(Clone, Copy, Debug, clap::Args)]
pub(crate) struct Limit {
    /// Show at most this many entries.
    #[arg(long = "limit", value_name = "COUNT", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) limit: Option<u32>,
}

/// The labels that select devices.
#[derive(Clone, Debug, Default, clap::Args)]
pub(crate) struct Selector {
    /// Only devices whose labels match all of these conditions, separated by commas: key=value, key!=value, 'key in (a,
    /// b)', 'key notin (a, b)', key, '!key'.
    #[arg(short = 'l', long, default_value = "", hide_default_value = true, value_name = "SELECTOR")]
    pub(crate) selector: String,
}

/// The end of a range of time.
#[derive(Clone, Copy, Debug, clap::Args)]
pub(crate) struct Until {
    /// Only before this time, in the same form as --since [default: now].
    #[arg(long, value_name = "TIME", value_parser = words::moment)]
    until: Option<DateTime<Utc>>,
}

impl Until {
    pub(crate) fn to_proto(self) -> Option<Timestamp> {
        self.until.map(to_proto_timestamp)
    }
}
