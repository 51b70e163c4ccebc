//! Whoever makes releases and starts rollouts: with the commands that people use.

use std::{
    path::PathBuf,
    sync::atomic::{AtomicU64, Ordering},
};

use anyhow::Context as _;
use serde_json::Value;
use tempfile::TempDir;
use tokio::process::Command;

use crate::{
    host::{Server, Workshop},
    run::simulation::clean,
};

/// See the [module](self).
pub(super) struct Person {
    program: PathBuf,
    /// Keys and releases.
    directory: TempDir,
    url: String,
    token: String,
    counter: AtomicU64,
}

impl Person {
    pub(super) fn new(workshop: &Workshop, server: &Server) -> anyhow::Result<Self> {
        Ok(Self {
            program: workshop.program("homepot")?,
            directory: workshop.scratch()?,
            url: format!("http://{}", server.grpc),
            token: server.admin_token()?,
            counter: AtomicU64::new(0),
        })
    }

    /// Publishes a release of one file, which is another one each time; its id.
    pub(super) async fn publish(&self, bytes: usize) -> anyhow::Result<String> {
        let counter = self.counter.fetch_add(1, Ordering::Relaxed) + 1;
        if counter == 1 {
            self.introduce().await?;
        }
        let name = format!("release-{counter}");
        let place = self.directory.path().join(&name);
        std::fs::create_dir_all(&place)?;
        let content: Vec<u8> = (0..bytes as u64).map(|at| crate::fleet::mix(counter << 40 | at) as u8).collect();
        std::fs::write(place.join("content"), content)?;
        let text = format!(
            "name = \"bench\"\nversion = \"{counter}\"\ncounter = {counter}\nexpires = 2999-01-01T00:00:00Z\n\
             [targets.prices]\nfile = \"content\"\n"
        );
        std::fs::write(place.join("release.toml"), text)?;
        self.run(&["release", "build", &name]).await?;
        let release = format!("{name}/bench-{counter}.release");
        self.run(&["sign", &release, "--key", "key.pem"]).await?;
        let told = self.run(&["ctl", "releases", "upload", &release, "--output", "name"]).await?;
        Ok(told.split_whitespace().last().context("an upload tells the release's id")?.to_owned())
    }

    /// A key, and a root that trusts it.
    async fn introduce(&self) -> anyhow::Result<()> {
        let told = self.run(&["release", "key", "key.pem"]).await?;
        let line = told.lines().find_map(|line| line.find("homepot-ed25519 ").map(|at| line[at..].trim()));
        let key = line.context("a new key is shown")?.trim_matches('"');
        let id = key.split(' ').nth(1).context("a key has an id")?;
        let role = format!("threshold = 1\nkeys = [\"{id}\"]\n");
        let root =
            format!("version = 1\nexpires = 2999-01-01T00:00:00Z\nkeys = [\"{key}\"]\n[root]\n{role}[release]\n{role}");
        std::fs::write(self.directory.path().join("root.toml"), root)?;
        self.run(&["release", "root", "root.toml", "--out", "root.signed"]).await?;
        self.run(&["sign", "root.signed", "--key", "key.pem"]).await?;
        self.run(&["ctl", "releases", "trust", "root.signed"]).await?;
        Ok(())
    }

    /// Starts a rollout to all of the fleet; its id.
    pub(super) async fn start(&self, release: &str, in_flight: u32, of_site: u32) -> anyhow::Result<String> {
        let (in_flight, of_site) = (in_flight.to_string(), of_site.to_string());
        let arguments = ["ctl", "rollouts", "start", release, "--yes", "--fleet", "--source", "simulated"];
        let limits = ["--soak", "0s", "--max-in-flight", &in_flight, "--max-in-flight-per-site", &of_site];
        let told = self.run(&[&arguments[..], &limits, &["--output", "json"]].concat()).await?;
        let told: Value = serde_json::from_str(&told).context("a rollout as JSON")?;
        let rollout = told.get("rollout").unwrap_or(&told);
        Ok(rollout["rollout_id"].as_str().context("a rollout has an id")?.to_owned())
    }

    pub(super) async fn abort(&self, rollout: &str) -> anyhow::Result<()> {
        self.run(&["ctl", "rollouts", "abort", rollout, "--reason", "the benchmark's"]).await.map(drop)
    }

    async fn run(&self, arguments: &[&str]) -> anyhow::Result<String> {
        let output = clean(Command::new(&self.program))
            .args(arguments)
            .current_dir(self.directory.path())
            .env("HOMEPOT_GRPC_URL", &self.url)
            .env("HOMEPOT_TOKEN", &self.token)
            .output()
            .await?;
        let said = String::from_utf8_lossy(&output.stderr);
        anyhow::ensure!(output.status.success(), "homepot {}: {said}", arguments.join(" "));
        Ok(String::from_utf8(output.stdout)?)
    }
}
