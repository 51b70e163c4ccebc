//! The ledger: handed out once, fenced, and never against the rules.

use std::{collections::HashSet, time::Duration};

use chrono::{TimeDelta, Utc};
use homepot::model::{Command, CommandId, CommandState, JsonObject, NewCommand};
use homepot_store::{
    PgConnection,
    commands::{self, Change, Changed, Inserted, Swept},
    sessions,
};

use crate::fixture::*;

fn queue(conn: &mut PgConnection, pk: i64, command_type: &str) -> CommandId {
    let id = command_id();
    commands::insert(conn, id, &new_command("d", command_type), pk, "admin").unwrap();
    id
}

fn to(to: CommandState) -> Change {
    Change { to, result: None, reason: None }
}

fn with_result(to: CommandState, word: &str) -> Change {
    let result = JsonObject::from_iter([("word".to_owned(), word.into())]);
    Change { to, result: Some(result), reason: None }
}

fn state(conn: &mut PgConnection, id: CommandId) -> CommandState {
    commands::find(conn, id).unwrap().unwrap().state
}

fn claimed(conn: &mut PgConnection, pk: i64, epoch: Option<i64>) -> Vec<CommandId> {
    commands::claim(conn, pk, epoch, 10).unwrap().iter().map(|delivery| delivery.command_id).collect()
}

#[tokio::test]
async fn an_idempotency_key_queues_once_however_many_try_at_once() {
    let (database, d) = with_device("d").await;
    let inserted = at_once(database.store(), 8, |_| {
        let mut new = new_command("d", "PING");
        new.idempotency_key = Some("key".to_owned());
        move |conn: &mut PgConnection| commands::insert(conn, command_id(), &new, d.pk, "admin")
    })
    .await;
    let new = inserted.iter().filter(|inserted| matches!(inserted, Inserted::New(_))).count();
    assert_eq!(new, 1);
    let ids: HashSet<_> = inserted
        .iter()
        .map(|inserted| match inserted {
            Inserted::New(command) | Inserted::Existing(command) => command.command_id,
        })
        .collect();
    assert_eq!(ids.len(), 1);
    // Without a key each is one of its own.
    let mut conn = database.connect();
    assert_ne!(queue(&mut conn, d.pk, "PING"), queue(&mut conn, d.pk, "PING"));
}

#[tokio::test]
async fn concurrent_claimers_hand_each_command_out_once() {
    let (database, d) = with_device("d").await;
    let mut conn = database.connect();
    let epoch = sessions::begin(&mut conn, d.pk, &hello("b"), "r", HEARTBEAT).unwrap();
    let queued: HashSet<_> = (0..40).map(|_| queue(&mut conn, d.pk, "PING")).collect();
    let claims = at_once(database.store(), 8, |_| {
        move |conn: &mut PgConnection| {
            let mut all = Vec::new();
            loop {
                let claimed = commands::claim(conn, d.pk, Some(epoch), 3)?;
                if claimed.is_empty() {
                    return Ok(all);
                }
                all.extend(claimed);
            }
        }
    })
    .await;
    let claimed: Vec<_> = claims.into_iter().flatten().map(|delivery| delivery.command_id).collect();
    assert_eq!(claimed.len(), 40);
    assert_eq!(HashSet::from_iter(claimed), queued);
}

#[tokio::test]
async fn a_claim_comes_oldest_first_with_what_is_left_of_the_time() {
    let (database, d) = with_device("d").await;
    let mut conn = database.connect();
    let queued: Vec<_> = (0..5).map(|_| queue(&mut conn, d.pk, "REBOOT")).collect();
    let first = commands::claim(&mut conn, d.pk, None, 2).unwrap();
    assert_eq!(first.iter().map(|delivery| delivery.command_id).collect::<Vec<_>>(), queued[..2]);
    assert!(first[0].time_to_live <= Duration::from_secs(600));
    assert!(first[0].time_to_live > Duration::from_secs(590));
    assert_eq!(first[0].run_timeout, Duration::from_secs(60));
    assert_eq!(claimed(&mut conn, d.pk, None), queued[2..]);
    let command = commands::find(&mut conn, queued[0]).unwrap().unwrap();
    assert_eq!((command.state, command.deliveries), (CommandState::Sent, 1));
    assert!(command.sent_at.is_some());
}

