//! Fills a database by the programs beside it, which are those of an earlier version, and keeps what the upgrade test needs:
//! see `scripts/upgrade-fixture` and `tests/upgrade/README.md`.

// It is a test's tool: a panic with a reason is its way to fail, and it shares the clock of its machine.
#![allow(clippy::unwrap_used, clippy::disallowed_methods, clippy::print_stderr)]

mod answers;
mod devices;
mod ledger;
mod people;

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use chrono::{DateTime, Utc};
use clap::Parser;
use homepot_tests::{Cluster, Database, PATIENCE, Server, ServerOptions, eventually};
use serde_json::{Value, json};

/// Fills a database by the programs that lie beside this one and writes it to a new directory.
#[derive(Debug, Parser)]
struct Cli {
    /// The directory to make, such as tests/upgrade/2026-11-24.
    directory: PathBuf,
}

/// What is known of the database that it does not say itself, by name: keys, tokens, ids.
type Known = BTreeMap<String, String>;

#[tokio::main]
async fn main() {
    let directory = Cli::parse().directory;
    fs::create_dir(&directory).expect("a new directory");
    let cluster = Cluster::start().await;
    // Few samples: a database for a repository is a small one.
    let options = ServerOptions::default()
        .env("HOMEPOT_DATABASE_URL", cluster.database().url())
        .env("HOMEPOT_SAMPLE_INTERVAL", "5m");
    let mut server = Server::start_with(options).await;
    let mut known = Known::from([("admin".to_owned(), server.admin_token.clone())]);

    people::fill(&server, &mut known).await;
    devices::fill(&server, &mut known).await;
    ledger::fill(&server, &mut known).await;
    people::report(&server, &known).await;
    devices::agent(&server, &mut known, &directory.join("agent")).await;
    settled(&cluster).await;
    let answers = answers_with_something_to_fold(&server, &cluster.database(), &known).await;
    write(&directory.join("answers.json"), &answers);
    let status = server.stop(PATIENCE).await;
    assert!(status.success(), "the server ends with {status}");

    let now = cluster.database().rows("SELECT now() AS now").await.remove(0);
    known.insert("dumped_at".to_owned(), now["now"].as_str().unwrap().to_owned());
    nothing_is_empty(&cluster.database()).await;
    write(&directory.join("known.json"), &json!(known));
    // Sessions tell which server they were held by, by its host.
    let host = fs::read_to_string("/proc/sys/kernel/hostname").unwrap();
    let dump = cluster.database().dump().await.replace(&format!("\t{}/", host.trim()), "\tserver/");
    fs::write(directory.join("database.sql"), dump).unwrap();
}

fn write(path: &Path, value: &Value) {
    fs::write(path, format!("{value:#}\n")).unwrap();
}

/// Waits until all that comes about by itself has: what answers tell then, they tell after the upgrade too.
async fn settled(cluster: &Cluster) {
    let database = cluster.database();
    // Hours are folded a day at a time.
    for table in ["rollup_1m", "rollup_1h"] {
        let query = format!("SELECT count(*) FROM {table}");
        eventually(table, async || (database.number(&query).await > 0).then_some(())).await;
    }
    // Those that poll are silent after 150 s.
    cluster.clock.set(200);
    let online = "SELECT count(*) FROM sessions WHERE status = 'online'";
    eventually("silence of those that poll", async || (database.number(online).await == 0).then_some(())).await;
}

/// What operators are told while a late sample waits to be folded. It marks its minute, and the next round of maintenance, at
/// most ten seconds later, takes the mark away.
async fn answers_with_something_to_fold(server: &Server, database: &Database, known: &Known) -> Value {
    // Old enough to be folded, and of a device whose samples the answers don't tell.
    let first = Utc::now() - Duration::from_secs(30 * 3600);
    for minutes in 0.. {
        let at: DateTime<Utc> = first + Duration::from_secs(minutes * 60);
        devices::report(server, &devices::key(known, "poller-1"), at, 77.0).await;
        let online = "SELECT count(*) FROM sessions WHERE status = 'online'";
        eventually("presence of the reporter", async || (database.number(online).await == 1).then_some(())).await;
        let answers = answers::of(server).await;
        if database.number("SELECT count(*) FROM rollup_late").await > 0 {
            return answers;
        }
    }
    unreachable!("numbers do not end");
}

/// Every table has rows, or the upgrade test would show nothing of it.
async fn nothing_is_empty(database: &Database) {
    let tables = "SELECT c.relname AS name FROM pg_class c
        WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition";
    for table in database.rows(tables).await {
        let name = table["name"].as_str().unwrap();
        let count = database.number(&format!("SELECT count(*) FROM {name}")).await;
        assert!(count > 0, "{name} is empty");
        eprintln!("{name} {count}");
    }
}
