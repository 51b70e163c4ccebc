//! Bounds the memory of answers that are being sent: a client that asks and does not read keeps only itself waiting.
//!
//! The services bound their answers by operator. This bounds the answers as JSON, by the credential that the client
//! sends. Short answers are free. Streams are not bounded here: the services bound their number.

use std::hash::{BuildHasher as _, RandomState};

use axum::{
    Extension,
    body::Body,
    extract::{Request, State},
    middleware::Next,
    response::{IntoResponse, Response},
};
use homepot_runtime::{
    auth::API_KEY,
    limits::{Shares, hold},
};
use http::{HeaderMap, HeaderValue, header};
use http_body_util::BodyExt as _;

use crate::error::ApiError;

/// Answers up to this length are not counted.
const SHORT: u64 = 64 * 1024;
/// Longer answers under way at once, each with a page of a MiB or two in memory.
const ANSWERS: usize = 64;

/// Marks an answer as a stream, which goes on for as long as one listens.
#[derive(Clone, Copy)]
struct Lasting;

/// An answer that goes on for as long as one listens.
pub(crate) fn lasting(answer: impl IntoResponse) -> Response {
    // Else a proxy such as nginx gathers it until its buffer is full.
    (Extension(Lasting), [("x-accel-buffering", "no")], answer).into_response()
}

/// What the middleware shares.
#[derive(Clone)]
pub(crate) struct Bound {
    answers: Shares,
    hasher: RandomState,
}

impl Bound {
    pub(crate) fn new() -> Self {
        Self { answers: Shares::new("REST answers", ANSWERS, ANSWERS), hasher: RandomState::new() }
    }

    /// A number for who calls that holds no secret; all who show nothing share one.
    fn holder(&self, headers: &HeaderMap) -> u64 {
        let shown = [headers.get(header::AUTHORIZATION), headers.get(API_KEY)];
        self.hasher.hash_one(shown.map(|value| value.map(HeaderValue::as_bytes)))
    }
}

/// The middleware.
pub(crate) async fn bound(State(bound): State<Bound>, request: Request, next: Next) -> Response {
    let holder = bound.holder(request.headers());
    let response = next.run(request).await;
    if !is_long(&response) {
        return response;
    }
    match bound.answers.try_take(&format!("{holder:016x}")) {
        Ok(share) => response.map(|body| Body::new(hold(body, share).boxed_unsync())),
        Err(error) => ApiError::from(error).into_response(),
    }
}

fn is_long(response: &Response) -> bool {
    let is_stream = response.extensions().get::<Lasting>().is_some();
    !is_stream && http_body::Body::size_hint(response.body()).upper().is_none_or(|length| length > SHORT)
}

#[cfg(test)]
mod tests {
    use axum::{Router, routing::get};
    use tower::ServiceExt as _;

    use super::*;

    async fn ask(router: &Router, path: &str, token: &str) -> Response {
        let request = Request::get(path).header(header::AUTHORIZATION, token).body(Body::empty()).unwrap();
        router.clone().oneshot(request).await.unwrap()
    }

    #[tokio::test]
    async fn answers_that_a_client_does_not_read_are_bounded_for_it_alone() {
        let router = Router::new()
            .route("/long", get(|| async { "x".repeat(100_000) }))
            .route("/short", get(|| async { "x" }))
            .route("/stream", get(|| async { lasting("x".repeat(100_000)) }))
            .layer(axum::middleware::from_fn_with_state(Bound::new(), bound));
        let mut unread = Vec::new();
        let refused = loop {
            let response = ask(&router, "/long", "Bearer loud").await;
            if response.status() != 200 {
                break response;
            }
            assert_eq!(http_body::Body::size_hint(response.body()).exact(), Some(100_000));
            unread.push(response);
        };
        assert_eq!((unread.len(), refused.status().as_u16()), (ANSWERS / 2, 429));
        assert!(refused.headers().contains_key(header::RETRY_AFTER));
        assert_eq!(ask(&router, "/long", "Bearer quiet").await.status(), 200);
        assert_eq!(ask(&router, "/short", "Bearer loud").await.status(), 200);
        assert_eq!(ask(&router, "/stream", "Bearer loud").await.status(), 200);
        unread.pop().unwrap().into_body().collect().await.unwrap();
        assert_eq!(ask(&router, "/long", "Bearer loud").await.status(), 200);
    }
}
