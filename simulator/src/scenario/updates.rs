//! How devices fare with releases.

use serde::Deserialize;

/// How simulated devices take releases: the table `[updates]` of a scenario.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Updates {
    /// The targets that each device has. Without one it takes no releases.
    pub targets: Vec<String>,
    /// How long it takes to put the files in place.
    pub applies_ms: f64,
    /// How long a release has to prove itself.
    pub probation_seconds: f64,
    /// Devices with a slow line.
    pub slow_percent: f64,
    /// What a slow line carries.
    pub slow_bytes_per_second: f64,
    /// Devices whose disk is full, or can't be written.
    pub bad_disk_percent: f64,
    /// Devices that are not well with any release, and put back what they had.
    pub unhealthy_percent: f64,
    /// Releases with which no device is well, by their name or their version.
    pub unhealthy_releases: Vec<String>,
    /// Devices that say they have a release and have something else.
    pub lying_percent: f64,
    /// Devices that say nothing more about a release once they were told of it.
    pub silent_percent: f64,
}

impl Default for Updates {
    fn default() -> Self {
        Self {
            targets: vec!["pos-config".to_owned(), "prices".to_owned()],
            applies_ms: 200.0,
            probation_seconds: 5.0,
            slow_percent: 0.0,
            slow_bytes_per_second: 16_000.0,
            bad_disk_percent: 0.0,
            unhealthy_percent: 0.0,
            unhealthy_releases: Vec::new(),
            lying_percent: 0.0,
            silent_percent: 0.0,
        }
    }
}
