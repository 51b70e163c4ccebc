//! The first slice, end to end: a machine enrols, its samples arrive in Postgres as it read them, it runs what was queued
//! for it, and nothing that was acknowledged is lost or doubled, whoever is killed in the middle.

mod crash;
mod straight;

use std::collections::BTreeMap;

use homepot::model::Metric;
use homepot_tests::{Agent, AgentOptions, AnySystem, Server, ServerOptions, System, field};
use serde_json::Value;

const SITE: &str = "site-001";

/// A server that asks for a sample a second, with one site.
async fn server() -> AnySystem {
    let server = AnySystem::start_with(options()).await;
    server.create_site(SITE, false).await;
    server
}

/// The same as a process of the test's own.
async fn own_server() -> Server {
    let server = Server::start_with(options()).await;
    server.create_site(SITE, false).await;
    server
}

fn options() -> ServerOptions {
    ServerOptions::default().env("HOMEPOT_SAMPLE_INTERVAL", "1s")
}

/// An agent that enrols by a token.
async fn agent(server: &System, device_id: &str) -> Agent {
    let token = server.enrollment_token(SITE).await;
    Agent::start(server, AgentOptions::new(SITE, device_id).enrollment_token(&token))
}

/// Measurements by the names that the agent's log and the table share.
type Measured = BTreeMap<&'static str, f64>;

/// The samples of a device in Postgres, by the microsecond of their collection.
async fn stored(server: &System, device_id: &str) -> BTreeMap<i64, Measured> {
    let query = format!(
        "SELECT (extract(epoch FROM s.collected_at) * 1000000)::bigint AS at, s.* \
         FROM samples s JOIN devices d USING (device) WHERE d.device_id = '{device_id}'"
    );
    let rows = server.database().rows(&query).await;
    let count = rows.len();
    let stored: BTreeMap<_, _> =
        rows.iter().map(|row| (row["at"].as_i64().unwrap(), measured(|name| row.get(name)))).collect();
    assert_eq!(stored.len(), count, "a sample is stored once");
    stored
}

/// The samples that the agent says it read, by the microsecond of their collection.
fn read(agent: &Agent) -> BTreeMap<i64, Measured> {
    let at = |line: &Value| {
        let time = field(line, "collected_at").and_then(Value::as_str).expect("a sample has its time");
        chrono::DateTime::parse_from_rfc3339(time).expect("in RFC 3339").timestamp_micros()
    };
    agent.samples().iter().map(|line| (at(line), measured(|name| field(line, name)))).collect()
}

fn measured<'a>(get: impl Fn(&str) -> Option<&'a Value>) -> Measured {
    Metric::NAMES.iter().filter_map(|name| Some((*name, number(get(name)?)?))).collect()
}

/// A number, also where the log wrote it as text.
fn number(value: &Value) -> Option<f64> {
    value.as_f64().or_else(|| value.as_str()?.parse().ok())
}
