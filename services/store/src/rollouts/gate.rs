//! Whether a device that has everything may apply it now: its rollout runs, a maintenance window of its site is open, and it is its
//! turn. Devices that may not are told when to ask again; while they wait they are in nobody's way.

use std::collections::HashMap;

use chrono::{DateTime, TimeDelta, Utc};
use diesel::{
    prelude::*,
    select, sql_query,
    sql_types::{Array, BigInt, Bool, Integer, Nullable, Text, Uuid as SqlUuid},
};
use uuid::Uuid;

use super::{
    IN_FLIGHT, policy,
    window::{Opening, opening},
};
use crate::{StoreError, row, statement::Statement};

/// A device asks again after this time at the latest: what it waits for may be over before.
const LONGEST: TimeDelta = TimeDelta::hours(1);
/// Those that wait for their turn are told when it comes; this is for when that is lost.
const TURN: TimeDelta = TimeDelta::seconds(60);
/// Devices whose windows open at the same moment ask within so many seconds.
const SPREAD: i64 = 16;

/// The answer to a device that asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It may begin.
    Go,
    /// Not yet.
    Wait(Wait),
}

/// What a device waits for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wait {
    /// For people.
    pub reason: String,
    /// When it is to ask again.
    pub(super) ask_at: DateTime<Utc>,
    /// As the column has it.
    pub(super) waits_for: &'static str,
    ask_again: TimeDelta,
}

impl Wait {
    /// After how many seconds it is to ask again.
    pub fn ask_again_seconds(&self) -> u32 {
        u32::try_from(self.ask_again.num_seconds()).unwrap_or_default().max(1)
    }
}

#[derive(QueryableByName)]
struct Asking {
    #[diesel(sql_type = BigInt)]
    device: i64,
    #[diesel(sql_type = SqlUuid)]
    rollout_id: Uuid,
    #[diesel(sql_type = Text)]
    state: String,
    #[diesel(sql_type = Integer)]
    max_in_flight: i32,
    #[diesel(sql_type = Integer)]
    max_in_flight_per_site: i32,
    #[diesel(sql_type = Bool)]
    may_apply: bool,
    #[diesel(sql_type = Text)]
    site_id: String,
    #[diesel(sql_type = Nullable<Text>)]
    time_zone: Option<String>,
    #[diesel(sql_type = Nullable<Array<Text>>)]
    windows: Option<Vec<String>>,
}

#[derive(QueryableByName)]
struct Applying {
    #[diesel(sql_type = SqlUuid)]
    rollout_id: Uuid,
    #[diesel(sql_type = Text)]
    site_id: String,
    #[diesel(sql_type = BigInt)]
    devices: i64,
}

const ASKING: &str = "\
SELECT r.device, r.rollout_id, o.state, o.max_in_flight, o.max_in_flight_per_site,
    r.may_apply_at IS NOT NULL AND r.state IN IN_FLIGHT AS may_apply, d.site_id, p.time_zone, p.windows
FROM device_updates u JOIN rollout_devices r ON r.device = u.device AND r.rollout_id = u.rollout_id
    JOIN rollouts o ON o.rollout_id = r.rollout_id JOIN devices d ON d.device = r.device
    LEFT JOIN site_update_policies p ON p.site_id = d.site_id
WHERE u.device = ANY ({devices}) AND r.generation = u.generation ORDER BY r.device";

/// How many devices of each rollout and site are at it.
const APPLYING: &str = "\
SELECT r.rollout_id, d.site_id, count(*) AS devices FROM rollout_devices r JOIN devices d USING (device)
WHERE r.may_apply_at IS NOT NULL AND r.state IN IN_FLIGHT GROUP BY 1, 2";

/// Answers devices that have everything and ask whether they may go on. The caller holds the lock of those that choose devices, so
/// that no two of them get the same turn.
pub(super) fn judge(conn: &mut PgConnection, devices: &[i64]) -> Result<HashMap<i64, Verdict>, StoreError> {
    let asking = ASKING.replace("IN_FLIGHT", IN_FLIGHT);
    let asking: Vec<Asking> = Statement::prepared(&asking).value::<Array<BigInt>, _>("devices", devices).load(conn)?;
    let applying: Vec<Applying> = Statement::prepared(&APPLYING.replace("IN_FLIGHT", IN_FLIGHT)).load(conn)?;
    let now: DateTime<Utc> = select(row::database_time()).get_result(conn)?;
    let (mut at_site, mut of_rollout) = (HashMap::<String, i64>::new(), HashMap::<Uuid, i64>::new());
    for Applying { rollout_id, site_id, devices } in applying {
        *at_site.entry(site_id).or_default() += devices;
        *of_rollout.entry(rollout_id).or_default() += devices;
    }
    let mut verdicts = HashMap::new();
    for one in asking {
        let (at_site, of_rollout) =
            (at_site.entry(one.site_id.clone()).or_default(), of_rollout.entry(one.rollout_id).or_default());
        let held = held_by_rollout(&one, now).map_or_else(|| held_by_window(&one, now), |wait| Ok(Some(wait)))?;
        let wait = match held {
            None if one.may_apply => None,
            None if *at_site >= one.max_in_flight_per_site.into() => {
                Some(turn("another device of its site is being updated", now))
            }
            None if *of_rollout >= one.max_in_flight.into() => {
                Some(turn("as many devices of the rollout as may be are being updated", now))
            }
            held => held,
        };
        // The next one of this batch finds it as it will be.
        let change = i64::from(wait.is_none()) - i64::from(one.may_apply);
        *at_site += change;
        *of_rollout += change;
        verdicts.insert(one.device, wait.map_or(Verdict::Go, Verdict::Wait));
    }
    Ok(verdicts)
}

