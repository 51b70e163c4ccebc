//! What people do.

use std::time::Duration;

use axum::{Json, extract::State};
use homepot::{
    Error,
    model::{
        Activity, ActivityGrouping, ActivityType, JsonObject, MAX_METADATA, from_proto_duration, to_proto_duration,
        to_struct,
    },
    pb::analytics::v1 as pb,
};
use http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

use super::{Logged, Source, grouping, source, source_word, token};
use crate::{
    App,
    backend::call,
    body::{Shape, Valid},
    caller::Operator,
    error::ApiError,
    params::Params,
    validate::Fields,
    views::{self, broken},
};

const ONE_DAY_MS: f64 = 86_400_000.0;

/// One thing that somebody did. Who did it is the operator whose token comes with it.
#[derive(ToSchema)]
#[schema(example = json!({
    "activity_type": "search", "page_url": "/devices", "element_id": "search-box", "search_query": "till 7",
    "session_id": "f3a1", "duration_ms": 1500, "metadata": {"theme": "dark"}
}))]
pub(crate) struct UserActivity {
    /// `page_view`, `click`, `search`, `interaction` or `filter`.
    #[schema(value_type = String)]
    activity_type: Option<ActivityType>,
    #[schema(max_length = 2048)]
    page_url: Option<String>,
    #[schema(max_length = 256)]
    element_id: Option<String>,
    #[schema(max_length = 500)]
    search_query: Option<String>,
    #[schema(max_length = 128)]
    session_id: Option<String>,
    /// Kept to the millisecond; at most a day.
    #[schema(minimum = 0, maximum = 86_400_000)]
    duration_ms: Option<f64>,
    /// Whatever else: at most 4,096 bytes, 64 keys, 4 levels deep.
    #[schema(value_type = Option<Object>)]
    metadata: Option<JsonObject>,
}

impl Shape for UserActivity {
    fn read(fields: &mut Fields) -> Self {
        Self {
            activity_type: fields
                .required_word("activity_type", ActivityType::WORDS)
                .and_then(|word| word.parse().ok()),
            page_url: fields.text("page_url", 2_048),
            element_id: fields.text("element_id", 256),
            search_query: fields.text("search_query", 500),
            session_id: fields.text("session_id", 128),
            duration_ms: fields.number("duration_ms", 0.0..=ONE_DAY_MS),
            metadata: fields.object("metadata", MAX_METADATA),
        }
    }

    fn judge(&self) -> Result<(), Error> {
        Activity::try_from(self.message()).map(drop)
    }
}

impl UserActivity {
    fn message(&self) -> pb::Activity {
        let text = |text: &Option<String>| text.clone().unwrap_or_default();
        let duration = self.duration_ms.and_then(|millis| Duration::try_from_secs_f64(millis / 1_000.0).ok());
        pb::Activity {
            activity_type: self.activity_type.map(|word| pb::ActivityType::from(word).into()).unwrap_or_default(),
            page_url: text(&self.page_url),
            element_id: text(&self.element_id),
            search_query: text(&self.search_query),
            session_id: text(&self.session_id),
            duration: duration.map(to_proto_duration),
            metadata: self.metadata.as_ref().map(to_struct),
        }
    }
}

/// Keeps what somebody did
///
/// In the name of the operator whose token comes with it. 201 says that it is stored.
#[utoipa::path(
    post, path = "/analytics/user-activity", tag = "analytics",
    params(("X-Device-Source" = Option<String>, Header, description = "`simulated` where a simulator plays somebody")),
    request_body = UserActivity,
    responses((status = 201, description = "It is stored", body = Logged,
        example = json!({"success": true, "message": "Activity logged"})))
)]
pub(crate) async fn log_activity(
    State(app): State<App>,
    Operator(caller): Operator,
    Source(source): Source,
    Valid(activity): Valid<UserActivity>,
) -> Result<(StatusCode, Json<Logged>), ApiError> {
    let mut analytics = app.services.analytics();
    let message = pb::LogActivityRequest { activity: Some(activity.message()), source: source.into() };
    call(&caller, message, |request| async move { analytics.log_activity(request).await }).await?;
    Ok((StatusCode::CREATED, Json(Logged { success: true, message: "Activity logged" })))
}

