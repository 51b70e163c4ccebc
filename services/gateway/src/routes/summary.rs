//! Totals over the fleet.

use axum::{Json, extract::State};
use homepot::pb::registry::v1 as pb;
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    App,
    backend::call,
    caller::Operator,
    error::{ApiError, ErrorBody},
    params::Params,
    views::{source_word, status_word},
};

/// Devices counted, all at the same moment.
#[derive(Serialize, ToSchema)]
pub(crate) struct SummaryView {
    /// Which were counted: `real` or `simulated`; never both.
    #[schema(example = "real")]
    source: &'static str,
    /// All of them, those that are shut out included.
    total: u64,
    /// Devices of the other source to which the filters apply. They are in no other number.
    not_counted: u64,
    /// Those of `total` that are shut out.
    inactive: u64,
    /// By status; together they are `total`.
    by_status: StatusesView,
    /// The 100 types with the most devices, most first.
    by_device_type: Vec<DeviceTypeView>,
    /// How many more types there are.
    device_types_left_out: u32,
    /// The 100 sites with the most devices, most first.
    by_site: Vec<SiteCountView>,
    /// How many more sites with devices there are.
    sites_left_out: u32,
}

/// Devices by status, by the database's clock.
#[derive(Default, Serialize, ToSchema)]
pub(crate) struct StatusesView {
    online: u64,
    offline: u64,
    /// Never heard of.
    unknown: u64,
    maintenance: u64,
}

/// Devices of a type.
#[derive(Serialize, ToSchema)]
pub(crate) struct DeviceTypeView {
    #[schema(example = "pos_terminal")]
    device_type: String,
    devices: u64,
}

/// Devices of a site.
#[derive(Serialize, ToSchema)]
pub(crate) struct SiteCountView {
    #[schema(example = "site-001")]
    site_id: String,
    devices: u64,
    online: u64,
}

impl From<pb::SummarizeFleetResponse> for SummaryView {
    fn from(summary: pb::SummarizeFleetResponse) -> Self {
        let mut by_status = StatusesView::default();
        for count in summary.by_status {
            match status_word(count.status) {
                "online" => by_status.online = count.devices,
                "offline" => by_status.offline = count.devices,
                "maintenance" => by_status.maintenance = count.devices,
                _ => by_status.unknown += count.devices,
            }
        }
        let device_type = |pb::DeviceTypeCount { device_type, devices }| DeviceTypeView { device_type, devices };
        let site = |pb::SiteCount { site_id, devices, online }| SiteCountView { site_id, devices, online };
        Self {
            source: source_word(summary.source),
            total: summary.total,
            not_counted: summary.not_counted,
            inactive: summary.inactive,
            by_status,
            by_device_type: summary.by_device_type.into_iter().map(device_type).collect(),
            device_types_left_out: summary.device_types_left_out,
            by_site: summary.by_site.into_iter().map(site).collect(),
            sites_left_out: summary.sites_left_out,
        }
    }
}

/// Counts devices by status, type and site
///
/// Over the caller's sites. Real devices are counted unless `source=simulated` is asked for; the two are never summed.
#[utoipa::path(
    get, path = "/devices/summary", tag = "devices",
    params(
        ("site_id" = Option<String>, Query, description = "Only devices of this site"),
        ("label_selector" = Option<String>, Query, description = "Only devices whose labels match, such as \
            `row=front,!old`"),
        ("source" = Option<String>, Query, description = "`real` or `simulated`; `real` unless told"),
    ),
    responses(
        (status = 200, description = "The totals", body = SummaryView),
        (status = 404, description = "There is no such site, or none the caller may see", body = ErrorBody,
            example = json!({"detail": "Site site-001 not found", "status_code": 404})),
    )
)]
pub(crate) async fn summary(
    State(app): State<App>,
    Operator(caller): Operator,
    mut params: Params,
) -> Result<Json<SummaryView>, ApiError> {
    let message = pb::SummarizeFleetRequest {
        site_id: params.text("site_id"),
        label_selector: params.text("label_selector"),
        source: params.source(),
    };
    let message = params.finish(message)?;
    let mut registry = app.services.registry();
    let answer = call(&caller, message, |request| async move { registry.summarize_fleet(request).await }).await;
    Ok(Json(answer.map_err(ApiError::in_query)?.into()))
}
