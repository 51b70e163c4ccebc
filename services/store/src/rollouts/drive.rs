//! Driving rollouts on: each step is one transaction on the rollout's row, so it is taken once whichever replica takes it.

use chrono::{DateTime, Utc};
use diesel::{
    dsl::sql,
    prelude::*,
    select, sql_query,
    sql_types::{BigInt, Integer, Timestamptz, Uuid as SqlUuid},
};
use homepot::model::{Rollout, RolloutId, RolloutState, RolloutStep, UpdateState};
use uuid::Uuid;

use super::{IN_FLIGHT, read::found};
use crate::{
    StoreError, row,
    schema::{rollout_devices, rollouts},
    statement::Statement,
};

/// Devices that one step tells.
const STEP: u32 = 1_000;
/// Held while devices are chosen, so that two rollouts never both find the same site free. A rollout waits milliseconds for it.
const CHOOSING: i64 = 0x68_6f_6d_65_00_07;

/// What a step did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Advanced {
    /// The rollout.
    pub rollout_id: RolloutId,
    /// Where it stands now.
    pub state: RolloutState,
    /// Devices that are to be told something.
    pub to_tell: Vec<i64>,
}

#[derive(QueryableByName)]
struct Device {
    #[diesel(sql_type = BigInt)]
    device: i64,
}

/// Takes a step of each rollout that is running and that no other replica is at; tells those in which something happened.
pub fn advance(conn: &mut PgConnection) -> Result<Vec<Advanced>, StoreError> {
    Statement::prepared(&GIVE_UP.replace("IN_FLIGHT", IN_FLIGHT)).execute(conn)?;
    let ids: Vec<Uuid> = rollouts::table
        .filter(rollouts::state.eq(RolloutState::Running.as_str()))
        .select(rollouts::rollout_id)
        .order(rollouts::rollout_id)
        .load(conn)?;
    let mut advanced = Vec::new();
    for id in ids {
        advanced.extend(conn.transaction(|conn| step(conn, RolloutId(id)))?);
    }
    Ok(advanced)
}

fn step(conn: &mut PgConnection, id: RolloutId) -> Result<Option<Advanced>, StoreError> {
    let locked: Option<Uuid> = rollouts::table
        .find(id.0)
        .filter(rollouts::state.eq(RolloutState::Running.as_str()))
        .select(rollouts::rollout_id)
        .for_no_key_update()
        .skip_locked()
        .first(conn)
        .optional()?;
    if locked.is_none() {
        return Ok(None);
    }
    let rollout = found(conn, id)?;
    let now: DateTime<Utc> = select(row::database_time()).get_result(conn)?;
    let moved = |state, to_tell| Some(Advanced { rollout_id: id, state, to_tell });
    match rollout.step(now) {
        RolloutStep::Wait => Ok(None),
        RolloutStep::Offer(free) => {
            let to_tell = offer(conn, &rollout, free.min(STEP))?;
            Ok(if to_tell.is_empty() { None } else { moved(RolloutState::Running, to_tell) })
        }
        RolloutStep::Halt => {
            let failed = rollout.progress.failed;
            let failures = if failed == 1 { "1 device".to_owned() } else { format!("{failed} devices") };
            let reason = match rollout.progress.may_fail(rollout.order.max_failure_percent) {
                0 => format!("{failures} failed, among so few that none may"),
                may => format!("{failures} failed, {} may", may + rollout.forgiven),
            };
            set_state(conn, id, RolloutState::Halted, Some(&reason))?;
            Ok(moved(RolloutState::Halted, Vec::new()))
        }
        RolloutStep::Soak => {
            diesel::update(rollouts::table.find(id.0))
                .set((rollouts::phase_done_at.eq(row::database_time().nullable()), stamp()))
                .execute(conn)?;
            Ok(moved(RolloutState::Running, Vec::new()))
        }
        RolloutStep::Advance => {
            // A phase that brings it to no further device has nothing to wait for.
            let next = rollout_devices::table
                .filter(rollout_devices::rollout_id.eq(id.0))
                .filter(rollout_devices::state.eq(UpdateState::Waiting.as_str()))
                .select(diesel::dsl::min(rollout_devices::phase))
                .first::<Option<i32>>(conn)?;
            diesel::update(rollouts::table.find(id.0))
                .set((
                    rollouts::phase.eq(next.unwrap_or(i32::MAX)),
                    rollouts::phase_done_at.eq(None::<DateTime<Utc>>),
                    stamp(),
                ))
                .execute(conn)?;
            Ok(moved(RolloutState::Running, Vec::new()))
        }
        RolloutStep::Complete => {
            set_state(conn, id, RolloutState::Completed, None)?;
            Ok(moved(RolloutState::Completed, Vec::new()))
        }
    }
}