#[tokio::test]
async fn a_replaced_session_claims_nothing_and_the_newer_one_gets_what_it_had() {
    let (database, d) = with_device("d").await;
    let mut conn = database.connect();
    let old = sessions::begin(&mut conn, d.pk, &hello("b"), "r", HEARTBEAT).unwrap();
    let reboot = queue(&mut conn, d.pk, "REBOOT");
    assert_eq!(claimed(&mut conn, d.pk, Some(old)), [reboot]);
    assert!(claimed(&mut conn, d.pk, Some(old)).is_empty());
    let new = sessions::begin(&mut conn, d.pk, &hello("b"), "r", HEARTBEAT).unwrap();
    let ping = queue(&mut conn, d.pk, "PING");
    assert!(claimed(&mut conn, d.pk, Some(old)).is_empty());
    assert_eq!(claimed(&mut conn, d.pk, Some(new)), [reboot, ping]);
    assert_eq!(commands::find(&mut conn, reboot).unwrap().unwrap().deliveries, 2);

    // The fence holds for reports too.
    let acknowledged = to(CommandState::Acknowledged);
    assert_eq!(commands::change(&mut conn, reboot, Some(d.pk), Some(old), &acknowledged).unwrap(), Changed::Missing);
    let done = commands::change(&mut conn, reboot, Some(d.pk), Some(new), &acknowledged).unwrap();
    assert!(matches!(done, Changed::Done(_)));
}

#[tokio::test]
async fn a_session_that_begins_during_a_claim_waits_for_it_and_then_gets_it_all() {
    let (database, d) = with_device("d").await;
    let mut conn = database.connect();
    let old = sessions::begin(&mut conn, d.pk, &hello("b"), "r", HEARTBEAT).unwrap();
    let id = queue(&mut conn, d.pk, "REBOOT");
    diesel::connection::SimpleConnection::batch_execute(&mut conn, "BEGIN").unwrap();
    assert_eq!(claimed(&mut conn, d.pk, Some(old)), [id]);
    let store = database.store().clone();
    let beginning = tokio::spawn(async move {
        store.run("test", move |conn| sessions::begin(conn, d.pk, &hello("b"), "r", HEARTBEAT)).await
    });
    let mut watcher = database.connect();
    let blocked = "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()";
    while diesel::RunQueryDsl::execute(diesel::sql_query(blocked), &mut watcher).unwrap() == 0 {
        tokio::task::yield_now().await;
    }
    diesel::connection::SimpleConnection::batch_execute(&mut conn, "COMMIT").unwrap();
    let new = beginning.await.unwrap().unwrap();
    assert_eq!(claimed(&mut conn, d.pk, Some(new)), [id]);
}

#[tokio::test]
async fn a_poller_is_handed_the_harmless_again_and_the_rest_once() {
    let (database, d) = with_device("d").await;
    let mut conn = database.connect();
    let reboot = queue(&mut conn, d.pk, "REBOOT");
    let ping = queue(&mut conn, d.pk, "PING");
    assert_eq!(claimed(&mut conn, d.pk, None), [reboot, ping]);
    assert_eq!(claimed(&mut conn, d.pk, None), [ping]);
    // A session may take over the harmless one, and never the other.
    let epoch = sessions::begin(&mut conn, d.pk, &hello("b"), "r", HEARTBEAT).unwrap();
    assert_eq!(claimed(&mut conn, d.pk, Some(epoch)), [ping]);
}

