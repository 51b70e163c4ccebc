//! Writes the pieces of a query's answer as they come, holding none of its points.

use chrono::{DateTime, SecondsFormat, Utc};
use homepot::{
    model::{LossReason, Metric, from_proto_duration, from_proto_timestamp},
    pb::telemetry::v1::{self as pb, query_response::Message},
};
use prost_types::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use super::csv;
use crate::{
    error::ApiError,
    views::{broken, source_word, text, time},
};

/// Gaps come between the series and are told after them, so they are held until then; beyond so many they are counted only.
const MAX_GAPS: usize = 100_000;

/// Writes an answer: the beginning, then each piece, then the end.
pub(super) trait Writer: Send + 'static {
    fn begin(&mut self) -> Vec<u8>;
    fn piece(&mut self, piece: pb::QueryResponse) -> Result<Vec<u8>, ApiError>;
    fn end(&mut self) -> Vec<u8>;
}

/// How metrics went.
#[derive(Serialize, ToSchema)]
pub(crate) struct QueryView {
    #[serde(flatten)]
    plan: PlanView,
    /// One a device and metric, or one a metric; none where nothing was measured.
    series: Vec<SeriesView>,
    gaps: Vec<GapView>,
    /// Gaps that are not told; there are more than 100,000.
    gaps_left_out: usize,
}

/// How the answer is made.
#[derive(Serialize, ToSchema)]
pub(crate) struct PlanView {
    /// From point to point.
    #[schema(example = 60)]
    resolution_seconds: u64,
    /// What points are computed from: `raw`, `minutes` or `hours`.
    #[schema(example = "minutes")]
    source: &'static str,
    /// Start of the first point: at or before what was asked for.
    #[schema(example = "2026-01-31T12:00:00.000000Z")]
    start: Option<String>,
    /// End of the last point: at or after what was asked for.
    #[schema(example = "2026-01-31T13:00:00.000000Z")]
    end: Option<String>,
}

impl PlanView {
    fn new(plan: &pb::QueryPlan) -> Result<Self, homepot::Error> {
        let resolution = plan.resolution.as_ref().map(|span| from_proto_duration("resolution", span)).transpose()?;
        Ok(Self {
            resolution_seconds: resolution.unwrap_or_default().as_secs(),
            source: match plan.source() {
                pb::QuerySource::Unspecified => "unknown",
                pb::QuerySource::Raw => "raw",
                pb::QuerySource::Minutes => "minutes",
                pb::QuerySource::Hours => "hours",
            },
            start: time(plan.start_time.as_ref())?,
            end: time(plan.end_time.as_ref())?,
        })
    }
}

/// How one metric went.
#[derive(Serialize, ToSchema)]
pub(crate) struct SeriesView {
    /// Null where devices are taken together.
    device_id: Option<String>,
    /// Null where devices of several sites are taken together.
    site_id: Option<String>,
    #[schema(example = "cpu_percent")]
    metric: &'static str,
    /// Whether the device, or each that is taken together, is `real` or `simulated`. Not `source`, which tells what points
    /// are computed from.
    #[schema(example = "real")]
    device_source: &'static str,
    /// Oldest first; a stretch in which the metric was not measured has none.
    points: Vec<PointView>,
}

/// What was measured from `start` on, for one resolution.
#[derive(Serialize, ToSchema)]
pub(crate) struct PointView {
    #[schema(example = "2026-01-31T12:00:00.000000Z")]
    start: Option<String>,
    /// Measurements, at least 1.
    count: i64,
    min: f64,
    max: f64,
    average: f64,
    sum: f64,
    /// The newest.
    last: f64,
}

/// A stretch without samples.
#[derive(Serialize, ToSchema)]
pub(crate) struct GapView {
    device_id: String,
    #[schema(example = "2026-01-31T12:10:00.000000Z")]
    start: Option<String>,
    #[schema(example = "2026-01-31T12:20:00.000000Z")]
    end: Option<String>,
    /// `no_samples`: none came, or none yet. Or why the device lost them: `spool_full`, `too_old` or `damaged`.
    reason: &'static str,
    /// How many the device says are lost; 0 with `no_samples`.
    samples: u64,
    /// Whether the device is `real` or `simulated`.
    #[schema(example = "real")]
    device_source: &'static str,
}

/// Whose series a piece belongs to.
#[derive(Clone, PartialEq)]
struct Key {
    device_id: String,
    site_id: String,
    metric: i32,
    source: &'static str,
}

