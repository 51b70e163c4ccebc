//! `homepot serve` as a process of its own.

use std::{
    fs::File,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use anyhow::Context as _;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;
use tokio::{
    process::{Child, Command},
    time::{Instant, sleep, timeout},
};

use super::{Psql, Workshop};

/// Long: a database of 100 million rows may have a log to replay.
const START: Duration = Duration::from_secs(300);
const STOP: Duration = Duration::from_secs(60);
const POLL: Duration = Duration::from_millis(20);
/// Lines of a log that are shown when its program fails.
const TAIL: usize = 20;

/// A setting of the server, as an environment variable.
pub type Setting<'a> = (&'a str, &'a str);

/// A running server; dropping it ends it, and its private Postgres with it.
#[derive(Debug)]
pub struct Server {
    child: Child,
    data: PathBuf,
    /// `host:port` of the gRPC services.
    pub grpc: String,
    /// `host:port` of REST.
    pub rest: String,
    /// `host:port` of health and metrics.
    pub ops: String,
    /// Removed with the server, unless the data is to be kept.
    _directory: Option<TempDir>,
}

impl Server {
    /// Starts one on new data.
    pub async fn start(workshop: &Workshop, settings: &[Setting<'_>]) -> anyhow::Result<Self> {
        let directory = workshop.scratch()?;
        let data = directory.path().join("data");
        Self::spawn(workshop, settings, data, Some(directory)).await
    }

    /// Starts one on data that stays.
    pub async fn start_on(workshop: &Workshop, settings: &[Setting<'_>], data: &Path) -> anyhow::Result<Self> {
        Self::spawn(workshop, settings, data.to_owned(), None).await
    }

    async fn spawn(
        workshop: &Workshop,
        settings: &[Setting<'_>],
        data: PathBuf,
        directory: Option<TempDir>,
    ) -> anyhow::Result<Self> {
        let program = workshop.program("homepot")?;
        std::fs::create_dir_all(&data)?;
        let log = File::create(data.join("server.log"))?;
        let mut command = Command::new(&program);
        for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("HOMEPOT_")) {
            command.env_remove(name);
        }
        let child = command
            // A benchmark that is killed takes its server along.
            .arg("tether")
            .arg(std::process::id().to_string())
            .arg(&program)
            .arg("serve")
            .env("HOMEPOT_DATA_DIR", &data)
            .env("HOMEPOT_GRPC_ADDR", "127.0.0.1:0")
            .env("HOMEPOT_REST_ADDR", "127.0.0.1:0")
            .env("HOMEPOT_OPS_ADDR", "127.0.0.1:0")
            .env("HOMEPOT_LOG_FORMAT", "json")
            .envs(settings.iter().copied())
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            // Ctrl-C goes to the benchmark, which ends the server in its turn.
            .process_group(0)
            .kill_on_drop(false)
            .spawn()
            .with_context(|| format!("can't start {}", program.display()))?;
        let (grpc, rest, ops) = Default::default();
        let mut server = Self { child, data, grpc, rest, ops, _directory: directory };
        server.wait_until_ready().await?;
        Ok(server)
    }

    async fn wait_until_ready(&mut self) -> anyhow::Result<()> {
        let deadline = Instant::now() + START;
        loop {
            if let Some(line) = self.logged("ready") {
                let address = |name: &str| Some(field(&line, name)?.as_str()?.to_owned());
                let addresses = (|| Some((address("grpc_addr")?, address("rest_addr")?, address("ops_addr")?)))();
                (self.grpc, self.rest, self.ops) = addresses.context("a ready server tells its addresses")?;
                return Ok(());
            }
            if let Some(status) = self.child.try_wait()? {
                anyhow::bail!("the server ended at its start ({status})\n{}", self.tail());
            }
            anyhow::ensure!(Instant::now() < deadline, "the server is not ready after {START:?}\n{}", self.tail());
            sleep(POLL).await;
        }
    }

    /// The first line of its log with that message.
    fn logged(&self, message: &str) -> Option<Value> {
        let log = self.log();
        let mut lines = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        lines.find(|line| field(line, "message").and_then(Value::as_str) == Some(message))
    }

    fn log(&self) -> String {
        let bytes = std::fs::read(self.data.join("server.log")).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// The end of its log, for the message of a failure.
    pub fn tail(&self) -> String {
        let log = self.log();
        let lines: Vec<_> = log.lines().collect();
        format!("--- the server's log ends\n{}", lines[lines.len().saturating_sub(TAIL)..].join("\n"))
    }

    /// Its process.
    pub fn pid(&self) -> anyhow::Result<u32> {
        self.child.id().with_context(|| format!("the server has ended\n{}", self.tail()))
    }

    /// The token of the first admin.
    pub fn admin_token(&self) -> anyhow::Result<String> {
        let path = self.data.join("admin-token");
        let token = std::fs::read_to_string(&path).with_context(|| format!("can't read {}", path.display()))?;
        Ok(token.trim().to_owned())
    }

    /// A way into its private Postgres.
    pub fn psql(&self) -> anyhow::Result<Psql> {
        Psql::private(&self.data)
    }

    /// Ends it in good order and waits for that.
    pub async fn stop(mut self) -> anyhow::Result<()> {
        self.signal(Signal::TERM);
        let status = timeout(STOP, self.child.wait()).await.context("the server does not stop")??;
        anyhow::ensure!(status.success(), "the server ended with {status}\n{}", self.tail());
        Ok(())
    }

    /// Kills it with -9 and waits until it is gone; a private Postgres of its own may still be on its way out.
    pub async fn kill(mut self) -> anyhow::Result<()> {
        self.signal(Signal::KILL);
        timeout(STOP, self.child.wait()).await.context("the server does not die")??;
        Ok(())
    }

    fn signal(&self, signal: Signal) {
        // Not reaped yet, so the number is still its own.
        if let Some(pid) = self.child.id().and_then(|id| Pid::from_raw(id.cast_signed())) {
            let _ = kill_process(pid, signal);
        }
    }
}

impl Drop for Server {
    /// Without a runtime to wait in: kill it, and wait until Postgres, which ends with it, lets go of its files.
    fn drop(&mut self) {
        if !matches!(self.child.try_wait(), Ok(None)) {
            return;
        }
        self.signal(Signal::KILL);
        let gone = |server: &mut Self| !matches!(server.child.try_wait(), Ok(None)) && server.psql().is_err();
        let deadline = std::time::Instant::now() + STOP;
        while !gone(self) && std::time::Instant::now() < deadline {
            std::thread::sleep(POLL);
        }
    }
}

/// A field of a log line, whether or not the fields are nested.
fn field<'a>(line: &'a Value, name: &str) -> Option<&'a Value> {
    line.get("fields").and_then(|fields| fields.get(name)).or_else(|| line.get(name))
}
