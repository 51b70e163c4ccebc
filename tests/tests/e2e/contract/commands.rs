//! What devices are told to do, and what came of it.

use homepot::pb::{command::v1 as pb, device::v1 as device_pb};
use homepot_tests::{grpc::Caller, rest::Request};
use serde_json::{Value, json};

use super::{PREFIXES, TILL, World, assert_begins, assert_error, assert_time, text};

const FIELDS: [&str; 5] = ["command_id", "command_type", "payload", "status", "created_at"];

fn report(prefix: &str, command: &str, status: &str, result: Value) -> Request {
    let body = json!({"status": status, "result": result});
    Request::put(&format!("{prefix}/devices/{command}/status")).json(&body)
}

async fn history(world: &World) -> Vec<Value> {
    let answer = world.operator(Request::get(&format!("/devices/device/{TILL}/commands"))).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json().as_array().unwrap().clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_goes_from_pending_over_sent_to_completed() {
    let world = World::build().await;
    for prefix in PREFIXES {
        let body = json!({"command_type": "ping", "payload": {"b": 1, "a": [null, "x"]}, "priority": 9});
        let queued = world.operator(Request::post(&format!("{prefix}/devices/{TILL}/commands")).json(&body)).await;
        assert_eq!(queued.status, 201, "{}", queued.text());
        assert_begins(&queued.text(), &FIELDS);
        let queued = queued.json();
        let id = text(&queued["command_id"]);
        assert_eq!((&queued["command_type"], &queued["status"]), (&json!("ping"), &json!("pending")));
        assert_eq!(queued["payload"], body["payload"]);
        assert_time(&queued["created_at"]);

        let pending = world.device(Request::get(&format!("{prefix}/devices/pending"))).await;
        let expected = FIELDS.map(|field| format!("\"{field}\":{}", queued[field])).join(",");
        assert_eq!((pending.status, pending.text()), (200, format!("[{{{expected}}}]")));

        let ack = Request::post(&format!("{prefix}/devices/{TILL}/commands/{id}/ack"));
        let acknowledged = world.device(ack).await;
        assert_eq!((acknowledged.status, &acknowledged.json()["status"]), (200, &json!("sent")));

        let completed = world.device(report(prefix, &id, "completed", json!({"output": "pong"}))).await;
        assert_eq!(completed.status, 200, "{}", completed.text());
        assert_begins(&completed.text(), &FIELDS);
        assert_eq!(completed.json()["status"], "completed");
        let again = world.device(report(prefix, &id, "completed", json!({"output": "pong"}))).await;
        assert_eq!((again.status, again.text()), (200, completed.text()), "a repeat is answered the same");
        assert_eq!(world.device(report(prefix, &id, "failed", json!(null))).await.status, 409);
        assert_eq!(world.device(Request::get(&format!("{prefix}/devices/pending"))).await.text(), "[]");

        let row = history(&world).await.remove(0);
        assert_eq!((&row["command_id"], &row["result"]), (&json!(id), &json!({"output": "pong"})));
        assert_time(&row["sent_at"]);
        assert_time(&row["executed_at"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn pending_is_oldest_first_and_the_history_newest_first_and_whole() {
    let world = World::build().await;
    assert_eq!(world.device(Request::get("/devices/pending")).await.text(), "[]");
    let mut ids = Vec::new();
    for _ in 0..130 {
        ids.push(world.queue("PING").await);
    }
    let pending = world.device(Request::get("/devices/pending")).await.json();
    let handed: Vec<_> = pending.as_array().unwrap().iter().map(|command| text(&command["command_id"])).collect();
    assert_eq!(handed, ids[..handed.len()]);
    assert_eq!(handed.len(), 100);
    let told: Vec<_> = history(&world).await.iter().map(|command| text(&command["command_id"])).collect();
    assert_eq!(told, ids.into_iter().rev().collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread")]
async fn every_word_of_a_report_stands_for_a_state_and_others_are_refused() {
    let world = World::build().await;
    for (word, status, state, result) in [
        ("sent", "sent", "acknowledged", json!(null)),
        ("completed", "completed", "succeeded", json!({"a": 1})),
        ("failed", "failed", "failed", json!({"a": 1, "state": "failed"})),
        ("expired", "expired", "expired", json!({"a": 1})),
    ] {
        let id = world.queue("PING").await;
        world.device(Request::get("/devices/pending")).await;
        let answer = world.device(report("/api/v1", &id, word, json!({"a": 1}))).await;
        assert_eq!(answer.status, 200, "{word}: {}", answer.text());
        let answer = answer.json();
        assert_eq!((&answer["status"], &answer["state"]), (&json!(status), &json!(state)));
        assert_eq!(answer["result"], result, "{word}");
    }
    let id = world.queue("PING").await;
    for word in [json!("pending"), json!("COMPLETED"), json!("done"), json!(1), json!(null)] {
        let body = json!({ "status": word });
        let answer = world.device(Request::put(&format!("/devices/{id}/status")).json(&body)).await;
        assert_eq!(answer.status, 422, "{word}");
        assert_eq!(answer.json()["detail"][0]["loc"], json!(["body", "status"]));
    }
    let answer = world.device(report("", &id, "completed", json!("done"))).await;
    assert_eq!((answer.status, &answer.json()["detail"][0]["type"]), (422, &json!("dict_type")));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_states_that_legacy_words_lack_stand_in_the_result() {
    let world = World::build().await;
    let cancelled = world.queue("PING").await;
    let cancel = pb::CancelRequest { command_id: cancelled.clone(), reason: "not now".to_owned(), wait: None };
    world.server.admin().command.cancel(cancel).await.unwrap();

    let rejected = world.queue("REBOOT").await;
    world.device(Request::get("/devices/pending")).await;
    let outcome = device_pb::CommandOutcome {
        command_id: rejected.clone(),
        state: pb::CommandState::Rejected.into(),
        reason: "not allowed here".to_owned(),
        ..Default::default()
    };
    let mut device = world.server.clients(&Caller::Device(world.till.clone())).device;
    device.report_outcome(device_pb::ReportOutcomeRequest { outcome: Some(outcome) }).await.unwrap();

    let history = history(&world).await;
    let row = |id: &str| history.iter().find(|row| row["command_id"] == id).unwrap();
    let rejected = row(&rejected);
    assert_eq!(rejected["status"], "failed");
    assert_eq!(rejected["result"], json!({"state": "rejected", "reason": "not allowed here"}));
    let cancelled = row(&cancelled);
    assert_eq!((&cancelled["status"], &cancelled["result"]["state"]), (&json!("failed"), &json!("cancelled")));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_safe_to_repeat_is_handed_to_a_poller_once() {
    let world = World::build().await;
    let reboot = world.queue("REBOOT").await;
    let unknown = world.queue("UPDATE_POS").await;
    let ping = world.queue("PING").await;
    let fetch = async || {
        let pending = world.device(Request::get("/devices/pending")).await.json();
        pending.as_array().unwrap().iter().map(|command| text(&command["command_id"])).collect::<Vec<_>>()
    };
    assert_eq!(fetch().await, [reboot, unknown, ping.clone()]);
    assert_eq!(fetch().await, [ping]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_idempotency_key_makes_a_repeat_harmless() {
    let world = World::build().await;
    let queue = |command_type: &str| {
        let body = json!({"command_type": command_type, "ttl_seconds": 60});
        Request::post(&format!("/devices/{TILL}/commands")).json(&body).header("Idempotency-Key", "k-1")
    };
    let first = world.operator(queue("PING")).await;
    let second = world.operator(queue("PING")).await;
    assert_eq!((second.status, second.text()), (201, first.text()));
    assert_eq!(world.operator(queue("REBOOT")).await.status, 409);
    assert_eq!(history(&world).await.len(), 1);

    // A key that can't be read, is too long, or is another than the body's, queues nothing: without it a repeat would.
    let body = json!({"command_type": "PING", "idempotency_key": "k-2"});
    let path = format!("/devices/{TILL}/commands");
    for key in ["schl\u{fc}ssel", &"k".repeat(129), "k-3"] {
        let body = if key == "k-3" { &body } else { &json!({"command_type": "PING"}) };
        let refused = world.operator(Request::post(&path).json(body).header("Idempotency-Key", key)).await;
        assert_eq!(refused.status, 422, "{}", refused.text());
        assert_eq!(refused.json()["detail"][0]["loc"], json!(["header", "idempotency-key"]));
    }
    let twice = Request::post(&path).json(&json!({"command_type": "PING"}));
    let twice = twice.header("Idempotency-Key", "a").header("Idempotency-Key", "b");
    assert_eq!(world.operator(twice).await.status, 422);
    assert_eq!(history(&world).await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_answers_for_its_own_commands_only() {
    let world = World::build().await;
    let other = world.server.enroll(super::SITE, "other").await;
    let id = world.queue("PING").await;
    let as_other = |request: Request| world.server.rest(request.device("other", &other.api_key));
    assert_eq!(as_other(Request::get("/devices/pending")).await.text(), "[]");
    let mismatch = as_other(Request::post(&format!("/devices/{TILL}/commands/{id}/ack"))).await;
    assert_error(&mismatch, 403, "Device ID mismatch");
    let foreign = as_other(Request::post(&format!("/devices/other/commands/{id}/ack"))).await;
    assert_error(&foreign, 404, "Command not found");
    let foreign = as_other(report("", &id, "completed", json!(null))).await;
    assert_error(&foreign, 404, "Command not found");
    assert_eq!(history(&world).await[0]["status"], "pending");
}
