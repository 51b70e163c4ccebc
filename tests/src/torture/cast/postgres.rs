//! A Postgres of the test's own: the server's private one would die with its server.

use std::{
    fs,
    os::unix::{fs::chown, process::CommandExt as _},
    path::{Path, PathBuf},
    process::Command,
};

use crate::database::binary;

/// A cluster that is made, to be started.
pub(super) struct Cluster {
    directory: PathBuf,
    /// Postgres does not run as root.
    user: Option<(u32, u32)>,
}

impl Cluster {
    /// Makes one in `directory`.
    pub(super) fn make(directory: PathBuf) -> Self {
        fs::create_dir(&directory).expect("a directory for Postgres");
        let user = user();
        if let Some((uid, gid)) = user {
            chown(&directory, Some(uid), Some(gid)).expect("root may give it away");
        }
        let cluster = Self { directory, user };
        let mut initdb = cluster.command("initdb");
        initdb.arg("--pgdata").arg(cluster.data()).args(["--username=homepot", "--auth=trust", "--encoding=UTF8"]);
        let made = initdb.args(["--locale=C", "--data-checksums", "--no-sync"]).output().expect("initdb runs");
        assert!(made.status.success(), "initdb: {}", String::from_utf8_lossy(&made.stderr));
        cluster
    }

    /// The address of its one database.
    pub(super) fn url(&self) -> String {
        let host = self.directory.display().to_string().replace('/', "%2F");
        format!("postgres:///postgres?host={host}&user=homepot")
    }

    /// What starts it.
    pub(super) fn postmaster(&self) -> Command {
        let mut postgres = self.command("postgres");
        postgres.arg("-D").arg(self.data()).arg("-k").arg(&self.directory);
        // A process that is killed leaves what it wrote to the kernel, so nothing is gained by syncs, and after each death
        // every file of the cluster would be synced before it comes back.
        postgres.args(["-c", "listen_addresses=", "-c", "fsync=off"]);
        postgres
    }

    fn data(&self) -> PathBuf {
        self.directory.join("data")
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(binary(program));
        command.current_dir(&self.directory).env("LC_ALL", "C");
        if let Some((uid, gid)) = self.user {
            command.uid(uid).gid(gid);
        }
        command
    }
}

/// Whom Postgres runs as where we are root.
fn user() -> Option<(u32, u32)> {
    if !rustix::process::geteuid().is_root() {
        return None;
    }
    let users = fs::read_to_string(Path::new("/etc/passwd")).expect("a list of users");
    let ids = |name: &str| {
        let user = users.lines().map(|line| line.split(':').collect::<Vec<_>>()).find(|user| user[0] == name)?;
        Some((user.get(2)?.parse().ok()?, user.get(3)?.parse().ok()?))
    };
    Some(["postgres", "nobody"].into_iter().find_map(ids).expect("a user for Postgres, which does not run as root"))
}
