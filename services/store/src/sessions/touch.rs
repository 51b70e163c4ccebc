//! Devices that were heard of, many at a time.

use std::{collections::HashMap, time::Duration};

use diesel::{
    prelude::*,
    sql_types::{BigInt, Integer, Nullable},
};
use homepot::model::{DeviceStatus, StateCause};

use super::record::{self, COLUMNS, Record, Recorded};
use crate::{StoreError, row, statement::Statement};

/// A device was heard of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Touch {
    /// The device.
    pub pk: i64,
    /// The session it was heard on; `None`: a call of its own.
    pub epoch: Option<i64>,
    /// How long ago. Not when: presence goes by the database's clock, and the replicas' differ from it.
    pub age: Duration,
    /// How often it is to be heard; for a call of its own it counts only where no session is attached.
    pub heartbeat: Duration,
}

// Rows are locked in the order of devices, so that two replicas that touch the same devices can't block each other.
// Nearly always no device comes back by it, and nothing is answered.
const TOUCH: &str = "\
WITH touched AS (
    SELECT device, epoch, now() - age_us * interval '1 microsecond' AS seen_at, heartbeat_ms
    FROM unnest({arrays}) AS t ({columns})
), locked AS (
    SELECT device FROM sessions WHERE device = ANY ({device}) ORDER BY device FOR NO KEY UPDATE
), heard AS (
    UPDATE sessions s SET
        -- Of the future only a clock can be that was wrong.
        last_seen_at = CASE WHEN s.last_seen_at > now() THEN t.seen_at ELSE greatest(s.last_seen_at, t.seen_at) END,
        ended = s.ended AND t.epoch IS NOT NULL,
        heartbeat_ms = CASE WHEN t.epoch IS NULL AND s.attached_at IS NOT NULL THEN s.heartbeat_ms ELSE t.heartbeat_ms END
    FROM touched t JOIN locked USING (device)
    WHERE s.device = t.device AND (t.epoch IS NULL OR (t.epoch = s.session_epoch AND NOT s.ended))
    RETURNING COLUMNS
)
SELECT * FROM heard WHERE status <> 'online' AND fresh";

/// Notes that devices were heard of, and tells how many came back by it. A touch of a session that is over or superseded
/// does nothing.
pub fn touch(conn: &mut PgConnection, touches: &[Touch]) -> Result<usize, StoreError> {
    // A statement changes a row once: calls on sessions and calls of their own go apart, one a device each.
    let (attached, unary): (Vec<_>, Vec<_>) = touches.iter().copied().partition(|touch| touch.epoch.is_some());
    let mut back = touch_once(conn, &latest_by_device(attached), "its stream was heard again")?;
    back += touch_once(conn, &latest_by_device(unary), "a call of its own was heard")?;
    Ok(back)
}

fn touch_once(conn: &mut PgConnection, touches: &[Touch], detail: &str) -> Result<usize, StoreError> {
    if touches.is_empty() {
        return Ok(0);
    }
    let age = |touch: &Touch| i64::try_from(touch.age.as_micros()).unwrap_or(i64::MAX);
    conn.transaction(|conn| {
        let back: Vec<Recorded> = Statement::new(&TOUCH.replace("COLUMNS", COLUMNS))
            .column::<BigInt, _>("device", touches.iter().map(|touch| touch.pk))
            .column::<Nullable<BigInt>, _>("epoch", touches.iter().map(|touch| touch.epoch))
            .column::<BigInt, _>("age_us", touches.iter().map(age))
            .column::<Integer, _>("heartbeat_ms", touches.iter().map(|touch| row::millis(touch.heartbeat)))
            .load(conn)?;
        let records = back.into_iter().map(|back| came_back(back, detail)).collect::<Result<Vec<_>, _>>()?;
        record::write(conn, &records)?;
        Ok(records.len())
    })
}

fn came_back(recorded: Recorded, detail: &str) -> Result<Record, StoreError> {
    let at = recorded.now;
    let mut record = recorded.open()?;
    record.change(DeviceStatus::Online, at, StateCause::Heard, detail.to_owned());
    Ok(record)
}

fn latest_by_device(touches: Vec<Touch>) -> Vec<Touch> {
    let mut latest: HashMap<i64, Touch> = HashMap::with_capacity(touches.len());
    for touch in touches {
        latest
            .entry(touch.pk)
            .and_modify(|kept| {
                if (touch.epoch, kept.age) > (kept.epoch, touch.age) {
                    *kept = touch;
                }
            })
            .or_insert(touch);
    }
    latest.into_values().collect()
}
