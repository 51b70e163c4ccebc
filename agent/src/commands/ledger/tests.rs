use std::time::Duration;

use chrono::{DateTime, TimeDelta};
use homepot::model::{CommandType, Delivery, MAX_PAYLOAD_BYTES};

use super::*;

fn id(n: u128) -> CommandId {
    CommandId(uuid::Uuid::from_u128(n))
}

fn wall(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_700_000_000, 0).unwrap() + TimeDelta::seconds(seconds)
}

/// `wall` and `uptime` in seconds.
fn moment(wall_seconds: i64, uptime: u64, boot: &str) -> Moment {
    Moment { wall: wall(wall_seconds), uptime_ms: uptime * 1_000, boot_id: boot.to_owned() }
}

/// As it arrives at wall 0, uptime 100, in boot "a", from a server whose clock shows the same.
fn arrival(n: u128, command_type: &str, ttl: u64) -> Arrival {
    let delivery = Delivery {
        command_id: id(n),
        command_type: CommandType::parse(command_type).unwrap(),
        payload: None,
        time_to_live: Duration::from_secs(ttl),
        run_timeout: Duration::from_secs(1),
        created_at: wall(0),
        server_time: Some(wall(0)),
    };
    Arrival { delivery, under_way: Some(Duration::ZERO), at: moment(0, 100, "a") }
}

fn received(n: u128, command_type: &str, ttl: u64) -> Record {
    Record::Received(arrival(n, command_type, ttl).into())
}

/// From a server that does not tell its clock.
fn received_of_old(n: u128, ttl: u64) -> Record {
    let mut arrival = arrival(n, "PING", ttl);
    (arrival.delivery.server_time, arrival.under_way) = (None, None);
    Record::Received(arrival.into())
}

fn started(n: u128) -> Record {
    Record::Started { command_id: id(n), boot_id: "a".to_owned() }
}

fn succeeded(n: u128) -> Record {
    ended(id(n), CommandState::Succeeded, None)
}

fn forgotten(n: u128) -> Record {
    Record::Forgotten { command_id: id(n), state: CommandState::Succeeded, reason: None }
}

fn ledger(records: Vec<Record>, fresh: bool) -> Ledger {
    let mut ledger = Ledger::default();
    records.into_iter().for_each(|record| ledger.apply(record, fresh));
    ledger
}

fn ends(records: Vec<Record>) -> Vec<(CommandId, CommandState)> {
    let state = |record| match record {
        Record::Ended { command_id, state, .. } => (command_id, state),
        other => panic!("{other:?}"),
    };
    records.into_iter().map(state).collect()
}

fn recovered(records: Vec<Record>, now: &Moment) -> Vec<(CommandId, CommandState)> {
    ends(ledger(records, false).recover(now, None))
}

/// Applies what a delivery leads to, as a running agent does.
fn deliver(ledger: &mut Ledger, arrival: Arrival) -> Progress {
    let id = arrival.delivery.command_id;
    if let Some(record) = ledger.on_arrival(arrival) {
        ledger.apply(record, true);
    }
    ledger.standing(id)
}

fn state(standing: &Progress) -> Option<CommandState> {
    match standing {
        Progress::Ended(outcome) => Some(outcome.state),
        _ => None,
    }
}

#[test]
fn a_command_that_ended_is_answered_and_never_waits_again() {
    let mut ledger = ledger(vec![received(1, "PING", 60), started(1), succeeded(1)], true);
    assert_eq!(state(&deliver(&mut ledger, arrival(1, "PING", 60))), Some(CommandState::Succeeded));
    assert_eq!(ledger.next(&moment(0, 100, "a")), None);
    ledger.apply(forgotten(1), true);
    assert_eq!(state(&deliver(&mut ledger, arrival(1, "PING", 60))), Some(CommandState::Succeeded));
    assert_eq!((ledger.pending_outcomes(), ledger.open().count()), (0, 0));
}

