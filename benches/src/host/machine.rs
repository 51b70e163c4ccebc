//! What machine this is: figures mean nothing without it.

use std::{
    fs,
    io::{Seek as _, Write as _},
    path::Path,
    process::Command,
    time::{Duration, Instant},
};

use anyhow::Context as _;
use serde_json::{Value, json};

use super::postgres_program;

const FSYNC_FOR: Duration = Duration::from_secs(1);

/// Describes the machine; `directory` is where databases will lie.
pub fn describe(directory: &Path) -> anyhow::Result<Value> {
    let cpus = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpus.lines().find_map(|line| line.strip_prefix("model name")?.split_once(':'));
    let memory = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let total = memory.lines().find_map(|line| line.strip_prefix("MemTotal:")?.trim().strip_suffix(" kB"));
    let total = total.and_then(|kib| kib.trim().parse::<f64>().ok()).unwrap_or_default();
    let system = rustix::system::uname();
    Ok(json!({
        "cpu": model.map_or("unknown", |(_, name)| name.trim()),
        "cores": std::thread::available_parallelism().map_or(0, usize::from),
        "memory_gib": (total / 1024.0 / 1024.0 * 10.0).round() / 10.0,
        "kernel": format!("{} {}", system.sysname().to_string_lossy(), system.release().to_string_lossy()),
        "fsyncs_per_second": fsync_rate(directory)?.round(),
        "postgres": said(Command::new(postgres_program("postgres")?).arg("--version")),
        "commit": said(Command::new("git").args(["describe", "--always", "--dirty", "--abbrev=12"])),
        "time": chrono::Utc::now().format("%FT%TZ").to_string(),
        // Who else is at work spoils the figures: read this before them.
        "load_average": fs::read_to_string("/proc/loadavg").unwrap_or_default().split(' ').next().unwrap_or_default(),
    }))
}

/// What a program prints.
pub(super) fn said(command: &mut Command) -> String {
    let output = command.output().map(|output| output.stdout).unwrap_or_default();
    String::from_utf8_lossy(&output).trim().to_owned()
}

/// How often a page can be made durable, one after the other: what a commit costs at least.
fn fsync_rate(directory: &Path) -> anyhow::Result<f64> {
    let mut file = tempfile::tempfile_in(directory).context("can't write where databases will lie")?;
    let page = [1; 8192];
    let start = Instant::now();
    let mut count = 0;
    while start.elapsed() < FSYNC_FOR {
        file.rewind()?;
        file.write_all(&page)?;
        file.sync_data()?;
        count += 1;
    }
    Ok(f64::from(count) / start.elapsed().as_secs_f64())
}
