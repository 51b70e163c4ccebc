//! A disk that takes nothing: full, mounted read-only, or broken. That passes, or somebody puts it right, and the agent goes
//! on meanwhile; a directory that it has no right to does not pass.

use std::{fs::File, io, os::unix::fs::MetadataExt as _, path::Path};

use rustix::io::Errno;

/// Whether `error` is of such a disk.
pub(crate) fn fails(error: &io::Error) -> bool {
    const SIGNS: [Errno; 7] =
        [Errno::NOSPC, Errno::DQUOT, Errno::ROFS, Errno::IO, Errno::STALE, Errno::NODEV, Errno::NXIO];
    Errno::from_io_error(error).is_some_and(|errno| SIGNS.contains(&errno))
}

/// Whether the open `file` is what lies at `path`.
pub(crate) fn is_in_place(file: &File, path: &Path) -> bool {
    let identity = |meta: std::fs::Metadata| (meta.dev(), meta.ino());
    match (file.metadata(), std::fs::symlink_metadata(path)) {
        (Ok(held), Ok(there)) => identity(held) == identity(there),
        (_, Err(error)) => error.kind() != io::ErrorKind::NotFound,
        (Err(_), _) => true,
    }
}