#[tokio::test]
async fn a_poller_is_handed_no_more_than_one_message_can_carry_and_loses_nothing() {
    let (database, d) = with_device("d").await;
    let mut conn = database.connect();
    let payload = JsonObject::from_iter([("text".to_owned(), "x".repeat(60 * 1024).into())]);
    let mut queued = Vec::new();
    for _ in 0..3 {
        let id = command_id();
        let new = NewCommand { payload: Some(payload.clone()), ..new_command("d", "REBOOT") };
        commands::insert(&mut conn, id, &new, d.pk, "admin").unwrap();
        queued.push(id);
    }
    assert_eq!(claimed(&mut conn, d.pk, None), queued[..2]);
    assert_eq!(claimed(&mut conn, d.pk, None), queued[2..]);
}

#[tokio::test]
async fn a_command_past_its_time_is_not_handed_out() {
    let (database, d) = with_device("d").await;
    let mut conn = database.connect();
    let mut new = new_command("d", "PING");
    new.time_to_live = Duration::ZERO;
    commands::insert(&mut conn, command_id(), &new, d.pk, "admin").unwrap();
    assert!(claimed(&mut conn, d.pk, None).is_empty());
}

#[tokio::test]
async fn a_change_follows_the_rules_from_every_state_to_every_other() {
    let (database, d) = with_device("d").await;
    let mut conn = database.connect();
    for from in CommandState::ALL {
        for next in CommandState::ALL {
            let id = queue(&mut conn, d.pk, "PING");
            bring(&mut conn, id, from);
            let changed = commands::change(&mut conn, id, Some(d.pk), None, &to(next)).unwrap();
            let after = state(&mut conn, id);
            match changed {
                Changed::Done(command) => {
                    assert!(from.may_become(next), "{from:?} {next:?}");
                    assert_eq!((command.state, after), (next, next));
                    assert_eq!(command.finished_at.is_some(), next.is_end());
                }
                Changed::Repeat(command) | Changed::Refused(command) => {
                    assert!(!from.may_become(next), "{from:?} {next:?}");
                    assert_eq!((command.state, after), (from, from));
                }
                Changed::Missing => panic!("{from:?} {next:?}"),
            }
        }
    }
}

/// By the shortest way the rules allow.
fn bring(conn: &mut PgConnection, id: CommandId, target: CommandState) {
    let way: &[CommandState] = match target {
        CommandState::Queued => &[],
        CommandState::Sent | CommandState::Cancelled => &[target],
        _ => &[CommandState::Sent, target],
    };
    for step in way {
        assert!(matches!(commands::change(conn, id, None, None, &to(*step)).unwrap(), Changed::Done(_)));
    }
}

#[tokio::test]
async fn the_same_outcome_twice_is_a_repeat_and_another_one_is_refused() {
    let (database, d) = with_device("d").await;
    let mut conn = database.connect();
    let id = queue(&mut conn, d.pk, "PING");
    bring(&mut conn, id, CommandState::Sent);
    let mut report = |change: &Change| commands::change(&mut conn, id, Some(d.pk), None, change).unwrap();
    assert!(matches!(report(&with_result(CommandState::Succeeded, "a")), Changed::Done(_)));
    assert!(matches!(report(&with_result(CommandState::Succeeded, "a")), Changed::Repeat(_)));
    assert!(matches!(report(&with_result(CommandState::Succeeded, "b")), Changed::Refused(_)));
    assert!(matches!(report(&to(CommandState::Failed)), Changed::Refused(_)));
    // Steps it has passed change nothing and are no fault.
    assert!(matches!(report(&to(CommandState::Acknowledged)), Changed::Repeat(_)));
    let Changed::Repeat(command) = report(&to(CommandState::Running)) else { panic!() };
    let Command { sent_at, acknowledged_at, started_at, finished_at, .. } = command;
    assert!([sent_at, acknowledged_at, started_at, finished_at].iter().all(Option::is_some));
}

