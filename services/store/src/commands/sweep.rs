//! Ending commands that nothing else will end.

use chrono::{DateTime, Utc};
use diesel::{
    PgConnection, RunQueryDsl, sql_query,
    sql_types::{BigInt, Timestamptz},
};

use crate::StoreError;

/// How many commands a sweep ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Swept {
    /// Never fetched in time.
    pub expired: u32,
    /// Handed over and not heard of since.
    pub unknown: u32,
}

const EXPIRE: &str = "\
WITH picked AS (
    SELECT command_id FROM commands WHERE state = 'queued' AND expires_at <= $1
    ORDER BY expires_at LIMIT $2 FOR UPDATE SKIP LOCKED
)
UPDATE commands c SET state = 'expired', finished_at = now(),
    reason = 'its time to live ran out before the device fetched it'
FROM picked WHERE c.command_id = picked.command_id";

// A minute on top of the run: a report may be on its way.
const GIVE_UP: &str = "\
WITH picked AS (
    SELECT command_id FROM commands WHERE state IN ('sent', 'acknowledged', 'running')
        AND coalesce(started_at, expires_at) + run_timeout_ms * interval '1 millisecond' + interval '60 seconds' < $1
    ORDER BY expires_at LIMIT $2 FOR UPDATE SKIP LOCKED
)
UPDATE commands c SET state = 'unknown', finished_at = now(), reason = CASE c.state
    WHEN 'running' THEN 'the device started it and did not report how it ended'
    WHEN 'acknowledged' THEN 'the device had it and did not report how it ended'
    ELSE 'it was handed over and nothing was heard of it' END
FROM picked WHERE c.command_id = picked.command_id";

/// Ends commands whose time is over at `now`, up to `limit` of each sort. Replicas may sweep at once.
pub fn sweep(conn: &mut PgConnection, now: DateTime<Utc>, limit: u32) -> Result<Swept, StoreError> {
    let mut run = |statement: &str| -> Result<u32, StoreError> {
        let swept =
            sql_query(statement).bind::<Timestamptz, _>(now).bind::<BigInt, _>(i64::from(limit)).execute(conn)?;
        Ok(u32::try_from(swept).unwrap_or(u32::MAX))
    };
    Ok(Swept { expired: run(EXPIRE)?, unknown: run(GIVE_UP)? })
}