/// One thing that somebody did.
#[derive(Serialize, ToSchema)]
pub(crate) struct ActivityView {
    #[schema(example = "search")]
    activity_type: &'static str,
    page_url: Option<String>,
    element_id: Option<String>,
    search_query: Option<String>,
    session_id: Option<String>,
    duration_ms: Option<u64>,
    #[schema(value_type = Option<Object>)]
    metadata: Option<JsonObject>,
    /// Who did it.
    #[schema(example = "ann")]
    operator: String,
    /// When the server got it.
    #[schema(example = "2026-01-31T12:00:00.000000Z")]
    created_at: Option<String>,
    /// `real` or `simulated`.
    #[schema(example = "real")]
    source: &'static str,
}

impl TryFrom<pb::StoredActivity> for ActivityView {
    type Error = ApiError;

    fn try_from(stored: pb::StoredActivity) -> Result<Self, ApiError> {
        let activity = stored.activity.unwrap_or_default();
        let read = || {
            Ok(Self {
                activity_type: ActivityType::required("activity_type", activity.activity_type)?.as_str(),
                duration_ms: millis(activity.duration.as_ref())?,
                metadata: views::object(activity.metadata.as_ref())?,
                created_at: views::time(stored.time.as_ref())?,
                page_url: views::text(activity.page_url),
                element_id: views::text(activity.element_id),
                search_query: views::text(activity.search_query),
                session_id: views::text(activity.session_id),
                operator: stored.operator,
                source: source_word(stored.source),
            })
        };
        read().map_err(|error: Error| broken(&error))
    }
}

fn millis(duration: Option<&prost_types::Duration>) -> Result<Option<u64>, Error> {
    let duration = duration.map(|duration| from_proto_duration("duration", duration)).transpose()?;
    Ok(duration.and_then(|duration| duration.as_millis().try_into().ok()))
}

/// A page of activity.
#[derive(Serialize, ToSchema)]
pub(crate) struct Activities {
    /// Newest first.
    activities: Vec<ActivityView>,
    /// Asks for the next page; null on the last.
    next_page_token: Option<String>,
}

fn filter(params: &mut Params) -> pb::ActivityFilter {
    let types: Vec<_> =
        ActivityType::ALL.iter().map(|value| (value.as_str(), pb::ActivityType::from(*value))).collect();
    pb::ActivityFilter {
        activity_type: params.word("activity_type", &types).unwrap_or_default().into(),
        page_url: params.text("page_url"),
        session_id: params.text("session_id"),
        operator: params.text("operator"),
        start_time: params.time("start"),
        end_time: params.time("end"),
        source: source(params),
    }
}

/// Tells what people did, newest first
///
/// An operator that is bound to sites is told what it did itself. Real and simulated activity, each marked, unless `source`
/// is told.
#[utoipa::path(
    get, path = "/analytics/user-activity", tag = "analytics",
    params(
        ("activity_type" = Option<String>, Query, description = "Only of this type"),
        ("page_url" = Option<String>, Query, description = "Only on this page"),
        ("session_id" = Option<String>, Query, description = "Only of this visit"),
        ("operator" = Option<String>, Query, description = "Only by this operator"),
        ("source" = Option<String>, Query, description = "`real` or `simulated` only"),
        ("start" = Option<String>, Query, description = "Only since then"),
        ("end" = Option<String>, Query, description = "Only before"),
        ("page_size" = Option<u32>, Query, description = "1 to 1,000; 100 unless told", minimum = 1, maximum = 1000),
        ("page_token" = Option<String>, Query, description = "`next_page_token` of the page before"),
    ),
    responses((status = 200, description = "A page of activity", body = Activities))
)]
pub(crate) async fn activities(
    State(app): State<App>,
    Operator(caller): Operator,
    mut params: Params,
) -> Result<Json<Activities>, ApiError> {
    let filter = Some(filter(&mut params));
    let (page_size, page_token) = params.page();
    params.finish(())?;
    let mut analytics = app.services.analytics();
    let message = pb::ListActivitiesRequest { filter, page_size, page_token };
    let answer = call(&caller, message, |request| async move { analytics.list_activities(request).await }).await;
    let page = answer.map_err(ApiError::in_query)?;
    let activities = page.activities.into_iter().map(ActivityView::try_from).collect::<Result<_, _>>()?;
    Ok(Json(Activities { activities, next_page_token: token(page.next_page_token) }))
}

