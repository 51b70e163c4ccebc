//! What the legacy routes do by themselves, in front of services that are out of reach.

use axum::body::Body;
use homepot::access;
use http::{Request, StatusCode, header};
use serde_json::json;
use tower::ServiceExt as _;

use super::*;
use crate::tests::{DEVICE, OPERATOR, answer, error, router, send, text};

/// Every route with who may call it: method, path after the prefix, audience. `device` is a device by its id and key;
/// `operator:<role>` an operator of that role or a higher one, at the sites it is bound to; `fleet-admin` an admin bound to no
/// site; `enrollee` a holder of an enrolment token, or a device on the server's machine where enrolment is open; `anyone` needs
/// nothing. With `|` either of two.
const ROUTES: &[(&str, &str, &str)] = &[
    ("POST", "/devices/sites/{site_id}/devices", "enrollee|operator:admin"),
    ("GET", "/devices/sites/{site_id}/devices", "operator:viewer"),
    ("GET", "/devices/device", "operator:viewer"),
    ("GET", "/devices/device/{device_id}", "operator:viewer"),
    ("POST", "/analytics/device-metrics", "device"),
    ("POST", "/analytics/user-activity", "operator:viewer"),
    ("POST", "/analytics/error", "device|operator:viewer"),
    ("GET", "/telemetry/prometheus", "operator:viewer"),
    ("POST", "/devices/{device_id}/commands", "operator:operator"),
    ("GET", "/devices/pending", "device"),
    ("PUT", "/devices/{command_id}/status", "device"),
    ("POST", "/devices/{command_id}/status", "device"),
    ("POST", "/devices/{device_id}/commands/{command_id}/ack", "device"),
    ("GET", "/devices/device/{device_id}/commands", "operator:viewer"),
    ("POST", "/agent/heartbeat", "device"),
    ("POST", "/agent/telemetry", "device"),
    ("POST", "/agent/device-dna", "device"),
    ("POST", "/agent/logs", "device"),
    ("GET", "/devices/device/{device_id}/permissions", "device|operator:viewer"),
    ("PATCH", "/devices/device/{device_id}/permissions", "device"),
    ("POST", "/enrolment-intents/{intent_id}/claim", "enrollee"),
    ("POST", "/sites/", "fleet-admin"),
    ("GET", "/sites/", "operator:viewer"),
    ("GET", "/health/health", "anyone"),
];

fn concrete(path: &str) -> String {
    path.replace("{site_id}", "s")
        .replace("{device_id}", "d")
        .replace("{command_id}", "c")
        .replace("{intent_id}", "hpe_BwcHBwcH")
}

#[tokio::test]
async fn a_missing_credential_is_told_before_anything_else_on_every_route_and_both_prefixes() {
    for (method, path, audience) in ROUTES {
        for prefix in ["/api/v1", ""] {
            let path = format!("{prefix}{}", concrete(path));
            let (status, body) = answer(method, &path, &[], "no json").await;
            match *audience {
                "device" | "device|operator:viewer" => {
                    assert_eq!((status, body), error(401, "Missing X-API-Key or X-Device-ID header"), "{path}")
                }
                "anyone" => assert_eq!(status, 200),
                "enrollee" | "enrollee|operator:admin" => assert_eq!(status, 422),
                _ => assert_eq!((status, body), error(401, "Invalid or missing operator token"), "{path}"),
            }
        }
    }
}

#[tokio::test]
async fn every_route_refuses_a_parameter_that_it_does_not_have_by_name() {
    let credentials: Vec<_> = DEVICE.iter().chain(&OPERATOR).copied().collect();
    for (method, path, audience) in ROUTES {
        // Device and operator at once is taken for the device where a route is for either.
        for prefix in ["/api/v1", ""] {
            let path = format!("{prefix}{}?no_such_parameter=x", concrete(path));
            let (status, body) = answer(method, &path, &credentials, "{}").await;
            assert_eq!(status, 422, "{method} {path}: {body}");
            let fault = &body["detail"][0];
            assert_eq!(fault["loc"], json!(["query", "no_such_parameter"]), "{method} {path}");
            assert!(fault["msg"].as_str().unwrap().starts_with("There is no such parameter; "), "{fault}");
            if *audience != "anyone" && !audience.starts_with("enrollee") {
                assert_eq!(answer(method, &path, &[], "{}").await.0, 401, "{method} {path}");
            }
        }
    }
    assert_eq!(answer("GET", "/sites?x=1", &OPERATOR, "").await.0, 422);
    assert_eq!(answer("HEAD", "/sites/?x=1", &OPERATOR, "").await.0, 422);
}

