//! Presence of devices, its history, and watches of devices.

use futures_util::StreamExt as _;
use homepot::{
    Error,
    model::{Cursor, DeviceId, DeviceSource, Faults, PageRequest, read_range},
    pb::registry::v1 as pb,
};
use homepot_operator_api::{Answers, Named, feed::resume_from};
use homepot_runtime::auth::OperatorCaller;
use homepot_store::{Lane, devices, states};

use super::Service;
use crate::watch;

impl Service {
    pub(super) async fn get_presence(
        &self,
        caller: &OperatorCaller,
        request: pb::GetPresenceRequest,
    ) -> Result<pb::GetPresenceResponse, Error> {
        let device = self.directory.device_record(caller, DeviceId::parse(&request.device_id)?).await?;
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
        let range = read_range(&mut faults, "", request.start_time.as_ref(), request.end_time.as_ref());
        let (page, device_id) = faults.finish(page.zip(device_id))?;
        let pk = self.directory.device(caller, device_id.clone()).await?.pk;
        let list = move |conn: &mut _| states::list(conn, pk, range, &page);
        let page = self.registry.inner.store.lane(Lane::Reports).run("list_state_changes", list).await?;
        let (changes, next_page_token) = page.into_answer(|change| change.into_proto(&device_id));
        Ok(pb::ListStateChangesResponse { changes, next_page_token })
    }

    pub(super) async fn watch(
        &self,
        caller: &OperatorCaller,
        request: pb::WatchRequest,
    ) -> Result<Answers<pb::WatchResponse>, Error> {
        let mut faults = Faults::new();
        let since = faults.take(Cursor::parse(&request.cursor)).flatten();
        if since.is_some_and(|since| since.0 < self.registry.inner.store.now() - devices::REMEMBERED) {
            let days = devices::REMEMBERED.num_days();
            faults.add("cursor", format!("is older than {days} days; watch without one"));
        }
        let source = faults.take(DeviceSource::from_proto("source", request.source)).flatten();
        let named = Named::read(&mut faults, &request.site_id, &request.device_ids);
        faults.check()?;
        let selection = self.directory.select(caller, named, source).await?;
        let registry = &self.registry.inner;
        let since = resume_from(&registry.store, since).await?;
        let view = watch::view(registry.store.clone(), selection, since);
        Ok(registry.changes.view(view).await?.map(|piece| Ok(watch::message(piece?))).boxed())
    }
}
