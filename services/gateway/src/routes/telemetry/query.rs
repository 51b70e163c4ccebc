//! How metrics went in a time range.

use axum::{
    body::Body,
    extract::State,
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use futures_util::stream::{self, StreamExt};
use homepot::{
    model::Metric,
    pb::telemetry::v1::{self as pb, query_response::Message},
};
use http::header;

use super::{
    CSV,
    series::{Csv, Json, QueryView, Writer},
};
use crate::{
    App,
    backend::{next, open, promised},
    caller::{Caller, Operator},
    error::{ApiError, ErrorBody},
    lists::cut_short,
    params::{Format, Params},
};

/// Points a series at most.
const MAX_POINTS: u32 = 10_000;

/// How metrics of a device or a site went in a time range
///
/// A bounded number of points, from samples or from rollups, whichever serves the span. In JSON a stretch without samples
/// stands in `gaps`; in CSV a series has a row for each point, with empty cells where nothing was measured. A long answer is
/// sent while it is read.
#[utoipa::path(
    get, path = "/telemetry/query", tag = "telemetry",
    params(
        ("device_id" = Option<Vec<String>>, Query, description = "This device; up to 100 times. Either this or `site_id`"),
        ("site_id" = Option<String>, Query, description = "Every device of this site"),
        ("metric" = Vec<String>, Query, description = "A field of a sample that holds a number, such as `cpu_percent`; \
            may be given several times"),
        ("start" = Option<String>, Query, description = "Inclusive; an hour before `end` unless told"),
        ("end" = Option<String>, Query, description = "Exclusive; now unless told"),
        ("resolution" = Option<String>, Query, description = "Time from point to point, such as `60s`, `5m` or `1h`; \
            unless told, the finest that keeps to `max_points`"),
        ("max_points" = Option<u32>, Query, description = "Points a series: 1 to 10,000; 1,000 unless told",
            minimum = 1, maximum = 10000),
        ("grouping" = Option<String>, Query, description = "`device`, a series a device and metric; or `together`, one a \
            metric"),
        ("source" = Option<String>, Query, description = "Only `real` or only `simulated` devices. Unless told: both where \
            devices are told apart; the real ones where a site is taken together; and where named devices are, whichever \
            they are, as long as they are not mixed"),
        ("format" = Option<String>, Query, description = "`json` or `csv`; also by `Accept: text/csv`"),
    ),
    responses(
        (status = 200, description = "Series, oldest point first", content(
            (QueryView = "application/json"), (String = "text/csv"))),
        (status = 404, description = "There is no such device or site, or none the caller may see", body = ErrorBody),
    )
)]
pub(crate) async fn query(
    State(app): State<App>,
    Operator(caller): Operator,
    mut params: Params,
) -> Result<Response, ApiError> {
    let format = params.format();
    let message = request(&mut params);
    let message = params.finish(message)?;
    let mut telemetry = app.services.telemetry();
    let answer = open(&caller, message, |request| async move { telemetry.query(request).await }).await;
    let mut pieces = answer.map_err(ApiError::in_query)?;
    let first = next(&caller, &mut pieces).await.map_err(ApiError::in_query)?;
    let Some(Message::Plan(plan)) = promised(first.and_then(|piece| piece.message)).map(Some)? else {
        return promised(None);
    };
    let (content_type, body) = match format {
        Format::Json => ("application/json", body(caller, pieces, Json::new(&plan)?)),
        Format::Csv => (CSV, body(caller, pieces, Csv::new(&plan)?)),
    };
    Ok(([(header::CONTENT_TYPE, content_type)], body).into_response())
}

fn request(params: &mut Params) -> pb::QueryRequest {
    let metrics = params.each("metric", Metric::parse);
    let groupings = [("device", pb::QueryGrouping::ByDevice), ("together", pb::QueryGrouping::Together)];
    pb::QueryRequest {
        device_ids: params.all("device_id"),
        site_id: params.text("site_id"),
        metrics: metrics.into_iter().map(|metric| pb::Metric::from(metric).into()).collect(),
        start_time: params.time("start"),
        end_time: params.time("end"),
        resolution: params.span("resolution"),
        max_points: params.count("max_points", 1..=MAX_POINTS),
        grouping: params.word("grouping", &groupings).unwrap_or_default().into(),
        source: params.source(),
    }
}

/// What `writer` makes of the pieces, as they come.
fn body<W: Writer>(caller: Caller, pieces: tonic::Streaming<pb::QueryResponse>, mut writer: W) -> Body {
    let begin = Bytes::from(writer.begin());
    let rest = stream::try_unfold(Some((caller, pieces, writer)), |state| async move {
        let Some((caller, mut pieces, mut writer)) = state else { return Ok(None) };
        let (text, state) = match next(&caller, &mut pieces).await.map_err(cut_short)? {
            Some(piece) => {
                let text = writer.piece(piece).map_err(cut_short)?;
                (text, Some((caller, pieces, writer)))
            }
            None => (writer.end(), None),
        };
        Ok::<_, std::io::Error>(Some((Bytes::from(text), state)))
    });
    Body::from_stream(stream::once(async { Ok(begin) }).chain(rest))
}
