//! More than one process on one Postgres: a role at a time, and two that hold devices.

use homepot::pb::{
    command::v1 as command_pb,
    device::v1::{GoodbyeReason, attach_response::Message as Down},
    registry::v1::{DeactivateDeviceRequest, WhoAmIRequest},
};
use homepot_tests::{RedisServer, Server, ServerOptions, Session, eventually, rest::Request};

use crate::{
    database::rotation::{KEPT, Mounted, TAKEN},
    door::certificates::{metric, replace},
};

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_of_its_own_speaks_for_the_services_and_is_as_healthy_as_they_are() {
    let mut services =
        Server::start_with(ServerOptions::default().env("HOMEPOT_ROLES", "registry,telemetry,command,link")).await;
    let options = ServerOptions::default()
        .env("HOMEPOT_ROLES", "gateway")
        .env("HOMEPOT_GRPC_URL", format!("http://{}", services.grpc_addr));
    let gateway = Server::start_with(options).await;

    services.create_site("site-001", false).await;
    let list = gateway.rest(Request::get("/api/v1/sites/").bearer(&services.admin_token)).await;
    assert_eq!((list.status, list.json()["sites"][0]["site_id"].as_str()), (200, Some("site-001")));
    let health = || gateway.rest(Request::get("/api/v1/health/health"));
    assert_eq!(health().await.status, 200);
    services.kill9();
    assert_eq!(health().await.status, 503);
    services.restart().await;
    eventually("the gateway to be healthy again", async || (health().await.status == 200).then_some(())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_queued_at_one_replica_reaches_a_device_at_the_other() {
    let first = Server::start().await;
    let second = first.start_beside(ServerOptions::default()).await;
    first.create_site("site-001", false).await;
    let key = first.enroll("site-001", "till").await;
    let (mut session, _) = Session::attach(&first, &key).await;

    let queued = queue(&second, "till").await;
    assert_eq!(session.expect("the command", delivered).await, queued);
}

#[tokio::test(flavor = "multi_thread")]
async fn commands_are_hinted_to_the_other_replica_through_postgres() {
    let first = Server::start().await;
    let second = first.start_beside(ServerOptions::default()).await;
    let mut session = attached(&first).await;
    commands_are_hinted(&first, &second, &mut session, "postgres").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn commands_are_hinted_to_the_other_replica_through_redis_which_may_be_away() {
    let mut redis = RedisServer::start().await;
    let options = || ServerOptions::default().env("HOMEPOT_REDIS_URL", redis.url());
    let first = Server::start_with(options()).await;
    let second = first.start_beside(options()).await;
    let mut session = attached(&first).await;
    commands_are_hinted(&first, &second, &mut session, "redis").await;
    redis.kill9();
    // Only slower.
    let queued = queue(&second, "till").await;
    assert_eq!(session.expect("the command", delivered).await, queued);
    second.process().logged("the outage", |line| is_outage(line).then_some(())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_address_of_redis_is_taken_while_streams_go_on_and_one_that_leads_nowhere_is_not() {
    let [mut old, new, mut dead] = [RedisServer::start().await, RedisServer::start().await, RedisServer::start().await];
    dead.kill9();
    let file = Mounted::new(&old.url());
    let options = || ServerOptions::default().env("HOMEPOT_REDIS_URL_FILE", file.file());
    let first = Server::start_with(options()).await;
    let second = first.start_beside(options()).await;
    let mut session = attached(&first).await;
    commands_are_hinted(&first, &second, &mut session, "redis").await;

    let unusable = async || metric(&second, "homepot_files_unusable{setting=\"redis-url-file\"}").await;
    let nowhere = format!("redis://:hidden@{}", dead.address());
    replace(&[&first, &second], KEPT, || file.lay(&nowhere)).await;
    assert_eq!(unusable().await, 1.0);
    commands_are_hinted(&first, &second, &mut session, "redis").await;
    replace(&[&first, &second], TAKEN, || file.lay(&new.url())).await;
    assert_eq!(unusable().await, 0.0);
    old.kill9();
    commands_are_hinted(&first, &second, &mut session, "redis").await;
    for server in [&first, &second] {
        assert!(!server.process().log().iter().any(is_outage));
        assert!(!server.process().printed().contains("hidden"));
    }
}

fn is_outage(line: &serde_json::Value) -> bool {
    let text = line.to_string();
    text.contains("hints don't reach other replicas") && text.contains("WARN")
}

/// The stream of a device, the first one of this server.
async fn attached(server: &Server) -> Session {
    server.create_site("site-001", false).await;
    let key = server.enroll("site-001", "till").await;
    Session::attach(server, &key).await.0
}

/// Queues commands at `second` for a device that `first` holds, and shows that `first` heard of each, and not by looking.
async fn commands_are_hinted(first: &Server, second: &Server, session: &mut Session, transport: &str) {
    let received = format!("homepot_hints_received_total{{transport=\"{transport}\",about=\"device\"}}");
    let known = counter(first, &received).await;
    // One that is queued before the two have found each other is not heard of.
    eventually("a first hint", async || {
        let queued = queue(second, "till").await;
        assert_eq!(session.expect("the command", delivered).await, queued);
        (counter(first, &received).await > known).then_some(())
    })
    .await;
    let before = counter(first, &received).await;
    for number in 1..=5 {
        let queued = queue(second, "till").await;
        assert_eq!(session.expect("the command", delivered).await, queued);
        // The look once a second may have been first, but then the hint comes all the same.
        eventually("its hint", async || (counter(first, &received).await >= before + number).then_some(())).await;
    }
    let published = received.replace("received", "published");
    assert!(counter(second, &published).await > 5);
    assert_eq!(counter(first, &published).await, 0, "whom it holds itself it tells itself");
}

async fn queue(server: &Server, device: &str) -> String {
    let request = command_pb::QueueRequest {
        device_id: device.to_owned(),
        command_type: "PING".to_owned(),
        ..Default::default()
    };
    server.admin().command.queue(request).await.unwrap().into_inner().command.unwrap().command_id
}

fn delivered(message: &Down) -> Option<String> {
    match message {
        Down::Command(delivery) => Some(delivery.command_id.clone()),
        _ => None,
    }
}

async fn counter(server: &Server, series: &str) -> u64 {
    let text = server.ops("/metrics").await.text();
    let value = text.lines().find_map(|line| line.strip_prefix(series)?.trim().parse().ok());
    value.unwrap_or_else(|| panic!("{series} is not in\n{text}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn the_newest_session_wins_also_at_another_replica_and_so_does_a_revocation() {
    let first = Server::start().await;
    let second = first.start_beside(ServerOptions::default()).await;
    first.create_site("site-001", false).await;
    let key = first.enroll("site-001", "till").await;

    let (mut older, _) = Session::attach(&first, &key).await;
    let (mut newer, _) = Session::attach(&second, &key).await;
    older.expect_goodbye(GoodbyeReason::Superseded).await;
    let request = DeactivateDeviceRequest { device_id: "till".to_owned() };
    first.admin().registry.deactivate_device(request).await.unwrap();
    newer.expect_goodbye(GoodbyeReason::Revoked).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_admin_serves_all_replicas_and_the_later_ones_make_none() {
    let first = Server::start().await;
    let second = first.start_beside(ServerOptions::default()).await;
    assert!(!second.data_dir().join("admin-token").exists());
    let answer = second.admin().registry.who_am_i(WhoAmIRequest {}).await.unwrap().into_inner();
    assert_eq!(answer.operator.unwrap().name, "admin");
}
