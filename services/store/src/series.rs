//! How metrics of a device went, as points: from samples, or from rollups and, where there are none yet, from samples.

use std::{collections::HashSet, fmt::Write as _, time::Duration};

use chrono::{DateTime, DurationRound as _, TimeDelta, Utc};
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
    packed::blocks::{Block, Part, Walk},
    rollups::{
        advance::{HOURS, MINUTES, rolled_to},
        late,
    },
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

/// The points of each metric of `query`, in its order. Whatever is committed is in them, also where it is in no rollup yet.
pub fn read(conn: &mut PgConnection, device: i64, query: &SeriesQuery) -> Result<Vec<Points>, StoreError> {
    let mut reader = Reader { conn, device, metrics: &query.metrics, rows: Vec::new() };
    match query.source {
        Source::Samples => reader.samples(query.start, query.end)?,
        Source::Minutes => reader.minutes(query.start, query.end)?,
        Source::Hours => reader.hours(query.start, query.end)?,
    }
    let mut rows = reader.rows;
    rows.sort_by_key(|row| row.at);
    Ok(folded(query, rows))
}

/// Collects what is wanted of one device, from wherever it stands.
struct Reader<'a> {
    conn: &'a mut PgConnection,
    device: i64,
    metrics: &'a [Metric],
    rows: Vec<Row>,
}

impl Reader<'_> {
    /// Hours as far as they are made and right, minutes for the others.
    fn hours(&mut self, from: DateTime<Utc>, to: DateTime<Utc>) -> Result<(), StoreError> {
        let made = rolled_to(self.conn, HOURS)?.clamp(from, to);
        let marked = late::marked(self.conn, self.device, from, made)?;
        let stale = stretches(&marked, TimeDelta::hours(1));
        self.read_but("rollup_1h", (from, made), &stale)?;
        stale.into_iter().chain([(made, to)]).try_for_each(|(from, to)| self.minutes(from, to))
    }

    /// Minutes as far as they are made and right, samples for the others.
    fn minutes(&mut self, from: DateTime<Utc>, to: DateTime<Utc>) -> Result<(), StoreError> {
        let made = rolled_to(self.conn, MINUTES)?.clamp(from, to);
        // Before the rollup is read: once a mark is gone, the minute is right.
        let marked = late::marked(self.conn, self.device, from, made)?;
        let stale = stretches(&marked, TimeDelta::minutes(1));
        self.read_but("rollup_1m", (from, made), &stale)?;
        stale.into_iter().chain([(made, to)]).try_for_each(|(from, to)| self.samples(from, to))
    }

    /// Samples, of blocks the columns asked for.
    fn samples(&mut self, from: DateTime<Utc>, to: DateTime<Utc>) -> Result<(), StoreError> {
        let mut walk = Walk::new(self.device, from, to);
        while let Some(part) = walk.next(self.conn, usize::MAX)? {
            let (block, from, to) = match part {
                Part::Rows { from, to } => {
                    self.read("samples", from, to)?;
                    continue;
                }
                Part::Packed { block, from, to } => (block, from, to),
            };
            let known = self.rows.len();
            if block.is_late {
                self.read("samples", from, to)?;
            }
            let packed = self.of_block(&block, from, to)?;
            if block.is_late {
                // What was packed was there first.
                let times: HashSet<_> = packed.iter().map(|row| row.at).collect();
                let read = self.rows.split_off(known);
                self.rows.extend(read.into_iter().filter(|row| !times.contains(&row.at)));
            }
            self.rows.extend(packed);
        }
        Ok(())
    }

    fn of_block(&self, block: &Block, from: DateTime<Utc>, to: DateTime<Utc>) -> Result<Vec<Row>, StoreError> {
        let hour = block.open()?;
        let row = |at| Row { at, metrics: Vec::with_capacity(self.metrics.len()) };
        let mut rows: Vec<_> = hour.times()?.into_iter().map(row).collect();
        for metric in self.metrics {
            for (row, value) in rows.iter_mut().zip(hour.metric(*metric)?) {
                row.metrics.push(value.map(|value| Aggregate::of(row.at, value)));
            }
        }
        rows.retain(|row| (from..to).contains(&row.at));
        Ok(rows)
    }

    /// The rows of a rollup that lie in none of the stretches.
    fn read_but(&mut self, table: &str, (from, to): Stretch, stale: &[Stretch]) -> Result<(), StoreError> {
        let known = self.rows.len();
        self.read(table, from, to)?;
        if !stale.is_empty() {
            let is_stale = |row: &Row| stale.iter().any(|(from, to)| (*from..*to).contains(&row.at));
            let read = self.rows.split_off(known);
            self.rows.extend(read.into_iter().filter(|row| !is_stale(row)));
        }
        Ok(())
    }

    fn read(&mut self, table: &str, from: DateTime<Utc>, to: DateTime<Utc>) -> Result<(), StoreError> {
        if from >= to {
            return Ok(());
        }
        let rows: Vec<Row> = sql_query(statement(table, self.metrics))
            .bind::<BigInt, _>(self.device)
            .bind::<Timestamptz, _>(from)
            .bind::<Timestamptz, _>(to)
            .load(self.conn)?;
        self.rows.extend(rows);
        Ok(())
    }
}

/// From, and up to but not at.
type Stretch = (DateTime<Utc>, DateTime<Utc>);

/// The buckets of `width` that hold any of `times`, which are in order; neighbours as one.
fn stretches(times: &[DateTime<Utc>], width: TimeDelta) -> Vec<Stretch> {
    let mut stretches: Vec<Stretch> = Vec::new();
    for time in times {
        let start = time.duration_trunc(width).unwrap_or(*time);
        match stretches.last_mut() {
            Some((_, end)) if start <= *end => *end = start + width,
            _ => stretches.push((start, start + width)),
        }
    }
    stretches
}

/// Rows, which are in order, as points.
fn folded(query: &SeriesQuery, rows: Vec<Row>) -> Vec<Points> {
    let width = i64::try_from(query.resolution.as_secs()).unwrap_or(i64::MAX).max(1);
    let mut series: Vec<Points> = vec![Vec::new(); query.metrics.len()];
    for Row { at, metrics } in rows {
        let start = DateTime::from_timestamp(at.timestamp().div_euclid(width) * width, 0).unwrap_or_default();
        for (points, aggregate) in series.iter_mut().zip(metrics) {
            let Some(aggregate) = aggregate else { continue };
            match points.last_mut() {
                Some((last, known)) if *last == start => *known = known.merge(aggregate),
                _ => points.push((start, aggregate)),
            }
        }
    }
    for (metric, points) in query.metrics.iter().zip(&mut series) {
        points.iter_mut().for_each(|(_, aggregate)| *aggregate = rounded(*metric, *aggregate));
    }
    series
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
