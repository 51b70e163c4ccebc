//! Commands and runs in every state.

use homepot::{
    model::to_struct,
    pb::{
        command::v1::{self as pb, CommandState, RunState},
        device::v1::{
            self as device_pb, CommandAcknowledged, CommandOutcome, CommandStarted, attach_request::Message as Up,
            attach_response::Message as Down,
        },
    },
};
use homepot_tests::{Server, Session, eventually, grpc::Caller, rest::Request};
use prost_types::{Duration, Struct};
use serde_json::{Value, json};

use super::{Known, devices::key, people::days};

/// Queues a command that may wait for as long as one may.
pub(super) async fn queue(server: &Server, device_id: &str, command_type: &str) -> String {
    queue_with(server, device_id, command_type, pb::QueueRequest { time_to_live: days(30), ..Default::default() }).await
}

async fn queue_with(server: &Server, device_id: &str, command_type: &str, more: pb::QueueRequest) -> String {
    let (device_id, command_type) = (device_id.to_owned(), command_type.to_owned());
    let request = pb::QueueRequest { device_id, command_type, ..more };
    server.admin().command.queue(request).await.unwrap().into_inner().command.unwrap().command_id
}

/// Waits until a command is in that state.
pub(super) async fn until(server: &Server, command_id: &str, state: CommandState) {
    let request = pb::GetRequest { command_id: command_id.to_owned() };
    let reached = async || {
        let command = server.admin().command.get(request.clone()).await.unwrap().into_inner().command.unwrap();
        (command.state() == state).then_some(())
    };
    eventually(&format!("{state:?}"), reached).await;
}

async fn attach(server: &Server, known: &Known, journal_id: &str) -> Session {
    let mut session = Session::open(server, &key(known, "till-1")).await.unwrap();
    let hello = device_pb::Hello { journal_id: journal_id.to_owned(), ..homepot_tests::hello() };
    session.send(Up::Hello(hello)).await;
    session.expect("Welcome", |message| matches!(message, Down::Welcome(_)).then_some(())).await;
    session
}

fn object(value: Value) -> Struct {
    to_struct(value.as_object().unwrap())
}

/// How far a device takes a command.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Far {
    Handed,
    Acknowledged,
    Started,
}

/// Takes the next command so far; answers its id.
async fn take(session: &mut Session, far: Far) -> String {
    let read = |message: &Down| match message {
        Down::Command(delivery) => Some(delivery.command_id.clone()),
        _ => None,
    };
    let command_id = session.expect("a command", read).await;
    if far >= Far::Acknowledged {
        session.send(Up::CommandAcknowledged(CommandAcknowledged { command_id: command_id.clone() })).await;
    }
    if far >= Far::Started {
        session.send(Up::CommandStarted(CommandStarted { command_id: command_id.clone() })).await;
    }
    command_id
}

/// Takes the next command to such an end.
async fn end(session: &mut Session, state: CommandState) -> String {
    let command_id = take(session, Far::Started).await;
    let is_done = state == CommandState::Succeeded;
    let outcome = CommandOutcome {
        command_id: command_id.clone(),
        state: state.into(),
        result: Some(object(json!({"printed": [1, 2.5, null, "ü"]}))),
        reason: if is_done { String::new() } else { "no paper".to_owned() },
    };
    session.send(Up::CommandOutcome(outcome)).await;
    let taken = |message: &Down| match message {
        Down::OutcomeAck(ack) => Some(ack.refusal.clone()),
        _ => None,
    };
    assert_eq!(session.expect("OutcomeAck", taken).await, "");
    command_id
}

async fn start_run(server: &Server, device_ids: &[&str], more: pb::StartRunRequest) -> String {
    let device_ids = device_ids.iter().map(|id| (*id).to_owned()).collect();
    let target = Some(more.target.unwrap_or(pb::Target { device_ids, ..Default::default() }));
    let request = pb::StartRunRequest {
        target,
        command_type: "PING".to_owned(),
        max_in_flight: 1,
        time_to_live: days(30),
        description: "all of them".to_owned(),
        ..more
    };
    server.admin().command.start_run(request).await.unwrap().into_inner().run.unwrap().run_id
}

async fn until_run(server: &Server, run_id: &str, reached: impl Fn(&pb::Run) -> bool) {
    let request = pb::GetRunRequest { run_id: run_id.to_owned() };
    let found = async || {
        let run = server.admin().command.get_run(request.clone()).await.unwrap().into_inner().run.unwrap();
        reached(&run).then_some(())
    };
    eventually("the run", found).await;
}

/// Whether a run has a command under way.
fn is_under_way(run: &pb::Run) -> bool {
    run.progress.is_some_and(|progress| progress.in_flight == 1)
}

/// Commands and runs, of a device with a stream and of one that polls.
pub(super) async fn fill(server: &Server, known: &mut Known) {
    streamed(server, known).await;
    polled(server, known).await;
    waiting(server, known).await;
}

