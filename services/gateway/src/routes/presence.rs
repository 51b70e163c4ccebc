//! When devices came and went, and watching them do so.

use axum::{Json, extract::State, response::sse::Event};
use homepot::pb::registry::v1 as pb;
use http::{HeaderMap, StatusCode};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    App,
    backend::{call, open},
    caller::{Caller, Ids, Operator},
    error::{ApiError, ErrorBody},
    events::{self, Events},
    params::Params,
    views::{DeviceView, StateChangeView},
};

/// A page of a device's history.
#[derive(Serialize, ToSchema)]
pub(crate) struct StateHistory {
    /// Newest first.
    changes: Vec<StateChangeView>,
    /// Asks for the next page; null on the last.
    next_page_token: Option<String>,
}

/// Tells when a device came and went, newest first
///
/// Kept for 90 days. A device that comes and goes all the time has an entry when that begins and one when it has settled;
/// in between changes are only counted.
#[utoipa::path(
    get, path = "/devices/device/{device_id}/state-history", tag = "devices",
    params(
        ("device_id" = String, Path, description = "The device", example = "pos-terminal-001"),
        ("page_size" = Option<u32>, Query, description = "1 to 1,000; 100 unless told", minimum = 1, maximum = 1000),
        ("page_token" = Option<String>, Query, description = "`next_page_token` of the page before"),
    ),
    responses(
        (status = 200, description = "A page of its history", body = StateHistory),
        (status = 404, description = "There is no such device, or none the caller may see", body = ErrorBody,
            example = json!({"detail": "Device not found", "status_code": 404})),
    )
)]
pub(crate) async fn state_history(
    State(app): State<App>,
    Operator(caller): Operator,
    Ids(device_id): Ids<String>,
    mut params: Params,
) -> Result<Json<StateHistory>, ApiError> {
    let (page_size, page_token) = params.page();
    params.finish(())?;
    let mut registry = app.services.registry();
    let message = pb::ListStateChangesRequest { device_id, page_size, page_token };
    let answer = call(&caller, message, |request| async move { registry.list_state_changes(request).await }).await;
    let page = answer.map_err(|error| no_device(error).in_query())?;
    let changes = page.changes.into_iter().map(StateChangeView::try_from).collect::<Result<_, _>>()?;
    let next_page_token = Some(page.next_page_token).filter(|token| !token.is_empty());
    Ok(Json(StateHistory { changes, next_page_token }))
}

/// The data of an event `devices`.
#[derive(Serialize, ToSchema)]
pub(crate) struct DevicesView {
    /// Each as it is now.
    devices: Vec<DeviceView>,
    /// Ids of devices that are gone; only simulated ones ever go. An id that is in `devices` too is another device's now.
    removed_device_ids: Vec<String>,
}

/// Tells devices as they are, and then as they come, go and change
///
/// Server-sent events. An event `devices` holds `{"devices": […], "removed_device_ids": […]}`; the first one comes at
/// once. Its `id` says how far one has seen: who comes back with it within 30 days, as `Last-Event-ID` or as `cursor`, is
/// told what changed since, and nothing is left out; a change may come twice. While nothing changes an `id` comes alone from time to time. An event `error` holds what
/// any error holds, and is the last. Who reads slowly gets a device's newest state.
#[utoipa::path(
    get, path = "/devices/watch", tag = "devices",
    params(
        ("site_id" = Option<String>, Query, description = "Only devices of this site"),
        ("device_id" = Option<Vec<String>>, Query, description = "Only this device; up to 1,000 times"),
        ("source" = Option<String>, Query, description = "Only `real` or only `simulated` devices; both unless told"),
        ("cursor" = Option<String>, Query, description = "Goes on after the event with this `id`"),
        ("Last-Event-ID" = Option<String>, Header, description = "The same, as browsers send it; it wins over `cursor`"),
    ),
    responses(
        (status = 200, description = "Events, until either side ends it", content((DevicesView = "text/event-stream"))),
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
        cursor: events::cursor(&headers, &mut params),
        source: params.source(),
    };
    follow(app, caller, params.finish(message)?).await
}

async fn follow(app: App, caller: Caller, message: pb::WatchRequest) -> Result<Events, ApiError> {
    let mut registry = app.services.registry();
    let answer = open(&caller, message, |request| async move { registry.watch(request).await }).await;
    let messages = answer.map_err(ApiError::in_query)?;
    let mut is_first = true;
    let told = move |message: pb::WatchResponse| {
        let has_news = !message.devices.is_empty() || !message.removed_device_ids.is_empty();
        let told = std::mem::take(&mut is_first) || has_news;
        let event = if told { devices(message.devices, message.removed_device_ids)? } else { Event::default() };
        Ok(events::with_id(event, message.cursor))
    };
    Ok(events::answer(caller, messages, told, None))
}

fn devices(devices: Vec<pb::Device>, removed_device_ids: Vec<String>) -> Result<Event, ApiError> {
    let devices = devices.into_iter().map(DeviceView::in_list).collect::<Result<_, _>>()?;
    events::event("devices", DevicesView { devices, removed_device_ids })
}

/// An id in the path that can't exist names nothing.
fn no_device(error: ApiError) -> ApiError {
    error.or_if_at("device_id", StatusCode::NOT_FOUND, "Device not found")
}
