//! Partitions by time: made before the first row of their span can come, dropped whole once nothing in them is kept.

use std::time::Duration;

use chrono::{DateTime, Datelike as _, Days, Months, NaiveDate, NaiveTime, TimeDelta, Utc};
use diesel::{Connection, PgConnection, QueryableByName, RunQueryDsl, connection::SimpleConnection, sql_query};

use crate::{
    StoreError,
    locks::{self, Lock},
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
    Minutes,
    Hours,
    States,
    Activities,
    ActivityHours,
    Errors,
}

impl Table {
    const ALL: [Self; 7] =
        [Self::Samples, Self::Minutes, Self::Hours, Self::States, Self::Activities, Self::ActivityHours, Self::Errors];

    fn name(self) -> &'static str {
        match self {
            Self::Samples => "samples",
            Self::Minutes => "rollup_1m",
            Self::Hours => "rollup_1h",
            Self::States => "device_states",
            Self::Activities => "user_activities",
            Self::ActivityHours => "activity_hours",
            Self::Errors => "error_groups",
        }
    }

    /// The first day of the partition that holds `day`. Weeks begin on Monday.
    fn first_day(self, day: NaiveDate) -> NaiveDate {
        let back = match self {
            Self::Samples => 0,
            Self::Hours => day.day0(),
            _ => day.weekday().num_days_from_monday(),
        };
        day - Days::new(back.into())
    }

    /// The first day of the partition after the one that begins at `first`.
    fn next(self, first: NaiveDate) -> NaiveDate {
        match self {
            Self::Samples => first + Days::new(1),
            Self::Hours => first + Months::new(1),
            _ => first + Days::new(7),
        }
    }

    fn keeps(self, retention: &Retention) -> TimeDelta {
        let keeps = match self {
            Self::Samples => retention.samples,
            Self::Minutes => retention.minutes,
            Self::Hours => retention.hours,
            Self::States => KEEP_STATES,
            Self::Activities | Self::ActivityHours => retention.activities,
            Self::Errors => retention.errors,
        };
        TimeDelta::from_std(keeps).unwrap_or(TimeDelta::MAX)
    }

    /// How far back partitions are made, so that none is made that is dropped again.
    fn back(self, retention: &Retention) -> TimeDelta {
        BACK.min(self.keeps(retention).checked_add(&TimeDelta::days(1)).unwrap_or(BACK))
    }

    fn partition(self, first: NaiveDate) -> String {
        format!("{}_{}", self.name(), first.format("%Y%m%d"))
    }
}

#[derive(QueryableByName)]
struct Found {
    #[diesel(sql_type = diesel::sql_types::Text)]
    name: String,
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
        let (from, to) = ((now - table.back(retention)).date_naive(), (now + AHEAD).date_naive());
        let firsts: Vec<_> = std::iter::successors(Some(table.first_day(from)), |first| Some(table.next(*first)))
            .take_while(|first| *first <= to)
            .collect();
        made += make_missing(conn, table, &firsts)?;
    }
    Ok(made)
}

/// Makes the partitions of `samples` for `days` where they are missing, and those that rollups of these days need.
pub(crate) fn make_missing_days(
    conn: &mut PgConnection,
    days: impl Iterator<Item = NaiveDate>,
) -> Result<(), StoreError> {
    let mut days: Vec<_> = days.collect();
    days.sort_unstable();
    days.dedup();
    for table in Table::ALL {
        let mut firsts: Vec<_> = days.iter().map(|day| table.first_day(*day)).collect();
        firsts.dedup();
        make_missing(conn, table, &firsts)?;
    }
    Ok(())
}

/// Makes the partition of `activity_hours` for `day` where it is missing.
pub(crate) fn make_activity_hours(conn: &mut PgConnection, day: NaiveDate) -> Result<(), StoreError> {
    let table = Table::ActivityHours;
    make_missing(conn, table, &[table.first_day(day)]).map(drop)
}

fn make_missing(conn: &mut PgConnection, table: Table, firsts: &[NaiveDate]) -> Result<usize, StoreError> {
    // Nearly every call ends here, without a lock.
    if missing(conn, table, firsts)?.is_empty() {
        return Ok(0);
    }
    conn.transaction(|conn| {
        locks::hold_in_transaction(conn, Lock::Partitions)?;
        let missing = missing(conn, table, firsts)?;
        for first in &missing {
            make(conn, table, *first)?;
        }
        Ok(missing.len())
    })
}

fn existing(conn: &mut PgConnection, table: Table) -> Result<Vec<String>, StoreError> {
    let found: Vec<Found> = sql_query(
        "SELECT c.relname::text AS name FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
        WHERE i.inhparent = $1::regclass AND NOT i.inhdetachpending",
    )
    .bind::<diesel::sql_types::Text, _>(table.name())
    .load(conn)?;
    Ok(found.into_iter().map(|found| found.name).collect())
}

fn missing(conn: &mut PgConnection, table: Table, firsts: &[NaiveDate]) -> Result<Vec<NaiveDate>, StoreError> {
    let existing = existing(conn, table)?;
    Ok(firsts.iter().filter(|first| !existing.contains(&table.partition(**first))).copied().collect())
}

/// Made apart and then attached, which takes a lock that lets writers go on; `PARTITION OF` would stop them.
fn make(conn: &mut PgConnection, table: Table, first: NaiveDate) -> Result<(), StoreError> {
    let (parent, name, next) = (table.name(), table.partition(first), table.next(first));
    conn.batch_execute(&format!(
        "CREATE TABLE {name} (LIKE {parent} INCLUDING ALL);
        ALTER TABLE {parent} ATTACH PARTITION {name} FOR VALUES FROM ('{first} 00:00:00+00') TO ('{next} 00:00:00+00')"
    ))?;
    tracing::info!(partition = name, "made a partition");
    Ok(())
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
        for name in existing(conn, table)? {
            let first = name.rsplit('_').next().and_then(|day| NaiveDate::parse_from_str(day, "%Y%m%d").ok());
            let Some(end) = first.map(|first| table.next(first).and_time(NaiveTime::MIN).and_utc()) else { continue };
            if end > oldest {
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

/// Both steps want the parent for a moment. Who can't have it soon tries again later rather than hold writers up.
fn drop_one(conn: &mut PgConnection, table: Table, name: &str) -> Result<(), StoreError> {
    conn.transaction(|conn| {
        conn.batch_execute("SET LOCAL lock_timeout = '1s'")?;
        locks::hold_in_transaction(conn, Lock::Partitions)?;
        conn.batch_execute(&format!("ALTER TABLE {} DETACH PARTITION {name}; DROP TABLE {name}", table.name()))?;
        tracing::info!(partition = name, "dropped a partition: nothing in it is kept any more");
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weeks_begin_on_monday_and_months_on_their_first() {
        let day = |text: &str| text.parse::<NaiveDate>().unwrap();
        assert_eq!(Table::Minutes.first_day(day("2026-11-29")), day("2026-11-23"));
        assert_eq!(Table::Minutes.next(day("2026-11-23")), day("2026-11-30"));
        assert_eq!(Table::Hours.first_day(day("2026-12-31")), day("2026-12-01"));
        assert_eq!(Table::Hours.next(day("2026-12-01")), day("2027-01-01"));
        assert_eq!(Table::Samples.partition(day("2026-11-23")), "samples_20261123");
    }
}
