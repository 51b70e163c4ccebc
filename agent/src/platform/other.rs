//! Any other system: what sysinfo can tell.

// On Linux this module is there for its tests only.
#![cfg_attr(target_os = "linux", allow(unreachable_pub))]

use std::{collections::BTreeMap, path::Path, time::Duration};

use rustix::time::{ClockId, clock_gettime};
use sysinfo::{Disks, Networks, System};

use super::Memory;

/// The time of the boot stands in for an id.
pub fn boot_id() -> String {
    System::boot_time().map(|seconds| seconds.to_string()).unwrap_or_default()
}

/// The system does not tell when a parent ends.
pub fn end_with_parent() {}

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

/// Bytes that each interface but loopback has sent and received since it is there.
pub fn traffic() -> Option<BTreeMap<String, (u64, u64)>> {
    let networks = Networks::new_with_refreshed_list().ok()?;
    let others = networks.iter().filter(|(name, _)| *name != "lo" && *name != "lo0");
    let counted = |data: &sysinfo::NetworkData| (data.total_transmitted(), data.total_received());
    Some(others.map(|(name, data)| (name.to_string_lossy().into_owned(), counted(data))).collect())
}

/// The load of the last 1, 5 and 15 minutes.
pub fn load() -> Option<[f64; 3]> {
    let load = System::load_average().ok()?;
    Some([load.one, load.five, load.fifteen])
}

/// Memory of the machine.
pub fn memory(_of_machine: bool) -> Option<Memory> {
    let mut system = System::new().ok()?;
    system.refresh_memory();
    let total = Some(system.total_memory()).filter(|total| *total > 0)?;
    let used = total.saturating_sub(system.available_memory());
    Some(Memory {
        total,
        is_limit: false,
        used,
        swap_total: Some(system.total_swap()),
        swap_used: Some(system.used_swap()),
    })
}

/// Measures how busy the processor is, from one reading to the next.
#[derive(Default)]
pub struct Processor {
    system: Option<System>,
}

impl Processor {
    /// Busy since the last reading, in percent; `None`: this is the first, or it can't be read.
    pub fn busy_percent(&mut self) -> Option<f64> {
        let is_first = self.system.is_none();
        if is_first {
            self.system = System::new().ok();
        }
        let system = self.system.as_mut()?;
        system.refresh_cpu_usage();
        (!is_first).then(|| system.global_cpu_usage().into())
    }
}

/// Use of the file system that is mounted at `root`.
pub fn disk_use_percent(root: &Path) -> Option<f64> {
    let disks = Disks::new_with_refreshed_list().ok()?;
    let root = disks.iter().find(|disk| disk.mount_point() == root)?;
    let total = root.total_space();
    let used = total.saturating_sub(root.available_space());
    (total > 0).then(|| used as f64 / total as f64 * 100.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_sysinfo_can_tell_is_plausible() {
        end_with_parent();
        assert!(!boot_id().is_empty());
        assert!(hostname().is_some());
        assert!(uptime().unwrap() > Duration::ZERO && since_boot() > Duration::ZERO);
        assert_eq!(open_tcp_connections(), None);
        assert!(traffic().is_some() && load().is_some() && memory(true).is_some());
        assert_eq!(Processor::default().busy_percent(), None);
        assert!(disk_use_percent(Path::new("/")).is_none_or(|percent| (0.0..=100.0).contains(&percent)));
    }
}
