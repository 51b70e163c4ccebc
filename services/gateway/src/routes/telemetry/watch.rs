//! News as they come, as server-sent events.

use std::{convert::Infallible, time::Duration};

use axum::{
    extract::State,
    response::sse::{Event, KeepAlive, Sse},
};
use futures_util::stream::{self, Stream, StreamExt};
use homepot::pb::telemetry::v1 as pb;
use serde::Serialize;
use utoipa::ToSchema;

use super::sample::SampleView;
use crate::{
    App,
    backend::open,
    caller::{Caller, Operator},
    error::{ApiError, ErrorBody},
    params::Params,
};

/// So often a silent connection is shown to be alive, to proxies as well.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// The data of an event `samples`.
#[derive(Serialize, ToSchema)]
pub(crate) struct NewsView {
    /// At most one a device.
    samples: Vec<SampleView>,
}

/// Tells the newest sample of each device, and each newer one within about a second
///
/// Server-sent events. An event `samples` holds `{"samples": […]}`; the first one comes at once, also when it is empty. An
/// event `error` holds what any error holds, and is the last. Who reads slowly misses samples in between, never the newest.
#[utoipa::path(
    get, path = "/telemetry/watch", tag = "telemetry",
    params(
        ("site_id" = Option<String>, Query, description = "Only devices of this site"),
        ("device_id" = Option<Vec<String>>, Query, description = "Only this device; up to 1,000 times"),
    ),
    responses(
        (status = 200, description = "Events, until either side ends it", content((NewsView = "text/event-stream"))),
        (status = 404, description = "There is no such device, or none the caller may see", body = ErrorBody),
    )
)]
pub(crate) async fn watch(
    State(app): State<App>,
    Operator(caller): Operator,
    params: Params,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, ApiError> {
    let message = pb::WatchRequest { device_ids: params.all("device_id"), site_id: params.text("site_id") };
    let mut telemetry = app.services.telemetry();
    let answer = open(&caller, message, |request| async move { telemetry.watch(request).await }).await;
    let news = answer.map_err(ApiError::in_query)?;
    Ok(Sse::new(events(caller, news)).keep_alive(KeepAlive::new().interval(KEEP_ALIVE)))
}

/// The events; they end with the service's stream, or with the first error.
fn events(caller: Caller, news: tonic::Streaming<pb::WatchResponse>) -> impl Stream<Item = Result<Event, Infallible>> {
    stream::unfold(Some((caller, news)), |state| async move {
        let (caller, mut news) = state?;
        let answer = news.message().await.map_err(|status| caller.told(ApiError::from(&status)));
        let event = answer.and_then(|answer| answer.map(event).transpose());
        match event {
            Ok(event) => event.map(|event| (Ok(event), Some((caller, news)))),
            Err(error) => Some((Ok(failure(&error)), None)),
        }
    })
    .boxed()
}

fn event(news: pb::WatchResponse) -> Result<Event, ApiError> {
    let samples = news.samples.into_iter().map(SampleView::try_from).collect::<Result<_, _>>()?;
    Event::default().event("samples").json_data(NewsView { samples }).map_err(|_| ApiError::internal())
}

fn failure(error: &ApiError) -> Event {
    let event = Event::default().event("error");
    event.json_data(error.body()).unwrap_or_else(|_| Event::default().event("error"))
}
