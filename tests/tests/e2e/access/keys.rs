//! Keys: what an answer gives away, and how fast a revocation bites.

use std::time::Duration;

use homepot::pb::{
    command::v1::QueueRequest,
    device::v1::{
        FetchCommandsRequest, GoodbyeReason, attach_request::Message as Up, attach_response::Message as Down,
    },
    registry::v1 as pb,
};
use homepot_tests::{
    AnySystem, Server, Session, System, elsewhere,
    grpc::{Caller, DeviceKey, call, connection},
    hello,
};
use tonic::{Code, Status};

use super::grpc::LETTERS;

const FETCH: &str = "/homepot.device.v1.DeviceService/FetchCommands";

async fn refused(server: &System, device_id: &str) -> Status {
    let key = DeviceKey { device_id: device_id.to_owned(), api_key: format!("hpd_{LETTERS}") };
    let connection = connection(elsewhere(), &server.grpc_addr, &Caller::Device(key));
    call(connection, FETCH, Vec::new()).await.unwrap_err()
}

/// How often the server has run Argon2 to check a secret.
pub(super) async fn argon2_checks(server: &Server) -> u64 {
    let metrics = server.ops("/metrics").await.text();
    let count = metrics.lines().find_map(|line| line.strip_prefix("homepot_argon2_checks_total "));
    count.map_or(0, |count| count.parse().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_device_and_a_wrong_key_get_the_same_answer_after_the_same_work() {
    let server = Server::start().await;
    server.create_site("site-001", false).await;
    server.enroll("site-001", "known").await;
    let before = argon2_checks(&server).await;
    let known = refused(&server, "known").await;
    let between = argon2_checks(&server).await;
    let unknown = refused(&server, "unknown").await;
    let after = argon2_checks(&server).await;
    assert_eq!(known.code(), Code::Unauthenticated);
    assert_eq!(
        (known.code(), known.message(), known.details()),
        (unknown.code(), unknown.message(), unknown.details())
    );
    // Argon2 would be all but the whole of the time. Neither pays for it: what no key has as its public letters is wrong.
    assert_eq!((between - before, after - between), (0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn failures_are_throttled_for_the_address_that_fails_and_for_no_other() {
    // Each replica counts for itself.
    let server = Server::start().await;
    server.create_site("site-001", false).await;
    let key = server.enroll("site-001", "till").await;
    let guesser = elsewhere();
    let guess = Caller::Device(DeviceKey { device_id: "till".to_owned(), api_key: format!("hpd_{LETTERS}") });
    let mut codes = Vec::new();
    for _ in 0..12 {
        let answer = call(connection(guesser, &server.grpc_addr, &guess), FETCH, Vec::new()).await;
        codes.push(answer.unwrap_err().code());
    }
    assert!(codes.starts_with(&[Code::Unauthenticated]) && codes.ends_with(&[Code::ResourceExhausted]), "{codes:?}");
    let mut device = server.clients(&Caller::Device(key)).device;
    device.fetch_commands(FetchCommandsRequest::default()).await.expect("the device itself is not locked out");
}

#[tokio::test(flavor = "multi_thread")]
async fn revoking_keys_or_deactivating_ends_the_live_stream_within_two_seconds() {
    let server = AnySystem::start().await;
    server.create_site("site-001", false).await;
    let mut admin = server.admin().registry;

    let key = server.enroll("site-001", "revoked").await;
    let (mut session, _) = Session::attach(&server, &key).await;
    let device_id = key.device_id.clone();
    let answer = admin.revoke_device_keys(pb::RevokeDeviceKeysRequest { device_id }).await.unwrap().into_inner();
    assert_eq!(answer.revoked, 1);
    ends_in_time(&mut session).await;
    let again = Session::open(&server, &key).await.expect_err("a revoked key opens nothing");
    assert_eq!(again.code(), Code::Unauthenticated);

    let key = server.enroll("site-001", "inactive").await;
    let (mut session, _) = Session::attach(&server, &key).await;
    let device_id = key.device_id.clone();
    admin.deactivate_device(pb::DeactivateDeviceRequest { device_id: device_id.clone() }).await.unwrap();
    ends_in_time(&mut session).await;
    let again = Session::open(&server, &key).await.expect_err("a deactivated device is shut out");
    assert_eq!((again.code(), again.message()), (Code::PermissionDenied, "Device is inactive"));
    admin.activate_device(pb::ActivateDeviceRequest { device_id }).await.unwrap();
    Session::attach(&server, &key).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rotating_without_an_overlap_ends_the_stream_of_the_older_key_and_not_that_of_the_newer() {
    let server = AnySystem::start().await;
    server.create_site("site-001", false).await;
    let stolen = server.enroll("site-001", "till").await;
    let (mut thief, _) = Session::attach(&server, &stolen).await;
    // One that has shown its key, and waits with Hello.
    let mut late = Session::open(&server, &stolen).await.unwrap();
    let newer = rotate(&server, &stolen, 0).await;
    ends_in_time(&mut thief).await;
    late.send(Up::Hello(hello())).await;
    late.expect_goodbye(GoodbyeReason::Revoked).await;

    let (mut device, _) = Session::attach(&server, &newer).await;
    let queue = QueueRequest { device_id: "till".to_owned(), command_type: "PING".to_owned(), ..Default::default() };
    let queued = server.admin().command.queue(queue).await.unwrap().into_inner().command.unwrap();
    let told = device
        .expect("the command", |message| match message {
            Down::Command(command) => Some(command.command_id.clone()),
            _ => None,
        })
        .await;
    assert_eq!(told, queued.command_id);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_stream_of_an_older_key_goes_on_until_the_overlap_ends_and_no_longer() {
    let server = AnySystem::start().await;
    server.create_site("site-001", false).await;
    let old = server.enroll("site-001", "till").await;
    let (mut session, _) = Session::attach(&server, &old).await;
    rotate(&server, &old, 3_600).await;
    let queue = QueueRequest { device_id: "till".to_owned(), command_type: "PING".to_owned(), ..Default::default() };
    server.admin().command.queue(queue).await.unwrap();
    session.expect("the command", |message| matches!(message, Down::Command(_)).then_some(())).await;
    // The overlap's end, without the hour.
    server.database().run("UPDATE device_keys SET expires_at = now() WHERE expires_at IS NOT NULL").await;
    ends_in_time(&mut session).await;
}

async fn rotate(server: &System, key: &DeviceKey, seconds: i64) -> DeviceKey {
    let overlap = Some(prost_types::Duration { seconds, nanos: 0 });
    let request = pb::RotateDeviceKeyRequest { device_id: key.device_id.clone(), overlap };
    let api_key = server.admin().registry.rotate_device_key(request).await.unwrap().into_inner().api_key;
    DeviceKey { api_key, ..key.clone() }
}

async fn ends_in_time(session: &mut Session) {
    let end = session.expect_goodbye(GoodbyeReason::Revoked);
    // Two seconds on a machine that has time; the hour that a session may last is what it must not be.
    tokio::time::timeout(Duration::from_secs(10), end).await.expect("the stream ends");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rotated_key_overlaps_with_the_older_one_for_as_long_as_asked() {
    let server = AnySystem::start().await;
    server.create_site("site-001", false).await;
    let old = server.enroll("site-001", "till").await;
    let mut admin = server.admin().registry;
    let mut rotate = async |overlap: Option<i64>| {
        let overlap = overlap.map(|seconds| prost_types::Duration { seconds, nanos: 0 });
        let request = pb::RotateDeviceKeyRequest { device_id: old.device_id.clone(), overlap };
        let api_key = admin.rotate_device_key(request).await.unwrap().into_inner().api_key;
        DeviceKey { device_id: old.device_id.clone(), api_key }
    };
    let fetch = async |key: &DeviceKey| {
        let mut device = server.clients(&Caller::Device(key.clone())).device;
        device.fetch_commands(FetchCommandsRequest::default()).await.map_err(|status| status.code()).map(drop)
    };
    let newer = rotate(None).await;
    assert_eq!((fetch(&old).await, fetch(&newer).await), (Ok(()), Ok(())));
    let newest = rotate(Some(0)).await;
    assert_eq!(fetch(&newest).await, Ok(()));
    assert_eq!((fetch(&old).await, fetch(&newer).await), (Err(Code::Unauthenticated), Err(Code::Unauthenticated)));
}
