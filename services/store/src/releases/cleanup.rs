//! What nobody needs any more: files that no release uses, uploads that were left, and rollouts that ended long ago. Releases stay.

use std::time::Duration;

use diesel::{
    prelude::*,
    sql_query,
    sql_types::{BigInt, Double, Text},
};
use homepot::model::Sha256;

use super::ArtifactBytes;
use crate::{StoreError, row};

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
    ORDER BY a.changed_at LIMIT $2 FOR UPDATE SKIP LOCKED)
RETURNING sha256";

const ROLLOUTS: &str = "\
DELETE FROM rollouts WHERE rollout_id IN (
    SELECT rollout_id FROM rollouts WHERE finished_at < now() - $1 * interval '1 second'
    ORDER BY finished_at LIMIT $2 FOR UPDATE SKIP LOCKED)";

#[derive(QueryableByName)]
struct File {
    #[diesel(sql_type = Text)]
    sha256: String,
}

/// Removes some of it, and tells how many files and rollouts. To be called until there are none. A rollout goes when its end is
/// longer ago than `kept`.
pub fn clean_up(conn: &mut PgConnection, bytes: &dyn ArtifactBytes, kept: Duration) -> Result<usize, StoreError> {
    let files = conn.transaction(|conn| {
        let files: Vec<File> =
            sql_query(FILES).bind::<Double, _>(UNUSED_SECONDS).bind::<BigInt, _>(TOGETHER).load(conn)?;
        for File { sha256 } in &files {
            let sha256: Sha256 = row::checked("artifacts.sha256", sha256)?;
            bytes.remove(conn, &sha256)?;
        }
        Ok::<_, StoreError>(files.len())
    })?;
    // One at a time: it may have a row for each device of the fleet.
    let rollouts = sql_query(ROLLOUTS).bind::<Double, _>(kept.as_secs_f64()).bind::<BigInt, _>(1).execute(conn)?;
    Ok(files + rollouts)
}
