//! Commands that ended are kept elsewhere, and nobody notices.

use chrono::{DateTime, Days, TimeDelta, Utc};
use diesel::{QueryableByName, RunQueryDsl, connection::SimpleConnection as _, sql_query, sql_types::BigInt};
use homepot::model::{DeviceId, DeviceSelection, SiteScope};
use homepot_store::{
    StoreError,
    commands::{ChangedFilter, FILED_TOGETHER, RecentFilter, STAYS},
    maintenance::{self, Report, Retention},
};
use uuid::Uuid;

use super::*;

#[derive(QueryableByName)]
struct Count {
    #[diesel(sql_type = BigInt)]
    count: i64,
}

fn count(conn: &mut PgConnection, of: &str) -> i64 {
    sql_query(format!("SELECT count(*) AS count FROM {of}")).get_result::<Count>(conn).unwrap().count
}

/// When what has ended by now is moved.
fn soon() -> DateTime<Utc> {
    Utc::now() + STAYS + TimeDelta::seconds(1)
}

/// Moves what has ended.
fn file_all(conn: &mut PgConnection) -> usize {
    let (now, mut filed, mut after) = (soon(), 0, Uuid::nil());
    while let Some((count, last)) = commands::file(conn, now, after, FILED_TOGETHER).unwrap() {
        (filed, after) = (filed + count, last);
    }
    filed
}

fn end(conn: &mut PgConnection, pk: i64, id: CommandId, state: CommandState) -> Changed {
    say(conn, Speaker::Poller { pk }, id, Event::Ended(state))
}

fn with_key(key: &str) -> NewCommand {
    NewCommand { idempotency_key: Some(key.to_owned()), ..new_command("d", "PING") }
}

fn all() -> DeviceSelection {
    DeviceSelection::all(SiteScope::All)
}

#[tokio::test]
async fn what_ended_a_while_ago_is_moved_and_reads_as_before_and_what_is_under_way_stays() {
    let (database, d) = with_device("d").await;
    let mut conn = database.connect();
    let [open, ended] = ["PING", "REBOOT"].map(|command_type| queue(&mut conn, d.pk, command_type));
    end(&mut conn, d.pk, ended, CommandState::Succeeded);
    let before = [open, ended].map(|id| found(&mut conn, id));
    // It has only just ended.
    assert_eq!(commands::file(&mut conn, Utc::now(), Uuid::nil(), FILED_TOGETHER).unwrap(), None);
    assert_eq!(file_all(&mut conn), 1);
    assert_eq!((count(&mut conn, "commands"), count(&mut conn, "commands_ended")), (1, 1));
    assert_eq!([open, ended].map(|id| found(&mut conn, id)), before);
    assert_eq!(file_all(&mut conn), 0);
    assert_eq!(fetched(&mut conn, d.pk), [open]);
}

#[tokio::test]
async fn lists_are_in_order_over_both() {
    let (database, d) = with_device("d").await;
    let mut conn = database.connect();
    let queued: Vec<_> = (0..20).map(|_| queue(&mut conn, d.pk, "PING")).collect();
    for id in queued.iter().step_by(3) {
        end(&mut conn, d.pk, *id, CommandState::Succeeded);
    }
    let ids = |commands: Vec<Command>| commands.into_iter().map(|command| command.command_id).collect::<Vec<_>>();
    let filter = RecentFilter { selection: all(), states: Vec::new(), command_type: None, created_by: None };
    let newest_first: Vec<_> = queued.iter().rev().copied().collect();
    for filed in [0, 7] {
        assert_eq!(ids(all_pages(3, |page| commands::list(&mut conn, d.pk, &[], page).unwrap())), newest_first);
        assert_eq!(ids(all_pages(3, |page| commands::recent(&mut conn, &filter, page).unwrap())), newest_first);
        let succeeded =
            ids(all_pages(2, |page| commands::list(&mut conn, d.pk, &[CommandState::Succeeded], page).unwrap()));
        assert_eq!(succeeded, queued.iter().step_by(3).rev().copied().collect::<Vec<_>>());
        assert_eq!(count(&mut conn, "commands_ended"), filed);
        file_all(&mut conn);
    }
}

