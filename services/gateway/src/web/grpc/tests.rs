//! Tests of calls on their way to a service, and of the errors of those that are refused before.

use std::sync::{Arc, Mutex, atomic::Ordering};

use axum::body::to_bytes;
use http::Request as HttpRequest;
use tower::util::BoxCloneSyncService;

use super::*;
use crate::tests::{before, before_services_that_know_nobody, send};

const LIST_SITES: &str = "/homepot.registry.v1.RegistryService/ListSites";
const WATCH: &str = "/homepot.registry.v1.RegistryService/Watch";
/// A message of two bytes in its frame.
const MESSAGE: [u8; 7] = [0, 0, 0, 0, 2, 16, 7];

fn request(path: &str, content_type: &str, body: impl Into<Body>) -> HttpRequest<Body> {
    let request = HttpRequest::post(path).header("authorization", "Bearer t").header("content-type", content_type);
    request.body(body.into()).unwrap()
}

fn code(headers: &HeaderMap) -> Option<&str> {
    headers.get("grpc-status").map(|status| status.to_str().unwrap())
}

#[tokio::test]
async fn every_method_for_operators_is_there_and_none_of_a_device() {
    for method in contract::METHODS {
        let answer = send(request(method.path, CONTENT_TYPES[1], MESSAGE.to_vec())).await;
        match method.http {
            // The service is out of reach.
            Some(_) => {
                assert_eq!((answer.status().as_u16(), code(answer.headers())), (200, Some("14")), "{}", method.path)
            }
            None => assert_eq!(answer.status(), 404, "{}", method.path),
        }
    }
}

#[tokio::test]
async fn who_shows_no_token_is_told_before_anything_else() {
    let mut nobody = request(LIST_SITES, CONTENT_TYPES[1], "no message");
    nobody.headers_mut().remove("authorization");
    assert_eq!(code(send(nobody).await.headers()), Some("16"));
}

#[tokio::test]
async fn a_body_that_is_not_one_whole_message_is_refused() {
    for (bytes, due) in [
        (&[][..], "3"),
        (&[0, 0, 0, 0, 9, 1], "3"),
        (&[0, 0, 0, 0, 0, 1], "3"),
        (&[0, 255, 255, 255, 255], "3"),
        (&[1, 0, 0, 0, 0], "12"),
    ] {
        let answer = send(request(LIST_SITES, CONTENT_TYPES[0], bytes.to_vec())).await;
        assert_eq!(code(answer.headers()), Some(due), "{bytes:?}");
    }
    let answer = send(request(LIST_SITES, CONTENT_TYPES[2], "no base64")).await;
    assert_eq!(code(answer.headers()), Some("3"));
}

#[tokio::test]
async fn what_is_not_grpc_web_is_refused_as_rest_refuses() {
    for content_type in ["application/grpc", "application/json", "application/grpc-web+json"] {
        let answer = send(request(LIST_SITES, content_type, MESSAGE.to_vec())).await;
        assert_eq!(answer.status(), 415, "{content_type}");
    }
    let get = HttpRequest::get(LIST_SITES).body(Body::empty()).unwrap();
    assert_eq!(send(get).await.status(), 405);
    let preflight = HttpRequest::options(LIST_SITES).header("origin", "http://elsewhere").body(Body::empty()).unwrap();
    let answer = send(preflight).await;
    assert_eq!(answer.status(), 405);
    assert!(!answer.headers().keys().any(|name| name.as_str().starts_with("access-control")));
}

/// A service that answers one message, and what it was asked.
fn service() -> (crate::Backend, Arc<Mutex<Vec<http::request::Parts>>>) {
    let asked = Arc::new(Mutex::new(Vec::new()));
    let log = asked.clone();
    let service = service_fn(move |request: HttpRequest<tonic::body::Body>| {
        let log = log.clone();
        async move {
            let (parts, body) = request.into_parts();
            assert_eq!(body.collect().await.unwrap().to_bytes(), MESSAGE.as_slice());
            log.lock().unwrap().push(parts);
            let mut trailers = HeaderMap::new();
            trailers.insert("grpc-status", HeaderValue::from_static("0"));
            let body = Full::new(Bytes::from_static(&[0, 0, 0, 0, 1, 42])).with_trailers(async { Some(Ok(trailers)) });
            Ok::<_, tonic::codegen::StdError>(Answer::new(tonic::body::Body::new(body)))
        }
    });
    (BoxCloneSyncService::new(service), asked)
}

#[tokio::test]
async fn message_and_token_travel_on_as_they_came_and_the_answer_comes_with_its_trailers() {
    let (backend, asked) = service();
    let router = before(backend, true);
    for (path, content_type, body) in
        [(LIST_SITES, CONTENT_TYPES[1], MESSAGE.to_vec()), (WATCH, CONTENT_TYPES[3], b"AAAAAAIQBw==".to_vec())]
    {
        let mut request = request(path, content_type, body);
        request.headers_mut().insert("x-api-key", HeaderValue::from_static("k"));
        let answer = router.clone().oneshot(request).await.unwrap();
        assert_eq!(
            (answer.status().as_u16(), &answer.headers()["content-type"]),
            (200, &content_type.parse().unwrap())
        );
        assert!(!answer.headers().keys().any(|name| name.as_str().starts_with("access-control")));
        let length = http_body::Body::size_hint(answer.body()).exact();
        let unbuffered = answer.headers().get("x-accel-buffering").is_some_and(|value| value == "no");
        let bytes = to_bytes(answer.into_body(), 1_000).await.unwrap();
        if path == LIST_SITES {
            let trailers = b"grpc-status:0\r\n";
            let due = [&[0, 0, 0, 0, 1, 42, 128, 0, 0, 0, 15], &trailers[..]].concat();
            assert_eq!((length, bytes.as_ref()), (Some(due.len() as u64), due.as_slice()));
        } else {
            assert!(bytes.starts_with(b"AAAAAAEq"), "{bytes:?}");
            assert!(unbuffered, "a proxy must not gather it");
        }
        let parts = asked.lock().unwrap().pop().unwrap();
        assert_eq!((parts.uri.path(), &parts.headers["authorization"]), (path, &HeaderValue::from_static("Bearer t")));
        assert!(!parts.headers.contains_key("x-api-key"));
        assert_eq!(parts.headers.contains_key(TIMEOUT), path == LIST_SITES, "a watch has no deadline of ours");
    }
}

#[tokio::test(start_paused = true)]
async fn a_service_that_never_answers_is_not_waited_for() {
    let router = before(BoxCloneSyncService::new(service_fn(|_| std::future::pending())), true);
    let answer = router.oneshot(request(LIST_SITES, CONTENT_TYPES[1], MESSAGE.to_vec())).await.unwrap();
    assert_eq!(code(answer.headers()), Some("4"));
}

#[tokio::test]
async fn a_large_body_is_read_only_once_its_sender_is_known() {
    let (router, asked) = before_services_that_know_nobody();
    let large = vec![0; 5_000];
    let answer = router.oneshot(request(LIST_SITES, CONTENT_TYPES[1], large)).await.unwrap();
    // The only question was who that is.
    assert_eq!((code(answer.headers()), asked.load(Ordering::Relaxed)), (Some("16"), 1));
}
