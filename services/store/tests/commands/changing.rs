//! What is said of commands, what becomes of a cancel, and what runs out of time.

use diesel::RunQueryDsl as _;

use super::*;

#[tokio::test]
async fn a_command_that_waits_is_cancelled_at_once_and_never_handed_out() {
    let (database, d) = with_device("d").await;
    let mut conn = database.connect();
    let epoch = attach(&mut conn, d.pk, Some("journal"));
    let id = queue(&mut conn, d.pk, "REBOOT");
    let said = Word {
        command_id: id,
        speaker: Speaker::Operator,
        event: Event::CancelAsked,
        result: None,
        reason: Some("cancelled by bob".to_owned()),
    };
    let changed = commands::change(&mut conn, std::slice::from_ref(&said)).unwrap();
    let [Changed::Done(command)] = &changed[..] else { panic!("{changed:?}") };
    assert_eq!((command.state, command.reason.as_deref()), (CommandState::Cancelled, Some("cancelled by bob")));
    assert_eq!(command.history.last().unwrap().cause, "cancelled by bob");
    assert_eq!(claim(&mut conn, d.pk, epoch), Handed::default());
    assert!(fetched(&mut conn, d.pk).is_empty());
}

#[tokio::test]
async fn what_may_have_run_elsewhere_is_not_called_cancelled() {
    let (database, d) = with_device("d").await;
    let mut conn = database.connect();
    let first = attach(&mut conn, d.pk, Some("a"));
    let ping = queue(&mut conn, d.pk, "PING");
    assert_eq!(claimed(&mut conn, d.pk, first), [ping]);
    // Again to the same journal: that one can tell.
    let second = attach(&mut conn, d.pk, Some("a"));
    assert_eq!(claimed(&mut conn, d.pk, second), [ping]);
    let third = attach(&mut conn, d.pk, Some("b"));
    assert_eq!(claimed(&mut conn, d.pk, third), [ping]);
    let refused = say(&mut conn, Speaker::Operator, ping, Event::CancelAsked);
    assert!(matches!(refused, Changed::Refused(_, Refusal::MayHaveRun)), "{refused:?}");
}

#[tokio::test]
async fn a_device_is_asked_once_a_session_and_its_answer_settles_a_cancel() {
    let (database, d) = with_device("d").await;
    let mut conn = database.connect();
    let first = attach(&mut conn, d.pk, Some("journal"));
    let [won, lost] = [queue(&mut conn, d.pk, "REBOOT"), queue(&mut conn, d.pk, "REBOOT")];
    claimed(&mut conn, d.pk, first);
    for id in [won, lost] {
        let Changed::Done(asked) = say(&mut conn, Speaker::Operator, id, Event::CancelAsked) else { panic!() };
        assert_eq!((asked.state, asked.cancel_requested_at.is_some()), (CommandState::Sent, true));
        assert!(matches!(say(&mut conn, Speaker::Operator, id, Event::CancelAsked), Changed::Repeat(_)));
    }
    let asked = |handed: Handed| handed.cancellations.into_iter().map(|(id, _)| id).collect::<Vec<_>>();
    assert_eq!(asked(claim(&mut conn, d.pk, first)), [won, lost]);
    assert!(asked(claim(&mut conn, d.pk, first)).is_empty());
    // The next session is asked again, and is not handed what is to be taken back.
    let second = attach(&mut conn, d.pk, Some("journal"));
    let handed = claim(&mut conn, d.pk, second);
    assert!(handed.deliveries.is_empty());
    assert_eq!(asked(handed), [won, lost]);

    let speaker = Speaker::Session { pk: d.pk, epoch: second };
    let Changed::Done(command) = say(&mut conn, speaker, won, Event::Ended(CommandState::Cancelled)) else { panic!() };
    assert_eq!(states(&command), [CommandState::Queued, CommandState::Sent, CommandState::Cancelled]);
    say(&mut conn, speaker, lost, Event::Started);
    let refused = say(&mut conn, speaker, lost, Event::Ended(CommandState::Cancelled));
    assert!(matches!(refused, Changed::Refused(_, Refusal::HasStarted)), "{refused:?}");
    assert!(asked(claim(&mut conn, d.pk, second)).is_empty());
}

fn events() -> Vec<Event> {
    let ends = CommandState::ALL.into_iter().map(Event::Ended);
    [Event::Acknowledged, Event::Started, Event::CancelAsked].into_iter().chain(ends).collect()
}

