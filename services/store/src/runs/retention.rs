//! Runs go some time after their end.

use chrono::{DateTime, Utc};
use diesel::{PgConnection, RunQueryDsl, sql_query, sql_types::Timestamptz};

use crate::StoreError;

// Each takes the rows of its devices along, ten thousand at most. What is left goes in the next round.
const DELETE: &str = "\
DELETE FROM runs WHERE run_id IN (
    SELECT run_id FROM runs r WHERE finished_at < $1 AND NOT EXISTS (SELECT FROM commands c WHERE c.run_id = r.run_id)
    ORDER BY created_at, run_id LIMIT 20
)";

/// Forgets runs that ended before `oldest`. Their commands go with the months in which they ended.
pub(crate) fn delete_before(conn: &mut PgConnection, oldest: DateTime<Utc>) -> Result<usize, StoreError> {
    Ok(sql_query(DELETE).bind::<Timestamptz, _>(oldest).execute(conn)?)
}
