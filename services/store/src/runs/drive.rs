//! Driving runs on: each step is one transaction on the run's row, so it is taken once whichever replica takes it.

use diesel::{
    dsl::{Eq, sql},
    expression::SqlLiteral,
    prelude::*,
    sql_types::{BigInt, Timestamptz, Uuid as SqlUuid},
};
use homepot::model::{CommandId, DeviceSource, Event, NewCommand, Run, RunId, RunResumption, RunState, RunStep};
use uuid::Uuid;

use super::read::found;
use crate::{
    StoreError,
    commands::{self, Changed, NewRow, Speaker, Word},
    devices::{self, DeviceRef},
    schema::{run_devices, runs},
    statement::Statement,
};

/// Devices whose commands one step queues.
const STEP: u32 = 1_000;

/// What a step did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Advanced {
    /// The run.
    pub run_id: RunId,
    /// Where it stands now.
    pub state: RunState,
    /// Devices that were queued a command, and whether they are real.
    pub queued: Vec<(i64, DeviceSource)>,
}

/// Takes a step of each run that is running and that no other replica is at; tells those in which something happened.
pub fn advance(conn: &mut PgConnection) -> Result<Vec<Advanced>, StoreError> {
    let ids: Vec<Uuid> = runs::table
        .filter(runs::state.eq(RunState::Running.as_str()))
        .select(runs::run_id)
        .order(runs::run_id)
        .load(conn)?;
    let mut advanced = Vec::new();
    for id in ids {
        advanced.extend(conn.transaction(|conn| step(conn, RunId(id)))?);
    }
    Ok(advanced)
}

fn step(conn: &mut PgConnection, run_id: RunId) -> Result<Option<Advanced>, StoreError> {
    let locked: Option<Uuid> = runs::table
        .find(run_id.0)
        .filter(runs::state.eq(RunState::Running.as_str()))
        .select(runs::run_id)
        .for_no_key_update()
        .skip_locked()
        .first(conn)
        .optional()?;
    if locked.is_none() {
        return Ok(None);
    }
    let run = found(conn, run_id)?;
    let moved = |state, queued| Some(Advanced { run_id, state, queued });
    match run.progress.step(run.order.max_in_flight, run.order.max_failures) {
        RunStep::Wait => Ok(None),
        RunStep::Queue(free) => {
            let queued = queue(conn, &run, free.min(STEP))?;
            Ok(moved(RunState::Running, queued))
        }
        RunStep::Halt => {
            let (failed, most) = (run.progress.failed, run.order.max_failures);
            set_state(conn, run_id, RunState::Halted, Some(&format!("{failed} devices failed, {most} may")))?;
            Ok(moved(RunState::Halted, Vec::new()))
        }
        RunStep::Complete => {
            set_state(conn, run_id, RunState::Completed, None)?;
            Ok(moved(RunState::Completed, Vec::new()))
        }
    }
}

/// Queues the commands of the next devices; one that was shut out since the run began is left out.
fn queue(conn: &mut PgConnection, run: &Run, free: u32) -> Result<Vec<(i64, DeviceSource)>, StoreError> {
    let pks: Vec<i64> = run_devices::table
        .filter(run_devices::run_id.eq(run.run_id.0))
        .filter(run_devices::command_id.is_null())
        .filter(run_devices::skipped.is_null())
        .select(run_devices::device)
        .order(run_devices::device)
        .limit(free.into())
        .load(conn)?;
    let (active, inactive): (Vec<DeviceRef>, Vec<_>) =
        devices::by_pk(conn, &pks)?.into_iter().partition(|device| device.active);
    if !inactive.is_empty() {
        let pks = inactive.iter().map(|device| device.pk);
        diesel::update(run_devices::table)
            .filter(run_devices::run_id.eq(run.run_id.0))
            .filter(run_devices::device.eq_any(pks))
            .set(run_devices::skipped.eq("the device is inactive"))
            .execute(conn)?;
        // No command tells of these.
        diesel::update(runs::table.find(run.run_id.0)).set(stamp()).execute(conn)?;
    }
    let rows: Vec<NewRow> = active.iter().map(|device| new_row(run, device)).collect();
    commands::insert(conn, &rows)?;
    Statement::new(
        "UPDATE run_devices r SET command_id = v.id FROM unnest({arrays}) AS v ({columns}) \
         WHERE r.run_id = {run} AND r.device = v.device",
    )
    .value::<SqlUuid, _>("run", run.run_id.0)
    .column::<BigInt, _>("device", rows.iter().map(|row| row.pk))
    .column::<SqlUuid, _>("id", rows.iter().map(|row| row.command_id.0))
    .execute(conn)?;
    Ok(rows.iter().map(|row| (row.pk, row.source)).collect())
}

fn new_row(run: &Run, device: &DeviceRef) -> NewRow {
    let order = &run.order;
    NewRow {
        command_id: CommandId(Uuid::now_v7()),
        pk: device.pk,
        site_id: device.site_id.clone(),
        source: device.source,
        command: NewCommand {
            device_id: device.device_id.clone(),
            command_type: order.command_type.clone(),
            payload: order.payload.clone(),
            idempotency_key: None,
            time_to_live: order.time_to_live,
            run_timeout: order.run_timeout,
        },
        created_by: run.created_by.clone(),
        run_id: Some(run.run_id),
        trace: None,
        epoch: None,
    }
}

