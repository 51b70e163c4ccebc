//! What the router does by itself, in front of services that are out of reach.

use std::{
    sync::atomic::{AtomicUsize, Ordering},
    task::Poll,
};

use axum::{body::Body, response::Response};
use homepot::access;
use http::{Request, StatusCode, header};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use tower::{ServiceExt, service_fn, util::BoxCloneSyncService};

use super::*;

fn router(ready: bool) -> Router {
    let out_of_reach =
        service_fn(|_| async { Ok::<_, tonic::codegen::StdError>(tonic::Status::unavailable("no route").into_http()) });
    before(BoxCloneSyncService::new(out_of_reach), ready)
}

fn before(backend: Backend, ready: bool) -> Router {
    let config = GatewayConfig {
        trusted_proxies: TrustedProxies::default(),
        version: "1.2.3",
        readiness: Arc::new(move || Box::pin(async move { ready })),
        fleet_metrics: Some(2),
    };
    Gateway::new(config, backend).router()
}

async fn send(request: Request<Body>) -> Response {
    // One for all tests: making it takes longer than answering.
    static ROUTER: std::sync::LazyLock<Router> = std::sync::LazyLock::new(|| router(true));
    ROUTER.clone().oneshot(request).await.unwrap()
}

pub(crate) async fn answer(method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> (StatusCode, Value) {
    let mut request = Request::builder().method(method).uri(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let response = send(request.body(Body::from(body.to_owned())).unwrap()).await;
    let status = response.status();
    (status, serde_json::from_str(&text(response).await).unwrap_or_default())
}

pub(crate) async fn text(response: Response) -> String {
    String::from_utf8(response.into_body().collect().await.unwrap().to_bytes().to_vec()).unwrap()
}

fn error(status: u16, detail: &str) -> (StatusCode, Value) {
    (StatusCode::from_u16(status).unwrap(), json!({"detail": detail, "status_code": status}))
}

const DEVICE: [(&str, &str); 2] = [("x-device-id", "d"), ("x-api-key", "k")];
pub(crate) const OPERATOR: [(&str, &str); 1] = [("authorization", "Bearer t")];

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
async fn a_misspelled_parameter_of_a_removal_is_told_with_the_right_one() {
    let (status, body) = answer("DELETE", "/devices/simulated?site=site-002", &OPERATOR, "").await;
    let msg = "There is no such parameter; did you mean 'site_id'?";
    let fault = json!({"type": "extra_forbidden", "loc": ["query", "site"], "msg": msg});
    assert_eq!((status.as_u16(), body), (422, json!({"detail": [fault], "status_code": 422})));
    for query in ["site_id=", "site_id=s&label_selector=", "label_selector=a&label_selector=b", "all=yes", "all="] {
        let (status, _) = answer("DELETE", &format!("/devices/simulated?{query}"), &OPERATOR, "").await;
        assert_eq!(status, 422, "{query}");
    }
}

#[tokio::test]
async fn faults_of_query_header_and_body_are_told_at_once() {
    let header = [OPERATOR[0], ("idempotency-key", "schl\u{fc}ssel")];
    let (status, body) = answer("POST", "/devices/d/commands?dry_run=1", &header, r#"{"command_type": 7}"#).await;
    let places: Vec<_> = body["detail"].as_array().unwrap().iter().map(|fault| fault["loc"].clone()).collect();
    let expected = [json!(["query", "dry_run"]), json!(["header", "idempotency-key"]), json!(["body", "command_type"])];
    assert_eq!((status.as_u16(), places), (422, expected.to_vec()));
    let (_, body) = answer("GET", "/telemetry/latest?site=a&page_size=0&page_token=%25", &OPERATOR, "").await;
    let places: Vec<_> = body["detail"].as_array().unwrap().iter().map(|fault| fault["loc"][1].clone()).collect();
    assert_eq!(places, ["site", "page_size", "page_token"]);
}

#[tokio::test]
async fn an_operators_401_names_the_scheme() {
    let response = send(Request::get("/sites/").body(Body::empty()).unwrap()).await;
    assert_eq!(response.headers()[header::WWW_AUTHENTICATE], "Bearer");
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
        ("/commands/{command_id}/cancel", json!({})),
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
async fn what_is_not_there_is_told_in_the_contracts_form() {
    assert_eq!(answer("GET", "/nothing", &[], "").await, error(404, "Not Found"));
    assert_eq!(answer("GET", "/api/v1/nothing", &[], "").await, error(404, "Not Found"));
    assert_eq!(answer("GET", "/docs/nothing", &[], "").await, error(404, "Not Found"));
    assert_eq!(answer("DELETE", "/api/v1/sites/", &[], "").await, error(405, "Method Not Allowed"));
    assert_eq!(answer("DELETE", "/devices/pending", &[], "").await, error(405, "Method Not Allowed"));
    let response = send(Request::delete("/sites/").body(Body::empty()).unwrap()).await;
    assert_eq!(response.headers()[header::ALLOW], "POST,GET,HEAD");
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
async fn a_mark_before_utf8_is_no_fault_and_an_unknown_encoding_is_told() {
    let (status, _) = answer("POST", "/analytics/device-metrics", &DEVICE, "\u{feff}{}").await;
    assert_eq!(status, 503);
    let coded = [DEVICE[0], DEVICE[1], ("content-encoding", "br")];
    assert_eq!(answer("POST", "/analytics/device-metrics", &coded, "{}").await.0, 415);
}

#[tokio::test]
async fn numbers_that_are_none_are_no_json() {
    for text in [r#"{"cpu_percent": NaN}"#, r#"{"cpu_percent": Infinity}"#, r#"{"cpu_percent": 1e999}"#, "{"] {
        let (status, body) = answer("POST", "/analytics/device-metrics", &DEVICE, text).await;
        assert_eq!((status.as_u16(), &body["detail"][0]["type"]), (422, &json!("json_invalid")), "{text}");
    }
}

/// Services that know no question about who sends something, as those of an earlier version, and nothing else.
fn before_old_services() -> Router {
    let unknown =
        service_fn(|_| async { Ok::<_, tonic::codegen::StdError>(tonic::Status::unimplemented("what?").into_http()) });
    before(BoxCloneSyncService::new(unknown), true)
}

/// Services that know nobody; how often they were asked.
fn before_services_that_know_nobody() -> (Router, Arc<AtomicUsize>) {
    let asked = Arc::new(AtomicUsize::new(0));
    let counter = asked.clone();
    let nobody = service_fn(move |request: Request<tonic::body::Body>| {
        assert!(request.uri().path().ends_with("/WhoAmI"), "{}", request.uri());
        counter.fetch_add(1, Ordering::Relaxed);
        async { Ok::<_, tonic::codegen::StdError>(tonic::Status::unauthenticated("unknown").into_http()) }
    });
    (before(BoxCloneSyncService::new(nobody), true), asked)
}

#[tokio::test]
async fn a_body_over_the_limit_is_413_and_one_at_the_limit_is_read() {
    let of_length = |length: usize| format!("{{\"x\": \"{}\"}}", "y".repeat(length - 9));
    let send = async |length| {
        let [id, key] = DEVICE;
        let request = Request::post("/analytics/device-metrics").header(id.0, id.1).header(key.0, key.1);
        let request = request.body(Body::from(of_length(length))).unwrap();
        before_old_services().oneshot(request).await.unwrap()
    };
    let answer = send(body::MAX_BODY_BYTES + 1).await;
    assert_eq!(answer.status(), 413);
    assert!(text(answer).await.contains("Request body is larger than 1048576 bytes"));
    assert_eq!(send(body::MAX_BODY_BYTES).await.status(), 501);
}

#[tokio::test]
async fn a_large_body_is_read_only_once_its_sender_is_known() {
    // A body of which nobody may ask for more than the first few bytes.
    let body = || {
        let first = futures_util::stream::iter([Ok::<_, std::io::Error>(bytes::Bytes::from(vec![b'x'; 5000]))]);
        Body::from_stream(futures_util::StreamExt::chain(
            first,
            futures_util::stream::poll_fn(|_| -> Poll<Option<Result<bytes::Bytes, std::io::Error>>> {
                panic!("the rest was asked for")
            }),
        ))
    };
    for (path, credentials) in [("/analytics/device-metrics", &DEVICE[..]), ("/sites/", &OPERATOR[..])] {
        for length in [None, Some("1000000")] {
            let (router, asked) = before_services_that_know_nobody();
            let mut request = Request::post(path);
            for (name, value) in credentials.iter().copied().chain(length.map(|length| ("content-length", length))) {
                request = request.header(name, value);
            }
            let answer = router.oneshot(request.body(body()).unwrap()).await.unwrap();
            assert_eq!((answer.status().as_u16(), asked.load(Ordering::Relaxed)), (401, 1), "{path} {length:?}");
        }
    }
}

#[tokio::test]
async fn a_body_of_somebody_who_enrols_is_small() {
    let answer = answer("POST", "/devices/sites/s/devices", &[], &"x".repeat(40_000)).await;
    assert_eq!(answer, error(413, "Request body is larger than 32768 bytes"));
}

#[tokio::test(start_paused = true)]
async fn a_body_that_never_ends_is_408_within_seconds_and_within_half_a_minute_for_who_is_known() {
    let never = || Body::from_stream(futures_util::stream::pending::<Result<bytes::Bytes, std::io::Error>>());
    let started = tokio::time::Instant::now();
    for path in ["/devices/sites/s/devices", "/analytics/device-metrics"] {
        let request = Request::post(path).header("x-device-id", "d").header("x-api-key", "k").body(never()).unwrap();
        assert_eq!(send(request).await.status(), 408);
    }
    assert_eq!(started.elapsed().as_secs(), 10);
    let request = Request::post("/analytics/device-metrics").header("x-device-id", "d").header("x-api-key", "k");
    let request = request.header("content-length", "1000000").body(never()).unwrap();
    assert_eq!(before_old_services().oneshot(request).await.unwrap().status(), 408);
    assert_eq!(started.elapsed().as_secs(), 40);
}

#[tokio::test(start_paused = true)]
async fn a_service_that_never_answers_is_504_and_one_that_breaks_503() {
    let get = || Request::get("/sites/").header("authorization", "Bearer t").body(Body::empty()).unwrap();
    let silent = service_fn(|_| std::future::pending());
    let response = before(BoxCloneSyncService::new(silent), true).oneshot(get()).await.unwrap();
    assert_eq!(response.status(), 504);
    assert_eq!(text(response).await, r#"{"detail":"The service did not answer in time","status_code":504}"#);
    let broken = service_fn(|_| async { Err("secret path".into()) });
    let response = before(BoxCloneSyncService::new(broken), true).oneshot(get()).await.unwrap();
    assert_eq!(response.status(), 503);
    assert!(!text(response).await.contains("secret"));
}

#[tokio::test]
async fn a_handler_that_panics_is_500_and_the_router_lives() {
    let panics = service_fn(|_| async { panic!("on purpose") });
    let router = before(BoxCloneSyncService::new(panics), true);
    for _ in 0..2 {
        let request = Request::get("/sites/").header("authorization", "Bearer t").body(Body::empty()).unwrap();
        let response = router.clone().oneshot(request).await.unwrap();
        assert_eq!(response.status(), 500);
        assert!(text(response).await.ends_with(r#""status_code":500}"#));
    }
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
async fn every_answer_has_an_id_and_the_headers_that_browsers_need() {
    for path in ["/", "/docs/", "/nothing", "/api/v1/openapi.json"] {
        let response = send(Request::get(path).header("x-request-id", "r-1").body(Body::empty()).unwrap()).await;
        let headers = response.headers();
        assert_eq!(headers["x-request-id"], "r-1");
        assert_eq!(headers[header::X_CONTENT_TYPE_OPTIONS], "nosniff");
        assert_eq!(headers[header::X_FRAME_OPTIONS], "DENY");
        assert!(headers[header::CONTENT_SECURITY_POLICY].to_str().unwrap().starts_with("default-src 'none'"));
        assert!(!headers.contains_key(header::ACCESS_CONTROL_ALLOW_ORIGIN));
    }
}

#[tokio::test]
async fn the_pages_load_nothing_from_another_host() {
    for path in ["/", "/docs/", "/docs/swagger-initializer.js", "/docs/index.css"] {
        let response = send(Request::get(path).body(Body::empty()).unwrap()).await;
        assert_eq!(response.status(), 200, "{path}");
        let page = text(response).await;
        assert!(!page.contains("//cdn") && !page.contains("http:") && !page.contains("https:"), "{path}: {page}");
    }
    let initializer = send(Request::get("/docs/swagger-initializer.js").body(Body::empty()).unwrap()).await;
    let initializer = text(initializer).await;
    assert!(initializer.contains(DOCUMENT_PATH) && initializer.contains(r#""validatorUrl": "none""#), "{initializer}");
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
        ("/devices/summary", "GET", "/homepot.registry.v1.RegistryService/SummarizeFleet"),
        ("/analytics/device-metrics", "POST", "/homepot.device.v1.DeviceService/ReportSamples"),
        ("/analytics/user-activity", "POST", "/homepot.analytics.v1.AnalyticsService/LogActivity"),
        ("/analytics/user-activity", "GET", "/homepot.analytics.v1.AnalyticsService/ListActivities"),
        ("/analytics/user-activity/summary", "GET", "/homepot.analytics.v1.AnalyticsService/AggregateActivities"),
        ("/analytics/error", "POST", "/homepot.device.v1.DeviceService/ReportError"),
        ("/analytics/error", "POST", "/homepot.analytics.v1.AnalyticsService/LogError"),
        ("/analytics/errors", "GET", "/homepot.analytics.v1.AnalyticsService/ListErrors"),
        ("/analytics/errors/summary", "GET", "/homepot.analytics.v1.AnalyticsService/AggregateErrors"),
        ("/devices/device/{device_id}/state-history", "GET", "/homepot.registry.v1.RegistryService/ListStateChanges"),
        ("/devices/watch", "GET", "/homepot.registry.v1.RegistryService/Watch"),
        ("/devices/simulated", "DELETE", "/homepot.registry.v1.RegistryService/RemoveSimulatedDevices"),
        ("/telemetry/latest", "GET", "/homepot.telemetry.v1.TelemetryService/Latest"),
        ("/telemetry/devices/{device_id}/latest", "GET", "/homepot.telemetry.v1.TelemetryService/Latest"),
        ("/telemetry/devices/{device_id}/samples", "GET", "/homepot.telemetry.v1.TelemetryService/ListSamples"),
        ("/telemetry/query", "GET", "/homepot.telemetry.v1.TelemetryService/Query"),
        ("/telemetry/watch", "GET", "/homepot.telemetry.v1.TelemetryService/Watch"),
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
        ("/commands/watch", "GET", "/homepot.command.v1.CommandService/Watch"),
        ("/commands/{command_id}", "GET", "/homepot.command.v1.CommandService/Get"),
        ("/commands/{command_id}/cancel", "POST", "/homepot.command.v1.CommandService/Cancel"),
        ("/sites/", "POST", "/homepot.registry.v1.RegistryService/CreateSite"),
        ("/sites/", "GET", "/homepot.registry.v1.RegistryService/ListSites"),
    ];
    for (method, path, audience) in ROUTES.iter().filter(|(_, _, audience)| *audience != "anyone") {
        let expected = |rpc: &str| match access::audience(rpc).unwrap() {
            access::Audience::Device => "device".to_owned(),
            access::Audience::Enrollee => "enrollee".to_owned(),
            access::Audience::Operator(role) => format!("operator:{}", role.as_str()),
            access::Audience::FleetAdmin => "fleet-admin".to_owned(),
        };
        // A route for two kinds of callers has a method for each.
        let expected: Vec<_> =
            behind.iter().filter(|(p, m, _)| p == path && m == method).map(|(_, _, rpc)| expected(rpc)).collect();
        assert_eq!(*audience, expected.join("|"), "{method} {path}");
    }
}
