//! What goes wrong in applications.

use axum::{Json, extract::State};
use homepot::{
    Error,
    model::{DeviceId, ErrorGrouping, ErrorReport, Faults, JsonObject, MAX_CONTEXT, Severity, to_struct},
    pb::{analytics::v1 as pb, device::v1 as device_pb},
};
use http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

use super::{Logged, Source, grouping, source, source_word, token};
use crate::{
    App,
    backend::call,
    body::{Shape, Valid},
    caller::{DeviceOrOperator, Operator},
    error::{ApiError, ErrorBody},
    params::Params,
    validate::Fields,
    views::{self, broken},
};

/// One error of an application.
#[derive(ToSchema)]
#[schema(example = json!({
    "category": "payment", "severity": "error", "error_code": "E_TIMEOUT", "error_message": "no answer after 3000 ms",
    "stack_trace": "at pay (till.js:17)", "endpoint": "/pay", "user_id": "cashier-3",
    "device_id": "pos-terminal-001", "context": {"attempt": 2}
}))]
pub(crate) struct ApplicationError {
    /// Which part of the application failed.
    #[schema(min_length = 1, max_length = 64)]
    category: String,
    /// `critical`, `error`, `warning` or `info`.
    #[schema(value_type = String)]
    severity: Option<Severity>,
    #[schema(max_length = 128)]
    error_code: Option<String>,
    #[schema(min_length = 1, max_length = 4000)]
    error_message: String,
    #[schema(max_length = 16000)]
    stack_trace: Option<String>,
    #[schema(max_length = 2048)]
    endpoint: Option<String>,
    /// Whom it met.
    #[schema(max_length = 128)]
    user_id: Option<String>,
    /// The device it happened on. A device may leave it to the header, and may name no other.
    device_id: Option<String>,
    /// Whatever else: at most 8,192 bytes, 64 keys, 4 levels deep.
    #[schema(value_type = Option<Object>)]
    context: Option<JsonObject>,
}

impl Shape for ApplicationError {
    fn read(fields: &mut Fields) -> Self {
        Self {
            category: fields.required_text("category", 64),
            severity: fields.required_word("severity", Severity::WORDS).and_then(|word| word.parse().ok()),
            error_code: fields.text("error_code", 128),
            error_message: fields.required_text("error_message", 4_000),
            stack_trace: fields.text("stack_trace", 16_000),
            endpoint: fields.text("endpoint", 2_048),
            user_id: fields.text("user_id", 128),
            device_id: fields.text("device_id", 128),
            context: fields.object("context", MAX_CONTEXT),
        }
    }

    fn judge(&self) -> Result<(), Error> {
        let mut faults = Faults::new();
        faults.take(ErrorReport::try_from(self.message()));
        self.device_id.as_deref().filter(|id| !id.is_empty()).map(|id| faults.take(DeviceId::parse(id)));
        faults.check()
    }
}

impl ApplicationError {
    fn message(&self) -> pb::ErrorReport {
        let text = |text: &Option<String>| text.clone().unwrap_or_default();
        pb::ErrorReport {
            category: self.category.clone(),
            severity: self.severity.map(|word| pb::Severity::from(word).into()).unwrap_or_default(),
            error_code: text(&self.error_code),
            error_message: self.error_message.clone(),
            stack_trace: text(&self.stack_trace),
            endpoint: text(&self.endpoint),
            user_id: text(&self.user_id),
            context: self.context.as_ref().map(to_struct),
        }
    }
}

/// Counts an error of an application
///
/// Repeats within an hour that differ in nothing but numbers and ids become one group with a count; a flood is counted, and
/// never dropped. 201 says that it is stored. Who shows a device's credentials and an operator's is taken for the device.
#[utoipa::path(
    post, path = "/analytics/error", tag = "analytics",
    params(("X-Device-Source" = Option<String>, Header,
        description = "`simulated` where a simulator plays an application; a device's errors are what the device is")),
    request_body = ApplicationError,
    responses(
        (status = 201, description = "It is stored", body = Logged,
            example = json!({"success": true, "message": "Error logged"})),
        (status = 404, description = "An operator names a device that is not there, or that it may not see",
            body = ErrorBody, example = json!({"detail": "Device not found", "status_code": 404})),
    )
)]
pub(crate) async fn log_error(
    State(app): State<App>,
    caller: DeviceOrOperator,
    Source(source): Source,
    Valid(error): Valid<ApplicationError>,
) -> Result<(StatusCode, Json<Logged>), ApiError> {
    let (report, device_id) = (Some(error.message()), error.device_id.unwrap_or_default());
    match caller {
        DeviceOrOperator::Device(caller) => {
            let mut device = app.services.device();
            let message = device_pb::ReportErrorRequest { device_id, error: report };
            call(&caller, message, |request| async move { device.report_error(request).await }).await?;
        }
        DeviceOrOperator::Operator(caller) => {
            let mut analytics = app.services.analytics();
            let message = pb::LogErrorRequest { error: report, device_id, source: source.into() };
            call(&caller, message, |request| async move { analytics.log_error(request).await }).await?;
        }
    }
    Ok((StatusCode::CREATED, Json(Logged { success: true, message: "Error logged" })))
}

