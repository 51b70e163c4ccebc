//! `TelemetryService`: the operators' queries.

use chrono::TimeDelta;
use futures_util::{StreamExt as _, stream};
use homepot::{
    Error,
    model::{Cursor, DeviceId, DeviceSource, Faults, PageRequest, from_proto_timestamp, to_proto_timestamp},
    pb::telemetry::v1::{self as pb, telemetry_service_server::TelemetryService},
};
use homepot_operator_api::{
    Answers, Directory, Named,
    feed::{Feed, resume_from},
    operator_service,
};
use homepot_runtime::{Drain, auth::OperatorCaller};
use homepot_store::{Lane, Store, samples};

use crate::{query::Queries, watch};

/// The operators' face of telemetry.
#[derive(Clone)]
pub struct Service {
    store: Store,
    directory: Directory,
    queries: Queries,
    news: Feed<watch::Newest>,
}

impl Service {
    pub(crate) fn new(store: Store, drain: Drain) -> Self {
        let directory = Directory::new(store.clone());
        Self {
            queries: Queries::new(store.clone(), directory.clone()),
            news: watch::feed(store.clone(), drain),
            directory,
            store,
        }
    }

    async fn latest(&self, caller: &OperatorCaller, request: pb::LatestRequest) -> Result<pb::LatestResponse, Error> {
        let mut faults = Faults::new();
        let page = faults.take(PageRequest::parse(request.page_size, &request.page_token));
        let source = faults.take(DeviceSource::from_proto("source", request.source));
        let named = Named::read(&mut faults, &request.site_id, &request.device_ids);
        let (page, source) = faults.finish(page.zip(source))?;
        let selection = self.directory.select(caller, named, source).await?;
        let page = self.store.run("latest_samples", move |conn| samples::latest(conn, &selection, &page)).await?;
        let server_time = Some(to_proto_timestamp(self.store.now()));
        let (samples, next_page_token) = page.into_answer(Into::into);
        Ok(pb::LatestResponse { samples, next_page_token, server_time })
    }

    async fn list_samples(
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
        let (samples, next_page_token) = page.into_answer(Into::into);
        Ok(pb::ListSamplesResponse { samples, next_page_token })
    }

    async fn query(
        &self,
        caller: &OperatorCaller,
        request: pb::QueryRequest,
    ) -> Result<Answers<pb::QueryResponse>, Error> {
        let pieces = self.queries.answer(caller, request).await?;
        Ok(stream::unfold(pieces, |mut pieces| async move { Some((pieces.recv().await?, pieces)) }).boxed())
    }

    async fn watch(
        &self,
        caller: &OperatorCaller,
        request: pb::WatchRequest,
    ) -> Result<Answers<pb::WatchResponse>, Error> {
        let mut faults = Faults::new();
        let source = faults.take(DeviceSource::from_proto("source", request.source));
        let named = Named::read(&mut faults, &request.site_id, &request.device_ids);
        let since = faults.take(Cursor::parse(&request.cursor));
        let (source, since) = faults.finish(source.zip(since))?;
        let selection = self.directory.select(caller, named, source).await?;
        let since = resume_from(&self.store, since).await?;
        let view = watch::view(self.store.clone(), selection, since);
        Ok(self.news.view(view).await?.map(|piece| Ok(watch::message(piece?))).boxed())
    }
}

operator_service! {
    impl TelemetryService for Service, with messages of pb;
    unary {
        latest(LatestRequest) -> LatestResponse;
        list_samples(ListSamplesRequest) -> ListSamplesResponse;
    }
    streams {
        query(QueryRequest) -> QueryResponse as QueryStream;
        watch(WatchRequest) -> WatchResponse as WatchStream;
    }
}
