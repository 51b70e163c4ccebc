//! Whether a path can be changed by users other than root and ourselves.
//!
//! A file is only as good as the directories above it: who can write one of them can put another file in its place. So
//! a path is walked from the root down, links included, and every step must belong to root or to us and must not be
//! writable for others. A directory with the sticky bit, such as `/tmp`, may be writable on the way: nobody can replace
//! in it what is not theirs, and the next step is checked for whose it is. Access control lists need no extra care: what
//! they allow at most shows in the group's bits.

use std::{
    collections::VecDeque,
    ffi::OsString,
    fmt, fs, io,
    os::unix::fs::MetadataExt as _,
    path::{Component, Path, PathBuf},
};

/// As the kernel's own limit.
const MAX_LINKS: usize = 40;

/// Why a path is not trusted: every step that is at fault, each with the line that mends it.
#[derive(Debug, thiserror::Error)]
pub enum Untrusted {
    /// Others can change it.
    #[error("{}", .0.iter().map(Fault::to_string).collect::<Vec<_>>().join("; "))]
    Faults(Vec<Fault>),
    /// It can't be looked at.
    #[error("can't look at {}: {source}", path.display())]
    Io {
        /// The step.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
}

impl Untrusted {
    /// Whether it is only that nothing is there.
    pub fn is_missing(&self) -> bool {
        matches!(self, Self::Io { source, .. } if source.kind() == io::ErrorKind::NotFound)
    }
}

/// A step of a path that others can change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The file, directory or link.
    pub path: PathBuf,
    /// How.
    pub kind: FaultKind,
}

/// How a step can be changed by others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FaultKind {
    /// It belongs to this user id, and who owns a file can change it.
    Owner(u32),
    /// Its mode lets its group write.
    Group(u32),
    /// Its mode lets everyone write.
    Everyone(u32),
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.path.display();
        match self.kind {
            FaultKind::Owner(uid) => {
                write!(f, "{path} belongs to user id {uid}, who can change it: chown -h root {path}")
            }
            FaultKind::Group(mode) => {
                write!(f, "{path} can be written by its group (mode {:04o}): chmod g-w {path}", mode & 0o7777)
            }
            FaultKind::Everyone(mode) => {
                write!(f, "{path} can be written by every user (mode {:04o}): chmod go-w {path}", mode & 0o7777)
            }
        }
    }
}

/// Whom a check trusts besides root.
#[derive(Clone, Copy, Debug)]
pub struct Trusted {
    uid: u32,
    /// A group that has nobody in it but that user.
    group: Option<u32>,
}

impl Trusted {
    /// The user of this process.
    pub fn current() -> Self {
        let uid = rustix::process::geteuid().as_raw();
        let read = |file| fs::read_to_string(file).unwrap_or_default();
        Self { uid, group: private_group(uid, &read("/etc/passwd"), &read("/etc/group")) }
    }

    /// Checks `path` and all directories and links on the way to it.
    pub fn check(&self, path: &Path) -> Result<(), Untrusted> {
        self.walk(path, false)
    }

    fn walk(&self, path: &Path, goes_on: bool) -> Result<(), Untrusted> {
        let mut walk = Walk { trusted: *self, goes_on, faults: Vec::new() };
        walk.to(path)?;
        if walk.faults.is_empty() { Ok(()) } else { Err(Untrusted::Faults(walk.faults)) }
    }
}

/// Checks `path` for the user of this process: see the [module](self).
pub fn check(path: &Path) -> Result<(), Untrusted> {
    Trusted::current().check(path)
}

/// Checks a directory in which something is to be made, for the user of this process: it may have the sticky bit.
pub fn check_way(path: &Path) -> Result<(), Untrusted> {
    Trusted::current().walk(path, true)
}