#[test]
fn the_first_end_stands_and_nothing_starts_after_it() {
    let end = |state| ended(id(1), state, None);
    let mut ledger = ledger(vec![received(1, "PING", 60), end(CommandState::Cancelled)], true);
    for late in [started(1), end(CommandState::Succeeded), received(1, "PING", 60)] {
        ledger.apply(late, true);
        assert_eq!(state(&ledger.standing(id(1))), Some(CommandState::Cancelled));
    }
    ledger.apply(Record::Forgotten { command_id: id(1), state: CommandState::Cancelled, reason: None }, true);
    for late in [started(1), end(CommandState::Succeeded)] {
        ledger.apply(late, true);
        assert_eq!((state(&ledger.standing(id(1))), ledger.open().count()), (Some(CommandState::Cancelled), 0));
    }
}

#[test]
fn a_command_that_had_started_is_unknown_after_a_crash() {
    let now = moment(5, 105, "a");
    assert_eq!(recovered(vec![received(1, "RESTART_APP", 60), started(1)], &now), [(id(1), CommandState::Unknown)]);
    assert_eq!(recovered(vec![received(1, "REBOOT", 60), started(1)], &now), [(id(1), CommandState::Unknown)]);
    // Of this one only the start was left.
    assert_eq!(recovered(vec![started(1)], &now), [(id(1), CommandState::Unknown)]);
}

#[test]
fn a_reboot_succeeded_when_the_boot_is_another_and_nothing_else_does() {
    let now = moment(60, 5, "b");
    let reboot = vec![received(1, "REBOOT", 600), started(1)];
    assert_eq!(recovered(reboot.clone(), &now), [(id(1), CommandState::Succeeded)]);
    assert_eq!(recovered(ledger(reboot, false).records(), &now), [(id(1), CommandState::Succeeded)]);
    assert_eq!(recovered(vec![received(1, "RESTART_APP", 60), started(1)], &now), [(id(1), CommandState::Unknown)]);
}

#[test]
fn in_a_damaged_journal_what_waits_may_have_started() {
    let records =
        vec![received(1, "PING", 60), received(2, "PING", 60), started(2), received(3, "PING", 60), succeeded(3)];
    let lacking = ledger(records, false).recover(&moment(0, 100, "a"), Some(DAMAGED));
    assert_eq!(ends(lacking), [(id(1), CommandState::Unknown), (id(2), CommandState::Unknown)]);
}

/// Whatever the clocks show: a device comes back with yesterday's time, or next year's.
#[test]
fn after_a_restart_no_command_starts_until_it_is_delivered_again() {
    for now in [
        moment(1, 101, "a"),   // only the agent was restarted
        moment(-1, 130, "a"),  // the wall clock was set back
        moment(900, 101, "a"), // and forward
        moment(30, 99, "a"),   // the uptime makes no sense
        moment(0, 3, "b"),     // booted with the time of the shutdown
        moment(-900, 3, "b"),  // with the time of an earlier one
        moment(9_000, 3, "b"), // with the right time, long after
        moment(30, 3, ""),     // the boot can't be told
    ] {
        let mut ledger = ledger(vec![received(1, "PING", 60)], false);
        assert_eq!(recovered(ledger.records(), &now), [], "{now:?}");
        assert_eq!((ledger.next(&now), ledger.overdue(&now)), (None, None), "{now:?}");
        assert_eq!(ledger.standing(id(1)), Progress::Waiting);

        let again = Arrival { at: now.clone(), ..arrival(1, "PING", 10) };
        assert_eq!(deliver(&mut ledger, again), Progress::Waiting);
        assert_eq!(ledger.next(&now).map(|command| command.command_id), Some(id(1)), "{now:?}");
        // Its time counts from the new arrival.
        let after = |seconds: u64| Moment { uptime_ms: now.uptime_ms + seconds * 1_000, ..now.clone() };
        assert!(ledger.next(&after(9)).is_some() && ledger.next(&after(10)).is_none());
        assert_eq!(ledger.overdue(&after(10)), Some(id(1)));
    }
}

#[test]
fn a_renewal_does_not_outlive_the_process_either() {
    let again = Record::Renewed(Arrival { at: moment(0, 5, "b"), ..arrival(1, "PING", 50) }.into());
    let ledger = ledger(vec![received(1, "PING", 60), again], false);
    assert_eq!(ledger.next(&moment(0, 6, "b")), None);
    assert_eq!(recovered(ledger.records(), &moment(0, 54, "b")), []);
    assert_eq!(recovered(ledger.records(), &moment(0, 55, "b")), [(id(1), CommandState::Expired)]);
}

