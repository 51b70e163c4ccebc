//! What goes on for as long as somebody listens ends with the token it was opened with.

use std::time::Duration;

use homepot::pb::{command::v1 as command_pb, registry::v1 as pb, telemetry::v1 as telemetry_pb};
use homepot_tests::{PATIENCE, Server, field, grpc::Caller, rest::Request};
use tonic::{Code, Status, Streaming};

/// An end that is due within two seconds; a machine that is busy gets more.
const SOON: Duration = Duration::from_secs(20);

/// A watch of each service, opened with one token.
struct Watches {
    registry: Streaming<pb::WatchResponse>,
    telemetry: Streaming<telemetry_pb::WatchResponse>,
    command: Streaming<command_pb::WatchResponse>,
}

async fn end<M>(mut watch: Streaming<M>) -> Status {
    let end = async {
        loop {
            match watch.message().await {
                Ok(Some(_)) => {}
                Ok(None) => return Status::ok("the stream ended without a word"),
                Err(status) => return status,
            }
        }
    };
    tokio::time::timeout(SOON, end).await.expect("the watch ends with its token")
}

impl Watches {
    async fn open(server: &Server, token: &str) -> Self {
        let mut clients = server.clients(&Caller::Operator(token.to_owned()));
        let mut watches = Self {
            registry: clients.registry.watch(pb::WatchRequest::default()).await.unwrap().into_inner(),
            telemetry: clients.telemetry.watch(telemetry_pb::WatchRequest::default()).await.unwrap().into_inner(),
            command: clients.command.watch(command_pb::WatchRequest::default()).await.unwrap().into_inner(),
        };
        watches.registry.message().await.unwrap().expect("the first message");
        watches
    }

    async fn end_unauthenticated(self) {
        let ends = tokio::join!(end(self.registry), end(self.telemetry), end(self.command));
        for status in [ends.0, ends.1, ends.2] {
            assert_eq!(status.code(), Code::Unauthenticated, "{status:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_watch_ends_with_the_token_it_was_opened_with_however_that_ends() {
    let server = Server::start().await;
    let mut admin = server.admin().registry;
    for how in ["revoked", "rotated", "expired", "narrowed"] {
        let token = server.create_operator(how, pb::Role::Viewer, &[]).await;
        let watches = Watches::open(&server, &token).await;
        let name = how.to_owned();
        match how {
            "revoked" => {
                admin
                    .revoke_operator(pb::RevokeOperatorRequest { name, ..Default::default() })
                    .await
                    .map(drop)
                    .unwrap();
            }
            "rotated" => {
                admin.rotate_operator_token(pb::RotateOperatorTokenRequest { name }).await.map(drop).unwrap();
            }
            "expired" => server.database().run("UPDATE operators SET expires_at = now() WHERE name = 'expired'").await,
            _ => server.database().run("UPDATE operators SET site_ids = '{}' WHERE name = 'narrowed'").await,
        }
        watches.end_unauthenticated().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn events_over_rest_and_a_watch_at_another_replica_end_too_and_those_of_others_go_on() {
    let server = Server::start().await;
    let beside = server.start_beside(homepot_tests::ServerOptions::default()).await;
    let token = server.create_operator("eve", pb::Role::Viewer, &[]).await;
    let mut other = Watches::open(&beside, &server.admin_token).await;
    let watches = Watches::open(&beside, &token).await;
    let rest_addr = beside.rest_addr.clone();
    let events = Request::get("/api/v2/watch/devices").bearer(&token);
    let events = tokio::spawn(async move { events.send(&rest_addr).await });
    // Its headers are there: it has been let in.
    let answered =
        |line: &serde_json::Value| (field(line, "route")?.as_str()?.ends_with("/watch/devices")).then_some(());
    beside.process().logged("that events are on their way", answered).await;
    let request = pb::RevokeOperatorRequest { name: "eve".to_owned(), ..Default::default() };
    server.admin().registry.revoke_operator(request).await.unwrap();
    watches.end_unauthenticated().await;
    let answer = tokio::time::timeout(PATIENCE, events).await.unwrap().unwrap();
    assert_eq!(answer.status, 200);
    assert!(answer.text().contains("Invalid or missing operator token"), "{}", answer.text());
    server.create_site("site-001", false).await;
    server.enroll("site-001", "till").await;
    loop {
        let news = other.registry.message().await.unwrap().expect("the admin's watch goes on");
        if news.devices.iter().any(|device| device.device_id == "till") {
            break;
        }
    }
}
