//! What operators are told, to be compared with what the next version tells them.

use std::collections::BTreeMap;

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use homepot_tests::{Server, homepot_command, rest::Request};
use serde_json::{Value, json};

/// Paths of REST and words of `homepot ctl`, each with its answer.
pub(super) async fn of(server: &Server) -> Value {
    let mut rest = BTreeMap::new();
    for target in targets(Utc::now()) {
        let answer = server.rest(Request::get(&target).bearer(&server.admin_token)).await;
        assert_eq!(answer.status, 200, "{target}: {}", answer.text());
        rest.insert(target, answer.json());
    }
    let mut ctl = BTreeMap::new();
    for words in ["operators list", "tokens list", "runs list", "sites list", "devices list"] {
        ctl.insert(words.to_owned(), self::ctl(server, words).await);
    }
    let runs: Vec<_> = ctl["runs list"].as_array().unwrap().iter().map(|run| run["run_id"].clone()).collect();
    for run_id in runs {
        let words = format!("runs devices {}", run_id.as_str().unwrap());
        let answer = self::ctl(server, &words).await;
        ctl.insert(words, answer);
    }
    json!({"rest": rest, "ctl": ctl})
}

fn targets(now: DateTime<Utc>) -> Vec<String> {
    let time = |minutes| (now - TimeDelta::minutes(minutes)).to_rfc3339_opts(SecondsFormat::Secs, true);
    // Nothing that is still going on.
    let (days_ago, hours_ago, end) = (time(50 * 60), time(4 * 60), time(5));
    let mut targets = Vec::new();
    let mut add = |target: String| targets.push(format!("/api/v1{target}"));
    for target in ["/sites", "/devices/device", "/devices/summary", "/devices/summary?source=simulated"] {
        add(target.to_owned());
    }
    add("/telemetry/latest".to_owned());
    for device_id in ["till-1", "switched", "agent-1", "poller-1", "simulated"] {
        add(format!("/devices/device/{device_id}/state-history"));
        add(format!("/devices/device/{device_id}/commands"));
    }
    add(format!("/telemetry/devices/till-1/samples?start={hours_ago}&end={end}"));
    let query = |of: &str, resolution: &str, start: &str, end: &str| {
        let metrics = "metric=cpu_percent&metric=transaction_volume";
        format!("/telemetry/query?{of}&{metrics}&resolution={resolution}&start={start}&end={end}")
    };
    // From samples, from minutes and from hours: of a device, and of the simulated fleet's one site with its devices together.
    add(query("device_id=till-1", "1s", &time(172), &time(160)));
    add(query("device_id=till-1", "1m", &hours_ago, &end));
    add(query("site_id=sim-1&source=simulated&grouping=together", "1h", &days_ago, &end));
    for target in ["errors", "errors/summary?group_by=category", "user-activity", "user-activity/summary?group_by=page"]
    {
        add(format!("/analytics/{target}"));
    }
    add("/analytics/user-activity/summary?group_by=page&source=simulated".to_owned());
    targets
}

async fn ctl(server: &Server, words: &str) -> Value {
    let mut command = tokio::process::Command::from(homepot_command());
    command
        .arg("ctl")
        .args(words.split(' '))
        .args(["--output", "json"])
        .env("HOMEPOT_GRPC_URL", format!("http://{}", server.grpc_addr))
        .env("HOMEPOT_TOKEN", &server.admin_token);
    let output = command.output().await.unwrap();
    assert!(output.status.success(), "{words}: {}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}
