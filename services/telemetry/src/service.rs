//! `TelemetryService`: the operators' queries.

use chrono::TimeDelta;
use futures_util::{
    StreamExt as _,
    stream::{self, BoxStream},
};
use homepot::{
    Error,
    model::{DeviceId, DeviceSource, Faults, PageRequest, from_proto_timestamp, to_proto_timestamp},
    pb::telemetry::v1::{self as pb, telemetry_service_server::TelemetryService},
};
use homepot_runtime::{
    Drain,
    auth::{self, OperatorCaller},
};
use homepot_store::{
    Lane, Store,
    maintenance::Retention,
    samples::{self, LatestFilter},
};
use tonic::{Request, Response, Status};

use crate::{
    directory::{self, Directory},
    query::Queries,
    watch::Watches,
};

const MAX_DEVICE_IDS: usize = 1_000;

/// The operators' face of telemetry.
#[derive(Clone)]
pub struct Service {
    store: Store,
    directory: Directory,
    queries: Queries,
    watches: Watches,
}

impl Service {
    pub(crate) fn new(store: Store, kept: Retention, drain: Drain) -> Self {
        Self {
            directory: Directory::new(store.clone()),
            queries: Queries::new(store.clone(), kept),
            watches: Watches::new(store.clone(), drain),
            store,
        }
    }

    async fn find_latest(
        &self,
        caller: &OperatorCaller,
        request: pb::LatestRequest,
    ) -> Result<pb::LatestResponse, Error> {
        let mut faults = Faults::new();
        let page = faults.take(PageRequest::parse(request.page_size, &request.page_token));
        let source = faults.take(DeviceSource::from_proto("source", request.source));
        let site_id = faults.take(directory::read_site(&request.site_id));
        let devices = faults.take(directory::read_devices(&request.device_ids, MAX_DEVICE_IDS));
        let ((page, source), (site_id, devices)) = faults.finish(page.zip(source).zip(site_id.zip(devices)))?;
        let site_id = self.directory.narrowed_to(caller, site_id).await?;
        let devices = self.directory.devices(caller, devices).await?;
        let device_ids = devices.into_iter().map(|device| device.device_id).collect();
        let filter = LatestFilter { scope: caller.scope.clone(), site_id, source, device_ids };
        let page = self.store.run("latest_samples", move |conn| samples::latest(conn, &filter, &page)).await?;
        let next_page_token = page.next_token();
        let server_time = Some(to_proto_timestamp(self.store.now()));
        let samples = page.items.into_iter().map(Into::into).collect();
        Ok(pb::LatestResponse { samples, next_page_token, server_time })
    }

    async fn find_range(
        &self,
        caller: &OperatorCaller,
        request: pb::ListSamplesRequest,
    ) -> Result<pb::ListSamplesResponse, Error> {
        let mut faults = Faults::new();
        let page = faults.take(PageRequest::parse(request.page_size, &request.page_token));
        let end = match &request.end_time {
            Some(time) => faults.take(from_proto_timestamp("end_time", time)),
            None => Some(self.store.now()),
        };
        let start = match &request.start_time {
            Some(time) => faults.take(from_proto_timestamp("start_time", time)),
            None => end.map(|end| end - TimeDelta::hours(1)),
        };
        if start.zip(end).is_some_and(|(start, end)| start >= end) {
            faults.add("start_time", "must lie before end_time");
        }
        let device_id = faults.take(DeviceId::parse(&request.device_id));
        let ((page, device_id), (start, end)) = faults.finish(page.zip(device_id).zip(start.zip(end)))?;
        let device = self.directory.device(caller, device_id).await?;
        let list = move |conn: &mut _| samples::list(conn, device.pk, start, end, &page);
        let page = self.store.lane(Lane::Reports).run("list_samples", list).await?;
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

    async fn query(&self, request: Request<pb::QueryRequest>) -> Result<Response<Self::QueryStream>, Status> {
        let caller: OperatorCaller = auth::caller(&request)?;
        let pieces = self.queries.answer(&caller, request.into_inner()).await?;
        let pieces = stream::unfold(pieces, |mut pieces| async move { Some((pieces.recv().await?, pieces)) });
        Ok(Response::new(pieces.boxed()))
    }

    type WatchStream = BoxStream<'static, Result<pb::WatchResponse, Status>>;

    async fn watch(&self, request: Request<pb::WatchRequest>) -> Result<Response<Self::WatchStream>, Status> {
        let caller: OperatorCaller = auth::caller(&request)?;
        let messages = self.watches.watch(&caller, request.into_inner()).await?;
        Ok(Response::new(messages.boxed()))
    }
}
