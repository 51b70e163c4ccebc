//! Holds: a program of this machine, such as a till while it sells, keeps releases from being put in place for a while.
//!
//! A hold is a lease: a file in the hold directory that says until when, by the clock since the boot. Nobody has to take it back, so
//! neither a crash nor a reboot leaves one behind. Whoever may write in that directory may hold; by default that is the agent's user
//! and root. While the agent puts a release in place it has the directory's lock, and nobody gets a hold: who has one can rely on it.

use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io::{self, Read as _, Write as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
    time::Duration,
};

use homepot::text::visible;
use serde::{Deserialize, Serialize};

use crate::platform;

/// The longest time of one hold. It can be renewed for as long as its program lives.
pub const LONGEST: Duration = Duration::from_secs(3600);
const LOCK: &str = "lock";
const SUFFIX: &str = ".hold";
const MAX_NAME: usize = 64;
const MAX_REASON: usize = 200;
const MAX_BYTES: u64 = 4096;
/// Holds that are looked at: somebody who makes more has held the device anyway.
const MAX_HOLDS: usize = 64;

/// Why there is no hold.
#[derive(Debug, thiserror::Error)]
pub enum HoldError {
    /// The agent is at it.
    #[error("a release is being put in place; try again in a moment")]
    Busy,
    /// What was asked for is not possible.
    #[error("{0}")]
    Invalid(String),
    /// The file system said no.
    #[error("can't write in the hold directory {0}: {1}")]
    Io(PathBuf, io::Error),
}

/// What is in a hold's file.
#[derive(Debug, Serialize, Deserialize)]
struct Lease {
    /// The boot that `until_ms` counts from.
    boot_id: String,
    /// Milliseconds since the boot.
    until_ms: u64,
    reason: String,
}

/// The hold directory.
#[derive(Clone, Debug)]
pub struct Holds {
    directory: PathBuf,
    boot_id: String,
}

impl Holds {
    /// Holds in `directory`, of this boot of the machine.
    pub fn new(directory: PathBuf, boot_id: String) -> Self {
        Self { directory, boot_id }
    }

    /// Makes the directory, for this user alone, if it is not there.
    pub fn make_directory(&self) -> io::Result<()> {
        match fs::DirBuilder::new().mode(0o700).create(&self.directory) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
            _ => Ok(()),
        }
    }

    /// Takes a hold, or renews the one of that name.
    pub fn hold(&self, name: &str, span: Duration, reason: &str, now: Duration) -> Result<(), HoldError> {
        let invalid = |fault: &str| Err(HoldError::Invalid(fault.to_owned()));
        let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        if name.is_empty() || name.len() > MAX_NAME || !name.chars().all(is_plain) {
            return invalid("--name: must be 1 to 64 of a-z, 0-9 and '-'");
        }
        if span.is_zero() || span > LONGEST {
            return invalid("--for: must be up to 1h; renew the hold before it ends");
        }
        if reason.chars().count() > MAX_REASON {
            return invalid("--reason: must have at most 200 characters");
        }
        let write = || -> Result<(), HoldError> {
            let failed = |error| HoldError::Io(self.directory.clone(), error);
            let lock = self.open_lock().map_err(failed)?;
            match lock.try_lock_shared() {
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => return Err(HoldError::Busy),
                Err(TryLockError::Error(error)) => return Err(failed(error)),
            }
            let until_ms = u64::try_from((now + span).as_millis()).unwrap_or(u64::MAX);
            let lease = Lease { boot_id: self.boot_id.clone(), until_ms, reason: reason.to_owned() };
            let text = serde_json::to_vec(&lease).map_err(|error| failed(error.into()))?;
            let temporary = self.directory.join(format!(".{name}.{}", std::process::id()));
            let written = write_new(&temporary, &text).and_then(|()| fs::rename(&temporary, self.file(name)));
            written.inspect_err(|_| drop(fs::remove_file(&temporary))).map_err(failed)
        };
        write()
    }

    /// Ends a hold; false: there was none of that name.
    pub fn release(&self, name: &str) -> Result<bool, HoldError> {
        match fs::remove_file(self.file(name)) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(HoldError::Io(self.directory.clone(), error)),
        }
    }

    /// What holds this machine now, for people; `None`: nothing does.
    pub(crate) fn current(&self, now: Duration) -> Option<String> {
        let entries = match fs::read_dir(&self.directory) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return None,
            // Somebody may hold it, and rely on that.
            Err(error) => return Some(format!("the hold directory can't be read: {error}")),
        };
        let mut held: Vec<_> = entries
            .flatten()
            .filter_map(|entry| entry.file_name().into_string().ok())
            .filter_map(|file| file.strip_suffix(SUFFIX).map(str::to_owned))
            .take(MAX_HOLDS)
            .filter_map(|name| {
                let reason = self.read(&name, now)?;
                Some(if reason.is_empty() { name } else { format!("{name}: {reason}") })
            })
            .collect();
        held.sort();
        held.into_iter().next().map(|held| format!("held on the device by {held}"))
    }

    /// The reason of a hold that counts; `None`: it has ended, is of another boot, or was written by no agent.
    fn read(&self, name: &str, now: Duration) -> Option<String> {
        // What lies there may be anybody's: no link is followed, and no pipe waited for.
        let flags = (rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK).bits().cast_signed();
        let file = OpenOptions::new().read(true).custom_flags(flags).open(self.file(name)).ok()?;
        if !file.metadata().ok()?.is_file() {
            return None;
        }
        let mut bytes = Vec::new();
        file.take(MAX_BYTES).read_to_end(&mut bytes).ok()?;
        let lease: Lease = serde_json::from_slice(&bytes).ok()?;
        let left = Duration::from_millis(lease.until_ms).checked_sub(now)?;
        let counts = lease.boot_id == self.boot_id && !left.is_zero() && left <= LONGEST;
        counts.then(|| visible(&lease.reason).chars().take(MAX_REASON).collect())
    }

    /// Keeps others from taking a hold until what is returned is dropped; `None`: somebody is taking one at this moment.
    pub(crate) fn begin(&self) -> io::Result<Option<Applying>> {
        let lock = match self.open_lock() {
            Ok(lock) => lock,
            // Without the directory nobody can hold anything.
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Some(Applying(None))),
            Err(error) => return Err(error),
        };
        match lock.try_lock() {
            Ok(()) => Ok(Some(Applying(Some(lock)))),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }

    fn open_lock(&self) -> io::Result<File> {
        let flags = rustix::fs::OFlags::NOFOLLOW.bits().cast_signed();
        let path = self.directory.join(LOCK);
        let open = |create: bool| {
            OpenOptions::new().read(true).append(create).create(create).mode(0o644).custom_flags(flags).open(&path)
        };
        // It may be another user's: to lock it, reading is enough.
        match open(false) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => open(true),
            opened => opened,
        }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.directory.join(format!("{name}{SUFFIX}"))
    }
}

