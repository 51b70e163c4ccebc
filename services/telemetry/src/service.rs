//! `TelemetryService`: the operators' queries.

use chrono::{TimeDelta, Utc};
use futures_util::stream::BoxStream;
use homepot::{
    Error,
    model::{DeviceId, PageRequest, SiteId, from_proto_timestamp},
    pb::telemetry::v1::{self as pb, telemetry_service_server::TelemetryService},
};
use homepot_runtime::auth::{self, OperatorCaller};
use homepot_store::{
    Store, devices,
    samples::{self, LatestFilter},
    sites,
};
use tonic::{Request, Response, Status};

const MAX_DEVICE_IDS: usize = 1_000;

/// The operators' face of telemetry.
#[derive(Clone)]
pub struct Service {
    store: Store,
}

impl Service {
    pub(crate) fn new(store: Store) -> Self {
        Self { store }
    }

    async fn find_device(&self, caller: &OperatorCaller, device_id: &str) -> Result<devices::DeviceRef, Error> {
        let device_id = DeviceId::parse(device_id)?;
        let found = self.store.run("find_device", move |conn| devices::find_ref(conn, &device_id)).await?;
        found.filter(|device| caller.scope.allows(&device.site_id)).ok_or_else(|| Error::not_found("Device not found"))
    }

    async fn find_latest(
        &self,
        caller: &OperatorCaller,
        request: pb::LatestRequest,
    ) -> Result<pb::LatestResponse, Error> {
        let page = PageRequest::parse(request.page_size, &request.page_token)?;
        if request.device_ids.len() > MAX_DEVICE_IDS {
            return Err(Error::invalid("device_ids", format!("has more than {MAX_DEVICE_IDS} entries")));
        }
        let site_id = self.site_filter(caller, &request.site_id).await?;
        let mut device_ids = Vec::with_capacity(request.device_ids.len());
        for device_id in &request.device_ids {
            device_ids.push(self.find_device(caller, device_id).await?.device_id);
        }
        let filter = LatestFilter { scope: caller.scope.clone(), site_id, device_ids };
        let page = self.store.run("latest_samples", move |conn| samples::latest(conn, &filter, &page)).await?;
        let next_page_token = page.next_token();
        Ok(pb::LatestResponse { samples: page.items.into_iter().map(Into::into).collect(), next_page_token })
    }

    async fn site_filter(&self, caller: &OperatorCaller, site_id: &str) -> Result<Option<SiteId>, Error> {
        if site_id.is_empty() {
            return Ok(None);
        }
        let site_id = SiteId::parse(site_id)?;
        let wanted = site_id.clone();
        let found = self.store.run("find_site", move |conn| sites::find(conn, &wanted)).await?;
        match found.filter(|_| caller.scope.allows(&site_id)) {
            Some(_) => Ok(Some(site_id)),
            None => Err(Error::not_found(format!("Site {site_id} not found"))),
        }
    }

    async fn find_range(
        &self,
        caller: &OperatorCaller,
        request: pb::ListSamplesRequest,
    ) -> Result<pb::ListSamplesResponse, Error> {
        let page = PageRequest::parse(request.page_size, &request.page_token)?;
        let end = match &request.end_time {
            Some(time) => from_proto_timestamp("end_time", time)?,
            None => Utc::now(),
        };
        let start = match &request.start_time {
            Some(time) => from_proto_timestamp("start_time", time)?,
            None => end - TimeDelta::hours(1),
        };
        if start >= end {
            return Err(Error::invalid("start_time", "must lie before end_time"));
        }
        let device = self.find_device(caller, &request.device_id).await?;
        let list = move |conn: &mut _| samples::list(conn, device.pk, start, end, &page);
        let page = self.store.run("list_samples", list).await?;
        let next_page_token = page.next_token();
        Ok(pb::ListSamplesResponse { samples: page.items.into_iter().map(Into::into).collect(), next_page_token })
    }
}

#[tonic::async_trait]
impl TelemetryService for Service {
    async fn latest(&self, request: Request<pb::LatestRequest>) -> Result<Response<pb::LatestResponse>, Status> {
        let caller: OperatorCaller = auth::caller(&request)?;
        Ok(Response::new(self.find_latest(&caller, request.into_inner()).await?))
    }

    async fn list_samples(
        &self,
        request: Request<pb::ListSamplesRequest>,
    ) -> Result<Response<pb::ListSamplesResponse>, Status> {
        let caller: OperatorCaller = auth::caller(&request)?;
        Ok(Response::new(self.find_range(&caller, request.into_inner()).await?))
    }

    type QueryStream = BoxStream<'static, Result<pb::QueryResponse, Status>>;

    async fn query(&self, _: Request<pb::QueryRequest>) -> Result<Response<Self::QueryStream>, Status> {
        Err(Status::unimplemented("Query is being built"))
    }

    type WatchStream = BoxStream<'static, Result<pb::WatchResponse, Status>>;

    async fn watch(&self, _: Request<pb::WatchRequest>) -> Result<Response<Self::WatchStream>, Status> {
        Err(Status::unimplemented("Watch is being built"))
    }
}
