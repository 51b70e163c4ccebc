//! The one write of samples: history once, the newest of each device forward only, and word of what comes late.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use diesel::{
    Connection, ExecuteCopyFromDsl, PgConnection, QueryResult, RunQueryDsl,
    result::{DatabaseErrorKind, Error as DieselError},
};

use super::{
    Expected, NewSample, corrections, latest,
    record::{self, Record},
};
use crate::{StoreError, partitions, rollups::late, schema};

/// Stores samples in one transaction and tells how many were new. What is there already, here or earlier in the
/// slice, stays as it is: a retry changes nothing.
pub fn write(
    conn: &mut PgConnection,
    samples: &[NewSample],
    received_at: DateTime<Utc>,
    expected: Expected,
) -> Result<usize, StoreError> {
    if samples.is_empty() {
        return Ok(0);
    }
    // By device and time: history of a device then lies together, and two writers meet rows in the same order.
    let mut sorted: Vec<_> = samples.iter().collect();
    sorted.sort_by_key(|new| (new.device, new.sample.collected_at));
    sorted.dedup_by_key(|new| (new.device, new.sample.collected_at));

    match store(conn, &sorted, received_at, expected) {
        // A machine that slept for days has no partition for today until the next round: make it now, unless somebody
        // else just did.
        Err(error) if is_without_partition(&error) => {
            let days: BTreeSet<_> = sorted.iter().map(|new| new.sample.collected_at.date_naive()).collect();
            for day in days {
                partitions::make_missing_days(conn, day, day)?;
            }
            store(conn, &sorted, received_at, expected)
        }
        outcome => outcome,
    }
}

fn store(
    conn: &mut PgConnection,
    sorted: &[&NewSample],
    received_at: DateTime<Utc>,
    expected: Expected,
) -> Result<usize, StoreError> {
    if expected == Expected::New {
        match once(conn, sorted, received_at, copy) {
            Err(StoreError::Database(DieselError::DatabaseError(DatabaseErrorKind::UniqueViolation, _))) => {
                metrics::counter!("homepot_ingest_copies_redone_total").increment(1);
            }
            outcome => return outcome,
        }
    }
    once(conn, sorted, received_at, insert)
}

type History = fn(&mut PgConnection, &[&NewSample], DateTime<Utc>) -> QueryResult<usize>;

fn once(
    conn: &mut PgConnection,
    sorted: &[&NewSample],
    received_at: DateTime<Utc>,
    history: History,
) -> Result<usize, StoreError> {
    conn.transaction(|conn| {
        // Before the first row: rollups must not close a minute over a row that is not committed yet.
        let open = late::hold_open(conn)?;
        if !open.corrected && sorted.iter().all(|new| new.sample.device_time.is_none()) {
            return put(conn, sorted, received_at, history, open.claimed_to);
        }
        let settled = corrections::settle(conn, sorted)?;
        let sorted: Vec<_> = settled.iter().map(AsRef::as_ref).collect();
        put(conn, &sorted, received_at, history, open.claimed_to)
    })
}

fn put(
    conn: &mut PgConnection,
    sorted: &[&NewSample],
    received_at: DateTime<Utc>,
    history: History,
    claimed_to: DateTime<Utc>,
) -> Result<usize, StoreError> {
    let stored = history(conn, sorted, received_at)?;
    let newest = sorted.chunk_by(|a, b| a.device == b.device).filter_map(|of_device| of_device.last().copied());
    latest::move_forward(conn, newest, received_at)?;
    late::mark(conn, sorted.iter().map(|new| (new.device, new.sample.collected_at)), claimed_to)?;
    Ok(stored)
}

fn copy(conn: &mut PgConnection, sorted: &[&NewSample], received_at: DateTime<Utc>) -> QueryResult<usize> {
    diesel::copy_from(schema::samples::table).from_insertable(&records(sorted, received_at)).execute(conn)
}

fn insert(conn: &mut PgConnection, sorted: &[&NewSample], received_at: DateTime<Utc>) -> QueryResult<usize> {
    record::insert(&mut records(sorted, received_at)).execute(conn)
}

fn records(sorted: &[&NewSample], received_at: DateTime<Utc>) -> Vec<Record> {
    sorted.iter().map(|new| Record::new(new, received_at)).collect()
}

/// Whether no partition takes a row. Postgres calls that a violated check; of a real one it tells the constraint.
fn is_without_partition(error: &StoreError) -> bool {
    let StoreError::Database(DieselError::DatabaseError(DatabaseErrorKind::CheckViolation, information)) = error else {
        return false;
    };
    information.constraint_name().is_none()
}
