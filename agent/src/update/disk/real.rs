//! A real disk. Directories of targets are entered one component at a time from the root, and a component that is a symbolic link is
//! an error, so that nobody who can write in one of them leads a write elsewhere.

use std::{
    ffi::OsStr,
    fs::File,
    io::{self, Read as _, Seek as _, Write as _},
    os::{fd::OwnedFd, unix::fs::MetadataExt as _},
    path::{Component, Path, PathBuf},
};

use rustix::{
    fs::{self, AtFlags, CWD, Gid, Mode, OFlags, Uid},
    io::Errno,
};

use super::{Attributes, Dir, Disk, Stat};
use crate::{platform, state::sync_dir};

const STORE: &str = "store";
/// On Linux a directory can be passed through without the right to list it.
#[cfg(target_os = "linux")]
const THROUGH: OFlags = OFlags::PATH;
#[cfg(not(target_os = "linux"))]
const THROUGH: OFlags = OFlags::RDONLY;

/// The disk of this machine, with a directory of its own for the state.
#[derive(Debug)]
pub struct RealDisk {
    state: PathBuf,
}

impl RealDisk {
    /// Keeps the state in `state`, a directory that is made where it is missing, for this user alone. The way to it has to be
    /// trusted already, as that to the agent's state directory is.
    pub fn new(state: &Path) -> io::Result<Self> {
        let disk = Self { state: state.to_owned() };
        disk.make()?;
        Ok(disk)
    }

    /// The same for whoever touches nothing but targets: no directory is made.
    pub fn of_targets(state: &Path) -> Self {
        Self { state: state.to_owned() }
    }

    /// Makes the state's directories, and their names survive a power cut.
    fn make(&self) -> io::Result<()> {
        platform::make_private_dir(&self.state.join(STORE))?;
        sync_dir(&self.state)?;
        self.state.parent().map_or(Ok(()), sync_dir)
    }

    /// Opens one of the state's directories; one that somebody removed is made again.
    fn own(&self, path: &Path) -> io::Result<OwnedFd> {
        let open = || fs::open(path, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty());
        match open() {
            Err(Errno::NOENT) => {
                self.make()?;
                Ok(open()?)
            }
            opened => Ok(opened?),
        }
    }

    fn enter(&self, dir: &Dir) -> io::Result<OwnedFd> {
        match dir {
            Dir::State => self.own(&self.state),
            Dir::Store => self.own(&self.state.join(STORE)),
            Dir::Target(path) => enter(path),
        }
    }

    fn open_with(&self, dir: &Dir, name: &str, flags: OFlags) -> io::Result<Option<File>> {
        // A pipe must not hold us up, so it is opened without waiting and then turned away.
        let flags = flags | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        match fs::openat(self.enter(dir)?, name, flags, Mode::empty()) {
            Ok(file) => plain(File::from(file), name).map(Some),
            Err(Errno::NOENT) => Ok(None),
            Err(Errno::LOOP) => Err(not_plain(name)),
            Err(error) => Err(error.into()),
        }
    }
}

fn enter(path: &Path) -> io::Result<OwnedFd> {
    let mut components = path.components().peekable();
    if components.next() != Some(Component::RootDir) {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, format!("{} is not absolute", path.display())));
    }
    let flags = OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let step = |is_last| if is_last { OFlags::RDONLY | flags } else { THROUGH | flags };
    let mut at = fs::openat(CWD, "/", step(components.peek().is_none()), Mode::empty())?;
    while let Some(component) = components.next() {
        let Component::Normal(name) = component else {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, format!("{} has . or .. in it", path.display())));
        };
        let opened = fs::openat(&at, name, step(components.peek().is_none()), Mode::empty());
        at = opened.map_err(|errno| entered(errno, path, name))?;
    }
    Ok(at)
}

fn entered(errno: Errno, path: &Path, name: &OsStr) -> io::Error {
    if matches!(errno, Errno::NOTDIR | Errno::LOOP) {
        let fault = format!(
            "{} in {} is a symbolic link or no directory; name the real path in the configuration",
            name.display(),
            path.display()
        );
        return io::Error::new(io::ErrorKind::InvalidInput, fault);
    }
    errno.into()
}

