//! Answers that go on for as long as one listens, as server-sent events.

use std::{convert::Infallible, time::Duration};

use axum::response::sse::{Event, KeepAlive, KeepAliveStream, Sse};
use futures_util::stream::{self, BoxStream, StreamExt};
use http::{HeaderMap, HeaderName};
use serde::Serialize;

use crate::{caller::Caller, error::ApiError, headers::text, params::Params};

/// So often a silent connection is shown to be alive, to proxies as well.
const KEEP_ALIVE: Duration = Duration::from_secs(15);
/// By what a client of server-sent events says where it left off.
pub(crate) const LAST_EVENT_ID: &str = "last-event-id";

/// What handlers answer.
pub(crate) type Events =
    ([(HeaderName, &'static str); 1], Sse<KeepAliveStream<BoxStream<'static, Result<Event, Infallible>>>>);

/// Keeps a proxy from gathering events until its buffer is full, which nginx does unless told.
const UNBUFFERED: [(HeaderName, &str); 1] = [(HeaderName::from_static("x-accel-buffering"), "no")];

/// An event for each message; they end with the service's stream and then with `end`, or with the first error, which is the
/// last event.
pub(crate) fn answer<M: Send + 'static>(
    caller: Caller,
    messages: tonic::Streaming<M>,
    event: impl FnMut(M) -> Result<Event, ApiError> + Send + 'static,
    end: Option<Event>,
) -> Events {
    let events = stream::unfold(Some((caller, messages, event, end)), |state| async move {
        let (caller, mut messages, mut event, end) = state?;
        let message = messages.message().await.map_err(|status| caller.told(ApiError::from(&status)));
        match message.and_then(|message| message.map(&mut event).transpose()) {
            Ok(Some(told)) => Some((Ok(told), Some((caller, messages, event, end)))),
            Ok(None) => end.map(|end| (Ok(end), None)),
            Err(error) => Some((Ok(failure(&error)), None)),
        }
    });
    (UNBUFFERED, Sse::new(events.boxed()).keep_alive(KeepAlive::new().interval(KEEP_ALIVE)))
}

/// An event of that name.
pub(crate) fn event(name: &str, data: impl Serialize) -> Result<Event, ApiError> {
    Event::default().event(name).json_data(data).map_err(|_| ApiError::internal())
}

/// Where the caller left off: what clients of server-sent events send by themselves wins over what the URL says.
pub(crate) fn cursor(headers: &HeaderMap, params: &mut Params) -> String {
    let told = params.text("cursor");
    match text(headers, LAST_EVENT_ID) {
        Ok(resumed) => resumed.unwrap_or(told),
        Err(fault) => {
            params.header_fault(fault);
            told
        }
    }
}

/// The event with how far the caller has seen; without that the client keeps the id it has.
pub(crate) fn with_id(event: Event, cursor: String) -> Event {
    if cursor.is_empty() { event } else { event.id(cursor) }
}

fn failure(error: &ApiError) -> Event {
    event("error", error.body()).unwrap_or_else(|_| Event::default().event("error"))
}
