//! Any other system: what sysinfo can tell.

// On Linux this module is there for its tests only.
#![cfg_attr(target_os = "linux", allow(unreachable_pub))]

use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};
use sysinfo::{Disks, System};

/// The time of the boot stands in for an id.
pub fn boot_id() -> String {
    System::boot_time().map(|seconds| seconds.to_string()).unwrap_or_default()
}

/// The machine's name.
pub fn hostname() -> Option<String> {
    System::host_name().ok().filter(|name| !name.is_empty())
}

/// Time since the machine booted.
pub fn uptime() -> Option<Duration> {
    System::uptime().ok().map(Duration::from_secs)
}

/// Since the boot, by a clock that nobody sets. On Apple's systems it goes on while the machine sleeps.
pub fn since_boot() -> Duration {
    Duration::try_from(clock_gettime(ClockId::Monotonic)).unwrap_or_default()
}

/// Not told without a walk through every socket.
pub fn open_tcp_connections() -> Option<u32> {
    None
}

/// Use of the file system that holds the root.
pub fn root_disk_percent() -> Option<f64> {
    let disks = Disks::new_with_refreshed_list().ok()?;
    let root = disks.iter().find(|disk| disk.mount_point() == std::path::Path::new("/"))?;
    let total = root.total_space();
    let used = total.saturating_sub(root.available_space());
    (total > 0).then(|| used as f64 / total as f64 * 100.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_sysinfo_can_tell_is_plausible() {
        assert!(!boot_id().is_empty());
        assert!(hostname().is_some());
        assert!(uptime().unwrap() > Duration::ZERO && since_boot() > Duration::ZERO);
        assert_eq!(open_tcp_connections(), None);
        assert!(root_disk_percent().is_none_or(|percent| (0.0..=100.0).contains(&percent)));
    }
}
