//! The contract's table of errors.

use homepot::pb::{command::v1 as command_pb, registry::v1 as pb};
use homepot_tests::{elsewhere, rest::Request};
use serde_json::json;

use super::{PREFIXES, SITE, TILL, World, assert_error};

const LETTERS: &str = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

#[tokio::test(flavor = "multi_thread")]
async fn every_row_of_the_table_of_errors_is_answered_with_its_bytes() {
    let world = World::build().await;
    let other = world.server.enroll(SITE, "other").await;
    for prefix in PREFIXES {
        let pending = || Request::get(&format!("{prefix}/devices/pending"));
        let missing = "Missing X-API-Key or X-Device-ID header";
        assert_error(&world.server.rest(pending()).await, 401, missing);
        assert_error(&world.server.rest(pending().header("X-Device-ID", TILL)).await, 401, missing);
        assert_error(&world.server.rest(pending().header("X-API-Key", &world.till.api_key)).await, 401, missing);

        let wrong_key = pending().device(TILL, &format!("hpd_{LETTERS}")).from(elsewhere());
        let unknown_device = pending().device("nobody", &world.till.api_key).from(elsewhere());
        let wrong_key = world.server.rest(wrong_key).await;
        let unknown_device = world.server.rest(unknown_device).await;
        assert_eq!(wrong_key.status, 401);
        assert_eq!(wrong_key.text(), unknown_device.text(), "an unknown device and a wrong key are told the same");

        let nobody = world.server.rest(Request::get(&format!("{prefix}/sites/"))).await;
        assert_error(&nobody, 401, "Invalid or missing operator token");
        assert_eq!(nobody.header("www-authenticate"), Some("Bearer"));

        let metrics = Request::post(&format!("{prefix}/analytics/device-metrics"));
        let answer = world.device(metrics.json(&json!({"device_id": "other", "cpu_percent": 1}))).await;
        assert_error(&answer, 403, "Device ID mismatch");

        for absent in ["absent", "not%20an%20id", "%FF%00"] {
            let device = world.operator(Request::get(&format!("{prefix}/devices/device/{absent}"))).await;
            let known = if absent == "%FF%00" { "Not Found" } else { "Device not found" };
            assert_error(&device, 404, known);
        }
        let commands = world.operator(Request::get(&format!("{prefix}/devices/device/absent/commands"))).await;
        assert_error(&commands, 404, "Device not found");
        let queue = Request::post(&format!("{prefix}/devices/absent/commands")).json(&json!({"command_type": "PING"}));
        assert_error(&world.operator(queue).await, 404, "Device not found");
        let devices = world.operator(Request::get(&format!("{prefix}/devices/sites/absent/devices"))).await;
        assert_error(&devices, 404, "Site absent not found");

        let command = world.queue("PING").await;
        for id in [command.as_str(), "01890a5d-ac96-774b-bcce-b302099a8057", "no-uuid"] {
            let report = Request::put(&format!("{prefix}/devices/{id}/status")).json(&json!({"status": "completed"}));
            let answer = world.server.rest(report.device("other", &other.api_key)).await;
            assert_error(&answer, 404, "Command not found");
        }

        let site = json!({"site_id": SITE, "name": "Again"});
        let answer = world.operator(Request::post(&format!("{prefix}/sites/")).json(&site)).await;
        assert_error(&answer, 409, "Site site-001 already exists");

        assert_error(&world.server.rest(Request::get(&format!("{prefix}/nothing"))).await, 404, "Not Found");
        let answer = world.server.rest(Request::new("DELETE", &format!("{prefix}/devices/pending"))).await;
        assert_error(&answer, 405, "Method Not Allowed");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deactivated_device_is_shut_out_until_it_is_activated() {
    let world = World::build().await;
    let pending = || Request::get("/api/v1/devices/pending");
    assert_eq!(world.device(pending()).await.text(), "[]");
    let mut registry = world.server.admin().registry;
    registry.deactivate_device(pb::DeactivateDeviceRequest { device_id: TILL.to_owned() }).await.unwrap();
    assert_error(&world.device(pending()).await, 403, "Device is inactive");
    registry.activate_device(pb::ActivateDeviceRequest { device_id: TILL.to_owned() }).await.unwrap();
    assert_eq!(world.device(pending()).await.text(), "[]");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_at_fault_is_told_every_fault_with_the_contracts_bytes() {
    let world = World::open().await;
    let enroll = || Request::post("/api/v1/devices/sites/site-001/devices");
    let fault = |kind: &str, field: &str, msg: &str| {
        format!("{{\"type\":\"{kind}\",\"loc\":[\"body\",\"{field}\"],\"msg\":\"{msg}\"}}")
    };
    let told = |faults: &[String]| format!("{{\"detail\":[{}],\"status_code\":422}}", faults.join(","));

    let answer = world.server.rest(enroll().json(&json!({"name": "Till"}))).await;
    let missing = fault("missing", "device_id", "Field required");
    assert_eq!((answer.status, answer.text()), (422, told(std::slice::from_ref(&missing))));

    let answer = world.server.rest(enroll().json(&json!({"name": 1, "config": [], "unknown": true}))).await;
    let faults = [
        missing,
        fault("string_type", "name", "Input should be a valid string"),
        fault("dict_type", "config", "Input should be a valid dictionary"),
    ];
    assert_eq!((answer.status, answer.text()), (422, told(&faults)));

    for (body, kind) in [("{\"device_id\": ", "json_invalid"), ("nonsense", "json_invalid"), ("", "missing")] {
        let answer = world.server.rest(enroll().header("Content-Type", "application/json").body(body)).await;
        assert_eq!((answer.status, &answer.json()["detail"][0]["type"]), (422, &json!(kind)), "{body}");
    }

    let body = format!("{{\"x\": \"{}\"}}", "y".repeat(1024 * 1024));
    let answer = world.server.rest(enroll().header("Content-Type", "application/json").body(body)).await;
    // Nobody is known yet when a device enrols, so less is read.
    assert_error(&answer, 413, "Request body is larger than 32768 bytes");
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_tell_every_fault_at_once_by_grpc_and_by_rest() {
    let world = World::build().await;
    let admin = world.server.admin();
    let fields = |status: tonic::Status| -> Vec<String> {
        let error = homepot::Error::from(&status);
        error.field_violations().iter().map(|violation| violation.field.clone()).collect()
    };
    let (page_size, page_token) = (5_000, "junk".to_owned());
    let request = pb::ListDevicesRequest {
        page_size,
        page_token: page_token.clone(),
        site_id: "-".to_owned(),
        label_selector: "a b c".to_owned(),
        ..Default::default()
    };
    let told = fields(admin.registry.clone().list_devices(request).await.unwrap_err());
    assert_eq!(told, ["site_id", "page_size", "page_token", "label_selector"]);
    let request = command_pb::ListRequest { page_size, page_token: page_token.clone(), ..Default::default() };
    let told = fields(admin.command.clone().list(request).await.unwrap_err());
    assert_eq!(told, ["device_id", "page_size", "page_token"]);
    let request = pb::CreateEnrollmentTokenRequest { max_uses: u32::MAX, ..Default::default() };
    assert_eq!(
        fields(admin.registry.clone().create_enrollment_token(request).await.unwrap_err()),
        ["site_id", "max_uses"]
    );
    let answer = world.operator(Request::get("/api/v2/errors?page_size=5000&page_token=junk&filter.device_id=-")).await;
    let places: Vec<_> =
        answer.json()["detail"].as_array().unwrap().iter().map(|fault| fault["loc"][1].clone()).collect();
    assert_eq!(
        (answer.status, places),
        (422, vec![json!("filter.device_id"), json!("page_size"), json!("page_token")])
    );
}
