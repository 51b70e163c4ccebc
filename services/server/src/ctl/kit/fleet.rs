//! Which devices there are and how many, for lists, for totals and for what is about to reach many of them.

use homepot::pb::{common::v1::DeviceSource, registry::v1 as pb};

use super::{
    calls::{all, answer},
    source::source,
};
use crate::client::Client;

/// The devices that a request asks for, page after page, or the first of them.
pub(crate) async fn devices(
    client: &Client,
    request: pb::ListDevicesRequest,
    limit: Option<u32>,
) -> anyhow::Result<Vec<pb::Device>> {
    let devices = all(limit, async |page_size, page_token| {
        let request = pb::ListDevicesRequest { page_size, page_token, ..request.clone() };
        let page = client.registry().list_devices(request).await?.into_inner();
        Ok((page.devices, page.next_page_token))
    });
    devices.await
}

/// Counts devices by status, type and site.
pub(crate) async fn summarize(
    client: &Client,
    site_id: String,
    label_selector: String,
    source: Option<DeviceSource>,
) -> anyhow::Result<pb::SummarizeFleetResponse> {
    let source = source.unwrap_or_default().into();
    let request = pb::SummarizeFleetRequest { site_id, label_selector, source, ..Default::default() };
    answer(client.registry().summarize_fleet(request).await)
}

/// The word for the source that was not counted.
pub(crate) fn not_counted(summary: &pb::SummarizeFleetResponse) -> &'static str {
    match source(summary.source) {
        "simulated" => "real",
        _ => "simulated",
    }
}
