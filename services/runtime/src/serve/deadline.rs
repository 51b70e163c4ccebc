//! The deadline that comes with a gRPC call. When it passes the call ends with DEADLINE_EXCEEDED, a stream as well, since
//! its client has given up by then.

use std::{
    convert::Infallible,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use axum::body::Body;
use http::{HeaderMap, Response};
use tokio::time::{Instant, Sleep};
use tonic::Status;

/// From a call to the head of its answer; a stream may go on after it.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);
/// What is longer bounds nothing that lives here.
const LONGEST: Duration = Duration::from_secs(366 * 24 * 3600);

/// When an answer has to be there.
#[derive(Clone, Copy, Debug)]
pub(super) struct Deadline {
    client: Option<Instant>,
    head: Instant,
}

/// Ends a stream at its client's deadline.
pub(super) struct Expiry(Pin<Box<Sleep>>);

impl Deadline {
    /// The deadline that a call's headers tell; an unreadable one is none.
    pub(super) fn of(headers: &HeaderMap) -> Self {
        let now = Instant::now();
        let told = headers.get("grpc-timeout").and_then(|value| parse(value.to_str().ok()?));
        let client = told.filter(|time| *time < LONGEST).map(|time| now + time);
        let head = client.unwrap_or(now + ANSWER_TIMEOUT).min(now + ANSWER_TIMEOUT);
        Self { client, head }
    }

    /// Waits for the head of `answer`, and tells what is to end the rest.
    pub(super) async fn bound(
        self,
        answer: impl Future<Output = Result<Response<Body>, Infallible>>,
    ) -> (Result<Response<Body>, Infallible>, Option<Expiry>) {
        match tokio::time::timeout_at(self.head, answer).await {
            Ok(answer) => (answer, self.client.map(|end| Expiry(Box::pin(tokio::time::sleep_until(end))))),
            Err(_) => (Ok(expired().into_http()), None),
        }
    }
}

impl Expiry {
    /// The trailers that end the stream, once its time has come.
    pub(super) fn poll_trailers(&mut self, cx: &mut Context<'_>) -> Poll<HeaderMap> {
        ready!(self.0.as_mut().poll(cx));
        let mut trailers = HeaderMap::new();
        // A status of our own always fits into headers.
        let _ = expired().add_header(&mut trailers);
        Poll::Ready(trailers)
    }
}

fn expired() -> Status {
    Status::deadline_exceeded("the call took longer than its deadline allows")
}

/// At most eight digits and a unit, as the gRPC protocol has it.
fn parse(text: &str) -> Option<Duration> {
    let (digits, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    if !(1..=8).contains(&digits.len()) || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let count: u64 = digits.parse().ok()?;
    Some(match unit {
        "H" => Duration::from_secs(count * 3600),
        "M" => Duration::from_secs(count * 60),
        "S" => Duration::from_secs(count),
        "m" => Duration::from_millis(count),
        "u" => Duration::from_micros(count),
        "n" => Duration::from_nanos(count),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_call_past_its_clients_deadline_ends_with_deadline_exceeded() {
        let started = Instant::now();
        let headers = [(http::HeaderName::from_static("grpc-timeout"), "500m".parse().unwrap())].into_iter().collect();
        let (Ok(answer), ends) = Deadline::of(&headers).bound(std::future::pending()).await;
        assert_eq!(Status::from_header_map(answer.headers()).unwrap().code(), tonic::Code::DeadlineExceeded);
        assert_eq!((started.elapsed().as_millis(), ends.is_none()), (500, true));
    }

    #[test]
    fn a_timeout_is_read_as_the_protocol_has_it() {
        assert_eq!(parse("500m"), Some(Duration::from_millis(500)));
        assert_eq!(parse("99999999H"), Some(Duration::from_secs(99_999_999 * 3600)));
        assert_eq!(parse("7u").zip(parse("7n")), Some((Duration::from_micros(7), Duration::from_nanos(7))));
        for bad in ["", "m", "5", "5x", "123456789S", "-1S", "1.5S", "5é"] {
            assert_eq!(parse(bad), None, "{bad}");
        }
    }
}
