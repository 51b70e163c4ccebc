//! Queued and claimed in one transaction.

use homepot_store::{StoreError, commands::NewRow};

use super::*;

fn for_session(pk: i64, epoch: i64, command: NewCommand) -> NewRow {
    NewRow { epoch: Some(epoch), ..row(pk, command) }
}

fn insert_one(conn: &mut PgConnection, row: NewRow) -> Inserted {
    commands::insert(conn, &[row]).unwrap().pop().unwrap()
}

/// Queues a command for a session and tells whether it was claimed for that.
fn queue_for(conn: &mut PgConnection, pk: i64, epoch: i64) -> (CommandId, bool) {
    match insert_one(conn, for_session(pk, epoch, new_command("d", "REBOOT"))) {
        Inserted::New(command) => (command.command_id, false),
        Inserted::Claimed(command, delivery) => {
            assert_eq!(delivery.command_id, command.command_id);
            (command.command_id, true)
        }
        Inserted::Existing(command) => panic!("{command:?}"),
    }
}

#[tokio::test]
async fn a_command_for_a_session_is_stored_as_one_that_was_queued_and_then_claimed() {
    let (database, d) = with_device("d").await;
    let mut conn = database.connect();
    let epoch = attach(&mut conn, d.pk, Some("journal"));
    let payload = JsonObject::from_iter([("n".to_owned(), 1.into())]);
    let new =
        NewCommand { payload: Some(payload), idempotency_key: Some("k".to_owned()), ..new_command("d", "REBOOT") };
    let Inserted::Claimed(told, delivery) = insert_one(&mut conn, for_session(d.pk, epoch, new.clone())) else {
        panic!("the device has a session")
    };
    assert_eq!(told, found(&mut conn, told.command_id));
    assert_eq!((told.state, told.deliveries), (CommandState::Sent, 1));
    assert_eq!(told.sent_at, Some(told.created_at));

    // The same by a claim.
    let other = enrolled(&mut conn, "other", "site-1");
    let other_epoch = attach(&mut conn, other.pk, Some("journal"));
    let row = row(other.pk, NewCommand { device_id: device_id("other"), ..new });
    commands::insert(&mut conn, std::slice::from_ref(&row)).unwrap();
    let by_claim = claim(&mut conn, other.pk, other_epoch).deliveries.pop().unwrap();
    let stored = found(&mut conn, row.command_id);
    let causes = |command: &Command| command.history.iter().map(|step| step.cause.clone()).collect::<Vec<_>>();
    assert_eq!(causes(&told), ["queued by admin", &format!("handed to the device in session {epoch}")]);
    assert_eq!(causes(&stored), ["queued by admin", &format!("handed to the device in session {other_epoch}")]);
    assert_eq!(states(&told), states(&stored));
    assert_eq!(
        (delivery.command_type, delivery.payload, delivery.run_timeout),
        (by_claim.command_type, by_claim.payload, by_claim.run_timeout)
    );
    assert_eq!((delivery.created_at, delivery.server_time), (told.created_at, None));
    assert!(delivery.time_to_live <= Duration::from_secs(600) && delivery.time_to_live > Duration::from_secs(590));

    // It is not claimed again, and is this session's to speak of.
    assert_eq!(claim(&mut conn, d.pk, epoch), Handed::default());
    let session = Speaker::Session { pk: d.pk, epoch };
    assert!(matches!(say(&mut conn, session, told.command_id, Event::Acknowledged), Changed::Done(_)));
}

#[tokio::test]
async fn what_was_claimed_as_it_was_queued_and_never_sent_comes_as_after_a_lost_claim() {
    let (database, d) = with_device("d").await;
    let mut conn = database.connect();
    let old = attach(&mut conn, d.pk, Some("journal"));
    let (reboot, true) = queue_for(&mut conn, d.pk, old) else { panic!("it was not claimed") };
    // Its session does not know what became of it.
    let again = commands::claim(&mut conn, &[Claim { pk: d.pk, epoch: old, again: true }]).unwrap().pop().unwrap();
    assert_eq!(again.deliveries.iter().map(|delivery| delivery.command_id).collect::<Vec<_>>(), [reboot]);
    // The process was killed.
    let new = attach(&mut conn, d.pk, Some("journal"));
    assert!(commands::give_up_lost(&mut conn, d.pk, new).unwrap().is_empty());
    assert_eq!(claimed(&mut conn, d.pk, new), [reboot]);
    assert_eq!(states(&found(&mut conn, reboot)), [CommandState::Queued, CommandState::Sent]);
}

#[tokio::test]
async fn a_session_that_was_replaced_or_never_was_gets_nothing_and_the_command_waits() {
    let (database, d) = with_device("d").await;
    let mut conn = database.connect();
    let (none, false) = queue_for(&mut conn, d.pk, 1) else { panic!("there is no session") };
    let old = attach(&mut conn, d.pk, Some("journal"));
    let new = attach(&mut conn, d.pk, Some("journal"));
    assert_eq!(claimed(&mut conn, d.pk, new), [none]);
    let (late, false) = queue_for(&mut conn, d.pk, old) else { panic!("the session was replaced") };
    assert_eq!(found(&mut conn, late).state, CommandState::Queued);
    assert_eq!(claimed(&mut conn, d.pk, new), [late]);
}

