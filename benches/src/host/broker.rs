//! Mosquitto as a process of its own: the ceiling of what reaches a device.

use std::{fs::File, path::PathBuf, process::Stdio, time::Duration};

use anyhow::Context as _;
use tempfile::TempDir;
use tokio::{
    net::TcpStream,
    process::{Child, Command},
    time::{Instant, sleep},
};

use super::{Workshop, free_address, said};

const PATIENCE: Duration = Duration::from_secs(30);

/// A running broker; dropping it ends it.
#[derive(Debug)]
pub struct Broker {
    child: Child,
    /// `host:port` of MQTT.
    pub address: String,
    /// Its name and version.
    pub version: String,
    _directory: TempDir,
}

impl Broker {
    /// Whether there is one to start: to be asked before the long part.
    pub fn check_installed() -> anyhow::Result<()> {
        program().map(drop)
    }

    /// Starts one with Debian's defaults, which keep nothing on disk, and Nagle's algorithm off.
    pub async fn start(workshop: &Workshop) -> anyhow::Result<Self> {
        let (program, directory, address) = (program()?, workshop.scratch()?, free_address()?);
        let (host, port) = address.rsplit_once(':').context("an address has a port")?;
        let config = directory.path().join("mosquitto.conf");
        std::fs::write(
            &config,
            format!("listener {port} {host}\nallow_anonymous true\npersistence false\nset_tcp_nodelay true\n"),
        )?;
        let log = File::create(directory.path().join("mosquitto.log"))?;
        let child = Command::new(workshop.program("homepot")?)
            // A benchmark that is killed takes its broker along.
            .arg("tether")
            .arg(std::process::id().to_string())
            .arg(&program)
            .arg("-c")
            .arg(&config)
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .process_group(0)
            .kill_on_drop(true)
            .spawn()?;
        // Its help begins with the version; the status is not success.
        let version = said(std::process::Command::new(&program).arg("-h"));
        let version = version.lines().next().unwrap_or_default().to_owned();
        let mut broker = Self { child, address, version, _directory: directory };
        let deadline = Instant::now() + PATIENCE;
        while TcpStream::connect(&broker.address).await.is_err() {
            let log = broker.log();
            anyhow::ensure!(broker.child.try_wait()?.is_none(), "mosquitto ended at its start: {log}");
            anyhow::ensure!(Instant::now() < deadline, "mosquitto does not start: {log}");
            sleep(Duration::from_millis(20)).await;
        }
        Ok(broker)
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self._directory.path().join("mosquitto.log")).unwrap_or_default()
    }

    /// Ends it and waits for that.
    pub async fn stop(mut self) -> anyhow::Result<()> {
        Ok(self.child.kill().await?)
    }
}

/// Debian keeps it off the PATH of those who are not root.
fn program() -> anyhow::Result<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let places = std::env::split_paths(&path).chain(["/usr/sbin".into(), "/usr/local/sbin".into()]);
    let found = places.map(|place| place.join("mosquitto")).find(|path| path.is_file());
    found.context("mosquitto is not installed; `make bench` installs it, --without-mosquitto leaves it out")
}