/// Devices of which nothing was heard for too long, whatever became of their rollouts: nobody waits for ever for a device that a
/// paused or aborted one has left behind, and its site is free again.
const GIVE_UP: &str = "\
UPDATE rollout_devices d SET state = 'unreachable', changed_at = now(), reason = 'nothing was heard of it for '
    || CASE WHEN r.silence_ms < 120000 THEN r.silence_ms / 1000 || ' s' ELSE r.silence_ms / 60000 || ' minutes' END
FROM rollouts r WHERE r.rollout_id = d.rollout_id AND d.state IN IN_FLIGHT
    AND greatest(d.heard_at, d.ask_at) < now() - r.silence_ms * interval '1 millisecond'";

/// Chooses the next devices, as many as their sites allow. One that is under way for an earlier rollout is taken over, which leaves
/// its site as it is: what was broken must not be in the way of what mends it. One that is under way for a later one is left alone.
/// Devices that are held keep nobody waiting: before they apply anything, they ask ([`super::gate`]).
///
/// Only sites with room are looked into, because most of the time nearly all of a large rollout's sites are full.
const CHOOSE: &str = "\
WITH busy AS (
    SELECT d.site_id, count(*) AS devices FROM rollout_devices r JOIN devices d USING (device)
    WHERE r.state IN IN_FLIGHT AND r.state <> 'held' GROUP BY d.site_id
), with_room AS (
    SELECT s.site_id, {per_site} - coalesce(b.devices, 0) AS room
    FROM rollouts o CROSS JOIN unnest(o.site_ids) AS s (site_id) LEFT JOIN busy b USING (site_id)
    WHERE o.rollout_id = {rollout} AND coalesce(b.devices, 0) < {per_site}
), taken_over AS (
    SELECT r.phase, r.device FROM rollout_devices f JOIN rollouts e USING (rollout_id)
        JOIN rollouts o ON o.rollout_id = {rollout} AND o.number > e.number
        JOIN rollout_devices r ON r.rollout_id = {rollout} AND r.device = f.device
    WHERE f.state IN IN_FLIGHT AND r.phase <= {phase} AND r.state = 'waiting'
), idle AS (
    SELECT w.phase, w.device FROM with_room s CROSS JOIN LATERAL (
        SELECT r.phase, r.device FROM devices d JOIN rollout_devices r ON r.rollout_id = {rollout} AND r.device = d.device
        WHERE d.site_id = s.site_id AND r.phase <= {phase} AND r.state = 'waiting'
            AND NOT EXISTS (SELECT FROM rollout_devices f WHERE f.device = r.device AND f.state IN IN_FLIGHT)
        ORDER BY r.phase, r.device LIMIT s.room
    ) w
)
SELECT device FROM (SELECT * FROM taken_over UNION ALL SELECT * FROM idle) chosen ORDER BY phase, device LIMIT {free}";

const LOCK: &str = "SELECT FROM device_updates WHERE device = ANY ({devices}) ORDER BY device FOR NO KEY UPDATE";

/// One thing at a time: what another rollout had begun on these devices is over.
const SUPERSEDE: &str = "\
UPDATE rollout_devices SET state = 'superseded', reason = 'a later rollout took over', changed_at = now()
WHERE device = ANY ($2) AND rollout_id <> $1 AND state IN IN_FLIGHT";

