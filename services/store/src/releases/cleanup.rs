//! What nobody needs any more: files that no release uses, uploads that were left, and rollouts that ended long ago. Releases stay.

use std::time::Duration;

use diesel::{
    prelude::*,
    sql_query,
    sql_types::{BigInt, Double},
};

use crate::StoreError;

/// Files and rollouts of one round: each may have many rows.
const TOGETHER: i64 = 20;
/// A file that no release uses goes after this many seconds without a new part.
const UNUSED_SECONDS: f64 = 24.0 * 3600.0;

/// Whoever keeps a release at this moment holds its files, which are passed over then.
const FILES: &str = "\
DELETE FROM artifacts WHERE sha256 IN (
    SELECT a.sha256 FROM artifacts a
    WHERE a.changed_at < now() - $1 * interval '1 second'
        AND NOT EXISTS (SELECT FROM release_files f WHERE f.sha256 = a.sha256)
    ORDER BY a.changed_at LIMIT $2 FOR UPDATE SKIP LOCKED)";

const ROLLOUTS: &str = "\
DELETE FROM rollouts WHERE rollout_id IN (
    SELECT rollout_id FROM rollouts WHERE finished_at < now() - $1 * interval '1 second'
    ORDER BY finished_at LIMIT $2 FOR UPDATE SKIP LOCKED)";

/// Removes some of it, and tells how many files and rollouts. To be called until there are none. A rollout goes when its end is
/// longer ago than `kept`.
pub fn clean_up(conn: &mut PgConnection, kept: Duration) -> Result<usize, StoreError> {
    let remove = |conn: &mut PgConnection, sql: &str, age: f64, most: i64| {
        sql_query(sql).bind::<Double, _>(age).bind::<BigInt, _>(most).execute(conn)
    };
    let files = remove(conn, FILES, UNUSED_SECONDS, TOGETHER)?;
    // One at a time: it may have a row for each device of the fleet.
    Ok(files + remove(conn, ROLLOUTS, kept.as_secs_f64(), 1)?)
}
