//! Rollouts as the model has them, with how far they are.

use std::{collections::HashMap, time::Duration};

use chrono::{DateTime, Utc};
use diesel::{
    pg::Pg,
    prelude::*,
    sql_types::{Array, BigInt, Bool, Text, Uuid as SqlUuid},
};
use homepot::model::{
    Approval, Page, PageRequest, Phases, ReleaseId, Rollout, RolloutDevice, RolloutId, RolloutOrder, RolloutProgress,
    RolloutState, SiteScope, UpdateState,
};
use serde_json::Value;
use uuid::Uuid;

use crate::{
    StoreError, paging, row,
    schema::{devices, releases, rollout_devices, rollouts},
    scope::reaching_only,
    statement::Statement,
    target,
};

#[derive(Queryable, Selectable)]
#[diesel(table_name = rollouts)]
pub(super) struct Row {
    rollout_id: Uuid,
    release_id: Uuid,
    target: Value,
    phases: Vec<String>,
    phase: i32,
    phase_done_at: Option<DateTime<Utc>>,
    soak_ms: i64,
    silence_ms: i64,
    max_in_flight: i32,
    max_in_flight_per_site: i32,
    max_failure_percent: i32,
    forgiven: i32,
    state: String,
    reason: Option<String>,
    created_by: String,
    idempotency_key: Option<String>,
    description: Option<String>,
    created_at: DateTime<Utc>,
    finished_at: Option<DateTime<Utc>>,
    approval_site_ids: Vec<String>,
    approved_by: Option<String>,
    approved_at: Option<DateTime<Utc>>,
    replaces_rollout_id: Option<Uuid>,
}

pub(super) type Joined = (Row, (String, String));

fn rollout((row, release): Joined, progress: RolloutProgress) -> Result<Rollout, StoreError> {
    let number = |number: i32| u32::try_from(number).unwrap_or_default();
    let span = |millis: i64| Duration::from_millis(millis.try_into().unwrap_or_default());
    Ok(Rollout {
        rollout_id: RolloutId(row.rollout_id),
        order: RolloutOrder {
            release_id: ReleaseId(row.release_id),
            target: target::read_target("rollouts.target", &row.target)?,
            phases: Phases::parse(&row.phases)?,
            soak: span(row.soak_ms),
            max_in_flight: number(row.max_in_flight),
            max_in_flight_per_site: number(row.max_in_flight_per_site),
            max_failure_percent: number(row.max_failure_percent),
            silence: span(row.silence_ms),
            idempotency_key: row.idempotency_key,
            description: row.description,
            replaces: row.replaces_rollout_id.map(RolloutId),
        },
        release,
        phase: number(row.phase),
        phase_done_at: row.phase_done_at,
        forgiven: number(row.forgiven),
        state: row::checked("rollouts.state", &row.state)?,
        reason: row.reason,
        progress,
        created_by: row.created_by,
        created_at: row.created_at,
        finished_at: row.finished_at,
        approval: Approval {
            site_ids: row
                .approval_site_ids
                .iter()
                .map(|id| row::checked("rollouts.approval_site_ids", id))
                .collect::<Result<_, _>>()?,
            given: row.approved_by.zip(row.approved_at),
        },
    })
}

const PROGRESS: &str = "\
SELECT d.rollout_id, d.state, d.phase <= r.phase AS is_now, count(*) AS devices
FROM rollout_devices d JOIN rollouts r USING (rollout_id)
WHERE d.rollout_id = ANY ({rollouts}) GROUP BY 1, 2, 3";

#[derive(QueryableByName)]
struct Counted {
    #[diesel(sql_type = SqlUuid)]
    rollout_id: Uuid,
    #[diesel(sql_type = Text)]
    state: String,
    #[diesel(sql_type = Bool)]
    is_now: bool,
    #[diesel(sql_type = BigInt)]
    devices: i64,
}

fn progress(conn: &mut PgConnection, ids: &[Uuid]) -> Result<HashMap<Uuid, RolloutProgress>, StoreError> {
    let counted: Vec<Counted> = Statement::prepared(PROGRESS).value::<Array<SqlUuid>, _>("rollouts", ids).load(conn)?;
    let mut found = HashMap::<Uuid, RolloutProgress>::new();
    for Counted { rollout_id, state, is_now, devices } in counted {
        let state: UpdateState = row::checked("rollout_devices.state", &state)?;
        let devices = u32::try_from(devices).unwrap_or(u32::MAX);
        found.entry(rollout_id).or_default().count(state, is_now, devices);
    }
    Ok(found)
}

