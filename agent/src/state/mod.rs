//! The state directory: what the agent keeps from one run to the next.
//!
//! | file | what |
//! |---|---|
//! | `.device_api_key` | the device's key |
//! | `device.json` | the device's id, site and server |
//! | `proof_key` | private Ed25519 key: the device proves itself by it, and it is never sent |
//! | `enrollment_claim` | 32 random bytes, while an enrolment is under way |
//! | `settings.json` | what SET_INTERVAL set |
//! | `spool/` | samples that the server does not have yet |
//! | `traffic.json` | what interfaces have counted since the boot |
//! | `commands.journal` | commands and their outcomes |
//! | `commands.mark` | how far the journal was when a command last started that must not start twice |
//! | `commands.unreadable` | what was found in place of the journal and is none |
//! | `status.json` | how the running agent stands |
//! | `agent.lock` | held by the running agent |

pub(crate) mod disk;
mod identity;
mod keeper;
mod settings;

use std::{
    fs::{self, File, TryLockError},
    io::{self, Read as _, Write as _},
    path::{Path, PathBuf},
    time::Duration,
};

use homepot_host::{
    data_dir::{self, DataDirError},
    trust::{self, Untrusted},
};

use crate::platform;

pub use identity::Identity;
pub(crate) use keeper::Keeper;
pub use settings::Settings;

const LOCK: &str = "agent.lock";
/// Nothing the agent keeps in one piece is larger.
const MAX_FILE_BYTES: u64 = 1024 * 1024;

/// Why the state can't be used. Every one of them is for a person to put right.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// The file system said no.
    #[error("can't {verb} {path}: {source}")]
    Io {
        /// What was tried.
        verb: &'static str,
        /// With what.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// Others could read what must stay secret.
    #[error("{path} {fault}; {remedy}")]
    Exposed {
        /// What is exposed.
        path: PathBuf,
        /// How.
        fault: String,
        /// What to do.
        remedy: String,
    },
    /// Others could put another directory in its place.
    #[error("other users could replace {path}: {fault}")]
    Untrusted {
        /// The directory.
        path: PathBuf,
        /// What lets them.
        fault: Untrusted,
    },
    /// A file does not hold what it should.
    #[error("{path} {fault}")]
    Damaged {
        /// Which.
        path: PathBuf,
        /// What is wrong with it, and what to do.
        fault: String,
    },
    /// There is an agent at work already.
    #[error("another agent runs on {0}; one state directory is for one agent")]
    Locked(PathBuf),
}

/// A directory that only this user may enter.
#[derive(Clone, Debug)]
pub struct StateDir {
    path: PathBuf,
}

/// Held while an agent runs; the system lets go of it when the process ends, however it ends.
#[derive(Debug)]
pub struct Lock {
    file: File,
    path: PathBuf,
}

impl Lock {
    /// Whether its file is where it was.
    fn is_in_place(&self) -> bool {
        disk::is_in_place(&self.file, &self.path)
    }
}

impl StateError {
    /// Whether it is of a disk that takes nothing for now, see [`disk`].
    pub(crate) fn is_of_the_disk(&self) -> bool {
        matches!(self, Self::Io { source, .. } if disk::fails(source))
    }
}

impl StateDir {
    /// Makes the directory where it is missing, and refuses one that others may enter.
    pub fn open(path: &Path) -> Result<Self, StateError> {
        match data_dir::make(path, 0o700) {
            Ok(()) => Self::existing(path),
            Err(DataDirError::Io { path, source }) => Err(StateError::Io { verb: "make", path, source }),
            Err(DataDirError::Untrusted { path, fault }) => Err(StateError::Untrusted { path, fault }),
        }
    }

    /// The directory as it is; refuses one that others may enter.
    pub fn existing(path: &Path) -> Result<Self, StateError> {
        let metadata = fs::metadata(path).map_err(io_error("open", path))?;
        if !metadata.is_dir() {
            return Err(StateError::Damaged { path: path.to_owned(), fault: "is not a directory".to_owned() });
        }
        if let Some(fault) = platform::private_fault(&metadata) {
            let remedy =
                format!("it holds this device's key: chown it to the agent's user and chmod 700 {}", path.display());
            return Err(StateError::Exposed { path: path.to_owned(), fault, remedy });
        }
        trust::check(path).map_err(|fault| StateError::Untrusted { path: path.to_owned(), fault })?;
        Ok(Self { path: path.to_owned() })
    }

