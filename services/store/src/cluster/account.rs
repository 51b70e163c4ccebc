//! The user that Postgres runs as, which is never root.
//!
//! Root hands the cluster's directory to that user, so from there on another user decides what every name in it means.
//! Root itself therefore opens, reads, writes, renames and removes nothing below it: [`Account::act`] does it with that
//! user's rights.

use std::{
    env, fs, io,
    os::unix::{fs::MetadataExt as _, process::CommandExt as _},
    panic::resume_unwind,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    thread,
};

use rustix::{
    process::{Gid, Uid},
    thread::{set_thread_groups, set_thread_res_gid, set_thread_res_uid},
};

use super::ClusterError;

/// The account that is Postgres's alone, where somebody made it.
pub(super) const OWN: &str = "homepot-db";
/// In order: ours; Debian's for all clusters of the machine; the one that is everywhere.
const CANDIDATES: [&str; 3] = [OWN, "postgres", "nobody"];
/// Where the shell that initdb starts finds programs. Our own PATH is for whoever started us.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// The user that Postgres runs as.
#[derive(Clone, Debug)]
pub(super) struct Account {
    pub(super) name: String,
    pub(super) uid: u32,
    pub(super) gid: u32,
    /// Whether we are root and it is another user.
    pub(super) dropped: bool,
}

impl Account {
    /// Ourselves, or where we are root, the user that `home` belongs to already, else the first there is of the
    /// [candidates](CANDIDATES).
    pub(super) fn choose(home: &Path) -> Result<Self, ClusterError> {
        let (uid, gid) = (rustix::process::geteuid().as_raw(), rustix::process::getegid().as_raw());
        if uid != 0 {
            return Ok(Self { name: format!("user id {uid}"), uid, gid, dropped: false });
        }
        let passwd = PathBuf::from("/etc/passwd");
        let users = fs::read_to_string(&passwd).map_err(ClusterError::io("reading", &passwd))?;
        let owner = fs::symlink_metadata(home).ok().map(|meta| meta.uid()).filter(|owner| *owner != 0);
        Self::among(&users, owner).ok_or(ClusterError::NoUser)
    }

    fn among(users: &str, owner: Option<u32>) -> Option<Self> {
        let mut there = CANDIDATES.iter().filter_map(|name| Self::in_passwd(users, name));
        // What belongs to none of them is refused when it is opened.
        match owner {
            Some(owner) => there.clone().find(|account| account.uid == owner).or_else(|| there.next()),
            None => there.next(),
        }
    }

    fn in_passwd(users: &str, name: &str) -> Option<Self> {
        let fields: Vec<_> = users.lines().map(|line| line.split(':').collect::<Vec<_>>()).find(|f| f[0] == name)?;
        let (uid, gid) = (fields.get(2)?.parse().ok()?, fields.get(3)?.parse().ok()?);
        (uid != 0).then(|| Self { name: name.to_owned(), uid, gid, dropped: true })
    }

    /// Runs `work` with this user's rights to files and no others, on a thread of its own: Linux keeps these rights by
    /// the thread. Only the effective ids change. With all of them changed, processes of that user could send signals to
    /// the thread, and so to the server.
    pub(super) fn act<T: Send>(&self, work: impl FnOnce() -> T + Send) -> Result<T, ClusterError> {
        if !self.dropped {
            return Ok(work());
        }
        let (uid, gid) = (Uid::from_raw(self.uid), Gid::from_raw(self.gid));
        let as_user = || -> io::Result<T> {
            set_thread_groups(&[])?;
            set_thread_res_gid(None, gid, None)?;
            // With the last effective id of root go the capabilities that pass over the rights of files.
            set_thread_res_uid(None, uid, None)?;
            Ok(work())
        };
        let done = thread::scope(|scope| scope.spawn(as_user).join()).unwrap_or_else(|panic| resume_unwind(panic));
        done.map_err(ClusterError::io("acting as the user of", Path::new("postgres")))
    }

