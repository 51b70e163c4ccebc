//! Mending drift: where a release says so, a device whose target something else has changed is offered that release once more, by a
//! rollout to it alone. So a mend passes through all gates that a first application has, and shows where rollouts do.

use std::time::Duration;

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use diesel::{
    prelude::*,
    select, sql_query,
    sql_types::{Array, BigInt, Binary, Integer, Jsonb, Nullable, Text, Timestamptz, Uuid as SqlUuid},
};
use homepot::model::{DeviceId, RolloutId, Target, UpdateState, Whom};
use uuid::Uuid;

use super::{
    IN_FLIGHT,
    drive::{Advanced, choosing, offer},
    read::found,
};
use crate::{StoreError, row, target::stored_target};

/// Devices of one pass, so that others who choose devices wait for milliseconds.
const STEP: i64 = 50;
/// A series of attempts ends, and another may begin, after this time.
const REST: TimeDelta = TimeDelta::days(1);

/// How often a device is mended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MendLimits {
    /// Attempts of a series, at least 1. After the last one there is none for a day.
    pub attempts: u32,
    /// From the first attempt to the second. It doubles with each further one.
    pub pause: Duration,
}

/// Devices with drift from releases that say it is mended, with what stands in the way. A device is believed to have a release only
/// where it was told to have it: else it could ask for files that were never meant for it.
const STANDING: &str = "\
WITH drifted AS (
    SELECT u.device, t.value ->> 'name' AS target, (t.value ->> 'counter')::numeric AS counter
    FROM device_updates u, jsonb_array_elements(u.targets) t
    WHERE u.targets @> '[{\"drifted\": true}]' AND (t.value ->> 'drifted')::boolean AND {devices}
), of_release AS (
    SELECT d.device, e.release_id, string_agg(d.target, ', ' ORDER BY d.target) AS targets
    FROM drifted d JOIN release_files f USING (target)
        JOIN releases e ON e.release_id = f.release_id AND e.counter = d.counter
    WHERE e.mend_drift GROUP BY 1, 2
), standing AS (
    SELECT u.device, v.device_id, v.site_id, v.active AND v.removed_at IS NULL AS active, u.state AS device_state,
        e.release_id, e.name || ' ' || e.version AS release, f.targets, m.attempts, m.first_at, m.last_at, m.next_at,
        m.rollout_id, r.state AS mend_state, r.reason AS mend_reason,
        c.sealed AS sealed_values,
        CASE WHEN u.state NOT IN {ends} AND u.rollout_id IS DISTINCT FROM m.rollout_id
            THEN 'the device is under way with another rollout'
            WHEN e.expires_at <= now() THEN 'the release has expired'
            WHEN EXISTS (SELECT FROM release_files o WHERE o.release_id = e.release_id AND NOT u.targets @>
                jsonb_build_array(jsonb_build_object('name', o.target, 'counter', e.counter)))
            THEN 'another release has since brought one of its targets'
        END AS obstacle
    FROM of_release f JOIN device_updates u USING (device) JOIN devices v USING (device)
        JOIN releases e ON e.release_id = f.release_id
        LEFT JOIN device_mends m ON m.device = f.device AND m.release_id = f.release_id
        LEFT JOIN rollout_devices r ON r.device = m.device AND r.rollout_id = m.rollout_id
        LEFT JOIN confirmed_values c ON c.device = f.device AND c.release_id = f.release_id
    WHERE u.release_id = e.release_id OR EXISTS (SELECT FROM rollout_devices h JOIN rollouts o USING (rollout_id)
        WHERE h.device = f.device AND o.release_id = e.release_id AND h.state = 'confirmed')
) ";

/// States in which a device does nothing about a release.
const ENDS: &str = "('confirmed', 'rejected', 'failed', 'rolled_back', 'cancelled')";

/// Those whose turn it is: one of a site, where no other device of it is being updated.
const DUE: &str = "\
SELECT DISTINCT ON (s.site_id) s.* FROM standing s
WHERE s.obstacle IS NULL AND s.active AND (s.next_at IS NULL OR s.next_at <= now())
    AND s.device_state IN {ends}
    AND NOT EXISTS (SELECT FROM rollout_devices r JOIN devices d USING (device)
        WHERE d.site_id = s.site_id AND r.state IN IN_FLIGHT AND (r.state <> 'held' OR r.device = s.device))
ORDER BY s.site_id, s.device LIMIT $1";

#[derive(QueryableByName)]
struct Standing {
    #[diesel(sql_type = BigInt)]
    device: i64,
    #[diesel(sql_type = Text)]
    device_id: String,
    #[diesel(sql_type = Text)]
    site_id: String,
    #[diesel(sql_type = SqlUuid)]
    release_id: Uuid,
    #[diesel(sql_type = Text)]
    release: String,
    #[diesel(sql_type = Text)]
    targets: String,
    #[diesel(sql_type = Nullable<Integer>)]
    attempts: Option<i32>,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    first_at: Option<DateTime<Utc>>,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    last_at: Option<DateTime<Utc>>,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    next_at: Option<DateTime<Utc>>,
    #[diesel(sql_type = Nullable<SqlUuid>)]
    rollout_id: Option<Uuid>,
    #[diesel(sql_type = Nullable<Text>)]
    mend_state: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    mend_reason: Option<String>,
    #[diesel(sql_type = Nullable<Binary>)]
    sealed_values: Option<Vec<u8>>,
    #[diesel(sql_type = Nullable<Text>)]
    obstacle: Option<String>,
}

