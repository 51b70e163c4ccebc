//! Moves commands from one state to the next, by the events about them.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use diesel::{
    prelude::*,
    sql_types::{Jsonb, Nullable, Text, Timestamptz, Uuid as SqlUuid},
};
use homepot::model::{
    Command, CommandId, CommandState, Event, Holder, JsonObject, Refusal, Standing, Step, Transition, UPDATE_CONFIG,
};
use serde_json::Value;
use uuid::Uuid;

use super::read::{DEVICE, Row, RowOfDevice, command, step};
use crate::{
    StoreError, row,
    schema::{commands, commands_ended, devices, ledger, sessions},
    statement::Statement,
};

/// Who says something of a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Speaker {
    /// A device's session, fenced by its epoch.
    Session {
        /// The device.
        pk: i64,
        /// The session.
        epoch: i64,
    },
    /// A device without a session.
    Poller {
        /// The device.
        pk: i64,
    },
    /// An operator, who was let in before.
    Operator,
}

/// Something that is said of a command.
#[derive(Clone, Debug, PartialEq)]
pub struct Word {
    /// The command.
    pub command_id: CommandId,
    /// Who says it.
    pub speaker: Speaker,
    /// What happened.
    pub event: Event,
    /// What came of the command.
    pub result: Option<JsonObject>,
    /// Why it stands there, for the row; with an operator's word also who said so.
    pub reason: Option<String>,
}

/// What came of a word.
#[derive(Clone, Debug, PartialEq)]
pub enum Changed {
    /// The command changed; where it stands, or that its device is to be asked.
    Done(Command),
    /// It stood there already, or is past it.
    Repeat(Command),
    /// From where it stands there is no way.
    Refused(Command, Refusal),
    /// There is no such command, none of this device, or the session is no longer the device's newest.
    Missing,
}

/// A row under lock.
struct Entry {
    device: i64,
    holder: Holder,
    /// The one it was handed to.
    journal_id: Option<String>,
    command: Command,
    cancel_cause: Option<String>,
    /// Transitions that the row does not have yet.
    added: Vec<Value>,
    touched: bool,
    /// It is among those that ended; a late outcome changes it there.
    is_filed: bool,
}

/// Takes words in their order, each by the rules, and answers for each.
pub fn change(conn: &mut PgConnection, words: &[Word]) -> Result<Vec<Changed>, StoreError> {
    conn.transaction(|conn| {
        // Sessions before commands, each in the order of their keys, as whoever else locks both does.
        let held = hold_sessions(conn, words)?;
        let mut entries = lock(conn, words)?;
        let now: DateTime<Utc> = diesel::select(row::time_of_this_moment()).get_result(conn)?;
        let changed = words
            .iter()
            .map(|word| match entries.get_mut(&word.command_id.0) {
                Some(entry) if may_speak(word.speaker, entry, &held) => take(entry, word, now, &held),
                _ => Changed::Missing,
            })
            .collect();
        write(conn, entries)?;
        Ok(changed)
    })
}

/// As [`change`], for words that came together: what is said in one go becomes one change of the row.
pub fn change_all(conn: &mut PgConnection, said: &[Vec<Word>]) -> Result<Vec<Vec<Changed>>, StoreError> {
    let mut changed = change(conn, &said.concat())?.into_iter();
    Ok(said.iter().map(|words| changed.by_ref().take(words.len()).collect()).collect())
}

/// The words' sessions that are the newest of their devices, by device and epoch, with their journals.
type Held = HashMap<(i64, i64), Option<String>>;

/// Which of the words' sessions are the newest of their devices; none can be replaced until the transaction ends.
fn hold_sessions(conn: &mut PgConnection, words: &[Word]) -> Result<Held, StoreError> {
    let mut pks: Vec<i64> = words
        .iter()
        .filter_map(|word| match word.speaker {
            Speaker::Session { pk, .. } => Some(pk),
            _ => None,
        })
        .collect();
    if pks.is_empty() {
        return Ok(Held::new());
    }
    pks.sort_unstable();
    pks.dedup();
    let held: Vec<((i64, i64), Option<String>)> = sessions::table
        .filter(sessions::device.eq_any(pks))
        .select(((sessions::device, sessions::session_epoch), sessions::journal_id))
        .order(sessions::device)
        .for_share()
        .load(conn)?;
    Ok(held.into_iter().collect())
}