#[tokio::test]
async fn an_idempotency_key_holds_after_its_command_was_moved() {
    let (database, d) = with_device("d").await;
    let mut conn = database.connect();
    let first = queue_this(&mut conn, d.pk, with_key("k"));
    end(&mut conn, d.pk, first, CommandState::Succeeded);
    assert_eq!(file_all(&mut conn), 1);
    let epoch = attach(&mut conn, d.pk, None);
    let again = commands::NewRow { epoch: Some(epoch), ..row(d.pk, with_key("k")) };
    for row in [row(d.pk, with_key("k")), again] {
        let inserted = commands::insert(&mut conn, &[row]).unwrap();
        let [Inserted::Existing(command)] = &inserted[..] else { panic!("{inserted:?}") };
        assert_eq!((command.command_id, command.state), (first, CommandState::Succeeded));
    }
    assert_eq!(count(&mut conn, "commands"), 0);
    // Another device's key is another one.
    let other = enrolled(&mut conn, "other", "site-1");
    queue_this(&mut conn, other.pk, with_key("k"));
}

#[tokio::test]
async fn a_version_that_knows_one_table_finds_what_has_just_ended_and_queues_no_key_twice() {
    let (database, d) = with_device("d").await;
    let mut conn = database.connect();
    let first = queue_this(&mut conn, d.pk, with_key("k"));
    end(&mut conn, d.pk, first, CommandState::Succeeded);
    // As it inserts: it counts on the unique index of the table that it knows.
    let insert = format!(
        "INSERT INTO commands (command_id, device, command_type, created_by, idempotency_key, safe_to_repeat, \
            run_timeout_ms, expires_at) \
         VALUES (gen_random_uuid(), {}, 'PING', 'admin', 'k', true, 1000, now() + interval '1 hour') \
         ON CONFLICT DO NOTHING",
        d.pk
    );
    for filed in [0, 1] {
        assert_eq!(count(&mut conn, "commands WHERE state = 'succeeded'"), 1 - filed);
        assert_eq!(sql_query(&insert).execute(&mut conn).unwrap(), 0);
        assert_eq!(count(&mut conn, "ledger"), 1);
        file_all(&mut conn);
    }
}

#[tokio::test]
async fn an_idempotency_key_holds_while_its_command_is_moved() {
    let (database, d) = with_device("d").await;
    let (mut conn, mut mover) = (database.connect(), database.connect());
    let first = queue_this(&mut conn, d.pk, with_key("k"));
    end(&mut conn, d.pk, first, CommandState::Succeeded);
    mover.batch_execute("BEGIN").unwrap();
    assert_eq!(file_all(&mut mover), 1);
    let row = row(d.pk, with_key("k"));
    let store = database.store().clone();
    let insert = tokio::spawn(async move { store.run("test", move |conn| commands::insert(conn, &[row])).await });
    let waits = "pg_locks WHERE NOT granted";
    while count(&mut conn, waits) == 0 {
        tokio::task::yield_now().await;
    }
    mover.batch_execute("COMMIT").unwrap();
    let inserted = insert.await.unwrap().unwrap();
    let [Inserted::Existing(command)] = &inserted[..] else { panic!("{inserted:?}") };
    assert_eq!(command.command_id, first);
    assert_eq!((count(&mut conn, "commands"), count(&mut conn, "commands_ended")), (0, 1));
}

#[tokio::test]
async fn a_cursor_from_before_finds_what_changed_since_wherever_it_is() {
    let (database, d) = with_device("d").await;
    let mut conn = database.connect();
    let old = queue(&mut conn, d.pk, "PING");
    end(&mut conn, d.pk, old, CommandState::Succeeded);
    let since: DateTime<Utc> = found(&mut conn, old).finished_at.unwrap() + TimeDelta::microseconds(1);
    let [open, ended] = ["PING", "PING"].map(|command_type| queue(&mut conn, d.pk, command_type));
    end(&mut conn, d.pk, ended, CommandState::Failed);
    let filter = ChangedFilter { selection: all(), command_ids: Default::default(), run_id: None };
    for filed in [2, 0] {
        let news = commands::changed_since(&mut conn, since, 1 << 20).unwrap().unwrap();
        let news: HashSet<_> = news.into_iter().map(|command| command.command_id).collect();
        assert_eq!(news, HashSet::from([open, ended]));
        let of = commands::changed_of(&mut conn, &filter, Some(since), &page(10, None), 1 << 20).unwrap().items;
        assert_eq!(of.iter().map(|command| command.command_id).collect::<Vec<_>>(), [open, ended]);
        assert_eq!(file_all(&mut conn), filed);
    }
    // With its whole past.
    let everything = commands::changed_of(&mut conn, &filter, None, &page(10, None), 1 << 20).unwrap().items;
    assert_eq!(everything.len(), 3);
}

