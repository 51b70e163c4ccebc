//! Folds what no writer will add to unmarked any more: minutes from samples, hours from minutes.

use std::{
    sync::LazyLock,
    time::{Duration, Instant},
};

use chrono::{DateTime, DurationRound as _, TimeDelta, Utc};
use diesel::{
    Connection, ExpressionMethods as _, PgConnection, QueryDsl as _, QueryableByName, RunQueryDsl as _,
    connection::SimpleConnection as _,
    sql_query,
    sql_types::{Bool, Timestamptz},
};

use super::fold::{HOURS_OF_RANGE, MINUTES_OF_RANGE};
use crate::{
    StoreError,
    locks::{self, Lock},
    partitions,
    schema::rollup_progress,
    statement::Statement,
};

pub(crate) const MINUTES: &str = "1m";
pub(crate) const HOURS: &str = "1h";
/// What is folded into minutes at once. The 60 rows of a device then lie together, on three pages instead of 60, and a
/// chart of a day comes from a disk in a tenth of the time; until then it reads samples.
const MINUTES_WINDOW: TimeDelta = TimeDelta::hours(1);
/// What is folded into hours at once, for the same reason: a chart of a quarter touches 200 pages instead of 2,160.
const HOURS_WINDOW: TimeDelta = TimeDelta::days(1);
/// How long samples may be on their way before they count as late, which costs more.
const LAG: TimeDelta = TimeDelta::minutes(1);
/// An hour of a very large fleet is some hundred million rows.
const PATIENT: &str = "SET LOCAL statement_timeout = '30min'; SET LOCAL work_mem = '64MB'";

/// How one rollup is made.
struct Step {
    resolution: &'static str,
    /// The table it is folded from, and the column that tells the time there.
    source: (&'static str, &'static str),
    statement: &'static LazyLock<String>,
    /// What is folded at once.
    window: TimeDelta,
}

static BY_MINUTE: Step = Step {
    resolution: MINUTES,
    source: ("samples", "collected_at"),
    statement: &MINUTES_OF_RANGE,
    window: MINUTES_WINDOW,
};
static BY_HOUR: Step =
    Step { resolution: HOURS, source: ("rollup_1m", "bucket"), statement: &HOURS_OF_RANGE, window: HOURS_WINDOW };

/// How far a rollup is: nothing from there on is in it.
pub(crate) fn rolled_to(conn: &mut PgConnection, resolution: &str) -> Result<DateTime<Utc>, StoreError> {
    Ok(rollup_progress::table.find(resolution).select(rollup_progress::rolled_to).first(conn)?)
}

/// Below this line every sample is committed, or will be marked as late by whoever writes it.
pub(crate) fn claimed_to(conn: &mut PgConnection) -> Result<DateTime<Utc>, StoreError> {
    Ok(rollup_progress::table.find(MINUTES).select(rollup_progress::claimed_to).first(conn)?)
}

/// Moves the line below which writers mark their samples as late to the last full window before `now`.
pub fn claim(conn: &mut PgConnection, now: DateTime<Utc>) -> Result<DateTime<Utc>, StoreError> {
    let line = (now - LAG).duration_trunc(MINUTES_WINDOW).unwrap_or(now);
    let claimed = claimed_to(conn)?;
    if line <= claimed {
        return Ok(claimed);
    }
    conn.transaction(|conn| {
        // Waits for the writers that read the old line; those who come from here on read the new one.
        locks::hold_in_transaction(conn, Lock::Rollups)?;
        diesel::update(rollup_progress::table.find(MINUTES)).set(rollup_progress::claimed_to.eq(line)).execute(conn)?;
        Ok(line)
    })
}

/// Folds the samples between what is rolled and what is claimed, oldest first, until `budget` is used up. Tells how many
/// rows it wrote and whether more is left.
pub fn roll_minutes(conn: &mut PgConnection, budget: Duration) -> Result<(usize, bool), StoreError> {
    let end = claimed_to(conn)?;
    let from = rolled_to(conn, MINUTES)?;
    if from < end {
        // Samples from before there were rollups, or of a server that was away, may be older than what is kept ready.
        partitions::make_missing_days(conn, from.date_naive(), end.date_naive())?;
    }
    roll(conn, &BY_MINUTE, end, budget)
}

/// Folds the days whose minutes are all there.
pub fn roll_hours(conn: &mut PgConnection, budget: Duration) -> Result<(usize, bool), StoreError> {
    let end = rolled_to(conn, MINUTES)?.duration_trunc(HOURS_WINDOW).unwrap_or_default();
    roll(conn, &BY_HOUR, end, budget)
}

fn roll(
    conn: &mut PgConnection,
    step: &Step,
    end: DateTime<Utc>,
    budget: Duration,
) -> Result<(usize, bool), StoreError> {
    let started = Instant::now();
    let mut rows = 0;
    let mut from = rolled_to(conn, step.resolution)?;
    while from < end {
        if started.elapsed() > budget {
            return Ok((rows, true));
        }
        let to = (from.duration_trunc(step.window).unwrap_or(from) + step.window).min(end);
        let folded = conn.transaction(|conn| {
            conn.batch_execute(PATIENT)?;
            let statement = Statement::new(step.statement.as_str());
            let statement = statement.value::<Timestamptz, _>("start", from).value::<Timestamptz, _>("end", to);
            let folded = statement.execute(conn)?;
            set_rolled_to(conn, step, to)?;
            Ok::<_, StoreError>(folded)
        })?;
        rows += folded;
        from = if folded == 0 { skip_empty(conn, step, to, end)? } else { to };
    }
    Ok((rows, false))
}

/// Passes over the rest of the day of `from` where it holds nothing, and tells where to go on: a server that was away for
/// a month would otherwise look into each of its windows.
fn skip_empty(
    conn: &mut PgConnection,
    step: &Step,
    from: DateTime<Utc>,
    end: DateTime<Utc>,
) -> Result<DateTime<Utc>, StoreError> {
    let midnight = from.duration_trunc(TimeDelta::days(1)).unwrap_or(from) + TimeDelta::days(1);
    let to = midnight.min(end);
    let (table, time) = step.source;
    let found: Found =
        sql_query(format!("SELECT EXISTS (SELECT FROM {table} WHERE {time} >= $1 AND {time} < $2) AS any"))
            .bind::<Timestamptz, _>(from)
            .bind::<Timestamptz, _>(to)
            .get_result(conn)?;
    if found.any {
        return Ok(from);
    }
    set_rolled_to(conn, step, to)?;
    Ok(to)
}

#[derive(QueryableByName)]
struct Found {
    #[diesel(sql_type = Bool)]
    any: bool,
}

fn set_rolled_to(conn: &mut PgConnection, step: &Step, to: DateTime<Utc>) -> Result<(), StoreError> {
    diesel::update(rollup_progress::table.find(step.resolution))
        .set(rollup_progress::rolled_to.eq(to))
        .execute(conn)?;
    Ok(())
}
