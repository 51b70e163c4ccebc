//! Live values: first what is, then what is new.

use std::collections::BTreeMap;

use chrono::{SubsecRound, TimeDelta, Utc};
use homepot::pb::{
    registry::v1::{RevokeOperatorRequest, Role},
    telemetry::v1::{WatchRequest, WatchResponse},
};
use homepot_tests::{AnySystem, PATIENCE, Server, ServerOptions, System, grpc::Caller, rest::Request};
use tonic::{Code, Status, Streaming};

use super::{SITE, ack, device_with, message, sample, time};

/// A viewer's stream.
struct Viewer(Streaming<WatchResponse>);

impl Viewer {
    async fn open(server: &System, token: &str, request: WatchRequest) -> Result<Self, Status> {
        let mut client = server.clients(&Caller::Operator(token.to_owned())).telemetry;
        Ok(Self(client.watch(request).await?.into_inner()))
    }

    async fn of_admin(server: &System) -> Self {
        Self::open(server, &server.admin_token, WatchRequest::default()).await.unwrap()
    }

    async fn message(&mut self) -> Result<Option<WatchResponse>, Status> {
        tokio::time::timeout(PATIENCE, self.0.message()).await.expect("the server keeps silent")
    }

    /// The next message: loads by device.
    async fn next(&mut self) -> BTreeMap<String, f64> {
        let message = self.message().await.unwrap().expect("the stream goes on");
        let count = message.samples.len();
        let loads = message.samples.into_iter().map(|new| (new.device_id, new.sample.unwrap().cpu_percent.unwrap()));
        let loads: BTreeMap<_, _> = loads.collect();
        assert_eq!(loads.len(), count, "at most one a device");
        loads
    }

    /// Reads on until `device_id` has that load.
    async fn until(&mut self, device_id: &str, load: f64) {
        while self.next().await.get(device_id) != Some(&load) {}
    }
}

fn only(device_id: &str, load: f64) -> BTreeMap<String, f64> {
    BTreeMap::from([(device_id.to_owned(), load)])
}

