//! The Postgres process itself.

use std::{
    io,
    path::Path,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process};

use super::{ClusterError, NAME, binaries::Binaries, layout::Layout, layout::PORT};

const POLL: Duration = Duration::from_millis(10);
/// Long: after a crash Postgres first replays what it had logged.
const READY_PATIENCE: Duration = Duration::from_secs(300);
const FAST_SHUTDOWN: Duration = Duration::from_secs(5);
const IMMEDIATE_SHUTDOWN: Duration = Duration::from_secs(2);

/// For a machine that has other things to do. `fsync` stands here so that no file can switch it off.
const SETTINGS: &[&str] = &[
    "listen_addresses=",
    "unix_socket_permissions=0700",
    "fsync=on",
    "max_connections=50",
    "work_mem=8MB",
    // Samples come in steadily: with few checkpoints few pages are logged whole, and what a crash costs stays in seconds.
    "max_wal_size=4GB",
    "checkpoint_timeout=15min",
    "wal_buffers=16MB",
    // Commands leave dead rows by the ten thousand a second. Looked for once a minute, as Postgres does, they slow down claims
    // to half in between.
    "autovacuum_naptime=10s",
    "jit=off",
    // A chart's pages lie apart. Asked of the disk together they come in half the time, or less.
    "effective_io_concurrency=64",
    // Errors of single statements are told to us and logged there; this log stays short.
    "log_min_messages=log",
    "log_checkpoints=off",
    "logging_collector=off",
    "log_destination=stderr",
    "log_line_prefix=%m [%p] ",
];

/// An eighth of the memory: the server and the page cache want theirs. Pages are taken as they are used.
fn shared_buffers_mb() -> u64 {
    let info = rustix::system::sysinfo();
    let memory_mb = info.totalram as u64 * u64::from(info.mem_unit) / (1024 * 1024);
    (memory_mb / 8).clamp(128, 1024)
}

/// Makes a cluster, whole or not at all.
pub(super) fn init(binaries: &Binaries, layout: &Layout) -> Result<(), ClusterError> {
    let new = layout.new_data()?;
    tracing::info!(dir = %layout.home.display(), version = binaries.major(), "making a private postgres");
    let program = binaries.program("initdb");
    let output = layout
        .account
        .command(&program, &layout.home)
        .arg("--pgdata")
        .arg(&new)
        .args(["--username", NAME, "--auth=reject", "--encoding=UTF8", "--locale=C", "--data-checksums"])
        .args(["--no-instructions"])
        .output()
        .map_err(ClusterError::io("running", &program))?;
    if !output.status.success() {
        let said = [output.stdout, output.stderr].concat();
        return Err(ClusterError::Failed { program: "initdb", output: last_lines(&String::from_utf8_lossy(&said)) });
    }
    layout.keep_new_data(&new)
}

/// A running postmaster.
#[derive(Debug)]
pub(super) struct Postmaster {
    child: Child,
}

impl Postmaster {
    pub(super) fn spawn(binaries: &Binaries, layout: &Layout, settings: &[String]) -> Result<Self, ClusterError> {
        let program = binaries.program("postgres");
        let log = layout.open_log()?;
        let errors = log.try_clone().map_err(ClusterError::io("opening", &layout.home))?;
        let mut command = layout.account.command(&program, &layout.home);
        command.arg("-D").arg(&layout.data).args(["-p", &PORT.to_string()]).arg("-k").arg(&layout.socket_dir);
        command.args(["-c", &format!("shared_buffers={}MB", shared_buffers_mb())]);
        for setting in SETTINGS.iter().copied().chain(settings.iter().map(String::as_str)) {
            command.args(["-c", setting]);
        }
        command.stdout(Stdio::from(log)).stderr(Stdio::from(errors));
        die_with_this_thread(&mut command);
        let child = command.spawn().map_err(ClusterError::io("starting", &program))?;
        Ok(Self { child })
    }

    pub(super) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Waits until it says of itself that it takes connections.
    pub(super) fn wait_until_ready(&mut self, layout: &Layout) -> Result<(), ClusterError> {
        let deadline = Instant::now() + READY_PATIENCE;
        while Instant::now() < deadline {
            if self.has_ended()? {
                let output = last_lines(&layout.end_of_log().unwrap_or_default());
                return Err(ClusterError::Failed { program: "postgres", output });
            }
            if is_ready(&layout.pid_file()?, self.pid()) {
                return Ok(());
            }
            thread::sleep(POLL);
        }
        Err(ClusterError::NoAnswer(format!("not ready after {} seconds", READY_PATIENCE.as_secs())))
    }

    /// Asks it to stop, then insists. What an immediate shutdown leaves undone, the next start replays.
    pub(super) fn stop(&mut self) -> Result<(), ClusterError> {
        for (signal, patience) in [(Signal::INT, FAST_SHUTDOWN), (Signal::QUIT, IMMEDIATE_SHUTDOWN)] {
            if self.has_ended()? {
                return Ok(());
            }
            // Not reaped yet, so the number is still its own.
            let _ = i32::try_from(self.pid()).ok().and_then(Pid::from_raw).map(|pid| kill_process(pid, signal));
            let deadline = Instant::now() + patience;
            while Instant::now() < deadline {
                if self.has_ended()? {
                    return Ok(());
                }
                thread::sleep(POLL);
            }
        }
        Err(ClusterError::DoesNotStop { pid: self.pid() })
    }

    pub(super) fn has_ended(&mut self) -> Result<bool, ClusterError> {
        let status = self.child.try_wait().map_err(ClusterError::io("waiting for", Path::new("postgres")))?;
        Ok(status.is_some())
    }
}

impl Drop for Postmaster {
    /// Also when starting went wrong half-way.
    fn drop(&mut self) {
        if let Err(error) = self.stop() {
            tracing::error!(%error, "stopping the private postgres failed");
        }
    }
}

/// The first line is its id, the eighth its state.
fn is_ready(pid_file: &str, pid: u32) -> bool {
    let lines: Vec<_> = pid_file.lines().map(str::trim).collect();
    lines.first().is_some_and(|line| *line == pid.to_string()) && lines.get(7) == Some(&"ready")
}

/// The end of what a program said, for an error.
fn last_lines(text: &str) -> String {
    let lines: Vec<_> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    let last: Vec<_> = lines.iter().rev().take(6).rev().map(|line| line.trim()).collect();
    last.join("; ")
}

/// Has the kernel tell the child to stop when the thread that starts it ends, by whatever death.
fn die_with_this_thread(command: &mut Command) {
    use std::os::unix::process::CommandExt as _;
    let parent = rustix::process::getpid();
    let set_up = move || {
        // After the change of user, which would clear it.
        rustix::process::set_parent_process_death_signal(Some(Signal::INT))?;
        // The parent may have died before that.
        if rustix::process::getppid() == Some(parent) { Ok(()) } else { Err(io::ErrorKind::NotFound.into()) }
    };
    // SAFETY: between fork and exec only what is safe in a signal handler may run. The closure makes two system calls
    // and builds an error without allocating; it takes no lock and touches no memory that another thread may hold.
    #[allow(unsafe_code)]
    unsafe {
        command.pre_exec(set_up);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_postmaster_is_ready_only_when_the_file_is_its_own_and_says_so() {
        let written =
            |pid: u32, state: &str| is_ready(&format!("{pid}\n/data\n1\n5432\n/run\n\n  1  2\n{state}\n"), 42);
        assert!(written(42, "ready   "));
        assert!(!written(42, "starting"));
        assert!(!written(41, "ready   "));
        assert!(!is_ready("", 42));
    }
}
