//! Stored samples: the newest of each device, and those of one device in a time range.

use axum::{
    Json,
    body::Body,
    extract::State,
    response::{IntoResponse, Response},
};
use homepot::pb::telemetry::v1 as pb;
use http::{StatusCode, header};
use serde::Serialize;
use utoipa::ToSchema;

use super::{CSV, csv, no_device, sample::SampleView};
use crate::{
    App,
    backend::call,
    caller::{Caller, Ids, Operator},
    error::{ApiError, ErrorBody},
    lists::{self, Page, Walk},
    params::{Format, Params},
};

/// Samples a page at most, and read at once where all of them are written.
const MAX_PAGE: u32 = 1_000;

/// A page of samples.
#[derive(Serialize, ToSchema)]
pub(crate) struct SamplesView {
    samples: Vec<SampleView>,
    /// Asks for the next page, as `page_token`; null on the last.
    next_page_token: Option<String>,
}

impl SamplesView {
    fn new((samples, token): (Vec<SampleView>, String)) -> Self {
        Self { samples, next_page_token: Some(token).filter(|token| !token.is_empty()) }
    }
}

/// The newest sample of each device, by device id
///
/// Devices that never reported are left out. JSON comes in pages; CSV is one answer with all of them.
#[utoipa::path(
    get, path = "/telemetry/latest", tag = "telemetry",
    params(
        ("site_id" = Option<String>, Query, description = "Only devices of this site"),
        ("device_id" = Option<Vec<String>>, Query, description = "Only this device; up to 1,000 times"),
        ("source" = Option<String>, Query, description = "Only `real` or only `simulated` devices; both unless told"),
        ("page_size" = Option<u32>, Query, description = "1 to 1,000; 100 unless told", minimum = 1, maximum = 1000),
        ("page_token" = Option<String>, Query, description = "`next_page_token` of the page before"),
        ("format" = Option<String>, Query, description = "`json` or `csv`; also by `Accept: text/csv`"),
    ),
    responses(
        (status = 200, description = "One sample a device", content(
            (SamplesView = "application/json"), (String = "text/csv"))),
        (status = 404, description = "There is no such device, or none the caller may see", body = ErrorBody),
    )
)]
pub(crate) async fn latest(
    State(app): State<App>,
    Operator(caller): Operator,
    mut params: Params,
) -> Result<Response, ApiError> {
    let format = params.format();
    let (page_size, page_token) = params.page();
    let filter = pb::LatestRequest {
        device_ids: params.all("device_id"),
        site_id: params.text("site_id"),
        source: params.source(),
        ..Default::default()
    };
    let fetch = pages(app, caller, params.finish(filter)?);
    match format {
        Format::Json => Ok(Json(SamplesView::new(fetch(page_size, page_token).await?)).into_response()),
        Format::Csv => rows(Walk::from(page_token, MAX_PAGE, fetch)).await,
    }
}

/// Pages of the newest samples of which `filter` tells.
pub(super) fn pages(app: App, caller: Caller, filter: pb::LatestRequest) -> impl Fn(u32, String) -> Page<SampleView> {
    move |page_size, page_token| {
        let (mut telemetry, caller) = (app.services.telemetry(), caller.clone());
        let message = pb::LatestRequest { page_size, page_token, ..filter.clone() };
        Box::pin(async move {
            let answer = call(&caller, message, |request| async move { telemetry.latest(request).await }).await;
            let page = answer.map_err(ApiError::in_query)?;
            Ok((views(page.samples)?, page.next_page_token))
        })
    }
}

