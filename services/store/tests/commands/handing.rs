//! Handing commands over.

use diesel::connection::{AnsiTransactionManager, TransactionManager as _};

use super::*;

#[tokio::test]
async fn concurrent_claimers_hand_each_command_out_once() {
    let (database, d) = with_device("d").await;
    let mut conn = database.connect();
    let epoch = attach(&mut conn, d.pk, None);
    let queued: HashSet<_> = (0..5 * CLAIM_LIMIT).map(|_| queue(&mut conn, d.pk, "PING")).collect();
    let claims = at_once(database.store(), 8, |_| {
        move |conn: &mut PgConnection| {
            let mut all = Vec::new();
            loop {
                // Twice in one batch too.
                let handed = commands::claim(conn, &[Claim { pk: d.pk, epoch, again: false }; 2])?;
                let claimed: Vec<_> = handed.into_iter().flat_map(|handed| handed.deliveries).collect();
                if claimed.is_empty() {
                    return Ok(all);
                }
                all.extend(claimed);
            }
        }
    })
    .await;
    let claimed: Vec<_> = claims.into_iter().flatten().map(|delivery| delivery.command_id).collect();
    assert_eq!(claimed.len(), queued.len());
    assert_eq!(HashSet::from_iter(claimed), queued);
}

#[tokio::test]
async fn a_batch_of_claims_gives_each_session_its_own() {
    let (database, d) = with_device("d").await;
    let mut conn = database.connect();
    let other = enrolled(&mut conn, "other", "site-1");
    let (one, two) = (attach(&mut conn, d.pk, None), attach(&mut conn, other.pk, None));
    let of_d = queue(&mut conn, d.pk, "PING");
    let of_other = [queue(&mut conn, other.pk, "PING"), queue(&mut conn, other.pk, "PING")];
    let stale = Claim { pk: d.pk, epoch: one - 1, again: false };
    let handed = commands::claim(
        &mut conn,
        &[Claim { pk: other.pk, epoch: two, again: false }, stale, Claim { pk: d.pk, epoch: one, again: false }],
    )
    .unwrap();
    let ids = |handed: &Handed| handed.deliveries.iter().map(|delivery| delivery.command_id).collect::<Vec<_>>();
    assert_eq!(handed.iter().map(ids).collect::<Vec<_>>(), [of_other.to_vec(), vec![], vec![of_d]]);
}

#[tokio::test]
async fn a_claim_comes_oldest_first_with_what_is_left_of_the_time() {
    let (database, d) = with_device("d").await;
    let mut conn = database.connect();
    let queued: Vec<_> = (0..5).map(|_| queue(&mut conn, d.pk, "REBOOT")).collect();
    let first = commands::claim_by_poller(&mut conn, d.pk, 2).unwrap();
    assert_eq!(first.iter().map(|delivery| delivery.command_id).collect::<Vec<_>>(), queued[..2]);
    let command = found(&mut conn, queued[0]);
    assert!(first[0].time_to_live < Duration::from_secs(600) && first[0].time_to_live > Duration::from_secs(590));
    assert_eq!(first[0].run_timeout, Duration::from_secs(60));
    assert_eq!(fetched(&mut conn, d.pk), queued[2..]);
    assert_eq!((command.state, command.deliveries), (CommandState::Sent, 1));
    assert!(command.sent_at.is_some());
}

#[tokio::test]
async fn a_replaced_session_claims_nothing_and_the_newer_one_gets_what_it_had() {
    let (database, d) = with_device("d").await;
    let mut conn = database.connect();
    let old = attach(&mut conn, d.pk, Some("journal"));
    let reboot = queue(&mut conn, d.pk, "REBOOT");
    assert_eq!(claimed(&mut conn, d.pk, old), [reboot]);
    assert!(claimed(&mut conn, d.pk, old).is_empty());
    let new = attach(&mut conn, d.pk, Some("journal"));
    let ping = queue(&mut conn, d.pk, "PING");
    assert!(claimed(&mut conn, d.pk, old).is_empty());
    assert_eq!(claimed(&mut conn, d.pk, new), [reboot, ping]);
    assert_eq!(found(&mut conn, reboot).deliveries, 2);

    // The fence holds for reports too, and for a batch of both.
    let word = |epoch| Word {
        command_id: reboot,
        speaker: Speaker::Session { pk: d.pk, epoch },
        event: Event::Acknowledged,
        result: None,
        reason: None,
    };
    let changed = commands::change(&mut conn, &[word(old), word(new), word(new)]).unwrap();
    assert!(matches!(changed[..], [Changed::Missing, Changed::Done(_), Changed::Repeat(_)]), "{changed:?}");
}

