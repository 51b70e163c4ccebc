//! What people and applications do, played over REST.

use std::collections::BTreeMap;

use homepot::pb::registry::v1::Role;
use homepot_tests::{Simulator, System};
use serde_json::Value;

use super::{number, own_server, server};

const ACTIVITIES: &str = "SELECT count(*) FROM user_activities WHERE source = 'simulated'";
const ERRORS: &str = "SELECT coalesce(sum(count), 0)::bigint FROM error_groups WHERE source = 'simulated'";
const REAL: &str = "SELECT (SELECT count(*) FROM user_activities WHERE source = 'real') \
                    + (SELECT count(*) FROM error_groups WHERE source = 'real')";

fn traffic<'a>(more: &[&'a str]) -> Vec<&'a str> {
    [&["traffic", "--activity-rate", "60", "--error-rate", "40", "--duration", "3s"], more].concat()
}

#[tokio::test(flavor = "multi_thread")]
async fn all_that_is_sent_is_acknowledged_and_stored_once_and_none_of_it_counts_as_real() {
    let (server, simulator) = server().await;
    let viewer = server.create_operator("generator", Role::Viewer, &[]).await;
    let ran = simulator.token(&viewer).run(&traffic(&["--together", "8"])).await;
    assert_eq!(ran.code, 0, "{}\n{}", ran.summary, ran.said);
    assert_eq!((number(&ran.summary, "/activities/sent"), number(&ran.summary, "/errors/sent")), (180, 120));
    assert_eq!((number(&ran.summary, "/acknowledged"), number(&ran.summary, "/refused")), (300, 0));
    assert!(ran.summary["p99_ms"].as_f64().unwrap() > 0.0);
    assert!(ran.summary["seconds"].as_f64().unwrap() >= 2.9, "requests go out at their times: {}", ran.summary);
    let database = server.database();
    assert_eq!((database.number(ACTIVITIES).await, database.number(ERRORS).await), (180, 120));
    assert_eq!(database.number(REAL).await, 0);
    // Repeats are folded, and who sent it is told.
    assert!(database.number("SELECT count(*) FROM error_groups").await < 60);
    assert_eq!(database.number("SELECT count(*) FROM user_activities WHERE operator <> 'generator'").await, 0);
}

/// All that is stored, without what depends on when it came, with how often.
async fn stored(server: &System) -> BTreeMap<String, u64> {
    let mut found = BTreeMap::new();
    for query in [
        "SELECT to_jsonb(a) - 'at' - 'number' AS row, 1 AS count FROM user_activities a",
        "SELECT jsonb_build_object('code', error_code, 'severity', severity) AS row, count FROM error_groups",
    ] {
        for row in server.database().rows(query).await {
            *found.entry(row["row"].to_string()).or_default() += row["count"].as_u64().unwrap();
        }
    }
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_seed_stores_the_same_and_another_seed_something_else() {
    let mut kept = Vec::new();
    for seed in ["7", "7", "8"] {
        let (server, simulator) = server().await;
        let ran = simulator.run(&traffic(&["--seed", seed])).await;
        assert_eq!(ran.code, 0, "{}\n{}", ran.summary, ran.said);
        kept.push(stored(&server).await);
    }
    assert_eq!(kept[0], kept[1]);
    assert_ne!(kept[0], kept[2]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_token_and_a_server_that_is_not_there_are_told_before_anything_is_sent() {
    let (server, simulator) = server().await;
    let letters = "A".repeat(43);
    let ran = simulator.token(&format!("hpo_{letters}")).run(&traffic(&[])).await;
    assert_eq!((ran.code, &ran.summary), (1, &Value::Null));
    assert!(ran.said.contains("the server refuses the token"), "{}", ran.said);
    assert!(!ran.said.contains(&letters), "a token is not repeated");

    let simulator = Simulator::of(&server);
    let ran = simulator.run(&traffic(&["--url", "http://127.0.0.1:1"])).await;
    assert_eq!(ran.code, 1);
    assert!(ran.said.contains("is `homepot serve` running?"), "{}", ran.said);
    assert_eq!(server.database().number(ACTIVITIES).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_server_that_dies_did_not_acknowledge_is_told_and_fails_the_run() {
    let (mut server, simulator) = own_server().await;
    let mut running =
        simulator.start(&["traffic", "--activity-rate", "60", "--error-rate", "40", "--duration", "8s", "--json"]);
    homepot_tests::eventually("some of it is stored", async || {
        (server.database().number(ACTIVITIES).await > 20).then_some(())
    })
    .await;
    server.kill9();
    let ran = Simulator::ended(&mut running).await;
    assert_eq!(ran.code, 1, "{}\n{}", ran.summary, ran.said);
    assert_eq!(number(&ran.summary, "/sent"), 800);
    let failed = number(&ran.summary, "/refused") + number(&ran.summary, "/unanswered");
    assert_eq!(number(&ran.summary, "/acknowledged") + failed, 800);
    assert!(failed > 0 && !ran.summary["refusals"].as_object().unwrap().is_empty());
    server.restart().await;
    // What was acknowledged is there; of the rest nobody knows.
    let stored = server.database().number(ACTIVITIES).await + server.database().number(ERRORS).await;
    assert!(stored >= number(&ran.summary, "/acknowledged"), "{stored} of {}", ran.summary);
}
