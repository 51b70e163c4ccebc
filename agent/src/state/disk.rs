//! A disk that can't be written: full, mounted read-only, or broken. The agent goes on and waits until the disk works
//! again. Missing rights to a directory are different: they are an error.

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