impl Key {
    fn of(series: &pb::Series) -> Self {
        Self {
            device_id: series.device_id.clone(),
            site_id: series.site_id.clone(),
            metric: series.metric,
            source: source_word(series.source),
        }
    }

    fn metric(&self) -> Result<&'static str, ApiError> {
        Metric::try_from(self.metric).map(Metric::name).map_err(|error| broken(&error))
    }
}

/// Adds `value` to `text`.
fn json(text: &mut Vec<u8>, value: &impl Serialize) -> Result<(), ApiError> {
    serde_json::to_writer(text, value).map_err(|_| ApiError::internal())
}

/// As a [`QueryView`].
pub(super) struct Json {
    plan: Vec<u8>,
    open: Option<Key>,
    any: bool,
    gaps: Vec<pb::Gap>,
    gaps_left_out: usize,
}

impl Json {
    pub(super) fn new(plan: &pb::QueryPlan) -> Result<Self, ApiError> {
        let view = PlanView::new(plan).map_err(|error| broken(&error))?;
        let mut text = Vec::new();
        json(&mut text, &view)?;
        Ok(Self { plan: text, open: None, any: false, gaps: Vec::new(), gaps_left_out: 0 })
    }

    fn series(&mut self, series: &pb::Series) -> Result<Vec<u8>, ApiError> {
        let mut text = Vec::new();
        let key = Key::of(series);
        let mut separator: &[u8] = b",";
        if self.open.as_ref() != Some(&key) {
            self.close(&mut text);
            if std::mem::replace(&mut self.any, true) {
                text.push(b',');
            }
            let head = SeriesView {
                device_id: self::text(key.device_id.clone()),
                site_id: self::text(key.site_id.clone()),
                metric: key.metric()?,
                device_source: key.source,
                points: Vec::new(),
            };
            json(&mut text, &head)?;
            // The points go between the brackets.
            text.truncate(text.len() - "]}".len());
            self.open = Some(key);
            separator = b"";
        }
        for point in &series.points {
            text.extend(separator);
            separator = b",";
            json(&mut text, &point_view(point).map_err(|error| broken(&error))?)?;
        }
        Ok(text)
    }

    fn close(&mut self, text: &mut Vec<u8>) {
        if self.open.take().is_some() {
            text.extend(b"]}");
        }
    }
}

impl Writer for Json {
    fn begin(&mut self) -> Vec<u8> {
        let mut text = std::mem::take(&mut self.plan);
        text.pop();
        text.extend(b",\"series\":[");
        text
    }

    fn piece(&mut self, piece: pb::QueryResponse) -> Result<Vec<u8>, ApiError> {
        match piece.message {
            Some(Message::Series(series)) => return self.series(&series),
            Some(Message::Gap(gap)) if self.gaps.len() < MAX_GAPS => self.gaps.push(gap),
            Some(Message::Gap(_)) => self.gaps_left_out += 1,
            Some(Message::Plan(_)) | None => {}
        }
        Ok(Vec::new())
    }

    fn end(&mut self) -> Vec<u8> {
        let mut text = Vec::new();
        self.close(&mut text);
        let gaps = std::mem::take(&mut self.gaps).into_iter().map(gap_view).collect::<Result<Vec<_>, _>>();
        let gaps = gaps.map_err(|error| broken(&error)).unwrap_or_default();
        let gaps = serde_json::to_string(&gaps).unwrap_or_default();
        text.extend(format!("],\"gaps\":{gaps},\"gaps_left_out\":{}}}", self.gaps_left_out).as_bytes());
        text
    }
}

fn point_view(point: &pb::Point) -> Result<PointView, homepot::Error> {
    let pb::Point { start_time, count, min, max, average, sum, last } = *point;
    Ok(PointView { start: time(start_time.as_ref())?, count, min, max, average, sum, last })
}

fn gap_view(gap: pb::Gap) -> Result<GapView, homepot::Error> {
    let reason = LossReason::try_from(gap.reason()).map_or("no_samples", LossReason::as_str);
    Ok(GapView {
        start: time(gap.start_time.as_ref())?,
        end: time(gap.end_time.as_ref())?,
        device_id: gap.device_id,
        reason,
        samples: gap.samples,
        device_source: source_word(gap.source),
    })
}

/// As CSV: a row for every point from the plan's start to its end, also where nothing was measured.
pub(super) struct Csv {
    step: i64,
    start: i64,
    end: i64,
    /// The series that is being written, and the start of its next row.
    open: Option<(Key, i64)>,
}