#[tokio::test]
async fn a_command_of_another_device_is_missing() {
    let (database, d) = with_device("d").await;
    let mut conn = database.connect();
    let other = enrolled(&mut conn, "other", "site-1");
    let id = queue(&mut conn, d.pk, "PING");
    bring(&mut conn, id, CommandState::Sent);
    let succeeded = to(CommandState::Succeeded);
    assert_eq!(commands::change(&mut conn, id, Some(other.pk), None, &succeeded).unwrap(), Changed::Missing);
    assert_eq!(commands::change(&mut conn, command_id(), Some(d.pk), None, &succeeded).unwrap(), Changed::Missing);
    assert_eq!(state(&mut conn, id), CommandState::Sent);
}

#[tokio::test]
async fn of_outcomes_reported_at_once_one_is_kept() {
    let (database, d) = with_device("d").await;
    let id = queue(&mut database.connect(), d.pk, "PING");
    bring(&mut database.connect(), id, CommandState::Sent);
    let changed = at_once(database.store(), 8, |number| {
        let change = with_result(CommandState::Succeeded, &number.to_string());
        move |conn: &mut PgConnection| commands::change(conn, id, Some(d.pk), None, &change)
    })
    .await;
    assert_eq!(changed.iter().filter(|changed| matches!(changed, Changed::Done(_))).count(), 1);
    assert_eq!(changed.iter().filter(|changed| matches!(changed, Changed::Refused(_))).count(), 7);
}

#[tokio::test]
async fn the_sweep_expires_what_was_not_fetched_and_gives_up_on_what_was_not_reported() {
    let (database, d) = with_device("d").await;
    let mut conn = database.connect();
    let now = Utc::now();
    let later = |seconds| now + TimeDelta::seconds(seconds);
    let queued = queue(&mut conn, d.pk, "PING");
    let [sent, running] = [CommandState::Sent, CommandState::Running].map(|state| {
        let id = queue(&mut conn, d.pk, "REBOOT");
        bring(&mut conn, id, state);
        id
    });
    let none = Swept::default();
    assert_eq!(commands::sweep(&mut conn, later(100), 100).unwrap(), none);
    // 60 s to run and a minute of grace, from its start.
    assert_eq!(commands::sweep(&mut conn, later(130), 100).unwrap(), Swept { unknown: 1, ..none });
    assert_eq!(state(&mut conn, running), CommandState::Unknown);
    // 600 s to live.
    assert_eq!(commands::sweep(&mut conn, later(610), 100).unwrap(), Swept { expired: 1, ..none });
    let command = commands::find(&mut conn, queued).unwrap().unwrap();
    assert_eq!(command.state, CommandState::Expired);
    assert_eq!(command.reason.as_deref(), Some("its time to live ran out before the device fetched it"));
    assert_eq!(commands::sweep(&mut conn, later(730), 100).unwrap(), Swept { unknown: 1, ..none });
    assert_eq!(state(&mut conn, sent), CommandState::Unknown);
    assert_eq!(commands::sweep(&mut conn, later(9_999), 100).unwrap(), none);

    // A late outcome replaces what nobody knew, and the reason with it.
    let Changed::Done(command) =
        commands::change(&mut conn, sent, Some(d.pk), None, &to(CommandState::Succeeded)).unwrap()
    else {
        panic!()
    };
    assert_eq!((command.state, command.reason), (CommandState::Succeeded, None));
}

#[tokio::test]
async fn sweeps_at_once_count_each_command_once_and_keep_to_the_limit() {
    let (database, d) = with_device("d").await;
    let mut conn = database.connect();
    for _ in 0..20 {
        queue(&mut conn, d.pk, "PING");
    }
    let late = Utc::now() + TimeDelta::seconds(700);
    assert_eq!(commands::sweep(&mut conn, late, 4).unwrap().expired, 4);
    let swept = at_once(database.store(), 4, |_| move |conn: &mut PgConnection| commands::sweep(conn, late, 100)).await;
    assert_eq!(swept.iter().map(|swept| swept.expired).sum::<u32>(), 16);
}
