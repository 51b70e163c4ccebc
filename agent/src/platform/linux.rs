//! Linux: what `/proc` tells.

use std::{fs, time::Duration};

use rustix::time::{ClockId, clock_gettime};

/// Changes with every boot; empty when the kernel does not tell.
pub fn boot_id() -> String {
    let text = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    text.trim().chars().take(64).collect()
}

/// The machine's name.
pub fn hostname() -> Option<String> {
    let text = fs::read_to_string("/proc/sys/kernel/hostname").ok()?;
    Some(text.trim().to_owned()).filter(|name| !name.is_empty())
}

/// Time since the machine booted, sleep included.
pub fn uptime() -> Option<Duration> {
    let text = fs::read_to_string("/proc/uptime").ok()?;
    Duration::try_from_secs_f64(text.split_ascii_whitespace().next()?.parse().ok()?).ok()
}

/// Since the boot, by a clock that nobody sets and that goes on while the machine sleeps or this process is stopped.
pub fn since_boot() -> Duration {
    let now = clock_gettime(ClockId::Boottime);
    Duration::try_from(now).unwrap_or_default()
}

/// TCP sockets in use, of both families. The counters cost microseconds where the full table costs milliseconds.
pub fn open_tcp_connections() -> Option<u32> {
    let v4 = sockets_in_use(&fs::read_to_string("/proc/net/sockstat").ok()?, "TCP:")?;
    // A machine without IPv6 has no second file.
    let v6 = fs::read_to_string("/proc/net/sockstat6").ok().and_then(|text| sockets_in_use(&text, "TCP6:"));
    Some(v4 + v6.unwrap_or_default())
}

/// Use of the file system that holds the root, counted as `df` counts it: what only root may still use is full.
pub fn root_disk_percent() -> Option<f64> {
    let fs = rustix::fs::statvfs("/").ok()?;
    let used = fs.f_blocks.saturating_sub(fs.f_bfree);
    let usable = used + fs.f_bavail;
    (usable > 0).then(|| used as f64 / usable as f64 * 100.0)
}

fn sockets_in_use(text: &str, family: &str) -> Option<u32> {
    let line = text.lines().find_map(|line| line.strip_prefix(family))?;
    let mut words = line.split_ascii_whitespace();
    words.find(|word| *word == "inuse")?;
    words.next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernels_counters_are_read_by_name() {
        let text = "sockets: used 154\nTCP: inuse 12 orphan 0 tw 3 alloc 20 mem 1\nUDP: inuse 2 mem 0\n";
        assert_eq!(sockets_in_use(text, "TCP:"), Some(12));
        assert_eq!(sockets_in_use("TCP6: inuse 4\n", "TCP6:"), Some(4));
        assert_eq!(sockets_in_use("TCP: orphan 4\n", "TCP:"), None);
    }

    #[test]
    fn this_machine_tells_its_boot_its_uptime_and_its_disk() {
        assert_eq!(boot_id().len(), 36);
        assert!(uptime().unwrap() > Duration::ZERO);
        let (earlier, later) = (since_boot(), since_boot());
        assert!(later >= earlier && earlier > Duration::ZERO);
        assert!((0.0..=100.0).contains(&root_disk_percent().unwrap()));
        assert!(open_tcp_connections().is_some());
        assert!(hostname().is_some());
    }
}
