//! The stream: its handshake, who holds it, what it refuses, and what it acknowledges.

use std::time::SystemTime;

use homepot::pb::{
    command::v1 as command_pb,
    device::v1::{
        self as pb, AttachRequest, CommandAcknowledged, CommandOutcome, CommandStarted, GoodbyeReason, Heartbeat,
        SamplesAck, attach_request::Message as Up, attach_response::Message as Down,
    },
    registry::v1::{DeviceStatus, GetPresenceRequest, Presence},
    telemetry::v1::Sample,
};
use homepot_tests::{
    AnySystem, Server, ServerOptions, Session, System, eventually,
    grpc::{Caller, call, connection},
    hello,
};
use tonic::Code;

use super::ledger::{devices_of, with_devices};

const ATTACH: &str = "/homepot.device.v1.DeviceService/Attach";

/// A sample of so many milliseconds ago.
fn sample(ago_ms: u64, cpu_percent: f64) -> Sample {
    let time = SystemTime::now() - std::time::Duration::from_millis(ago_ms);
    Sample { collected_at: Some(time.into()), cpu_percent: Some(cpu_percent), ..Default::default() }
}

fn samples(first_seq: u64, samples: Vec<Sample>) -> Up {
    Up::Samples(pb::Samples { first_seq, samples, resent: false })
}

async fn ack(session: &mut Session) -> SamplesAck {
    let read = |message: &Down| match message {
        Down::SamplesAck(ack) => Some(ack.clone()),
        _ => None,
    };
    session.expect("SamplesAck", read).await
}

