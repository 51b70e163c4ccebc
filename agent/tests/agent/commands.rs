//! Commands over the wire: what the agent answers on a delivery, again and again, and on a cancellation.

use std::{path::Path, time::Duration};

use homepot::{
    model::{CommandState, to_proto_duration, to_proto_timestamp},
    pb::{
        command::v1 as command,
        device::v1::{self as pb, attach_request::Message as Up, attach_response::Message as Down},
    },
};
use homepot_agent::status::Phase;

use super::{
    Agent,
    server::{COMMAND, Server, Session, delivery},
    state,
};

async fn outcome(session: &mut Session) -> pb::CommandOutcome {
    session.next(|message| if let Up::CommandOutcome(outcome) = message { Some(outcome) } else { None }).await
}

/// What the agent says of commands, in order.
async fn said(session: &mut Session) -> (&'static str, String) {
    let word = |message| match message {
        Up::CommandAcknowledged(message) => Some(("acknowledged", message.command_id)),
        Up::CommandStarted(message) => Some(("started", message.command_id)),
        Up::CommandOutcome(outcome) => {
            let state = CommandState::from_proto("state", outcome.state).unwrap();
            Some((state.as_str(), outcome.command_id))
        }
        _ => None,
    };
    session.next(word).await
}

fn allow(script: &str) -> String {
    format!("[commands.restart_app]\nallow = true\nprogram = '/bin/sh'\nargs = ['-c', '{script}']")
}

/// A RESTART_APP whose every run leaves a file with its name in it.
fn traced(traces: &Path) -> String {
    allow(&format!("mktemp {}/$HOMEPOT_COMMAND_ID.XXXX", traces.display()))
}

/// A RESTART_APP that runs for as long as `gate` is there.
fn held(gate: &Path) -> String {
    allow(&format!("while [ -e {} ]; do sleep 0.1; done", gate.display()))
}

fn runs(traces: &Path) -> Vec<String> {
    let names = std::fs::read_dir(traces).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut ids: Vec<_> = names.map(|name| name.split_once('.').unwrap().0.to_owned()).collect();
    ids.sort_unstable();
    ids
}

fn restart(n: u128) -> pb::CommandDelivery {
    pb::CommandDelivery { command_id: id(n), ..delivery("RESTART_APP") }
}

fn id(n: u128) -> String {
    uuid::Uuid::from_u128(n).to_string()
}

fn cancellation(n: u128) -> Down {
    Down::CommandCancellation(pb::CommandCancellation { command_id: id(n), reason: "ann: wrong till".to_owned() })
}