#[tokio::test]
async fn what_a_device_acknowledged_comes_again_with_its_next_session_and_stays_acknowledged() {
    let (database, d) = with_device("d").await;
    let mut conn = database.connect();
    let old = attach(&mut conn, d.pk, Some("journal"));
    let reboot = queue(&mut conn, d.pk, "REBOOT");
    let started = queue(&mut conn, d.pk, "REBOOT");
    claimed(&mut conn, d.pk, old);
    say(&mut conn, Speaker::Session { pk: d.pk, epoch: old }, reboot, Event::Acknowledged);
    say(&mut conn, Speaker::Session { pk: d.pk, epoch: old }, started, Event::Started);
    let new = attach(&mut conn, d.pk, Some("journal"));
    assert!(commands::give_up_lost(&mut conn, d.pk, new).unwrap().is_empty());
    assert_eq!(claimed(&mut conn, d.pk, new), [reboot]);
    assert!(claimed(&mut conn, d.pk, new).is_empty());
    let command = found(&mut conn, reboot);
    assert_eq!((command.state, command.deliveries), (CommandState::Acknowledged, 2));
}

#[tokio::test]
async fn what_is_not_safe_to_repeat_goes_to_no_other_journal_than_the_one_it_went_to() {
    for (before, after) in [(Some("a"), Some("b")), (Some("a"), None), (None, Some("b")), (None, None)] {
        let (database, d) = with_device("d").await;
        let mut conn = database.connect();
        let old = attach(&mut conn, d.pk, before);
        let (reboot, ping) = (queue(&mut conn, d.pk, "REBOOT"), queue(&mut conn, d.pk, "PING"));
        let unwanted = queue(&mut conn, d.pk, "PING");
        assert_eq!(claimed(&mut conn, d.pk, old), [reboot, ping, unwanted]);
        say(&mut conn, Speaker::Operator, unwanted, Event::CancelAsked);
        let new = attach(&mut conn, d.pk, after);
        // Before and after it was given up.
        assert_eq!(claimed(&mut conn, d.pk, new), [ping]);
        let given_up: HashSet<_> = commands::give_up_lost(&mut conn, d.pk, new).unwrap().into_iter().collect();
        // Of what is to be taken back this journal can't say whether it ran.
        assert_eq!(given_up, HashSet::from([reboot, unwanted]));
        assert_eq!(claim(&mut conn, d.pk, new), Handed::default());
        let command = found(&mut conn, reboot);
        assert_eq!(command.state, CommandState::Unknown);
        assert!(command.reason.unwrap().contains("another journal"));
        // It may have run all the same.
        let late =
            say(&mut conn, Speaker::Session { pk: d.pk, epoch: new }, reboot, Event::Ended(CommandState::Failed));
        assert!(matches!(late, Changed::Done(_)));
    }
}

#[tokio::test]
async fn a_session_that_begins_during_a_claim_waits_for_it_and_then_gets_it_all() {
    let (database, d) = with_device("d").await;
    let mut conn = database.connect();
    let old = attach(&mut conn, d.pk, Some("journal"));
    let id = queue(&mut conn, d.pk, "REBOOT");
    AnsiTransactionManager::begin_transaction(&mut conn).unwrap();
    assert_eq!(claimed(&mut conn, d.pk, old), [id]);
    let store = database.store().clone();
    let beginning =
        tokio::spawn(async move { store.run("test", move |conn| Ok(attach(conn, d.pk, Some("journal")))).await });
    let mut watcher = database.connect();
    let blocked = "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()";
    while diesel::RunQueryDsl::execute(diesel::sql_query(blocked), &mut watcher).unwrap() == 0 {
        tokio::task::yield_now().await;
    }
    AnsiTransactionManager::commit_transaction(&mut conn).unwrap();
    let new = beginning.await.unwrap().unwrap();
    assert_eq!(claimed(&mut conn, d.pk, new), [id]);
}

#[tokio::test]
async fn a_poller_is_handed_the_harmless_again_and_the_rest_once() {
    let (database, d) = with_device("d").await;
    let mut conn = database.connect();
    let reboot = queue(&mut conn, d.pk, "REBOOT");
    let ping = queue(&mut conn, d.pk, "PING");
    assert_eq!(fetched(&mut conn, d.pk), [reboot, ping]);
    assert_eq!(fetched(&mut conn, d.pk), [ping]);
    // A session may take over the harmless one, and never the other.
    let epoch = attach(&mut conn, d.pk, Some("journal"));
    assert!(commands::give_up_lost(&mut conn, d.pk, epoch).unwrap().is_empty());
    assert_eq!(claimed(&mut conn, d.pk, epoch), [ping]);
    // A poller can't be asked for what it has.
    let refused = say(&mut conn, Speaker::Operator, reboot, Event::CancelAsked);
    assert!(matches!(refused, Changed::Refused(_, Refusal::CannotAsk)), "{refused:?}");
}