/// What the rules say comes of each event, and what the store made of it, must be the same.
#[tokio::test]
async fn a_change_follows_the_rules_from_every_state_by_every_event() {
    let (database, d) = with_device("d").await;
    let mut conn = database.connect();
    let epoch = attach(&mut conn, d.pk, Some("journal"));
    for from in CommandState::ALL {
        for event in events() {
            let id = queue(&mut conn, d.pk, "PING");
            bring(&mut conn, d.pk, epoch, id, from);
            let before = found(&mut conn, id);
            let standing = Standing {
                state: from,
                holder: Holder::Session,
                cancel_requested: before.cancel_requested_at.is_some(),
            };
            // An operator asks, the device tells.
            let speaker =
                if event == Event::CancelAsked { Speaker::Operator } else { Speaker::Session { pk: d.pk, epoch } };
            let changed = say(&mut conn, speaker, id, event);
            let after = found(&mut conn, id);
            match (standing.on(event), &changed) {
                (Ok(Step::To(next)), Changed::Done(command)) => {
                    assert_eq!((command, command.state), (&after, next));
                    assert_eq!(after.finished_at.is_some(), next.is_end());
                    assert_eq!(after.history.len(), before.history.len() + 1);
                    assert!(!after.history.last().unwrap().cause.is_empty() || speaker == Speaker::Operator);
                }
                (Ok(Step::AskDevice), Changed::Done(command)) => {
                    assert_eq!((command, after.state), (&after, from));
                    assert!(after.cancel_requested_at.is_some());
                }
                (Ok(Step::Stays), Changed::Repeat(command)) => assert_eq!((command, &before), (&after, &after)),
                (Err(refusal), Changed::Refused(command, told)) => {
                    assert_eq!((refusal, command, &before), (*told, &after, &after));
                }
                (expected, got) => panic!("{from:?} on {event:?}: {expected:?}, but {got:?}"),
            }
        }
    }
}

/// By the shortest way the rules allow.
fn bring(conn: &mut PgConnection, pk: i64, epoch: i64, id: CommandId, target: CommandState) {
    let speaker = Speaker::Session { pk, epoch };
    match target {
        CommandState::Queued => return,
        CommandState::Cancelled => {
            say(conn, Speaker::Operator, id, Event::CancelAsked);
        }
        _ => assert!(claimed(conn, pk, epoch).contains(&id)),
    }
    match target {
        CommandState::Sent | CommandState::Cancelled => {}
        CommandState::Acknowledged => drop(say(conn, speaker, id, Event::Acknowledged)),
        CommandState::Running => drop(say(conn, speaker, id, Event::Started)),
        end => drop(say(conn, speaker, id, Event::Ended(end))),
    }
    assert_eq!(state(conn, id), target);
}

#[tokio::test]
async fn a_batch_takes_the_words_of_one_command_in_their_order() {
    let (database, d) = with_device("d").await;
    let mut conn = database.connect();
    let epoch = attach(&mut conn, d.pk, None);
    let id = queue(&mut conn, d.pk, "PING");
    claimed(&mut conn, d.pk, epoch);
    let words: Vec<_> =
        [Event::Acknowledged, Event::Started, Event::Ended(CommandState::Succeeded), Event::Acknowledged]
            .map(|event| Word {
                command_id: id,
                speaker: Speaker::Session { pk: d.pk, epoch },
                event,
                result: None,
                reason: None,
            })
            .into();
    let changed = commands::change(&mut conn, &words).unwrap();
    assert!(matches!(changed[..], [Changed::Done(_), Changed::Done(_), Changed::Done(_), Changed::Repeat(_)]));
    let Command { history, sent_at, acknowledged_at, started_at, finished_at, .. } = found(&mut conn, id);
    assert_eq!(history.len(), 5);
    assert!([sent_at, acknowledged_at, started_at, finished_at].iter().all(Option::is_some));
    assert!(history.is_sorted_by_key(|transition| transition.time));
}

