//! What devices should have and what they say they have.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use diesel::{
    prelude::*,
    sql_types::{BigInt, Bool, Jsonb, Nullable, Text, Timestamptz},
};
use homepot::model::{
    DesiredRelease, DeviceTarget, DeviceUpdate, ReleaseId, RolloutId, UpdateAction, UpdateReport, UpdateState,
};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{
    IN_FLIGHT,
    drive::choosing,
    gate::{self, Verdict, Wait},
    lies, mend,
};
use crate::{
    StoreError, releases, row,
    schema::{device_updates, releases as releases_table},
    statement::Statement,
};

/// Roots that a device is given at most: whose own is older needs a person.
const MAX_ROOTS: u32 = 16;

/// What each of these devices should have, in the same order; `None`: nobody said.
pub fn desired(conn: &mut PgConnection, pks: &[i64]) -> Result<Vec<Option<DesiredRelease>>, StoreError> {
    type Row = (i64, i64, Option<String>, i32, Uuid, Vec<u8>, Option<Vec<u8>>);
    let rows: Vec<Row> = device_updates::table
        .inner_join(releases_table::table)
        .filter(device_updates::device.eq_any(pks))
        .filter(device_updates::generation.gt(0))
        .select((
            device_updates::device,
            device_updates::generation,
            device_updates::action,
            device_updates::asks,
            releases_table::release_id,
            releases_table::signed,
            device_updates::sealed_values,
        ))
        .load(conn)?;
    if rows.is_empty() {
        return Ok(pks.iter().map(|_| None).collect());
    }
    let roots = releases::roots(conn, MAX_ROOTS)?;
    let found = rows.into_iter().map(|(pk, generation, action, asks, release_id, signed_release, sealed_values)| {
        let desired = DesiredRelease {
            generation: generation.try_into().unwrap_or_default(),
            action: read_action(action.as_deref()),
            release_id: ReleaseId(release_id),
            signed_release,
            roots: roots.clone(),
            asks: asks.try_into().unwrap_or_default(),
            sealed_values,
        };
        (pk, desired)
    });
    let mut found: HashMap<_, _> = found.collect();
    Ok(pks.iter().map(|pk| found.remove(pk)).collect())
}

/// What is no order to install is none.
fn read_action(word: Option<&str>) -> UpdateAction {
    if word == Some("install") { UpdateAction::Install } else { UpdateAction::Cancel }
}

/// What a report changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reported {
    /// What the device is to do by now.
    pub action: UpdateAction,
    /// Whether it spoke of what it was last told; `false`: there is something newer for it.
    pub is_newest: bool,
    /// Whether how far it is changed.
    pub is_new: bool,
    /// With [`UpdateAction::Wait`]: for what, and how long.
    pub wait: Option<Wait>,
    /// Why it is not believed that it has the release; it counts as failed then.
    pub lie: Option<String>,
}

/// A report that says how far a device is, with the answer where it asks whether it may go on.
struct Telling<'a> {
    pk: i64,
    report: &'a UpdateReport,
    state: UpdateState,
    verdict: Option<&'a Verdict>,
    lie: Option<&'a str>,
}

impl Telling<'_> {
    fn wait(&self) -> Option<&Wait> {
        match self.verdict {
            Some(Verdict::Wait(wait)) => Some(wait),
            Some(Verdict::Go) | None => None,
        }
    }

    /// As people see it: what waits for its site or its turn is held, as what waits for something on the device.
    fn state(&self) -> UpdateState {
        match (self.lie, self.wait()) {
            (Some(_), _) => UpdateState::Failed,
            (None, Some(_)) => UpdateState::Held,
            (None, None) => self.state,
        }
    }

    fn reason(&self) -> Option<&str> {
        self.lie.or_else(|| self.wait().map(|wait| wait.reason.as_str())).or(self.report.reason.as_deref())
    }

    /// Whether it may be changing files from now on.
    fn may_apply(&self) -> bool {
        matches!(self.verdict, Some(Verdict::Go))
            || matches!(self.state, UpdateState::Applying | UpdateState::Probation)
    }
}

/// What a device has. How far it is counts only where it speaks of what it was last told.
const KEEP: &str = "\
INSERT INTO device_updates AS u (device, targets, reported_at)
SELECT device, targets, now() FROM unnest({arrays}) AS r ({columns}) ORDER BY device
ON CONFLICT (device) DO UPDATE SET targets = excluded.targets, reported_at = excluded.reported_at";

const ADVANCE: &str = "\
UPDATE device_updates u SET state = r.state, reason = r.reason
FROM unnest({arrays}) AS r ({columns}) WHERE u.device = r.device AND u.generation = r.generation";