/// An error with its repeats within an hour.
#[derive(Serialize, ToSchema)]
pub(crate) struct ErrorGroupView {
    #[schema(example = "payment")]
    category: String,
    #[schema(example = "error")]
    severity: &'static str,
    error_code: Option<String>,
    /// Of the newest, as all of what follows up to `context`.
    #[schema(example = "no answer after 3000 ms")]
    error_message: String,
    stack_trace: Option<String>,
    endpoint: Option<String>,
    user_id: Option<String>,
    #[schema(value_type = Option<Object>)]
    context: Option<JsonObject>,
    /// How many there were.
    #[schema(example = 17)]
    count: u64,
    first_seen_at: Option<String>,
    last_seen_at: Option<String>,
    /// Null: on no device.
    device_id: Option<String>,
    site_id: Option<String>,
    /// Who logged them; null: the device itself.
    operator: Option<String>,
    /// `real` or `simulated`.
    #[schema(example = "real")]
    source: &'static str,
    /// Errors of kinds that went beyond what one reporter may tell apart in an hour.
    overflow: bool,
}

impl TryFrom<pb::ErrorGroup> for ErrorGroupView {
    type Error = ApiError;

    fn try_from(group: pb::ErrorGroup) -> Result<Self, ApiError> {
        let newest = group.newest.unwrap_or_default();
        let read = || {
            Ok(Self {
                severity: Severity::required("severity", newest.severity)?.as_str(),
                context: views::object(newest.context.as_ref())?,
                first_seen_at: views::time(group.first_seen_at.as_ref())?,
                last_seen_at: views::time(group.last_seen_at.as_ref())?,
                category: newest.category,
                error_code: views::text(newest.error_code),
                error_message: newest.error_message,
                stack_trace: views::text(newest.stack_trace),
                endpoint: views::text(newest.endpoint),
                user_id: views::text(newest.user_id),
                count: group.count,
                device_id: views::text(group.device_id),
                site_id: views::text(group.site_id),
                operator: views::text(group.operator),
                source: source_word(group.source),
                overflow: group.overflow,
            })
        };
        read().map_err(|error: Error| broken(&error))
    }
}

/// A page of errors.
#[derive(Serialize, ToSchema)]
pub(crate) struct Errors {
    /// By hour, the newest first; within one, the group that began last comes first.
    errors: Vec<ErrorGroupView>,
    /// Asks for the next page; null on the last.
    next_page_token: Option<String>,
}

fn filter(params: &mut Params) -> pb::ErrorFilter {
    let severities: Vec<_> = Severity::ALL.iter().map(|value| (value.as_str(), pb::Severity::from(*value))).collect();
    pb::ErrorFilter {
        category: params.text("category"),
        severity: params.word("severity", &severities).unwrap_or_default().into(),
        error_code: params.text("error_code"),
        endpoint: params.text("endpoint"),
        device_id: params.text("device_id"),
        site_id: params.text("site_id"),
        start_time: params.time("start"),
        end_time: params.time("end"),
        source: source(params),
    }
}

/// Tells errors with their repeats, newest group first
///
/// An operator that is bound to sites is told errors of devices there, and what it logged itself. Real and simulated errors,
/// each marked, unless `source` is told.
#[utoipa::path(
    get, path = "/analytics/errors", tag = "analytics",
    params(
        ("category" = Option<String>, Query, description = "Only of this category"),
        ("severity" = Option<String>, Query, description = "Only of this severity"),
        ("error_code" = Option<String>, Query, description = "Only with this code"),
        ("endpoint" = Option<String>, Query, description = "Only at this endpoint"),
        ("device_id" = Option<String>, Query, description = "Only on this device"),
        ("site_id" = Option<String>, Query, description = "Only on devices of this site"),
        ("source" = Option<String>, Query, description = "`real` or `simulated` only"),
        ("start" = Option<String>, Query, description = "Only since the begin of the hour that this lies in"),
        ("end" = Option<String>, Query, description = "Only before the end of the hour that this lies in"),
        ("page_size" = Option<u32>, Query, description = "1 to 1,000; 100 unless told", minimum = 1, maximum = 1000),
        ("page_token" = Option<String>, Query, description = "`next_page_token` of the page before"),
    ),
    responses(
        (status = 200, description = "A page of errors", body = Errors),
        (status = 404, description = "There is no such device or site, or none the caller may see", body = ErrorBody),
    )
)]
pub(crate) async fn errors(
    State(app): State<App>,
    Operator(caller): Operator,
    mut params: Params,
) -> Result<Json<Errors>, ApiError> {
    let filter = Some(filter(&mut params));
    let (page_size, page_token) = params.page();
    params.finish(())?;
    let mut analytics = app.services.analytics();
    let message = pb::ListErrorsRequest { filter, page_size, page_token };
    let answer = call(&caller, message, |request| async move { analytics.list_errors(request).await }).await;
    let page = answer.map_err(ApiError::in_query)?;
    let errors = page.errors.into_iter().map(ErrorGroupView::try_from).collect::<Result<_, _>>()?;
    Ok(Json(Errors { errors, next_page_token: token(page.next_page_token) }))
}

