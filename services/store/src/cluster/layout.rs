//! Files and directories of the cluster, and who may touch them.

use std::{
    env,
    fs::{self, DirBuilder, File, OpenOptions, Permissions, TryLockError},
    hash::{DefaultHasher, Hash, Hasher},
    io::{Read as _, Seek as _, Write as _},
    os::unix::{
        ffi::OsStrExt as _,
        fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _, chown},
    },
    path::{Path, PathBuf},
};

use super::{ClusterError, NAME, account::Account};

/// Part of the socket's name; nothing listens on the network.
pub(super) const PORT: u16 = 5432;
/// The kernel's limit for the path of a socket.
const MAX_SOCKET_PATH: usize = 107;
/// A log that grew past this is put aside at the next start; only one is kept.
const MAX_LOG_BYTES: u64 = 1024 * 1024;

/// Where everything is. Holding it holds the data directory against other servers.
#[derive(Debug)]
pub(super) struct Layout {
    /// All that belongs to Postgres.
    pub(super) home: PathBuf,
    /// The cluster itself.
    pub(super) data: PathBuf,
    pub(super) socket_dir: PathBuf,
    socket_dir_is_temporary: bool,
    _lock: File,
}

impl Layout {
    /// Makes what is missing and takes the lock.
    pub(super) fn open(data_dir: &Path, account: &Account) -> Result<Self, ClusterError> {
        // Root's directory must let Postgres's user through; the files in it guard themselves.
        let mode = if account.dropped { 0o711 } else { 0o700 };
        let made = DirBuilder::new().recursive(true).mode(mode).create(data_dir);
        made.map_err(ClusterError::io("making", data_dir))?;
        let data_dir = data_dir.canonicalize().map_err(ClusterError::io("finding", data_dir))?;
        if account.dropped {
            let_through(&data_dir)?;
        }
        let lock = lock(&data_dir)?;
        let home = data_dir.join("postgres");
        make_private(&home, account)?;
        let data = home.join("data");
        let (socket_dir, socket_dir_is_temporary) = socket_dir(&home, account)?;
        Ok(Self { home, data, socket_dir, socket_dir_is_temporary, _lock: lock })
    }

    pub(super) fn is_initialised(&self) -> bool {
        self.data.join("PG_VERSION").exists()
    }

    /// The major version that made the data; `None`: there is none yet.
    pub(super) fn data_version(&self) -> Result<Option<String>, ClusterError> {
        if !self.is_initialised() {
            return Ok(None);
        }
        let file = self.data.join("PG_VERSION");
        let version = fs::read_to_string(&file).map_err(ClusterError::io("reading", &file))?;
        Ok(Some(version.trim().to_owned()))
    }

    pub(super) fn pid_file(&self) -> PathBuf {
        self.data.join("postmaster.pid")
    }

    pub(super) fn log_file(&self) -> PathBuf {
        self.home.join("postgres.log")
    }

    /// Opens Postgres's log, the old one put aside when it is large.
    pub(super) fn open_log(&self) -> Result<File, ClusterError> {
        let file = self.log_file();
        if fs::metadata(&file).is_ok_and(|meta| meta.len() > MAX_LOG_BYTES) {
            fs::rename(&file, self.home.join("postgres.log.1")).map_err(ClusterError::io("renaming", &file))?;
        }
        OpenOptions::new().create(true).append(true).mode(0o600).open(&file).map_err(ClusterError::io("opening", &file))
    }

    /// Writes who may connect: ourselves. Where root runs the server, Postgres's user may enter the socket's directory
    /// too, and on a machine with other services so may they; then the kernel tells Postgres who calls.
    pub(super) fn write_access(&self, account: &Account) -> Result<(), ClusterError> {
        let method = if account.dropped { "peer map=homepot" } else { "trust" };
        let access = format!("# Written at every start.\nlocal all {NAME} {method}\n");
        let names = format!("# Written at every start.\nhomepot root {NAME}\n");
        for (name, text) in [("pg_hba.conf", access), ("pg_ident.conf", names)] {
            let file = self.data.join(name);
            fs::write(&file, text).map_err(ClusterError::io("writing", &file))?;
        }
        Ok(())
    }

    /// Takes the socket's directory away where it does not lie with the data.
    pub(super) fn remove_socket_dir(&self) {
        if self.socket_dir_is_temporary {
            // Best effort: it is empty now, and the next start takes it over if it stays.
            let _ = fs::remove_dir(&self.socket_dir);
        }
    }
}

