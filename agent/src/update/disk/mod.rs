//! The few things that an update asks of a disk, so that tests can lose, reorder and refuse them.

#[cfg(test)]
pub(super) mod model;
mod real;

use std::{
    io,
    path::{Path, PathBuf},
};

pub use real::RealDisk;

/// A directory that updates write in.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Dir {
    /// The updater's own, in the agent's state directory: the journal and rendered files.
    State,
    /// Artifacts by their digests, and parts of them.
    Store,
    /// The directory of a target, an absolute path from the agent's configuration.
    Target(PathBuf),
}

/// Mode and owner of a file that is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attributes {
    /// The permission bits, such as 0o640.
    pub mode: u32,
    /// The user id; `None`: the agent's.
    pub owner: Option<u32>,
    /// The group id; `None`: the agent's.
    pub group: Option<u32>,
}

impl Attributes {
    /// What only the agent may read.
    pub const PRIVATE: Self = Self { mode: 0o600, owner: None, group: None };
}

/// What a disk says about a file. Two equal ones of the same name mean that nobody wrote to the file in between.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stat {
    /// Its size in bytes.
    pub size: u64,
    /// The number of the file system.
    pub device: u64,
    /// The number of the file.
    pub inode: u64,
    /// When it was written to, in nanoseconds since 1970.
    pub modified: i128,
    /// When anything about it changed, in nanoseconds since 1970.
    pub changed: i128,
    /// The permission bits.
    pub mode: u32,
    /// The user id.
    pub owner: u32,
    /// The group id.
    pub group: u32,
}

/// A disk. No call follows a symbolic link, neither on the way to a directory of a target nor at its end, and no file but a plain one
/// is ever opened. Nothing survives a power cut before [`sync`](Self::sync) for bytes, and [`sync_dir`](Self::sync_dir) for names.
pub trait Disk {
    /// An open file, at a place of its own.
    type File;

    /// Makes a new file with these attributes; one of that name is an error.
    fn create(&mut self, dir: &Dir, name: &str, attributes: Attributes) -> io::Result<Self::File>;
    /// Opens a file to read it from its beginning; `None`: there is none.
    fn open(&mut self, dir: &Dir, name: &str) -> io::Result<Option<Self::File>>;
    /// Opens a file to write behind its end; `None`: there is none.
    fn open_append(&mut self, dir: &Dir, name: &str) -> io::Result<Option<Self::File>>;
    /// Goes back to the beginning, to read what was written.
    fn rewind(&mut self, file: &mut Self::File) -> io::Result<()>;
    /// Reads on; 0 is the end.
    fn read(&mut self, file: &mut Self::File, buffer: &mut [u8]) -> io::Result<usize>;
    /// Writes all of `bytes` behind the end.
    fn write(&mut self, file: &mut Self::File, bytes: &[u8]) -> io::Result<()>;
    /// Cuts the file to `length` bytes.
    fn truncate(&mut self, file: &mut Self::File, length: u64) -> io::Result<()>;
    /// Makes the file's bytes survive a power cut.
    fn sync(&mut self, file: &mut Self::File) -> io::Result<()>;
    /// What the disk says about an open file.
    fn stat_open(&mut self, file: &Self::File) -> io::Result<Stat>;
    /// What the disk says about a file; `None`: there is none.
    fn stat(&mut self, dir: &Dir, name: &str) -> io::Result<Option<Stat>>;
    /// Gives a file another name in its directory, in place of what has that name.
    fn rename(&mut self, dir: &Dir, from: &str, to: &str) -> io::Result<()>;
    /// Removes a file, if it is there.
    fn remove(&mut self, dir: &Dir, name: &str) -> io::Result<()>;
    /// Makes the names in a directory survive a power cut.
    fn sync_dir(&mut self, dir: &Dir) -> io::Result<()>;
    /// The names in [`Dir::State`] or [`Dir::Store`].
    fn list(&mut self, dir: &Dir) -> io::Result<Vec<String>>;
    /// How many bytes the agent may still write there.
    fn free(&mut self, dir: &Dir) -> io::Result<u64>;
    /// The path of a file, for programs.
    fn path(&self, dir: &Dir, name: &str) -> PathBuf;
}

/// The directory and the file name of an absolute path without `.` and `..`; `None`: it is no such path.
pub fn split(path: &Path) -> Option<(PathBuf, String)> {
    use std::path::Component;
    let mut components = path.components();
    let is_plain = components.next() == Some(Component::RootDir)
        && components.all(|component| matches!(component, Component::Normal(_)))
        // `components` leaves out what changes nothing; a path that says it is a mistake all the same.
        && !path.as_os_str().as_encoded_bytes().ends_with(b"/");
    let name = path.file_name()?.to_str()?;
    (is_plain && !name.is_empty()).then(|| Some((path.parent()?.to_owned(), name.to_owned())))?
}
