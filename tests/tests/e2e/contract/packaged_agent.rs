//! The packaged agent of the legacy platform: what it sends, byte for byte, and what it needs to hear. Written from the
//! agent's side of the wire, not from our answers.

use homepot::pb::{
    device::v1::EnrollRequest,
    registry::v1::{DeviceStatus, ListEnrollmentTokensRequest},
};
use homepot_tests::{
    System, eventually,
    rest::{Request, Response},
};
use serde_json::{Value, json};

use super::{SITE, World, assert_error};

struct PackagedAgent<'a> {
    server: &'a System,
    device_id: String,
    api_key: String,
}

impl<'a> PackagedAgent<'a> {
    /// `homepot-agent bootstrap URL INTENT TOKEN`: it knows neither site nor id, and takes both from the answer.
    async fn bootstrap(server: &'a System, intent: &str, token: &str) -> Result<Self, Response> {
        let body = format!(
            "{{\"claim_token\":\"{token}\",\"device_name\":\"Front Till\",\"device_type\":\"POS\",\"os_details\":\"Linux 6.1\"}}"
        );
        let path = format!("/api/v1/enrolment-intents/{intent}/claim");
        let answer = server.rest(as_httpx(Request::post(&path)).body(body)).await;
        if answer.status != 200 {
            return Err(answer);
        }
        let answer = answer.json();
        let text = |key: &str| answer[key].as_str().unwrap_or_else(|| panic!("no {key} in {answer}")).to_owned();
        assert_eq!(text("site_id"), SITE);
        Ok(Self { server, device_id: text("device_id"), api_key: text("api_key") })
    }

    async fn send(&self, request: Request) -> Response {
        self.server.rest(as_httpx(request).device(&self.device_id, &self.api_key)).await
    }

    /// `post_json`: anything but a success is queued and tried again for ever.
    async fn post(&self, path: &str, body: String) -> Value {
        let answer = self.send(Request::post(path).body(body)).await;
        assert!((200..300).contains(&answer.status), "{path}: {} {}", answer.status, answer.text());
        answer.json()
    }

    /// One round of `pending_commands_loop`, as it is without a local application.
    async fn poll(&self) -> Vec<(String, String)> {
        let permissions =
            self.send(Request::get(&format!("/api/v1/devices/device/{}/permissions", self.device_id))).await;
        let permissions = permissions.json()["data"]["permissions"].clone();
        let pending = self.send(Request::get("/api/v1/devices/pending")).await.json();
        let mut ran = Vec::new();
        for command in pending.as_array().unwrap() {
            let (id, kind) = (command["command_id"].as_str().unwrap(), command["command_type"].as_str().unwrap());
            let needs = match kind {
                "run_command" => Some("command_execution"),
                "restart" | "shutdown" => Some("root_access"),
                _ => None,
            };
            let denied = needs.is_some_and(|key| permissions[key] != json!(true));
            if !denied {
                let ack = format!("/api/v1/devices/{}/commands/{id}/ack", self.device_id);
                assert_eq!(self.send(Request::post(&ack)).await.status, 200);
            }
            let (status, result) = match kind {
                _ if denied => ("failed", json!({"error": "Permission denied"})),
                "ping" => ("completed", json!({"message": "pong"})),
                "run_command" => ("completed", json!({"exit_code": 0, "stdout": "ok\n", "stderr": ""})),
                other => ("failed", json!({"error": format!("Unknown command type: {other}")})),
            };
            // By POST, whatever its documents say, with a field that the contract does not have.
            let body = format!(
                "{{\"status\":\"{status}\",\"executed_at\":\"2026-01-31T12:00:00.123456+00:00\",\"result\":{result}}}"
            );
            let told = self.post(&format!("/api/v1/devices/{id}/status"), body.clone()).await;
            assert_eq!((&told["status"], &told["command_type"]), (&json!(status), &json!(kind)));
            // The answer got lost: it tells the same again.
            assert_eq!(self.post(&format!("/api/v1/devices/{id}/status"), body).await["status"], json!(status));
            ran.push((kind.to_owned(), status.to_owned()));
        }
        ran
    }
}

