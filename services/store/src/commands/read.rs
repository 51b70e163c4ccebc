//! Rows of the ledger as the model has them.

use chrono::{DateTime, Utc};
use diesel::{pg::Pg, prelude::*};
use homepot::model::{
    Command, CommandId, CommandState, CommandType, DeviceSelection, OperatorName, Page, PageRequest, RunId, Transition,
};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{
    StoreError, paging, row,
    schema::{devices, ledger},
    scope::selected,
};

#[derive(Queryable, Selectable)]
#[diesel(table_name = ledger)]
pub(super) struct Row {
    command_id: Uuid,
    command_type: String,
    payload: Option<Value>,
    state: String,
    reason: Option<String>,
    result: Option<Value>,
    created_by: String,
    idempotency_key: Option<String>,
    deliveries: i32,
    run_timeout_ms: i32,
    created_at: DateTime<Utc>,
    expires_at: DateTime<Utc>,
    sent_at: Option<DateTime<Utc>>,
    acknowledged_at: Option<DateTime<Utc>>,
    started_at: Option<DateTime<Utc>>,
    finished_at: Option<DateTime<Utc>>,
    cancel_requested_at: Option<DateTime<Utc>>,
    run_id: Option<Uuid>,
    history: Value,
    requested_type: Option<String>,
}

/// A row with its device's id, site and source.
pub(super) type RowOfDevice = (Row, (String, String, String));
/// The latter's columns.
pub(super) const DEVICE: (devices::device_id, devices::site_id, devices::source) =
    (devices::device_id, devices::site_id, devices::source);

pub(super) fn command((row, (device_id, site_id, source)): RowOfDevice) -> Result<Command, StoreError> {
    Ok(Command {
        command_id: CommandId(row.command_id),
        device_id: row::checked("devices.device_id", &device_id)?,
        site_id: row::checked("devices.site_id", &site_id)?,
        source: row::checked("devices.source", &source)?,
        command_type: row::command_type("commands.command_type", &row.command_type, row.requested_type)?,
        payload: row::object("commands.payload", row.payload)?,
        state: row::checked("commands.state", &row.state)?,
        reason: row.reason,
        result: row::object("commands.result", row.result)?,
        created_by: row.created_by,
        idempotency_key: row.idempotency_key,
        deliveries: row.deliveries,
        run_timeout: row::span(row.run_timeout_ms),
        created_at: row.created_at,
        expires_at: row.expires_at,
        sent_at: row.sent_at,
        acknowledged_at: row.acknowledged_at,
        started_at: row.started_at,
        finished_at: row.finished_at,
        cancel_requested_at: row.cancel_requested_at,
        run_id: row.run_id.map(RunId),
        history: history(&row.history)?,
        trace: row.history.pointer("/0/traceparent").and_then(Value::as_str).map(str::to_owned),
    })
}

fn history(steps: &Value) -> Result<Vec<Transition>, StoreError> {
    let corrupt = || StoreError::Corrupt("commands.history: is no list of transitions".to_owned());
    let step = |step: &Value| {
        let text = |name: &str| step.get(name).and_then(Value::as_str).ok_or_else(corrupt);
        let time = DateTime::parse_from_rfc3339(text("time")?).map_err(|_| corrupt())?.to_utc();
        Ok(Transition {
            state: row::checked("commands.history", text("state")?)?,
            time,
            cause: text("cause")?.to_owned(),
        })
    };
    steps.as_array().ok_or_else(corrupt)?.iter().map(step).collect()
}

/// A transition as the column keeps it.
pub(super) fn step(transition: &Transition) -> Value {
    let Transition { state, time, cause } = transition;
    json!({ "state": state.as_str(), "time": time.to_rfc3339(), "cause": cause })
}

/// The command of that id.
pub fn find(conn: &mut PgConnection, id: CommandId) -> Result<Option<Command>, StoreError> {
    ledger::table
        .inner_join(devices::table)
        .filter(ledger::command_id.eq(id.0))
        .select((Row::as_select(), DEVICE))
        .first(conn)
        .optional()?
        .map(command)
        .transpose()
}

/// Commands that are read at once: each may have 64 KiB of payload and as much of a result.
pub(super) const CHUNK: u32 = 32;

/// Commands of one device, newest first; `states` empty: of any state.
pub fn list(
    conn: &mut PgConnection,
    pk: i64,
    states: &[CommandState],
    page: &PageRequest,
) -> Result<Page<Command>, StoreError> {
    paging::by_bytes(page, CHUNK, key, |page| list_chunk(conn, pk, states, page))
}

fn key(command: &Command) -> String {
    paging::time_key(command.created_at, command.command_id)
}

/// Which commands of all devices to list.
#[derive(Clone, Debug)]
pub struct RecentFilter {
    /// Whose devices' they are.
    pub selection: DeviceSelection,
    /// In one of these states; empty: in any.
    pub states: Vec<CommandState>,
    /// Of this type only.
    pub command_type: Option<CommandType>,
    /// Queued by this operator only.
    pub created_by: Option<OperatorName>,
}

/// Commands of many devices, newest first. Ids are made in the order of time, so that the ledger needs no further index.
pub fn recent(conn: &mut PgConnection, filter: &RecentFilter, page: &PageRequest) -> Result<Page<Command>, StoreError> {
    let key = |command: &Command| command.command_id.to_string();
    paging::by_bytes(page, CHUNK, key, |page| {
        let query = ledger::table.inner_join(devices::table).select((Row::as_select(), DEVICE)).into_boxed::<Pg>();
        let mut query = selected(query, &filter.selection);
        if !filter.states.is_empty() {
            query = query.filter(ledger::state.eq_any(filter.states.iter().map(|state| state.as_str())));
        }
        if let Some(command_type) = &filter.command_type {
            query = query.filter(ledger::command_type.eq(command_type.as_str()));
        }
        if let Some(name) = &filter.created_by {
            query = query.filter(ledger::created_by.eq(name.as_str()));
        }
        if let Some(after) = page.after_as::<Uuid>()? {
            query = query.filter(ledger::command_id.lt(after));
        }
        let rows: Vec<RowOfDevice> = query.order(ledger::command_id.desc()).limit(paging::limit(page)).load(conn)?;
        let items = rows.into_iter().map(command).collect::<Result<_, _>>()?;
        Ok(Page::cut(items, page.size, key))
    })
}

fn list_chunk(
    conn: &mut PgConnection,
    pk: i64,
    states: &[CommandState],
    page: &PageRequest,
) -> Result<Page<Command>, StoreError> {
    let mut query = ledger::table
        .inner_join(devices::table)
        .filter(ledger::device.eq(pk))
        .select((Row::as_select(), DEVICE))
        .into_boxed();
    if !states.is_empty() {
        query = query.filter(ledger::state.eq_any(states.iter().map(|state| state.as_str())));
    }
    if let Some(after) = paging::after_time_key::<Uuid>(page)? {
        let older = ledger::created_at.lt(after.time);
        let as_old = ledger::created_at.eq(after.time).and(ledger::command_id.lt(after.name));
        query = query.filter(older.or(as_old));
    }
    let newest_first = (ledger::created_at.desc(), ledger::command_id.desc());
    let rows: Vec<RowOfDevice> = query.order(newest_first).limit(paging::limit(page)).load(conn)?;
    let items = rows.into_iter().map(command).collect::<Result<_, _>>()?;
    Ok(Page::cut(items, page.size, key))
}
