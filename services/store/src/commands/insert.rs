//! Queueing.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use diesel::{
    prelude::*,
    sql_types::{BigInt, Bool, Integer, Jsonb, Nullable, Text, Timestamptz, Uuid as SqlUuid},
};
use homepot::model::{
    Command, CommandId, CommandState, DeviceSource, NewCommand, RunId, SiteId, Transition, is_safe_to_repeat,
};
use uuid::Uuid;

use super::read::{DEVICE, Row, RowOfDevice, command};
use crate::{
    StoreError, row,
    schema::{commands, devices},
    statement::Statement,
};

/// A command to queue, for a device that was looked up.
#[derive(Clone, Debug, PartialEq)]
pub struct NewRow {
    /// Its id.
    pub command_id: CommandId,
    /// The device.
    pub pk: i64,
    /// The device's site.
    pub site_id: SiteId,
    /// Whether the device is real.
    pub source: DeviceSource,
    /// What to queue.
    pub command: NewCommand,
    /// Who queues it.
    pub created_by: String,
    /// The run it is part of.
    pub run_id: Option<RunId>,
    /// The place of the call that queues it in a trace. It is kept with the first step of the history.
    pub trace: Option<String>,
}

impl NewRow {
    fn cause(&self) -> String {
        match self.run_id {
            Some(run_id) => format!("queued by run {run_id} of {}", self.created_by),
            None => format!("queued by {}", self.created_by),
        }
    }
}

/// What came of queueing.
#[derive(Clone, Debug, PartialEq)]
pub enum Inserted {
    /// It is queued.
    New(Command),
    /// The device has one with this idempotency key already.
    Existing(Command),
}

// Times to live run by the database's clock, which all replicas share. Not by now(), which is when the transaction began:
// a run queues a command because of an end that it saw since.
const INSERT: &str = "\
INSERT INTO commands (command_id, device, command_type, payload, created_by, idempotency_key, safe_to_repeat,
    run_timeout_ms, created_at, expires_at, run_id, history, requested_type)
SELECT id, device, command_type, payload, created_by, key, safe, run_timeout_ms,
    statement_timestamp(), statement_timestamp() + time_to_live_ms * interval '1 millisecond', run_id,
    jsonb_build_array(
        jsonb_strip_nulls(history_step('queued', statement_timestamp(), cause) || jsonb_build_object('traceparent', trace))
    ),
    requested_type
FROM unnest({arrays}) AS new ({columns})
ON CONFLICT DO NOTHING
RETURNING command_id, created_at, expires_at";

#[derive(QueryableByName)]
struct Stamped {
    #[diesel(sql_type = SqlUuid)]
    command_id: Uuid,
    #[diesel(sql_type = Timestamptz)]
    created_at: DateTime<Utc>,
    #[diesel(sql_type = Timestamptz)]
    expires_at: DateTime<Utc>,
}

/// Queues commands, and answers for each in the same order.
pub fn insert(conn: &mut PgConnection, rows: &[NewRow]) -> Result<Vec<Inserted>, StoreError> {
    // One statement, so no transaction around it: what it does not insert is there for good.
    let stamped: HashMap<Uuid, Stamped> =
        insert_new(conn, rows)?.into_iter().map(|row| (row.command_id, row)).collect();
    rows.iter()
        .map(|row| match stamped.get(&row.command_id.0) {
            Some(stamped) => Ok(Inserted::New(queued(row, stamped))),
            None => existing(conn, row).map(Inserted::Existing),
        })
        .collect()
}

fn insert_new(conn: &mut PgConnection, rows: &[NewRow]) -> Result<Vec<Stamped>, StoreError> {
    let time_to_live = |command: &NewCommand| i64::try_from(command.time_to_live.as_millis()).unwrap_or(i64::MAX);
    let commands = || rows.iter().map(|row| &row.command);
    Ok(Statement::new(INSERT)
        .column::<SqlUuid, _>("id", rows.iter().map(|row| row.command_id.0))
        .column::<BigInt, _>("device", rows.iter().map(|row| row.pk))
        .column::<Text, _>("command_type", commands().map(|command| command.command_type.as_str()))
        .column::<Nullable<Jsonb>, _>("payload", commands().map(|command| row::json(command.payload.as_ref())))
        .column::<Text, _>("created_by", rows.iter().map(|row| row.created_by.as_str()))
        .column::<Nullable<Text>, _>("key", commands().map(|command| command.idempotency_key.as_deref()))
        .column::<Bool, _>("safe", commands().map(|command| is_safe_to_repeat(&command.command_type)))
        .column::<Integer, _>("run_timeout_ms", commands().map(|command| row::millis(command.run_timeout)))
        .column::<BigInt, _>("time_to_live_ms", commands().map(time_to_live))
        .column::<Nullable<SqlUuid>, _>("run_id", rows.iter().map(|row| row.run_id.map(|id| id.0)))
        .column::<Text, _>("cause", rows.iter().map(NewRow::cause))
        .column::<Nullable<Text>, _>("trace", rows.iter().map(|row| row.trace.as_deref()))
        .column::<Nullable<Text>, _>("requested_type", commands().map(|command| command.command_type.spelling()))
        .load(conn)?)
}

/// A row that was just made, as it is.
fn queued(row: &NewRow, stamped: &Stamped) -> Command {
    let new = row.command.clone();
    Command {
        command_id: row.command_id,
        device_id: new.device_id,
        site_id: row.site_id.clone(),
        source: row.source,
        command_type: new.command_type,
        payload: new.payload,
        state: CommandState::Queued,
        reason: None,
        result: None,
        created_by: row.created_by.clone(),
        idempotency_key: new.idempotency_key,
        deliveries: 0,
        run_timeout: new.run_timeout,
        created_at: stamped.created_at,
        expires_at: stamped.expires_at,
        sent_at: None,
        acknowledged_at: None,
        started_at: None,
        finished_at: None,
        cancel_requested_at: None,
        run_id: row.run_id,
        history: vec![Transition { state: CommandState::Queued, time: stamped.created_at, cause: row.cause() }],
        trace: row.trace.clone(),
    }
}

fn existing(conn: &mut PgConnection, row: &NewRow) -> Result<Command, StoreError> {
    let found: RowOfDevice = commands::table
        .inner_join(devices::table)
        .filter(commands::device.eq(row.pk))
        .filter(commands::idempotency_key.eq(&row.command.idempotency_key))
        .select((Row::as_select(), DEVICE))
        .first(conn)?;
    command(found)
}
