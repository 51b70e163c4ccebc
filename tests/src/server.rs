//! `homepot serve` as a process of its own.

use std::{
    net::IpAddr,
    ops::{Deref, DerefMut},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Command,
    sync::atomic::{AtomicU16, Ordering},
    time::Duration,
};

use serde_json::Value;
use tempfile::TempDir;

use crate::{
    PATIENCE, Process, System,
    any_system::needs_its_own,
    prepared,
    process::{kill_stranger, wait_gone},
    program,
    rest::{Request, Response},
};

/// How a server differs from the usual one.
#[derive(Clone, Debug, Default)]
pub struct ServerOptions {
    /// Settings, as environment variables.
    pub env: Vec<(&'static str, String)>,
    /// How many files and sockets it may have open; `None`: as many as the tester.
    pub descriptors: Option<u32>,
    /// The program that is the server; `None`: `homepot`.
    pub program: Option<&'static str>,
    /// Whether it begins without anything; see [`Self::fresh`].
    fresh: bool,
}

impl ServerOptions {
    /// Adds a setting.
    #[must_use]
    pub fn env(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.env.push((name, value.into()));
        self
    }

    /// Runs another program as the server.
    #[must_use]
    pub fn program(mut self, name: &'static str) -> Self {
        self.program = Some(name);
        self
    }

    /// Begins without a data directory, as on a new machine. Others get a copy of what such a start leaves, unless a setting
    /// or the program says that they are not like it.
    #[must_use]
    pub fn fresh(mut self) -> Self {
        self.fresh = true;
        self
    }

    fn begins_prepared(&self) -> bool {
        const OWN: [&str; 5] =
            ["HOMEPOT_ADMIN_TOKEN", "HOMEPOT_DATABASE", "HOMEPOT_DATA_DIR", "HOMEPOT_MIGRATIONS", "HOMEPOT_SECRET"];
        let is_own = |(name, _): &(&str, String)| OWN.iter().any(|own| name.starts_with(own));
        !self.fresh && self.program.is_none() && !self.env.iter().any(is_own)
    }

    /// Allows it only so many open files and sockets, as `ulimit -n` does.
    #[must_use]
    pub fn descriptors(mut self, limit: u32) -> Self {
        self.descriptors = Some(limit);
        self
    }
}

/// A running server; dropping it ends it, its database, and its files.
#[derive(Debug)]
pub struct Server {
    process: Option<Process>,
    options: ServerOptions,
    system: System,
    /// `host:port` of health and metrics.
    pub ops_addr: String,
    directory: TempDir,
}

impl Deref for Server {
    type Target = System;

    fn deref(&self) -> &System {
        &self.system
    }
}

impl DerefMut for Server {
    fn deref_mut(&mut self) -> &mut System {
        &mut self.system
    }
}

impl Server {
    /// Starts one and waits until it is ready.
    pub async fn start() -> Self {
        Self::start_with(ServerOptions::default()).await
    }

    /// Starts one that differs.
    pub async fn start_with(options: ServerOptions) -> Self {
        needs_its_own();
        let (any, directory) = ("127.0.0.1:0".to_owned(), data_parent());
        let system = System {
            grpc_addr: any.clone(),
            device_addr: None,
            rest_addr: any.clone(),
            admin_token: String::new(),
            cluster: directory.path().join("data"),
        };
        if options.begins_prepared() {
            Box::pin(prepared::lay(&directory.path().join("data"))).await;
        }
        let mut server = Self { process: None, options, system, ops_addr: any, directory };
        server.spawn();
        server.ready().await;
        server
    }

    /// The command that starts a server like this one, for tests that start it otherwise.
    pub fn command(&self) -> Command {
        let name = self.options.program.unwrap_or("homepot");
        let mut command = match self.options.descriptors {
            None => clean(Command::new(program(name))),
            Some(limit) => {
                let mut shell = clean(Command::new("sh"));
                shell.args(["-c", &format!("ulimit -n {limit} && exec \"$0\" \"$@\"")]).arg(program(name));
                shell
            }
        };
        command
            .arg("serve")
            .env("HOMEPOT_DATA_DIR", self.data_dir())
            .env("HOMEPOT_GRPC_ADDR", &self.grpc_addr)
            .env("HOMEPOT_REST_ADDR", &self.rest_addr)
            .env("HOMEPOT_OPS_ADDR", &self.ops_addr)
            .env("HOMEPOT_LOG", "info")
            .envs(self.options.env.iter().map(|(name, value)| (name, value)));
        command
    }

    fn spawn(&mut self) {
        self.process = Some(Process::start("homepot serve", &mut self.command()));
    }

