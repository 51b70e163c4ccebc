//! What a server that died left behind: a postmaster or its children that still run, and a pid file.
//!
//! Called with the data directory locked, so whatever still works on it belongs to nobody.

use std::{
    fs, io,
    os::unix::fs::MetadataExt as _,
    thread,
    time::{Duration, Instant},
};

use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};

use super::{ClusterError, layout::Layout};

const POLL: Duration = Duration::from_millis(20);
const FAST_SHUTDOWN: Duration = Duration::from_secs(10);
const IMMEDIATE_SHUTDOWN: Duration = Duration::from_secs(5);

/// Ends what still works on our data, and only that; then takes a stale pid file away.
pub(super) fn clear(layout: &Layout) -> Result<(), ClusterError> {
    let Some(pid) = recorded_pid(layout)? else { return Ok(()) };
    for (signal, patience) in [(Signal::INT, FAST_SHUTDOWN), (Signal::QUIT, IMMEDIATE_SHUTDOWN)] {
        let found = working_on(layout, pid);
        if !found.pids.is_empty() {
            tracing::warn!(pids = ?found.pids, ?signal, "stopping a postgres that an earlier server left behind");
        }
        for pid in found.pids {
            send(layout, pid, signal);
        }
        let deadline = Instant::now() + patience;
        while Instant::now() < deadline {
            let found = working_on(layout, pid);
            if found.pids.is_empty() {
                return if found.complete { layout.remove_pid_file() } else { Ok(()) };
            }
            thread::sleep(POLL);
        }
    }
    Err(ClusterError::DoesNotStop { pid })
}

fn recorded_pid(layout: &Layout) -> Result<Option<u32>, ClusterError> {
    Ok(layout.pid_file()?.lines().next().and_then(|line| line.trim().parse().ok()))
}

/// Sends a signal to a process of Postgres's user and to no other: root's shell may stand in that directory too, and the pid
/// file may name any process. Held by a descriptor, it can't become another between the check and the signal.
fn send(layout: &Layout, pid: u32, signal: Signal) {
    let held = i32::try_from(pid).ok().and_then(Pid::from_raw).map(|pid| pidfd_open(pid, PidfdFlags::empty()));
    // It may be gone by now, which is what we want.
    let Some(Ok(held)) = held else { return };
    if is_of_our_user(layout, pid) {
        let _ = pidfd_send_signal(held, signal);
    }
}

fn is_of_our_user(layout: &Layout, pid: u32) -> bool {
    fs::metadata(format!("/proc/{pid}")).is_ok_and(|meta| meta.uid() == layout.account.uid)
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
        let stands_here = match fs::read_link(entry.path().join("cwd")) {
            Ok(cwd) => cwd == layout.data,
            Err(error) => {
                found.complete &= error.kind() != io::ErrorKind::PermissionDenied;
                pid == recorded && names_data(layout, pid)
            }
        };
        if stands_here && is_of_our_user(layout, pid) {
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
