//! What every Unix has: file modes, process groups, signals.

use std::{
    fs::{DirBuilder, File, Metadata, OpenOptions},
    io,
    os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _},
    path::Path,
};

use rustix::process::{Pid, Signal, geteuid, getppid, kill_process, kill_process_group};
use tokio::{
    process::Command,
    signal::unix::{SignalKind, signal},
};

/// Whether the agent runs as root.
pub fn is_superuser() -> bool {
    geteuid().is_root()
}

/// Why a file or directory is not this user's alone; `None`: it is.
pub fn private_fault(metadata: &Metadata) -> Option<String> {
    let (mode, owner, me) = (metadata.mode() & 0o777, metadata.uid(), geteuid().as_raw());
    if owner != me {
        return Some(format!("belongs to user {owner}, and the agent runs as user {me}"));
    }
    (mode & 0o077 != 0).then(|| format!("is open to other users (mode {mode:04o})"))
}

/// Makes a directory, and those above it, that only this user may enter; one whose way is already known to be ours alone.
pub fn make_private_dir(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(path)
}

/// Makes, or empties, a file that only this user may read.
pub fn create_private(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).write(true).create(true).truncate(true).mode(0o600).open(path)
}

/// Opens a file to read and append, and makes it where it is missing, for this user only.
pub fn open_private_append(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).append(true).create(true).mode(0o600).open(path)
}

/// Opens a file to read and write over, and makes it where it is missing, for this user only.
pub fn open_private(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(path)
}

/// The file system's number for a file.
pub fn file_number(metadata: &Metadata) -> u64 {
    metadata.ino()
}

/// Gives a program a process group of its own, so that it can be ended with all it started.
pub fn own_group(command: &mut Command) {
    command.process_group(0);
}

/// Ends the process group of a program that [`own_group`] was asked for.
pub fn kill_group(leader: u32) {
    let Some(pid) = i32::try_from(leader).ok().and_then(Pid::from_raw) else { return };
    if let Err(error) = kill_process_group(pid, Signal::KILL) {
        tracing::debug!(%error, "the program's process group is gone already");
    }
}

/// The process that started this one.
pub fn parent_id() -> Option<u32> {
    getppid().and_then(|pid| u32::try_from(pid.as_raw_nonzero().get()).ok())
}

/// Tells the parent, by SIGUSR1, that this process is up.
pub fn tell_parent() {
    let told = getppid().map(|parent| kill_process(parent, Signal::USR1));
    if let Some(Err(error)) = told {
        tracing::warn!(%error, "the launcher can't be told that the agent is up");
    }
}

/// Sends a signal to a process.
pub fn signal_process(id: u32, signal: SignalKind) {
    let pid = i32::try_from(id).ok().and_then(Pid::from_raw);
    let signal = Signal::from_named_raw(signal.as_raw_value());
    if let (Some(pid), Some(signal)) = (pid, signal)
        && let Err(error) = kill_process(pid, signal)
    {
        tracing::debug!(%error, "the process is gone already");
    }
}

/// What a launcher is told by signals.
#[derive(Debug)]
pub struct Signals {
    up: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
    interrupt: tokio::signal::unix::Signal,
    hangup: tokio::signal::unix::Signal,
    quit: tokio::signal::unix::Signal,
}

impl Signals {
    /// Listens from this call on.
    pub fn listen() -> io::Result<Self> {
        Ok(Self {
            up: signal(SignalKind::user_defined1())?,
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hangup: signal(SignalKind::hangup())?,
            quit: signal(SignalKind::quit())?,
        })
    }

    /// Whether this process was asked to end since the last child. What that child said is forgotten.
    pub async fn was_asked(&mut self) -> bool {
        loop {
            tokio::select! {
                biased;
                signal = self.next() => if signal.is_some() { return true },
                () = std::future::ready(()) => return false,
            }
        }
    }

    /// The next signal that is meant for the child; `None`: the child says that it is up.
    pub async fn next(&mut self) -> Option<SignalKind> {
        tokio::select! {
            _ = self.up.recv() => None,
            _ = self.terminate.recv() => Some(SignalKind::terminate()),
            _ = self.interrupt.recv() => Some(SignalKind::interrupt()),
            _ = self.hangup.recv() => Some(SignalKind::hangup()),
            _ = self.quit.recv() => Some(SignalKind::quit()),
        }
    }
}

/// Listens from this call on, and comes back when the program is asked to end: SIGTERM or SIGINT. A signal from before
/// ends it at once.
pub fn shutdown_signal() -> io::Result<impl Future<Output = ()> + Send + 'static> {
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}
