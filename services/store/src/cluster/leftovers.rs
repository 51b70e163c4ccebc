//! What a server that died left behind: a postmaster or its children that still run, and a pid file.
//!
//! Called with the data directory locked, so whatever still works on it belongs to nobody.

use std::{
    fs, io, thread,
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process};

use super::{ClusterError, layout::Layout};

const POLL: Duration = Duration::from_millis(20);
const FAST_SHUTDOWN: Duration = Duration::from_secs(10);
const IMMEDIATE_SHUTDOWN: Duration = Duration::from_secs(5);

/// Ends what still works on our data, and only that; then takes a stale pid file away.
pub(super) fn clear(layout: &Layout) -> Result<(), ClusterError> {
    let Some(pid) = recorded_pid(layout) else { return Ok(()) };
    for (signal, patience) in [(Signal::INT, FAST_SHUTDOWN), (Signal::QUIT, IMMEDIATE_SHUTDOWN)] {
        let found = working_on(layout, pid);
        if !found.pids.is_empty() {
            tracing::warn!(pids = ?found.pids, ?signal, "stopping a postgres that an earlier server left behind");
        }
        for pid in found.pids {
            // It may be gone by now, which is what we want.
            let _ = i32::try_from(pid).ok().and_then(Pid::from_raw).map(|pid| kill_process(pid, signal));
        }
        let deadline = Instant::now() + patience;
        while Instant::now() < deadline {
            let found = working_on(layout, pid);
            if found.pids.is_empty() {
                return if found.complete { remove_pid_file(layout) } else { Ok(()) };
            }
            thread::sleep(POLL);
        }
    }
    Err(ClusterError::DoesNotStop { pid })
}

fn recorded_pid(layout: &Layout) -> Option<u32> {
    fs::read_to_string(layout.pid_file()).ok()?.lines().next()?.trim().parse().ok()
}

struct Found {
    pids: Vec<u32>,
    /// Whether every process could be looked at.
    complete: bool,
}

/// Processes that stand in our data directory, as Postgres's do, and the recorded one if its command line names it.
fn working_on(layout: &Layout, recorded: u32) -> Found {
    let mut found = Found { pids: Vec::new(), complete: true };
    for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse::<u32>().ok()) else { continue };
        let is_ours = match fs::read_link(entry.path().join("cwd")) {
            Ok(cwd) => cwd == layout.data,
            Err(error) => {
                found.complete &= error.kind() != io::ErrorKind::PermissionDenied;
                pid == recorded && names_data(layout, pid)
            }
        };
        if is_ours {
            found.pids.push(pid);
        }
    }
    found
}

fn names_data(layout: &Layout, pid: u32) -> bool {
    use std::os::unix::ffi::OsStrExt as _;
    let arguments = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    arguments.split(|byte| *byte == 0).any(|argument| argument == layout.data.as_os_str().as_bytes())
}

/// Its number may belong to another process by now, at which Postgres would refuse to start.
fn remove_pid_file(layout: &Layout) -> Result<(), ClusterError> {
    let file = layout.pid_file();
    match fs::remove_file(&file) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(ClusterError::io("removing", &file)(error)),
        _ => Ok(()),
    }
}
