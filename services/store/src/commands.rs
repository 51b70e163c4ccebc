//! The command ledger. A row's state changes here and nowhere else, under a lock, by the rules of
//! [`homepot::model::CommandState`].

mod change;
mod claim;
mod sweep;

use chrono::{DateTime, Utc};
use diesel::{
    prelude::*,
    sql_types::{BigInt, Timestamptz},
};
use homepot::model::{Command, CommandId, CommandState, NewCommand, Page, PageRequest, is_safe_to_repeat};
use serde_json::Value;
use uuid::Uuid;

pub use self::{
    change::{Change, Changed, change},
    claim::claim,
    sweep::{Swept, sweep},
};
use crate::{
    StoreError, paging, row,
    schema::{commands, devices},
};

#[derive(Queryable, Selectable)]
#[diesel(table_name = commands)]
struct Row {
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
}

type RowOfDevice = (Row, String, String);

fn command((row, device_id, site_id): RowOfDevice) -> Result<Command, StoreError> {
    Ok(Command {
        command_id: CommandId(row.command_id),
        device_id: row::checked("devices.device_id", &device_id)?,
        site_id: row::checked("devices.site_id", &site_id)?,
        command_type: row::checked("commands.command_type", &row.command_type)?,
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
        cancel_requested_at: None,
        run_id: None,
        history: Vec::new(),
    })
}

/// What came of queueing.
#[derive(Clone, Debug, PartialEq)]
pub enum Inserted {
    /// It is queued.
    New(Command),
    /// The device has one with this idempotency key already.
    Existing(Command),
}

/// Queues a command. Its time to live runs by the database's clock, which all replicas share.
pub fn insert(
    conn: &mut PgConnection,
    id: CommandId,
    new: &NewCommand,
    pk: i64,
    created_by: &str,
) -> Result<Inserted, StoreError> {
    let time_to_live = i64::try_from(new.time_to_live.as_millis()).unwrap_or(i64::MAX);
    let inserted = diesel::insert_into(commands::table)
        .values((
            commands::command_id.eq(id.0),
            commands::device.eq(pk),
            commands::command_type.eq(new.command_type.as_str()),
            commands::payload.eq(row::json(new.payload.as_ref())),
            commands::created_by.eq(created_by),
            commands::idempotency_key.eq(&new.idempotency_key),
            commands::safe_to_repeat.eq(is_safe_to_repeat(&new.command_type)),
            commands::run_timeout_ms.eq(row::millis(new.run_timeout)),
            commands::expires_at.eq(diesel::dsl::sql::<Timestamptz>("now() + ")
                .bind::<BigInt, _>(time_to_live)
                .sql(" * interval '1 millisecond'")),
        ))
        .on_conflict((commands::device, commands::idempotency_key))
        .do_nothing()
        .execute(conn)?;
    if inserted == 1 {
        return Ok(Inserted::New(found(conn, id)?));
    }
    let existing = commands::table
        .inner_join(devices::table)
        .filter(commands::device.eq(pk))
        .filter(commands::idempotency_key.eq(&new.idempotency_key))
        .select((Row::as_select(), devices::device_id, devices::site_id))
        .first(conn)?;
    Ok(Inserted::Existing(command(existing)?))
}

/// The command of that id.
pub fn find(conn: &mut PgConnection, id: CommandId) -> Result<Option<Command>, StoreError> {
    commands::table
        .inner_join(devices::table)
        .filter(commands::command_id.eq(id.0))
        .select((Row::as_select(), devices::device_id, devices::site_id))
        .first(conn)
        .optional()?
        .map(command)
        .transpose()
}

/// The command of an id that is known to be there.
fn found(conn: &mut PgConnection, id: CommandId) -> Result<Command, StoreError> {
    Ok(find(conn, id)?.ok_or(diesel::result::Error::NotFound)?)
}

/// Commands of one device, newest first; `states` empty: of any state.
pub fn list(
    conn: &mut PgConnection,
    pk: i64,
    states: &[CommandState],
    page: &PageRequest,
) -> Result<Page<Command>, StoreError> {
    let mut query = commands::table
        .inner_join(devices::table)
        .filter(commands::device.eq(pk))
        .select((Row::as_select(), devices::device_id, devices::site_id))
        .into_boxed();
    if !states.is_empty() {
        query = query.filter(commands::state.eq_any(states.iter().map(|state| state.as_str())));
    }
    if let Some(after) = paging::after_time_key::<Uuid>(page)? {
        let older = commands::created_at.lt(after.time);
        let as_old = commands::created_at.eq(after.time).and(commands::command_id.lt(after.name));
        query = query.filter(older.or(as_old));
    }
    let newest_first = (commands::created_at.desc(), commands::command_id.desc());
    let rows: Vec<RowOfDevice> = query.order(newest_first).limit(paging::limit(page)).load(conn)?;
    let items = rows.into_iter().map(command).collect::<Result<_, _>>()?;
    Ok(Page::cut(items, page.size, |command: &Command| paging::time_key(command.created_at, command.command_id)))
}
