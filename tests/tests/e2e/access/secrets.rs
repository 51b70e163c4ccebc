//! What the database holds opens nothing, and who is right gets in whatever others do at the same address.

use std::{net::IpAddr, os::unix::fs::MetadataExt as _};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use homepot::pb::{
    device::v1::{FetchCommandsRequest, attach_request::Message as Up, attach_response::Message as Down},
    registry::v1 as pb,
};
use homepot_tests::{
    PATIENCE, Server, ServerOptions, Session, elsewhere, field,
    grpc::{Caller, DeviceKey, call, connection},
    hello,
};
use prost::Message as _;
use tonic::{Code, Request, Status};

use super::{grpc::LETTERS, keys::argon2_checks};

const FETCH: &str = "/homepot.device.v1.DeviceService/FetchCommands";
const WHO_AM_I: &str = "/homepot.registry.v1.RegistryService/WhoAmI";

/// The key with the same public letters, and others for the rest.
fn imitated(key: &str) -> String {
    format!("{}{}", &key[..12], "A".repeat(key.len() - 12))
}

async fn fetch(server: &Server, from: IpAddr, key: &DeviceKey) -> Result<(), Status> {
    let connection = connection(from, &server.grpc_addr, &Caller::Device(key.clone()));
    call(connection, FETCH, FetchCommandsRequest::default().encode_to_vec()).await.map(drop)
}

async fn who_am_i(server: &Server, from: IpAddr, token: &str) -> Result<(), Status> {
    call(connection(from, &server.grpc_addr, &Caller::Operator(token.to_owned())), WHO_AM_I, Vec::new()).await.map(drop)
}

async fn fetch_with_ticket(server: &Server, key: &DeviceKey, ticket: &str) -> Result<(), Status> {
    let mut request = Request::new(FetchCommandsRequest::default());
    request.metadata_mut().insert("x-reconnect-ticket", ticket.parse().unwrap());
    server.clients(&Caller::Device(key.clone())).device.fetch_commands(request).await.map(drop)
}