impl Csv {
    pub(super) fn new(plan: &pb::QueryPlan) -> Result<Self, ApiError> {
        let seconds = |time: &Option<Timestamp>| time.as_ref().map_or(0, |time| time.seconds);
        let step = plan.resolution.as_ref().map_or(0, |span| span.seconds).max(1);
        // A plan that can't be written as JSON is none either.
        PlanView::new(plan).map_err(|error| broken(&error))?;
        Ok(Self { step, start: seconds(&plan.start_time), end: seconds(&plan.end_time), open: None })
    }

    /// Rows without a point, up to the one that starts at `until`.
    fn skip(&mut self, text: &mut Vec<u8>, until: i64) -> Result<(), ApiError> {
        let Some((key, next)) = &mut self.open else { return Ok(()) };
        while *next < until {
            row(text, key, *next, ["0", "", "", "", "", ""])?;
            *next += self.step;
        }
        Ok(())
    }

    fn series(&mut self, series: &pb::Series) -> Result<Vec<u8>, ApiError> {
        let mut text = Vec::new();
        let key = Key::of(series);
        if self.open.as_ref().is_none_or(|(open, _)| *open != key) {
            self.skip(&mut text, self.end)?;
            self.open = Some((key, self.start));
        }
        for point in &series.points {
            let start = point.start_time.as_ref().map(|time| from_proto_timestamp("start_time", time)).transpose();
            let start = start.map_err(|error| broken(&error))?.unwrap_or_default().timestamp();
            self.skip(&mut text, start.min(self.end))?;
            let Some((key, next)) = &mut self.open else { continue };
            let numbers = [point.min, point.max, point.average, point.sum, point.last].map(|number| number.to_string());
            let [min, max, average, sum, last] = &numbers;
            row(&mut text, key, start, [&point.count.to_string(), min, max, average, sum, last])?;
            *next = start + self.step;
        }
        Ok(text)
    }
}

fn row(text: &mut Vec<u8>, key: &Key, start: i64, numbers: [&str; 6]) -> Result<(), ApiError> {
    let start = DateTime::<Utc>::from_timestamp(start, 0).unwrap_or_default();
    let start = start.to_rfc3339_opts(SecondsFormat::Micros, true);
    let before = [key.device_id.as_str(), &key.site_id, key.metric()?, &start];
    csv::row(text, before.into_iter().chain(numbers).chain([key.source]));
    Ok(())
}

impl Writer for Csv {
    fn begin(&mut self) -> Vec<u8> {
        let mut text = Vec::new();
        let names = ["device_id", "site_id", "metric", "start", "count", "min", "max", "average", "sum", "last"];
        // What was added since stands at the end.
        csv::row(&mut text, names.into_iter().chain(["device_source"]));
        text
    }

    fn piece(&mut self, piece: pb::QueryResponse) -> Result<Vec<u8>, ApiError> {
        match piece.message {
            Some(Message::Series(series)) => self.series(&series),
            // Each metric's empty cells tell it.
            Some(Message::Gap(_) | Message::Plan(_)) | None => Ok(Vec::new()),
        }
    }

