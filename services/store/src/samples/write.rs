//! The one write of samples: history once, the newest of each device forward only.

use chrono::{DateTime, Utc};
use diesel::{
    Connection, PgConnection, QueryResult, RunQueryDsl,
    pg::Pg,
    query_builder::{AstPass, QueryFragment, QueryId},
    result::{DatabaseErrorKind, Error as DieselError},
};

use super::{
    NewSample,
    columns::{Columns, NAMES},
    partitions::{DAYS_AHEAD, DAYS_BACK, ensure_partitions},
};
use crate::StoreError;

/// Stores samples in one transaction and tells how many were new. What is there already, here or earlier in the
/// slice, stays as it is: a retry changes nothing.
pub fn write(conn: &mut PgConnection, samples: &[NewSample], received_at: DateTime<Utc>) -> Result<usize, StoreError> {
    if samples.is_empty() {
        return Ok(0);
    }
    // By device and time: history of a device then lies together, and two writers meet rows in the same order.
    let mut sorted: Vec<_> = samples.iter().collect();
    sorted.sort_by_key(|new| (new.device, new.sample.collected_at));
    sorted.dedup_by_key(|new| (new.device, new.sample.collected_at));
    let newest = sorted.chunk_by(|a, b| a.device == b.device).filter_map(|of_device| of_device.last().copied());
    let newest = Columns::of(newest, received_at);
    let all = Columns::of(sorted.iter().copied(), received_at);

    match store(conn, &all, &newest) {
        // A machine that slept for days has no partition for today until the next hourly round: make it now.
        Err(error) if is_no_partition(&error) => {
            ensure_partitions(conn, received_at.date_naive(), DAYS_BACK, DAYS_AHEAD)?;
            store(conn, &all, &newest)
        }
        outcome => outcome,
    }
}

fn store(conn: &mut PgConnection, all: &Columns, newest: &Columns) -> Result<usize, StoreError> {
    conn.transaction(|conn| {
        let stored = InsertHistory(all).execute(conn)?;
        MoveLatest(newest).execute(conn)?;
        Ok(stored)
    })
}

fn is_no_partition(error: &StoreError) -> bool {
    // The table has no checks of its own, and the message's language is the server's.
    matches!(error, StoreError::Database(DieselError::DatabaseError(DatabaseErrorKind::CheckViolation, _)))
}

/// `unnest`, so that a slice of any size is one statement with 22 binds, prepared once.
fn push_rows<'b>(columns: &'b Columns, table: &str, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
    out.push_sql("INSERT INTO ");
    out.push_sql(table);
    out.push_sql(" (");
    out.push_sql(&NAMES.join(", "));
    out.push_sql(") SELECT * FROM unnest(");
    columns.push(out.reborrow())?;
    out.push_sql(")");
    Ok(())
}

struct InsertHistory<'a>(&'a Columns);

impl QueryFragment<Pg> for InsertHistory<'_> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        push_rows(self.0, "samples", out.reborrow())?;
        out.push_sql(" ON CONFLICT DO NOTHING");
        Ok(())
    }
}

struct MoveLatest<'a>(&'a Columns);

impl QueryFragment<Pg> for MoveLatest<'_> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        push_rows(self.0, "device_latest", out.reborrow())?;
        out.push_sql(" ON CONFLICT (device) DO UPDATE SET ");
        let set: Vec<_> = NAMES.iter().skip(1).map(|name| format!("{name} = excluded.{name}")).collect();
        out.push_sql(&set.join(", "));
        out.push_sql(" WHERE device_latest.collected_at < excluded.collected_at");
        Ok(())
    }
}

impl QueryId for InsertHistory<'_> {
    type QueryId = InsertHistory<'static>;
    const HAS_STATIC_QUERY_ID: bool = true;
}

impl QueryId for MoveLatest<'_> {
    type QueryId = MoveLatest<'static>;
    const HAS_STATIC_QUERY_ID: bool = true;
}

impl RunQueryDsl<PgConnection> for InsertHistory<'_> {}
impl RunQueryDsl<PgConnection> for MoveLatest<'_> {}