/// A ticket for `key` as the server makes them, under `secret`.
async fn forged(server: &Server, secret: [u8; 32], key: &DeviceKey) -> String {
    let row =
        "SELECT d.device, d.credential_version AS version, k.hash FROM devices d JOIN device_keys k USING (device)";
    let row = server.database().rows(row).await.pop().unwrap();
    let expiry = i64::MAX / 2;
    let mut mac = blake3::Hasher::new_keyed(&secret);
    mac.update(&row["device"].as_i64().unwrap().to_le_bytes());
    mac.update(&i32::try_from(row["version"].as_i64().unwrap()).unwrap().to_le_bytes());
    mac.update(&expiry.to_le_bytes());
    mac.update(blake3::hash(key.api_key.as_bytes()).as_bytes());
    mac.update(blake3::hash(row["hash"].as_str().unwrap().as_bytes()).as_bytes());
    URL_SAFE_NO_PAD.encode([&expiry.to_le_bytes()[..], mac.finalize().as_bytes()].concat())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_from_the_database_makes_no_ticket_that_opens_a_device() {
    let mut server = Server::start().await;
    server.create_site("site-001", false).await;
    let key = server.enroll("site-001", "till").await;
    // As the version before had it there, and as a thief of a dump would read it.
    server.database().run("INSERT INTO secrets VALUES ('reconnect-tickets', decode(repeat('07', 32), 'hex'))").await;
    server.stop(PATIENCE).await;
    server.restart().await;
    let thief = DeviceKey { api_key: imitated(&key.api_key), ..key.clone() };
    let ticket = forged(&server, [7; 32], &thief).await;
    let refused = fetch_with_ticket(&server, &thief, &ticket).await.unwrap_err();
    assert_eq!(refused.code(), Code::Unauthenticated);
    fetch_with_ticket(&server, &key, &ticket).await.expect("whoever has the key needs no ticket");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ticket_spares_argon2_after_a_restart_and_ends_with_its_key() {
    let mut server = Server::start().await;
    server.create_site("site-001", false).await;
    let key = server.enroll("site-001", "till").await;
    let (_session, welcome) = Session::attach(&server, &key).await;
    let ticket = welcome.reconnect_ticket;
    server.stop(PATIENCE).await;
    server.restart().await;
    fetch_with_ticket(&server, &key, &ticket).await.unwrap();
    assert_eq!(argon2_checks(&server).await, 0);
    let thief = DeviceKey { api_key: imitated(&key.api_key), ..key.clone() };
    assert_eq!(fetch_with_ticket(&server, &thief, &ticket).await.unwrap_err().code(), Code::Unauthenticated);
    let overlap = Some(prost_types::Duration::default());
    let request = pb::RotateDeviceKeyRequest { device_id: key.device_id.clone(), overlap };
    server.admin().registry.rotate_device_key(request).await.unwrap();
    assert_eq!(fetch_with_ticket(&server, &key, &ticket).await.unwrap_err().code(), Code::Unauthenticated);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_lost_its_secret_makes_another_and_everybody_still_gets_in() {
    let mut server = Server::start().await;
    server.create_site("site-001", false).await;
    let key = server.enroll("site-001", "till").await;
    let (_session, welcome) = Session::attach(&server, &key).await;
    let path = server.data_dir().join("server-secret");
    let lost = std::fs::read_to_string(&path).unwrap();
    assert_eq!(std::fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
    server.stop(PATIENCE).await;
    std::fs::remove_file(&path).unwrap();
    server.restart().await;
    assert_ne!(std::fs::read_to_string(&path).unwrap(), lost);
    let thief = DeviceKey { api_key: imitated(&key.api_key), ..key.clone() };
    assert_eq!(fetch(&server, elsewhere(), &thief).await.unwrap_err().code(), Code::Unauthenticated);
    fetch_with_ticket(&server, &key, &welcome.reconnect_ticket).await.unwrap();
    who_am_i(&server, elsewhere(), &server.admin_token).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn servers_on_one_database_with_different_secrets_say_so() {
    let server = Server::start().await;
    let same = server.start_beside(ServerOptions::default()).await;
    let differs = async |server: &Server| {
        server.ops("/metrics").await.text().lines().any(|line| line == "homepot_server_secret_differs 1")
    };
    assert!(!differs(&same).await && !differs(&server).await);
    let other = ServerOptions::default()
        .env("HOMEPOT_DATABASE_URL", server.database().url())
        .env("HOMEPOT_SECRET", "another-secret-of-letters-0123456789");
    let other = Server::start_with(other).await;
    for server in [&other, &server] {
        server
            .process()
            .logged("that secrets differ", |line| {
                let message = field(line, "message")?.as_str()?;
                message.contains("another server on this database has another secret").then_some(())
            })
            .await;
    }
    assert!(differs(&other).await);
}

/// A device, an operator and an enrolment token, on a server that has checked none of them yet.
struct Cold {
    server: Server,
    key: DeviceKey,
    operator: String,
    token: String,
}

impl Cold {
    async fn start() -> Self {
        let mut server = Server::start().await;
        server.create_site("site-001", false).await;
        let key = server.enroll("site-001", "till").await;
        let operator = server.create_operator("eve", pb::Role::Viewer, &["site-001"]).await;
        let token = server.enrollment_token("site-001").await;
        server.stop(PATIENCE).await;
        server.restart().await;
        Self { server, key, operator, token }
    }

    /// More wrong keys and tokens from one address than it may show in a minute; answers the last refusal.
    async fn attack(&self, from: IpAddr) -> Status {
        let key = |api_key: String| DeviceKey { api_key, ..self.key.clone() };
        let mut last = Status::ok("");
        for _ in 0..60 {
            last = fetch(&self.server, from, &key(format!("hpd_{LETTERS}"))).await.unwrap_err();
            fetch(&self.server, from, &key(imitated(&self.key.api_key))).await.unwrap_err();
            who_am_i(&self.server, from, &imitated(&self.operator)).await.unwrap_err();
        }
        last
    }

    async fn all_get_in(&self, from: IpAddr) {
        fetch(&self.server, from, &self.key).await.expect("the device gets in");
        who_am_i(&self.server, from, &self.operator).await.expect("the operator gets in");
        let enroll = homepot::pb::device::v1::EnrollRequest {
            site_id: "site-001".to_owned(),
            device_id: "new".to_owned(),
            name: "New".to_owned(),
            ..Default::default()
        };
        let path = "/homepot.device.v1.DeviceService/Enroll";
        let enrollee = connection(from, &self.server.grpc_addr, &Caller::Enrollee(self.token.clone()));
        call(enrollee, path, enroll.encode_to_vec()).await.expect("a good token enrols");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_right_gets_in_from_an_address_where_wrong_ones_are_tried_by_the_hundred() {
    let cold = Cold::start().await;
    let here = elsewhere();
    let refused = cold.attack(here).await;
    assert_eq!(refused.code(), Code::ResourceExhausted, "who fails is told to wait");
    assert_eq!(argon2_checks(&cold.server).await, 0, "and costs no Argon2");
    cold.all_get_in(here).await;
    assert_eq!(argon2_checks(&cold.server).await, 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_of_the_version_before_get_in_too_and_are_known_from_then_on() {
    let cold = Cold::start().await;
    let here = elsewhere();
    for table in ["device_keys", "operators", "enrollment_tokens"] {
        cold.server.database().run(&format!("UPDATE {table} SET check_tag = NULL")).await;
    }
    cold.attack(here).await;
    cold.all_get_in(here).await;
    let untagged = "SELECT (SELECT count(*) FROM device_keys WHERE check_tag IS NULL AND device = \
        (SELECT device FROM devices WHERE device_id = 'till')) + (SELECT count(*) FROM operators WHERE name = 'eve' AND \
        check_tag IS NULL)";
    while cold.server.database().number(untagged).await > 0 {
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    let before = argon2_checks(&cold.server).await;
    let thief = DeviceKey { api_key: imitated(&cold.key.api_key), ..cold.key.clone() };
    fetch(&cold.server, here, &thief).await.unwrap_err();
    assert_eq!(argon2_checks(&cold.server).await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn devices_get_in_while_wrong_keys_come_from_everywhere() {
    let mut server = Server::start().await;
    server.create_site("site-001", false).await;
    let mut keys = Vec::new();
    for number in 0..10 {
        keys.push(server.enroll("site-001", &format!("till-{number}")).await);
    }
    server.stop(PATIENCE).await;
    server.restart().await;
    let attackers = (0..1_000).map(|number: usize| {
        let mut key = keys[number % 10].clone();
        key.api_key = if number.is_multiple_of(2) { imitated(&key.api_key) } else { format!("hpd_{LETTERS}") };
        let connection = connection(elsewhere(), &server.grpc_addr, &Caller::Device(key));
        tokio::spawn(async move { call(connection, FETCH, Vec::new()).await.unwrap_err().code() })
    });
    let attackers: Vec<_> = attackers.collect();
    for key in &keys {
        let mut session = Session::open(&server, key).await.expect("a right key is never told to wait");
        session.send(Up::Hello(hello())).await;
        assert!(matches!(session.next().await, Some(Down::Welcome(_))));
    }
    for attacker in attackers {
        assert_eq!(attacker.await.unwrap(), Code::Unauthenticated);
    }
}
