//! Files and directories of the cluster, and who may touch them.

use std::{
    env,
    fs::{self, DirBuilder, File, OpenOptions, Permissions, TryLockError},
    hash::{DefaultHasher, Hash, Hasher},
    io::{self, Read as _, Seek as _, Write as _},
    os::unix::{
        ffi::OsStrExt as _,
        fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _, lchown},
    },
    path::{Path, PathBuf},
};

use homepot_host::data_dir;

use super::{ClusterError, NAME, account::Account, files};

/// Part of the socket's name; nothing listens on the network.
pub(super) const PORT: u16 = 5432;
/// The kernel's limit for the path of a socket.
const MAX_SOCKET_PATH: usize = 107;
/// A log that grew past this is put aside at the next start; only one is kept.
const MAX_LOG_BYTES: u64 = 1024 * 1024;

/// Where everything is. Holding it holds the data directory against other servers.
#[derive(Debug)]
pub(super) struct Layout {
    /// Whose `home` is, and all in it.
    pub(super) account: Account,
    /// All that belongs to Postgres.
    pub(super) home: PathBuf,
    /// The cluster itself.
    pub(super) data: PathBuf,
    pub(super) socket_dir: PathBuf,
    socket_dir_is_temporary: bool,
    _lock: DataDirLock,
}

impl Layout {
    /// Makes what is missing and takes the lock.
    pub(super) fn open(data_dir: &Path) -> Result<Self, ClusterError> {
        // Root's must let Postgres's user through; the files in it guard themselves.
        data_dir::make(data_dir, if rustix::process::geteuid().is_root() { 0o711 } else { 0o700 })?;
        let data_dir = data_dir.canonicalize().map_err(ClusterError::io("finding", data_dir))?;
        let lock = lock(&data_dir)?;
        let home = data_dir.join("postgres");
        let account = Account::choose(&home)?;
        if account.dropped {
            let_through(&data_dir)?;
        }
        make_home(&home, &account)?;
        let data = home.join("data");
        account.check_may_enter(&home)?;
        let (socket_dir, socket_dir_is_temporary) = socket_dir(&home, &account)?;
        Ok(Self { account, home, data, socket_dir, socket_dir_is_temporary, _lock: lock })
    }

    pub(super) fn is_initialised(&self) -> Result<bool, ClusterError> {
        Ok(self.data_version()?.is_some())
    }

    /// The major version that made the data; `None`: there is none yet.
    pub(super) fn data_version(&self) -> Result<Option<String>, ClusterError> {
        let file = self.data.join("PG_VERSION");
        Ok(self.act("reading", &file, files::read)?.map(|version| version.trim().to_owned()))
    }

    /// What Postgres says of itself, such as its process id; empty where it is not there.
    pub(super) fn pid_file(&self) -> Result<String, ClusterError> {
        Ok(self.act("reading", &self.data.join("postmaster.pid"), files::read)?.unwrap_or_default())
    }

    /// Takes the pid file away: its number may belong to another process by now, at which Postgres would refuse to start.
    pub(super) fn remove_pid_file(&self) -> Result<(), ClusterError> {
        self.act("removing", &self.data.join("postmaster.pid"), files::remove)
    }

    /// Opens Postgres's log, the old one put aside when it is large.
    pub(super) fn open_log(&self) -> Result<File, ClusterError> {
        let aside = self.home.join("postgres.log.1");
        self.act("opening", &self.log_file(), |file| files::open_log(file, &aside, MAX_LOG_BYTES))
    }

    /// The end of Postgres's log.
    pub(super) fn end_of_log(&self) -> Result<String, ClusterError> {
        self.act("reading", &self.log_file(), files::read_end)
    }

    fn log_file(&self) -> PathBuf {
        self.home.join("postgres.log")
    }

    /// Where a cluster is made, empty.
    pub(super) fn new_data(&self) -> Result<PathBuf, ClusterError> {
        let new = self.home.join("data.new");
        self.act("removing", &new, files::remove_tree)?;
        Ok(new)
    }

