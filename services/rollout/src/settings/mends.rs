//! How often the drift of a device is mended.

use std::time::Duration;

use homepot_host::settings::Reader;
use homepot_store::rollouts::MendLimits;

const SECOND: Duration = Duration::from_secs(1);
const DAY: Duration = Duration::from_secs(24 * 3600);

/// Flags of rollouts, as they are written.
#[derive(Clone, Debug, clap::Args)]
pub struct MendFlags {
    /// Attempts to mend the drift of a device from one release: 1 to 100. After the last one there is none for a day, and
    /// the drift is only shown.
    #[arg(long, env = "HOMEPOT_MEND_ATTEMPTS", value_name = "COUNT", default_value = "3", help_heading = "Devices")]
    mend_attempts: String,

    /// Time between the first and the second of these attempts: 1s to 1d. It doubles with each further one.
    #[arg(long, env = "HOMEPOT_MEND_PAUSE", value_name = "TIME", default_value = "10m", help_heading = "Devices")]
    mend_pause: String,
}

impl MendFlags {
    /// How often a device is mended, checked.
    pub fn read(self, reader: &mut Reader<'_>) -> MendLimits {
        let attempts = reader.count("mend-attempts", &self.mend_attempts, 1..=100);
        MendLimits {
            attempts: u32::try_from(attempts).unwrap_or(u32::MAX),
            pause: reader.time("mend-pause", &self.mend_pause, SECOND..=DAY),
        }
    }
}

#[cfg(test)]
mod tests {
    use homepot_host::settings::test_support;

    use super::*;

    fn read(flags: &[&str]) -> Result<MendLimits, Vec<String>> {
        test_support::read(flags, &[], MendFlags::read)
    }

    #[test]
    fn drift_is_mended_three_times_a_day_unless_told_otherwise() {
        assert_eq!(read(&[]), Ok(MendLimits { attempts: 3, pause: 600 * SECOND }));
        let told = read(&["--mend-attempts=0", "--mend-pause=2d"]).unwrap_err();
        assert!(told[0].starts_with("--mend-attempts (HOMEPOT_MEND_ATTEMPTS): '0' is not a number from 1"), "{told:?}");
        assert!(told[1].starts_with("--mend-pause (HOMEPOT_MEND_PAUSE): '2d' is not within"), "{told:?}");
    }
}