/// The group that many systems make for each user, by its name: `umask 002` is safe with it.
fn private_group(uid: u32, passwd: &str, group: &str) -> Option<u32> {
    fn fields(line: &str) -> Vec<&str> {
        line.split(':').collect()
    }
    let name = passwd.lines().map(fields).find(|user| user.get(2).and_then(|id| id.parse().ok()) == Some(uid))?[0];
    let group = group.lines().map(fields).find(|group| group[0] == name)?;
    let members = group.get(3)?.split(',').map(str::trim);
    if members.into_iter().any(|member| !member.is_empty() && member != name) {
        return None;
    }
    group.get(2)?.parse().ok()
}

struct Walk {
    trusted: Trusted,
    /// Whether the path's end is itself a step on the way to something.
    goes_on: bool,
    faults: Vec<Fault>,
}

impl Walk {
    fn to(&mut self, path: &Path) -> Result<(), Untrusted> {
        let failed = |path: &Path| {
            let path = path.to_owned();
            move |source| Untrusted::Io { path, source }
        };
        let absolute = std::path::absolute(path).map_err(failed(path))?;
        let mut at = PathBuf::from("/");
        let mut ahead = steps(&absolute);
        self.look_at(&at, self.is_end(&ahead)).map_err(failed(&at))?;
        let mut links = 0;
        while let Some(step) = ahead.pop_front() {
            if step == ".." {
                at.pop();
                continue;
            }
            let next = at.join(&step);
            let meta = self.look_at(&next, self.is_end(&ahead)).map_err(failed(&next))?;
            if !meta.is_symlink() {
                at = next;
                continue;
            }
            links += 1;
            if links > MAX_LINKS {
                return Err(failed(&next)(io::Error::other("there are too many links")));
            }
            let target = fs::read_link(&next).map_err(failed(&next))?;
            if target.is_absolute() {
                at = PathBuf::from("/");
            }
            for step in steps(&target).into_iter().rev() {
                ahead.push_front(step);
            }
        }
        Ok(())
    }

    fn is_end(&self, ahead: &VecDeque<OsString>) -> bool {
        !self.goes_on && ahead.is_empty()
    }

    fn look_at(&mut self, path: &Path, is_last: bool) -> io::Result<fs::Metadata> {
        let meta = fs::symlink_metadata(path)?;
        let (uid, mode) = (meta.uid(), meta.mode());
        let mut fault = |kind| self.faults.push(Fault { path: path.to_owned(), kind });
        if uid != 0 && uid != self.trusted.uid {
            fault(FaultKind::Owner(uid));
        }
        // A link's own mode means nothing.
        let sticky = meta.is_dir() && mode & 0o1000 != 0 && !is_last;
        if !meta.is_symlink() && !sticky {
            if mode & 0o002 != 0 {
                fault(FaultKind::Everyone(mode));
            } else if mode & 0o020 != 0 && Some(meta.gid()) != self.trusted.group {
                fault(FaultKind::Group(mode));
            }
        }
        Ok(meta)
    }
}