    /// Has the cluster that was made there take its place.
    pub(super) fn keep_new_data(&self, new: &Path) -> Result<(), ClusterError> {
        self.act("renaming", new, |new| fs::rename(new, &self.data))?;
        self.act("syncing", &self.home, |home| File::open(home)?.sync_all())
    }

    /// Writes who may connect: ourselves. Where root runs the server, Postgres's user may enter the socket's directory
    /// too, and on a machine with other services so may they; then the kernel tells Postgres who calls.
    pub(super) fn write_access(&self) -> Result<(), ClusterError> {
        let method = if self.account.dropped { "peer map=homepot" } else { "trust" };
        let access = format!("# Written at every start.\nlocal all {NAME} {method}\n");
        let names = format!("# Written at every start.\nhomepot root {NAME}\n");
        for (name, text) in [("pg_hba.conf", access), ("pg_ident.conf", names)] {
            self.act("writing", &self.data.join(name), |file| files::replace(file, &text))?;
        }
        Ok(())
    }

    /// Takes the socket's directory away where it does not lie with the data.
    pub(super) fn remove_socket_dir(&self) {
        if self.socket_dir_is_temporary {
            // Best effort: it is empty now, and the next start takes it over if it stays.
            let _ = self.act("removing", &self.socket_dir, |dir| fs::remove_dir(dir));
        }
    }

    /// Does something with a path in the directories of Postgres's user, as that user.
    fn act<T: Send>(
        &self,
        action: &'static str,
        path: &Path,
        work: impl FnOnce(&Path) -> io::Result<T> + Send,
    ) -> Result<T, ClusterError> {
        self.account.act(|| work(path))?.map_err(ClusterError::io(action, path))
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

/// In the data directory, which nobody else can write: what root does here by name, it does to what it means.
fn lock(data_dir: &Path) -> Result<DataDirLock, ClusterError> {
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
    let lock = DataDirLock(file);
    written.map_err(ClusterError::io("writing", &path))?;
    Ok(lock)
}

/// Holds the data directory until it is dropped. To close the file would not be enough: a child that another thread is just
/// starting has a copy of the descriptor until it runs its program, and the lock would live on in it.
#[derive(Debug)]
struct DataDirLock(File);

impl Drop for DataDirLock {
    fn drop(&mut self) {
        // Closing it comes next, which does the same a moment later.
        let _ = self.0.unlock();
    }
}

/// Makes the directory that Postgres's user owns and nobody else may enter; one that is there already must be so. It lies in
/// the data directory, where nobody else can put anything in its place.
fn make_home(home: &Path, account: &Account) -> Result<(), ClusterError> {
    if account.dropped {
        // A start that was cut short may have left it to root, still empty; one that is not empty stays, and is told below.
        if fs::symlink_metadata(home).is_ok_and(|meta| meta.uid() == 0) {
            let _ = fs::remove_dir(home);
        }
        match DirBuilder::new().mode(0o700).create(home) {
            Ok(()) => {
                lchown(home, Some(account.uid), Some(account.gid)).map_err(ClusterError::io("giving away", home))?
            }
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(ClusterError::io("making", home)(error)),
        }
        return owned(home, account, files::close(home, account.uid).map_err(ClusterError::io("closing", home))?);
    }
    owned(home, account, files::make_private_dir(home, account.uid).map_err(ClusterError::io("making", home))?)
}

fn owned(dir: &Path, account: &Account, owner: Result<(), u32>) -> Result<(), ClusterError> {
    owner.map_err(|owner| ClusterError::OtherOwner { dir: dir.to_owned(), owner, user: account.name.clone() })
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
    // Whoever owns the directory it lies in, it is made with the rights of Postgres's user.
    let made = account.act(|| files::make_private_dir(&dir, account.uid))?;
    owned(&dir, account, made.map_err(ClusterError::io("making", &dir))?)?;
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