fn plain(file: File, name: &str) -> io::Result<File> {
    if file.metadata()?.is_file() { Ok(file) } else { Err(not_plain(name)) }
}

fn not_plain(name: &str) -> io::Error {
    io::Error::new(
        io::ErrorKind::InvalidInput,
        format!("{name} is a symbolic link, a directory or a device, and no plain file"),
    )
}

impl Disk for RealDisk {
    type File = File;

    fn create(&mut self, dir: &Dir, name: &str, attributes: Attributes) -> io::Result<File> {
        let flags = OFlags::RDWR | OFlags::APPEND | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        // For nobody else until it has its owner.
        let file = File::from(fs::openat(self.enter(dir)?, name, flags, Mode::RUSR | Mode::WUSR)?);
        if attributes.owner.is_some() || attributes.group.is_some() {
            fs::fchown(&file, attributes.owner.map(Uid::from_raw), attributes.group.map(Gid::from_raw))?;
        }
        fs::fchmod(&file, Mode::from_raw_mode(attributes.mode))?;
        Ok(file)
    }

    fn open(&mut self, dir: &Dir, name: &str) -> io::Result<Option<File>> {
        self.open_with(dir, name, OFlags::RDONLY)
    }

    fn open_append(&mut self, dir: &Dir, name: &str) -> io::Result<Option<File>> {
        self.open_with(dir, name, OFlags::RDWR | OFlags::APPEND)
    }

    fn rewind(&mut self, file: &mut File) -> io::Result<()> {
        file.rewind()
    }

