//! How metrics of a device went, as points: from samples, or from rollups and, where there are none yet, from samples.

use std::{fmt::Write as _, time::Duration};

use chrono::{DateTime, Utc};
use diesel::{
    PgConnection, QueryableByName, RunQueryDsl as _, deserialize,
    pg::Pg,
    row::NamedRow,
    sql_query,
    sql_types::{BigInt, Bool, Double, Integer, Nullable, Timestamptz},
};
use homepot::model::{Aggregate, Metric};

use crate::{
    StoreError,
    rollups::advance::{HOURS, MINUTES, rolled_to},
};

/// What points are computed from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// Samples.
    Samples,
    /// Rollups of a minute as far as they are made; the resolution is a number of whole minutes.
    Minutes,
    /// Rollups of an hour as far as they are made, then of a minute; the resolution is a number of whole hours.
    Hours,
}

/// What is asked of each device.
#[derive(Clone, Debug)]
pub struct SeriesQuery {
    /// Each once.
    pub metrics: Vec<Metric>,
    /// Start of the first point: a multiple of `resolution` since 1970.
    pub start: DateTime<Utc>,
    /// End of the last point, the same.
    pub end: DateTime<Utc>,
    /// From point to point, in whole seconds.
    pub resolution: Duration,
    /// Where to read.
    pub source: Source,
}

/// Points by their start. A stretch in which the metric was not measured has none.
pub type Points = Vec<(DateTime<Utc>, Aggregate)>;

/// A row of any of the tables: its time, and what it has of each metric asked for, in that order.
struct Row {
    at: DateTime<Utc>,
    metrics: Vec<Option<Aggregate>>,
}

impl QueryableByName<Pg> for Row {
    /// By place: a row of a quarter's rollups has up to 80 columns, and finding each by name would take longer than the
    /// reading.
    fn build<'a>(row: &impl NamedRow<'a, Pg>) -> deserialize::Result<Self> {
        let at = row.get_value::<Timestamptz, DateTime<Utc>, _>(0)?;
        let sampled = |place: usize| {
            let value = row.get_value::<Nullable<Double>, Option<f64>, _>(place)?;
            Ok(value.map(|value| Aggregate::of(at, value)))
        };
        let folded = |place: usize| {
            let Some(count) = row.get_value::<Nullable<Integer>, Option<i32>, _>(place)? else { return Ok(None) };
            let part = |part: usize| row.get_value::<Double, f64, _>(place + part);
            let (min, max, sum, last) = (part(1)?, part(2)?, part(3)?, part(4)?);
            Ok(Some(Aggregate { count: count.into(), min, max, sum, last, last_at: at }))
        };
        let is_rollup: bool = row.get_value::<Bool, _, _>(1)?;
        let metrics = match is_rollup {
            false => (2..row.field_count()).map(sampled).collect::<deserialize::Result<_>>()?,
            true => (2..row.field_count()).step_by(PARTS).map(folded).collect::<deserialize::Result<_>>()?,
        };
        Ok(Self { at, metrics })
    }
}

/// Columns of a metric in a rollup.
const PARTS: usize = 5;

/// The points of each metric of `query`, in its order.
pub fn read(conn: &mut PgConnection, device: i64, query: &SeriesQuery) -> Result<Vec<Points>, StoreError> {
    let mut series = Folded::new(query);
    let mut from = query.start;
    if query.source == Source::Hours {
        from = series.read_until(conn, device, "rollup_1h", from, HOURS)?;
    }
    if query.source != Source::Samples {
        from = series.read_until(conn, device, "rollup_1m", from, MINUTES)?;
    }
    series.read_rows(conn, device, "samples", from, query.end)?;
    Ok(series.finish())
}

/// Rows, on their way to points.
struct Folded<'a> {
    query: &'a SeriesQuery,
    width: i64,
    /// Of each metric, by the second of their start.
    points: Vec<Vec<(i64, Aggregate)>>,
}

impl<'a> Folded<'a> {
    fn new(query: &'a SeriesQuery) -> Self {
        let width = i64::try_from(query.resolution.as_secs()).unwrap_or(i64::MAX).max(1);
        Self { query, width, points: vec![Vec::new(); query.metrics.len()] }
    }

    /// Reads a rollup as far as it is made; tells where that is.
    fn read_until(
        &mut self,
        conn: &mut PgConnection,
        device: i64,
        table: &str,
        from: DateTime<Utc>,
        resolution: &str,
    ) -> Result<DateTime<Utc>, StoreError> {
        let end = rolled_to(conn, resolution)?.min(self.query.end);
        if from >= end {
            return Ok(from);
        }
        self.read_rows(conn, device, table, from, end)?;
        Ok(end)
    }

    fn read_rows(
        &mut self,
        conn: &mut PgConnection,
        device: i64,
        table: &str,
        from: DateTime<Utc>,
        to: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        if from >= to {
            return Ok(());
        }
        let rows: Vec<Row> = sql_query(statement(table, &self.query.metrics))
            .bind::<BigInt, _>(device)
            .bind::<Timestamptz, _>(from)
            .bind::<Timestamptz, _>(to)
            .load(conn)?;
        for Row { at, metrics } in rows {
            let start = at.timestamp().div_euclid(self.width) * self.width;
            for (points, aggregate) in self.points.iter_mut().zip(metrics) {
                let Some(aggregate) = aggregate else { continue };
                match points.last_mut() {
                    Some((last, known)) if *last == start => *known = known.merge(aggregate),
                    _ => points.push((start, aggregate)),
                }
            }
        }
        Ok(())
    }

    fn finish(self) -> Vec<Points> {
        let metrics = self.query.metrics.iter();
        let series = metrics.zip(self.points).map(|(metric, points)| {
            let point = |(start, aggregate)| {
                let start = DateTime::from_timestamp(start, 0).unwrap_or_default();
                (start, rounded(*metric, aggregate))
            };
            points.into_iter().map(point).collect()
        });
        series.collect()
    }
}

/// One scan for all metrics; only the columns asked for are read.
fn statement(table: &str, metrics: &[Metric]) -> String {
    let time = if table == "samples" { "collected_at" } else { "bucket" };
    let is_rollup = table != "samples";
    let mut columns = String::new();
    for name in metrics.iter().map(|metric| metric.name()) {
        // Writing to a String can't fail.
        let _ = match is_rollup {
            false => write!(columns, ", {name}::float8"),
            true => write!(
                columns,
                ", {name}_count, {name}_min::float8, {name}_max::float8, {name}_sum, {name}_last::float8"
            ),
        };
    }
    format!(
        "SELECT {time}, {is_rollup}{columns} FROM {table}
        WHERE device = $1 AND {time} >= $2 AND {time} < $3 ORDER BY {time}"
    )
}

/// As it was measured: single precision leaves digits that nobody wrote. The sum keeps its own, or it would drift.
fn rounded(metric: Metric, aggregate: Aggregate) -> Aggregate {
    let Aggregate { min, max, last, .. } = aggregate;
    Aggregate { min: metric.rounded(min), max: metric.rounded(max), last: metric.rounded(last), ..aggregate }
}