/// The attempts of a series, and when each was or may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Series {
    attempts: u32,
    first_at: DateTime<Utc>,
    next_at: DateTime<Utc>,
}

impl Series {
    /// With one more attempt now. `before`: the attempts so far, the first and the last of them.
    fn next(before: Option<(u32, DateTime<Utc>, DateTime<Utc>)>, now: DateTime<Utc>, limits: MendLimits) -> Self {
        let goes_on = |(attempts, _, last): &(u32, _, DateTime<Utc>)| *attempts < limits.attempts && now - *last < REST;
        let (attempts, first_at) =
            before.filter(goes_on).map_or((1, now), |(attempts, first, _)| (attempts + 1, first));
        let wait = if attempts >= limits.attempts {
            REST
        } else {
            let pause = limits.pause.saturating_mul(1 << (attempts - 1).min(16));
            TimeDelta::from_std(pause).unwrap_or(REST).min(REST)
        };
        Self { attempts, first_at, next_at: now + wait }
    }
}

/// Begins to mend where it is due; tells the rollouts that began.
pub fn mend(conn: &mut PgConnection, limits: MendLimits) -> Result<Vec<Advanced>, StoreError> {
    // Mostly there are none, and nobody has to wait for that.
    if due(conn)?.is_empty() {
        return Ok(Vec::new());
    }
    conn.transaction(|conn| {
        // From here on no rollout offers anything to these devices, and no other replica mends them.
        choosing(conn)?;
        let mut begun = Vec::new();
        for standing in due(conn)? {
            begun.extend(begin(conn, &standing, limits)?);
        }
        Ok(begun)
    })
}

fn standing(devices: &str, select: &str) -> String {
    format!("{STANDING}{select}").replace("{devices}", devices).replace("{ends}", ENDS).replace("IN_FLIGHT", IN_FLIGHT)
}

fn due(conn: &mut PgConnection) -> Result<Vec<Standing>, StoreError> {
    Ok(sql_query(standing("true", DUE)).bind::<BigInt, _>(STEP).load(conn)?)
}

/// A failed attempt is forgiven from the start: nobody needs to resume it, and the next one is bounded by `device_mends`.
const ROLLOUT: &str = "\
INSERT INTO rollouts (rollout_id, release_id, target, site_ids, phases, soak_ms, silence_ms, max_in_flight,
    max_in_flight_per_site, max_failure_percent, forgiven, created_by, description, mends_drift)
VALUES ($1, $2, $3, $4, '{100%}', 0, 3600000, 1, 1, 0, 1, '', $5, true)";

const DEVICE: &str = "\
INSERT INTO rollout_devices (rollout_id, device, phase, sealed_values) VALUES ($1, $2, 1, $3)";

const COUNT: &str = "\
INSERT INTO device_mends (device, release_id, attempts, first_at, last_at, next_at, rollout_id)
VALUES ($1, $2, $3, $4, now(), $5, $6)
ON CONFLICT (device, release_id) DO UPDATE SET attempts = excluded.attempts, first_at = excluded.first_at,
    last_at = excluded.last_at, next_at = excluded.next_at, rollout_id = excluded.rollout_id";

fn begin(conn: &mut PgConnection, standing: &Standing, limits: MendLimits) -> Result<Option<Advanced>, StoreError> {
    let rollout_id = RolloutId(Uuid::now_v7());
    let now: DateTime<Utc> = select(row::database_time()).get_result(conn)?;
    let device_id: DeviceId = row::checked("devices.device_id", &standing.device_id)?;
    let target = stored_target(&Target { whom: Whom::Devices(vec![device_id]), source: None });
    let told = format!("something else changed {}, and the release says that drift is mended", standing.targets);
    sql_query(ROLLOUT)
        .bind::<SqlUuid, _>(rollout_id.0)
        .bind::<SqlUuid, _>(standing.release_id)
        .bind::<Jsonb, _>(target)
        .bind::<Array<Text>, _>(vec![standing.site_id.as_str()])
        .bind::<Text, _>(told)
        .execute(conn)?;
    sql_query(DEVICE)
        .bind::<SqlUuid, _>(rollout_id.0)
        .bind::<BigInt, _>(standing.device)
        .bind::<Nullable<Binary>, _>(&standing.sealed_values)
        .execute(conn)?;
    let before = standing.attempts.zip(standing.first_at).zip(standing.last_at);
    let before = before.map(|((attempts, first), last)| (u32::try_from(attempts).unwrap_or_default(), first, last));
    let Series { attempts, first_at, next_at } = Series::next(before, now, limits);
    sql_query(COUNT)
        .bind::<BigInt, _>(standing.device)
        .bind::<SqlUuid, _>(standing.release_id)
        .bind::<Integer, _>(i32::try_from(attempts).unwrap_or(i32::MAX))
        .bind::<Timestamptz, _>(first_at)
        .bind::<Timestamptz, _>(next_at)
        .bind::<SqlUuid, _>(rollout_id.0)
        .execute(conn)?;
    let rollout = found(conn, rollout_id)?;
    let to_tell = offer(conn, &rollout, 1)?;
    Ok(Some(Advanced { rollout_id, state: rollout.state, to_tell }))
}