/// An end that a device told stays. What was only supposed of it is replaced by what it says, and so is a claim that was not
/// believed, once the device has what it claims. Of what it was told before, only an end replaces anything: it goes on with what it
/// was told last, so nobody would ever hear of the other again.
const OF_ROLLOUT: &str = "\
UPDATE rollout_devices d SET state = r.state, reason = r.reason, fetched_bytes = r.fetched_bytes, heard_at = now(),
    may_apply_at = CASE WHEN r.may_apply THEN coalesce(d.may_apply_at, now()) END, ask_at = r.ask_at, waits_for = r.waits_for,
    changed_at = CASE WHEN d.state = r.state THEN d.changed_at ELSE now() END
FROM unnest({arrays}) AS r ({columns}) JOIN device_updates u USING (device)
WHERE d.device = r.device AND d.generation = r.generation
    AND (d.state IN IN_FLIGHT
        OR (d.state IN ('unreachable', 'superseded', 'cancelled')
            AND (u.generation = r.generation OR r.state NOT IN IN_FLIGHT))
        OR (d.state = 'failed' AND r.state = 'confirmed'))";

/// Keeps what devices say, with what each is to do by now, in the same order.
pub fn report(conn: &mut PgConnection, reports: &[(i64, UpdateReport)]) -> Result<Vec<Reported>, StoreError> {
    conn.transaction(|conn| {
        if reports.iter().any(|(_, report)| report.state == Some(UpdateState::Verified)) {
            choosing(conn)?;
        }
        // The last of a device's, should several have gathered.
        let newest: HashMap<i64, &UpdateReport> = reports.iter().map(|(pk, report)| (*pk, report)).collect();
        let pks: Vec<i64> = newest.keys().copied().collect();
        Statement::prepared(KEEP)
            .column::<BigInt, _>("device", newest.keys().copied())
            .column::<Jsonb, _>("targets", newest.values().map(|report| stored_targets(&report.targets)))
            .execute(conn)?;
        let rows: Vec<(i64, i64, Option<String>, Option<String>)> = device_updates::table
            .filter(device_updates::device.eq_any(&pks))
            .order(device_updates::device)
            .select((device_updates::device, device_updates::generation, device_updates::action, device_updates::state))
            .for_no_key_update()
            .load(conn)?;
        let standing: HashMap<i64, (i64, Option<String>, Option<String>)> =
            rows.into_iter().map(|(pk, generation, action, state)| (pk, (generation, action, state))).collect();
        let generation = |report: &UpdateReport| i64::try_from(report.generation).unwrap_or(i64::MAX);
        let asks = |pk: &i64, report: &UpdateReport| {
            let of = standing.get(pk);
            of.is_some_and(|(newest, action, _)| generation(report) == *newest && action.as_deref() == Some("install"))
                && report.state == Some(UpdateState::Verified)
        };
        let asking: Vec<i64> = newest.iter().filter(|(pk, report)| asks(pk, report)).map(|(pk, _)| *pk).collect();
        let verdicts = if asking.is_empty() { HashMap::new() } else { gate::judge(conn, &asking)? };
        let claims: Vec<(i64, i64)> = newest
            .iter()
            .filter(|(pk, report)| {
                // What somebody changes on a device after it had the release is drift.
                let has_it = |(newest, _, state): &(i64, _, Option<String>)| {
                    *newest == generation(report) && state.as_deref() == Some(UpdateState::Confirmed.as_str())
                };
                report.state == Some(UpdateState::Confirmed) && !standing.get(pk).is_some_and(has_it)
            })
            .map(|(pk, report)| (*pk, generation(report)))
            .collect();
        let lies = lies::contradicted(conn, &claims)?;
        let telling: Vec<Telling<'_>> = newest
            .iter()
            .filter_map(|(pk, report)| {
                let lie = lies.get(pk).map(String::as_str);
                Some(Telling { pk: *pk, report, state: report.state?, verdict: verdicts.get(pk), lie })
            })
            .collect();
        let columns = |sql| {
            Statement::prepared(sql)
                .column::<BigInt, _>("device", telling.iter().map(|one| one.pk))
                .column::<BigInt, _>("generation", telling.iter().map(|one| generation(one.report)))
                .column::<Text, _>("state", telling.iter().map(|one| one.state().as_str()))
                .column::<Nullable<Text>, _>("reason", telling.iter().map(Telling::reason))
        };
        let of_rollout = OF_ROLLOUT.replace("IN_FLIGHT", IN_FLIGHT);
        if !telling.is_empty() {
            columns(ADVANCE).execute(conn)?;
            let fetched = |one: &Telling<'_>| i64::try_from(one.report.fetched_bytes).unwrap_or(i64::MAX);
            columns(&of_rollout)
                .column::<BigInt, _>("fetched_bytes", telling.iter().map(fetched))
                .column::<Bool, _>("may_apply", telling.iter().map(Telling::may_apply))
                .column::<Nullable<Timestamptz>, _>(
                    "ask_at",
                    telling.iter().map(|one| one.wait().map(|wait| wait.ask_at)),
                )
                .column::<Nullable<Text>, _>(
                    "waits_for",
                    telling.iter().map(|one| one.wait().map(|wait| wait.waits_for)),
                )
                .execute(conn)?;
        }
        let confirmed: Vec<i64> = claims.iter().map(|(pk, _)| *pk).filter(|pk| !lies.contains_key(pk)).collect();
        mend::keep_values(conn, &confirmed)?;
        let answer = |(pk, report): &(i64, UpdateReport)| {
            let (newest, action, state) = standing.get(pk).cloned().unwrap_or_default();
            let is_newest = generation(report) == newest;
            let told = telling.iter().find(|one| one.pk == *pk && is_newest);
            let wait = told.and_then(Telling::wait).filter(|_| report.state == Some(UpdateState::Verified)).cloned();
            // What is not of the newest generation is not to begin.
            let lie = told.and_then(|one| one.lie).map(str::to_owned);
            let action = match &wait {
                Some(_) => UpdateAction::Wait,
                None if is_newest => read_action(action.as_deref()),
                None => UpdateAction::Cancel,
            };
            let shown = match (&lie, &wait) {
                (Some(_), _) => Some(UpdateState::Failed),
                (None, Some(_)) => Some(UpdateState::Held),
                (None, None) => report.state,
            };
            let is_new = is_newest && state.as_deref() != shown.map(UpdateState::as_str);
            Reported { action, is_newest, is_new, wait, lie }
        };
        Ok(reports.iter().map(answer).collect())
    })
}

