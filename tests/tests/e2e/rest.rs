//! The contract's methods over REST: an operator lists, queues, watches and starts runs with nothing but HTTP.

use homepot::pb::{command::v1::CommandState, registry::v1::Role};
use homepot_tests::{
    System,
    rest::{Request, Response},
};
use serde_json::{Value, json};

use super::ledger::{attach, delivered, end, with_devices};

async fn ask(server: &System, request: Request) -> Response {
    server.rest(request.bearer(&server.admin_token)).await
}

async fn get(server: &System, target: &str) -> Value {
    let response = ask(server, Request::get(target)).await;
    assert_eq!(response.status, 200, "{target}: {}", response.text());
    response.json()
}

async fn post(server: &System, target: &str, body: Value) -> Value {
    let response = ask(server, Request::post(target).json(&body)).await;
    assert_eq!(response.status, 200, "{target}: {}", response.text());
    response.json()
}

fn names<'a>(list: &'a Value, name: &str) -> Vec<&'a str> {
    list.as_array().unwrap().iter().map(|item| item[name].as_str().unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn sites_and_devices_are_listed_page_by_page_and_changed() {
    let (server, _) = with_devices(["till-1", "till-2", "till-3"]).await;
    let first = get(&server, "/api/v2/devices?site_id=site-001&page_size=2").await;
    assert_eq!(names(&first["devices"], "device_id"), ["till-1", "till-2"]);
    let token = first["next_page_token"].as_str().unwrap();
    let second = get(&server, &format!("/api/v2/devices?site_id=site-001&page_size=2&page_token={token}")).await;
    assert_eq!(names(&second["devices"], "device_id"), ["till-3"]);
    assert_eq!(second["next_page_token"], "", "a field that holds nothing is there all the same");

    let change = json!({"name": "Till 1", "labels": {"labels": {"ring": "canary"}}});
    let changed = ask(&server, Request::new("PATCH", "/api/v2/devices/till-1").json(&change)).await.json();
    assert_eq!(
        (&changed["device"]["name"], &changed["device"]["labels"]["ring"]),
        (&json!("Till 1"), &json!("canary"))
    );
    let canaries = get(&server, "/api/v2/devices?label_selector=ring%3Dcanary&source=DEVICE_SOURCE_REAL").await;
    assert_eq!(names(&canaries["devices"], "device_id"), ["till-1"]);
    let summary = get(&server, "/api/v2/fleet/summary").await;
    assert_eq!(summary["total"], "3", "numbers of 64 bits are texts, as proto3's JSON has them");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_is_queued_once_for_each_key_and_watched_to_its_end() {
    let (server, [key]) = with_devices(["till"]).await;
    let order = json!({"command_type": "PING", "time_to_live": "600s", "payload": {"n": 1}});
    let queue = || Request::post("/api/v2/devices/till/commands").json(&order).header("Idempotency-Key", "k-1");
    let (first, again) = (ask(&server, queue()).await.json(), ask(&server, queue()).await.json());
    let id = first["command"]["command_id"].as_str().unwrap();
    assert_eq!((&again["command"]["command_id"], &again["existed"]), (&json!(id), &json!(true)));
    assert_eq!(first["command"]["payload"], json!({"n": 1.0}));

    let watch = |query: &str| Request::get(&format!("/api/v2/watch/commands{query}")).bearer(&server.admin_token);
    let news = watch(&format!("?command_ids={id}")).send_until(&server.rest_addr, "\n\n").await.text();
    assert!(news.contains("data: {") && news.contains("COMMAND_STATE_QUEUED"), "{news}");
    let cursor = news.lines().find_map(|line| line.strip_prefix("id: ")).unwrap();

    let mut session = attach(&server, &key, "journal").await;
    delivered(&mut session).await;
    assert_eq!(end(&mut session, id, CommandState::Succeeded).await, "");
    let resumed = watch("").header("Last-Event-ID", cursor);
    let news = resumed.send_until(&server.rest_addr, "COMMAND_STATE_SUCCEEDED").await.text();
    assert!(news.contains(id), "{news}");
    let list = get(&server, "/api/v2/devices/till/commands?states=COMMAND_STATE_SUCCEEDED").await;
    assert_eq!(names(&list["commands"], "command_id"), [id]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_is_started_paused_and_cancelled() {
    let (server, _) = with_devices(["a", "b"]).await;
    let order = json!({"target": {"site_id": "site-001"}, "command_type": "PING", "max_in_flight": 1});
    let run = post(&server, "/api/v2/runs", order).await["run"].clone();
    let id = run["run_id"].as_str().unwrap();
    assert_eq!(run["progress"]["total"], 2);
    let paused = post(&server, &format!("/api/v2/runs/{id}/pause"), json!({"reason": "lunch"})).await;
    assert_eq!(paused["run"]["state"], "RUN_STATE_PAUSED");
    // A body with nothing to say may be left out.
    let cancelled = ask(&server, Request::post(&format!("/api/v2/runs/{id}/cancel"))).await.json();
    assert_eq!(cancelled["run"]["state"], "RUN_STATE_CANCELLED");
    assert_eq!(names(&get(&server, "/api/v2/runs").await["runs"], "run_id"), [id]);
    let devices = get(&server, &format!("/api/v2/runs/{id}/devices")).await;
    assert_eq!(names(&devices["devices"], "device_id"), ["a", "b"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn operators_and_tokens_are_made_listed_and_revoked() {
    let (server, _) = with_devices(["till"]).await;
    let order = json!({"name": "night-shift", "role": "ROLE_VIEWER", "site_ids": ["site-001"]});
    let made = post(&server, "/api/v2/operators", order).await;
    let token = made["token"].as_str().unwrap();
    let me = server.rest(Request::get("/api/v2/whoami").bearer(token)).await.json();
    assert_eq!((&me["operator"]["name"], &me["operator"]["role"]), (&json!("night-shift"), &json!("ROLE_VIEWER")));
    post(&server, "/api/v2/operators/night-shift/revoke", json!({})).await;
    let refused = server.rest(Request::get("/api/v2/whoami").bearer(token)).await;
    assert_eq!((refused.status, refused.header("www-authenticate")), (401, Some("Bearer")));

    let made = post(&server, "/api/v2/enrollment-tokens", json!({"site_id": "site-001", "max_uses": 2})).await;
    let id = made["enrollment_token"]["token_id"].as_str().unwrap();
    let revoked = post(&server, &format!("/api/v2/enrollment-tokens/{id}/revoke"), json!({})).await;
    assert!(revoked["enrollment_token"]["revoked_at"].is_string(), "{revoked}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_series_ends_with_an_event_that_says_so_and_a_refusal_names_the_field_where_it_stands() {
    let (server, _) = with_devices(["till"]).await;
    let series = "/api/v2/series?device_ids=till&metrics=METRIC_CPU_PERCENT";
    let answer = ask(&server, Request::get(series)).await;
    assert_eq!(answer.header("content-type"), Some("text/event-stream"));
    assert!(answer.text().contains(r#"data: {"plan":"#), "{}", answer.text());
    assert!(answer.text().ends_with("event: end\ndata: {}\n\n"), "{}", answer.text());

    let detail = async |request: Request| {
        let response = ask(&server, request).await;
        assert_eq!(response.status, 422, "{}", response.text());
        response.json()["detail"][0].clone()
    };
    let fault = detail(Request::get("/api/v2/series?device_ids=till&metric=METRIC_CPU_PERCENT")).await;
    assert_eq!(fault["msg"], "There is no such parameter; did you mean 'metrics'?");
    let fault = detail(Request::get("/api/v2/devices?page_size=5000")).await;
    assert_eq!(fault["loc"], json!(["query", "page_size"]));
    let fault = detail(Request::post("/api/v2/sites").json(&json!({"site_id": "shop-7"}))).await;
    assert_eq!(fault["loc"], json!(["body", "name"]));
    let viewer = server.create_operator("guest", Role::Viewer, &[]).await;
    let refused = server.rest(Request::post("/api/v2/sites").json(&json!({})).bearer(&viewer)).await;
    assert_eq!(refused.status, 403);
    assert_eq!(ask(&server, Request::get("/api/v2/devices/none")).await.status, 404);
}