/// What a device with a stream ended, and what it has in its hands when its stream breaks.
async fn streamed(server: &Server, known: &mut Known) {
    let mut first = attach(server, known, "journal-0").await;
    let reboot = queue(server, "till-1", "REBOOT").await;
    take(&mut first, Far::Acknowledged).await;
    until(server, &reboot, CommandState::Acknowledged).await;
    drop(first);

    // Another journal: nobody can say whether it ran.
    let mut session = attach(server, known, "journal-1").await;
    until(server, &reboot, CommandState::Unknown).await;
    known.insert("command unknown".to_owned(), reboot);
    for state in [CommandState::Succeeded, CommandState::Failed, CommandState::Rejected] {
        queue(server, "till-1", "PING").await;
        end(&mut session, state).await;
    }
    let completed = start_run(server, &["till-1"], pb::StartRunRequest::default()).await;
    end(&mut session, CommandState::Succeeded).await;
    until_run(server, &completed, |run| run.state() == RunState::Completed).await;
    known.insert("run completed".to_owned(), completed);
    let halted = start_run(server, &["till-1", "till-2"], pb::StartRunRequest::default()).await;
    end(&mut session, CommandState::Failed).await;
    until_run(server, &halted, |run| run.state() == RunState::Halted).await;
    known.insert("run halted".to_owned(), halted);

    let under_way = [
        ("command sent", Far::Handed, CommandState::Sent),
        ("command acknowledged", Far::Acknowledged, CommandState::Acknowledged),
        ("command running", Far::Started, CommandState::Running),
    ];
    for (name, far, state) in under_way {
        let more = pb::QueueRequest {
            time_to_live: days(30),
            run_timeout: Some(Duration { seconds: 3600, nanos: 0 }),
            ..Default::default()
        };
        let command_id = queue_with(server, "till-1", "RUN_DIAGNOSTICS", more).await;
        assert_eq!(take(&mut session, far).await, command_id);
        until(server, &command_id, state).await;
        known.insert(name.to_owned(), command_id);
    }
}

/// What a device that polls ended, has in its hands, and has not fetched.
async fn polled(server: &Server, known: &mut Known) {
    let api_key = known["device poller-1"].clone();
    let done = queue(server, "poller-1", "PING").await;
    let fetched = queue(server, "poller-1", "RUN_DIAGNOSTICS").await;
    let answer = server.rest(Request::get("/api/v1/devices/pending").device("poller-1", &api_key)).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let status = Request::put(&format!("/api/v1/devices/{done}/status")).device("poller-1", &api_key);
    let answer = server.rest(status.json(&json!({"status": "completed", "result": {"lanes": 2}}))).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    known.insert("command completed by poller-1".to_owned(), done);
    known.insert("command fetched by poller-1".to_owned(), fetched);
    let waits = queue(server, "poller-1", "open_drawer").await;
    known.insert("command for poller-1".to_owned(), waits);
}

/// What waits for a device that is away.
async fn waiting(server: &Server, known: &mut Known) {
    let night_shift = server.clients(&Caller::Operator(known["operator night-shift"].clone()));
    let request = pb::QueueRequest {
        device_id: "till-1".to_owned(),
        command_type: "PING".to_owned(),
        payload: Some(object(json!({"lane": 2, "text": "ü"}))),
        idempotency_key: "order-7".to_owned(),
        time_to_live: days(30),
        ..Default::default()
    };
    let queued = night_shift.command.clone().queue(request).await.unwrap().into_inner().command.unwrap();
    known.insert("command queued".to_owned(), queued.command_id);

    let cancelled = queue(server, "till-1", "PING").await;
    let (command_id, reason) = (cancelled.clone(), "not today".to_owned());
    server.admin().command.cancel(pb::CancelRequest { command_id, reason, wait: None }).await.unwrap();
    known.insert("command cancelled".to_owned(), cancelled);
    let second = Some(Duration { seconds: 1, nanos: 0 });
    let more = pb::QueueRequest { time_to_live: second, ..Default::default() };
    let expired = queue_with(server, "till-1", "PING", more).await;
    until(server, &expired, CommandState::Expired).await;
    known.insert("command expired".to_owned(), expired);

    let paused = start_run(server, &["till-1", "till-2"], pb::StartRunRequest::default()).await;
    until_run(server, &paused, is_under_way).await;
    let request = pb::PauseRunRequest { run_id: paused.clone(), reason: "lunch".to_owned() };
    server.admin().command.pause_run(request).await.unwrap();
    known.insert("run paused".to_owned(), paused);
    let cancelled = start_run(server, &["till-2"], pb::StartRunRequest::default()).await;
    let request = pb::CancelRunRequest { run_id: cancelled.clone(), reason: "another day".to_owned() };
    server.admin().command.cancel_run(request).await.unwrap();
    until_run(server, &cancelled, |run| run.state() == RunState::Cancelled).await;
    known.insert("run cancelled".to_owned(), cancelled);
    // A device that is inactive is left out.
    let target = Some(pb::Target { site_id: "shop-1".to_owned(), ..Default::default() });
    let running = start_run(server, &[], pb::StartRunRequest { target, ..Default::default() }).await;
    until_run(server, &running, is_under_way).await;
    known.insert("run running".to_owned(), running);
}