const DESIRE: &str = "\
INSERT INTO device_updates AS u (device, generation, rollout_id, release_id, action, state, reason, sealed_values)
SELECT device, 1, $1, $3, 'install', 'offered', NULL, sealed_values FROM rollout_devices
WHERE rollout_id = $1 AND device = ANY ($2)
ON CONFLICT (device) DO UPDATE SET generation = u.generation + 1, rollout_id = excluded.rollout_id,
    release_id = excluded.release_id, action = excluded.action, state = excluded.state, reason = NULL,
    sealed_values = excluded.sealed_values";

/// The values are kept with what the device should have from then on.
const OFFER: &str = "\
UPDATE rollout_devices r SET state = 'offered', generation = u.generation, heard_at = now(), changed_at = now(),
    sealed_values = NULL
FROM device_updates u WHERE r.rollout_id = $1 AND r.device = ANY ($2) AND u.device = r.device";

/// Waits until nobody else chooses devices, and keeps others from it until the transaction ends.
pub(super) fn choosing(conn: &mut PgConnection) -> Result<(), StoreError> {
    sql_query("SELECT pg_advisory_xact_lock($1)").bind::<BigInt, _>(CHOOSING).execute(conn)?;
    Ok(())
}

/// Tells the next devices of a rollout to have its release, at most `free` of them, and answers which.
pub(super) fn offer(conn: &mut PgConnection, rollout: &Rollout, free: u32) -> Result<Vec<i64>, StoreError> {
    use diesel::sql_types::Array;
    let int = |number: u32| i32::try_from(number).unwrap_or(i32::MAX);
    choosing(conn)?;
    let chosen: Vec<Device> = Statement::prepared(&CHOOSE.replace("IN_FLIGHT", IN_FLIGHT))
        .value::<SqlUuid, _>("rollout", rollout.rollout_id.0)
        .value::<Integer, _>("phase", int(rollout.phase))
        .value::<Integer, _>("per_site", int(rollout.order.max_in_flight_per_site))
        .value::<Integer, _>("free", int(free))
        .load(conn)?;
    let devices: Vec<i64> = chosen.into_iter().map(|chosen| chosen.device).collect();
    if devices.is_empty() {
        return Ok(devices);
    }
    // First, as who reports does, so that neither waits for the other.
    Statement::prepared(LOCK).value::<Array<BigInt>, _>("devices", &devices).execute(conn)?;
    sql_query(SUPERSEDE.replace("IN_FLIGHT", IN_FLIGHT))
        .bind::<SqlUuid, _>(rollout.rollout_id.0)
        .bind::<Array<BigInt>, _>(&devices)
        .execute(conn)?;
    sql_query(DESIRE)
        .bind::<SqlUuid, _>(rollout.rollout_id.0)
        .bind::<Array<BigInt>, _>(&devices)
        .bind::<SqlUuid, _>(rollout.order.release_id.0)
        .execute(conn)?;
    sql_query(OFFER).bind::<SqlUuid, _>(rollout.rollout_id.0).bind::<Array<BigInt>, _>(&devices).execute(conn)?;
    touch(conn, rollout.rollout_id)?;
    Ok(devices)
}

fn touch(conn: &mut PgConnection, id: RolloutId) -> Result<(), StoreError> {
    diesel::update(rollouts::table.find(id.0)).set(stamp()).execute(conn)?;
    Ok(())
}

pub(super) fn set_state(
    conn: &mut PgConnection,
    id: RolloutId,
    state: RolloutState,
    reason: Option<&str>,
) -> Result<(), StoreError> {
    let finished_at = state.is_end().then(|| row::database_time().nullable());
    diesel::update(rollouts::table.find(id.0))
        .set((
            rollouts::state.eq(state.as_str()),
            rollouts::reason.eq(reason),
            finished_at.map(|now| rollouts::finished_at.eq(now)),
            stamp(),
        ))
        .execute(conn)?;
    Ok(())
}