async fn presence(server: &System, device_id: &str) -> Presence {
    let request = GetPresenceRequest { device_id: device_id.to_owned() };
    server.admin().registry.get_presence(request).await.unwrap().into_inner().presence.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_without_hello_is_told_so_and_ends() {
    let (server, [key]) = with_devices(["till"]).await;
    let mut silent = Session::open(&server, &key).await.unwrap();
    let mut hasty = Session::open(&server, &key).await.unwrap();
    hasty.send(Up::Heartbeat(Heartbeat {})).await;
    hasty.expect_goodbye(GoodbyeReason::Protocol).await;
    let mut foreign = Session::open(&server, &key).await.unwrap();
    foreign.send(Up::Hello(pb::Hello { protocol_min: 7, protocol_max: 9, ..hello() })).await;
    foreign.expect_goodbye(GoodbyeReason::Protocol).await;
    silent.expect_goodbye(GoodbyeReason::Protocol).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_hello_ends_the_stream() {
    let (server, [key]) = with_devices(["till"]).await;
    let (mut session, _) = Session::attach(&server, &key).await;
    session.send(Up::Hello(hello())).await;
    session.expect_goodbye(GoodbyeReason::Protocol).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_newest_session_wins_and_the_older_one_is_told() {
    let (server, [key]) = with_devices(["till"]).await;
    let (mut older, first) = Session::attach(&server, &key).await;
    let (mut newer, second) = Session::attach(&server, &key).await;
    assert!(second.session_epoch > first.session_epoch);
    older.expect_goodbye(GoodbyeReason::Superseded).await;
    newer.send(samples(1, vec![sample(0, 1.0)])).await;
    assert_eq!(ack(&mut newer).await.seq, 1);
    // The end of the older stream is not the end of the device.
    let presence = presence(&server, "till").await;
    assert_eq!((presence.status(), presence.session_epoch), (DeviceStatus::Online, second.session_epoch));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_malformed_is_refused_by_name_and_nobody_else_notices() {
    let (server, [bad_key, good_key]) = devices_of(Server::start().await, ["bad", "good"]).await;
    let (mut bad, _) = Session::attach(&server, &bad_key).await;
    let (mut good, _) = Session::attach(&server, &good_key).await;

    let nan = Sample { load_1m: Some(f64::NAN), ..sample(3, 1.0) };
    let too_old = sample(8 * 24 * 3_600_000, 1.0);
    bad.send(samples(1, vec![sample(1, 150.0), sample(2, 50.0), nan, too_old])).await;
    let answer = ack(&mut bad).await;
    let refused: Vec<_> = answer.refused.iter().map(|refused| (refused.index, refused.field.as_str())).collect();
    assert_eq!((answer.seq, refused), (4, vec![(0, "cpu_percent"), (2, "load_1m"), (3, "collected_at")]));

    // A kind of message that this server does not know arrives as none at all.
    bad.send_raw(AttachRequest { message: None }).await;
    for (message, field) in [(samples(0, vec![sample(0, 1.0)]), "first_seq"), (samples(5, Vec::new()), "samples")] {
        bad.send(message).await;
        let refusal = bad
            .expect("Refusal", |message| match message {
                Down::Refusal(refusal) => Some(refusal.clone()),
                _ => None,
            })
            .await;
        assert_eq!((refusal.message.as_str(), refusal.field.as_str()), ("samples", field));
        assert!(!refusal.reason.is_empty());
    }
    bad.send(Up::CommandAcknowledged(CommandAcknowledged { command_id: "no-uuid".to_owned() })).await;
    let refusal = bad
        .expect("Refusal", |message| match message {
            Down::Refusal(refusal) => Some(refusal.clone()),
            _ => None,
        })
        .await;
    assert_eq!(refusal.field, "command_id");

    // What is no message at all ends that one call.
    let raw = connection([127, 0, 0, 1].into(), &server.grpc_addr, &Caller::Device(bad_key.clone()));
    let error = call(raw, ATTACH, b"\xff\xff\xff\xff".to_vec()).await;
    assert!(error.is_err() || error.is_ok_and(|bytes| !bytes.is_empty()), "an error, or Goodbye");

    good.send(samples(1, vec![sample(0, 2.0)])).await;
    assert_eq!(ack(&mut good).await.seq, 1);
    let stored = "SELECT count(*) FROM samples";
    assert_eq!(server.database().number(stored).await, 2);
    let metrics = server.ops("/metrics").await.text();
    let counted = metrics.lines().any(|line| line.contains("refused") && line.contains("cpu_percent"));
    assert!(counted, "refusals are counted by field:\n{metrics}");
}

#[tokio::test(flavor = "multi_thread")]
async fn samples_sent_again_are_acknowledged_again_and_stored_once() {
    let (server, [key]) = with_devices(["till"]).await;
    let (mut session, _) = Session::attach(&server, &key).await;
    let batch = vec![sample(3000, 1.0), sample(2000, 2.0), sample(1000, 3.0)];
    for _ in 0..3 {
        session.send(samples(1, batch.clone())).await;
        assert_eq!(ack(&mut session).await.seq, 3);
    }
    let (mut session, _) = Session::attach(&server, &key).await;
    session.send(samples(1, batch)).await;
    assert_eq!(ack(&mut session).await.seq, 3);
    // A connection that had not noticed may have stored them, so Postgres may still be about to come back.
    assert_eq!(server.database().number_once_up("SELECT count(*) FROM samples").await, 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_late_sample_fills_history_and_never_overwrites_now() {
    let (server, [key]) = with_devices(["till"]).await;
    let (mut session, _) = Session::attach(&server, &key).await;
    session.send(samples(1, vec![sample(0, 7.0)])).await;
    ack(&mut session).await;
    session.send(samples(2, vec![sample(60_000, 3.0)])).await;
    ack(&mut session).await;
    let mut telemetry = server.admin().telemetry;
    let latest = telemetry.latest(homepot::pb::telemetry::v1::LatestRequest::default()).await.unwrap().into_inner();
    assert_eq!(latest.samples[0].sample.as_ref().unwrap().cpu_percent, Some(7.0));
    let query = homepot::pb::telemetry::v1::ListSamplesRequest { device_id: "till".to_owned(), ..Default::default() };
    let history = telemetry.list_samples(query).await.unwrap().into_inner().samples;
    let values: Vec<_> = history.iter().map(|stored| stored.sample.as_ref().unwrap().cpu_percent.unwrap()).collect();
    assert_eq!(values, [3.0, 7.0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_goes_down_the_stream_and_its_first_outcome_stands() {
    let (server, [key, other_key]) = with_devices(["till", "other"]).await;
    let (mut session, _) = Session::attach(&server, &key).await;
    let (mut other, _) = Session::attach(&server, &other_key).await;
    let request = command_pb::QueueRequest {
        device_id: "till".to_owned(),
        command_type: "ping".to_owned(),
        ..Default::default()
    };
    let queued = server.admin().command.queue(request).await.unwrap().into_inner().command.unwrap();
    let delivery = session
        .expect("the command", |message| match message {
            Down::Command(delivery) => Some(delivery.clone()),
            _ => None,
        })
        .await;
    assert_eq!((&delivery.command_id, delivery.command_type.as_str()), (&queued.command_id, "PING"));

    let command_id = delivery.command_id.clone();
    let outcome = |state: command_pb::CommandState| {
        let (command_id, state) = (command_id.clone(), state.into());
        Up::CommandOutcome(CommandOutcome { command_id, state, ..Default::default() })
    };
    let answer = async |session: &mut Session| {
        let read = |message: &Down| match message {
            Down::OutcomeAck(ack) => Some((ack.command_id.clone(), ack.refusal.clone())),
            _ => None,
        };
        session.expect("OutcomeAck", read).await
    };
    use command_pb::CommandState::{Failed, Succeeded};
    // Another device can't answer for this one.
    other.send(outcome(Failed)).await;
    assert!(!answer(&mut other).await.1.is_empty());

    session.send(Up::CommandAcknowledged(CommandAcknowledged { command_id: command_id.clone() })).await;
    session.send(Up::CommandStarted(CommandStarted { command_id: command_id.clone() })).await;
    for (state, taken) in [(Succeeded, true), (Succeeded, true), (Failed, false)] {
        session.send(outcome(state)).await;
        let (answered, refusal) = answer(&mut session).await;
        assert_eq!((&answered, refusal.is_empty()), (&command_id, taken), "{state:?}: {refusal}");
    }
    let request = command_pb::GetRequest { command_id };
    let row = server.admin().command.get(request).await.unwrap().into_inner().command.unwrap();
    assert_eq!(row.state(), Succeeded);
    for (name, time) in [("sent", row.sent_at), ("acknowledged", row.acknowledged_at), ("started", row.started_at)] {
        assert!(time.is_some(), "{name}");
    }
    assert_eq!(row.deliveries, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_reports_for_itself_only() {
    let (server, [key, _]) = with_devices(["till", "other"]).await;
    let mut device = server.clients(&Caller::Device(key)).device;
    let request = pb::ReportSamplesRequest { device_id: "other".to_owned(), samples: vec![sample(0, 1.0)] };
    let status = device.report_samples(request).await.unwrap_err();
    assert_eq!((status.code(), status.message()), (Code::PermissionDenied, "Device ID mismatch"));
    assert_eq!(server.database().number("SELECT count(*) FROM samples").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn presence_is_right_across_a_crash_of_the_server() {
    let options = ServerOptions::default().env("HOMEPOT_HEARTBEAT_INTERVAL", "1s");
    let mut server = Server::start_with(options).await;
    server.create_site("site-001", false).await;
    let key = server.enroll("site-001", "till").await;
    assert_eq!(presence(&server, "till").await.status(), DeviceStatus::Unknown);

    let (session, first) = Session::attach(&server, &key).await;
    assert_eq!(presence(&server, "till").await.status(), DeviceStatus::Online);
    server.kill9();
    drop(session);
    server.restart().await;
    // Nobody told this server that the stream ended; silence does.
    let is_offline = async || (presence(&server, "till").await.status() == DeviceStatus::Offline).then_some(());
    eventually("the device counts as offline", is_offline).await;

    let (session, second) = Session::attach(&server, &key).await;
    assert!(second.session_epoch > first.session_epoch);
    assert_eq!(presence(&server, "till").await.status(), DeviceStatus::Online);
    drop(session);
    eventually("the end of the stream shows", is_offline).await;
    let presence = presence(&server, "till").await;
    assert_eq!((presence.attached_at, presence.session_epoch), (None, second.session_epoch));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_silent_device_is_told_goodbye() {
    let options = ServerOptions::default().env("HOMEPOT_HEARTBEAT_INTERVAL", "1s");
    let server = AnySystem::start_with(options).await;
    server.create_site("site-001", false).await;
    let key = server.enroll("site-001", "till").await;
    let (mut session, welcome) = Session::attach(&server, &key).await;
    assert_eq!(welcome.heartbeat_interval.map(|interval| interval.seconds), Some(1));
    session.expect_goodbye(GoodbyeReason::Silent).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_outlives_the_death_of_postgres_and_what_was_sent_meanwhile_is_stored_once() {
    let (server, [key]) = devices_of(Server::start().await, ["till"]).await;
    let (mut session, _) = Session::attach(&server, &key).await;
    session.send(samples(1, vec![sample(3000, 1.0)])).await;
    assert_eq!(ack(&mut session).await.seq, 1);
    server.kill_postgres();
    session.send(samples(2, vec![sample(2000, 2.0), sample(1000, 3.0)])).await;
    assert_eq!(ack(&mut session).await.seq, 3);
    // A connection that had not noticed may have stored them, so Postgres may still be about to come back.
    assert_eq!(server.database().number_once_up("SELECT count(*) FROM samples").await, 3);
}