/// One sum of activity.
#[derive(Serialize, ToSchema)]
pub(crate) struct ActivitySumView {
    /// What all of it has in common, by `group_by`; empty where that was not told.
    #[schema(example = "search")]
    key: String,
    /// Begin of the stretch of time; null: not asked by time.
    start: Option<String>,
    count: u64,
    /// How many different visits.
    sessions: u64,
    /// Of those that told how long they took; null: none did.
    average_duration_ms: Option<f64>,
}

impl TryFrom<pb::ActivitySum> for ActivitySumView {
    type Error = ApiError;

    fn try_from(sum: pb::ActivitySum) -> Result<Self, ApiError> {
        let average = sum.average_duration.as_ref().map(|span| from_proto_duration("average_duration", span));
        let average = average.transpose().map_err(|error| broken(&error))?;
        Ok(Self {
            key: sum.key,
            start: views::time(sum.start_time.as_ref()).map_err(|error| broken(&error))?,
            count: sum.count,
            sessions: sum.sessions,
            average_duration_ms: average.map(|average| average.as_secs_f64() * 1_000.0),
        })
    }
}

/// A page of sums.
#[derive(Serialize, ToSchema)]
pub(crate) struct ActivitySums {
    /// By time and then by key.
    summary: Vec<ActivitySumView>,
    /// Asks for the next page; null on the last.
    next_page_token: Option<String>,
}

/// Tells how much people did
///
/// Over real activity unless `source=simulated` asks for the other; never over both.
#[utoipa::path(
    get, path = "/analytics/user-activity/summary", tag = "analytics",
    params(
        ("group_by" = Option<String>, Query,
            description = "`type`, `page`, `search_query`, `operator` or `time`; one sum unless told"),
        ("resolution" = Option<String>, Query,
            description = "And by stretches of time this long, such as `5m`: whole minutes. With `group_by=time` an hour \
                unless told"),
        ("activity_type" = Option<String>, Query, description = "Only of this type"),
        ("page_url" = Option<String>, Query, description = "Only on this page"),
        ("session_id" = Option<String>, Query, description = "Only of this visit"),
        ("operator" = Option<String>, Query, description = "Only by this operator"),
        ("source" = Option<String>, Query, description = "`real`, which it is unless told, or `simulated`"),
        ("start" = Option<String>, Query, description = "Only since then"),
        ("end" = Option<String>, Query, description = "Only before"),
        ("page_size" = Option<u32>, Query, description = "1 to 1,000; 100 unless told", minimum = 1, maximum = 1000),
        ("page_token" = Option<String>, Query, description = "`next_page_token` of the page before"),
    ),
    responses((status = 200, description = "A page of sums", body = ActivitySums))
)]
pub(crate) async fn activity_summary(
    State(app): State<App>,
    Operator(caller): Operator,
    mut params: Params,
) -> Result<Json<ActivitySums>, ApiError> {
    let groupings: Vec<_> =
        ActivityGrouping::ALL.iter().map(|value| (value.as_str(), pb::ActivityGrouping::from(*value))).collect();
    let (group_by, resolution) = grouping(&mut params, &groupings);
    let filter = Some(filter(&mut params));
    let (page_size, page_token) = params.page();
    params.finish(())?;
    let mut analytics = app.services.analytics();
    let group_by = group_by.unwrap_or_default().into();
    let message = pb::AggregateActivitiesRequest { filter, group_by, resolution, page_size, page_token };
    let answer = call(&caller, message, |request| async move { analytics.aggregate_activities(request).await }).await;
    let page = answer.map_err(ApiError::in_query)?;
    let summary = page.sums.into_iter().map(ActivitySumView::try_from).collect::<Result<_, _>>()?;
    Ok(Json(ActivitySums { summary, next_page_token: token(page.next_page_token) }))
}
