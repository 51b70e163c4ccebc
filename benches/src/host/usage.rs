//! What processes take: processor time and memory, as the kernel counts them.

use std::{fs, time::Duration};

use anyhow::Context as _;
use tokio::time::Instant;

/// Processor time of everything a benchmark runs, at one moment.
#[derive(Clone, Copy, Debug)]
pub struct Cpu {
    at: Instant,
    server: Duration,
    postgres: Duration,
    load: Duration,
}

/// Cores that were busy on average, by who kept them so.
#[derive(Clone, Copy, Debug)]
pub struct Cores {
    /// `homepot serve`.
    pub server: f64,
    /// Postmaster and all its children.
    pub postgres: f64,
    /// This program.
    pub load: f64,
    /// How long it was measured.
    pub span: Duration,
}

impl Cpu {
    /// Reads the counters.
    pub fn read(server: u32, postmaster: u32) -> anyhow::Result<Self> {
        let ours = used(std::process::id()).context("our own counters")?;
        let server = used(server).context("the server's counters")?;
        Ok(Self { at: Instant::now(), server, postgres: used_by_family(postmaster), load: ours })
    }

    /// What was used since `earlier`.
    pub fn since(&self, earlier: &Self) -> Cores {
        let span = self.at - earlier.at;
        let cores = |now: Duration, then: Duration| now.saturating_sub(then).as_secs_f64() / span.as_secs_f64();
        Cores {
            server: cores(self.server, earlier.server),
            postgres: cores(self.postgres, earlier.postgres),
            load: cores(self.load, earlier.load),
            span,
        }
    }
}

impl Cores {
    /// Core-seconds of each for a million of `count`: server, Postgres, load.
    pub fn per_million(&self, count: u64) -> [f64; 3] {
        let scale = self.span.as_secs_f64() * 1e6 / (count.max(1) as f64);
        [self.server * scale, self.postgres * scale, self.load * scale]
    }
}

/// User and system time of a process, and of those of its children that have ended.
fn used(pid: u32) -> Option<Duration> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name may hold anything, so count from its closing bracket; the next field is the third.
    let fields: Vec<_> = stat.rsplit_once(')')?.1.split_ascii_whitespace().collect();
    let ticks: u64 = (11..15).filter_map(|index| fields.get(index)?.parse::<u64>().ok()).sum();
    Some(Duration::from_secs_f64(ticks as f64 / rustix::param::clock_ticks_per_second() as f64))
}

fn used_by_family(parent: u32) -> Duration {
    let children = processes().filter(|pid| parent_of(*pid) == Some(parent));
    children.chain([parent]).filter_map(used).sum()
}

fn processes() -> impl Iterator<Item = u32> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok())
}

fn parent_of(pid: u32) -> Option<u32> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat.rsplit_once(')')?.1.split_ascii_whitespace().nth(1)?.parse().ok()
}

/// Time on a processor to the nanosecond, all threads together: for a process that uses next to nothing.
pub fn precise_cpu(pid: u32) -> anyhow::Result<Duration> {
    let threads = fs::read_dir(format!("/proc/{pid}/task")).context("the process has ended")?.flatten();
    let of_thread = |path: std::path::PathBuf| -> Option<u64> {
        fs::read_to_string(path.join("schedstat")).ok()?.split_ascii_whitespace().next()?.parse().ok()
    };
    Ok(Duration::from_nanos(threads.filter_map(|thread| of_thread(thread.path())).sum()))
}

/// Resident memory of a process in bytes.
#[derive(Clone, Copy, Debug)]
pub struct Memory {
    /// Every page it can reach without a fault.
    pub rss: u64,
    /// The same, shared pages divided among those who share them.
    pub pss: u64,
}

/// Reads a process's memory.
pub fn memory(pid: u32) -> anyhow::Result<Memory> {
    let path = format!("/proc/{pid}/smaps_rollup");
    let text = fs::read_to_string(&path).with_context(|| format!("can't read {path}"))?;
    let field = |name: &str| -> Option<u64> {
        let line = text.lines().find_map(|line| line.strip_prefix(name))?;
        Some(line.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok()? * 1024)
    };
    field("Rss:").zip(field("Pss:")).map(|(rss, pss)| Memory { rss, pss }).with_context(|| format!("{path}: no sizes"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_own_memory_and_processor_time_can_be_read() {
        let own = std::process::id();
        let memory = memory(own).unwrap();
        assert!(memory.pss > 0 && memory.rss >= memory.pss);
        assert!(precise_cpu(own).unwrap() > Duration::ZERO);
        assert!(used(own).is_some());
    }
}
