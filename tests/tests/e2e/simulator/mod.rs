//! `homepot-sim`: devices that are not there, by the protocol of those that are.

mod fleet;
mod poller;
mod repeat;
mod told;
mod traffic;

use homepot_tests::{AnySystem, Server, Simulator, System};
use serde_json::Value;

async fn server() -> (AnySystem, Simulator) {
    let server = AnySystem::start().await;
    let simulator = Simulator::of(&server);
    (server, simulator)
}

/// The same with a process of the test's own.
async fn own_server() -> (Server, Simulator) {
    let server = Server::start().await;
    let simulator = Simulator::of(&server);
    (server, simulator)
}

/// The samples in Postgres of devices whose id begins so.
async fn stored(server: &System, fleet: &str) -> i64 {
    let query =
        format!("SELECT count(*) FROM samples s JOIN devices d USING (device) WHERE d.device_id LIKE '{fleet}-%'");
    server.database().number(&query).await
}

fn number(summary: &Value, path: &str) -> i64 {
    let found = summary.pointer(path).and_then(Value::as_i64);
    found.unwrap_or_else(|| panic!("no {path} in {summary}"))
}
