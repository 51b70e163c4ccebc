//! Ends commands that nothing else ends.

use chrono::{DateTime, Utc};
use diesel::{
    PgConnection, QueryableByName, RunQueryDsl, sql_query,
    sql_types::{BigInt, Nullable, Timestamptz},
};
use homepot::model::BySource;

use crate::StoreError;

/// How many commands a sweep ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Swept {
    /// Never fetched in time.
    pub expired: BySource,
    /// Handed over and not heard of since.
    pub unknown: BySource,
}

#[derive(QueryableByName)]
struct Ended {
    #[diesel(sql_type = BigInt)]
    real: i64,
    #[diesel(sql_type = BigInt)]
    simulated: i64,
}

const COUNTED: &str = "\
SELECT count(*) FILTER (WHERE d.source = 'real') AS real, count(*) FILTER (WHERE d.source = 'simulated') AS simulated
FROM ended JOIN devices d USING (device)";

// An event of the model's machine: TimeToLiveOver.
const EXPIRE: &str = "\
WITH picked AS (
    SELECT command_id FROM commands WHERE state = 'queued' AND expires_at <= coalesce($1, now())
    ORDER BY expires_at LIMIT $2 FOR NO KEY UPDATE SKIP LOCKED
), ended AS (
UPDATE commands c SET state = 'expired', finished_at = now(), changed_at = now(),
    reason = 'its time to live ran out before the device fetched it',
    history = history || history_step('expired', now(), 'its time to live ran out before the device fetched it')
FROM picked WHERE c.command_id = picked.command_id RETURNING c.device
) ";

// An event of the model's machine: BoundOver. It may start until its time to live is over, and run for its run timeout
// from then. Word of its start may come later than that and moves nothing: it says when the server heard of it. A poller that was handed what is not safe to repeat starts it at once, as it can't know a time to live. A
// minute on top: a report may be on its way.
const GIVE_UP: &str = "\
WITH picked AS (
    SELECT command_id, CASE state
        WHEN 'running' THEN 'the device started it and did not report how it ended'
        WHEN 'acknowledged' THEN 'the device had it and did not report how it ended'
        ELSE 'it was handed over and nothing was heard of it' END AS why
    FROM commands WHERE state IN ('sent', 'acknowledged', 'running')
        AND least(coalesce(started_at, CASE WHEN session_epoch IS NULL AND NOT safe_to_repeat THEN sent_at END), expires_at)
            + run_timeout_ms * interval '1 millisecond' + interval '60 seconds' < coalesce($1, now())
    ORDER BY expires_at LIMIT $2 FOR NO KEY UPDATE SKIP LOCKED
), ended AS (
UPDATE commands c SET state = 'unknown', finished_at = now(), changed_at = now(), reason = picked.why,
    history = history || history_step('unknown', now(), picked.why)
FROM picked WHERE c.command_id = picked.command_id RETURNING c.device
) ";

/// Ends commands whose time is over, up to `limit` of each sort: at `now`, or by the database's clock, which all replicas
/// share. Replicas may sweep at once.
pub fn sweep(conn: &mut PgConnection, now: Option<DateTime<Utc>>, limit: u32) -> Result<Swept, StoreError> {
    let mut run = |statement: &str| -> Result<BySource, StoreError> {
        let ended: Ended = sql_query(format!("{statement}{COUNTED}"))
            .bind::<Nullable<Timestamptz>, _>(now)
            .bind::<BigInt, _>(i64::from(limit))
            .get_result(conn)?;
        let number = |count: i64| u64::try_from(count).unwrap_or_default();
        Ok(BySource { real: number(ended.real), simulated: number(ended.simulated) })
    };
    Ok(Swept { expired: run(EXPIRE)?, unknown: run(GIVE_UP)? })
}