    async fn ready(&mut self) {
        let [grpc, rest, ops] = self
            .process()
            .logged("that it is ready", |line| {
                if field(line, "message")? != "ready" {
                    return None;
                }
                // A role that does not run has no address.
                let address = |name| field(line, name).and_then(Value::as_str).unwrap_or("127.0.0.1:0").to_owned();
                Some([address("grpc_addr"), address("rest_addr"), address("ops_addr")])
            })
            .await;
        (self.grpc_addr, self.rest_addr, self.ops_addr) = (grpc, rest, ops);
        // The one that makes the first admin keeps the token; what joins a database later has none.
        if let Ok(token) = std::fs::read_to_string(self.data_dir().join("admin-token")) {
            self.admin_token = token.trim().to_owned();
        }
    }

    /// The process; panics while the server is down.
    pub fn process(&self) -> &Process {
        self.process.as_ref().expect("the server is up")
    }

    /// Its data directory.
    pub fn data_dir(&self) -> PathBuf {
        self.directory.path().join("data")
    }

    /// Kills the server as a crash would, and waits until it and its database are gone.
    pub fn kill9(&mut self) {
        let postmaster = postmaster(&self.data_dir());
        if let Some(mut process) = self.process.take() {
            process.kill();
        }
        if let Some(id) = postmaster {
            assert!(wait_gone(id, PATIENCE), "the private cluster outlives its server");
        }
    }

    /// Kills the server and leaves its database to itself: the next start has to cope with whatever it finds.
    pub fn kill9_and_look_away(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.kill();
        }
    }

    /// Kills the private Postgres alone.
    pub fn kill_postgres(&self) {
        kill_stranger(postmaster(&self.data_dir()).expect("the private cluster runs"));
    }

    /// Starts another server on this one's database, with `options`; it knows the same admin.
    pub async fn start_beside(&self, options: ServerOptions) -> Self {
        let secret = self.data_dir().join("server-secret").display().to_string();
        let options = options.env("HOMEPOT_DATABASE_URL", self.database().url()).env("HOMEPOT_SECRET_FILE", secret);
        let mut beside = Self::start_with(options).await;
        beside.admin_token.clone_from(&self.admin_token);
        beside
    }

    /// Starts it again after it went down, on the same data and the same addresses.
    pub async fn restart(&mut self) {
        assert!(self.process.is_none(), "the server is still up");
        self.spawn();
        self.ready().await;
    }

    /// Asks it to end; answers how it ended. Panics when that takes longer than `limit`.
    pub async fn stop(&mut self, limit: Duration) -> std::process::ExitStatus {
        let mut process = self.process.take().expect("the server is up");
        process.terminate();
        process.ended(limit).await
    }

    /// Gets a page of the ops address.
    pub async fn ops(&self, target: &str) -> Response {
        Request::get(target).send(&self.ops_addr).await
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let postmaster = postmaster(&self.data_dir());
        // With the process go its last words; see `Process`.
        drop(self.process.take());
        if let Some(id) = postmaster {
            // Its server's end ends it, which is a test's to show; here it only must not be in the way of the files.
            if !wait_gone(id, Duration::from_secs(5)) {
                kill_stranger(id);
            }
        }
    }
}

/// The program with nothing of the tester's own settings.
pub fn homepot_command() -> Command {
    let mut command = clean(Command::new(program("homepot")));
    command.env("XDG_CONFIG_HOME", "/nowhere");
    command
}

/// An address on loopback at which nobody listens now, for a server whose log does not tell it in time.
pub fn free_address() -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("it is bound").to_string()
}

/// Takes the tester's own settings off a command.
pub fn clean(mut command: Command) -> Command {
    let is_ours = |name: &str| ["HOMEPOT_", "OTEL_"].iter().any(|prefix| name.starts_with(prefix));
    for (name, _) in std::env::vars_os().filter(|(name, _)| is_ours(&name.to_string_lossy())) {
        command.env_remove(name);
    }
    command
}

/// A directory for data directories. As root the server runs Postgres as another user, who has to get through.
pub fn data_parent() -> TempDir {
    let directory = tempfile::Builder::new().prefix("homepot-e2e-").tempdir().expect("a directory can be made");
    let open = std::fs::Permissions::from_mode(0o755);
    std::fs::set_permissions(directory.path(), open).expect("it is ours");
    directory
}

/// A field of a log line, whether or not the fields are nested.
pub fn field<'a>(line: &'a Value, name: &str) -> Option<&'a Value> {
    line.get("fields").and_then(|fields| fields.get(name)).or_else(|| line.get(name))
}

/// An address of this machine that nobody called from before, so that the failures counted against one address are
/// this caller's own.
pub fn elsewhere() -> IpAddr {
    static NEXT: AtomicU16 = AtomicU16::new(1);
    let [high, low] = NEXT.fetch_add(1, Ordering::Relaxed).to_be_bytes();
    IpAddr::from([127, 77, high, low])
}

/// The process id of the private cluster below a data directory, if one runs.
pub fn postmaster(data_dir: &Path) -> Option<u32> {
    let text = std::fs::read_to_string(crate::database::cluster_dir(data_dir)?.join("postmaster.pid")).ok()?;
    text.lines().next()?.trim().parse().ok()
}