pub(super) fn with_progress(conn: &mut PgConnection, rows: Vec<Joined>) -> Result<Vec<Rollout>, StoreError> {
    let ids: Vec<_> = rows.iter().map(|(row, _)| row.rollout_id).collect();
    let mut progress = progress(conn, &ids)?;
    let all = rows.into_iter().map(|row| {
        let progress = progress.remove(&row.0.rollout_id).unwrap_or_default();
        rollout(row, progress)
    });
    all.collect()
}

/// A rollout within `scope`: one that reaches other sites too is not there.
pub fn find(conn: &mut PgConnection, id: RolloutId, scope: &SiteScope) -> Result<Option<Rollout>, StoreError> {
    let mut query = rollouts::table
        .inner_join(releases::table)
        .filter(rollouts::rollout_id.eq(id.0))
        .select((Row::as_select(), (releases::name, releases::version)))
        .into_boxed::<Pg>();
    query = reaching_only(query, rollouts::site_ids, scope);
    let row: Option<Joined> = query.first(conn).optional()?;
    Ok(with_progress(conn, row.into_iter().collect())?.pop())
}

/// The rollout of an id that is known to be there.
pub(super) fn found(conn: &mut PgConnection, id: RolloutId) -> Result<Rollout, StoreError> {
    Ok(find(conn, id, &SiteScope::All)?.ok_or(diesel::result::Error::NotFound)?)
}

/// Rollouts within `scope`, newest first.
pub fn list(
    conn: &mut PgConnection,
    scope: &SiteScope,
    (state, release_id): (Option<RolloutState>, Option<ReleaseId>),
    page: &PageRequest,
) -> Result<Page<Rollout>, StoreError> {
    let mut query = rollouts::table
        .inner_join(releases::table)
        .select((Row::as_select(), (releases::name, releases::version)))
        .into_boxed::<Pg>();
    query = reaching_only(query, rollouts::site_ids, scope);
    if let Some(state) = state {
        query = query.filter(rollouts::state.eq(state.as_str()));
    }
    if let Some(release_id) = release_id {
        query = query.filter(rollouts::release_id.eq(release_id.0));
    }
    if let Some(after) = paging::after_time_key::<Uuid>(page)? {
        let older = rollouts::created_at.lt(after.time);
        let as_old = rollouts::created_at.eq(after.time).and(rollouts::rollout_id.lt(after.name));
        query = query.filter(older.or(as_old));
    }
    let newest_first = (rollouts::created_at.desc(), rollouts::rollout_id.desc());
    let rows: Vec<Joined> = query.order(newest_first).limit(paging::limit(page)).load(conn)?;
    let key = |rollout: &Rollout| paging::time_key(rollout.created_at, rollout.rollout_id);
    Ok(Page::cut(with_progress(conn, rows)?, page.size, key).within_bytes(key))
}

type DeviceRow = (String, String, String, i32, String, Option<String>, i64, DateTime<Utc>);

/// The devices of a rollout by device id.
pub fn devices(
    conn: &mut PgConnection,
    id: RolloutId,
    states: &[UpdateState],
    page: &PageRequest,
) -> Result<Page<RolloutDevice>, StoreError> {
    let mut query = rollout_devices::table
        .inner_join(devices::table)
        .filter(rollout_devices::rollout_id.eq(id.0))
        .select((
            devices::device_id,
            devices::site_id,
            devices::source,
            rollout_devices::phase,
            rollout_devices::state,
            rollout_devices::reason,
            rollout_devices::fetched_bytes,
            rollout_devices::changed_at,
        ))
        .into_boxed::<Pg>();
    if !states.is_empty() {
        query = query.filter(rollout_devices::state.eq_any(states.iter().map(|state| state.as_str())));
    }
    if let Some(after) = &page.after {
        query = query.filter(devices::device_id.gt(after.clone()));
    }
    let rows: Vec<DeviceRow> = query.order(devices::device_id).limit(paging::limit(page)).load(conn)?;
    let items = rows.into_iter().map(device).collect::<Result<_, _>>()?;
    let key = |device: &RolloutDevice| device.device_id.to_string();
    Ok(Page::cut(items, page.size, key).within_bytes(key))
}

fn device(
    (device_id, site_id, source, phase, state, reason, fetched, changed_at): DeviceRow,
) -> Result<RolloutDevice, StoreError> {
    Ok(RolloutDevice {
        device_id: row::checked("devices.device_id", &device_id)?,
        site_id: row::checked("devices.site_id", &site_id)?,
        source: row::checked("devices.source", &source)?,
        phase: phase.try_into().unwrap_or_default(),
        state: row::checked("rollout_devices.state", &state)?,
        reason,
        fetched_bytes: fetched.try_into().unwrap_or_default(),
        changed_at,
    })
}
