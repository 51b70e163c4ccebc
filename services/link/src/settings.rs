//! Settings of the link: the pace at which devices measure and send heartbeats.

use std::time::Duration;

use homepot_host::settings::Reader;

use crate::Config;

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);

/// Flags of the link, as they are written.
#[derive(Clone, Debug, clap::Args)]
pub struct PaceFlags {
    /// How often devices measure: 1s to 1h. A SET_INTERVAL command changes it for one device.
    #[arg(long, env = "HOMEPOT_SAMPLE_INTERVAL", value_name = "TIME", default_value = "5s", help_heading = "Devices")]
    sample_interval: String,

    /// How often devices send a heartbeat: 1s to 10m. A device that is silent for 2.5 intervals counts as offline.
    #[arg(long, env = "HOMEPOT_HEARTBEAT_INTERVAL", value_name = "TIME", default_value = "10s")]
    #[arg(help_heading = "Devices")]
    heartbeat_interval: String,
}

impl PaceFlags {
    /// The configuration, checked, of a replica that is called `replica` in the sessions it holds.
    pub fn read(self, reader: &mut Reader<'_>, replica: String) -> Config {
        Config {
            replica,
            sample_interval: reader.time("sample-interval", &self.sample_interval, SECOND..=60 * MINUTE),
            heartbeat_interval: reader.time("heartbeat-interval", &self.heartbeat_interval, SECOND..=10 * MINUTE),
            ..Config::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use homepot_host::settings::test_support;

    use super::*;

    fn read(flags: &[&str]) -> Result<Config, Vec<String>> {
        test_support::read(flags, &[], |flags: PaceFlags, reader| flags.read(reader, "here".to_owned()))
    }

    #[test]
    fn devices_keep_the_usual_pace_unless_told_otherwise() {
        let (config, usual) = (read(&[]).unwrap(), Config::default());
        assert_eq!(config.replica, "here");
        assert_eq!(
            (config.sample_interval, config.heartbeat_interval),
            (usual.sample_interval, usual.heartbeat_interval)
        );
        assert_eq!(read(&["--sample-interval=1m"]).unwrap().sample_interval, MINUTE);
        let told = read(&["--sample-interval=5", "--heartbeat-interval=1h"]).unwrap_err();
        assert!(told[0].starts_with("--sample-interval (HOMEPOT_SAMPLE_INTERVAL): '5' is not a time"), "{told:?}");
        assert_eq!(told[1], "--heartbeat-interval (HOMEPOT_HEARTBEAT_INTERVAL): '1h' is not within 1s and 600s");
    }
}
