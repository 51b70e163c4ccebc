//! The ledger from the outside: histories, cancels, journals, watches and runs.

mod at_once;
mod cancel;
mod run_news;
mod runs;
mod watch;

use std::ops::Deref;

use homepot::pb::{
    command::v1::{self as pb, Command, CommandState},
    device::v1::{
        self as device_pb, CommandAcknowledged, CommandOutcome, CommandStarted, attach_request::Message as Up,
        attach_response::Message as Down,
    },
};
use homepot_tests::{AnySystem, Session, System, grpc::DeviceKey};

pub(super) async fn with_devices<const N: usize>(names: [&str; N]) -> (AnySystem, [DeviceKey; N]) {
    devices_of(AnySystem::start().await, names).await
}

/// Enrols devices at a site of this server.
pub(super) async fn devices_of<S: Deref<Target = System>, const N: usize>(
    server: S,
    names: [&str; N],
) -> (S, [DeviceKey; N]) {
    server.create_site("site-001", false).await;
    let mut keys = Vec::new();
    for name in names {
        keys.push(server.enroll("site-001", name).await);
    }
    (server, keys.try_into().expect("as many keys as names"))
}

pub(super) async fn queue(server: &System, device_id: &str, command_type: &str) -> String {
    let request = pb::QueueRequest {
        device_id: device_id.to_owned(),
        command_type: command_type.to_owned(),
        ..Default::default()
    };
    server.admin().command.queue(request).await.unwrap().into_inner().command.unwrap().command_id
}

pub(super) async fn get(server: &System, command_id: &str) -> Command {
    let request = pb::GetRequest { command_id: command_id.to_owned() };
    server.admin().command.get(request).await.unwrap().into_inner().command.unwrap()
}

/// A device whose journal goes by that name.
pub(super) async fn attach(server: &System, key: &DeviceKey, journal_id: &str) -> Session {
    let mut session = Session::open(server, key).await.unwrap();
    let hello = device_pb::Hello { journal_id: journal_id.to_owned(), ..homepot_tests::hello() };
    session.send(Up::Hello(hello)).await;
    session.expect("Welcome", |message| matches!(message, Down::Welcome(_)).then_some(())).await;
    session
}

/// The next command that is handed over.
pub(super) async fn delivered(session: &mut Session) -> device_pb::CommandDelivery {
    let read = |message: &Down| match message {
        Down::Command(delivery) => Some(delivery.clone()),
        _ => None,
    };
    session.expect("a command", read).await
}

/// The next command the device is asked to take back.
pub(super) async fn asked_back(session: &mut Session) -> device_pb::CommandCancellation {
    let read = |message: &Down| match message {
        Down::CommandCancellation(cancellation) => Some(cancellation.clone()),
        _ => None,
    };
    session.expect("a cancellation", read).await
}

pub(super) async fn acknowledge(session: &Session, command_id: &str) {
    session.send(Up::CommandAcknowledged(CommandAcknowledged { command_id: command_id.to_owned() })).await;
}

pub(super) async fn start(session: &Session, command_id: &str) {
    session.send(Up::CommandStarted(CommandStarted { command_id: command_id.to_owned() })).await;
}

/// Reports an outcome and waits until it is taken; tells why it was not.
pub(super) async fn end(session: &mut Session, command_id: &str, state: CommandState) -> String {
    let outcome = CommandOutcome { command_id: command_id.to_owned(), state: state.into(), ..Default::default() };
    session.send(Up::CommandOutcome(outcome)).await;
    let read = |message: &Down| match message {
        Down::OutcomeAck(ack) if ack.command_id == command_id => Some(ack.refusal.clone()),
        _ => None,
    };
    session.expect("OutcomeAck", read).await
}

/// The states of a command's history.
pub(super) fn states(command: &Command) -> Vec<CommandState> {
    command.history.iter().map(pb::Transition::state).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_state_is_kept_with_its_time_and_cause() {
    let (server, [key]) = with_devices(["till"]).await;
    let mut session = attach(&server, &key, "journal").await;
    let id = queue(&server, "till", "REBOOT").await;
    let delivery = delivered(&mut session).await;
    assert_eq!(delivery.command_id, id);
    assert!(delivery.server_time.is_some());
    acknowledge(&session, &id).await;
    start(&session, &id).await;
    assert_eq!(end(&mut session, &id, CommandState::Succeeded).await, "");

    let command = get(&server, &id).await;
    let expected = [
        CommandState::Queued,
        CommandState::Sent,
        CommandState::Acknowledged,
        CommandState::Running,
        CommandState::Succeeded,
    ];
    assert_eq!(states(&command), expected);
    let causes: Vec<_> = command.history.iter().map(|step| step.cause.as_str()).collect();
    assert_eq!(causes[0], "queued by admin");
    assert!(causes[1].starts_with("handed to the device in session "), "{causes:?}");
    assert_eq!(causes[2..], ["the device has it on disk", "the device started it", "the device reported it"]);
    let times: Vec<_> = command.history.iter().map(|step| step.time.unwrap()).map(|t| (t.seconds, t.nanos)).collect();
    assert!(times.is_sorted());
    // A contradiction is refused with its reason, and the ledger stays as it is.
    let refusal = end(&mut session, &id, CommandState::Failed).await;
    assert_eq!(refusal, "the command is already succeeded");
    assert_eq!(get(&server, &id).await, command);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_that_lost_its_journal_is_not_handed_a_reboot_again() {
    let (server, [key]) = with_devices(["till"]).await;
    let mut session = attach(&server, &key, "one").await;
    let reboot = queue(&server, "till", "REBOOT").await;
    assert_eq!(delivered(&mut session).await.command_id, reboot);
    let ping = queue(&server, "till", "PING").await;
    assert_eq!(delivered(&mut session).await.command_id, ping);
    drop(session);

    // The same journal answers for both, so both come again.
    let mut same = attach(&server, &key, "one").await;
    assert_eq!(
        [delivered(&mut same).await.command_id, delivered(&mut same).await.command_id],
        [reboot.clone(), ping.clone()]
    );
    drop(same);

    let mut other = attach(&server, &key, "two").await;
    assert_eq!(delivered(&mut other).await.command_id, ping);
    let command = get(&server, &reboot).await;
    assert_eq!(command.state(), CommandState::Unknown);
    assert!(command.reason.contains("another journal"), "{}", command.reason);
    // It was carried out after all: only unknown takes a late outcome.
    assert_eq!(end(&mut other, &reboot, CommandState::Succeeded).await, "");
    assert_eq!(get(&server, &reboot).await.state(), CommandState::Succeeded);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_handed_over_again_brings_what_is_left_of_its_time() {
    let (server, [key]) = with_devices(["till"]).await;
    let mut session = attach(&server, &key, "journal").await;
    let id = queue(&server, "till", "REBOOT").await;
    let first = delivered(&mut session).await;
    acknowledge(&session, &id).await;
    drop(session);
    let mut session = attach(&server, &key, "journal").await;
    let again = delivered(&mut session).await;
    assert_eq!(again.command_id, id);
    let seconds = |delivery: &device_pb::CommandDelivery| {
        let left = delivery.time_to_live.unwrap();
        (left.seconds, left.nanos)
    };
    assert!(seconds(&again) < seconds(&first), "{again:?} after {first:?}");
}
