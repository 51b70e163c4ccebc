//! An agent as it is in the field, written against the contract alone.

use homepot_tests::{
    Server,
    rest::{Request, Response},
};
use serde_json::{Value, json};

use super::{SITE, World};

const DEVICE: &str = "legacy-1";

struct LegacyAgent<'a> {
    server: &'a Server,
    api_key: String,
}

impl<'a> LegacyAgent<'a> {
    /// Enrols with nothing but a body; accepts 200 and 201.
    async fn register(server: &'a Server) -> Result<Self, Response> {
        let body = json!({"device_id": DEVICE, "name": "Legacy", "device_type": "linux_server", "ip_address": null});
        let path = format!("/api/v1/devices/sites/{SITE}/devices");
        let answer = server.rest(Request::post(&path).json(&body)).await;
        if !matches!(answer.status, 200 | 201) {
            return Err(answer);
        }
        let api_key = answer.json()["api_key"].as_str().unwrap().to_owned();
        Ok(Self { server, api_key })
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
                "PING" => ("completed", json!({"output": "pong"})),
                _ => ("failed", json!({"error": format!("unknown command {kind}")})),
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
    let world = World::build().await;
    let agent = LegacyAgent::register(&world.server).await.unwrap_or_else(|answer| panic!("{}", answer.text()));
    agent.report().await;
    assert_eq!(agent.poll().await, Vec::<String>::new());
    for command_type in ["ping", "Make_Coffee"] {
        let queue = Request::post(&format!("/api/v1/devices/{DEVICE}/commands"));
        let answer = world.operator(queue.json(&json!({"command_type": command_type, "payload": null}))).await;
        assert_eq!(answer.status, 201, "{}", answer.text());
    }
    assert_eq!(agent.poll().await, ["PING", "MAKE_COFFEE"]);
    assert_eq!(agent.poll().await, Vec::<String>::new());
    let history = world.operator(Request::get(&format!("/api/v1/devices/device/{DEVICE}/commands"))).await.json();
    let statuses: Vec<_> = history.as_array().unwrap().iter().map(|row| row["status"].clone()).collect();
    assert_eq!(statuses, ["failed", "completed"]);

    let again = LegacyAgent::register(&world.server).await;
    assert_eq!(again.err().map(|answer| answer.status), Some(409), "it stops: a key is never shown twice");
}
