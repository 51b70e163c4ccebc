//! A look into Postgres behind the server's back, through psql.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::eventually;

/// The private cluster below a data directory.
#[derive(Clone, Debug)]
pub struct Database {
    data_dir: PathBuf,
    user: String,
}

impl Database {
    /// The cluster of the server with that data directory.
    pub fn of(data_dir: &Path) -> Self {
        Self { data_dir: data_dir.to_path_buf(), user: "homepot".to_owned() }
    }

    /// The same with the rights of another user.
    #[must_use]
    pub fn as_user(mut self, user: &str) -> Self {
        user.clone_into(&mut self.user);
        self
    }

    /// The rows of a query, each an object with its columns.
    pub async fn rows(&self, query: &str) -> Vec<Value> {
        let text = self.psql(&format!("SELECT to_jsonb(r) FROM ({query}) r")).await;
        text.lines().map(|line| serde_json::from_str(line).expect("to_jsonb makes JSON")).collect()
    }

    /// The one number that a query answers.
    pub async fn number(&self, query: &str) -> i64 {
        self.psql(query).await.trim().parse().expect("the query answers a number")
    }

    /// As [`Self::number`], for a database that was killed a moment ago: asked until it is up again and answers.
    pub async fn number_once_up(&self, query: &str) -> i64 {
        let ask = async || {
            self.try_socket()?;
            let output = self.query(query).output().await.expect("psql runs");
            String::from_utf8_lossy(&output.stdout).trim().parse().ok()
        };
        eventually("an answer of the database", ask).await
    }

    /// Runs a statement that answers nothing.
    pub async fn run(&self, statement: &str) {
        self.psql(statement).await;
    }

    /// All of it as SQL, as an operator's backup has it, less what only this version of Postgres reads.
    pub async fn dump(&self) -> String {
        let mut pg_dump = self.client("pg_dump");
        pg_dump.args(["--no-owner", "--no-privileges", "homepot"]);
        let text = finished("pg_dump", pg_dump).await;
        // A guard against what a hostile server could write into a dump; older versions of psql do not know it.
        let is_guard = |line: &&str| line.starts_with("\\restrict ") || line.starts_with("\\unrestrict ");
        text.lines().filter(|line| !is_guard(line)).flat_map(|line| [line, "\n"]).collect()
    }

    /// Runs the SQL of a file, such as a dump; all of it or nothing.
    pub async fn load(&self, file: &Path) {
        let mut psql = self.client("psql");
        psql.args(["--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1", "--single-transaction", "--output=/dev/null"])
            .args(["--dbname", "homepot", "--file"])
            .arg(file);
        finished(&file.display().to_string(), psql).await;
    }

    /// Its address, for another server.
    pub fn url(&self) -> String {
        let (port, socket_dir) = self.socket();
        format!("postgres:///homepot?host={}&port={port}&user={}", socket_dir.replace('/', "%2F"), self.user)
    }

    /// Port and directory of its socket.
    fn socket(&self) -> (String, String) {
        self.try_socket().expect("the private cluster is up")
    }

    fn try_socket(&self) -> Option<(String, String)> {
        let lock = std::fs::read_to_string(cluster_dir(&self.data_dir)?.join("postmaster.pid")).ok()?;
        let mut lines = lock.lines().skip(3).map(|line| line.trim().to_owned());
        lines.next().zip(lines.next())
    }

    async fn psql(&self, query: &str) -> String {
        finished(query, self.query(query)).await
    }

    fn query(&self, query: &str) -> tokio::process::Command {
        let mut psql = self.client("psql");
        psql.args(["--no-psqlrc", "--quiet", "--tuples-only", "--no-align", "--set=ON_ERROR_STOP=1"]);
        psql.args(["--dbname", "homepot", "--command", query]);
        psql
    }

    /// A program of Postgres that connects to the cluster.
    fn client(&self, program: &str) -> tokio::process::Command {
        let (port, socket_dir) = self.socket();
        let mut command = tokio::process::Command::new(binary(program));
        command.args(["--host", &socket_dir, "--port", &port, "--username", &self.user]).kill_on_drop(true);
        command
    }
}

/// What a program printed; panics when it failed at `what`.
async fn finished(what: &str, mut command: tokio::process::Command) -> String {
    let output = command.output().await.expect("the programs of Postgres run");
    assert!(output.status.success(), "{what}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("they print UTF-8")
}

/// Where below a data directory the cluster is: the directory with `PG_VERSION`.
pub(crate) fn cluster_dir(data_dir: &Path) -> Option<PathBuf> {
    let below = |directory: &Path| -> Vec<PathBuf> {
        let entries = std::fs::read_dir(directory).into_iter().flatten().flatten();
        entries.map(|entry| entry.path()).filter(|path| path.is_dir()).collect()
    };
    let near = below(data_dir);
    let far: Vec<_> = near.iter().flat_map(|directory| below(directory)).collect();
    near.into_iter().chain(far).find(|directory| directory.join("PG_VERSION").is_file())
}

/// A program of Postgres; Debian keeps some off the PATH.
pub(crate) fn binary(name: &str) -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut places: Vec<_> = std::env::split_paths(&path).collect();
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    places.extend(versions.map(|version| version.path().join("bin")));
    let found = places.iter().map(|place| place.join(name)).find(|path| path.is_file());
    found.unwrap_or_else(|| panic!("{name} is not installed; `make test` installs it"))
}