    /// Where a file of it lies.
    pub fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// Where it lies.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Takes the lock; a short-lived holder, such as `homepot-agent status`, is waited for.
    pub fn lock(&self) -> Result<Lock, StateError> {
        let path = self.file(LOCK);
        // A lock needs no room: on a disk that takes nothing, the file of an earlier run does.
        let opened = match platform::open_private_append(&path) {
            Err(error) if disk::fails(&error) => File::open(&path).map_err(|_| error),
            opened => opened,
        };
        let file = opened.map_err(io_error("open", &path))?;
        for _ in 0..10 {
            match file.try_lock() {
                Ok(()) => return Ok(Lock { file, path }),
                Err(TryLockError::WouldBlock) => std::thread::sleep(Duration::from_millis(50)),
                Err(TryLockError::Error(error)) => return Err(io_error("lock", &path)(error)),
            }
        }
        Err(StateError::Locked(self.path.clone()))
    }

    /// Whether an agent holds the lock.
    pub fn is_locked(&self) -> bool {
        let Ok(file) = File::open(self.file(LOCK)) else { return false };
        matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock))
    }

    /// Reads a file; `None`: it is not there.
    pub fn read(&self, name: &str) -> Result<Option<Vec<u8>>, StateError> {
        let path = self.file(name);
        let file = match File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(io_error("read", &path)(error)),
        };
        let mut bytes = Vec::new();
        file.take(MAX_FILE_BYTES).read_to_end(&mut bytes).map_err(io_error("read", &path))?;
        Ok(Some(bytes))
    }

    /// Replaces a file as a whole; when it returns, the new one survives a power cut.
    pub fn write(&self, name: &str, bytes: &[u8]) -> Result<(), StateError> {
        self.replace(name, bytes, true)
    }

    /// Replaces a file as a whole, and does not wait for the disk.
    pub fn write_volatile(&self, name: &str, bytes: &[u8]) -> Result<(), StateError> {
        self.replace(name, bytes, false)
    }

    /// Removes a file, if it is there.
    pub fn remove(&self, name: &str) -> Result<(), StateError> {
        let path = self.file(name);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(io_error("remove", &path)(error)),
            _ => Ok(()),
        }
    }

    fn replace(&self, name: &str, bytes: &[u8], durable: bool) -> Result<(), StateError> {
        let (path, temporary) = (self.file(name), self.file(&format!("{name}.new")));
        let write = || -> io::Result<()> {
            let mut file = platform::create_private(&temporary)?;
            file.write_all(bytes)?;
            if durable {
                file.sync_all()?;
            }
            fs::rename(&temporary, &path)?;
            if durable { sync_dir(&self.path) } else { Ok(()) }
        };
        write().map_err(io_error("write", &path))
    }
}

/// Makes a rename in `path` survive a power cut.
pub(crate) fn sync_dir(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

fn io_error(verb: &'static str, path: &Path) -> impl FnOnce(io::Error) -> StateError {
    let path = path.to_owned();
    move |source| StateError::Io { verb, path, source }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn a_directory_that_others_may_enter_is_refused_with_the_remedy() {
        let directory = tempfile::tempdir().unwrap();
        fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let error = StateDir::open(directory.path()).unwrap_err().to_string();
        assert!(error.contains("0755") && error.contains("chmod 700"), "{error}");
    }

    #[test]
    fn a_directory_is_made_for_this_user_alone() {
        let directory = tempfile::tempdir().unwrap();
        let state = StateDir::open(&directory.path().join("a/b")).unwrap();
        assert_eq!(fs::metadata(state.path()).unwrap().permissions().mode() & 0o777, 0o700);
        state.write("x", b"1").unwrap();
        assert_eq!(fs::metadata(state.file("x")).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(state.read("x").unwrap().as_deref(), Some(&b"1"[..]));
        assert_eq!(state.read("y").unwrap(), None);
    }

    #[test]
    fn two_agents_never_share_a_directory() {
        let directory = tempfile::tempdir().unwrap();
        let state = StateDir::open(&directory.path().join("state")).unwrap();
        assert!(!state.is_locked());
        let lock = state.lock().unwrap();
        assert!(state.is_locked());
        assert!(matches!(state.lock(), Err(StateError::Locked(_))));
        drop(lock);
        assert!(!state.is_locked());
    }
}
