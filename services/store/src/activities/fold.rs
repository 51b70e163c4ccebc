//! Hourly totals of what people did, made from the rows once an hour is over.

use std::time::{Duration, Instant};

use chrono::{DateTime, DurationRound as _, TimeDelta, Utc};
use diesel::{
    Connection as _, PgConnection, QueryableByName, RunQueryDsl as _,
    connection::SimpleConnection as _,
    sql_query,
    sql_types::{Nullable, Timestamptz},
};

use crate::{StoreError, partitions};

const HOUR: TimeDelta = TimeDelta::hours(1);
/// How long an activity may be on its way before it counts as late, which costs more.
const LAG: TimeDelta = TimeDelta::minutes(5);
/// Late hours that are summed up again in one round.
const LATE: i64 = 20;
/// An hour may hold some million rows.
const PATIENT: &str = "SET LOCAL statement_timeout = '10min'; SET LOCAL work_mem = '64MB'";

/// `$1` is the hour. The number is also said in the migration.
const FOLD: &str = "\
WITH told_apart AS (
    SELECT activity_type, source, operator, page_url, search_query, session_id, count(*) AS count,
        count(duration_ms) AS durations, coalesce(sum(duration_ms), 0)::bigint AS duration_ms,
        row_number() OVER (PARTITION BY operator ORDER BY count(*) DESC, page_url, search_query, session_id,
            activity_type, source) AS place
    FROM user_activities WHERE at >= $1 AND at < $1 + interval '1 hour'
    GROUP BY activity_type, source, operator, page_url, search_query, session_id)
INSERT INTO activity_hours (hour, count, durations, duration_ms, sessions, overflow, activity_type, source, operator,
    page_url, search_query, session_id)
SELECT $1, count, durations, duration_ms, 0, false, activity_type, source, operator, page_url, search_query, session_id
FROM told_apart WHERE place <= 2000
UNION ALL
SELECT $1, sum(count)::bigint, sum(durations)::bigint, sum(duration_ms)::bigint, count(DISTINCT session_id), true,
    activity_type, source, operator, NULL, NULL, NULL
FROM told_apart WHERE place > 2000 GROUP BY activity_type, source, operator";

#[derive(QueryableByName)]
struct Time {
    #[diesel(sql_type = Nullable<Timestamptz>)]
    time: Option<DateTime<Utc>>,
}

/// How far the totals are: everything before is in them.
pub(super) fn rolled_to(conn: &mut PgConnection) -> Result<DateTime<Utc>, StoreError> {
    let found: Time = sql_query("SELECT rolled_to AS time FROM activity_progress").get_result(conn)?;
    found.time.ok_or_else(|| StoreError::Corrupt("activity_progress: is empty".to_owned()))
}

/// Sums up the hours that are over at `now`, oldest first, and those that got more since, until `budget` is used up. Tells
/// whether more is left. Only who holds the lock of maintenance may call it.
pub(crate) fn fold(conn: &mut PgConnection, now: DateTime<Utc>, budget: Duration) -> Result<bool, StoreError> {
    let started = Instant::now();
    let end = (now - LAG).duration_trunc(HOUR).unwrap_or(now);
    let mut from = rolled_to(conn)?;
    while from < end {
        if started.elapsed() > budget {
            return Ok(true);
        }
        let next = next_with_rows(conn, from)?.min(end);
        if next > from {
            set_rolled_to(conn, next)?;
            from = next;
            continue;
        }
        partitions::make_activity_hours(conn, from.date_naive())?;
        conn.transaction(|conn| {
            conn.batch_execute(PATIENT)?;
            fold_one(conn, from)?;
            set_rolled_to(conn, from + HOUR)
        })?;
        from += HOUR;
    }
    fold_late(conn)
}

fn fold_one(conn: &mut PgConnection, hour: DateTime<Utc>) -> Result<(), StoreError> {
    sql_query("DELETE FROM activity_hours WHERE hour = $1").bind::<Timestamptz, _>(hour).execute(conn)?;
    sql_query(FOLD).bind::<Timestamptz, _>(hour).execute(conn)?;
    Ok(())
}

/// The first hour at or after `from` in which something happened; a time far ahead where there is none.
fn next_with_rows(conn: &mut PgConnection, from: DateTime<Utc>) -> Result<DateTime<Utc>, StoreError> {
    let found: Time = sql_query("SELECT min(at) AS time FROM user_activities WHERE at >= $1")
        .bind::<Timestamptz, _>(from)
        .get_result(conn)?;
    Ok(found.time.and_then(|time| time.duration_trunc(HOUR).ok()).unwrap_or(DateTime::<Utc>::MAX_UTC))
}

fn set_rolled_to(conn: &mut PgConnection, to: DateTime<Utc>) -> Result<(), StoreError> {
    sql_query("UPDATE activity_progress SET rolled_to = $1").bind::<Timestamptz, _>(to).execute(conn)?;
    Ok(())
}

/// Sums up again what got more after it was summed up.
fn fold_late(conn: &mut PgConnection) -> Result<bool, StoreError> {
    let late: Vec<Time> =
        sql_query(format!("SELECT DISTINCT hour AS time FROM activity_late LIMIT {LATE}")).load(conn)?;
    for hour in late.iter().filter_map(|late| late.time) {
        partitions::make_activity_hours(conn, hour.date_naive())?;
        conn.transaction(|conn| {
            conn.batch_execute(PATIENT)?;
            // First the marks: what is marked after this has a row that the sum may lack.
            sql_query("DELETE FROM activity_late WHERE hour = $1").bind::<Timestamptz, _>(hour).execute(conn)?;
            fold_one(conn, hour)
        })?;
    }
    Ok(late.len() as i64 == LATE)
}