#[tokio::test]
async fn what_an_earlier_run_left_waiting_starts_when_the_server_hands_it_over_again_and_not_before() {
    let mut server = Server::start().await;
    let (state, traces, gate) = (state(), tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let agent = Agent::start(&server, state.path(), &held(gate.path()));
    let mut session = server.session().await;
    let journal_id = session.hello.journal_id.clone();
    assert_eq!(journal_id.len(), 32);
    session.say(Down::Command(restart(1)));
    session.say(Down::Command(restart(2)));
    let mut seen = vec![said(&mut session).await, said(&mut session).await, said(&mut session).await];
    seen.sort_unstable();
    assert_eq!(seen, [("acknowledged", id(1)), ("acknowledged", id(2)), ("started", id(1))]);
    agent.stop().await.unwrap();

    let agent = Agent::start(&server, state.path(), &traced(traces.path()));
    let mut session = server.session().await;
    assert_eq!(session.hello.journal_id, journal_id);
    assert_eq!([said(&mut session).await, said(&mut session).await], [("unknown", id(1)), ("acknowledged", id(2))]);
    // What comes new does not wait for it.
    session.say(Down::Command(restart(3)));
    for word in ["acknowledged", "started", "succeeded"] {
        assert_eq!(said(&mut session).await, (word, id(3)));
    }
    session.say(Down::Command(restart(2)));
    for word in ["acknowledged", "started", "succeeded"] {
        assert_eq!(said(&mut session).await, (word, id(2)));
    }
    assert_eq!(runs(traces.path()), [id(2), id(3)]);
    agent.stop().await.unwrap();
}

#[tokio::test]
async fn a_cancellation_is_answered_with_how_the_command_stands_and_holds_for_ever() {
    let mut server = Server::start().await;
    let (state, traces, gate) = (state(), tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let agent = Agent::start(&server, state.path(), &held(gate.path()));
    let mut session = server.session().await;
    // Never seen: a delivery that comes later does not run.
    session.say(cancellation(1));
    let cancelled = outcome(&mut session).await;
    assert_eq!((cancelled.command_id.clone(), cancelled.reason.as_str()), (id(1), "ann: wrong till"));
    assert_eq!(cancelled.state(), command::CommandState::Cancelled);
    session.say(Down::Command(restart(1)));
    assert_eq!(outcome(&mut session).await, cancelled);
    // It runs: too late.
    session.say(Down::Command(restart(2)));
    assert_eq!([said(&mut session).await, said(&mut session).await], [("acknowledged", id(2)), ("started", id(2))]);
    session.say(cancellation(2));
    assert_eq!(said(&mut session).await, ("started", id(2)));
    // It waits.
    session.say(Down::Command(restart(3)));
    session.say(cancellation(3));
    assert_eq!([said(&mut session).await, said(&mut session).await], [("acknowledged", id(3)), ("cancelled", id(3))]);
    agent.stop().await.unwrap();

    // Told again until it is acknowledged, and remembered beyond.
    let agent = Agent::start(&server, state.path(), &traced(traces.path()));
    let mut session = server.session().await;
    let mut told = vec![said(&mut session).await, said(&mut session).await, said(&mut session).await];
    told.sort_unstable();
    assert_eq!(told, [("cancelled", id(1)), ("cancelled", id(3)), ("unknown", id(2))]);
    for n in [1, 3] {
        session.say(Down::OutcomeAck(pb::OutcomeAck { command_id: id(n), refusal: String::new() }));
        session.say(Down::Command(restart(n)));
        assert_eq!(said(&mut session).await, ("cancelled", id(n)));
    }
    // It has ended: so it is told.
    session.say(cancellation(2));
    assert_eq!(said(&mut session).await, ("unknown", id(2)));
    assert_eq!(runs(traces.path()), [""; 0]);
    agent.stop().await.unwrap();
}

#[tokio::test]
async fn a_delivery_that_was_under_way_for_longer_than_it_had_to_live_has_expired() {
    let mut server = Server::start().await;
    let state = state();
    let agent = Agent::start(&server, state.path(), "");
    let mut session = server.session().await;
    let sent = |seconds_ago| Some(to_proto_timestamp(chrono::Utc::now() - chrono::TimeDelta::seconds(seconds_ago)));
    session.say(Down::Command(pb::CommandDelivery { server_time: sent(60), ..delivery("PING") }));
    assert_eq!(said(&mut session).await, ("expired", COMMAND.to_owned()));
    // One with time left, and one from a server that does not tell its clock.
    for (n, server_time) in [(1, sent(10)), (2, None)] {
        session.say(Down::Command(pb::CommandDelivery { command_id: id(n), server_time, ..delivery("PING") }));
        for word in ["acknowledged", "started", "succeeded"] {
            assert_eq!(said(&mut session).await, (word, id(n)));
        }
    }
    agent.stop().await.unwrap();
}

#[tokio::test]
async fn a_command_is_acknowledged_started_and_ended_in_this_order_and_a_redelivery_does_not_run_it_again() {
    let mut server = Server::start().await;
    let (state, traces) = (state(), tempfile::tempdir().unwrap());
    // Every run leaves a file.
    let allow = format!(
        "[commands.restart_app]\nallow = true\nprogram = '/usr/bin/mktemp'\nargs = ['-p', '{}']",
        traces.path().display()
    );
    let agent = Agent::start(&server, state.path(), &allow);
    let mut session = server.session().await;
    session.say(Down::Command(delivery("RESTART_APP")));
    let mut seen = Vec::new();
    let ended = loop {
        match session.message().await {
            Up::CommandAcknowledged(message) => seen.push(("acknowledged", message.command_id)),
            Up::CommandStarted(message) => seen.push(("started", message.command_id)),
            Up::CommandOutcome(outcome) => break outcome,
            _ => {}
        }
    };
    assert_eq!(seen, [("acknowledged", COMMAND.to_owned()), ("started", COMMAND.to_owned())]);
    assert_eq!(ended.state(), command::CommandState::Succeeded);

    // The outcome was lost: the server delivers again in the same session, and in one after a restart of the agent.
    session.say(Down::Command(delivery("RESTART_APP")));
    assert_eq!(outcome(&mut session).await, ended);
    agent.stop().await.unwrap();
    let agent = Agent::start(&server, state.path(), &allow);
    let mut session = server.session().await;
    assert_eq!(outcome(&mut session).await, ended);
    session.say(Down::Command(delivery("RESTART_APP")));
    assert_eq!(outcome(&mut session).await, ended);

    // The server has it: from now on only a stray redelivery is answered.
    session.say(Down::OutcomeAck(pb::OutcomeAck { command_id: COMMAND.to_owned(), refusal: String::new() }));
    session.say(Down::Command(delivery("RESTART_APP")));
    assert_eq!(outcome(&mut session).await.state, ended.state);
    assert_eq!(std::fs::read_dir(traces.path()).unwrap().count(), 1);
    agent.stop().await.unwrap();
}

#[tokio::test]
async fn what_is_not_allowed_or_not_known_or_too_late_does_not_start() {
    let mut server = Server::start().await;
    let state = state();
    let agent = Agent::start(&server, state.path(), "");
    let mut session = server.session().await;
    for (n, (command_type, ttl, state, reason)) in [
        ("REBOOT", 60, CommandState::Rejected, "commands.reboot.allow"),
        ("UPDATE_POS", 60, CommandState::Rejected, "not a command this agent knows"),
        ("PING", 0, CommandState::Expired, "time to live"),
    ]
    .into_iter()
    .enumerate()
    {
        let command = pb::CommandDelivery {
            command_id: uuid::Uuid::from_u128(n as u128).to_string(),
            time_to_live: Some(to_proto_duration(Duration::from_secs(ttl))),
            ..delivery(command_type)
        };
        session.say(Down::Command(command));
        let outcome = outcome(&mut session).await;
        assert_eq!(CommandState::from_proto("state", outcome.state), Ok(state), "{command_type}");
        assert!(outcome.reason.contains(reason), "{}", outcome.reason);
    }
    agent.stop().await.unwrap();
}

#[tokio::test]
async fn the_interval_set_by_a_command_outlives_the_agent() {
    let mut server = Server::start().await;
    let state = state();
    let mut agent = Agent::start(&server, state.path(), "");
    let mut session = server.session().await;
    let payload = serde_json::json!({ "interval_seconds": 7 });
    let payload = homepot::model::to_struct(payload.as_object().unwrap());
    session.say(Down::Command(pb::CommandDelivery { payload: Some(payload), ..delivery("SET_INTERVAL") }));
    assert_eq!(outcome(&mut session).await.state(), command::CommandState::Succeeded);
    agent.until("the interval", |status| status.sample_interval_ms == 7_000).await;
    agent.stop().await.unwrap();

    let mut agent = Agent::start(&server, state.path(), "");
    server.session().await;
    let attached = agent.until("attached", |status| status.phase == Phase::Attached).await;
    assert_eq!(attached.sample_interval_ms, 7_000);
    agent.stop().await.unwrap();
}

/// The server dies after it has heard "acknowledged", the command runs, the agent is killed, and its files are put back.
#[tokio::test]
async fn a_disk_that_went_back_in_time_is_found_out_by_the_servers_word_and_nothing_runs_twice() {
    let mut server = Server::start().await;
    let (state, traces) = (state(), tempfile::tempdir().unwrap());
    let mut agent = Agent::start(&server, state.path(), &traced(traces.path()));
    let mut session = server.session().await;
    let journal_id = session.hello.journal_id.clone();
    let file = |name: &str| state.path().join("state").join(name);
    let files = ["commands.journal", "commands.mark"].map(|name| (file(name), std::fs::read(file(name)).unwrap()));
    session.say(Down::Command(restart(1)));
    assert_eq!(said(&mut session).await, ("acknowledged", id(1)));
    session.end();
    // Another server, which takes no word for good.
    let _deaf = server.session().await;
    agent.until("an outcome that waits", |status| status.pending_outcomes == 1).await;
    agent.stop().await.unwrap();
    // Over the same files, so that nothing on the disk tells.
    files.iter().for_each(|(path, bytes)| std::fs::write(path, bytes).unwrap());

    let agent = Agent::start(&server, state.path(), &traced(traces.path()));
    let session = server.session().await;
    assert_eq!(session.hello.journal_id, journal_id);
    session.say(Down::JournalCheck(pb::JournalCheck { command_ids: vec![id(1)] }));
    session.say(Down::Command(restart(1)));
    session.say(Down::Command(restart(2)));
    session.ended().await;
    let mut session = server.session().await;
    assert_ne!(session.hello.journal_id, journal_id);
    session.say(Down::Command(restart(3)));
    for word in ["acknowledged", "started", "succeeded"] {
        assert_eq!(said(&mut session).await, (word, id(3)));
    }
    assert_eq!(runs(traces.path()), [id(1), id(3)]);
    agent.stop().await.unwrap();
}

#[tokio::test]
async fn a_journal_cut_before_the_start_of_a_command_runs_it_no_second_time() {
    let mut server = Server::start().await;
    let (state, traces) = (state(), tempfile::tempdir().unwrap());
    let mut agent = Agent::start(&server, state.path(), &traced(traces.path()));
    let mut session = server.session().await;
    let journal_id = session.hello.journal_id.clone();
    session.say(Down::Command(restart(1)));
    assert_eq!(said(&mut session).await, ("acknowledged", id(1)));
    session.end();
    // Another server, which takes no word for good.
    let _deaf = server.session().await;
    agent.until("an outcome that waits", |status| status.pending_outcomes == 1).await;
    agent.stop().await.unwrap();
    let journal = state.path().join("state/commands.journal");
    let text = std::fs::read_to_string(&journal).unwrap();
    let cut: Vec<_> = text.split_inclusive('\n').take_while(|line| !line.contains("\"started\"")).collect();
    std::fs::write(&journal, cut.concat()).unwrap();

    let agent = Agent::start(&server, state.path(), &traced(traces.path()));
    let mut session = server.session().await;
    assert_ne!(session.hello.journal_id, journal_id);
    assert_eq!(said(&mut session).await, ("unknown", id(1)));
    // Not even a server that hands it over again makes it run.
    session.say(Down::Command(restart(1)));
    assert_eq!(said(&mut session).await, ("unknown", id(1)));
    assert_eq!(runs(traces.path()), [id(1)]);
    agent.stop().await.unwrap();
}