/// The headers of the agent's HTTP library.
fn as_httpx(request: Request) -> Request {
    request
        .header("Accept", "*/*")
        .header("Accept-Encoding", "gzip, deflate")
        .header("User-Agent", "python-httpx/0.27.0")
        .header("Content-Type", "application/json")
}

async fn intent(server: &System) -> (String, String) {
    let token = server.enrollment_token(SITE).await;
    let listed = server
        .admin()
        .registry
        .list_enrollment_tokens(ListEnrollmentTokensRequest::default())
        .await
        .unwrap()
        .into_inner();
    let id = listed.enrollment_tokens.into_iter().map(|token| token.token_id).find(|id| token.starts_with(id));
    (id.expect("the token is listed by its public id"), token)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_packaged_agent_enrols_reports_and_obeys_unmodified() {
    let world = World::build().await;
    let (intent_id, token) = intent(&world.server).await;
    let agent = PackagedAgent::bootstrap(&world.server, &intent_id, &token).await;
    let agent = agent.unwrap_or_else(|answer| panic!("{}", answer.text()));
    let id = &agent.device_id;

    // What the machine is.
    let dna = format!(
        "{{\"device_id\":\"{id}\",\"site_id\":\"{SITE}\",\"device_name\":\"Front Till\",\"device_type\":\"POS\",\
         \"mac_address\":\"02:42:ac:11:00:02\",\"os_details\":\"Linux 6.1\",\"local_ip\":\"172.17.0.2\",\"wan_ip\":null,\
         \"peripherals\":{{\"usb\":[\"Receipt printer\"]}}}}"
    );
    let registered = agent.post("/api/v1/agent/device-dna", dna).await;
    assert_eq!(registered["status"], "success");
    assert_eq!(registered["data"]["local_ip"], "172.17.0.2");
    let record = world.operator(Request::get(&format!("/devices/device/{id}"))).await.json();
    assert_eq!((&record["ip_address"], &record["mac_address"]), (&json!("172.17.0.2"), &json!("02:42:ac:11:00:02")));
    assert_eq!((&record["device_type"], &record["name"]), (&json!("pos"), &json!("Front Till")));
    assert_eq!(record["config"]["dna"]["peripherals"]["usb"], json!(["Receipt printer"]));

    // That it is there, and what it measures: one at a time, and a list.
    let heartbeat = format!(
        "{{\"device_id\":\"{id}\",\"timestamp\":\"2026-01-31T12:00:00.123456+00:00\",\"status\":\"ONLINE\",\"site_id\":\"{SITE}\"}}"
    );
    let heard = agent.post("/api/v1/agent/heartbeat", heartbeat).await;
    assert_eq!((&heard["status"], &heard["data"]["device_id"]), (&json!("success"), &json!(id)));
    assert!(heard["data"]["last_heartbeat_at"].as_str().unwrap().ends_with("+00:00"));
    let request = homepot::pb::registry::v1::GetPresenceRequest { device_id: id.clone() };
    eventually("the heartbeat to count as presence", async || {
        let answer = world.server.admin().registry.get_presence(request.clone()).await.unwrap().into_inner();
        (answer.presence.unwrap().status() == DeviceStatus::Online).then_some(())
    })
    .await;
    let measured = |cpu: f64, seconds_ago: i64| {
        let time = (chrono::Utc::now() - chrono::TimeDelta::seconds(seconds_ago)).to_rfc3339();
        format!(
            "{{\"device_id\":\"{id}\",\"timestamp\":\"{time}\",\"cpu_usage\":{cpu},\"memory_usage\":55.4,\"disk_usage\":44.8,\
             \"uptime_seconds\":86400,\"network_latency_ms\":8.4,\"collection_interval_seconds\":30,\"site_id\":\"{SITE}\"}}"
        )
    };
    let saved = agent.post("/api/v1/agent/telemetry", measured(20.1, 0)).await;
    assert_eq!(saved["data"], json!({"device_id": id, "saved_count": 1}));
    let list = format!("[{},{}]", measured(21.0, 30), measured(22.0, 60));
    let saved = agent.post("/api/v1/agent/telemetry", list).await;
    assert_eq!(saved["data"], json!({"device_id": id, "saved_count": 2}));
    let samples = world.operator(Request::get(&format!("/api/v2/devices/{id}/samples"))).await.json();
    let loads: Vec<_> =
        samples["samples"].as_array().unwrap().iter().map(|one| one["sample"]["cpu_percent"].clone()).collect();
    assert_eq!(loads.len(), 3, "{samples}");
    let bad = format!("[{},{{\"device_id\":\"{id}\",\"cpu_usage\":101}}]", measured(23.0, 0));
    let refused = agent.send(Request::post("/api/v1/agent/telemetry").body(bad)).await;
    assert_eq!((refused.status, &refused.json()["detail"][0]["loc"]), (422, &json!(["body", 1, "cpu_usage"])));

    // Commands in its own spelling; what is not granted it refuses by itself.
    let queue = async |kind: &str| {
        let body = json!({"command_type": kind, "payload": {"command": "true"}});
        let answer = world.operator(Request::post(&format!("/devices/{id}/commands")).json(&body)).await;
        assert_eq!((answer.status, &answer.json()["command_type"]), (201, &json!(kind)));
    };
    queue("ping").await;
    queue("run_command").await;
    let ran = |list: &[(&str, &str)]| -> Vec<(String, String)> {
        list.iter().map(|(kind, status)| ((*kind).to_owned(), (*status).to_owned())).collect()
    };
    assert_eq!(agent.poll().await, ran(&[("ping", "completed"), ("run_command", "failed")]));
    let grant = json!({"permissions": {"command_execution": true}});
    let path = format!("/api/v1/devices/device/{id}/permissions");
    assert_eq!(agent.send(Request::new("PATCH", &path).body(grant.to_string())).await.status, 200);
    queue("run_command").await;
    assert_eq!(agent.poll().await, ran(&[("run_command", "completed")]));
    let granted = world.operator(Request::get(&path)).await.json();
    assert_eq!(granted["data"]["permissions"]["command_execution"], true);
    assert_eq!(granted["data"]["permissions"]["root_access"], false);

    // Its log, which operators see.
    let line = format!(
        "{{\"device_id\":\"{id}\",\"level\":\"info\",\"category\":\"status\",\"message\":\"Status report: ONLINE | uptime 7s\",\
         \"timestamp\":\"2026-01-31T12:00:00+00:00\"}}"
    );
    assert_eq!(agent.post("/api/v1/agent/logs", line).await["status"], "success");
    let errors = world.operator(Request::get(&format!("/api/v2/errors?filter.device_id={id}"))).await.json();
    let newest = &errors["errors"][0]["newest"];
    assert_eq!((&newest["severity"], &newest["category"]), (&json!("SEVERITY_INFO"), &json!("status")));
    assert_eq!(newest["error_message"], "Status report: ONLINE | uptime 7s");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_claim_is_good_once_and_for_its_own_intent() {
    let world = World::build().await;
    let (intent_id, token) = intent(&world.server).await;
    let (other, _) = intent(&world.server).await;
    for (intent, token) in [(&other, &token), (&intent_id, &token[..20].to_owned())] {
        let refused = PackagedAgent::bootstrap(&world.server, intent, token).await.err().expect("refused");
        assert_error(&refused, 401, "Invalid or missing enrollment token");
    }
    assert!(PackagedAgent::bootstrap(&world.server, &intent_id, &token).await.is_ok());
    let again = PackagedAgent::bootstrap(&world.server, &intent_id, &token).await.err().expect("refused");
    assert_error(&again, 401, "Invalid or missing enrollment token");
    // By gRPC too the token alone says where a device joins; without one it must be said.
    let (_, token) = intent(&world.server).await;
    let request = EnrollRequest { device_id: "d".to_owned(), name: "d".to_owned(), ..Default::default() };
    let by = |token: &str| world.server.clients(&homepot_tests::grpc::Caller::Enrollee(token.to_owned()));
    let enrolled = by(&token).device.enroll(request).await.unwrap().into_inner();
    assert_eq!(enrolled.site_id, SITE);
}
