//! Postgres through psql: for what a benchmark prepares and checks behind the server's back, and for the ceilings.

use std::{
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use anyhow::Context as _;
use tokio::{io::AsyncWriteExt as _, process::Command, time::Instant};

/// A way into one database, as its owner.
#[derive(Clone, Debug)]
pub struct Psql {
    host: String,
    port: String,
    database: String,
    postmaster: u32,
}

impl Psql {
    /// Into the private cluster below a server's data directory; an error when none runs.
    pub fn private(data: &Path) -> anyhow::Result<Self> {
        Self::of_cluster(&data.join("postgres/data"))
    }

    /// Into the running cluster with that data directory.
    pub fn of_cluster(cluster: &Path) -> anyhow::Result<Self> {
        let file = cluster.join("postmaster.pid");
        let text = std::fs::read_to_string(&file).with_context(|| format!("can't read {}", file.display()))?;
        let line = |number: usize| text.lines().nth(number).map(|line| line.trim().to_owned());
        let all = || Some((line(4)?, line(3)?, line(0)?.parse().ok()?));
        let (host, port, postmaster) = all().context("the cluster is not up")?;
        Ok(Self { host, port, database: "homepot".to_owned(), postmaster })
    }

    /// The same cluster's database of that name.
    #[must_use]
    pub fn in_database(mut self, name: &str) -> Self {
        name.clone_into(&mut self.database);
        self
    }

    /// The process that all others of the cluster come from.
    pub fn postmaster(&self) -> u32 {
        self.postmaster
    }

    fn command(&self) -> anyhow::Result<Command> {
        let mut psql = Command::new(postgres_program("psql")?);
        psql.args(["--no-psqlrc", "--quiet", "--tuples-only", "--no-align", "--set=ON_ERROR_STOP=1"])
            .args(["--host", &self.host, "--port", &self.port, "--username", "homepot", "--dbname", &self.database])
            .stdin(Stdio::null())
            .kill_on_drop(true);
        Ok(psql)
    }

    /// What a statement prints.
    pub async fn run(&self, sql: &str) -> anyhow::Result<String> {
        let output = self.command()?.args(["--command", sql]).output().await?;
        let said = String::from_utf8_lossy(&output.stderr);
        anyhow::ensure!(output.status.success(), "psql: {sql}: {said}");
        Ok(String::from_utf8(output.stdout)?.trim().to_owned())
    }

    /// What a script prints: statements, meta-commands and rows for COPY, as psql reads them from a file.
    pub async fn script(&self, text: &str) -> anyhow::Result<String> {
        let mut psql = self.command()?;
        psql.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = psql.spawn()?;
        let mut stdin = child.stdin.take().context("stdin is piped")?;
        let write = async move {
            // When psql ends early, what it says counts.
            let _ = stdin.write_all(text.as_bytes()).await;
        };
        let ((), output) = tokio::join!(write, child.wait_with_output());
        let output = output?;
        let said = String::from_utf8_lossy(&output.stderr);
        anyhow::ensure!(output.status.success(), "psql: {said}");
        Ok(String::from_utf8(output.stdout)?)
    }

    /// The one number that a query answers.
    pub async fn number(&self, sql: &str) -> anyhow::Result<f64> {
        let text = self.run(sql).await?;
        text.parse().with_context(|| format!("{sql}: '{text}' is no number"))
    }

    /// How long a statement takes, process start and connection included.
    pub async fn timed(&self, sql: &str) -> anyhow::Result<Duration> {
        let start = Instant::now();
        self.run(sql).await?;
        Ok(start.elapsed())
    }

    /// How long each of the statements takes by psql's own clock, one connection for all.
    pub async fn timings(&self, statements: &[String]) -> anyhow::Result<Vec<Duration>> {
        let script: String = statements.iter().map(|sql| format!("{sql}\n\\g /dev/null\n")).collect();
        let printed = self.script(&format!("\\timing on\n{script}")).await?;
        let millis = printed.lines().filter_map(|line| line.strip_prefix("Time: ")?.split(' ').next()?.parse().ok());
        let times: Vec<_> = millis.map(|millis: f64| Duration::from_secs_f64(millis / 1e3)).collect();
        anyhow::ensure!(times.len() == statements.len(), "psql told {} times of {}", times.len(), statements.len());
        Ok(times)
    }
}

/// A program of Postgres; Debian keeps some off the PATH. The newest where there are several.
pub fn postgres_program(name: &str) -> anyhow::Result<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut places: Vec<_> = std::env::split_paths(&path).collect();
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut versions: Vec<_> = versions.map(|version| version.path()).collect();
    let major = |path: &PathBuf| path.file_name().and_then(|name| name.to_str()?.parse::<u32>().ok());
    versions.sort_by_key(|path| std::cmp::Reverse(major(path)));
    places.extend(versions.into_iter().map(|version| version.join("bin")));
    let found = places.into_iter().map(|place| place.join(name)).find(|path| path.is_file());
    found.with_context(|| format!("{name} is not installed; `make bench` installs it"))
}
