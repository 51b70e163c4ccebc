//! A Postgres of a test's own, apart from every server: it has a clock, it can have a small disk, and it dies alone.

use std::{
    fs,
    net::TcpListener,
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
    Certificate, Database, FakeClock, Process,
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
        let data = make_directories(&home);
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

    /// Copies a cluster that runs, to be its standby.
    fn copy(home: PathBuf, primary: &Self) -> Self {
        let data = make_directories(&home);
        let files = Self { home, disk: None };
        let mut copy = files.command("pg_basebackup");
        copy.args(["--username=homepot", "--write-recovery-conf", "--no-sync", "--checkpoint=fast", "--host"]);
        let made = copy.arg(&primary.home).arg("--pgdata").arg(&data).output().expect("pg_basebackup runs");
        assert!(made.status.success(), "pg_basebackup: {}", String::from_utf8_lossy(&made.stderr));
        files
    }

    /// What starts it.
    pub(crate) fn postmaster(&self) -> Command {
        let mut postgres = self.command("postgres");
        postgres.arg("-D").arg(self.home.join("data")).arg("-k").arg(&self.home);
        // A process that is killed leaves what it wrote to the kernel, so nothing is gained by syncs, and after each death
        // every file of the cluster would be synced before it comes back. The log of changes leaves a small disk room.
        for setting in [
            "listen_addresses=",
            "dynamic_shared_memory_type=mmap",
            "fsync=off",
            "max_connections=60",
            "max_wal_size=64MB",
            "min_wal_size=32MB",
        ] {
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

    /// Adds to `postmaster` that it listens at `port` with TLS.
    fn use_tls(&self, certificate: &Certificate, port: u16, postmaster: &mut Command) {
        // Postgres takes a key that is its own and nobody else's.
        let [cert, key] = certificate.settings().map(|(_, file)| {
            let copy = self.home.join(Path::new(&file).file_name().expect("a file has a name"));
            fs::copy(&file, &copy).expect("a file can be copied");
            fs::set_permissions(&copy, PermissionsExt::from_mode(0o600)).expect("permissions");
            if let Some((uid, gid)) = account() {
                chown(&copy, Some(uid), Some(gid)).expect("root may give it away");
            }
            copy.display().to_string()
        });
        for (name, value) in [("ssl_cert_file", cert), ("ssl_key_file", key), ("port", port.to_string())] {
            postmaster.args(["-c", &format!("{name}={value}")]);
        }
        postmaster.args(["-c", "ssl=on", "-c", "listen_addresses=localhost"]);
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

/// Makes the home of a cluster and the empty directory of its data, which is answered.
fn make_directories(home: &Path) -> PathBuf {
    let data = home.join("data");
    for directory in [home, &data] {
        fs::create_dir(directory).expect("a directory for Postgres");
        if let Some((uid, gid)) = account() {
            chown(directory, Some(uid), Some(gid)).expect("root may give it away");
        }
    }
    fs::set_permissions(&data, PermissionsExt::from_mode(0o700)).expect("permissions");
    data
}

/// A running Postgres with a clock of its own; dropping it ends it.
#[derive(Debug)]
pub struct Cluster {
    /// `None` once it was killed.
    process: Option<Process>,
    /// Its clock.
    pub clock: FakeClock,
    files: ClusterFiles,
    /// Where it listens besides at its socket.
    port: Option<u16>,
    _directory: TempDir,
}

/// How a cluster differs from the usual one.
#[derive(Default)]
struct Options<'a> {
    disk_mebibytes: Option<u32>,
    /// How far its clock is ahead, in seconds.
    ahead: Option<i64>,
    /// What it shows, and its port.
    tls: Option<(&'a Certificate, u16)>,
    /// The cluster that it follows.
    primary: Option<&'a Cluster>,
}

impl Cluster {
    /// Starts one, with an empty database for a server.
    pub async fn start() -> Self {
        Self::start_as(Options::default()).await
    }

    /// Starts one whose clock is so many seconds ahead, and can't be set.
    pub async fn start_ahead(seconds: i64) -> Self {
        Self::start_as(Options { ahead: Some(seconds), ..Options::default() }).await
    }

    /// Starts a standby of this one, which has what this one has committed from then on.
    pub async fn start_standby(&self) -> Self {
        let standby = Self::start_as(Options { primary: Some(self), ..Options::default() }).await;
        self.database().run("ALTER SYSTEM SET synchronous_standby_names = '*'").await;
        self.database().number("SELECT count(pg_reload_conf())").await;
        standby
    }

    /// Makes a standby the primary.
    pub async fn promote(&self) {
        let promoted = self.database().number("SELECT pg_promote()::integer").await;
        assert_eq!(promoted, 1, "{}", self.tail());
    }

    /// Kills it as a power cut would, for good.
    pub fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.kill();
        }
    }

    /// Stops it as an administrator would.
    pub fn stop(&mut self) {
        if let Some(process) = self.process.take() {
            process.interrupt();
            assert!(wait_gone(process.id(), PATIENCE), "{}", process.tail());
        }
    }

    /// Starts it after it was stopped, at its socket, with the same data.
    pub async fn start_again(&mut self) {
        assert!(self.process.is_none(), "it is still up");
        self.process = Some(start_postmaster(self.files.postmaster().envs(self.clock.env())).await);
    }

    fn tail(&self) -> String {
        self.process.as_ref().map(Process::tail).unwrap_or_default()
    }

    /// Starts one that also listens at a port, with TLS: where it does, it shows `certificate`.
    pub async fn start_with_tls(certificate: &Certificate) -> Self {
        let port = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a port").port();
        let options = Options { tls: Some((certificate, port)), ..Options::default() };
        Self::start_as(options).await
    }

    /// Starts one on a disk of its own of so many MiB, with the machine's clock; `None`: this user may mount nothing.
    pub async fn start_on_disk(mebibytes: u32) -> Option<Self> {
        let cluster = Self::start_as(Options { disk_mebibytes: Some(mebibytes), ..Options::default() }).await;
        cluster.files.disk.is_some().then_some(cluster)
    }

    async fn start_as(options: Options<'_>) -> Self {
        let (clock, directory) = (FakeClock::new(), data_parent());
        let home = directory.path().join("home");
        let files = match options.primary {
            None => ClusterFiles::make(home, options.disk_mebibytes),
            Some(primary) => ClusterFiles::copy(home, &primary.files),
        };
        let mut postmaster = files.postmaster();
        // What enters the disk's namespace changes its user on the way, and the clock's library can't follow it.
        if let Some(ahead) = options.ahead {
            postmaster.envs(FakeClock::env_ahead(ahead));
        } else if files.disk.is_none() {
            postmaster.envs(clock.env());
        }
        if let Some((certificate, port)) = options.tls {
            files.use_tls(certificate, port, &mut postmaster);
        }
        let process = start_postmaster(&mut postmaster).await;
        let port = options.tls.map(|(_, port)| port);
        let cluster = Self { process: Some(process), clock, files, port, _directory: directory };
        if options.primary.is_none() {
            cluster.create_database();
        }
        cluster
    }

    fn create_database(&self) {
        let mut createdb = self.files.command("createdb");
        createdb.args(["--username=homepot", "--host"]).arg(&self.files.home).arg("homepot");
        if let Some(port) = self.port {
            createdb.args(["--port", &port.to_string()]);
        }
        let made = createdb.output().expect("createdb runs");
        assert!(made.status.success(), "{}", self.tail());
    }

    /// A look into it.
    pub fn database(&self) -> Database {
        Database::of(&self.files.outside(&self.files.home))
    }

    /// The address of a database that is at whichever of the two takes writes.
    pub fn url_with(&self, other: &Self) -> String {
        let hosts = [self, other].map(|cluster| cluster.files.home.display().to_string().replace('/', "%2F"));
        format!("postgres:///homepot?host={}&user=homepot", hosts.join(","))
    }

    /// The address of its database at its port, with these further words of a connection.
    pub fn tcp_url(&self, words: &str) -> String {
        format!("postgres://homepot@localhost:{}/homepot?{words}", self.port.expect("it was started with TLS"))
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

async fn start_postmaster(postmaster: &mut Command) -> Process {
    let process = Process::start("postgres", postmaster);
    let ready = |line: &serde_json::Value| line.as_str()?.contains("ready to accept").then_some(());
    process.logged("that it is ready", ready).await;
    process
}

impl Drop for Cluster {
    fn drop(&mut self) {
        // A fast shutdown: Postgres ends its own children. It needs room for that.
        if let Some(disk) = &self.files.disk {
            disk.free();
        }
        if let Some(process) = &self.process {
            process.interrupt();
            wait_gone(process.id(), Duration::from_secs(10).min(PATIENCE));
        }
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