#[test]
fn what_is_held_ends_when_the_uptime_leaves_no_doubt() {
    let expired = [(id(1), CommandState::Expired)];
    for now in [
        moment(0, 160, "a"),  // the same boot
        moment(-99, 60, "b"), // this boot alone has lasted longer
    ] {
        assert_eq!(recovered(vec![received(1, "PING", 60)], &now), expired, "{now:?}");
        assert_eq!(ledger(vec![received(1, "PING", 60)], false).overdue(&now), Some(id(1)));
    }
}

#[test]
fn what_is_held_ends_when_the_servers_clock_says_so() {
    let held = ledger(vec![received(1, "PING", 60)], false);
    assert_eq!((held.overdue_at(wall(59)), held.overdue_at(wall(60))), (None, Some(id(1))));
    // Of what this process heard it knows better.
    assert_eq!(ledger(vec![received(1, "PING", 60)], true).overdue_at(wall(60)), None);
}

#[test]
fn the_wall_clock_ends_only_what_a_server_without_a_clock_sent_and_starts_nothing() {
    for (now, expected) in [
        (moment(60, 3, "b"), vec![(id(1), CommandState::Expired)]),
        (moment(59, 3, "b"), vec![]),
        (moment(-1, 3, "b"), vec![]),
    ] {
        assert_eq!(recovered(vec![received_of_old(1, 60)], &now), expected, "{now:?}");
        assert_eq!(recovered(vec![received(1, "PING", 60)], &now), []);
        assert_eq!(ledger(vec![received_of_old(1, 60)], false).next(&now), None);
    }
}

#[test]
fn a_step_of_the_wall_clock_expires_nothing_that_this_process_received() {
    let ledger = ledger(vec![received(1, "PING", 60)], true);
    for wall in [-1_000_000, 0, 1_000_000] {
        assert!(ledger.next(&moment(wall, 159, "a")).is_some());
        assert_eq!(ledger.overdue(&moment(wall, 159, "a")), None);
    }
}

/// The uptime goes on while the process is stopped or the machine sleeps.
#[test]
fn a_command_that_waited_through_a_sleep_is_too_late() {
    let ledger = ledger(vec![received(1, "PING", 60), received(2, "PING", 6_000)], true);
    let woken = moment(0, 100 + 3_600, "a");
    assert_eq!(ledger.overdue(&woken), Some(id(1)));
    assert_eq!(ledger.next(&woken).map(|command| command.command_id), Some(id(2)));
}

#[test]
fn the_time_a_delivery_was_under_way_is_gone() {
    let late = |seconds| Arrival { under_way: Some(Duration::from_secs(seconds)), ..arrival(1, "PING", 60) };
    let mut ledger = Ledger::default();
    assert_eq!(deliver(&mut ledger, late(50)), Progress::Waiting);
    assert!(ledger.next(&moment(0, 109, "a")).is_some() && ledger.next(&moment(0, 110, "a")).is_none());
    // Its time is over by the server's clock, and not 50 s after that.
    assert_eq!(super::tests::ledger(ledger.records(), false).overdue_at(wall(60)), Some(id(1)));

    for under_way in [60, 4_000_000_000] {
        let mut ledger = Ledger::default();
        assert_eq!(state(&deliver(&mut ledger, late(under_way))), Some(CommandState::Expired));
        // And so it stays, whatever comes after.
        assert_eq!(state(&deliver(&mut ledger, late(0))), Some(CommandState::Expired));
    }
}

#[test]
fn a_redelivery_renews_what_waits_only_where_it_is_known_to_leave_more() {
    let again = |ttl, under_way| Arrival {
        under_way: Some(Duration::from_secs(under_way)),
        at: moment(0, 130, "a"),
        ..arrival(1, "PING", ttl)
    };
    let unmeasured = Arrival { under_way: None, ..again(60, 0) };
    for (redelivery, left_until) in [
        (again(60, 0), 190),  // the first was taken for slower than it was
        (again(30, 10), 160), // this one was slower
        (again(20, 90), 160), // so slow that it tells nothing
        (unmeasured, 160),    // it may have been under way for a minute
    ] {
        let mut ledger = ledger(vec![received(1, "PING", 60)], true);
        assert_eq!(deliver(&mut ledger, redelivery), Progress::Waiting);
        assert!(ledger.next(&moment(0, left_until - 1, "a")).is_some(), "{left_until}");
        assert!(ledger.next(&moment(0, left_until, "a")).is_none(), "{left_until}");
    }
    // The server itself says that nothing is left.
    let mut ledger = ledger(vec![received(1, "PING", 60)], true);
    assert_eq!(state(&deliver(&mut ledger, again(0, 0))), Some(CommandState::Expired));
}

