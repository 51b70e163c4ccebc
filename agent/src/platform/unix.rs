//! What every Unix has: file modes, process groups, signals.

use std::{
    fs::{DirBuilder, File, Metadata, OpenOptions},
    io,
    os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _},
    path::Path,
};

use rustix::process::{Pid, Signal, geteuid, kill_process_group};
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
