//! `AnalyticsService`: the service for operators.

use homepot::{
    Error,
    model::{
        Activity, ActivityFilter, ActivityGrouping, DeviceId, DeviceSource, ErrorFilter, ErrorGrouping, ErrorReport,
        Faults, OperatorName, PageRequest, SiteScope, from_proto_duration,
    },
    pb::analytics::v1::{self as pb, analytics_service_server::AnalyticsService},
};
use homepot_operator_api::operator_service;
use homepot_runtime::auth::OperatorCaller;
use homepot_store::{
    Lane, activities,
    error_groups::{self, Seen},
};

use crate::Analytics;

/// The operators' face of analytics.
#[derive(Clone)]
pub struct Service {
    analytics: Analytics,
}

impl Service {
    pub(crate) fn new(analytics: Analytics) -> Self {
        Self { analytics }
    }

    async fn errors_of(&self, caller: &OperatorCaller, filter: &ErrorFilter) -> Result<Seen, Error> {
        if let Some(device_id) = &filter.device_id {
            self.analytics.directory.device(caller, device_id.clone()).await?;
        }
        if let Some(site_id) = &filter.site_id {
            self.analytics.directory.site(caller, site_id.clone()).await?;
        }
        Ok(Seen { scope: caller.scope.clone(), operator: caller.name.clone() })
    }
}

/// The name of a caller that is told its own activity only: what people do belongs to no site.
fn own(caller: &OperatorCaller) -> Option<OperatorName> {
    match caller.scope {
        SiteScope::All => None,
        SiteScope::Only(_) => Some(caller.name.clone()),
    }
}

/// What sums are over where it is not told.
fn or_real(source: Option<DeviceSource>) -> Option<DeviceSource> {
    source.or(Some(DeviceSource::Real))
}

impl Service {
    async fn log_activity(
        &self,
        caller: &OperatorCaller,
        request: pb::LogActivityRequest,
    ) -> Result<pb::LogActivityResponse, Error> {
        let pb::LogActivityRequest { activity, source } = request;
        let mut faults = Faults::new();
        let activity = faults.take(Activity::try_from(activity.unwrap_or_default()));
        let source = faults.take(DeviceSource::from_proto("source", source));
        let (activity, source) = faults.finish(activity.zip(source))?;
        self.analytics.log_activity(caller, activity, source.unwrap_or(DeviceSource::Real)).await?;
        Ok(pb::LogActivityResponse {})
    }

    async fn log_error(
        &self,
        caller: &OperatorCaller,
        request: pb::LogErrorRequest,
    ) -> Result<pb::LogErrorResponse, Error> {
        let pb::LogErrorRequest { error, device_id, source } = request;
        let mut faults = Faults::new();
        let report = faults.take(ErrorReport::try_from(error.unwrap_or_default()));
        let device_id = Some(device_id).filter(|id| !id.is_empty());
        let device_id = device_id.and_then(|id| faults.take(DeviceId::parse(&id)));
        let source = faults.take(DeviceSource::from_proto("source", source));
        let (report, source) = faults.finish(report.zip(source))?;
        self.analytics.log_error(caller, report, device_id, source.unwrap_or(DeviceSource::Real)).await?;
        Ok(pb::LogErrorResponse {})
    }

    async fn list_activities(
        &self,
        caller: &OperatorCaller,
        request: pb::ListActivitiesRequest,
    ) -> Result<pb::ListActivitiesResponse, Error> {
        let mut faults = Faults::new();
        let filter = faults.take(ActivityFilter::try_from(request.filter.unwrap_or_default()));
        let page = faults.take(PageRequest::parse(request.page_size, &request.page_token));
        let (filter, page) = faults.finish(filter.zip(page))?;
        let own = own(caller);
        let list = move |conn: &mut _| activities::list(conn, own.as_ref(), &filter, &page);
        let page = self.analytics.store.lane(Lane::Reports).run("list_activities", list).await?;
        let (activities, next_page_token) = page.into_answer(Into::into);
        Ok(pb::ListActivitiesResponse { activities, next_page_token })
    }