#[test]
fn a_redelivery_of_what_is_held_that_came_too_late_ends_it() {
    let mut ledger = ledger(vec![received(1, "PING", 60)], false);
    let late = Arrival { under_way: Some(Duration::from_secs(30)), ..arrival(1, "PING", 30) };
    assert_eq!(state(&deliver(&mut ledger, late)), Some(CommandState::Expired));
}

#[test]
fn a_redelivery_of_what_has_started_changes_nothing() {
    for records in [vec![received(1, "PING", 60), started(1)], vec![received(1, "PING", 60), started(1), succeeded(1)]]
    {
        for fresh in [true, false] {
            assert_eq!(ledger(records.clone(), fresh).on_arrival(arrival(1, "PING", 60)), None);
        }
    }
}

#[test]
fn what_is_held_keeps_nobody_waiting() {
    let mut ledger = ledger(vec![received(1, "PING", 60)], false);
    deliver(&mut ledger, arrival(2, "PING", 60));
    assert_eq!(ledger.next(&moment(0, 100, "a")).map(|command| command.command_id), Some(id(2)));
}

#[test]
fn a_cancellation_takes_back_what_has_not_started_and_nothing_else() {
    let end = |state| ended(id(1), state, None);
    let cases: [(Vec<Record>, bool); 8] = [
        (vec![], true),
        (vec![received(1, "PING", 60)], true),
        (vec![received(1, "PING", 60), started(1)], false),
        (vec![received(1, "PING", 60), started(1), succeeded(1)], false),
        (vec![received(1, "PING", 60), end(CommandState::Expired)], false),
        (vec![end(CommandState::Cancelled)], false),
        (vec![received(1, "PING", 60), started(1), end(CommandState::Unknown)], false),
        (vec![forgotten(1)], false),
    ];
    for (records, taken_back) in cases {
        for fresh in [true, false] {
            let mut ledger = ledger(records.clone(), fresh);
            let before = ledger.standing(id(1));
            let record = ledger.on_cancellation(id(1), "by ann: wrong till");
            assert_eq!(record.is_some(), taken_back, "{records:?}");
            record.into_iter().for_each(|record| ledger.apply(record, true));
            if !taken_back {
                assert_eq!(ledger.standing(id(1)), before);
                continue;
            }
            let Progress::Ended(outcome) = ledger.standing(id(1)) else { panic!("{records:?}") };
            assert_eq!(
                (outcome.state, outcome.reason.as_deref()),
                (CommandState::Cancelled, Some("by ann: wrong till"))
            );
            assert_eq!(ledger.pending_outcomes(), 1);
        }
    }
}

#[test]
fn a_delivery_that_comes_after_its_cancellation_never_waits() {
    let mut ledger = Ledger::default();
    let tombstone = ledger.on_cancellation(id(1), "").unwrap();
    ledger.apply(tombstone, true);
    let mut read_back = super::tests::ledger(ledger.records(), false);
    for ledger in [&mut ledger, &mut read_back] {
        assert_eq!(state(&deliver(ledger, arrival(1, "REBOOT", 60))), Some(CommandState::Cancelled));
        ledger.apply(Record::Forgotten { command_id: id(1), state: CommandState::Cancelled, reason: None }, true);
        assert_eq!(state(&deliver(ledger, arrival(1, "REBOOT", 60))), Some(CommandState::Cancelled));
    }
}

#[test]
fn cancellations_have_room_beyond_a_full_ledger_but_not_without_end() {
    let mut ledger = ledger((0..MAX_OPEN as u128).map(|n| received(n, "PING", 60)).collect(), true);
    let reason = "x".repeat(10_000);
    for n in MAX_OPEN..MAX_OPEN_AND_CANCELLED {
        let record = ledger.on_cancellation(id(n as u128), &reason).unwrap();
        assert!(matches!(&record, Record::Ended { reason: Some(reason), .. } if reason.len() == MAX_REASON));
        ledger.apply(record, true);
    }
    assert_eq!(ledger.on_cancellation(id(9_999), ""), None);
    assert_eq!(ledger.standing(id(9_999)), Progress::Full);
    assert!(ledger.on_cancellation(id(0), "").is_some(), "what waits can be taken back even then");
}

