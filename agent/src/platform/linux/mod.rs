//! Linux: what `/proc` tells.

mod counters;
mod memory;

use std::{collections::BTreeMap, fs, path::Path, time::Duration};

use rustix::{
    process::{Signal, set_parent_process_death_signal},
    time::{ClockId, clock_gettime},
};

use self::counters::ProcessorTimes;
use super::Memory;

/// Changes with every boot; empty when the kernel does not tell.
pub fn boot_id() -> String {
    let text = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    text.trim().chars().take(64).collect()
}

/// Has this process asked to end, as by SIGTERM, when its parent ends.
pub fn end_with_parent() {
    if let Err(error) = set_parent_process_death_signal(Some(Signal::TERM)) {
        tracing::warn!(%error, "the agent would go on without its launcher");
    }
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

/// Established TCP connections.
pub fn open_tcp_connections() -> Option<u32> {
    counters::established(&fs::read_to_string("/proc/net/snmp").ok()?)
}

/// Bytes that each interface but loopback has sent and received since it is there.
pub fn traffic() -> Option<BTreeMap<String, (u64, u64)>> {
    counters::traffic(&fs::read_to_string("/proc/net/dev").ok()?)
}

/// The load of the last 1, 5 and 15 minutes.
pub fn load() -> Option<[f64; 3]> {
    counters::load(&fs::read_to_string("/proc/loadavg").ok()?)
}

/// Memory of the machine, or of the container this runs in unless `of_machine`.
pub fn memory(of_machine: bool) -> Option<Memory> {
    memory::memory(of_machine)
}

/// Measures how busy the processor is, from one reading to the next.
#[derive(Debug, Default)]
pub struct Processor {
    last: Option<ProcessorTimes>,
}

impl Processor {
    /// Busy since the last reading, in percent; `None`: this is the first, or it can't be read.
    pub fn busy_percent(&mut self) -> Option<f64> {
        let now = ProcessorTimes::parse(&fs::read_to_string("/proc/stat").ok()?);
        let last = std::mem::replace(&mut self.last, now);
        now?.percent_since(last?)
    }
}

/// Use of the file system that holds `root`, counted as `df` counts it: what only root may still use is full.
pub fn disk_use_percent(root: &Path) -> Option<f64> {
    let fs = rustix::fs::statvfs(root).ok()?;
    let used = fs.f_blocks.saturating_sub(fs.f_bfree);
    let usable = used + fs.f_bavail;
    (usable > 0).then(|| used as f64 / usable as f64 * 100.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_machine_tells_its_boot_its_uptime_and_its_disk() {
        assert_eq!(boot_id().len(), 36);
        assert!(uptime().unwrap() > Duration::ZERO);
        let (earlier, later) = (since_boot(), since_boot());
        assert!(later >= earlier && earlier > Duration::ZERO);
        assert!((0.0..=100.0).contains(&disk_use_percent(Path::new("/")).unwrap()));
        assert!(open_tcp_connections().is_some());
        assert!(hostname().is_some() && load().is_some() && traffic().is_some());
        for of_machine in [false, true] {
            assert!(memory(of_machine).is_some_and(|memory| memory.used > 0 && memory.used <= memory.total));
        }
        assert!(disk_use_percent(Path::new("/nowhere")).is_none());
    }

    #[test]
    fn connections_that_are_established_count_in_both_families() {
        use std::net::{TcpListener, TcpStream};
        let mut pairs = Vec::new();
        for address in ["127.0.0.1:0", "[::1]:0"] {
            // A machine may be without the second.
            let Ok(listener) = TcpListener::bind(address) else { continue };
            let address = listener.local_addr().unwrap();
            pairs.extend((0..50).map(|_| (TcpStream::connect(address).unwrap(), listener.accept().unwrap())));
        }
        // Both ends of each are on this machine; whatever else it does comes on top.
        assert!(open_tcp_connections().unwrap() as usize >= 2 * pairs.len());
    }
}
