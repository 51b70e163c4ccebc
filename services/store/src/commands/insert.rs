//! Queueing.

use std::{collections::HashMap, time::Duration};

use chrono::{DateTime, Utc};
use diesel::{
    prelude::*,
    sql_types::{BigInt, Bool, Integer, Jsonb, Nullable, Text, Timestamptz, Uuid as SqlUuid},
};
use homepot::model::{
    Command, CommandId, CommandState, Delivery, DeviceSource, NewCommand, RunId, SiteId, Transition, is_safe_to_repeat,
};
use uuid::Uuid;

use super::{
    by_index,
    read::{DEVICE, Row, RowOfDevice, command},
};
use crate::{
    StoreError, row,
    schema::{devices, ledger},
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
    /// The session that it is to be claimed for at once; `None`: it waits for a claim.
    pub epoch: Option<i64>,
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
    /// It is queued, and claimed for the session that was named: to be handed to the device now.
    Claimed(Command, Delivery),
    /// The device has one with this idempotency key already.
    Existing(Command),
}

// Times to live run by the database's clock, which all replicas share. Not by now(), which is when the transaction began:
// a run queues a command because of an end that it saw since.
//
// Where a row names a session, the row is claimed by the statement that inserts it, under the rules of a session's claim:
// fenced by the lock on the session's row, and in its turn. With another command of the device that waits, or that this
// session may still be handed, it waits too, so that the device gets them in their order. All sessions are locked before the
// first row is inserted (a row needs the count of the locks), as whoever waits for the other end of an idempotency key must
// not make a session wait.
const INSERT: &str = "\
WITH new AS MATERIALIZED (
    SELECT * FROM unnest({arrays}) AS new ({columns})
), wanted AS (
    SELECT DISTINCT device, epoch FROM new WHERE epoch IS NOT NULL
), fence AS MATERIALIZED (
    SELECT s.device, s.session_epoch, s.journal_id
    FROM sessions s JOIN wanted w ON w.device = s.device AND w.epoch = s.session_epoch
    ORDER BY s.device FOR SHARE OF s
), free AS MATERIALIZED (
    SELECT * FROM fence f WHERE NOT EXISTS (
        SELECT FROM commands WHERE device = f.device AND state IN ('queued', 'sent', 'acknowledged')
            AND (state = 'queued' OR session_epoch IS DISTINCT FROM f.session_epoch)
    )
)
INSERT INTO commands (command_id, device, command_type, payload, created_by, idempotency_key, safe_to_repeat,
    run_timeout_ms, created_at, expires_at, run_id, history, requested_type,
    state, sent_at, deliveries, session_epoch, journal_id)
SELECT id, new.device, command_type, payload, created_by, key, safe, run_timeout_ms,
    statement_timestamp(), statement_timestamp() + time_to_live_ms * interval '1 millisecond', run_id,
    jsonb_build_array(
        jsonb_strip_nulls(history_step('queued', statement_timestamp(), cause) || jsonb_build_object('traceparent', trace))
    ) || CASE WHEN free.device IS NULL THEN '[]' ELSE jsonb_build_array(
        history_step('sent', statement_timestamp(), 'handed to the device in session ' || epoch)
    ) END,
    requested_type,
    CASE WHEN free.device IS NULL THEN 'queued' ELSE 'sent' END,
    CASE WHEN free.device IS NOT NULL THEN statement_timestamp() END,
    CASE WHEN free.device IS NULL THEN 0 ELSE 1 END, free.session_epoch, free.journal_id
FROM new CROSS JOIN (SELECT count(*) FROM fence) AS all_locked
LEFT JOIN free ON free.device = new.device AND free.session_epoch = new.epoch
ON CONFLICT DO NOTHING
RETURNING command_id, created_at, expires_at, session_epoch,
    floor(extract(epoch FROM expires_at - clock_timestamp()) * 1000)::bigint AS time_to_live_ms";

#[derive(QueryableByName)]
struct Stamped {
    #[diesel(sql_type = SqlUuid)]
    command_id: Uuid,
    #[diesel(sql_type = Timestamptz)]
    created_at: DateTime<Utc>,
    #[diesel(sql_type = Timestamptz)]
    expires_at: DateTime<Utc>,
    #[diesel(sql_type = Nullable<BigInt>)]
    session_epoch: Option<i64>,
    #[diesel(sql_type = BigInt)]
    time_to_live_ms: i64,
}

/// Queues commands, and answers for each in the same order.
pub fn insert(conn: &mut PgConnection, rows: &[NewRow]) -> Result<Vec<Inserted>, StoreError> {
    // One statement, which needs no transaction around it: what it does not insert is there for good. What it looks through to
    // claim is a queue.
    let inserted = match rows.iter().any(|row| row.epoch.is_some()) {
        true => by_index(conn, |conn| insert_new(conn, rows))?,
        false => insert_new(conn, rows)?,
    };
    let stamped: HashMap<Uuid, Stamped> = inserted.into_iter().map(|row| (row.command_id, row)).collect();
    rows.iter()
        .map(|row| match stamped.get(&row.command_id.0) {
            Some(stamped) => Ok(new(row, stamped)),
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
        .column::<Nullable<BigInt>, _>("epoch", rows.iter().map(|row| row.epoch))
        .load(conn)?)
}

fn new(row: &NewRow, stamped: &Stamped) -> Inserted {
    let mut command = queued(row, stamped);
    let Some(epoch) = stamped.session_epoch else { return Inserted::New(command) };
    let time = command.created_at;
    let cause = format!("handed to the device in session {epoch}");
    command.history.push(Transition { state: CommandState::Sent, time, cause });
    (command.state, command.sent_at, command.deliveries) = (CommandState::Sent, Some(time), 1);
    let delivery = Delivery {
        command_id: command.command_id,
        command_type: command.command_type.clone(),
        payload: command.payload.clone(),
        time_to_live: Duration::from_millis(u64::try_from(stamped.time_to_live_ms).unwrap_or_default()),
        run_timeout: command.run_timeout,
        created_at: command.created_at,
        server_time: None,
    };
    Inserted::Claimed(command, delivery)
}

/// A row that was just made and waits.
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
    let found: RowOfDevice = ledger::table
        .inner_join(devices::table)
        .filter(ledger::device.eq(row.pk))
        .filter(ledger::idempotency_key.eq(&row.command.idempotency_key))
        .select((Row::as_select(), DEVICE))
        .first(conn)?;
    command(found)
}