#[test]
fn compaction_says_the_same_in_fewer_records() {
    let all = vec![
        received(1, "PING", 60),
        started(1),
        succeeded(1),
        forgotten(1),
        received(2, "PING", 60),
        started(2),
        received(3, "PING", 60),
        Record::Renewed(Arrival { at: moment(0, 500, "a"), ..arrival(3, "PING", 50) }.into()),
        received(4, "PING", 60),
        started(4),
        succeeded(4),
    ];
    let ledger = ledger(all, false);
    let again = super::tests::ledger(ledger.records(), false);
    assert_eq!((ledger.records().len(), again.records()), (5, ledger.records()));
    for n in 1..=5 {
        assert_eq!(again.standing(id(n)), ledger.standing(id(n)));
    }
    assert_eq!((again.overdue(&moment(0, 549, "a")), again.overdue(&moment(0, 550, "a"))), (None, Some(id(3))));
}

#[test]
fn a_full_ledger_takes_no_more_and_old_ids_are_let_go() {
    let mut ledger = ledger((0..MAX_OPEN as u128).map(|n| received(n, "PING", 60)).collect(), true);
    let Progress::Ended(refused) = deliver(&mut ledger, arrival(9_999, "PING", 60)) else { panic!() };
    assert_eq!(refused.state, CommandState::Rejected);
    // And so it stays, whatever comes of it later.
    assert_eq!(ledger.on_cancellation(id(9_999), ""), None);
    let reason = Some("r".repeat(MAX_REASON));
    for n in 0..MAX_FORGOTTEN as u128 + 10 {
        let record = Record::Forgotten { command_id: id(n), state: CommandState::Failed, reason: reason.clone() };
        ledger.apply(record, true);
    }
    assert_eq!(ledger.records().len(), MAX_FORGOTTEN);
    let Progress::Ended(outcome) = ledger.standing(id(500)) else { panic!() };
    assert_eq!(outcome.reason.map(|reason| reason.len()), Some(MAX_FORGOTTEN_REASON));
}

fn object(bytes: usize) -> JsonObject {
    serde_json::json!({ "x": "y".repeat(bytes - 8) }).as_object().cloned().unwrap()
}

#[test]
fn payloads_and_results_are_bounded_together() {
    let mut ledger = Ledger::default();
    let mut taken = 0;
    for n in 0..MAX_OPEN as u128 {
        let mut arrival = arrival(n, "RESTART_APP", 60);
        arrival.delivery.payload = Some(object(MAX_PAYLOAD_BYTES));
        taken += u128::from(deliver(&mut ledger, arrival) == Progress::Waiting);
    }
    assert_eq!(taken, (MAX_OPEN_BYTES / MAX_PAYLOAD_BYTES) as u128);
    assert_eq!(ledger.standing(id(9_999)), Progress::Full);

    // A payload is let go when its command starts, a result is kept until the server has it.
    ledger.apply(started(0), true);
    assert_eq!((ledger.bytes(), ledger.standing(id(9_999))), (MAX_OPEN_BYTES - MAX_PAYLOAD_BYTES, Progress::New));
    let outcome = |bytes| Outcome {
        command_id: id(0),
        state: CommandState::Succeeded,
        result: Some(object(bytes)),
        reason: None,
    };
    assert!(ledger.fitting(outcome(MAX_PAYLOAD_BYTES)).result.is_some());
    let without = ledger.fitting(outcome(MAX_PAYLOAD_BYTES + 1));
    assert_eq!((without.result, without.reason.as_deref()), (None, Some(NO_ROOM)));
    ledger.apply(Record::ended(outcome(MAX_PAYLOAD_BYTES)), true);
    assert_eq!((ledger.bytes(), ledger.standing(id(9_999))), (MAX_OPEN_BYTES, Progress::Full));
    ledger.apply(forgotten(0), true);
    assert_eq!((ledger.bytes(), ledger.standing(id(9_999))), (MAX_OPEN_BYTES - MAX_PAYLOAD_BYTES, Progress::New));
}