#[tokio::test]
async fn the_same_outcome_twice_is_a_repeat_and_another_one_is_refused() {
    let (database, d) = with_device("d").await;
    let mut conn = database.connect();
    let id = queue(&mut conn, d.pk, "PING");
    fetched(&mut conn, d.pk);
    let mut report = |event, word| say_with(&mut conn, Speaker::Poller { pk: d.pk }, id, event, word);
    let succeeded = Event::Ended(CommandState::Succeeded);
    assert!(matches!(report(succeeded, Some("a")), Changed::Done(_)));
    assert!(matches!(report(succeeded, Some("a")), Changed::Repeat(_)));
    assert!(matches!(report(succeeded, Some("b")), Changed::Refused(..)));
    assert!(matches!(report(Event::Ended(CommandState::Failed), None), Changed::Refused(..)));
    // Steps it has passed change nothing and are no fault.
    assert!(matches!(report(Event::Acknowledged, None), Changed::Repeat(_)));
    let Changed::Repeat(command) = report(Event::Started, None) else { panic!() };
    let Command { sent_at, acknowledged_at, started_at, finished_at, .. } = command;
    assert!([sent_at, acknowledged_at, started_at, finished_at].iter().all(Option::is_some));
}

#[tokio::test]
async fn a_device_that_polls_may_answer_for_what_it_has_not_fetched() {
    let (database, d) = with_device("d").await;
    let mut conn = database.connect();
    let id = queue(&mut conn, d.pk, "PING");
    let Changed::Done(command) =
        say(&mut conn, Speaker::Poller { pk: d.pk }, id, Event::Ended(CommandState::Succeeded))
    else {
        panic!()
    };
    assert_eq!(states(&command), [CommandState::Queued, CommandState::Sent, CommandState::Succeeded]);
}

#[tokio::test]
async fn a_command_of_another_device_is_missing() {
    let (database, d) = with_device("d").await;
    let mut conn = database.connect();
    let other = enrolled(&mut conn, "other", "site-1");
    let id = queue(&mut conn, d.pk, "PING");
    fetched(&mut conn, d.pk);
    let succeeded = Event::Ended(CommandState::Succeeded);
    assert_eq!(say(&mut conn, Speaker::Poller { pk: other.pk }, id, succeeded), Changed::Missing);
    assert_eq!(say(&mut conn, Speaker::Poller { pk: d.pk }, command_id(), succeeded), Changed::Missing);
    let epoch = attach(&mut conn, other.pk, None);
    assert_eq!(say(&mut conn, Speaker::Session { pk: other.pk, epoch }, id, succeeded), Changed::Missing);
    assert_eq!(state(&mut conn, id), CommandState::Sent);
}

#[tokio::test]
async fn of_outcomes_reported_at_once_one_is_kept() {
    let (database, d) = with_device("d").await;
    let id = queue(&mut database.connect(), d.pk, "PING");
    fetched(&mut database.connect(), d.pk);
    let changed = at_once(database.store(), 8, |number| {
        move |conn: &mut PgConnection| {
            let event = Event::Ended(CommandState::Succeeded);
            Ok(say_with(conn, Speaker::Poller { pk: d.pk }, id, event, Some(&number.to_string())))
        }
    })
    .await;
    assert_eq!(changed.iter().filter(|changed| matches!(changed, Changed::Done(_))).count(), 1);
    assert_eq!(changed.iter().filter(|changed| matches!(changed, Changed::Refused(..))).count(), 7);
}

#[tokio::test]
async fn batches_at_once_over_the_same_commands_lock_each_other_out_and_not_up() {
    let (database, d) = with_device("d").await;
    let mut conn = database.connect();
    let epoch = attach(&mut conn, d.pk, Some("journal"));
    let ids: Vec<_> = (0..CLAIM_LIMIT).map(|_| queue(&mut conn, d.pk, "REBOOT")).collect();
    assert_eq!(claimed(&mut conn, d.pk, epoch), ids);
    at_once(database.store(), 8, |number| {
        let mut ids = ids.clone();
        ids.rotate_left(number);
        let words: Vec<_> = ids
            .into_iter()
            .map(|command_id| Word {
                command_id,
                speaker: Speaker::Session { pk: d.pk, epoch },
                event: Event::Started,
                result: None,
                reason: None,
            })
            .collect();
        move |conn: &mut PgConnection| commands::change(conn, &words)
    })
    .await;
    for id in ids {
        assert_eq!(states(&found(&mut conn, id)), [CommandState::Queued, CommandState::Sent, CommandState::Running]);
    }
}