#[tokio::test]
async fn what_a_device_says_of_a_command_that_was_moved_goes_by_the_rules() {
    let (database, d) = with_device("d").await;
    let mut conn = database.connect();
    let [succeeded, unknown] = ["REBOOT", "REBOOT"].map(|command_type| queue(&mut conn, d.pk, command_type));
    assert_eq!(fetched(&mut conn, d.pk).len(), 2);
    end(&mut conn, d.pk, succeeded, CommandState::Succeeded);
    say(&mut conn, Speaker::Operator, unknown, Event::BoundOver);
    let since = Utc::now();
    assert_eq!(file_all(&mut conn), 2);
    assert!(matches!(end(&mut conn, d.pk, succeeded, CommandState::Succeeded), Changed::Repeat(_)));
    assert!(matches!(
        end(&mut conn, d.pk, succeeded, CommandState::Failed),
        Changed::Refused(_, Refusal::HasEnded(CommandState::Succeeded))
    ));
    // Nobody knew how it ended; now somebody does, and watches hear of it.
    assert!(matches!(end(&mut conn, d.pk, unknown, CommandState::Succeeded), Changed::Done(_)));
    let command = found(&mut conn, unknown);
    assert_eq!(states(&command)[2..], [CommandState::Unknown, CommandState::Succeeded]);
    let news = commands::changed_since(&mut conn, since, 1 << 20).unwrap().unwrap();
    assert_eq!(news.iter().map(|command| command.command_id).collect::<Vec<_>>(), [unknown]);
    assert_eq!((count(&mut conn, "commands"), count(&mut conn, "commands_ended")), (0, 2));
    let other = enrolled(&mut conn, "other", "site-1");
    assert!(matches!(end(&mut conn, other.pk, unknown, CommandState::Failed), Changed::Missing));
}

#[tokio::test]
async fn a_month_of_ended_commands_goes_when_it_is_over_and_what_is_under_way_stays() {
    let (database, d) = with_device("d").await;
    let mut conn = database.connect();
    let kept = Retention { commands: Duration::from_secs(40 * 24 * 3_600), ..Retention::default() };
    let round = |conn: &mut PgConnection, at| -> Report { maintenance::run_at(conn, at, &kept).unwrap().unwrap() };
    let (open, ended) = (queue(&mut conn, d.pk, "PING"), queue_this(&mut conn, d.pk, with_key("k")));
    end(&mut conn, d.pk, ended, CommandState::Succeeded);
    let start = soon();
    assert_eq!(round(&mut conn, start).filed, 1);
    assert!(commands::find(&mut conn, ended).unwrap().is_some());
    round(&mut conn, start + Days::new(39));
    assert!(commands::find(&mut conn, ended).unwrap().is_some(), "it is kept for 40 days");
    let dropped = round(&mut conn, start + Days::new(72)).dropped;
    assert!(dropped.iter().any(|name| name.starts_with("commands_ended_")), "{dropped:?}");
    assert!(commands::find(&mut conn, ended).unwrap().is_none());
    assert_eq!(found(&mut conn, open).state, CommandState::Queued);
    // Its key is free.
    queue_this(&mut conn, d.pk, with_key("k"));
}