fn lock(conn: &mut PgConnection, words: &[Word]) -> Result<HashMap<Uuid, Entry>, StoreError> {
    let mut ids: Vec<Uuid> = words.iter().map(|word| word.command_id.0).collect();
    ids.sort_unstable();
    ids.dedup();
    // First the locks, then what the rows hold: a join would read it before it waits.
    let locked: Vec<Uuid> = commands::table
        .filter(commands::command_id.eq_any(&ids))
        .select(commands::command_id)
        .order(commands::command_id)
        .for_no_key_update()
        .load(conn)?;
    // What is not there has ended, if it is known at all: one that was being moved was waited for, and is found now.
    ids.retain(|id| locked.binary_search(id).is_err());
    let filed: Vec<Uuid> = match ids.is_empty() {
        true => Vec::new(),
        false => commands_ended::table
            .filter(commands_ended::command_id.eq_any(ids))
            .select(commands_ended::command_id)
            .order(commands_ended::command_id)
            .for_no_key_update()
            .load(conn)?,
    };
    type Extra = (Uuid, i64, Option<i64>, bool, Option<String>, Option<String>);
    let rows: Vec<(Extra, RowOfDevice)> = ledger::table
        .inner_join(devices::table)
        .filter(ledger::command_id.eq_any(locked.iter().chain(&filed)))
        .select((
            (
                ledger::command_id,
                ledger::device,
                ledger::session_epoch,
                ledger::handed_on,
                ledger::cancel_cause,
                ledger::journal_id,
            ),
            (Row::as_select(), DEVICE),
        ))
        .load(conn)?;
    let mut entries = HashMap::with_capacity(rows.len());
    for ((id, device, epoch, handed_on, cancel_cause, journal_id), row) in rows {
        let holder = match epoch {
            None => Holder::Poller,
            Some(_) if handed_on => Holder::Several,
            Some(_) if journal_id.is_none() => Holder::Memory,
            Some(_) => Holder::Session,
        };
        let is_filed = filed.binary_search(&id).is_ok();
        let command = command(row)?;
        let (added, touched) = (Vec::new(), false);
        entries.insert(id, Entry { device, holder, journal_id, command, cancel_cause, added, touched, is_filed });
    }
    Ok(entries)
}

fn may_speak(speaker: Speaker, entry: &Entry, held: &Held) -> bool {
    match speaker {
        Speaker::Session { pk, epoch } => pk == entry.device && held.contains_key(&(pk, epoch)),
        Speaker::Poller { pk } => pk == entry.device,
        Speaker::Operator => true,
    }
}

/// Where the command stands for whoever speaks of it: of what another journal had, a session knows no more than a device
/// that keeps none.
fn standing(entry: &Entry, speaker: Speaker, held: &Held) -> Standing {
    let mut standing = entry.standing();
    if let Speaker::Session { pk, epoch } = speaker
        && standing.holder == Holder::Session
        && held.get(&(pk, epoch)) != Some(&entry.journal_id)
    {
        standing.holder = Holder::Memory;
    }
    standing
}

fn take(entry: &mut Entry, word: &Word, now: DateTime<Utc>, held: &Held) -> Changed {
    let polls = matches!(word.speaker, Speaker::Poller { .. });
    // A device without a stream that answers for a queued command has it from somewhere: it counts as handed over.
    if polls && entry.command.state == CommandState::Queued {
        entry.holder = Holder::Poller;
        entry.move_to(CommandState::Sent, "the device answers for it without having fetched it".to_owned(), now);
    }
    match standing(entry, word.speaker, held).on(word.event) {
        Ok(Step::To(state)) => {
            let cause = cause(entry, word, state);
            if state.is_end() {
                entry.command.result.clone_from(&word.result);
            }
            // What was said of the state before, such as why nobody knew, does not hold for this one.
            entry.command.reason.clone_from(&word.reason);
            if is_claim(&entry.command, word, state) {
                entry.command.reason = Some(CLAIMED.to_owned());
            }
            if state == CommandState::Cancelled && matches!(word.speaker, Speaker::Session { .. }) {
                entry.command.reason.clone_from(&entry.cancel_cause);
            }
            entry.move_to(state, cause, now);
            Changed::Done(entry.command.clone())
        }
        Ok(Step::AskDevice) => {
            entry.command.cancel_requested_at = Some(now);
            entry.cancel_cause.clone_from(&word.reason);
            entry.touched = true;
            Changed::Done(entry.command.clone())
        }
        Ok(Step::Stays) if contradicts(&entry.command, word) => {
            Changed::Refused(entry.command.clone(), Refusal::HasEnded(entry.command.state))
        }
        Ok(Step::Stays) => Changed::Repeat(entry.command.clone()),
        Err(refusal) => Changed::Refused(entry.command.clone(), refusal),
    }
}

/// What a device says of its configuration without having proved it.
const CLAIMED: &str = "claimed by the device; nothing has verified it";

