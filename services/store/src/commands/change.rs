//! Moving a command from one state to the next.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use homepot::model::{Command, CommandId, CommandState, JsonObject};

use super::found;
use crate::{
    StoreError, row,
    schema::{commands, sessions},
};

/// Where a command is to stand.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// The state.
    pub to: CommandState,
    /// What came of it.
    pub result: Option<JsonObject>,
    /// Why it stands there.
    pub reason: Option<String>,
}

/// What came of a change.
#[derive(Clone, Debug, PartialEq)]
pub enum Changed {
    /// It stands there now.
    Done(Command),
    /// It stood there already, or is past it.
    Repeat(Command),
    /// From where it stands there is no way.
    Refused(Command),
    /// There is no such command, none of this device, or the session is no longer the device's newest.
    Missing,
}

/// Changes a command's state if the rules allow it; `pk` guards whose it is, `epoch` whose session.
pub fn change(
    conn: &mut PgConnection,
    id: CommandId,
    pk: Option<i64>,
    epoch: Option<i64>,
    change: &Change,
) -> Result<Changed, StoreError> {
    conn.transaction(|conn| {
        let owner: Option<i64> = commands::table.find(id.0).select(commands::device).first(conn).optional()?;
        let Some(owner) = owner.filter(|owner| pk.is_none_or(|pk| pk == *owner)) else { return Ok(Changed::Missing) };
        if let Some(epoch) = epoch
            && !hold_session(conn, owner, epoch)?
        {
            return Ok(Changed::Missing);
        }
        let state: String = commands::table.find(id.0).select(commands::state).for_no_key_update().first(conn)?;
        let state: CommandState = row::checked("commands.state", &state)?;
        let current = found(conn, id)?;
        if may_become(state, change.to) {
            apply(conn, &current, change)?;
            return Ok(Changed::Done(found(conn, id)?));
        }
        Ok(if is_repeat(&current, change) { Changed::Repeat(current) } else { Changed::Refused(current) })
    })
}

/// Keeps a newer session from beginning until the transaction ends; false: one has begun. In this order, session
/// before command, as a claim does.
fn hold_session(conn: &mut PgConnection, pk: i64, epoch: i64) -> Result<bool, StoreError> {
    let held: Option<i64> = sessions::table
        .find(pk)
        .filter(sessions::session_epoch.eq(epoch))
        .select(sessions::device)
        .for_share()
        .first(conn)
        .optional()?;
    Ok(held.is_some())
}

/// The steps of a command that is carried out; a state that is no step has no place among them.
fn step(state: CommandState) -> Option<u8> {
    match state {
        CommandState::Queued => Some(0),
        CommandState::Sent => Some(1),
        CommandState::Acknowledged => Some(2),
        CommandState::Running => Some(3),
        CommandState::Succeeded | CommandState::Failed | CommandState::Rejected | CommandState::Unknown => Some(4),
        CommandState::Expired | CommandState::Cancelled => None,
    }
}

fn is_repeat(current: &Command, change: &Change) -> bool {
    if current.state == change.to {
        return !change.to.is_end() || current.result == change.result;
    }
    let passed = step(change.to).zip(step(current.state)).is_some_and(|(to, at)| to < at);
    !change.to.is_end() && passed
}

#[derive(AsChangeset)]
#[diesel(table_name = commands)]
struct Set<'a> {
    state: &'a str,
    result: Option<serde_json::Value>,
    reason: Option<Option<&'a str>>,
    sent_at: Option<DateTime<Utc>>,
    acknowledged_at: Option<DateTime<Utc>>,
    started_at: Option<DateTime<Utc>>,
    finished_at: Option<DateTime<Utc>>,
}

fn apply(conn: &mut PgConnection, current: &Command, change: &Change) -> Result<(), StoreError> {
    let now: DateTime<Utc> = diesel::select(row::database_time()).get_result(conn)?;
    // A step that was never told took place no later than the one after it.
    let took_place = match change.to {
        CommandState::Sent => 1,
        CommandState::Acknowledged | CommandState::Rejected => 2,
        CommandState::Running | CommandState::Succeeded | CommandState::Failed => 3,
        _ => 0,
    };
    let at = |step: u8, told: Option<DateTime<Utc>>| told.or_else(|| (step <= took_place).then_some(now));
    let set = Set {
        state: change.to.as_str(),
        result: row::json(change.result.as_ref()),
        // What was said of the state before, such as why nobody knew, does not hold for this one.
        reason: Some(change.reason.as_deref()),
        sent_at: at(1, current.sent_at),
        acknowledged_at: at(2, current.acknowledged_at),
        started_at: at(3, current.started_at),
        finished_at: change.to.is_end().then_some(now),
    };
    diesel::update(commands::table.find(current.command_id.0)).set(set).execute(conn)?;
    Ok(())
}

fn may_become(from: CommandState, to: CommandState) -> bool {
    use homepot::model::{Event, Holder, Standing, Step};
    let event = match to {
        CommandState::Sent => Event::HandedOver,
        CommandState::Acknowledged => Event::Acknowledged,
        CommandState::Running => Event::Started,
        CommandState::Cancelled => Event::CancelAsked,
        end => Event::Ended(end),
    };
    let standing = Standing { state: from, holder: Holder::Session, cancel_requested: false };
    matches!(standing.on(event), Ok(Step::To(_)))
}