/// The newest sample of a device
#[utoipa::path(
    get, path = "/telemetry/devices/{device_id}/latest", tag = "telemetry",
    params(("device_id" = String, Path, description = "The device", example = "pos-terminal-001")),
    responses(
        (status = 200, description = "What it measured last", body = SampleView),
        (status = 404, description = "There is no such device, none the caller may see, or it never reported",
            body = ErrorBody, example = json!({"detail": "Device never reported", "status_code": 404})),
    )
)]
pub(crate) async fn latest_of_device(
    State(app): State<App>,
    Operator(caller): Operator,
    Ids(device_id): Ids<String>,
) -> Result<Json<SampleView>, ApiError> {
    let mut telemetry = app.services.telemetry();
    let message = pb::LatestRequest { device_ids: vec![device_id], ..Default::default() };
    let answer = call(&caller, message, |request| async move { telemetry.latest(request).await }).await;
    let newest = answer.map_err(no_device)?.samples.pop();
    newest.ok_or_else(|| ApiError::new(StatusCode::NOT_FOUND, "Device never reported"))?.try_into().map(Json)
}

/// The samples of a device in a time range, oldest first
///
/// As they came, for as long as samples are kept; for longer spans and charts there is `/telemetry/query`. JSON comes in
/// pages; CSV is one answer with all of them.
#[utoipa::path(
    get, path = "/telemetry/devices/{device_id}/samples", tag = "telemetry",
    params(
        ("device_id" = String, Path, description = "The device", example = "pos-terminal-001"),
        ("start" = Option<String>, Query, description = "Inclusive; an hour before `end` unless told"),
        ("end" = Option<String>, Query, description = "Exclusive; now unless told"),
        ("page_size" = Option<u32>, Query, description = "1 to 1,000; 100 unless told", minimum = 1, maximum = 1000),
        ("page_token" = Option<String>, Query, description = "`next_page_token` of the page before"),
        ("format" = Option<String>, Query, description = "`json` or `csv`; also by `Accept: text/csv`"),
    ),
    responses(
        (status = 200, description = "What it measured", content(
            (SamplesView = "application/json"), (String = "text/csv"))),
        (status = 404, description = "There is no such device, or none the caller may see", body = ErrorBody,
            example = json!({"detail": "Device not found", "status_code": 404})),
    )
)]
pub(crate) async fn samples(
    State(app): State<App>,
    Operator(caller): Operator,
    Ids(device_id): Ids<String>,
    mut params: Params,
) -> Result<Response, ApiError> {
    let format = params.format();
    let (page_size, page_token) = params.page();
    let (start_time, end_time) = (params.time("start"), params.time("end"));
    params.finish(())?;
    let fetch = move |page_size, page_token| -> Page<SampleView> {
        let (mut telemetry, caller) = (app.services.telemetry(), caller.clone());
        let device_id = device_id.clone();
        let message = pb::ListSamplesRequest { device_id, start_time, end_time, page_size, page_token };
        Box::pin(async move {
            let answer = call(&caller, message, |request| async move { telemetry.list_samples(request).await }).await;
            let page = answer.map_err(|error| no_device(error).in_query())?;
            Ok((views(page.samples)?, page.next_page_token))
        })
    };
    match format {
        Format::Json => Ok(Json(SamplesView::new(fetch(page_size, page_token).await?)).into_response()),
        Format::Csv => rows(Walk::from(page_token, MAX_PAGE, fetch)).await,
    }
}

fn views(samples: Vec<pb::DeviceSample>) -> Result<Vec<SampleView>, ApiError> {
    samples.into_iter().map(SampleView::try_from).collect()
}

/// All samples of a walk as CSV, a page in memory at a time.
async fn rows<F>(walk: Walk<F>) -> Result<Response, ApiError>
where
    F: Fn(u32, String) -> Page<SampleView> + Send + 'static,
{
    let mut is_first = true;
    let body: Body = lists::body(walk, move |samples: Vec<SampleView>, _| {
        let mut text = Vec::new();
        if std::mem::take(&mut is_first) {
            csv::row(&mut text, SampleView::columns());
        }
        samples.into_iter().for_each(|sample| csv::row(&mut text, sample.cells()));
        Ok(text)
    })
    .await?;
    Ok(([(header::CONTENT_TYPE, CSV)], body).into_response())
}