fn set_state(conn: &mut PgConnection, run_id: RunId, state: RunState, reason: Option<&str>) -> Result<(), StoreError> {
    let finished_at = state.is_end().then(|| crate::row::database_time().nullable());
    diesel::update(runs::table.find(run_id.0))
        .set((
            runs::state.eq(state.as_str()),
            runs::reason.eq(reason),
            finished_at.map(|now| runs::finished_at.eq(now)),
            stamp(),
        ))
        .execute(conn)?;
    Ok(())
}

/// That the row changed now. Later than the change before it, also where this transaction began first and waited for the row.
fn stamp() -> Eq<runs::changed_at, SqlLiteral<Timestamptz>> {
    runs::changed_at.eq(sql::<Timestamptz>("greatest(now(), runs.changed_at + interval '1 microsecond')"))
}

/// Locks a run and tells it.
fn lock(conn: &mut PgConnection, run_id: RunId) -> Result<Run, StoreError> {
    let _: Uuid = runs::table.find(run_id.0).select(runs::run_id).for_no_key_update().first(conn)?;
    found(conn, run_id)
}

/// Pauses a run that has not ended; `None`: it has.
pub fn pause(conn: &mut PgConnection, run_id: RunId, reason: &str) -> Result<Option<Run>, StoreError> {
    conn.transaction(|conn| {
        let run = lock(conn, run_id)?;
        if run.state.is_end() {
            return Ok(None);
        }
        if run.state != RunState::Paused {
            set_state(conn, run_id, RunState::Paused, Some(reason))?;
        }
        found(conn, run_id).map(Some)
    })
}

/// Goes on with a run that has not ended; `None`: it has. One that was halted allows the failures it has, unless told
/// otherwise: who resumes it has seen them.
pub fn resume(conn: &mut PgConnection, run_id: RunId, how: &RunResumption) -> Result<Option<Run>, StoreError> {
    conn.transaction(|conn| {
        let run = lock(conn, run_id)?;
        if run.state.is_end() {
            return Ok(None);
        }
        let as_before = match run.state {
            RunState::Halted => run.order.max_failures.max(run.progress.failed),
            _ => run.order.max_failures,
        };
        let int = |number: u32| i32::try_from(number).unwrap_or(i32::MAX);
        diesel::update(runs::table.find(run_id.0))
            .set((
                runs::state.eq(RunState::Running.as_str()),
                runs::reason.eq(None::<String>),
                runs::max_failures.eq(int(how.max_failures.unwrap_or(as_before))),
                runs::max_in_flight.eq(int(how.max_in_flight.unwrap_or(run.order.max_in_flight))),
                stamp(),
            ))
            .execute(conn)?;
        found(conn, run_id).map(Some)
    })
}

/// Ends a run that is not complete, with the devices that are to be asked for their commands; `None`: it is complete.
pub fn cancel(conn: &mut PgConnection, run_id: RunId, reason: &str) -> Result<Option<(Run, Vec<i64>)>, StoreError> {
    conn.transaction(|conn| {
        let run = lock(conn, run_id)?;
        match run.state {
            RunState::Completed => return Ok(None),
            RunState::Cancelled => return Ok(Some((run, Vec::new()))),
            _ => {}
        }
        set_state(conn, run_id, RunState::Cancelled, Some(reason))?;
        diesel::update(run_devices::table)
            .filter(run_devices::run_id.eq(run_id.0))
            .filter(run_devices::command_id.is_null())
            .filter(run_devices::skipped.is_null())
            .set(run_devices::skipped.eq(reason))
            .execute(conn)?;
        let to_ask = take_back(conn, run_id, reason)?;
        Ok(Some((found(conn, run_id)?, to_ask)))
    })
}

/// Takes back what has not started; tells the devices that have to be asked.
fn take_back(conn: &mut PgConnection, run_id: RunId, reason: &str) -> Result<Vec<i64>, StoreError> {
    use crate::schema::commands as table;
    let open: Vec<(Uuid, i64)> = table::table
        .filter(table::run_id.eq(run_id.0))
        .filter(table::state.eq_any(["queued", "sent", "acknowledged"]))
        .select((table::command_id, table::device))
        .load(conn)?;
    let words: Vec<Word> = open
        .iter()
        .map(|(id, _)| Word {
            command_id: CommandId(*id),
            speaker: Speaker::Operator,
            event: Event::CancelAsked,
            result: None,
            reason: Some(reason.to_owned()),
        })
        .collect();
    let changed = commands::change(conn, &words)?;
    let asked = |changed: &Changed| matches!(changed, Changed::Done(command) if !command.state.is_end());
    Ok(open.into_iter().zip(changed).filter(|(_, changed)| asked(changed)).map(|((_, pk), _)| pk).collect())
}
