//! News as they come, as server-sent events.

use axum::extract::State;
use homepot::pb::telemetry::v1 as pb;
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
/// event `error` holds what any error holds, and is the last. Who reads slowly misses samples in between, never the newest.
#[utoipa::path(
    get, path = "/telemetry/watch", tag = "telemetry",
    params(
        ("site_id" = Option<String>, Query, description = "Only devices of this site"),
        ("device_id" = Option<Vec<String>>, Query, description = "Only this device; up to 1,000 times"),
        ("source" = Option<String>, Query, description = "Only `real` or only `simulated` devices; both unless told"),
    ),
    responses(
        (status = 200, description = "Events, until either side ends it", content((NewsView = "text/event-stream"))),
        (status = 404, description = "There is no such device, or none the caller may see", body = ErrorBody),
    )
)]
pub(crate) async fn watch(
    State(app): State<App>,
    Operator(caller): Operator,
    mut params: Params,
) -> Result<Events, ApiError> {
    let message = pb::WatchRequest {
        device_ids: params.all("device_id"),
        site_id: params.text("site_id"),
        source: params.source(),
    };
    let message = params.finish(message)?;
    let mut telemetry = app.services.telemetry();
    let answer = open(&caller, message, |request| async move { telemetry.watch(request).await }).await;
    let news = answer.map_err(ApiError::in_query)?;
    let told = |news: pb::WatchResponse| {
        let samples = news.samples.into_iter().map(SampleView::try_from).collect::<Result<_, _>>()?;
        events::event("samples", NewsView { samples })
    };
    Ok(events::answer(caller, news, told, None))
}