    fn end(&mut self) -> Vec<u8> {
        let mut text = Vec::new();
        if self.skip(&mut text, self.end).is_err() {
            text.clear();
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use prost_types::Duration;
    use serde_json::{Value, json};

    use super::*;

    fn at(seconds: i64) -> Option<Timestamp> {
        Some(Timestamp { seconds, nanos: 0 })
    }

    /// Four minutes.
    fn plan() -> pb::QueryPlan {
        pb::QueryPlan {
            resolution: Some(Duration { seconds: 60, nanos: 0 }),
            source: pb::QuerySource::Minutes.into(),
            start_time: at(0),
            end_time: at(240),
        }
    }

    fn series(device_id: &str, metric: pb::Metric, starts: &[i64]) -> pb::QueryResponse {
        let point = |start: &i64| pb::Point {
            start_time: at(*start),
            count: 2,
            min: 1.0,
            max: 2.0,
            average: 1.5,
            sum: 3.0,
            last: 2.0,
        };
        let points = starts.iter().map(point).collect();
        let (device_id, site_id) = (device_id.to_owned(), "s".to_owned());
        let series = pb::Series { device_id, site_id, metric: metric.into(), points, source: 0 };
        pb::QueryResponse { message: Some(Message::Series(series)) }
    }

    fn gap(reason: pb::GapReason, samples: u64) -> pb::QueryResponse {
        let gap = pb::Gap {
            device_id: "a".to_owned(),
            start_time: at(60),
            end_time: at(120),
            reason: reason.into(),
            samples,
            source: 2,
        };
        pb::QueryResponse { message: Some(Message::Gap(gap)) }
    }

    fn written(mut writer: impl Writer, pieces: Vec<pb::QueryResponse>) -> String {
        let mut text = writer.begin();
        for piece in pieces {
            text.extend(writer.piece(piece).unwrap());
        }
        text.extend(writer.end());
        String::from_utf8(text).unwrap()
    }

    fn as_json(pieces: Vec<pb::QueryResponse>) -> Value {
        serde_json::from_str(&written(Json::new(&plan()).unwrap(), pieces)).unwrap()
    }

    #[test]
    fn an_answer_without_series_is_whole() {
        let expected = json!({
            "resolution_seconds": 60, "source": "minutes",
            "start": "1970-01-01T00:00:00.000000Z", "end": "1970-01-01T00:04:00.000000Z",
            "series": [], "gaps": [], "gaps_left_out": 0
        });
        assert_eq!(as_json(vec![]), expected);
    }

    #[test]
    fn pieces_of_a_series_become_one_and_gaps_between_them_come_after() {
        let told = as_json(vec![
            series("a", pb::Metric::CpuPercent, &[0, 120]),
            series("a", pb::Metric::CpuPercent, &[180]),
            series("a", pb::Metric::Load1m, &[0]),
            gap(pb::GapReason::NoSamples, 0),
            gap(pb::GapReason::SpoolFull, 7),
            series("b", pb::Metric::CpuPercent, &[60]),
            series("", pb::Metric::CpuPercent, &[]),
        ]);
        let list = told["series"].as_array().unwrap();
        let heads: Vec<_> = list.iter().map(|series| (&series["device_id"], &series["metric"])).collect();
        let (cpu, load) = (json!("cpu_percent"), json!("load_1m"));
        let (a, b) = (json!("a"), json!("b"));
        assert_eq!(heads, [(&a, &cpu), (&a, &load), (&b, &cpu), (&Value::Null, &cpu)]);
        let counts: Vec<_> = list.iter().map(|series| series["points"].as_array().unwrap().len()).collect();
        assert_eq!(counts, [3, 1, 1, 0]);
        let point = json!({
            "start": "1970-01-01T00:02:00.000000Z", "count": 2, "min": 1.0, "max": 2.0, "average": 1.5, "sum": 3.0,
            "last": 2.0
        });
        assert_eq!(list[0]["points"][1], point);
        let gaps = told["gaps"].as_array().unwrap();
        let reasons: Vec<_> = gaps.iter().map(|gap| (&gap["reason"], &gap["samples"])).collect();
        assert_eq!(reasons, [(&json!("no_samples"), &json!(0)), (&json!("spool_full"), &json!(7))]);
        assert_eq!((&list[0]["device_source"], &gaps[0]["device_source"]), (&json!("real"), &json!("simulated")));
        assert_eq!(gaps[0]["end"], "1970-01-01T00:02:00.000000Z");
    }

    #[test]
    fn what_is_written_is_what_the_document_describes() {
        let view =
            QueryView { plan: PlanView::new(&plan()).unwrap(), series: Vec::new(), gaps: Vec::new(), gaps_left_out: 0 };
        assert_eq!(written(Json::new(&plan()).unwrap(), vec![]), serde_json::to_string(&view).unwrap());
    }

    #[test]
    fn csv_has_a_row_for_each_point_of_the_plan_and_empty_cells_where_nothing_was_measured() {
        let text = written(
            Csv::new(&plan()).unwrap(),
            vec![
                series("a", pb::Metric::CpuPercent, &[60]),
                series("a", pb::Metric::CpuPercent, &[180]),
                gap(pb::GapReason::NoSamples, 0),
                series("b", pb::Metric::Load1m, &[0, 60]),
            ],
        );
        let lines: Vec<_> = text.split_terminator("\r\n").collect();
        assert_eq!(lines[0], "device_id,site_id,metric,start,count,min,max,average,sum,last,device_source");
        let row =
            |device, metric, minute, rest| format!("{device},s,{metric},1970-01-01T00:0{minute}:00.000000Z,{rest}");
        let (full, empty) = ("2,1,2,1.5,3,2,real", "0,,,,,,real");
        let expected = [
            row("a", "cpu_percent", 0, empty),
            row("a", "cpu_percent", 1, full),
            row("a", "cpu_percent", 2, empty),
            row("a", "cpu_percent", 3, full),
            row("b", "load_1m", 0, full),
            row("b", "load_1m", 1, full),
            row("b", "load_1m", 2, empty),
            row("b", "load_1m", 3, empty),
        ];
        assert_eq!(lines[1..], expected);
    }
}