#[tokio::test]
async fn a_command_waits_behind_those_that_the_device_is_still_to_get() {
    let (database, d) = with_device("d").await;
    let mut conn = database.connect();
    let old = attach(&mut conn, d.pk, Some("journal"));
    let first = queue(&mut conn, d.pk, "PING");
    let (second, false) = queue_for(&mut conn, d.pk, old) else { panic!("one waits") };
    assert_eq!(claimed(&mut conn, d.pk, old), [first, second]);
    // What the session has been handed holds nothing up.
    let (third, true) = queue_for(&mut conn, d.pk, old) else { panic!("none waits") };
    // The next session is to be handed all of that again, before anything new.
    let new = attach(&mut conn, d.pk, Some("journal"));
    let (fourth, false) = queue_for(&mut conn, d.pk, new) else { panic!("three are to come again") };
    assert_eq!(claimed(&mut conn, d.pk, new), [first, second, third, fourth]);
    assert!(queue_for(&mut conn, d.pk, new).1);
    // Another device's commands are no matter.
    let other = enrolled(&mut conn, "other", "site-1");
    queue(&mut conn, d.pk, "PING");
    let epoch = attach(&mut conn, other.pk, None);
    assert!(queue_for(&mut conn, other.pk, epoch).1);
}

#[tokio::test]
async fn a_batch_claims_for_each_its_own_and_keeps_their_order() {
    let (database, d) = with_device("d").await;
    let mut conn = database.connect();
    let other = enrolled(&mut conn, "other", "site-1");
    let (one, two) = (attach(&mut conn, d.pk, None), attach(&mut conn, other.pk, None));
    let rows = [
        for_session(other.pk, two, new_command("other", "PING")),
        for_session(d.pk, one, new_command("d", "PING")),
        row(other.pk, new_command("other", "PING")),
        for_session(d.pk, one, new_command("d", "PING")),
        for_session(d.pk, one - 1, new_command("d", "PING")),
    ];
    let inserted = commands::insert(&mut conn, &rows).unwrap();
    let was_claimed: Vec<_> = inserted.iter().map(|inserted| matches!(inserted, Inserted::Claimed(..))).collect();
    assert_eq!(was_claimed, [true, true, false, true, false]);
    let claimed_at = |place: usize| match &inserted[place] {
        Inserted::Claimed(_, delivery) => (delivery.created_at, delivery.command_id),
        other => panic!("{other:?}"),
    };
    assert!(claimed_at(1) < claimed_at(3));
    assert_eq!(claimed(&mut conn, other.pk, two), [rows[2].command_id]);
    assert_eq!(claimed(&mut conn, d.pk, one), [rows[4].command_id]);
}

#[tokio::test]
async fn an_idempotency_key_claims_once_however_many_try_at_once() {
    let (database, d) = with_device("d").await;
    let mut conn = database.connect();
    let epoch = attach(&mut conn, d.pk, None);
    let with_key = move || NewCommand { idempotency_key: Some("key".to_owned()), ..new_command("d", "REBOOT") };
    let inserted = at_once(database.store(), 8, |_| {
        let rows = [for_session(d.pk, epoch, with_key()), for_session(d.pk, epoch, with_key())];
        move |conn: &mut PgConnection| commands::insert(conn, &rows)
    })
    .await;
    let inserted: Vec<_> = inserted.into_iter().flatten().collect();
    assert_eq!(inserted.iter().filter(|inserted| matches!(inserted, Inserted::Claimed(..))).count(), 1);
    assert_eq!(inserted.iter().filter(|inserted| matches!(inserted, Inserted::Existing(_))).count(), 15);
    assert_eq!(claim(&mut conn, d.pk, epoch), Handed::default());
}

#[tokio::test]
async fn each_command_is_handed_out_once_while_a_session_claims() {
    let (database, d) = with_device("d").await;
    let mut conn = database.connect();
    let epoch = attach(&mut conn, d.pk, None);
    let handed = at_once(database.store(), 8, |number| {
        move |conn: &mut PgConnection| -> Result<Vec<CommandId>, StoreError> {
            let mut all = Vec::new();
            for _ in 0..20 {
                if number % 2 == 0 {
                    let inserted = commands::insert(conn, &[for_session(d.pk, epoch, new_command("d", "REBOOT"))])?;
                    all.extend(inserted.into_iter().filter_map(|inserted| match inserted {
                        Inserted::Claimed(command, _) => Some(command.command_id),
                        _ => None,
                    }));
                } else {
                    let handed = commands::claim(conn, &[Claim { pk: d.pk, epoch, again: false }])?;
                    let deliveries = handed.into_iter().flat_map(|handed| handed.deliveries);
                    all.extend(deliveries.map(|delivery| delivery.command_id));
                }
            }
            Ok(all)
        }
    })
    .await;
    let mut handed: Vec<_> = handed.into_iter().flatten().collect();
    loop {
        let rest = claimed(&mut conn, d.pk, epoch);
        if rest.is_empty() {
            break;
        }
        handed.extend(rest);
    }
    assert_eq!(handed.len(), 4 * 20);
    assert_eq!(handed.iter().collect::<HashSet<_>>().len(), handed.len());
}
