//! Whether devices are there, when they came and went, and watching them do so.

use futures_util::{StreamExt as _, stream::BoxStream};
use homepot::{
    Error,
    model::{Cursor, DeviceId, DeviceSource, Faults, PageRequest},
    pb::registry::v1 as pb,
};
use homepot_runtime::auth::OperatorCaller;
use homepot_store::{
    Lane,
    devices::{self, WatchFilter},
    states,
};
use tonic::Status;

use super::{Service, site_filter};
use crate::watch;

/// Devices named by one viewer.
const MAX_DEVICES: usize = 1_000;

impl Service {
    pub(super) async fn get_presence(
        &self,
        caller: &OperatorCaller,
        request: pb::GetPresenceRequest,
    ) -> Result<pb::GetPresenceResponse, Error> {
        let device = self.device_of(caller, &request.device_id).await?;
        let presence = device.presence.into_proto(device.source, device.maintenance);
        Ok(pb::GetPresenceResponse { device_id: device.device_id.into(), presence: Some(presence) })
    }

    pub(super) async fn list_state_changes(
        &self,
        caller: &OperatorCaller,
        request: pb::ListStateChangesRequest,
    ) -> Result<pb::ListStateChangesResponse, Error> {
        let mut faults = Faults::new();
        let page = faults.take(PageRequest::parse(request.page_size, &request.page_token));
        let device_id = faults.take(DeviceId::parse(&request.device_id));
        let (page, device_id) = faults.finish(page.zip(device_id))?;
        let device = self.visible(caller, vec![device_id.clone()]).await?.pop();
        let pk = device.ok_or_else(|| Error::not_found("Device not found"))?.pk;
        let list = move |conn: &mut _| states::list(conn, pk, &page);
        let page = self.registry.inner.store.lane(Lane::Reports).run("list_state_changes", list).await?;
        let next_page_token = page.next_token();
        let changes = page.items.into_iter().map(|change| change.into_proto(&device_id)).collect();
        Ok(pb::ListStateChangesResponse { changes, next_page_token })
    }

    pub(super) async fn open_watch(
        &self,
        caller: &OperatorCaller,
        request: pb::WatchRequest,
    ) -> Result<BoxStream<'static, Result<pb::WatchResponse, Status>>, Error> {
        let mut faults = Faults::new();
        let since = faults.take(Cursor::parse(&request.cursor)).flatten();
        if since.is_some_and(|since| since.0 < self.registry.inner.store.now() - devices::REMEMBERED) {
            let days = devices::REMEMBERED.num_days();
            faults.add("cursor", format!("is older than {days} days; watch without one"));
        }
        let source = faults.take(DeviceSource::from_proto("source", request.source)).flatten();
        if request.device_ids.len() > MAX_DEVICES {
            faults.add("device_ids", format!("has more than {MAX_DEVICES} entries"));
        }
        let named = request.device_ids.iter().take(MAX_DEVICES);
        let named = named.filter_map(|id| faults.take(DeviceId::parse_as("device_ids", id)));
        let mut device_ids: Vec<_> = named.collect();
        faults.take(site_filter(&request.site_id));
        faults.check()?;
        device_ids.sort_unstable();
        device_ids.dedup();
        if self.visible(caller, device_ids.clone()).await?.len() < device_ids.len() {
            return Err(Error::not_found("Device not found"));
        }
        let site_id = self.site_filter(caller, &request.site_id).await?;
        let filter = WatchFilter { scope: caller.scope.clone(), site_id, source, device_ids };
        let registry = &self.registry.inner;
        let since = match since {
            Some(since) => Some(Cursor(registry.store.resume_from(since.0).await?)),
            None => None,
        };
        let view = watch::view(registry.store.clone(), filter, since);
        Ok(registry.changes.view(view).await?.map(|piece| Ok(watch::message(piece?))).boxed())
    }

    /// Those of these devices that the caller may see.
    async fn visible(
        &self,
        caller: &OperatorCaller,
        device_ids: Vec<DeviceId>,
    ) -> Result<Vec<devices::DeviceRef>, Error> {
        if device_ids.is_empty() {
            return Ok(Vec::new());
        }
        let find = move |conn: &mut _| devices::find_refs(conn, &device_ids);
        let mut found = self.registry.inner.store.run("find_devices", find).await?;
        found.retain(|device| caller.scope.allows(&device.site_id));
        Ok(found)
    }
}