/// One sum of errors.
#[derive(Serialize, ToSchema)]
pub(crate) struct ErrorSumView {
    /// What all of them have in common, by `group_by`; empty where that was not told.
    #[schema(example = "critical")]
    key: String,
    /// Begin of the stretch of time; null: not asked by time.
    start: Option<String>,
    /// How many errors.
    count: u64,
    /// How many groups.
    groups: u64,
}

impl TryFrom<pb::ErrorSum> for ErrorSumView {
    type Error = ApiError;

    fn try_from(sum: pb::ErrorSum) -> Result<Self, ApiError> {
        let start = views::time(sum.start_time.as_ref()).map_err(|error| broken(&error))?;
        Ok(Self { key: sum.key, start, count: sum.count, groups: sum.groups })
    }
}

/// A page of sums.
#[derive(Serialize, ToSchema)]
pub(crate) struct ErrorSums {
    /// By time and then by key.
    summary: Vec<ErrorSumView>,
    /// Asks for the next page; null on the last.
    next_page_token: Option<String>,
}

/// Tells how many errors there were
///
/// Over real errors unless `source=simulated` asks for the others; never over both.
#[utoipa::path(
    get, path = "/analytics/errors/summary", tag = "analytics",
    params(
        ("group_by" = Option<String>, Query, description = "`category`, `severity`, `error_code`, `endpoint`, `device`, \
            `site` or `time`; one sum unless told"),
        ("resolution" = Option<String>, Query, description = "And by stretches of time this long, such as `1h`: whole \
            hours. With `group_by=time` an hour unless told"),
        ("category" = Option<String>, Query, description = "Only of this category"),
        ("severity" = Option<String>, Query, description = "Only of this severity"),
        ("error_code" = Option<String>, Query, description = "Only with this code"),
        ("endpoint" = Option<String>, Query, description = "Only at this endpoint"),
        ("device_id" = Option<String>, Query, description = "Only on this device"),
        ("site_id" = Option<String>, Query, description = "Only on devices of this site"),
        ("source" = Option<String>, Query, description = "`real`, which it is unless told, or `simulated`"),
        ("start" = Option<String>, Query, description = "Only since the begin of the hour that this lies in"),
        ("end" = Option<String>, Query, description = "Only before the end of the hour that this lies in"),
        ("page_size" = Option<u32>, Query, description = "1 to 1,000; 100 unless told", minimum = 1, maximum = 1000),
        ("page_token" = Option<String>, Query, description = "`next_page_token` of the page before"),
    ),
    responses(
        (status = 200, description = "A page of sums", body = ErrorSums),
        (status = 404, description = "There is no such device or site, or none the caller may see", body = ErrorBody),
    )
)]
pub(crate) async fn error_summary(
    State(app): State<App>,
    Operator(caller): Operator,
    mut params: Params,
) -> Result<Json<ErrorSums>, ApiError> {
    let groupings: Vec<_> =
        ErrorGrouping::ALL.iter().map(|value| (value.as_str(), pb::ErrorGrouping::from(*value))).collect();
    let (group_by, resolution) = grouping(&mut params, &groupings);
    let filter = Some(filter(&mut params));
    let (page_size, page_token) = params.page();
    params.finish(())?;
    let mut analytics = app.services.analytics();
    let group_by = group_by.unwrap_or_default().into();
    let message = pb::AggregateErrorsRequest { filter, group_by, resolution, page_size, page_token };
    let answer = call(&caller, message, |request| async move { analytics.aggregate_errors(request).await }).await;
    let page = answer.map_err(ApiError::in_query)?;
    let summary = page.sums.into_iter().map(ErrorSumView::try_from).collect::<Result<_, _>>()?;
    Ok(Json(ErrorSums { summary, next_page_token: token(page.next_page_token) }))
}
