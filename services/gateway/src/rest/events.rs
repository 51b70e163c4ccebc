//! Streams of answers, as server-sent events.

use std::{convert::Infallible, time::Duration};

use axum::response::{
    Response,
    sse::{Event, KeepAlive, Sse},
};
use futures_util::stream::{self, StreamExt};

use crate::{bounded::lasting, caller::Caller, error::ApiError};

/// So often a silent connection is shown to be alive, to proxies as well.
const KEEP_ALIVE: Duration = Duration::from_secs(15);
/// By what a client of server-sent events says where it left off.
pub(super) const LAST_EVENT_ID: &str = "last-event-id";

/// An event for each message; they end with the service's stream and then with an event `end`, or with the first error, which
/// is the last event.
pub(super) fn answer<M: Send + 'static>(
    caller: Caller,
    messages: tonic::Streaming<M>,
    event: impl FnMut(M) -> Result<Event, ApiError> + Send + 'static,
) -> Response {
    let events = stream::unfold(Some((caller, messages, event)), |state| async move {
        let (caller, mut messages, mut event) = state?;
        let message = messages.message().await.map_err(|status| caller.told(ApiError::from(&status)));
        match message.and_then(|message| message.map(&mut event).transpose()) {
            Ok(Some(told)) => Some((Ok::<_, Infallible>(told), Some((caller, messages, event)))),
            Ok(None) => Some((Ok(Event::default().event("end").data("{}")), None)),
            Err(error) => Some((Ok(failure(&error)), None)),
        }
    });
    lasting(Sse::new(events.boxed()).keep_alive(KeepAlive::new().interval(KEEP_ALIVE)))
}

/// The event with how far the caller has seen; without that the client keeps the id it has.
pub(super) fn with_id(event: Event, cursor: String) -> Event {
    if cursor.is_empty() { event } else { event.id(cursor) }
}

fn failure(error: &ApiError) -> Event {
    let named = || Event::default().event("error");
    named().json_data(error.body()).unwrap_or_else(|_| named())
}
