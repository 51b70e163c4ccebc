//! How metrics of a device went, as points: from samples, or from rollups and, where there are none yet, from samples.

use std::{collections::BTreeMap, fmt::Write as _, time::Duration};

use chrono::{DateTime, Utc};
use diesel::{
    PgConnection, QueryableByName, RunQueryDsl as _, sql_query,
    sql_types::{BigInt, Double, Integer, Timestamptz},
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

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = Timestamptz)]
    at: DateTime<Utc>,
    #[diesel(sql_type = Integer)]
    metric: i32,
    #[diesel(sql_type = BigInt)]
    count: i64,
    #[diesel(sql_type = Double)]
    min: f64,
    #[diesel(sql_type = Double)]
    max: f64,
    #[diesel(sql_type = Double)]
    sum: f64,
    #[diesel(sql_type = Double)]
    last: f64,
}

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
    points: Vec<BTreeMap<i64, Aggregate>>,
}

impl<'a> Folded<'a> {
    fn new(query: &'a SeriesQuery) -> Self {
        let width = i64::try_from(query.resolution.as_secs()).unwrap_or(i64::MAX).max(1);
        Self { query, width, points: vec![BTreeMap::new(); query.metrics.len()] }
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
        for row in rows {
            let Some(points) = usize::try_from(row.metric).ok().and_then(|place| self.points.get_mut(place)) else {
                continue;
            };
            let start = row.at.timestamp().div_euclid(self.width) * self.width;
            let Row { at, count, min, max, sum, last, .. } = row;
            let aggregate = Aggregate { count, min, max, sum, last, last_at: at };
            points.entry(start).and_modify(|known| *known = known.merge(aggregate)).or_insert(aggregate);
        }
        Ok(())
    }

    fn finish(self) -> Vec<Points> {
        let metrics = self.query.metrics.iter();
        let series = metrics.zip(self.points).map(|(metric, points)| {
            let point = |(start, aggregate)| {
                let start = DateTime::from_timestamp(start, 0).unwrap_or_default();
                (start, if is_real(*metric) { decimal(aggregate) } else { aggregate })
            };
            points.into_iter().map(point).collect()
        });
        series.collect()
    }
}

/// One scan for all metrics; only the columns asked for are read.
fn statement(table: &str, metrics: &[Metric]) -> String {
    let time = if table == "samples" { "collected_at" } else { "bucket" };
    let mut values = String::new();
    for (place, metric) in metrics.iter().enumerate() {
        let name = metric.name();
        let comma = if place == 0 { "" } else { ", " };
        // Writing to a String can't fail.
        let _ = match table {
            "samples" => write!(
                values,
                "{comma}({place}, 1::bigint, s.{name}::float8, s.{name}::float8, s.{name}::float8, s.{name}::float8)"
            ),
            _ => write!(
                values,
                "{comma}({place}, s.{name}_count::bigint, s.{name}_min::float8, s.{name}_max::float8, s.{name}_sum, \
                 s.{name}_last::float8)"
            ),
        };
    }
    format!(
        "SELECT s.{time} AS at, v.* FROM {table} s
        CROSS JOIN LATERAL (VALUES {values}) AS v (metric, count, min, max, sum, last)
        WHERE s.device = $1 AND s.{time} >= $2 AND s.{time} < $3 AND v.last IS NOT NULL"
    )
}

/// Whether the column is a `real`, whose shortest decimal is what was measured.
fn is_real(metric: Metric) -> bool {
    !matches!(
        metric,
        Metric::TransactionCount
            | Metric::TransactionVolume
            | Metric::ActiveConnections
            | Metric::QueueDepth
            | Metric::BytesSent
            | Metric::BytesReceived
            | Metric::UptimeSeconds
    )
}

fn decimal(aggregate: Aggregate) -> Aggregate {
    let shortest = |value: f64| crate::row::shortest(real(value));
    let Aggregate { count, min, max, last, last_at, .. } = aggregate;
    // By way of the mean, so that what was 45.6 all the time is 45.6 on average.
    #[allow(clippy::cast_precision_loss)]
    let sum = shortest(aggregate.average()) * count as f64;
    Aggregate { count, min: shortest(min), max: shortest(max), sum, last: shortest(last), last_at }
}

#[allow(clippy::cast_possible_truncation)] // it came from one
fn real(value: f64) -> f32 {
    value as f32
}
