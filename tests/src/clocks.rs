//! Clocks that a test can set: of one process, or of a Postgres of its own.

use std::{
    os::unix::{fs::PermissionsExt, process::CommandExt as _},
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use tempfile::TempDir;

use crate::{
    Database, Process,
    database::binary,
    process::{PATIENCE, wait_gone},
    server::{clean, data_parent},
};

/// The wall clock of processes that are started with [`FakeClock::env`]. What measures spans in them goes on undisturbed.
#[derive(Debug)]
pub struct FakeClock {
    directory: TempDir,
}

impl FakeClock {
    /// A clock that is right, until it is set.
    pub fn new() -> Self {
        let clock = Self { directory: data_parent() };
        // Postgres may run as another user, and reads it too.
        std::fs::set_permissions(clock.directory.path(), PermissionsExt::from_mode(0o755)).expect("permissions");
        clock.set(0);
        clock
    }

    /// Sets it so many seconds ahead of the machine's, at once.
    pub fn set(&self, ahead_seconds: i64) {
        let new = self.directory.path().join("new");
        std::fs::write(&new, format!("{ahead_seconds:+}")).expect("the disk has room");
        std::fs::set_permissions(&new, PermissionsExt::from_mode(0o644)).expect("permissions");
        std::fs::rename(&new, self.file()).expect("a file can be replaced");
    }

    /// What a process needs to go by it.
    pub fn env(&self) -> [(&'static str, String); 5] {
        [
            ("LD_PRELOAD", library().display().to_string()),
            ("FAKETIME_TIMESTAMP_FILE", self.file().display().to_string()),
            // The file is read each time.
            ("FAKETIME_NO_CACHE", "1".to_owned()),
            ("DONT_FAKE_MONOTONIC", "1".to_owned()),
            ("NO_FAKE_STAT", "1".to_owned()),
        ]
    }

    fn file(&self) -> PathBuf {
        self.directory.path().join("clock")
    }
}

impl Default for FakeClock {
    fn default() -> Self {
        Self::new()
    }
}

fn library() -> PathBuf {
    let libraries = std::fs::read_dir("/usr/lib").into_iter().flatten().flatten();
    let mut found =
        libraries.map(|entry| entry.path().join("faketime/libfaketimeMT.so.1")).filter(|path| path.is_file());
    found.next().expect("libfaketime is not installed; `make test` installs it")
}

/// A Postgres with a clock of its own; dropping it ends it.
#[derive(Debug)]
pub struct Cluster {
    process: Process,
    /// Its clock.
    pub clock: FakeClock,
    directory: TempDir,
}

impl Cluster {
    /// Starts one, with an empty database for a server.
    pub async fn start() -> Self {
        let (clock, directory) = (FakeClock::new(), data_parent());
        let home = directory.path().join("home");
        std::fs::create_dir(&home).expect("a directory");
        if let Some((uid, gid)) = account() {
            std::fs::set_permissions(directory.path(), PermissionsExt::from_mode(0o711)).expect("permissions");
            std::os::unix::fs::chown(&home, Some(uid), Some(gid)).expect("root may give away");
        }
        let data = home.join("data");
        let made = postgres("initdb", &home)
            .args(["--username=homepot", "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync", "-D"])
            .arg(&data)
            .output()
            .expect("initdb runs");
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        let mut command = postgres("postgres", &home);
        command.arg("-D").arg(&data).arg("-k").arg(&home);
        for setting in ["listen_addresses=", "fsync=off", "max_connections=50"] {
            command.args(["-c", setting]);
        }
        let process = Process::start("postgres", command.envs(clock.env()));
        let ready = |line: &serde_json::Value| line.as_str()?.contains("ready to accept connections").then_some(());
        process.logged("that it is ready", ready).await;
        let cluster = Self { process, clock, directory };
        let made =
            postgres("createdb", &home).args(["--username=homepot", "--host"]).arg(&home).arg("homepot").output();
        assert!(made.expect("createdb runs").status.success(), "{}", cluster.process.tail());
        cluster
    }

    /// A look into it.
    pub fn database(&self) -> Database {
        Database::of(self.directory.path())
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        // A fast shutdown: Postgres ends its own children.
        self.process.interrupt();
        wait_gone(self.process.id(), Duration::from_secs(10).min(PATIENCE));
    }
}

fn postgres(program: &str, home: &Path) -> Command {
    let mut command = clean(Command::new(binary(program)));
    command.current_dir(home);
    if let Some((uid, gid)) = account() {
        command.uid(uid).gid(gid);
    }
    command
}

/// Postgres does not run as root: the user and group that it gets instead.
fn account() -> Option<(u32, u32)> {
    if !rustix::process::geteuid().is_root() {
        return None;
    }
    let users = std::fs::read_to_string("/etc/passwd").expect("there are users");
    let line = users.lines().find(|line| line.starts_with("postgres:")).expect("Postgres came with a user");
    let mut numbers = line.split(':').skip(2).map(|number| number.parse().expect("a number"));
    numbers.next().zip(numbers.next())
}
