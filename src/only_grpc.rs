//! A client's guard against servers that speak something else: whatever is not gRPC is told in clear words.
//!
//! The REST address is a port away from the gRPC one and answers JSON to HTTP/2, of which a gRPC client makes "invalid
//! compression flag: 123", the code of an opening brace.

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll},
};

use http::{Request, Response, header::CONTENT_TYPE};
use tonic::{
    Code, Status,
    codegen::{Service, StdError},
};

/// Passes calls on, and turns an answer that is not gRPC into an error that says so.
#[derive(Clone, Debug)]
pub struct OnlyGrpc<S>(S);

impl<S> OnlyGrpc<S> {
    /// Guards `inner`.
    pub fn new(inner: S) -> Self {
        Self(inner)
    }
}

impl<S, Q, A> Service<Request<Q>> for OnlyGrpc<S>
where
    S: Service<Request<Q>, Response = Response<A>>,
    S::Error: Into<StdError>,
    S::Future: Send + 'static,
{
    type Response = Response<A>;
    type Error = StdError;
    type Future = Pin<Box<dyn Future<Output = Result<Response<A>, StdError>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), StdError>> {
        self.0.poll_ready(cx).map_err(Into::into)
    }

    fn call(&mut self, request: Request<Q>) -> Self::Future {
        let answer = self.0.call(request);
        Box::pin(async move {
            let answer = answer.await.map_err(Into::into)?;
            match fault(&answer) {
                Some(status) => Err(status.into()),
                None => Ok(answer),
            }
        })
    }
}

fn fault<A>(answer: &Response<A>) -> Option<Status> {
    let kind = answer.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    // An answer of its own has a status; without one, and with another status than 200, tonic makes good sense of it.
    if kind.starts_with("application/grpc") || answer.headers().contains_key("grpc-status") || kind.is_empty() {
        return None;
    }
    let kind: String = kind.chars().filter(|c| c.is_ascii_graphic() || *c == ' ').take(60).collect();
    let status = answer.status().as_u16();
    Some(Status::new(
        Code::FailedPrecondition,
        format!(
            "this address answers HTTP ({status}, {kind}) and not gRPC; is it the REST address? gRPC has one of its own, \
             by default port 50051"
        ),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_of_json_or_html_is_told_as_what_it_is() {
        for (status, kind) in [(404, "application/json"), (200, "text/html; charset=utf-8")] {
            let answer = Response::builder().status(status).header(CONTENT_TYPE, kind).body(()).unwrap();
            let told = fault(&answer).unwrap();
            let text = told.message();
            assert!(text.contains(&status.to_string()) && text.contains(kind) && text.contains("50051"), "{text}");
        }
    }

    #[test]
    fn answers_of_grpc_servers_and_of_proxies_without_a_body_pass() {
        for (name, value) in [("content-type", "application/grpc+proto"), ("grpc-status", "16"), ("server", "proxy")] {
            assert!(fault(&Response::builder().header(name, value).body(()).unwrap()).is_none(), "{name}");
        }
    }
}
