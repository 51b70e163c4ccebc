//! Each promise, broken once: a judge who never finds anything proves nothing.

use homepot::{
    model::CommandId,
    pb::command::v1::{CommandState as State, Transition},
};

use super::{super::traffic::Answered, *};

const ID: &str = "00000000-0000-7000-8000-000000000001";

fn time(seconds: i64) -> Option<prost_types::Timestamp> {
    Some(prost_types::Timestamp { seconds, nanos: 0 })
}

/// A command that went through these states, one a second, with ten seconds to live.
fn evidence(command_type: &str, states: &[State]) -> Evidence {
    let history = (0..).zip(states).map(|(at, state)| Transition {
        state: (*state).into(),
        time: time(at),
        ..Default::default()
    });
    let command = Command {
        command_id: ID.to_owned(),
        device_id: "device-0".to_owned(),
        command_type: command_type.to_owned(),
        idempotency_key: "order-0".to_owned(),
        state: (*states.last().unwrap()).into(),
        history: history.collect(),
        created_at: time(0),
        expires_at: time(10),
        ..Default::default()
    };
    let mut evidence = Evidence::default();
    let answered = Answered { key: "order-0".to_owned(), ids: vec![ID.to_owned()], cancel: None };
    evidence.told.commands.push(answered);
    evidence.ledger.commands.insert(ID.to_owned(), command);
    evidence
}

fn line(seconds: i64, begins: bool) -> Line {
    Line { command_id: ID.to_owned(), at: seconds * 1_000_000, pid: 1, begins }
}

/// The promises that are broken.
fn broken(evidence: &Evidence) -> Vec<&'static str> {
    PROMISES.iter().filter(|(_, check)| !check(evidence).is_empty()).map(|(name, _)| *name).collect()
}

const DONE: &[State] = &[State::Queued, State::Sent, State::Acknowledged, State::Running, State::Succeeded];

fn done() -> Evidence {
    let mut evidence = evidence("RESTART_APP", DONE);
    evidence.deeds.insert(ID.to_owned(), vec![line(3, true), line(4, false)]);
    evidence
}

#[test]
fn what_went_well_breaks_no_promise() {
    assert_eq!(broken(&done()), Vec::<&str>::new());
    assert_eq!(broken(&evidence("PING", DONE)), Vec::<&str>::new());
}

#[test]
fn what_was_answered_and_is_not_there_is_lost_and_so_is_what_is_there_twice() {
    let mut gone = done();
    gone.deeds.clear();
    let command = gone.ledger.commands.remove(ID).unwrap();
    assert_eq!(broken(&gone), ["lost"]);
    let mut doubled = done();
    doubled.ledger.commands.insert("other".to_owned(), Command { command_id: "other".to_owned(), ..command });
    assert!(broken(&doubled).contains(&"lost"));
    let mut two_ids = done();
    two_ids.told.commands[0].ids.push("other".to_owned());
    assert_eq!(broken(&two_ids), ["lost"]);
}

#[test]
fn an_outcome_that_was_acknowledged_and_does_not_stand_is_lost() {
    let command_id = CommandId::parse(ID).unwrap();
    let forgotten = |state| Ok(vec![Record::Forgotten { command_id, state, reason: None }]);
    let mut evidence = done();
    evidence.journals.insert("device-0".to_owned(), forgotten(CommandState::Succeeded));
    assert_eq!(broken(&evidence), Vec::<&str>::new());
    evidence.journals.insert("device-0".to_owned(), forgotten(CommandState::Failed));
    assert_eq!(broken(&evidence), ["lost"]);
}

#[test]
fn a_second_beginning_and_a_late_one_are_found() {
    let mut twice = done();
    twice.deeds.get_mut(ID).unwrap().push(line(5, true));
    assert_eq!(broken(&twice), ["run_twice"]);
    let mut late = done();
    late.deeds.insert(ID.to_owned(), vec![line(11, true), line(12, false)]);
    assert_eq!(broken(&late), ["started_late"]);
}

#[test]
fn what_has_no_end_or_ended_otherwise_than_it_is_told_is_found() {
    assert_eq!(broken(&evidence("PING", &DONE[..4])), ["without_end"]);
    let mut not_done = done();
    not_done.deeds.clear();
    assert_eq!(broken(&not_done), ["contradicted"]);
    let mut expired = evidence("REBOOT", &[State::Queued, State::Expired]);
    assert_eq!(broken(&expired), Vec::<&str>::new());
    expired.deeds.insert(ID.to_owned(), vec![line(1, true)]);
    assert_eq!(broken(&expired), ["contradicted"]);
}

#[test]
fn a_cancellation_is_held_to_its_answer() {
    let answered = |states: &[State], answer| {
        let mut evidence = evidence("PING", states);
        evidence.told.commands[0].cancel = Some(answer);
        broken(&evidence)
    };
    let cancelled = &[State::Queued, State::Cancelled];
    assert_eq!(answered(cancelled, CancelAnswer::Cancelled), Vec::<&str>::new());
    assert_eq!(answered(cancelled, CancelAnswer::TooLate), ["cancels_broken"]);
    assert_eq!(answered(DONE, CancelAnswer::Cancelled), ["cancels_broken"]);
    assert_eq!(answered(DONE, CancelAnswer::TooLate), Vec::<&str>::new());
}

#[test]
fn a_history_that_the_rules_do_not_allow_is_found() {
    assert_eq!(broken(&evidence("PING", &[State::Queued, State::Running, State::Succeeded])), ["illegal_histories"]);
    let mut backwards = evidence("PING", DONE);
    backwards.ledger.commands.get_mut(ID).unwrap().history[2].time = time(0);
    assert_eq!(broken(&backwards), ["illegal_histories"]);
}