fn steps(path: &Path) -> VecDeque<OsString> {
    let step = |component| match component {
        Component::Normal(name) => Some(name.to_owned()),
        Component::ParentDir => Some("..".into()),
        _ => None,
    };
    path.components().filter_map(step).collect()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt as _, chown, symlink};

    use super::*;

    fn close(path: &Path, mode: u32) {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }

    fn faults(path: &Path) -> Vec<Fault> {
        match check(path) {
            Ok(()) => Vec::new(),
            Err(Untrusted::Faults(faults)) => faults,
            Err(error) => panic!("{error}"),
        }
    }

    /// A directory of ours with a file in it, below the sticky directory for temporary files.
    fn place() -> (tempfile::TempDir, PathBuf, PathBuf) {
        let directory = tempfile::tempdir().unwrap();
        let inner = directory.path().canonicalize().unwrap().join("etc");
        fs::create_dir(&inner).unwrap();
        close(&inner, 0o755);
        let file = inner.join("agent.toml");
        fs::write(&file, "").unwrap();
        close(&file, 0o644);
        (directory, inner, file)
    }

    #[test]
    fn a_file_below_a_sticky_directory_is_trusted_when_it_is_ours_and_closed() {
        let (_directory, inner, file) = place();
        assert_eq!(faults(&file), []);
        assert_eq!(faults(&inner.join("../etc/./agent.toml")), []);
    }

    #[test]
    fn a_file_and_each_directory_that_others_can_write_are_told_with_the_line_that_mends_them() {
        let (_directory, inner, file) = place();
        close(&file, 0o666);
        close(&inner, 0o777);
        let told = check(&file).unwrap_err().to_string();
        assert!(told.contains(&format!("(mode 0777): chmod go-w {};", inner.display())), "{told}");
        assert!(told.contains(&format!("(mode 0666): chmod go-w {}", file.display())), "{told}");
        close(&inner, 0o1777);
        close(&file, 0o644);
        assert_eq!(faults(&file), [], "the sticky bit keeps others from replacing it");
        assert_eq!(faults(&inner).len(), 1, "but anyone can put files there");
    }

    #[test]
    fn a_link_is_as_good_as_the_place_it_lies_in_and_the_place_it_leads_to() {
        let (directory, inner, file) = place();
        let root = directory.path().canonicalize().unwrap();
        let (open, link) = (root.join("open"), root.join("link"));
        symlink(&file, &link).unwrap();
        assert_eq!(faults(&link), []);
        close(&file, 0o666);
        assert_eq!(faults(&link), [Fault { path: file.clone(), kind: FaultKind::Everyone(0o100_666) }]);
        close(&file, 0o644);
        fs::create_dir(&open).unwrap();
        close(&open, 0o777);
        symlink("../etc/agent.toml", open.join("link")).unwrap();
        assert_eq!(faults(&open.join("link")), [Fault { path: open, kind: FaultKind::Everyone(0o40_777) }]);
        let around = inner.join("around");
        symlink(&around, &around).unwrap();
        assert!(check(&around).unwrap_err().to_string().contains("too many links"));
    }

    #[test]
    fn what_belongs_to_another_user_is_not_trusted() {
        let (_directory, inner, file) = place();
        // Another user's eyes on our file do as well as our eyes on another user's, and need no rights.
        let stranger = Trusted { uid: 12_345, group: None };
        if rustix::process::geteuid().is_root() {
            chown(&inner, Some(12_346), None).unwrap();
            assert_eq!(faults(&file), [Fault { path: inner.clone(), kind: FaultKind::Owner(12_346) }]);
            let told = check(&file).unwrap_err().to_string();
            assert!(told.contains(&format!("chown -h root {}", inner.display())), "{told}");
        }
        assert!(stranger.check(&file).is_err() || rustix::process::geteuid().is_root());
    }

    #[test]
    fn a_group_is_trusted_when_nobody_else_is_in_it() {
        let passwd = "root:x:0:0::/root:/bin/sh\nada:x:1000:1000::/home/ada:/bin/sh\n";
        assert_eq!(private_group(1000, passwd, "ada:x:1000:\n"), Some(1000));
        assert_eq!(private_group(1000, passwd, "ada:x:1000:ada\n"), Some(1000));
        assert_eq!(private_group(1000, passwd, "ada:x:1000:ada,bob\n"), None);
        assert_eq!(private_group(1000, passwd, "staff:x:1000:\n"), None);
        assert_eq!(private_group(1001, passwd, "ada:x:1000:\n"), None);
        let (_directory, _, file) = place();
        close(&file, 0o664);
        let gid = fs::metadata(&file).unwrap().gid();
        let uid = rustix::process::geteuid().as_raw();
        assert!(Trusted { uid, group: None }.check(&file).is_err());
        assert!(Trusted { uid, group: Some(gid) }.check(&file).is_ok());
    }

    #[test]
    fn what_is_not_there_is_told_apart() {
        let (_directory, inner, _) = place();
        assert!(check(&inner.join("missing")).unwrap_err().is_missing());
    }
}