fn held_by_rollout(one: &Asking, now: DateTime<Utc>) -> Option<Wait> {
    (one.state != "running" && one.state != "completed").then(|| turn(&format!("its rollout is {}", one.state), now))
}

fn held_by_window(one: &Asking, now: DateTime<Utc>) -> Result<Option<Wait>, StoreError> {
    let (Some(time_zone), Some(windows)) = (&one.time_zone, &one.windows) else { return Ok(None) };
    let policy = policy::read(time_zone.clone(), windows, false)?;
    let Opening::Opens(at) = opening(&policy, now) else { return Ok(None) };
    let opens = match at {
        Some(at) => format!("opens at {}", at.format("%Y-%m-%d %H:%M UTC")),
        None => "opens on none of the next 15 days".to_owned(),
    };
    let spread = TimeDelta::seconds(one.device.rem_euclid(SPREAD));
    let ask_at = at.map_or(now + LONGEST, |at| (at + spread).min(now + LONGEST));
    let reason = format!("the next maintenance window of site {} {opens}", one.site_id);
    Ok(Some(Wait { reason, ask_at, waits_for: "window", ask_again: ask_at - now }))
}

fn turn(reason: &str, now: DateTime<Utc>) -> Wait {
    Wait { reason: reason.to_owned(), ask_at: now + TURN, waits_for: "turn", ask_again: TURN }
}

/// Devices whose turn has come: as many a site and a rollout as may be at once, those that are at it included.
const READY: &str = "\
WITH applying AS (APPLYING), at_site AS (
    SELECT site_id, sum(devices) AS devices FROM applying GROUP BY site_id
), with_rollout AS (
    SELECT rollout_id, sum(devices) AS devices FROM applying GROUP BY rollout_id
), of_site AS (
    SELECT r.rollout_id, r.device, o.max_in_flight_per_site, o.max_in_flight, coalesce(a.devices, 0)
        + row_number() OVER (PARTITION BY d.site_id ORDER BY r.device) AS place
    FROM rollout_devices r JOIN rollouts o USING (rollout_id) JOIN devices d USING (device)
        LEFT JOIN at_site a ON a.site_id = d.site_id
    WHERE r.waits_for IS NOT NULL AND r.waits_for = 'turn' AND r.state = 'held' AND o.state IN ('running', 'completed')
), of_rollout AS (
    SELECT s.device, s.max_in_flight, coalesce(w.devices, 0)
        + row_number() OVER (PARTITION BY s.rollout_id ORDER BY s.device) AS place
    FROM of_site s LEFT JOIN with_rollout w USING (rollout_id) WHERE s.place <= s.max_in_flight_per_site
)
SELECT device FROM of_rollout WHERE place <= max_in_flight ORDER BY device";

/// Has those ask again whose turn has come, and tells which. Each is told once: what is lost, its own clock makes good.
pub fn next_turns(conn: &mut PgConnection) -> Result<Vec<i64>, StoreError> {
    #[derive(QueryableByName)]
    struct Device {
        #[diesel(sql_type = BigInt)]
        device: i64,
    }
    let ready: Vec<Device> =
        Statement::prepared(&READY.replace("APPLYING", APPLYING).replace("IN_FLIGHT", IN_FLIGHT)).load(conn)?;
    let devices: Vec<i64> = ready.into_iter().map(|ready| ready.device).collect();
    if devices.is_empty() {
        return Ok(devices);
    }
    conn.transaction(|conn| {
        sql_query("UPDATE device_updates SET asks = asks + 1 WHERE device = ANY ($1)")
            .bind::<Array<BigInt>, _>(&devices)
            .execute(conn)?;
        sql_query("UPDATE rollout_devices SET waits_for = NULL WHERE device = ANY ($1) AND waits_for = 'turn'")
            .bind::<Array<BigInt>, _>(&devices)
            .execute(conn)?;
        Ok(devices)
    })
}