#[tokio::test]
async fn a_poller_is_handed_no_more_than_one_message_can_carry_and_loses_nothing() {
    let (database, d) = with_device("d").await;
    let mut conn = database.connect();
    let payload = JsonObject::from_iter([("text".to_owned(), "x".repeat(60 * 1024).into())]);
    let mut queued = Vec::new();
    for _ in 0..3 {
        let new = NewCommand { payload: Some(payload.clone()), ..new_command("d", "REBOOT") };
        queued.push(queue_this(&mut conn, d.pk, new));
    }
    assert_eq!(fetched(&mut conn, d.pk), queued[..2]);
    assert_eq!(fetched(&mut conn, d.pk), queued[2..]);
}

#[tokio::test]
async fn a_command_past_its_time_is_not_handed_out() {
    let (database, d) = with_device("d").await;
    let mut conn = database.connect();
    queue_this(&mut conn, d.pk, NewCommand { time_to_live: Duration::ZERO, ..new_command("d", "PING") });
    assert!(fetched(&mut conn, d.pk).is_empty());
    let epoch = attach(&mut conn, d.pk, None);
    assert!(claimed(&mut conn, d.pk, epoch).is_empty());
}

#[tokio::test]
async fn a_session_whose_claim_went_unanswered_is_handed_the_same_again() {
    let (database, d) = with_device("d").await;
    let mut conn = database.connect();
    let epoch = attach(&mut conn, d.pk, Some("journal"));
    let [lost, taken] = [queue(&mut conn, d.pk, "REBOOT"), queue(&mut conn, d.pk, "REBOOT")];
    let unwanted = queue(&mut conn, d.pk, "REBOOT");
    claimed(&mut conn, d.pk, epoch);
    say(&mut conn, Speaker::Session { pk: d.pk, epoch }, taken, Event::Acknowledged);
    say(&mut conn, Speaker::Operator, unwanted, Event::CancelAsked);
    assert_eq!(claim(&mut conn, d.pk, epoch).cancellations.len(), 1);
    assert_eq!(claim(&mut conn, d.pk, epoch), Handed::default());
    let again = commands::claim(&mut conn, &[Claim { pk: d.pk, epoch, again: true }]).unwrap().pop().unwrap();
    // What the device has acknowledged has arrived.
    assert_eq!(again.deliveries.iter().map(|delivery| delivery.command_id).collect::<Vec<_>>(), [lost]);
    assert_eq!(again.cancellations.len(), 1);
}

#[tokio::test]
async fn what_a_journal_had_is_handed_to_it_again_with_no_time_left_so_that_it_says_so() {
    let (database, d) = with_device("d").await;
    let mut conn = database.connect();
    let mut epoch = attach(&mut conn, d.pk, Some("journal"));
    let short = NewCommand { time_to_live: Duration::from_millis(50), ..new_command("d", "PING") };
    // Claimed within its time or not at all: try until it is.
    let id = loop {
        let id = queue_this(&mut conn, d.pk, short.clone());
        if claimed(&mut conn, d.pk, epoch) == [id] {
            break id;
        }
    };
    while found(&mut conn, id).expires_at > Utc::now() {
        std::hint::spin_loop();
    }
    // Another journal would say that it never started, and does not know.
    epoch = attach(&mut conn, d.pk, Some("other")).max(epoch);
    assert!(claimed(&mut conn, d.pk, epoch).is_empty());
    epoch = attach(&mut conn, d.pk, Some("journal"));
    let handed = claim(&mut conn, d.pk, epoch).deliveries;
    assert_eq!((handed[0].command_id, handed[0].time_to_live), (id, Duration::ZERO));
    let expired = say(&mut conn, Speaker::Session { pk: d.pk, epoch }, id, Event::Ended(CommandState::Expired));
    assert!(matches!(expired, Changed::Done(_)), "{expired:?}");
}

#[tokio::test]
async fn a_session_is_told_what_its_own_journal_said_and_of_no_other() {
    let (database, d) = with_device("d").await;
    let mut conn = database.connect();
    let epoch = attach(&mut conn, d.pk, Some("mine"));
    let [said, started, over, silent] = [(); 4].map(|()| queue(&mut conn, d.pk, "RESTART_APP"));
    assert_eq!(claimed(&mut conn, d.pk, epoch).len(), 4);
    let speaker = Speaker::Session { pk: d.pk, epoch };
    for (id, events) in [
        (said, &[Event::Acknowledged][..]),
        (started, &[Event::Acknowledged, Event::Started]),
        (over, &[Event::Acknowledged, Event::Ended(CommandState::Succeeded)]),
        (silent, &[]),
    ] {
        for event in events {
            assert!(matches!(say(&mut conn, speaker, id, *event), Changed::Done(_)));
        }
    }
    let told: HashSet<_> = commands::told_by_journal(&mut conn, d.pk, epoch).unwrap().into_iter().collect();
    assert_eq!(told, HashSet::from([said, started, over]));
    for other in [Some("other"), None] {
        let epoch = attach(&mut conn, d.pk, other);
        assert_eq!(commands::told_by_journal(&mut conn, d.pk, epoch).unwrap(), []);
    }
}
