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
        let told = if target.starts_with("/api/v2/series") { answer.series() } else { answer.json() };
        rest.insert(target, told);
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
    let mut add = |target: String| targets.push(format!("/api/{target}"));
    let simulated = "source=DEVICE_SOURCE_SIMULATED";
    for target in ["v1/sites", "v1/devices/device", "v2/fleet/summary", "v2/samples/latest"] {
        add(target.to_owned());
    }
    add(format!("v2/fleet/summary?{simulated}"));
    for device_id in ["till-1", "switched", "agent-1", "poller-1", "simulated"] {
        add(format!("v2/devices/{device_id}/state-changes"));
        add(format!("v1/devices/device/{device_id}/commands"));
    }
    add(format!("v2/devices/till-1/samples?start_time={hours_ago}&end_time={end}"));
    let series = |of: &str, resolution: &str, start: &str, end: &str| {
        let metrics = "metrics=METRIC_CPU_PERCENT&metrics=METRIC_TRANSACTION_VOLUME";
        format!("v2/series?{of}&{metrics}&resolution={resolution}&start_time={start}&end_time={end}")
    };
    // From samples, from minutes and from hours: of a device, and of the simulated fleet's one site with its devices together.
    add(series("device_ids=till-1", "1s", &time(172), &time(160)));
    add(series("device_ids=till-1", "60s", &hours_ago, &end));
    let together = format!("site_id=sim-1&{simulated}&grouping=QUERY_GROUPING_TOGETHER");
    add(series(&together, "3600s", &days_ago, &end));
    for target in ["errors", "errors/summary?group_by=ERROR_GROUPING_CATEGORY", "activities"] {
        add(format!("v2/{target}"));
    }
    for filter in ["", "&filter.source=DEVICE_SOURCE_SIMULATED"] {
        add(format!("v2/activities/summary?group_by=ACTIVITY_GROUPING_PAGE{filter}"));
    }
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
