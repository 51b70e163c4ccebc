//! A Postgres of the benchmark's own, which it may stop: the server's private one would be started again at once.

use std::{
    fs,
    os::unix::fs::{MetadataExt as _, chown},
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use anyhow::Context as _;
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;
use tokio::{
    process::{Child, Command},
    time::{Instant, sleep, timeout},
};

use super::{Psql, Workshop, postgres_program};

const PATIENCE: Duration = Duration::from_secs(60);

/// A cluster in a directory that goes with it.
#[derive(Debug)]
pub struct Cluster {
    directory: TempDir,
    user: Option<(u32, u32)>,
    postmaster: Option<Child>,
}

impl Cluster {
    /// Makes one with an empty database `homepot`, and starts it.
    pub async fn start(workshop: &Workshop) -> anyhow::Result<Self> {
        let directory = workshop.scratch()?;
        let user = user()?;
        if let Some((uid, gid)) = user {
            chown(directory.path(), Some(uid), Some(gid))?;
        }
        let mut cluster = Self { directory, user, postmaster: None };
        let made = cluster
            .command("initdb")?
            .arg("--pgdata")
            .arg(cluster.data())
            .args(["--username=homepot", "--auth=trust", "--encoding=UTF8", "--locale=C", "--data-checksums"])
            .output()
            .await?;
        anyhow::ensure!(made.status.success(), "initdb: {}", String::from_utf8_lossy(&made.stderr));
        cluster.resume().await?;
        let psql = Psql::of_cluster(&cluster.data())?;
        psql.in_database("postgres").run("CREATE DATABASE homepot").await?;
        Ok(cluster)
    }

    /// A way into it; an error while it is away.
    pub fn psql(&self) -> anyhow::Result<Psql> {
        Psql::of_cluster(&self.data())
    }

    /// Its address, for a server.
    pub fn url(&self) -> String {
        let host = self.directory.path().display().to_string().replace('/', "%2F");
        format!("postgres:///homepot?host={host}&user=homepot")
    }

    /// Stops it as an administrator in a hurry would: every connection is cut.
    pub async fn pause(&mut self) -> anyhow::Result<()> {
        let mut postmaster = self.postmaster.take().context("the cluster is up")?;
        if let Some(pid) = postmaster.id().and_then(|id| Pid::from_raw(id.cast_signed())) {
            kill_process(pid, Signal::INT)?;
        }
        timeout(PATIENCE, postmaster.wait()).await.context("Postgres does not stop")??;
        Ok(())
    }

    /// Starts it again.
    pub async fn resume(&mut self) -> anyhow::Result<()> {
        let log = fs::File::create(self.directory.path().join("postgres.log"))?;
        let child = self
            .command("postgres")?
            .arg("-D")
            .arg(self.data())
            .arg("-k")
            .arg(self.directory.path())
            .args(["-c", "listen_addresses=", "-c", "max_wal_size=4GB", "-c", "shared_buffers=512MB"])
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()?;
        self.postmaster = Some(child);
        let deadline = Instant::now() + PATIENCE;
        while !is_ready(&self.data()) {
            anyhow::ensure!(Instant::now() < deadline, "Postgres does not start");
            sleep(Duration::from_millis(20)).await;
        }
        Ok(())
    }

    fn data(&self) -> PathBuf {
        self.directory.path().join("data")
    }

    fn command(&self, name: &str) -> anyhow::Result<Command> {
        let mut command = Command::new(postgres_program(name)?);
        command.current_dir(self.directory.path()).stdin(Stdio::null()).env("LC_ALL", "C").kill_on_drop(true);
        // Ctrl-C goes to the benchmark, which stops Postgres after the server.
        command.process_group(0);
        if let Some((uid, gid)) = self.user {
            command.uid(uid).gid(gid);
        }
        Ok(command)
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        let Some(mut postmaster) = self.postmaster.take() else { return };
        if let Some(pid) = postmaster.id().and_then(|id| Pid::from_raw(id.cast_signed())) {
            let _ = kill_process(pid, Signal::QUIT);
        }
        let deadline = std::time::Instant::now() + PATIENCE;
        while matches!(postmaster.try_wait(), Ok(None)) && std::time::Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

/// Postgres refuses to be root: then it is `postgres` or `nobody`.
fn user() -> anyhow::Result<Option<(u32, u32)>> {
    if !rustix::process::geteuid().is_root() {
        return Ok(None);
    }
    let users = fs::read_to_string("/etc/passwd")?;
    let found = ["postgres", "nobody"].iter().find_map(|name| {
        let fields: Vec<_> = users.lines().map(|line| line.split(':').collect::<Vec<_>>()).find(|f| f[0] == *name)?;
        Some((fields.get(2)?.parse().ok()?, fields.get(3)?.parse().ok()?))
    });
    found.map(Some).context("this machine has neither a user postgres nor a user nobody")
}

/// The eighth line of its own pid file says so; that of a cluster that went down is gone.
fn is_ready(data: &Path) -> bool {
    let file = data.join("postmaster.pid");
    let text = fs::read_to_string(&file).unwrap_or_default();
    fs::metadata(&file).is_ok_and(|meta| meta.size() > 0) && text.lines().nth(7).map(str::trim) == Some("ready")
}
