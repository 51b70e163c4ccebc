//! Moves commands that have ended to the table in which they are kept.

use chrono::{DateTime, TimeDelta, Utc};
use diesel::{
    PgConnection, QueryableByName, RunQueryDsl, sql_query,
    sql_types::{BigInt, Timestamptz, Uuid as SqlUuid},
};
use uuid::Uuid;

use crate::StoreError;

/// For how long a command stays with those under way after its end: what is said of it most, the repeats of its outcome and the
/// looks of whoever waits for it, is said by then. Programs of the version before know no other place.
pub const STAYS: TimeDelta = TimeDelta::minutes(1);
/// Commands that are moved in one transaction.
pub const FILED_TOGETHER: u32 = 1_000;

// By id, which is the order of time, so that no index is needed that every end would have to be entered in. Commands of a run stay
// while it is under way: programs of the version before count how many failed. So do those that a rollout is still to settle. No
// device is locked, as every command that is queued for it meanwhile would write that down too. Of a device that is removed at
// this moment the sweep takes away what was moved: it comes after this, in the same round.
const FILE: &str = "\
WITH ripe AS MATERIALIZED (
    SELECT c.command_id FROM commands c
    WHERE c.command_id > $1 AND c.state NOT IN ('queued', 'sent', 'acknowledged', 'running') AND c.changed_at < $2
        AND (c.run_id IS NULL OR EXISTS (
            SELECT FROM runs r WHERE r.run_id = c.run_id AND r.state NOT IN ('running', 'paused')
        ))
        AND NOT EXISTS (SELECT FROM command_rollouts r WHERE r.command_id = c.command_id AND r.settled_at IS NULL)
    ORDER BY c.command_id LIMIT $3 FOR UPDATE OF c SKIP LOCKED
), gone AS (
    DELETE FROM commands c USING ripe WHERE c.command_id = ripe.command_id RETURNING c.*
)
INSERT INTO commands_ended (command_id, device, command_type, payload, state, reason, result, created_by, idempotency_key,
    safe_to_repeat, deliveries, run_timeout_ms, session_epoch, created_at, expires_at, sent_at, acknowledged_at, started_at,
    finished_at, run_id, journal_id, handed_on, cancel_requested_at, cancel_cause, cancel_told, history, changed_at,
    requested_type, filed_at)
SELECT command_id, device, command_type, payload, state, reason, result, created_by, idempotency_key,
    safe_to_repeat, deliveries, run_timeout_ms, session_epoch, created_at, expires_at, sent_at, acknowledged_at, started_at,
    finished_at, run_id, journal_id, handed_on, cancel_requested_at, cancel_cause, cancel_told, history, changed_at,
    requested_type, $4
FROM gone
RETURNING command_id";

#[derive(QueryableByName)]
struct Id {
    #[diesel(sql_type = SqlUuid)]
    command_id: Uuid,
}

/// Moves up to `limit` commands that ended a while before `now`, those after `after` first; answers how many, and the last one.
pub fn file(
    conn: &mut PgConnection,
    now: DateTime<Utc>,
    after: Uuid,
    limit: u32,
) -> Result<Option<(usize, Uuid)>, StoreError> {
    let filed: Vec<Id> = sql_query(FILE)
        .bind::<SqlUuid, _>(after)
        .bind::<Timestamptz, _>(now - STAYS)
        .bind::<BigInt, _>(i64::from(limit))
        .bind::<Timestamptz, _>(now)
        .load(conn)?;
    Ok(filed.iter().map(|row| row.command_id).max().map(|last| (filed.len(), last)))
}