#[tokio::test]
async fn a_ledger_that_was_filled_before_is_moved_in_batches_while_others_work() {
    let (database, d) = with_device("d").await;
    let mut conn = database.connect();
    let open = queue(&mut conn, d.pk, "PING");
    let fill = format!(
        "INSERT INTO commands (command_id, device, command_type, state, created_by, safe_to_repeat, run_timeout_ms, \
            created_at, expires_at, finished_at, changed_at, history) \
         SELECT gen_random_uuid(), {}, 'PING', 'succeeded', 'admin', true, 1000, at, at, at, at, \
            jsonb_build_array(history_step('queued', at, 'queued by admin')) \
         FROM generate_series(now() - interval '300 days', now() - interval '1 hour', interval '2 hours') AS at",
        d.pk
    );
    conn.batch_execute(&fill).unwrap();
    let stored = count(&mut conn, "ledger");
    let (now, mut batches) = (Utc::now(), Vec::new());
    let mut after = Uuid::nil();
    while let Some((filed, last)) = commands::file(&mut conn, now, after, FILED_TOGETHER).unwrap() {
        assert_eq!(count(&mut conn, "ledger"), stored);
        (after, batches) = (last, [batches, vec![filed]].concat());
    }
    assert!(batches.len() > 3 && batches.iter().all(|filed| *filed <= FILED_TOGETHER as usize), "{batches:?}");
    assert_eq!((count(&mut conn, "commands"), count(&mut conn, "commands_ended")), (1, stored - 1));
    assert_eq!(fetched(&mut conn, d.pk), [open]);
}

#[tokio::test]
async fn commands_that_are_moved_go_with_a_device_that_is_purged() {
    let (database, d) = with_device("d").await;
    let (mut conn, mut mover) = (database.connect(), database.connect());
    let ended = queue(&mut conn, d.pk, "PING");
    end(&mut conn, d.pk, ended, CommandState::Succeeded);
    assert_eq!(file_all(&mut mover), 1);
    while homepot_store::devices::thin_out(&mut conn, &[d.pk]).unwrap() {}
    assert_eq!((count(&mut conn, "commands"), count(&mut conn, "commands_ended")), (0, 0));
}

#[tokio::test]
async fn a_command_that_is_moved_while_its_device_is_purged_is_swept_away() {
    let (database, d) = with_device("d").await;
    let (mut conn, mut mover) = (database.connect(), database.connect());
    let ended = queue(&mut conn, d.pk, "PING");
    end(&mut conn, d.pk, ended, CommandState::Succeeded);
    let removed = homepot_store::devices::mark_removed(&mut conn, &DeviceId::parse("d").unwrap()).unwrap();
    assert_eq!(removed, Some(d.pk));
    mover.batch_execute("BEGIN").unwrap();
    assert_eq!(file_all(&mut mover), 1);
    let store = database.store().clone();
    let purge =
        tokio::spawn(async move { store.run("test", move |conn| homepot_store::devices::purge(conn, &[d.pk])).await });
    while count(&mut conn, "pg_locks WHERE NOT granted") == 0 {
        tokio::task::yield_now().await;
    }
    mover.batch_execute("COMMIT").unwrap();
    assert_eq!(purge.await.unwrap().unwrap(), 1);
    assert_eq!(count(&mut conn, "commands_ended"), 1, "the purge did not see it");
    homepot_store::devices::sweep_removed(&mut conn, Utc::now()).unwrap();
    assert_eq!(count(&mut conn, "commands_ended"), 0);
}

#[tokio::test]
async fn while_commands_are_moved_each_is_told_of_once() {
    let (database, d) = with_device("d").await;
    let mut conn = database.connect();
    let queued: Vec<_> = (0..200).map(|_| queue(&mut conn, d.pk, "PING")).collect();
    queued.iter().for_each(|id| drop(end(&mut conn, d.pk, *id, CommandState::Succeeded)));
    let now = soon();
    let seen = at_once(database.store(), 4, |number| {
        move |conn: &mut PgConnection| -> Result<Vec<i64>, StoreError> {
            (0..40)
                .map(|_| {
                    if number % 2 == 0 {
                        commands::file(conn, now, Uuid::nil(), 7)?;
                    }
                    Ok(count(conn, "ledger"))
                })
                .collect()
        }
    })
    .await;
    assert!(seen.into_iter().flatten().all(|stored| stored == 200));
    assert_eq!(count(&mut conn, "commands"), 0);
}