const KEEP_VALUES: &str = "\
INSERT INTO confirmed_values (device, release_id, sealed)
SELECT u.device, u.release_id, u.sealed_values FROM device_updates u JOIN releases e USING (release_id)
WHERE u.device = ANY ($1) AND u.state = 'confirmed' AND u.sealed_values IS NOT NULL AND e.mend_drift
ON CONFLICT (device, release_id) DO UPDATE SET sealed = excluded.sealed";

/// Of releases that can't be mended any more.
const FORGET_VALUES: &str = "\
DELETE FROM confirmed_values c USING device_updates u
WHERE u.device = ANY ($1) AND u.state = 'confirmed' AND c.device = u.device AND c.release_id <> u.release_id
    AND EXISTS (SELECT FROM release_files a JOIN release_files b USING (target)
        WHERE a.release_id = c.release_id AND b.release_id = u.release_id)";

/// Keeps the values of devices that have just confirmed what they were last told, for when it is to be mended.
pub(super) fn keep_values(conn: &mut PgConnection, devices: &[i64]) -> Result<(), StoreError> {
    if !devices.is_empty() {
        sql_query(KEEP_VALUES).bind::<Array<BigInt>, _>(devices).execute(conn)?;
        sql_query(FORGET_VALUES).bind::<Array<BigInt>, _>(devices).execute(conn)?;
    }
    Ok(())
}

/// What becomes of the drift of a device, a line for each release that says it is mended.
pub(super) fn notes(conn: &mut PgConnection, pk: i64) -> Result<Vec<String>, StoreError> {
    let sql = standing("u.device = $1", "SELECT * FROM standing ORDER BY release_id");
    let standing: Vec<Standing> = sql_query(sql).bind::<BigInt, _>(pk).load(conn)?;
    standing.iter().map(note).collect()
}

fn note(standing: &Standing) -> Result<String, StoreError> {
    let of = format!("{} ({})", standing.targets, standing.release);
    let state = standing.mend_state.as_deref();
    let state: Option<UpdateState> = state.map(|state| row::checked("rollout_devices.state", state)).transpose()?;
    if let (Some(rollout_id), true) = (standing.rollout_id, state.is_some_and(UpdateState::is_in_flight)) {
        return Ok(format!("{of}: rollout {rollout_id} is mending it"));
    }
    if let Some(obstacle) = &standing.obstacle {
        return Ok(format!("{of}: is not mended: {obstacle}"));
    }
    let (Some(attempts), Some(first_at), Some(next_at), Some(rollout_id)) =
        (standing.attempts, standing.first_at, standing.next_at, standing.rollout_id)
    else {
        return Ok(format!("{of}: is mended as soon as no other device of its site is being updated"));
    };
    let shown = |time: DateTime<Utc>| time.to_rfc3339_opts(SecondsFormat::Secs, true);
    let last = match state {
        Some(UpdateState::Confirmed) | None => {
            let times = if attempts == 1 { "once".to_owned() } else { format!("{attempts} times") };
            format!("was mended {times} since {}, and something changed it again", shown(first_at))
        }
        Some(state) => {
            let why = standing.mend_reason.as_ref().map(|reason| format!(": {reason}")).unwrap_or_default();
            format!("rollout {rollout_id} could not mend it, {}{why}", state.as_str().replace('_', " "))
        }
    };
    Ok(format!("{of}: {last}; the next attempt is not before {}", shown(next_at)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attempts_come_ever_more_rarely_and_then_not_for_a_day() {
        let limits = MendLimits { attempts: 3, pause: Duration::from_secs(600) };
        let start = DateTime::UNIX_EPOCH + TimeDelta::days(1);
        let first = Series::next(None, start, limits);
        assert_eq!(first, Series { attempts: 1, first_at: start, next_at: start + TimeDelta::minutes(10) });
        let second = Series::next(Some((1, start, start)), first.next_at, limits);
        assert_eq!((second.attempts, second.first_at), (2, start));
        assert_eq!(second.next_at, first.next_at + TimeDelta::minutes(20));
        let third = Series::next(Some((2, start, first.next_at)), second.next_at, limits);
        assert_eq!((third.attempts, third.next_at), (3, second.next_at + REST));
        // Another series begins: after the rest, and after a day without an attempt.
        assert_eq!(Series::next(Some((3, start, second.next_at)), third.next_at, limits).attempts, 1);
        let later = start + REST;
        assert_eq!(Series::next(Some((1, start, start)), later, limits).first_at, later);
        // However long the pause is, it is no longer than the rest.
        let slow = MendLimits { attempts: 100, pause: Duration::from_secs(86_400) };
        assert_eq!(Series::next(Some((60, start, start)), start, slow).next_at, start + REST);
    }
}
