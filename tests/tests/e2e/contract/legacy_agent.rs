//! Agents as they are in the field, written against the contract alone: the script of December 2025, and the one of today,
//! which no longer enrols by itself.

use homepot_tests::{
    System,
    rest::{Request, Response},
};
use serde_json::{Value, json};

use super::{SITE, World};

const DEVICE: &str = "legacy-1";

struct LegacyAgent<'a> {
    server: &'a System,
    api_key: String,
}

impl<'a> LegacyAgent<'a> {
    /// Enrols with nothing but a body; accepts 200 and 201.
    async fn register(server: &'a System) -> Result<Self, Response> {
        let body = json!({"device_id": DEVICE, "name": "Legacy", "device_type": "linux_server", "ip_address": null});
        let path = format!("/api/v1/devices/sites/{SITE}/devices");
        let answer = server.rest(Request::post(&path).json(&body)).await;
        if !matches!(answer.status, 200 | 201) {
            return Err(answer);
        }
        let api_key = answer.json()["api_key"].as_str().unwrap().to_owned();
        Ok(Self { server, api_key })
    }

    /// The script of today takes a key that somebody made for it.
    async fn with_key_from_an_operator(world: &'a World) -> Self {
        let body = json!({"device_id": DEVICE, "name": "Legacy", "device_type": "Linux_Server"});
        let answer = world.operator(Request::post(&format!("/devices/sites/{SITE}/devices")).json(&body)).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        Self { server: &world.server, api_key: answer.json()["api_key"].as_str().unwrap().to_owned() }
    }

    async fn send(&self, request: Request) -> Response {
        self.server.rest(request.device(DEVICE, &self.api_key)).await
    }

    async fn report(&self) {
        let body = json!({"device_id": DEVICE, "cpu_percent": 12.5, "extra_metrics": {"boot_time": 1.7e9}});
        assert_eq!(self.send(Request::post("/api/v1/analytics/device-metrics").json(&body)).await.status, 201);
    }

    /// One round: fetches, runs each in turn, reports. Answers what it ran.
    async fn poll(&self) -> Vec<String> {
        let pending = self.send(Request::get("/api/v1/devices/pending")).await;
        assert_eq!(pending.status, 200);
        let mut ran = Vec::new();
        for command in pending.json().as_array().unwrap() {
            let id = command["command_id"].as_str().unwrap();
            let kind = command["command_type"].as_str().unwrap();
            let (status, result) = match kind {
                "ping" => ("completed", json!({"pong": 1_700_000_000.25})),
                "restart" => ("completed", json!({"message": "Executed successfully"})),
                _ => ("failed", json!({"error": "Unknown command type"})),
            };
            let report = Request::put(&format!("/api/v1/devices/{id}/status"));
            let answer = self.send(report.json(&json!({"status": status, "result": result}))).await;
            assert_eq!((answer.status, &answer.json()["status"]), (200, &Value::from(status)));
            ran.push(kind.to_owned());
        }
        ran
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_legacy_agent_enrols_reports_and_obeys_unmodified() {
    let world = World::open().await;
    let agent = LegacyAgent::register(&world.server).await.unwrap_or_else(|answer| panic!("{}", answer.text()));
    agent.report().await;
    assert_eq!(agent.poll().await, Vec::<String>::new());
    for command_type in ["ping", "restart", "Make_Coffee"] {
        let queue = Request::post(&format!("/api/v1/devices/{DEVICE}/commands"));
        let answer = world.operator(queue.json(&json!({"command_type": command_type, "payload": null}))).await;
        assert_eq!(answer.status, 201, "{}", answer.text());
    }
    assert_eq!(agent.poll().await, ["ping", "restart", "Make_Coffee"]);
    assert_eq!(agent.poll().await, Vec::<String>::new());
    let history = world.operator(Request::get(&format!("/api/v1/devices/device/{DEVICE}/commands"))).await.json();
    let statuses: Vec<_> = history.as_array().unwrap().iter().map(|row| row["status"].clone()).collect();
    assert_eq!(statuses, ["failed", "completed", "completed"]);
    let spellings: Vec<_> = history.as_array().unwrap().iter().map(|row| row["command_type"].clone()).collect();
    assert_eq!(spellings, ["Make_Coffee", "restart", "ping"]);

    let again = LegacyAgent::register(&world.server).await;
    assert_eq!(again.err().map(|answer| answer.status), Some(409), "it stops: a key is never shown twice");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_that_an_operator_enrols_runs_with_the_key_it_was_given() {
    let world = World::build().await;
    let agent = LegacyAgent::with_key_from_an_operator(&world).await;
    // The first sample has no latency yet.
    let body = format!(
        "{{\"device_id\":\"{DEVICE}\",\"cpu_percent\":3.1,\"memory_percent\":40.5,\"disk_percent\":12.0,\
         \"network_latency_ms\":null,\"transaction_count\":0,\"transaction_volume\":0.0,\"error_rate\":0.0,\
         \"active_connections\":7,\"collection_interval_seconds\":5,\"extra_metrics\":{{\"uptime_seconds\":1234.5,\
         \"boot_time\":1700000000.0,\"bytes_sent\":1,\"bytes_recv\":2}}}}"
    );
    let metrics = Request::post("/api/v1/analytics/device-metrics").header("Content-Type", "application/json");
    assert_eq!(agent.send(metrics.body(body)).await.status, 201);
    let queue = Request::post(&format!("/devices/{DEVICE}/commands")).json(&json!({"command_type": "ping"}));
    assert_eq!(world.operator(queue).await.status, 201);
    assert_eq!(agent.poll().await, ["ping"]);
    let record = world.operator(Request::get(&format!("/devices/device/{DEVICE}"))).await.json();
    assert_eq!(record["device_type"], "linux_server");
}