    /// Says so where other programs may run as this user too: they could change the database and read it.
    pub(super) fn tell_if_shared(&self) {
        if self.dropped && self.name != OWN {
            tracing::info!(
                user = self.name,
                "the private database runs as a user that other programs may use too; docs/operations.md says how to \
                 give it a user of its own, {OWN}"
            );
        }
    }

    /// A command that runs as this user, away from our terminal, and with an environment that holds what Postgres needs
    /// and nothing of whoever started the server: that may be credentials of a cloud.
    pub(super) fn command(&self, program: &Path, dir: &Path) -> Command {
        let mut command = Command::new(program);
        // Ctrl-C in a terminal goes to its whole process group; Postgres must outlive the server's drain.
        command.current_dir(dir).stdin(Stdio::null()).process_group(0);
        command.env_clear().env("PATH", PATH).env("LC_ALL", "C");
        // The time zone that initdb writes down, where the machine has none of its own.
        if let Some(zone) = env::var_os("TZ") {
            command.env("TZ", zone);
        }
        if self.dropped {
            command.uid(self.uid).gid(self.gid);
        }
        command
    }

    /// Tries to enter `dir` as this user; the error names the first directory on the way that is closed.
    pub(super) fn check_may_enter(&self, dir: &Path) -> Result<(), ClusterError> {
        if !self.dropped {
            return Ok(());
        }
        let mut way: Vec<_> = dir.ancestors().collect();
        way.reverse();
        for step in way {
            match self.act(|| fs::metadata(step.join(".")))? {
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                    return Err(ClusterError::NotTraversable { user: self.name.clone(), dir: step.to_owned() });
                }
                Err(error) => return Err(ClusterError::io("entering", step)(error)),
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const USERS: &str = "root:x:0:0:root:/root:/bin/sh\npostgres:x:101:104::/var/lib/postgresql:/bin/bash\n\
                         nobody:x:65534:65534::/:/\n";

    #[test]
    fn a_user_is_read_from_passwd_and_root_by_another_name_is_not_taken() {
        let account = Account::in_passwd(USERS, "postgres").unwrap();
        assert_eq!((account.uid, account.gid), (101, 104));
        assert!(Account::in_passwd("nobody:x:0:0::/:/", "nobody").is_none());
        assert!(Account::in_passwd(USERS, "other").is_none());
    }

    #[test]
    fn an_account_of_our_own_comes_first_and_a_cluster_keeps_the_one_it_has() {
        let name = |users: &str, owner| Account::among(users, owner).unwrap().name;
        assert_eq!(name(USERS, None), "postgres");
        let with_own = format!("{USERS}homepot-db:x:990:990::/nonexistent:/usr/sbin/nologin\n");
        assert_eq!(name(&with_own, None), OWN);
        assert_eq!(name(&with_own, Some(101)), "postgres");
        assert_eq!(name(&with_own, Some(65_534)), "nobody");
        assert_eq!(name(&with_own, Some(1000)), OWN);
    }

    #[test]
    fn what_is_done_as_the_user_is_done_with_its_rights_and_the_server_keeps_its_own() {
        let account = Account::choose(Path::new("/nonexistent")).unwrap();
        let before = rustix::process::geteuid();
        let secret = tempfile::NamedTempFile::new().unwrap();
        let opened = account.act(|| fs::File::open(secret.path()).is_ok()).unwrap();
        assert_eq!(opened, !account.dropped);
        let uid = account.act(|| rustix::process::geteuid().as_raw()).unwrap();
        assert_eq!(uid, account.uid);
        assert_eq!(rustix::process::geteuid(), before);
        assert!(fs::File::open(secret.path()).is_ok());
    }

    #[test]
    fn a_program_of_postgres_has_nothing_of_our_environment() {
        let account = Account::choose(Path::new("/nonexistent")).unwrap();
        let output = account.command(Path::new("/usr/bin/env"), Path::new("/")).output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        let names: Vec<_> = text.lines().filter_map(|line| Some(line.split_once('=')?.0)).collect();
        assert!(env::vars_os().any(|(name, _)| name == "CARGO_MANIFEST_DIR"), "cargo sets it for every test");
        assert!(names.iter().all(|name| ["PATH", "LC_ALL", "TZ"].contains(name)), "{names:?}");
    }
}
