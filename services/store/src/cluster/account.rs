//! Whom Postgres runs as: never root.

use std::{
    fs, io,
    os::unix::process::CommandExt as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use super::ClusterError;

/// The user that Postgres runs as.
#[derive(Debug)]
pub(super) struct Account {
    pub(super) name: String,
    pub(super) uid: u32,
    pub(super) gid: u32,
    /// Whether we are root and it is another user.
    pub(super) dropped: bool,
}

impl Account {
    /// Ourselves, or where we are root, `postgres` if there is one, else `nobody`.
    pub(super) fn choose() -> Result<Self, ClusterError> {
        let (uid, gid) = (rustix::process::geteuid().as_raw(), rustix::process::getegid().as_raw());
        if uid != 0 {
            return Ok(Self { name: format!("user id {uid}"), uid, gid, dropped: false });
        }
        let passwd = PathBuf::from("/etc/passwd");
        let users = fs::read_to_string(&passwd).map_err(ClusterError::io("reading", &passwd))?;
        ["postgres", "nobody"].iter().find_map(|name| Self::in_passwd(&users, name)).ok_or(ClusterError::NoUser)
    }

    fn in_passwd(users: &str, name: &str) -> Option<Self> {
        let fields: Vec<_> = users.lines().map(|line| line.split(':').collect::<Vec<_>>()).find(|f| f[0] == name)?;
        let (uid, gid) = (fields.get(2)?.parse().ok()?, fields.get(3)?.parse().ok()?);
        (uid != 0).then(|| Self { name: name.to_owned(), uid, gid, dropped: true })
    }

    /// A command that runs as this user, away from our terminal and without our secrets.
    pub(super) fn command(&self, program: &Path, dir: &Path) -> Command {
        let mut command = Command::new(program);
        // Ctrl-C in a terminal goes to its whole process group; Postgres must outlive the server's drain.
        command.current_dir(dir).stdin(Stdio::null()).process_group(0).env("LC_ALL", "C");
        for (name, _) in std::env::vars_os() {
            let name = name.to_string_lossy().into_owned();
            if name.starts_with("PG") || name.starts_with("HOMEPOT_") {
                command.env_remove(name);
            }
        }
        if self.dropped {
            command.uid(self.uid).gid(self.gid);
        }
        command
    }

    /// Tries to stand in `dir` as this user; the error names the first directory on the way that is closed.
    pub(super) fn check_may_enter(&self, dir: &Path) -> Result<(), ClusterError> {
        if !self.dropped || self.may_enter(dir)? {
            return Ok(());
        }
        let mut way: Vec<_> = dir.ancestors().collect();
        way.reverse();
        for step in way {
            if !self.may_enter(step)? {
                return Err(ClusterError::NotTraversable { user: self.name.clone(), dir: step.to_owned() });
            }
        }
        Ok(())
    }

    fn may_enter(&self, dir: &Path) -> Result<bool, ClusterError> {
        match self.command(Path::new("/bin/true"), dir).status() {
            Ok(_) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Ok(false),
            Err(error) => Err(ClusterError::io("entering", dir)(error)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_is_read_from_passwd_and_root_by_another_name_is_not_taken() {
        let users =
            "root:x:0:0:root:/root:/bin/sh\npostgres:x:101:104::/var/lib/postgresql:/bin/bash\nnobody:x:0:0::/:/";
        let account = Account::in_passwd(users, "postgres").unwrap();
        assert_eq!((account.uid, account.gid), (101, 104));
        assert!(Account::in_passwd(users, "nobody").is_none());
        assert!(Account::in_passwd(users, "other").is_none());
    }
}
