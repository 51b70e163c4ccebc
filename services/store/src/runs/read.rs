//! Runs as the model has them, with how far they are.

use std::{collections::HashMap, time::Duration};

use chrono::{DateTime, Utc};
use diesel::{
    dsl::sql,
    pg::Pg,
    prelude::*,
    sql_query,
    sql_types::{Array, BigInt, Bool, Text, Uuid as SqlUuid},
};
use homepot::model::{
    CommandId, DeviceSource, Page, PageRequest, Run, RunDevice, RunDeviceFilter, RunId, RunOrder, RunProgress,
    RunState, SiteScope,
};
use serde_json::Value;
use uuid::Uuid;

use crate::{
    StoreError, paging, row,
    schema::{devices, run_devices, runs},
    scope::reaching_only,
    target,
};

#[derive(Queryable, Selectable)]
#[diesel(table_name = runs)]
pub(super) struct Row {
    run_id: Uuid,
    command_type: String,
    payload: Option<Value>,
    target: Value,
    max_in_flight: i32,
    max_failures: i32,
    time_to_live_ms: i64,
    run_timeout_ms: i32,
    state: String,
    reason: Option<String>,
    created_by: String,
    idempotency_key: Option<String>,
    description: Option<String>,
    created_at: DateTime<Utc>,
    finished_at: Option<DateTime<Utc>>,
    requested_type: Option<String>,
}

pub(super) fn run(row: Row, progress: RunProgress) -> Result<Run, StoreError> {
    Ok(Run {
        run_id: RunId(row.run_id),
        order: RunOrder {
            target: target::read_target("runs.target", &row.target)?,
            command_type: row::command_type("runs.command_type", &row.command_type, row.requested_type)?,
            payload: row::object("runs.payload", row.payload)?,
            max_in_flight: row.max_in_flight.try_into().unwrap_or_default(),
            max_failures: row.max_failures.try_into().unwrap_or_default(),
            time_to_live: Duration::from_millis(row.time_to_live_ms.try_into().unwrap_or_default()),
            run_timeout: row::span(row.run_timeout_ms),
            idempotency_key: row.idempotency_key,
            description: row.description,
        },
        state: row::checked("runs.state", &row.state)?,
        reason: row.reason,
        progress,
        created_by: row.created_by,
        created_at: row.created_at,
        finished_at: row.finished_at,
    })
}

const PROGRESS: &str = "\
SELECT r.run_id, count(*) AS total,
    count(*) FILTER (WHERE r.command_id IS NULL AND r.skipped IS NULL) AS waiting,
    count(*) FILTER (WHERE r.skipped IS NOT NULL) AS skipped,
    count(*) FILTER (WHERE c.state IN ('queued', 'sent', 'acknowledged', 'running')) AS in_flight,
    count(*) FILTER (WHERE c.state = 'succeeded') AS succeeded,
    count(*) FILTER (WHERE c.state IN ('failed', 'rejected', 'expired', 'unknown')) AS failed,
    count(*) FILTER (WHERE c.state = 'cancelled') AS cancelled
FROM run_devices r LEFT JOIN ledger c ON c.run_id = r.run_id AND c.device = r.device AND c.run_id = ANY ($1)
WHERE r.run_id = ANY ($1) GROUP BY r.run_id";

#[derive(QueryableByName)]
struct Counted {
    #[diesel(sql_type = SqlUuid)]
    run_id: Uuid,
    #[diesel(sql_type = BigInt)]
    total: i64,
    #[diesel(sql_type = BigInt)]
    waiting: i64,
    #[diesel(sql_type = BigInt)]
    skipped: i64,
    #[diesel(sql_type = BigInt)]
    in_flight: i64,
    #[diesel(sql_type = BigInt)]
    succeeded: i64,
    #[diesel(sql_type = BigInt)]
    failed: i64,
    #[diesel(sql_type = BigInt)]
    cancelled: i64,
}

/// How far runs are.
pub(super) fn progress(conn: &mut PgConnection, ids: &[Uuid]) -> Result<HashMap<Uuid, RunProgress>, StoreError> {
    let counted: Vec<Counted> = sql_query(PROGRESS).bind::<Array<SqlUuid>, _>(ids).load(conn)?;
    let number = |count: i64| u32::try_from(count).unwrap_or(u32::MAX);
    let progress = |counted: Counted| {
        let progress = RunProgress {
            total: number(counted.total),
            waiting: number(counted.waiting),
            in_flight: number(counted.in_flight),
            succeeded: number(counted.succeeded),
            failed: number(counted.failed),
            cancelled: number(counted.cancelled),
            skipped: number(counted.skipped),
        };
        (counted.run_id, progress)
    };
    Ok(counted.into_iter().map(progress).collect())
}

/// A run within `scope`: one that reaches other sites too is not there.
pub fn find(conn: &mut PgConnection, id: RunId, scope: &SiteScope) -> Result<Option<Run>, StoreError> {
    let query = reaching_only(runs::table.find(id.0).select(Row::as_select()).into_boxed(), runs::site_ids, scope);
    let row: Option<Row> = query.first(conn).optional()?;
    let Some(row) = row else { return Ok(None) };
    let progress = progress(conn, &[id.0])?.remove(&id.0).unwrap_or_default();
    run(row, progress).map(Some)
}

/// The run of an id that is known to be there.
pub(super) fn found(conn: &mut PgConnection, id: RunId) -> Result<Run, StoreError> {
    Ok(find(conn, id, &SiteScope::All)?.ok_or(diesel::result::Error::NotFound)?)
}

