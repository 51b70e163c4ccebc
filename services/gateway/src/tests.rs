//! What the router does by itself, in front of services that are out of reach.

use std::{
    sync::atomic::{AtomicUsize, Ordering},
    task::Poll,
};

use axum::{body::Body, response::Response};
use http::{Request, StatusCode, header};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use tower::{ServiceExt, service_fn, util::BoxCloneSyncService};

use super::*;

pub(crate) fn router(ready: bool) -> Router {
    let out_of_reach =
        service_fn(|_| async { Ok::<_, tonic::codegen::StdError>(tonic::Status::unavailable("no route").into_http()) });
    before(BoxCloneSyncService::new(out_of_reach), ready)
}

pub(crate) fn before(backend: Backend, ready: bool) -> Router {
    super::router(config(ready), backend)
}

pub(crate) fn config(ready: bool) -> GatewayConfig {
    GatewayConfig {
        trusted_proxies: TrustedProxies::default(),
        version: "1.2.3",
        readiness: Arc::new(move || Box::pin(async move { ready })),
        over_tls: false,
        fleet_metrics: Some(2),
    }
}

pub(crate) async fn send(request: Request<Body>) -> Response {
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

pub(crate) fn error(status: u16, detail: &str) -> (StatusCode, Value) {
    (StatusCode::from_u16(status).unwrap(), json!({"detail": detail, "status_code": status}))
}

pub(crate) const DEVICE: [(&str, &str); 2] = [("x-device-id", "d"), ("x-api-key", "k")];
pub(crate) const OPERATOR: [(&str, &str); 1] = [("authorization", "Bearer t")];

#[tokio::test]
async fn an_operators_401_names_the_scheme() {
    let response = send(Request::get("/sites/").body(Body::empty()).unwrap()).await;
    assert_eq!(response.headers()[header::WWW_AUTHENTICATE], "Bearer");
}

#[tokio::test]
async fn what_is_not_there_is_told_in_the_contracts_form() {
    assert_eq!(answer("GET", "/nothing", &[], "").await, error(404, "Not Found"));
    assert_eq!(answer("GET", "/api/v1/nothing", &[], "").await, error(404, "Not Found"));
    assert_eq!(answer("GET", "/docs/nothing", &[], "").await, error(404, "Not Found"));
    assert_eq!(answer("DELETE", "/api/v1/sites/", &[], "").await, error(405, "Method Not Allowed"));
    assert_eq!(answer("DELETE", "/devices/pending", &[], "").await, error(405, "Method Not Allowed"));
    let response = send(Request::delete("/sites/").body(Body::empty()).unwrap()).await;
    assert_eq!(response.headers()[header::ALLOW], "GET,HEAD,POST");
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
pub(crate) fn before_services_that_know_nobody() -> (Router, Arc<AtomicUsize>) {
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
    assert!(
        initializer.contains(legacy::DOCUMENT_PATH) && initializer.contains(r#""validatorUrl": "none""#),
        "{initializer}"
    );
}
