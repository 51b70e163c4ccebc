//! Partitions by time: made before the first row of their span can come, dropped whole once nothing in them is kept.
//!
//! A server's user may make and drop no tables; functions of the schema's owner do it (migration 000340), which know the spans.

use std::time::Duration;

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use diesel::{
    PgConnection, QueryableByName, RunQueryDsl, sql_query,
    sql_types::{Date, Text, Timestamptz},
};

use crate::{
    StoreError,
    maintenance::Retention,
    rollups::advance::{HOURS, MINUTES, rolled_to},
};

/// Kept ready ahead of now: clocks may run ahead, and a server that makes them may be away for a while.
const AHEAD: TimeDelta = TimeDelta::days(2);
/// Kept ready behind now: samples are taken up to a week old, by a clock that stands elsewhere in the day.
const BACK: TimeDelta = TimeDelta::days(8);

/// How long it is kept when devices came and went.
const KEEP_STATES: Duration = Duration::from_secs(90 * 24 * 3600);

/// A table that is partitioned by time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Table {
    Samples,
    Packed,
    Minutes,
    Hours,
    States,
    Activities,
    ActivityHours,
    Errors,
    Commands,
}

impl Table {
    const ALL: [Self; 9] = [
        Self::Samples,
        Self::Packed,
        Self::Minutes,
        Self::Hours,
        Self::States,
        Self::Activities,
        Self::ActivityHours,
        Self::Errors,
        Self::Commands,
    ];

    fn name(self) -> &'static str {
        match self {
            Self::Samples => "samples",
            Self::Packed => "packed_samples",
            Self::Minutes => "rollup_1m",
            Self::Hours => "rollup_1h",
            Self::States => "device_states",
            Self::Activities => "user_activities",
            Self::ActivityHours => "activity_hours",
            Self::Errors => "error_groups",
            Self::Commands => "commands_ended",
        }
    }

    fn keeps(self, retention: &Retention) -> TimeDelta {
        let keeps = match self {
            Self::Samples | Self::Packed => retention.samples,
            Self::Minutes => retention.minutes,
            Self::Hours => retention.hours,
            Self::States => KEEP_STATES,
            Self::Activities | Self::ActivityHours => retention.activities,
            Self::Errors => retention.errors,
            Self::Commands => retention.commands,
        };
        TimeDelta::from_std(keeps).unwrap_or(TimeDelta::MAX)
    }

    /// How far back partitions are made, so that none is made that is dropped again.
    fn back(self, retention: &Retention) -> TimeDelta {
        BACK.min(self.keeps(retention).checked_add(&TimeDelta::days(1)).unwrap_or(BACK))
    }
}

#[derive(QueryableByName)]
struct Made {
    #[diesel(sql_type = Text)]
    name: String,
}

#[derive(QueryableByName)]
struct Partition {
    #[diesel(sql_type = Text)]
    name: String,
    /// The end of its span.
    #[diesel(sql_type = Timestamptz)]
    ends: DateTime<Utc>,
}

/// How far back samples may be at most.
pub(crate) fn samples_kept(retention: &Retention) -> TimeDelta {
    let table = Table::Samples;
    table.keeps(retention).max(table.back(retention)).checked_add(&TimeDelta::days(1)).unwrap_or(TimeDelta::MAX)
}

/// Makes the partitions of all tables that rows of around `now` may need, and tells how many were missing. Safe when
/// replicas do it at once.
pub(crate) fn ensure(conn: &mut PgConnection, now: DateTime<Utc>, retention: &Retention) -> Result<usize, StoreError> {
    let mut made = 0;
    for table in Table::ALL {
        made += make_missing(conn, table, (now - table.back(retention)).date_naive(), (now + AHEAD).date_naive())?;
    }
    Ok(made)
}

/// Makes the partitions of `samples` from the first to the last day where they are missing, and those that rollups of these days need.
pub(crate) fn make_missing_days(conn: &mut PgConnection, from: NaiveDate, to: NaiveDate) -> Result<(), StoreError> {
    for table in Table::ALL {
        make_missing(conn, table, from, to)?;
    }
    Ok(())
}

/// Makes the partition of `activity_hours` for `day` where it is missing.
pub(crate) fn make_activity_hours(conn: &mut PgConnection, day: NaiveDate) -> Result<(), StoreError> {
    make_missing(conn, Table::ActivityHours, day, day).map(drop)
}

/// Makes what rows of the days from the first to the last need and what is missing.
fn make_missing(conn: &mut PgConnection, table: Table, from: NaiveDate, to: NaiveDate) -> Result<usize, StoreError> {
    let made: Vec<Made> = sql_query("SELECT name FROM make_partitions($1, $2, $3) AS name")
        .bind::<Text, _>(table.name())
        .bind::<Date, _>(from)
        .bind::<Date, _>(to)
        .load(conn)?;
    for Made { name } in &made {
        tracing::info!(partition = name, "made a partition");
    }
    Ok(made.len())
}

/// The partitions of a table. When one ends is told by itself.
fn existing(conn: &mut PgConnection, table: Table) -> Result<Vec<Partition>, StoreError> {
    let found = sql_query(
        "SELECT c.relname::text AS name,
            (regexp_match(pg_get_expr(c.relpartbound, c.oid), 'TO \\(''([^'']+)''\\)'))[1]::timestamptz AS ends
        FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
        WHERE i.inhparent = $1::regclass AND NOT i.inhdetachpending",
    )
    .bind::<Text, _>(table.name())
    .load(conn)?;
    Ok(found)
}

/// Drops the partitions in which nothing is kept any more, and tells their names. What is not folded yet stays: it is in
/// nothing else.
pub(crate) fn drop_expired(
    conn: &mut PgConnection,
    now: DateTime<Utc>,
    retention: &Retention,
) -> Result<Vec<String>, StoreError> {
    let mut dropped = Vec::new();
    for table in Table::ALL {
        let folded_to = match table {
            Table::Samples => rolled_to(conn, MINUTES)?,
            Table::Minutes => rolled_to(conn, HOURS)?,
            _ => now,
        };
        let keeps = table.keeps(retention).max(table.back(retention));
        let Some(expired) = now.checked_sub_signed(keeps) else { continue };
        let oldest = expired.min(folded_to);
        for Partition { name, ends } in existing(conn, table)? {
            if ends > oldest {
                continue;
            }
            match drop_one(conn, table, &name) {
                Ok(()) => dropped.push(name),
                // Somebody reads it for long. It is as good to drop it next time.
                Err(error) => tracing::warn!(%error, partition = name, "can't drop a partition now"),
            }
        }
    }
    Ok(dropped)
}

fn drop_one(conn: &mut PgConnection, table: Table, name: &str) -> Result<(), StoreError> {
    sql_query("SELECT drop_partition($1, $2)").bind::<Text, _>(table.name()).bind::<Text, _>(name).execute(conn)?;
    tracing::info!(partition = name, "dropped a partition: nothing in it is kept any more");
    Ok(())
}
