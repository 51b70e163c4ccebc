//! News as they come, as server-sent events.

use axum::{extract::State, response::sse::Event};
use homepot::pb::telemetry::v1 as pb;
use http::HeaderMap;
use serde::Serialize;
use utoipa::ToSchema;

use super::sample::SampleView;
use crate::{
    App,
    backend::open,
    caller::Operator,
    error::{ApiError, ErrorBody},
    events::{self, Events},
    params::Params,
};

/// The data of an event `samples`.
#[derive(Serialize, ToSchema)]
pub(crate) struct NewsView {
    /// At most one a device.
    samples: Vec<SampleView>,
}

/// Tells the newest sample of each device, and each newer one within about a second
///
/// Server-sent events. An event `samples` holds `{"samples": […]}`; the first one comes at once, also when it is empty. An
/// event `error` holds what any error holds, and is the last. Who reads slowly misses samples in between, never the newest. The
/// `id` of an event says how far one has seen: who comes back with it, as `Last-Event-ID` or as `cursor`, is told the newest
/// sample of each device that reported since. While there are no news an `id` comes alone from time to time.
#[utoipa::path(
    get, path = "/telemetry/watch", tag = "telemetry",
    params(
        ("site_id" = Option<String>, Query, description = "Only devices of this site"),
        ("device_id" = Option<Vec<String>>, Query, description = "Only this device; up to 1,000 times"),
        ("source" = Option<String>, Query, description = "Only `real` or only `simulated` devices; both unless told"),
        ("cursor" = Option<String>, Query, description = "Goes on after the event with this `id`"),
        ("Last-Event-ID" = Option<String>, Header, description = "The same, as browsers send it; it wins over `cursor`"),
    ),
    responses(
        (status = 200, description = "Events, until either side ends it", content((NewsView = "text/event-stream"))),
        (status = 404, description = "There is no such device, or none the caller may see", body = ErrorBody),
    )
)]
pub(crate) async fn watch(
    State(app): State<App>,
    Operator(caller): Operator,
    headers: HeaderMap,
    mut params: Params,
) -> Result<Events, ApiError> {
    let message = pb::WatchRequest {
        device_ids: params.all("device_id"),
        site_id: params.text("site_id"),
        source: params.source(),
        cursor: events::cursor(&headers, &mut params),
    };
    let message = params.finish(message)?;
    let mut telemetry = app.services.telemetry();
    let answer = open(&caller, message, |request| async move { telemetry.watch(request).await }).await;
    let news = answer.map_err(ApiError::in_query)?;
    let mut is_first = true;
    let told = move |news: pb::WatchResponse| {
        let told = std::mem::take(&mut is_first) || !news.samples.is_empty();
        let event = if told { samples(news.samples)? } else { Event::default() };
        Ok(events::with_id(event, news.cursor))
    };
    Ok(events::answer(caller, news, told, None))
}

fn samples(samples: Vec<pb::DeviceSample>) -> Result<Event, ApiError> {
    let samples = samples.into_iter().map(SampleView::try_from).collect::<Result<_, _>>()?;
    events::event("samples", NewsView { samples })
}
