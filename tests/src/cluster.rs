//! A Postgres of a test's own, apart from every server: it has a clock, it can have a small disk, and it dies alone.

use std::{
    fs,
    os::unix::{
        fs::{PermissionsExt, chown},
        process::CommandExt as _,
    },
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use tempfile::TempDir;

use crate::{
    Database, FakeClock, Process,
    database::binary,
    disk::Disk,
    process::{PATIENCE, wait_gone},
    server::{clean, data_parent},
};

/// The files of a cluster, whose postmaster its owner starts.
#[derive(Debug)]
pub(crate) struct ClusterFiles {
    /// With the socket in it.
    home: PathBuf,
    /// Below `data`.
    pub(crate) disk: Option<Disk>,
}

impl ClusterFiles {
    /// Makes a cluster in `home`, which is made too: on a disk of its own of so many MiB, where this user may mount one.
    pub(crate) fn make(home: PathBuf, disk_mebibytes: Option<u32>) -> Self {
        let data = home.join("data");
        for directory in [&home, &data] {
            fs::create_dir(directory).expect("a directory for Postgres");
            if let Some((uid, gid)) = account() {
                chown(directory, Some(uid), Some(gid)).expect("root may give it away");
            }
        }
        let disk = disk_mebibytes.and_then(|size| Disk::mount(&data, size));
        let files = Self { home, disk };
        let mut initdb = files.command("initdb");
        initdb.arg("--pgdata").arg(&data).args(["--username=homepot", "--auth=trust", "--encoding=UTF8"]);
        let made = initdb.args(["--locale=C", "--data-checksums", "--no-sync"]).output().expect("initdb runs");
        assert!(made.status.success(), "initdb: {}", String::from_utf8_lossy(&made.stderr));
        let settings = format!("include_if_exists = '{}'\n", files.settings().display());
        let config = files.outside(&data.join("postgresql.conf"));
        let config_text = fs::read_to_string(&config).expect("initdb writes settings") + &settings;
        fs::write(&config, config_text).expect("settings can be added");
        files
    }

    /// What starts it.
    pub(crate) fn postmaster(&self) -> Command {
        let mut postgres = self.command("postgres");
        postgres.arg("-D").arg(self.home.join("data")).arg("-k").arg(&self.home);
        // A process that is killed leaves what it wrote to the kernel, so nothing is gained by syncs, and after each death
        // every file of the cluster would be synced before it comes back. The log of changes leaves a small disk room.
        for setting in
            ["listen_addresses=", "fsync=off", "max_connections=60", "max_wal_size=64MB", "min_wal_size=32MB"]
        {
            postgres.args(["-c", setting]);
        }
        postgres
    }

    /// The address of its database `name`.
    pub(crate) fn url(&self, name: &str) -> String {
        let host = self.home.display().to_string().replace('/', "%2F");
        format!("postgres:///{name}?host={host}&user=homepot")
    }

    /// A file of settings that the postmaster reads when it starts and at a SIGHUP, if it is there. It lies outside the
    /// disk, so it can be written when that is full.
    pub(crate) fn settings(&self) -> PathBuf {
        self.home.join("trouble.conf")
    }

    /// Where what lies at `path` of the cluster is found by the test.
    pub(crate) fn outside(&self, path: &Path) -> PathBuf {
        self.disk.as_ref().map_or_else(|| path.to_path_buf(), |disk| disk.outside(path))
    }

    /// A program of Postgres, as the user that the cluster belongs to.
    fn command(&self, program: &str) -> Command {
        let program = binary(program);
        let command = match (&self.disk, account()) {
            (Some(disk), account) => disk.enter(&program, account),
            (None, None) => Command::new(program),
            (None, Some((uid, gid))) => {
                let mut command = Command::new(program);
                command.uid(uid).gid(gid);
                command
            }
        };
        let mut command = clean(command);
        command.current_dir(&self.home).env("LC_ALL", "C");
        command
    }
}

/// A running Postgres with a clock of its own; dropping it ends it.
#[derive(Debug)]
pub struct Cluster {
    process: Process,
    /// Its clock.
    pub clock: FakeClock,
    files: ClusterFiles,
    _directory: TempDir,
}

impl Cluster {
    /// Starts one, with an empty database for a server.
    pub async fn start() -> Self {
        Self::start_on(None).await
    }

    /// Starts one on a disk of its own of so many MiB, with the machine's clock; `None`: this user may mount nothing.
    pub async fn start_on_disk(mebibytes: u32) -> Option<Self> {
        let cluster = Self::start_on(Some(mebibytes)).await;
        cluster.files.disk.is_some().then_some(cluster)
    }

    async fn start_on(disk_mebibytes: Option<u32>) -> Self {
        let (clock, directory) = (FakeClock::new(), data_parent());
        if account().is_some() {
            fs::set_permissions(directory.path(), PermissionsExt::from_mode(0o711)).expect("permissions");
        }
        let files = ClusterFiles::make(directory.path().join("home"), disk_mebibytes);
        let mut postmaster = files.postmaster();
        // What enters the disk's namespace changes its user on the way, and the clock's library can't follow it.
        if files.disk.is_none() {
            postmaster.envs(clock.env());
        }
        let process = Process::start("postgres", &mut postmaster);
        let ready = |line: &serde_json::Value| line.as_str()?.contains("ready to accept connections").then_some(());
        process.logged("that it is ready", ready).await;
        let mut createdb = files.command("createdb");
        createdb.args(["--username=homepot", "--host"]).arg(&files.home).arg("homepot");
        let made = createdb.output().expect("createdb runs");
        assert!(made.status.success(), "{}", process.tail());
        Self { process, clock, files, _directory: directory }
    }

    /// A look into it.
    pub fn database(&self) -> Database {
        Database::of(&self.files.outside(&self.files.home))
    }

    /// Fills its disk.
    pub fn fill_disk(&self) {
        self.files.disk.as_ref().expect("it was started on a disk of its own").fill();
    }

    /// Makes room on its disk again.
    pub fn free_disk(&self) {
        self.files.disk.as_ref().expect("it was started on a disk of its own").free();
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        // A fast shutdown: Postgres ends its own children. It needs room for that.
        if let Some(disk) = &self.files.disk {
            disk.free();
        }
        self.process.interrupt();
        wait_gone(self.process.id(), Duration::from_secs(10).min(PATIENCE));
    }
}

/// Postgres does not run as root: the user and group that it gets instead.
fn account() -> Option<(u32, u32)> {
    if !rustix::process::geteuid().is_root() {
        return None;
    }
    let users = fs::read_to_string("/etc/passwd").expect("there are users");
    let ids = |name: &str| {
        let user = users.lines().map(|line| line.split(':').collect::<Vec<_>>()).find(|user| user[0] == name)?;
        Some((user.get(2)?.parse().ok()?, user.get(3)?.parse().ok()?))
    };
    Some(["postgres", "nobody"].into_iter().find_map(ids).expect("a user for Postgres, which does not run as root"))
}
