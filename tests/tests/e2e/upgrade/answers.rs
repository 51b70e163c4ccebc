//! What operators are told, compared with what the old version told them.

use homepot_tests::{eventually, homepot_command, rest::Request};
use serde_json::Value;

use super::{Old, Upgraded, kept};

/// Where an answer lacks something that the old one had. Fields that are new are no difference.
fn differences(path: &str, old: &Value, new: &Value, found: &mut Vec<String>) {
    match (old, new) {
        (Value::Object(old), Value::Object(new)) => {
            for (name, value) in old {
                differences(&format!("{path}.{name}"), value, new.get(name).unwrap_or(&Value::Null), found);
            }
        }
        (Value::Array(old), Value::Array(new)) if old.len() == new.len() => {
            for (number, (old, new)) in old.iter().zip(new).enumerate() {
                differences(&format!("{path}[{number}]"), old, new, found);
            }
        }
        _ if old == new => {}
        _ => found.push(format!("{path}: {old} became {new}")),
    }
}

/// What differs in the answers of these paths of REST.
async fn rest_differences(upgraded: &Upgraded, answers: &Value, below: &str) -> Vec<String> {
    let mut found = Vec::new();
    let answers = answers["rest"].as_object().unwrap().iter();
    for (target, old) in answers.filter(|(target, _)| target.starts_with(below)) {
        let answer = upgraded.server.rest(Request::get(target).bearer(&upgraded.server.admin_token)).await;
        assert_eq!(answer.status, 200, "{target}: {}", answer.text());
        let new = if target.starts_with("/api/v2/series") { answer.series() } else { answer.json() };
        differences(target, old, &new, &mut found);
    }
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn operators_are_told_by_rest_and_ctl_what_the_old_version_told_them() {
    let upgraded = Old::load_with_a_clock().await.upgrade().await;
    let answers: Value = serde_json::from_slice(&std::fs::read(kept("answers.json")).unwrap()).unwrap();
    let mut found = rest_differences(&upgraded, &answers, "/").await;
    for (words, old) in answers["ctl"].as_object().unwrap() {
        let mut command = tokio::process::Command::from(homepot_command());
        command
            .arg("ctl")
            .args(words.split(' '))
            .args(["--output", "json"])
            .env("HOMEPOT_GRPC_URL", format!("http://{}", upgraded.server.grpc_addr))
            .env("HOMEPOT_TOKEN", &upgraded.server.admin_token);
        let output = command.output().await.unwrap();
        assert!(output.status.success(), "{words}: {}", String::from_utf8_lossy(&output.stderr));
        differences(words, old, &serde_json::from_slice(&output.stdout).unwrap(), &mut found);
    }
    assert!(found.is_empty(), "{}", found.join("\n"));

    // Old activity is summed up by the new version once its hour is over, and comes to the same. In two steps: a clock that
    // leaps by an hour would be doubted.
    let clock = &upgraded.old.cluster.clock;
    for step in 1..=2 {
        clock.set(upgraded.old.ahead + step * 50 * 60);
        let round = upgraded.now().await;
        let query = format!("SELECT count(*) FROM maintenance_clock WHERE last_round > '{}'", round.to_rfc3339());
        eventually("a round", async || (upgraded.number(&query).await > 0).then_some(())).await;
    }
    assert!(upgraded.number("SELECT count(*) FROM activity_hours").await > 0);
    let found = rest_differences(&upgraded, &answers, "/api/v2/activities").await;
    assert!(found.is_empty(), "{}", found.join("\n"));
}