#[tokio::test(flavor = "multi_thread")]
async fn a_viewer_sees_what_is_and_then_what_is_new() {
    let server = AnySystem::start().await;
    server.create_site(SITE, false).await;
    let mut empty = Viewer::of_admin(&server).await;
    assert_eq!(empty.next().await, BTreeMap::new());

    let now = Utc::now();
    let mut till = device_with(&server, SITE, "till", &[(now - TimeDelta::seconds(9), 1.0)]).await;
    let mut kiosk = device_with(&server, SITE, "kiosk", &[(now - TimeDelta::seconds(9), 2.0)]).await;
    empty.until("kiosk", 2.0).await;
    let mut all = Viewer::of_admin(&server).await;
    assert_eq!(all.next().await, BTreeMap::from([("kiosk".to_owned(), 2.0), ("till".to_owned(), 1.0)]));
    let device_ids = vec!["till".to_owned()];
    let request = WatchRequest { device_ids, ..Default::default() };
    let mut one = Viewer::open(&server, &server.admin_token, request).await.unwrap();
    assert_eq!(one.next().await, only("till", 1.0));

    kiosk.send(message(2, vec![sample(now, 3.0)])).await;
    ack(&mut kiosk).await;
    assert_eq!(all.next().await, only("kiosk", 3.0), "what was seen does not come again");
    // A late sample is no news: what is the newest stays the newest.
    till.send(message(2, vec![sample(now - TimeDelta::seconds(60), 8.0)])).await;
    ack(&mut till).await;
    till.send(message(3, vec![sample(now, 4.0)])).await;
    ack(&mut till).await;
    assert_eq!(one.next().await, only("till", 4.0), "only what was asked for");
    assert_eq!(all.next().await, only("till", 4.0));
    empty.until("till", 4.0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_sees_its_sites_only_and_only_while_its_token_is_good() {
    let mut server = Server::start().await;
    server.create_site(SITE, false).await;
    server.create_site("site-002", false).await;
    let now = Utc::now();
    let token = server.create_operator("elsewhere", Role::Viewer, &["site-002"]).await;
    let mut viewer = Viewer::open(&server, &token, WatchRequest::default()).await.unwrap();
    let site_id = SITE.to_owned();
    let request = WatchRequest { site_id: site_id.clone(), ..Default::default() };
    let mut of_site = Viewer::open(&server, &server.admin_token, request).await.unwrap();
    assert_eq!((viewer.next().await.len(), of_site.next().await.len()), (0, 0));
    device_with(&server, SITE, "till", &[(now, 1.0)]).await;
    of_site.until("till", 1.0).await;
    device_with(&server, "site-002", "kiosk", &[(now, 2.0)]).await;
    assert_eq!(viewer.next().await, only("kiosk", 2.0));

    let hidden = [
        WatchRequest { site_id, ..Default::default() },
        WatchRequest { device_ids: vec!["till".to_owned()], ..Default::default() },
        WatchRequest { device_ids: vec!["kiosk".to_owned(), "nobody".to_owned()], ..Default::default() },
    ];
    for request in hidden {
        let Err(refusal) = Viewer::open(&server, &token, request).await else { panic!("it sees what it may not") };
        assert_eq!(refusal.code(), Code::NotFound);
    }
    let revoke = RevokeOperatorRequest { name: "elsewhere".to_owned(), ..Default::default() };
    server.admin().registry.revoke_operator(revoke).await.unwrap();
    assert_eq!(viewer.message().await.unwrap_err().code(), Code::Unauthenticated);

    // A server that stops does not wait for viewers.
    let stopped = server.stop(PATIENCE).await;
    assert!(stopped.success());
    assert!(of_site.message().await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_viewer_that_does_not_read_gets_the_newest_in_the_end() {
    let server = AnySystem::start().await;
    server.create_site(SITE, false).await;
    let mut slow = Viewer::of_admin(&server).await;
    let mut quick = Viewer::of_admin(&server).await;
    assert_eq!((slow.next().await.len(), quick.next().await.len()), (0, 0));
    // Whole seconds, as they come back from the store unchanged.
    let start = Utc::now().trunc_subsecs(0) - TimeDelta::seconds(60);
    let mut session = device_with(&server, SITE, "till", &[]).await;
    for round in 0..5_u32 {
        let at = start + TimeDelta::seconds(round.into());
        session.send(message(u64::from(round) + 1, vec![sample(at, round.into())])).await;
        ack(&mut session).await;
        // The other one holds nobody up.
        quick.until("till", round.into()).await;
    }
    let mut last = start - TimeDelta::seconds(1);
    while last < start + TimeDelta::seconds(4) {
        let news = slow.message().await.unwrap().expect("the stream goes on");
        let at = time(news.samples[0].sample.as_ref().unwrap().collected_at.as_ref());
        assert!(at > last, "never back in time");
        last = at;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_viewer_that_comes_back_with_its_cursor_is_told_what_came_meanwhile_at_any_replica() {
    let server = Server::start().await;
    let beside = server.start_beside(ServerOptions::default()).await;
    server.create_site(SITE, false).await;
    let now = Utc::now();
    let mut till = device_with(&server, SITE, "till", &[(now - TimeDelta::seconds(9), 1.0)]).await;
    let mut viewer = Viewer::of_admin(&server).await;
    let first = viewer.message().await.unwrap().unwrap();
    assert_eq!((first.samples.len(), first.cursor.is_empty()), (1, false));
    drop(viewer);
    till.send(message(2, vec![sample(now, 2.0)])).await;
    ack(&mut till).await;
    device_with(&server, SITE, "kiosk", &[(now, 3.0)]).await;

    let request = WatchRequest { cursor: first.cursor, ..Default::default() };
    let mut again = Viewer::open(&beside, &beside.admin_token, request).await.unwrap();
    let mut missed = BTreeMap::new();
    while missed.len() < 2 {
        missed.append(&mut again.next().await);
    }
    assert_eq!(missed, BTreeMap::from([("kiosk".to_owned(), 3.0), ("till".to_owned(), 2.0)]));
    let request = WatchRequest { cursor: "yesterday".to_owned(), ..Default::default() };
    let Err(refusal) = Viewer::open(&server, &server.admin_token, request).await else { panic!("no such cursor") };
    assert!(refusal.message().starts_with("cursor: "), "{refusal:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sample_whose_receipt_a_wrong_clock_dates_back_shows_all_the_same() {
    let server = AnySystem::start().await;
    server.create_site(SITE, false).await;
    let now = Utc::now();
    device_with(&server, SITE, "till", &[(now - TimeDelta::seconds(9), 1.0)]).await;
    let mut viewer = Viewer::of_admin(&server).await;
    assert_eq!(viewer.next().await, only("till", 1.0));
    // As a replica writes it whose clock is far behind.
    let database = server.database();
    let late = "UPDATE device_latest SET collected_at = collected_at + interval '1 second', changed_at = now(),
        received_at = now() - interval '1 hour'";
    database.run(late).await;
    assert_eq!(viewer.next().await, only("till", 1.0));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_gateway_resumes_by_the_id_of_the_last_event() {
    let server = AnySystem::start().await;
    server.create_site(SITE, false).await;
    let now = Utc::now();
    device_with(&server, SITE, "till", &[(now, 1.0)]).await;
    let follow = || Request::get("/api/v2/watch/samples").bearer(&server.admin_token);
    let first = follow().send_until(&server.rest_addr, "\n\n").await.text();
    let id = first.lines().find_map(|line| line.strip_prefix("id: ")).expect("an event has an id").to_owned();
    assert!(first.contains("\"samples\":[") && first.contains("till"), "{first}");
    device_with(&server, SITE, "kiosk", &[(now, 2.0)]).await;
    let again = follow().header("Last-Event-ID", &id).send_until(&server.rest_addr, "kiosk").await.text();
    assert!(again.contains("\"samples\":["), "{again}");
}