/// Runs, or devices of a run, that are read at once: each may have a payload or a result of 64 KiB, and a run names up to
/// 10,000 devices.
pub(super) const CHUNK: u32 = 32;

/// Runs within `scope`, newest first.
pub fn list(
    conn: &mut PgConnection,
    scope: &SiteScope,
    state: Option<RunState>,
    source: Option<DeviceSource>,
    page: &PageRequest,
) -> Result<Page<Run>, StoreError> {
    paging::by_bytes(page, CHUNK, run_key, |page| list_chunk(conn, scope, state, source, page))
}

/// Whether a run's target has this source.
pub(super) fn of_source(source: DeviceSource) -> Condition {
    Box::new(sql::<Bool>("runs.target ->> 'source' = ").bind::<Text, _>(source.as_str()))
}

/// A condition on a run.
pub(super) type Condition = Box<dyn BoxableExpression<runs::table, Pg, SqlType = Bool>>;

fn run_key(run: &Run) -> String {
    paging::time_key(run.created_at, run.run_id)
}

fn list_chunk(
    conn: &mut PgConnection,
    scope: &SiteScope,
    state: Option<RunState>,
    source: Option<DeviceSource>,
    page: &PageRequest,
) -> Result<Page<Run>, StoreError> {
    let mut query = reaching_only(runs::table.select(Row::as_select()).into_boxed(), runs::site_ids, scope);
    if let Some(state) = state {
        query = query.filter(runs::state.eq(state.as_str()));
    }
    if let Some(source) = source {
        query = query.filter(of_source(source));
    }
    if let Some(after) = paging::after_time_key::<Uuid>(page)? {
        let older = runs::created_at.lt(after.time);
        let as_old = runs::created_at.eq(after.time).and(runs::run_id.lt(after.name));
        query = query.filter(older.or(as_old));
    }
    let newest_first = (runs::created_at.desc(), runs::run_id.desc());
    let rows: Vec<Row> = query.order(newest_first).limit(paging::limit(page)).load(conn)?;
    let ids: Vec<_> = rows.iter().map(|row| row.run_id).collect();
    let mut progress = progress(conn, &ids)?;
    let items = rows.into_iter().map(|row| {
        let progress = progress.remove(&row.run_id).unwrap_or_default();
        run(row, progress)
    });
    let items = items.collect::<Result<_, _>>()?;
    Ok(Page::cut(items, page.size, run_key))
}

type DeviceRow =
    (String, String, String, Option<Uuid>, Option<String>, Option<(String, Option<String>, Option<Value>)>);

/// The devices of a run by device id.
pub fn devices(
    conn: &mut PgConnection,
    id: RunId,
    filter: &RunDeviceFilter,
    page: &PageRequest,
) -> Result<Page<RunDevice>, StoreError> {
    paging::by_bytes(page, CHUNK, device_key, |page| devices_chunk(conn, id, filter, page))
}

fn device_key(device: &RunDevice) -> String {
    device.device_id.to_string()
}

fn devices_chunk(
    conn: &mut PgConnection,
    id: RunId,
    filter: &RunDeviceFilter,
    page: &PageRequest,
) -> Result<Page<RunDevice>, StoreError> {
    use crate::schema::ledger;
    let of_run = ledger::run_id.eq(run_devices::run_id.nullable()).and(ledger::device.eq(run_devices::device));
    let mut query = run_devices::table
        .inner_join(devices::table)
        .left_join(ledger::table.on(of_run))
        .select((
            devices::device_id,
            devices::site_id,
            devices::source,
            run_devices::command_id,
            run_devices::skipped,
            (ledger::state, ledger::reason, ledger::result).nullable(),
        ))
        .into_boxed();
    // Those that match any of these come first: what is added by `filter` holds for all of them.
    if !filter.states.is_empty() {
        query = query.or_filter(ledger::state.eq_any(filter.states.iter().map(|state| state.as_str())));
    }
    if filter.waiting {
        query = query.or_filter(run_devices::command_id.is_null().and(run_devices::skipped.is_null()));
    }
    if filter.skipped {
        query = query.or_filter(run_devices::skipped.is_not_null());
    }
    query = query.filter(run_devices::run_id.eq(id.0));
    if let Some(source) = filter.source {
        query = query.filter(devices::source.eq(source.as_str()));
    }
    if let Some(after) = &page.after {
        query = query.filter(devices::device_id.gt(after.clone()));
    }
    let rows: Vec<DeviceRow> = query.order(devices::device_id).limit(paging::limit(page)).load(conn)?;
    let items = rows.into_iter().map(run_device).collect::<Result<_, _>>()?;
    Ok(Page::cut(items, page.size, device_key))
}

fn run_device((device_id, site_id, source, command_id, skipped, command): DeviceRow) -> Result<RunDevice, StoreError> {
    let (state, reason, result) = match command {
        Some((state, reason, result)) => (Some(row::checked("commands.state", &state)?), reason, result),
        None => (None, None, None),
    };
    Ok(RunDevice {
        device_id: row::checked("devices.device_id", &device_id)?,
        site_id: row::checked("devices.site_id", &site_id)?,
        source: row::checked("devices.source", &source)?,
        command: command_id.map(CommandId).zip(state),
        skipped: skipped.is_some(),
        reason: skipped.or(reason),
        result: row::object("commands.result", result)?,
    })
}
