//! The newest session of each device, and when the device was last heard of.

use std::{collections::HashMap, time::Duration};

use chrono::{DateTime, Utc};
use diesel::{
    prelude::*,
    sql_query,
    sql_types::{Array, BigInt, Bool, Integer, Nullable, Timestamptz},
};
use homepot::model::Hello;

use crate::{StoreError, row, schema::sessions};

diesel::define_sql_function! {
    /// The later of two times; NULL counts as never.
    fn greatest(a: Nullable<Timestamptz>, b: Nullable<Timestamptz>) -> Nullable<Timestamptz>;
}

/// Begins a session and tells its epoch; every older one is fenced off from here on.
pub fn begin(
    conn: &mut PgConnection,
    pk: i64,
    hello: &Hello,
    replica: &str,
    heartbeat: Duration,
) -> Result<i64, StoreError> {
    let now = Utc::now();
    let capabilities: Vec<_> = hello.capabilities.iter().map(|capability| capability.as_str()).collect();
    let epoch = diesel::update(sessions::table.find(pk))
        .set((
            sessions::session_epoch.eq(sessions::session_epoch + 1),
            sessions::last_seen_at.eq(greatest(sessions::last_seen_at, Some(now))),
            sessions::attached_at.eq(Some(now)),
            sessions::ended.eq(false),
            sessions::heartbeat_ms.eq(row::millis(heartbeat)),
            sessions::replica.eq(Some(replica)),
            sessions::agent_version.eq(Some(&hello.agent_version)),
            sessions::boot_id.eq(Some(&hello.boot_id)),
            sessions::capabilities.eq(Some(capabilities)),
            sessions::journal_id.eq(&hello.journal_id),
        ))
        .returning(sessions::session_epoch)
        .get_result(conn)?;
    Ok(epoch)
}

/// Ends the session of that epoch; false: a newer one has begun.
pub fn end(conn: &mut PgConnection, pk: i64, epoch: i64) -> Result<bool, StoreError> {
    let ended = diesel::update(sessions::table.find(pk))
        .filter(sessions::session_epoch.eq(epoch))
        .set((sessions::ended.eq(true), sessions::attached_at.eq(None::<DateTime<Utc>>)))
        .execute(conn)?;
    Ok(ended == 1)
}

/// A device was heard of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Touch {
    /// The device.
    pub pk: i64,
    /// The session it was heard on; `None`: a call of its own.
    pub epoch: Option<i64>,
    /// By the server's clock.
    pub seen_at: DateTime<Utc>,
    /// How often it is to be heard; for a call of its own it counts only where no session is attached.
    pub heartbeat: Duration,
}

// Rows are locked in the order of devices, so that two replicas that touch the same devices can't block each other.
const TOUCH: &str = "\
WITH touched AS (
    SELECT * FROM unnest($1, $2, $3, $4) AS t (device, epoch, seen_at, heartbeat_ms)
), locked AS (
    SELECT device FROM sessions WHERE device = ANY ($1) ORDER BY device FOR NO KEY UPDATE
)
UPDATE sessions s SET
    last_seen_at = greatest(s.last_seen_at, t.seen_at),
    ended = s.ended AND t.epoch IS NOT NULL,
    heartbeat_ms = CASE WHEN t.epoch IS NULL AND s.attached_at IS NOT NULL THEN s.heartbeat_ms ELSE t.heartbeat_ms END
FROM touched t JOIN locked USING (device)
WHERE s.device = t.device AND (t.epoch IS NULL OR (t.epoch = s.session_epoch AND NOT s.ended))";

/// Notes that devices were heard of. A touch of a session that is over or superseded does nothing.
pub fn touch(conn: &mut PgConnection, touches: &[Touch]) -> Result<(), StoreError> {
    // A statement changes a row once: calls on sessions and calls of their own go apart, one a device each.
    let (attached, unary): (Vec<_>, Vec<_>) = touches.iter().copied().partition(|touch| touch.epoch.is_some());
    for touches in [latest_by_device(attached), latest_by_device(unary)] {
        if touches.is_empty() {
            continue;
        }
        let pks: Vec<_> = touches.iter().map(|touch| touch.pk).collect();
        let epochs: Vec<_> = touches.iter().map(|touch| touch.epoch).collect();
        let seen: Vec<_> = touches.iter().map(|touch| touch.seen_at).collect();
        let heartbeats: Vec<_> = touches.iter().map(|touch| row::millis(touch.heartbeat)).collect();
        sql_query(TOUCH)
            .bind::<Array<BigInt>, _>(pks)
            .bind::<Array<Nullable<BigInt>>, _>(epochs)
            .bind::<Array<Timestamptz>, _>(seen)
            .bind::<Array<Integer>, _>(heartbeats)
            .execute(conn)?;
    }
    Ok(())
}

fn latest_by_device(touches: Vec<Touch>) -> Vec<Touch> {
    let mut latest: HashMap<i64, Touch> = HashMap::with_capacity(touches.len());
    for touch in touches {
        latest
            .entry(touch.pk)
            .and_modify(|kept| {
                if (touch.epoch, touch.seen_at) > (kept.epoch, kept.seen_at) {
                    *kept = touch;
                }
            })
            .or_insert(touch);
    }
    latest.into_values().collect()
}

/// How a device's newest session stands, for the replica that holds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, QueryableByName)]
pub struct Standing {
    /// The device.
    #[diesel(sql_type = BigInt, column_name = "device")]
    pub pk: i64,
    /// The newest session.
    #[diesel(sql_type = BigInt)]
    pub epoch: i64,
    /// False once the device is shut out.
    #[diesel(sql_type = Bool)]
    pub active: bool,
    /// Raised when what was verified before may no longer count.
    #[diesel(sql_type = Integer)]
    pub credential_version: i32,
    /// Whether the newest session could claim a command.
    #[diesel(sql_type = Bool)]
    pub waiting: bool,
}

/// How sessions stand, in one look.
pub fn standing(conn: &mut PgConnection, pks: &[i64]) -> Result<Vec<Standing>, StoreError> {
    // The same condition as a session's claim, see `commands::claim`.
    let standing = sql_query(
        "SELECT s.device, s.session_epoch AS epoch, d.active, d.credential_version, EXISTS (
            SELECT FROM commands c
            WHERE c.device = s.device AND c.state IN ('queued', 'sent', 'acknowledged') AND c.expires_at > now()
                AND c.cancel_requested_at IS NULL
                AND (c.state = 'queued' OR (c.session_epoch IS DISTINCT FROM s.session_epoch
                    AND (c.safe_to_repeat OR c.journal_id = s.journal_id)))
        ) OR EXISTS (
            SELECT FROM commands c
            WHERE c.device = s.device AND c.state IN ('sent', 'acknowledged') AND c.cancel_requested_at IS NOT NULL
                AND c.cancel_told IS DISTINCT FROM s.session_epoch
        ) AS waiting
        FROM sessions s JOIN devices d USING (device) WHERE s.device = ANY ($1)",
    )
    .bind::<Array<BigInt>, _>(pks)
    .load(conn)?;
    Ok(standing)
}