/// Whether a device says by itself that it took a configuration. What a rollout brought is proved, and told by nobody but that.
fn is_claim(command: &Command, word: &Word, to: CommandState) -> bool {
    to == CommandState::Succeeded && word.speaker != Speaker::Operator && command.command_type.as_str() == UPDATE_CONFIG
}

/// The same end with another result is another outcome.
fn contradicts(command: &Command, word: &Word) -> bool {
    matches!(word.event, Event::Ended(_)) && command.result != word.result
}

fn cause(entry: &Entry, word: &Word, to: CommandState) -> String {
    if word.speaker == Speaker::Operator {
        return word.reason.clone().unwrap_or_default();
    }
    match to {
        CommandState::Acknowledged => "the device has it on disk".to_owned(),
        CommandState::Running => "the device started it".to_owned(),
        CommandState::Cancelled => {
            let asked = entry.cancel_cause.as_deref().unwrap_or("cancelled");
            format!("{asked}; the device had not started it")
        }
        _ => match &word.reason {
            Some(reason) => format!("the device reported: {reason}"),
            None => "the device reported it".to_owned(),
        },
    }
}

impl Entry {
    fn standing(&self) -> Standing {
        Standing {
            state: self.command.state,
            holder: self.holder,
            cancel_requested: self.command.cancel_requested_at.is_some(),
        }
    }

    fn move_to(&mut self, state: CommandState, cause: String, now: DateTime<Utc>) {
        let transition = Transition { state, time: now, cause };
        self.added.push(step(&transition));
        self.touched = true;
        let command = &mut self.command;
        command.history.push(transition);
        command.state = state;
        // A step that was never told took place no later than the one after it.
        let took_place = match state {
            CommandState::Sent => 1,
            CommandState::Acknowledged | CommandState::Rejected => 2,
            CommandState::Running | CommandState::Succeeded | CommandState::Failed => 3,
            _ => 0,
        };
        let steps = [&mut command.sent_at, &mut command.acknowledged_at, &mut command.started_at];
        for told in steps.into_iter().take(took_place) {
            told.get_or_insert(now);
        }
        command.finished_at = state.is_end().then_some(now);
    }
}

const WRITE: &str = "\
UPDATE TABLE c SET state = v.state, reason = v.reason, result = v.result, sent_at = v.sent_at,
    acknowledged_at = v.acknowledged_at, started_at = v.started_at, finished_at = v.finished_at,
    cancel_requested_at = v.cancel_requested_at, cancel_cause = v.cancel_cause, history = c.history || v.added,
    changed_at = now()AND_FILED
FROM unnest({arrays}) AS v ({columns})
WHERE c.command_id = v.id";

fn write(conn: &mut PgConnection, entries: HashMap<Uuid, Entry>) -> Result<(), StoreError> {
    let touched = entries.into_values().filter(|entry| entry.touched);
    let (filed, open): (Vec<Entry>, Vec<Entry>) = touched.partition(|entry| entry.is_filed);
    write_to(conn, &WRITE.replace("TABLE", "commands").replace("AND_FILED", ""), &open)?;
    // What is looked for by when it was moved is found by its last change too.
    write_to(conn, &WRITE.replace("TABLE", "commands_ended").replace("AND_FILED", ", filed_at = now()"), &filed)
}

fn write_to(conn: &mut PgConnection, sql: &str, touched: &[Entry]) -> Result<(), StoreError> {
    if touched.is_empty() {
        return Ok(());
    }
    let commands = || touched.iter().map(|entry| &entry.command);
    Statement::new(sql)
        .column::<SqlUuid, _>("id", commands().map(|command| command.command_id.0))
        .column::<Text, _>("state", commands().map(|command| command.state.as_str()))
        .column::<Nullable<Text>, _>("reason", commands().map(|command| command.reason.as_deref()))
        .column::<Nullable<Jsonb>, _>("result", commands().map(|command| row::json(command.result.as_ref())))
        .column::<Nullable<Timestamptz>, _>("sent_at", commands().map(|command| command.sent_at))
        .column::<Nullable<Timestamptz>, _>("acknowledged_at", commands().map(|command| command.acknowledged_at))
        .column::<Nullable<Timestamptz>, _>("started_at", commands().map(|command| command.started_at))
        .column::<Nullable<Timestamptz>, _>("finished_at", commands().map(|command| command.finished_at))
        .column::<Nullable<Timestamptz>, _>(
            "cancel_requested_at",
            commands().map(|command| command.cancel_requested_at),
        )
        .column::<Nullable<Text>, _>("cancel_cause", touched.iter().map(|entry| entry.cancel_cause.as_deref()))
        .column::<Jsonb, _>("added", touched.iter().map(|entry| Value::Array(entry.added.clone())))
        .execute(conn)?;
    Ok(())
}