/// What a device should have and what it has.
pub fn find_update(conn: &mut PgConnection, pk: i64) -> Result<DeviceUpdate, StoreError> {
    type Row = (i64, Option<Uuid>, Option<Uuid>, Option<String>, Option<String>, Value, Option<DateTime<Utc>>);
    let row: Option<Row> = device_updates::table
        .find(pk)
        .select((
            device_updates::generation,
            device_updates::release_id,
            device_updates::rollout_id,
            device_updates::state,
            device_updates::reason,
            device_updates::targets,
            device_updates::reported_at,
        ))
        .first(conn)
        .optional()?;
    let Some((generation, release_id, rollout_id, state, reason, targets, reported_at)) = row else {
        return Ok(DeviceUpdate::default());
    };
    let targets = read_targets(&targets)?;
    let has_drifted = targets.iter().any(|target| target.is_drifted);
    Ok(DeviceUpdate {
        generation: generation.try_into().unwrap_or_default(),
        release_id: release_id.map(ReleaseId),
        rollout_id: rollout_id.map(RolloutId),
        state: state.map(|state| row::checked("device_updates.state", &state)).transpose()?,
        reason,
        targets,
        reported_at,
        drift_notes: if has_drifted { mend::notes(conn, pk)? } else { Vec::new() },
    })
}

fn stored_targets(targets: &[DeviceTarget]) -> Value {
    let target = |target: &DeviceTarget| {
        json!({
            "name": target.name,
            "sha256": target.sha256.as_ref().map(|sha256| sha256.as_str()),
            "counter": target.counter,
            "drifted": target.is_drifted,
        })
    };
    targets.iter().map(target).collect()
}

/// Reads targets back.
pub(super) fn read_targets(value: &Value) -> Result<Vec<DeviceTarget>, StoreError> {
    let corrupt = || StoreError::Corrupt("device_updates.targets: is no list of targets".to_owned());
    let target = |value: &Value| {
        let sha256 = value.get("sha256").and_then(Value::as_str);
        Ok(DeviceTarget {
            name: value.get("name").and_then(Value::as_str).ok_or_else(corrupt)?.to_owned(),
            sha256: sha256.map(|sha256| row::checked("device_updates.targets", sha256)).transpose()?,
            counter: value.get("counter").and_then(Value::as_u64).ok_or_else(corrupt)?,
            is_drifted: value.get("drifted").and_then(Value::as_bool).unwrap_or_default(),
        })
    };
    value.as_array().ok_or_else(corrupt)?.iter().map(target).collect()
}