#[tokio::test]
async fn faults_of_query_header_and_body_are_told_at_once() {
    let header = [OPERATOR[0], ("idempotency-key", "schl\u{fc}ssel")];
    let (status, body) = answer("POST", "/devices/d/commands?dry_run=1", &header, r#"{"command_type": 7}"#).await;
    let places: Vec<_> = body["detail"].as_array().unwrap().iter().map(|fault| fault["loc"].clone()).collect();
    let expected = [json!(["query", "dry_run"]), json!(["header", "idempotency-key"]), json!(["body", "command_type"])];
    assert_eq!((status.as_u16(), places), (422, expected.to_vec()));
}

#[tokio::test]
async fn every_route_answers_503_and_when_to_come_back_while_its_service_is_out_of_reach() {
    let bodies = [
        ("/devices/sites/{site_id}/devices", json!({"device_id": "d", "name": "n"})),
        ("/analytics/device-metrics", json!({})),
        ("/analytics/user-activity", json!({"activity_type": "click"})),
        ("/analytics/error", json!({"category": "api", "severity": "info", "error_message": "m"})),
        ("/devices/{device_id}/commands", json!({"command_type": "PING"})),
        ("/devices/{command_id}/status", json!({"status": "completed"})),
        ("/sites/", json!({"site_id": "s", "name": "n"})),
        ("/agent/heartbeat", json!({})),
        ("/agent/telemetry", json!([{}, {}])),
        ("/agent/device-dna", json!({})),
        ("/agent/logs", json!({"message": "m"})),
        ("/devices/device/{device_id}/permissions", json!({"permissions": {}})),
        (
            "/enrolment-intents/{intent_id}/claim",
            json!({"claim_token": format!("hpe_{}", "BwcHBwcH".repeat(6).split_at(43).0)}),
        ),
    ];
    for (method, path, audience) in ROUTES.iter().filter(|(_, _, audience)| *audience != "anyone") {
        let body = bodies.iter().find(|(route, _)| route == path).map(|(_, body)| body.to_string());
        let mut request = Request::builder().method(*method).uri(concrete(path));
        for (name, value) in DEVICE.iter().chain(&OPERATOR) {
            request = request.header(*name, *value);
        }
        let response = send(request.body(Body::from(body.unwrap_or_default())).unwrap()).await;
        assert_eq!(response.status(), 503, "{method} {path} for {audience}");
        assert_eq!(response.headers()[header::RETRY_AFTER], "1");
        assert!(!text(response).await.contains("no route"));
    }
}

#[tokio::test]
async fn sites_answer_with_and_without_the_trailing_slash() {
    for path in ["/sites", "/sites/", "/api/v1/sites", "/api/v1/sites/"] {
        assert_eq!(answer("GET", path, &OPERATOR, "").await.0, 503, "{path}");
    }
}

#[tokio::test]
async fn a_request_at_fault_is_told_all_of_it_at_once() {
    let path = "/api/v1/devices/sites/site-001/devices";
    let fault = |kind: &str, field: &str, msg: &str| json!({"type": kind, "loc": ["body", field], "msg": msg});
    assert_eq!(
        answer("POST", path, &[], "{}").await,
        (
            StatusCode::UNPROCESSABLE_ENTITY,
            json!({
                "detail": [
                    fault("missing", "device_id", "Field required"),
                    fault("missing", "name", "Field required"),
                ],
                "status_code": 422
            })
        )
    );
    let (_, body) =
        answer("POST", path, &[], r#"{"device_id": "-", "name": 1, "config": "x", "ip_address": "x"}"#).await;
    let places: Vec<_> = body["detail"].as_array().unwrap().iter().map(|fault| fault["loc"][1].clone()).collect();
    assert_eq!(places, ["device_id", "name", "ip_address", "config"]);
    let (_, body) = answer("PUT", "/devices/c/status", &DEVICE, r#"{"status": "done"}"#).await;
    let msg = "Input should be 'sent', 'completed', 'failed' or 'expired'";
    assert_eq!(body["detail"], json!([fault("enum", "status", msg)]));
}

#[tokio::test]
async fn a_number_that_would_arrive_as_another_is_refused_by_name() {
    for number in ["9007199254740993", "12345678901234567890"] {
        let body = format!(r#"{{"command_type": "PING", "payload": {{"deep": [{number}]}}}}"#);
        let (status, body) = answer("POST", "/devices/d/commands", &OPERATOR, &body).await;
        let fault = &body["detail"][0];
        assert_eq!((status.as_u16(), &fault["loc"]), (422, &json!(["body", "payload"])));
        assert!(fault["msg"].as_str().unwrap().contains(number), "{fault}");
    }
    let exact = r#"{"command_type": "PING", "payload": {"n": 9007199254740992}}"#;
    assert_eq!(answer("POST", "/devices/d/commands", &OPERATOR, exact).await.0, 503);
}

#[tokio::test]
async fn health_tells_whether_the_database_answers() {
    assert_eq!(
        answer("GET", "/api/v1/health/health", &[], "").await,
        (StatusCode::OK, json!({"status": "healthy", "version": "1.2.3"}))
    );
    let response = router(false).oneshot(Request::get("/health/health").body(Body::empty()).unwrap()).await.unwrap();
    assert_eq!(response.status(), 503);
    assert!(text(response).await.starts_with(r#"{"status":"unhealthy","version":"1.2.3","#));
}

#[tokio::test]
async fn the_document_and_the_table_name_the_same_routes_and_the_same_callers() {
    let (status, document) = answer("GET", "/api/v1/openapi.json", &[], "").await;
    assert_eq!((status.as_u16(), &document["openapi"]), (200, &json!("3.1.0")));
    assert_eq!(document["info"]["version"], "1.2.3");
    let mut described = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        let path = path.strip_prefix("/api/v1").unwrap();
        for (method, operation) in item.as_object().unwrap() {
            let method = method.to_uppercase();
            let (_, _, audience) = ROUTES.iter().find(|(m, p, _)| *m == method && *p == path).unwrap();
            let scheme = match *audience {
                "device" => json!([{"device_id": [], "device_key": []}]),
                "device|operator:viewer" => json!([{"device_id": [], "device_key": []}, {"operator_token": []}]),
                "enrollee" => json!([{"enrollment_token": []}, {}]),
                "enrollee|operator:admin" => json!([{"enrollment_token": []}, {"operator_token": []}, {}]),
                "anyone" => json!([{}]),
                _ => json!([{"operator_token": []}]),
            };
            assert_eq!(operation["security"], scheme, "{method} {path}");
            assert!(operation["description"].as_str().unwrap().contains("Who may: "));
            described.push((method, path.to_owned()));
        }
    }
    let mut told: Vec<_> = ROUTES.iter().map(|(method, path, _)| ((*method).to_owned(), (*path).to_owned())).collect();
    described.sort();
    told.sort();
    assert_eq!(described, told);
}

#[tokio::test]
async fn every_reference_in_the_document_leads_somewhere() {
    fn references<'a>(value: &'a Value, found: &mut Vec<&'a str>) {
        match value {
            Value::Object(object) => {
                found.extend(object.get("$ref").and_then(Value::as_str));
                object.values().for_each(|value| references(value, found));
            }
            Value::Array(list) => list.iter().for_each(|value| references(value, found)),
            _ => {}
        }
    }
    let (_, document) = answer("GET", "/api/v1/openapi.json", &[], "").await;
    let mut found = Vec::new();
    references(&document, &mut found);
    assert!(!found.is_empty());
    for reference in found {
        assert!(document.pointer(reference.strip_prefix('#').unwrap()).is_some(), "{reference}");
    }
}

#[test]
fn a_route_asks_for_what_the_method_behind_it_asks_for() {
    let behind = [
        ("/devices/sites/{site_id}/devices", "POST", "/homepot.device.v1.DeviceService/Enroll"),
        ("/devices/sites/{site_id}/devices", "POST", "/homepot.registry.v1.RegistryService/CreateEnrollmentToken"),
        ("/devices/sites/{site_id}/devices", "GET", "/homepot.registry.v1.RegistryService/ListDevices"),
        ("/devices/device", "GET", "/homepot.registry.v1.RegistryService/ListDevices"),
        ("/devices/device/{device_id}", "GET", "/homepot.registry.v1.RegistryService/GetDevice"),
        ("/analytics/device-metrics", "POST", "/homepot.device.v1.DeviceService/ReportSamples"),
        ("/analytics/user-activity", "POST", "/homepot.analytics.v1.AnalyticsService/LogActivity"),
        ("/analytics/error", "POST", "/homepot.device.v1.DeviceService/ReportError"),
        ("/analytics/error", "POST", "/homepot.analytics.v1.AnalyticsService/LogError"),
        ("/telemetry/prometheus", "GET", "/homepot.telemetry.v1.TelemetryService/Latest"),
        ("/devices/{device_id}/commands", "POST", "/homepot.command.v1.CommandService/Queue"),
        ("/devices/pending", "GET", "/homepot.device.v1.DeviceService/FetchCommands"),
        ("/devices/{command_id}/status", "PUT", "/homepot.device.v1.DeviceService/ReportOutcome"),
        ("/devices/{command_id}/status", "POST", "/homepot.device.v1.DeviceService/ReportOutcome"),
        ("/agent/heartbeat", "POST", "/homepot.device.v1.DeviceService/ReportHeartbeat"),
        ("/agent/telemetry", "POST", "/homepot.device.v1.DeviceService/ReportSamples"),
        ("/agent/device-dna", "POST", "/homepot.device.v1.DeviceService/UpdateSelf"),
        ("/agent/logs", "POST", "/homepot.device.v1.DeviceService/ReportError"),
        ("/devices/device/{device_id}/permissions", "GET", "/homepot.device.v1.DeviceService/UpdateSelf"),
        ("/devices/device/{device_id}/permissions", "GET", "/homepot.registry.v1.RegistryService/GetDevice"),
        ("/devices/device/{device_id}/permissions", "PATCH", "/homepot.device.v1.DeviceService/UpdateSelf"),
        ("/enrolment-intents/{intent_id}/claim", "POST", "/homepot.device.v1.DeviceService/Enroll"),
        (
            "/devices/{device_id}/commands/{command_id}/ack",
            "POST",
            "/homepot.device.v1.DeviceService/AcknowledgeCommand",
        ),
        ("/devices/device/{device_id}/commands", "GET", "/homepot.command.v1.CommandService/List"),
        ("/sites/", "POST", "/homepot.registry.v1.RegistryService/CreateSite"),
        ("/sites/", "GET", "/homepot.registry.v1.RegistryService/ListSites"),
    ];
    for (method, path, audience) in ROUTES.iter().filter(|(_, _, audience)| *audience != "anyone") {
        let expected = |rpc: &str| match access::audience(rpc).unwrap() {
            access::Audience::Device => "device".to_owned(),
            access::Audience::Enrollee => "enrollee".to_owned(),
            access::Audience::Anyone => "anyone".to_owned(),
            access::Audience::Operator(role) => format!("operator:{}", role.as_str()),
            access::Audience::FleetAdmin => "fleet-admin".to_owned(),
        };
        // A route for two kinds of callers has a method for each.
        let expected: Vec<_> =
            behind.iter().filter(|(p, m, _)| p == path && m == method).map(|(_, _, rpc)| expected(rpc)).collect();
        assert_eq!(*audience, expected.join("|"), "{method} {path}");
    }
}