    async fn list_errors(
        &self,
        caller: &OperatorCaller,
        request: pb::ListErrorsRequest,
    ) -> Result<pb::ListErrorsResponse, Error> {
        let mut faults = Faults::new();
        let filter = faults.take(ErrorFilter::try_from(request.filter.unwrap_or_default()));
        let page = faults.take(PageRequest::parse(request.page_size, &request.page_token));
        let (filter, page) = faults.finish(filter.zip(page))?;
        let seen = self.errors_of(caller, &filter).await?;
        let list = move |conn: &mut _| error_groups::list(conn, &seen, &filter, &page);
        let page = self.analytics.store.lane(Lane::Reports).run("list_errors", list).await?;
        let (errors, next_page_token) = page.into_answer(Into::into);
        Ok(pb::ListErrorsResponse { errors, next_page_token })
    }

    async fn aggregate_activities(
        &self,
        caller: &OperatorCaller,
        request: pb::AggregateActivitiesRequest,
    ) -> Result<pb::AggregateActivitiesResponse, Error> {
        let mut faults = Faults::new();
        let filter = faults.take(ActivityFilter::try_from(request.filter.unwrap_or_default()));
        let group_by = faults.take(ActivityGrouping::from_proto("group_by", request.group_by));
        let resolution = request.resolution.as_ref().map(|span| from_proto_duration("resolution", span));
        let resolution = faults.take(resolution.transpose());
        let page = faults.take(PageRequest::parse(request.page_size, &request.page_token));
        let (((mut filter, group_by), resolution), page) =
            faults.finish(filter.zip(group_by).zip(resolution).zip(page))?;
        filter.source = or_real(filter.source);
        let own = own(caller);
        let sums = move |conn: &mut _| activities::sums(conn, own.as_ref(), &filter, group_by, resolution, &page);
        let page = self.analytics.store.lane(Lane::Reports).run("sum_activities", sums).await?;
        let (sums, next_page_token) = page.into_answer(Into::into);
        Ok(pb::AggregateActivitiesResponse { sums, next_page_token })
    }

    async fn aggregate_errors(
        &self,
        caller: &OperatorCaller,
        request: pb::AggregateErrorsRequest,
    ) -> Result<pb::AggregateErrorsResponse, Error> {
        let mut faults = Faults::new();
        let filter = faults.take(ErrorFilter::try_from(request.filter.unwrap_or_default()));
        let group_by = faults.take(ErrorGrouping::from_proto("group_by", request.group_by));
        let resolution = request.resolution.as_ref().map(|span| from_proto_duration("resolution", span));
        let resolution = faults.take(resolution.transpose());
        let page = faults.take(PageRequest::parse(request.page_size, &request.page_token));
        let (((mut filter, group_by), resolution), page) =
            faults.finish(filter.zip(group_by).zip(resolution).zip(page))?;
        let seen = self.errors_of(caller, &filter).await?;
        filter.source = or_real(filter.source);
        let sums = move |conn: &mut _| error_groups::sums(conn, &seen, &filter, group_by, resolution, &page);
        let page = self.analytics.store.lane(Lane::Reports).run("sum_errors", sums).await?;
        let (sums, next_page_token) = page.into_answer(Into::into);
        Ok(pb::AggregateErrorsResponse { sums, next_page_token })
    }
}

operator_service! {
    impl AnalyticsService for Service, with messages of pb;
    unary {
        log_activity(LogActivityRequest) -> LogActivityResponse;
        log_error(LogErrorRequest) -> LogErrorResponse;
        list_activities(ListActivitiesRequest) -> ListActivitiesResponse;
        list_errors(ListErrorsRequest) -> ListErrorsResponse;
        aggregate_activities(AggregateActivitiesRequest) -> AggregateActivitiesResponse;
        aggregate_errors(AggregateErrorsRequest) -> AggregateErrorsResponse;
    }
    streams {}
}