/// That the row changed now. Later than the change before it, also where this transaction began first and waited for the row.
fn stamp() -> diesel::dsl::Eq<rollouts::changed_at, diesel::expression::SqlLiteral<Timestamptz>> {
    rollouts::changed_at.eq(sql::<Timestamptz>("greatest(now(), rollouts.changed_at + interval '1 microsecond')"))
}

/// Locks a rollout and tells it.
pub(super) fn lock(conn: &mut PgConnection, id: RolloutId) -> Result<Rollout, StoreError> {
    let _: Uuid = rollouts::table.find(id.0).select(rollouts::rollout_id).for_no_key_update().first(conn)?;
    found(conn, id)
}

/// Pauses a rollout that has not ended and waits for no approval; `None`: it has, or does.
pub fn pause(conn: &mut PgConnection, id: RolloutId, reason: &str) -> Result<Option<Rollout>, StoreError> {
    conn.transaction(|conn| {
        let rollout = lock(conn, id)?;
        if rollout.state.is_end() || rollout.state == RolloutState::AwaitingApproval {
            return Ok(None);
        }
        if rollout.state != RolloutState::Paused {
            set_state(conn, id, RolloutState::Paused, Some(reason))?;
        }
        found(conn, id).map(Some)
    })
}

/// Goes on with a rollout that has not ended and waits for no approval; `None`: it has, or does. Who resumes it has seen the failures
/// it has.
pub fn resume(conn: &mut PgConnection, id: RolloutId) -> Result<Option<Rollout>, StoreError> {
    conn.transaction(|conn| {
        let rollout = lock(conn, id)?;
        if rollout.state.is_end() || rollout.state == RolloutState::AwaitingApproval {
            return Ok(None);
        }
        if rollout.state != RolloutState::Running {
            let seen = if rollout.state == RolloutState::Halted { rollout.progress.failed } else { rollout.forgiven };
            diesel::update(rollouts::table.find(id.0))
                .set(rollouts::forgiven.eq(i32::try_from(seen).unwrap_or(i32::MAX)))
                .execute(conn)?;
            set_state(conn, id, RolloutState::Running, None)?;
        }
        found(conn, id).map(Some)
    })
}

/// Takes back what its devices were told; those under way are to be told so.
const TAKE_BACK: &str = "\
UPDATE device_updates u SET action = 'cancel' FROM rollout_devices r
WHERE r.rollout_id = $1 AND r.device = u.device AND u.rollout_id = $1 AND r.state IN IN_FLIGHT
RETURNING u.device";

/// Ends a rollout that is not complete, with the devices that are to be told; `None`: it is complete.
pub fn abort(conn: &mut PgConnection, id: RolloutId, reason: &str) -> Result<Option<(Rollout, Vec<i64>)>, StoreError> {
    conn.transaction(|conn| {
        let rollout = lock(conn, id)?;
        match rollout.state {
            RolloutState::Completed => return Ok(None),
            RolloutState::Aborted => return Ok(Some((rollout, Vec::new()))),
            _ => {}
        }
        set_state(conn, id, RolloutState::Aborted, Some(reason))?;
        diesel::update(rollout_devices::table)
            .filter(rollout_devices::rollout_id.eq(id.0))
            .filter(rollout_devices::state.eq(UpdateState::Waiting.as_str()))
            .set((
                rollout_devices::state.eq(UpdateState::Cancelled.as_str()),
                rollout_devices::reason.eq(reason),
                rollout_devices::sealed_values.eq(None::<Vec<u8>>),
                rollout_devices::changed_at.eq(row::database_time()),
            ))
            .execute(conn)?;
        let to_tell: Vec<Device> =
            sql_query(TAKE_BACK.replace("IN_FLIGHT", IN_FLIGHT)).bind::<SqlUuid, _>(id.0).load(conn)?;
        Ok(Some((found(conn, id)?, to_tell.into_iter().map(|device| device.device).collect())))
    })
}
