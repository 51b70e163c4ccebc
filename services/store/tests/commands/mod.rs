//! The ledger: handed out once, fenced, and never against the rules.

mod at_once;
mod changing;
mod filing;
mod handing;

use std::{collections::HashSet, time::Duration};

use chrono::{TimeDelta, Utc};
use homepot::model::{
    BySource, Command, CommandId, CommandState, Event, Hello, Holder, JsonObject, NewCommand, Refusal, Standing, Step,
};
use homepot_store::{
    PgConnection,
    commands::{self, CLAIM_LIMIT, Changed, Claim, Handed, Inserted, Speaker, Swept, Word},
};

use crate::fixture::*;

const ONE: BySource = BySource { real: 1, simulated: 0 };

pub(super) fn queue(conn: &mut PgConnection, pk: i64, command_type: &str) -> CommandId {
    queue_this(conn, pk, new_command("d", command_type))
}

/// Begins a session of a device whose journal goes by that name.
pub(super) fn attach(conn: &mut PgConnection, pk: i64, journal_id: Option<&str>) -> i64 {
    let hello = Hello { journal_id: journal_id.map(str::to_owned), ..hello("b") };
    begin(conn, pk, &hello).unwrap()
}

pub(super) fn say(conn: &mut PgConnection, speaker: Speaker, id: CommandId, event: Event) -> Changed {
    say_with(conn, speaker, id, event, None)
}

pub(super) fn say_with(
    conn: &mut PgConnection,
    speaker: Speaker,
    id: CommandId,
    event: Event,
    word: Option<&str>,
) -> Changed {
    let result = word.map(|word| JsonObject::from_iter([("word".to_owned(), word.into())]));
    let said = Word { command_id: id, speaker, event, result, reason: None };
    commands::change(conn, &[said]).unwrap().pop().unwrap()
}

pub(super) fn found(conn: &mut PgConnection, id: CommandId) -> Command {
    commands::find(conn, id).unwrap().unwrap()
}

pub(super) fn state(conn: &mut PgConnection, id: CommandId) -> CommandState {
    found(conn, id).state
}

pub(super) fn claim(conn: &mut PgConnection, pk: i64, epoch: i64) -> Handed {
    commands::claim(conn, &[Claim { pk, epoch, again: false }]).unwrap().pop().unwrap()
}

pub(super) fn claimed(conn: &mut PgConnection, pk: i64, epoch: i64) -> Vec<CommandId> {
    claim(conn, pk, epoch).deliveries.iter().map(|delivery| delivery.command_id).collect()
}

pub(super) fn fetched(conn: &mut PgConnection, pk: i64) -> Vec<CommandId> {
    commands::claim_by_poller(conn, pk, 10).unwrap().iter().map(|delivery| delivery.command_id).collect()
}

/// The states of a command's history.
pub(super) fn states(command: &Command) -> Vec<CommandState> {
    command.history.iter().map(|transition| transition.state).collect()
}

#[tokio::test]
async fn an_idempotency_key_queues_once_however_many_try_at_once() {
    let (database, d) = with_device("d").await;
    let with_key = move || NewCommand { idempotency_key: Some("key".to_owned()), ..new_command("d", "PING") };
    let inserted = at_once(database.store(), 8, |_| {
        // Twice in one batch too.
        let rows = [row(d.pk, with_key()), row(d.pk, with_key())];
        move |conn: &mut PgConnection| commands::insert(conn, &rows)
    })
    .await;
    let inserted: Vec<_> = inserted.into_iter().flatten().collect();
    assert_eq!(inserted.iter().filter(|inserted| matches!(inserted, Inserted::New(_))).count(), 1);
    let ids: HashSet<_> = inserted
        .iter()
        .map(|inserted| match inserted {
            Inserted::New(command) | Inserted::Existing(command) | Inserted::Claimed(command, _) => command.command_id,
        })
        .collect();
    assert_eq!((inserted.len(), ids.len()), (16, 1));
    // Without a key each is one of its own.
    let mut conn = database.connect();
    assert_ne!(queue(&mut conn, d.pk, "PING"), queue(&mut conn, d.pk, "PING"));
}

#[tokio::test]
async fn what_is_answered_for_a_new_command_is_what_is_stored() {
    let (database, d) = with_device("d").await;
    let mut conn = database.connect();
    let payload = JsonObject::from_iter([("n".to_owned(), 1.into())]);
    let new = NewCommand { payload: Some(payload), idempotency_key: Some("k".to_owned()), ..new_command("d", "PING") };
    let [Inserted::New(told)] = &commands::insert(&mut conn, &[row(d.pk, new)]).unwrap()[..] else { panic!() };
    assert_eq!(*told, found(&mut conn, told.command_id));
    assert_eq!(told.history[0].cause, "queued by admin");
}