#[tokio::test]
async fn the_sweep_expires_what_was_not_fetched_and_gives_up_on_what_was_not_reported() {
    let (database, d) = with_device("d").await;
    let mut conn = database.connect();
    let epoch = attach(&mut conn, d.pk, Some("journal"));
    let now = Utc::now();
    let later = |seconds| Some(now + TimeDelta::seconds(seconds));
    let [sent, running] = [CommandState::Sent, CommandState::Running].map(|state| {
        let id = queue(&mut conn, d.pk, "REBOOT");
        bring(&mut conn, d.pk, epoch, id, state);
        id
    });
    let queued = queue(&mut conn, d.pk, "PING");
    let none = Swept::default();
    assert_eq!(commands::sweep(&mut conn, None, 100).unwrap(), none);
    assert_eq!(commands::sweep(&mut conn, later(100), 100).unwrap(), none);
    // 60 s to run and a minute of grace, from its start.
    assert_eq!(commands::sweep(&mut conn, later(130), 100).unwrap(), Swept { unknown: ONE, ..none });
    assert_eq!(state(&mut conn, running), CommandState::Unknown);
    // 600 s to live.
    assert_eq!(commands::sweep(&mut conn, later(610), 100).unwrap(), Swept { expired: ONE, ..none });
    let command = found(&mut conn, queued);
    assert_eq!(command.state, CommandState::Expired);
    assert_eq!(command.reason.as_deref(), Some("its time to live ran out before the device fetched it"));
    assert_eq!(commands::sweep(&mut conn, later(730), 100).unwrap(), Swept { unknown: ONE, ..none });
    let command = found(&mut conn, sent);
    assert_eq!(states(&command), [CommandState::Queued, CommandState::Sent, CommandState::Unknown]);
    assert_eq!(command.history[2].cause, "it was handed over and nothing was heard of it");
    assert_eq!(commands::sweep(&mut conn, later(9_999), 100).unwrap(), none);

    // A late outcome replaces what nobody knew, and the reason with it.
    let late = Event::Ended(CommandState::Succeeded);
    let Changed::Done(command) = say(&mut conn, Speaker::Session { pk: d.pk, epoch }, sent, late) else { panic!() };
    assert_eq!((command.state, command.reason), (CommandState::Succeeded, None));
}

#[tokio::test]
async fn word_of_a_late_start_does_not_move_the_bound_of_a_command() {
    let (database, d) = with_device("d").await;
    let mut conn = database.connect();
    let epoch = attach(&mut conn, d.pk, Some("journal"));
    let id = queue(&mut conn, d.pk, "PING");
    bring(&mut conn, d.pk, epoch, id, CommandState::Running);
    let second = "created_at + interval '1 second'";
    let late = format!("started_at = created_at + interval '58 seconds', expires_at = {second}, run_timeout_ms = 1000");
    diesel::sql_query(format!("UPDATE commands SET {late}")).execute(&mut conn).unwrap();
    let created_at = found(&mut conn, id).created_at;
    let at = |seconds| Some(created_at + TimeDelta::seconds(seconds));
    // 1 s to live, 1 s to run and a minute of grace.
    assert_eq!(commands::sweep(&mut conn, at(61), 100).unwrap(), Swept::default());
    assert_eq!(commands::sweep(&mut conn, at(63), 100).unwrap(), Swept { unknown: ONE, ..Swept::default() });
}

#[tokio::test]
async fn what_a_poller_was_handed_once_is_given_up_on_long_before_its_time_to_live() {
    let (database, d) = with_device("d").await;
    let mut conn = database.connect();
    let (reboot, ping) = (queue(&mut conn, d.pk, "REBOOT"), queue(&mut conn, d.pk, "PING"));
    fetched(&mut conn, d.pk);
    let later = Some(Utc::now() + TimeDelta::seconds(130));
    assert_eq!(commands::sweep(&mut conn, later, 100).unwrap(), Swept { unknown: ONE, ..Swept::default() });
    assert_eq!([state(&mut conn, reboot), state(&mut conn, ping)], [CommandState::Unknown, CommandState::Sent]);
}

#[tokio::test]
async fn sweeps_at_once_count_each_command_once_and_keep_to_the_limit() {
    let (database, d) = with_device("d").await;
    let mut conn = database.connect();
    for _ in 0..20 {
        queue(&mut conn, d.pk, "PING");
    }
    let late = Some(Utc::now() + TimeDelta::seconds(700));
    assert_eq!(commands::sweep(&mut conn, late, 4).unwrap().expired.real, 4);
    let swept = at_once(database.store(), 4, |_| move |conn: &mut PgConnection| commands::sweep(conn, late, 100)).await;
    assert_eq!(swept.iter().map(|swept| swept.expired.real).sum::<u64>(), 16);
}
