//! A database of the version before, on the new programs: nothing in it is lost, and every key and token in it still does
//! what it did. `tests/upgrade/README.md` says how that database was made.
//!
//! Its Postgres has a clock that shows the moment at which the old server was stopped. That clock decides what has expired
//! (docs/time.md), so these tests hold for years.

mod answers;
mod credentials;
mod ledger;
mod rows;

use std::{collections::BTreeMap, path::PathBuf};

use chrono::{DateTime, Utc};
use homepot_tests::{
    Cluster, Server, ServerOptions,
    grpc::{Caller, Clients, DeviceKey},
    workspace,
};

/// A file that was kept of the old version.
fn kept(name: &str) -> PathBuf {
    workspace().join("tests/upgrade/2026-11-24").join(name)
}

/// A database of the old version, and what is known of it that it does not say itself.
struct Old {
    cluster: Cluster,
    known: BTreeMap<String, String>,
    /// How far its clock is ahead of this machine's, in seconds.
    ahead: i64,
}

impl Old {
    /// Loads it as the old server left it. Its clock can't be set.
    async fn load() -> Self {
        Self::load_into(async |ahead| Cluster::start_ahead(ahead).await).await
    }

    /// Loads it into a Postgres whose clock can be set.
    async fn load_with_a_clock() -> Self {
        let start = async |ahead| {
            let cluster = Cluster::start().await;
            cluster.clock.set(ahead);
            cluster
        };
        Self::load_into(start).await
    }

    async fn load_into(start: impl AsyncFnOnce(i64) -> Cluster) -> Self {
        let text = std::fs::read_to_string(kept("known.json")).unwrap();
        let known: BTreeMap<String, String> = serde_json::from_str(&text).unwrap();
        let dumped_at: DateTime<Utc> = known["dumped_at"].parse().unwrap();
        // A second later: what was stored last does not lie in the future.
        let ahead = (dumped_at - Utc::now()).num_seconds() + 1;
        let cluster = start(ahead).await;
        cluster.database().load(&kept("database.sql")).await;
        Self { cluster, known, ahead }
    }

    /// Starts the new server on it.
    async fn upgrade(self) -> Upgraded {
        let options = ServerOptions::default().env("HOMEPOT_DATABASE_URL", self.cluster.database().url());
        let mut server = Server::start_with(options).await;
        server.admin_token.clone_from(&self.known["admin"]);
        Upgraded { server, old: self }
    }
}

/// A new server on an old database.
struct Upgraded {
    // Ends before its database.
    server: Server,
    old: Old,
}

impl Upgraded {
    async fn start() -> Self {
        Old::load().await.upgrade().await
    }

    /// A key, a token or an id of the old version.
    fn known(&self, name: &str) -> &str {
        self.old.known.get(name).unwrap_or_else(|| panic!("known.json has no {name}"))
    }

    /// The old key of a device.
    fn key(&self, device_id: &str) -> DeviceKey {
        let api_key = self.known(&format!("device {device_id}")).to_owned();
        DeviceKey { device_id: device_id.to_owned(), api_key }
    }

    fn operator(&self, name: &str) -> Clients {
        self.server.clients(&Caller::Operator(self.known(&format!("operator {name}")).to_owned()))
    }

    async fn number(&self, query: &str) -> i64 {
        self.old.cluster.database().number(query).await
    }

    /// What the database's clock shows.
    async fn now(&self) -> DateTime<Utc> {
        let row = self.old.cluster.database().rows("SELECT now() AS now").await.remove(0);
        row["now"].as_str().unwrap().parse().unwrap()
    }
}