/// Lets others pass through our own directory without letting them look into it.
fn let_through(dir: &Path) -> Result<(), ClusterError> {
    let meta = fs::metadata(dir).map_err(ClusterError::io("looking at", dir))?;
    if meta.uid() == 0 && meta.mode() & 0o001 == 0 {
        let mode = Permissions::from_mode(meta.mode() & 0o7777 | 0o001);
        fs::set_permissions(dir, mode).map_err(ClusterError::io("opening", dir))?;
    }
    Ok(())
}

fn lock(data_dir: &Path) -> Result<File, ClusterError> {
    let path = data_dir.join("server.lock");
    let opened = OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(&path);
    let mut file = opened.map_err(ClusterError::io("opening", &path))?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            let mut holder = String::new();
            // It may just be writing its id; the rest of the sentence says enough.
            let _ = file.read_to_string(&mut holder);
            return Err(ClusterError::Held { dir: data_dir.to_owned(), holder: holder.trim().to_owned() });
        }
        Err(TryLockError::Error(error)) => return Err(ClusterError::io("locking", &path)(error)),
    }
    let written = file
        .set_len(0)
        .and_then(|()| file.rewind())
        .and_then(|()| writeln!(file, "{}", std::process::id()))
        .and_then(|()| file.flush());
    written.map_err(ClusterError::io("writing", &path))?;
    Ok(file)
}

/// A directory that Postgres's user owns and nobody else may enter; one that is there already must be so.
fn make_private(dir: &Path, account: &Account) -> Result<(), ClusterError> {
    match DirBuilder::new().mode(0o700).create(dir) {
        Ok(()) if account.dropped => {
            chown(dir, Some(account.uid), Some(account.gid)).map_err(ClusterError::io("giving away", dir))?;
        }
        Ok(()) => {}
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
        Err(error) => return Err(ClusterError::io("making", dir)(error)),
    }
    // Not followed: in a directory for everyone, a link may lead anywhere.
    let meta = fs::symlink_metadata(dir).map_err(ClusterError::io("looking at", dir))?;
    if !meta.is_dir() || meta.uid() != account.uid {
        let (dir, user) = (dir.to_owned(), account.name.clone());
        return Err(ClusterError::OtherOwner { dir, owner: meta.uid(), user });
    }
    if meta.mode() & 0o077 != 0 {
        fs::set_permissions(dir, Permissions::from_mode(0o700)).map_err(ClusterError::io("closing", dir))?;
    }
    Ok(())
}

/// Beside the data, or where that path is too long, in the directory for temporary files.
fn socket_dir(home: &Path, account: &Account) -> Result<(PathBuf, bool), ClusterError> {
    let beside = home.join("run");
    let (dir, is_temporary) = if fits(&beside) {
        (beside, false)
    } else {
        let mut hasher = DefaultHasher::new();
        home.hash(&mut hasher);
        (env::temp_dir().join(format!("homepot-{:016x}", hasher.finish())), true)
    };
    if !fits(&dir) {
        return Err(ClusterError::PathTooLong { dir });
    }
    make_private(&dir, account)?;
    Ok((dir, is_temporary))
}

fn fits(dir: &Path) -> bool {
    dir.as_os_str().len() + format!("/.s.PGSQL.{PORT}").len() < MAX_SOCKET_PATH
}

/// A path as the `host` of a database address.
pub(super) fn percent_encoded(path: &Path) -> String {
    let byte = |byte: &u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'-' | b'_' | b'.' | b'~' => char::from(*byte).to_string(),
        other => format!("%{other:02X}"),
    };
    path.as_os_str().as_bytes().iter().map(byte).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_with_odd_letters_survives_in_an_address() {
        assert_eq!(percent_encoded(Path::new("/tmp/a b&c%d")), "/tmp/a%20b%26c%25d");
    }

    #[test]
    fn a_socket_path_of_107_bytes_does_not_fit() {
        let dir = |length: usize| PathBuf::from(format!("/{}", "x".repeat(length - 1)));
        let room = MAX_SOCKET_PATH - "/.s.PGSQL.5432".len();
        assert!(fits(&dir(room - 1)));
        assert!(!fits(&dir(room)));
    }
}