    fn read(&mut self, file: &mut File, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            match file.read(buffer) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                read => return read,
            }
        }
    }

    fn write(&mut self, file: &mut File, bytes: &[u8]) -> io::Result<()> {
        file.write_all(bytes)
    }

    fn truncate(&mut self, file: &mut File, length: u64) -> io::Result<()> {
        file.set_len(length)
    }

    fn sync(&mut self, file: &mut File) -> io::Result<()> {
        file.sync_all()
    }

    fn stat_open(&mut self, file: &File) -> io::Result<Stat> {
        let meta = file.metadata()?;
        let nanoseconds = |seconds: i64, rest: i64| i128::from(seconds) * 1_000_000_000 + i128::from(rest);
        Ok(Stat {
            size: meta.size(),
            device: meta.dev(),
            inode: meta.ino(),
            modified: nanoseconds(meta.mtime(), meta.mtime_nsec()),
            changed: nanoseconds(meta.ctime(), meta.ctime_nsec()),
            mode: meta.mode() & 0o7777,
            owner: meta.uid(),
            group: meta.gid(),
        })
    }

    fn stat(&mut self, dir: &Dir, name: &str) -> io::Result<Option<Stat>> {
        match self.open(dir, name)? {
            Some(file) => self.stat_open(&file).map(Some),
            None => Ok(None),
        }
    }

    fn rename(&mut self, dir: &Dir, from: &str, to: &str) -> io::Result<()> {
        let at = self.enter(dir)?;
        Ok(fs::renameat(&at, from, &at, to)?)
    }

    fn remove(&mut self, dir: &Dir, name: &str) -> io::Result<()> {
        match fs::unlinkat(self.enter(dir)?, name, AtFlags::empty()) {
            Ok(()) | Err(Errno::NOENT) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    fn sync_dir(&mut self, dir: &Dir) -> io::Result<()> {
        Ok(fs::fsync(self.enter(dir)?)?)
    }

    fn list(&mut self, dir: &Dir) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in std::fs::read_dir(self.path(dir, ""))? {
            names.extend(entry?.file_name().into_string().ok());
        }
        Ok(names)
    }

    fn free(&mut self, dir: &Dir) -> io::Result<u64> {
        let found = fs::fstatvfs(self.enter(dir)?)?;
        Ok(found.f_bavail.saturating_mul(found.f_frsize))
    }

    fn path(&self, dir: &Dir, name: &str) -> PathBuf {
        match dir {
            Dir::State => self.state.join(name),
            Dir::Store => self.state.join(STORE).join(name),
            Dir::Target(path) => path.join(name),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use super::*;

    fn disk() -> (tempfile::TempDir, RealDisk, PathBuf) {
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path().canonicalize().unwrap();
        let disk = RealDisk::new(&root.join("state")).unwrap();
        std::fs::create_dir(root.join("etc")).unwrap();
        (directory, disk, root)
    }

    #[test]
    fn no_link_is_followed_on_the_way_or_at_the_end() {
        let (_directory, mut disk, root) = disk();
        let (etc, link) = (root.join("etc"), root.join("link"));
        std::fs::write(root.join("secret"), "x").unwrap();
        symlink(&etc, &link).unwrap();
        symlink(root.join("secret"), etc.join("pos")).unwrap();
        let told = disk.create(&Dir::Target(link.clone()), "new", Attributes::PRIVATE).unwrap_err().to_string();
        assert!(told.contains("symbolic link") && told.contains("configuration"), "{told}");
        for result in [disk.sync_dir(&Dir::Target(link.clone())), disk.rename(&Dir::Target(link.join("x")), "a", "b")] {
            assert_eq!(result.unwrap_err().kind(), io::ErrorKind::InvalidInput);
        }
        let told = disk.open(&Dir::Target(etc.clone()), "pos").unwrap_err().to_string();
        assert!(told.contains("no plain file"), "{told}");
        assert!(disk.create(&Dir::Target(etc.clone()), "pos", Attributes::PRIVATE).is_err(), "a link is no free name");
        disk.remove(&Dir::Target(etc.clone()), "pos").unwrap();
        assert_eq!(std::fs::read(root.join("secret")).unwrap(), b"x", "the link went, and not what it pointed to");
    }

    #[test]
    fn pipes_and_directories_are_no_files_and_hold_nobody_up() {
        let (_directory, mut disk, root) = disk();
        let etc = Dir::Target(root.join("etc"));
        std::fs::create_dir(root.join("etc/dir")).unwrap();
        fs::mknodat(CWD, root.join("etc/pipe"), fs::FileType::Fifo, 0o600.into(), 0).unwrap();
        for name in ["dir", "pipe"] {
            assert!(disk.open(&etc, name).is_err() && disk.stat(&etc, name).is_err(), "{name}");
        }
        assert!(disk.open(&etc, "none").unwrap().is_none());
        for path in ["relative", "/etc/../etc"] {
            assert_eq!(disk.sync_dir(&Dir::Target(path.into())).unwrap_err().kind(), io::ErrorKind::InvalidInput);
        }
    }

    #[test]
    fn a_file_is_made_with_its_mode_whatever_the_mask_and_written_behind_its_end() {
        let (_directory, mut disk, root) = disk();
        let etc = Dir::Target(root.join("etc"));
        let attributes = Attributes { mode: 0o666, owner: None, group: None };
        let mut file = disk.create(&etc, "a", attributes).unwrap();
        disk.write(&mut file, b"one").unwrap();
        disk.sync(&mut file).unwrap();
        let mut file = disk.open_append(&etc, "a").unwrap().unwrap();
        disk.write(&mut file, b"two").unwrap();
        disk.truncate(&mut file, 4).unwrap();
        disk.rename(&etc, "a", "b").unwrap();
        disk.sync_dir(&etc).unwrap();
        let path = disk.path(&etc, "b");
        assert_eq!(std::fs::read(&path).unwrap(), b"onet");
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o7777, 0o666);
        assert_eq!(disk.stat(&etc, "b").unwrap().unwrap().size, 4);
        assert!(disk.free(&etc).unwrap() > 0);
        assert_eq!(disk.list(&Dir::State).unwrap(), [STORE]);
        std::fs::remove_dir_all(root.join("state")).unwrap();
        disk.create(&Dir::Store, "a", Attributes::PRIVATE).unwrap();
        assert_eq!(disk.list(&Dir::Store).unwrap(), ["a"]);
    }

    #[test]
    fn a_path_is_split_only_if_it_is_plain() {
        let split = |path: &str| super::super::split(Path::new(path));
        assert_eq!(split("/etc/pos.toml"), Some(("/etc".into(), "pos.toml".to_owned())));
        for bad in ["pos.toml", "/", "/etc/", "/etc/..", "/etc/../x", "../x", ""] {
            assert_eq!(split(bad), None, "{bad}");
        }
    }
}