/// Keeps others from taking a hold.
#[derive(Debug)]
pub(crate) struct Applying(#[expect(dead_code, reason = "it counts while it is there")] Option<File>);

fn write_new(path: &Path, text: &[u8]) -> io::Result<()> {
    OpenOptions::new().write(true).create_new(true).mode(0o644).open(path)?.write_all(text)
}

/// Holds in `directory` of the boot that runs now.
pub fn of_this_boot(directory: PathBuf) -> Holds {
    Holds::new(directory, platform::boot_id())
}

/// The time since the boot, by which holds end.
pub fn now() -> Duration {
    platform::since_boot()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    const NOW: Duration = Duration::from_secs(1_000);
    const MINUTE: Duration = Duration::from_secs(60);

    fn holds(directory: &Path) -> Holds {
        Holds::new(directory.to_owned(), "boot".to_owned())
    }

    #[test]
    fn a_hold_ends_by_itself_is_renewed_and_is_gone_after_a_reboot() {
        let directory = tempfile::tempdir().unwrap();
        let holds = holds(directory.path());
        assert_eq!(holds.current(NOW), None);
        holds.hold("pos", MINUTE, "sale", NOW).unwrap();
        assert_eq!(holds.current(NOW).unwrap(), "held on the device by pos: sale");
        assert!(holds.current(NOW + MINUTE).is_none());
        holds.hold("pos", 2 * MINUTE, "", NOW + MINUTE / 2).unwrap();
        assert_eq!(holds.current(NOW + MINUTE).unwrap(), "held on the device by pos");
        let rebooted = Holds::new(directory.path().to_owned(), "next".to_owned());
        assert_eq!(rebooted.current(NOW), None);
        assert!(holds.release("pos").unwrap());
        assert!(!holds.release("pos").unwrap());
        assert_eq!(holds.current(NOW), None);
    }

    #[test]
    fn what_is_no_hold_holds_nothing() {
        let directory = tempfile::tempdir().unwrap();
        let holds = holds(directory.path());
        let file = |name: &str, text: &str| fs::write(directory.path().join(name), text).unwrap();
        file("forever.hold", r#"{"boot_id":"boot","until_ms":18446744073709551615,"reason":""}"#);
        file("past.hold", r#"{"boot_id":"boot","until_ms":1,"reason":""}"#);
        file("text.hold", "until tomorrow");
        file("elsewhere", r#"{"boot_id":"boot","until_ms":1060000,"reason":""}"#);
        symlink(directory.path().join("elsewhere"), directory.path().join("link.hold")).unwrap();
        fs::create_dir(directory.path().join("directory.hold")).unwrap();
        assert_eq!(holds.current(NOW), None);
        for (name, span) in
            [("", MINUTE), ("../x", MINUTE), ("A", MINUTE), ("a", LONGEST + MINUTE), ("a", Duration::ZERO)]
        {
            assert!(matches!(holds.hold(name, span, "", NOW), Err(HoldError::Invalid(_))), "{name} {span:?}");
        }
        assert!(Holds::new(directory.path().join("none"), "boot".to_owned()).begin().unwrap().is_some());
    }

    #[test]
    fn nobody_gets_a_hold_while_a_release_is_put_in_place() {
        let directory = tempfile::tempdir().unwrap();
        let holds = holds(directory.path());
        let applying = holds.begin().unwrap().unwrap();
        assert!(matches!(holds.hold("pos", MINUTE, "", NOW), Err(HoldError::Busy)));
        assert_eq!(holds.current(NOW), None);
        drop(applying);
        holds.hold("pos", MINUTE, "", NOW).unwrap();
    }
}
