//! When devices come and go: it shows, it is remembered, and whoever watches misses nothing.

use std::collections::HashMap;

use homepot::pb::{
    device::v1::{
        FetchCommandsRequest, GoodbyeReason, Hello, attach_request::Message as Up, attach_response::Message as Down,
    },
    registry::v1::{
        Device, DeviceStatus, GetPresenceRequest, Labels, ListDevicesRequest, ListStateChangesRequest, Role,
        StateChangeCause, UpdateDeviceRequest, WatchRequest, WatchResponse,
    },
};
use homepot_tests::{
    PATIENCE, Server, ServerOptions, Session, eventually,
    grpc::{Caller, DeviceKey},
    hello,
    rest::Request,
};
use tonic::{Code, Status, Streaming};

const SITE: &str = "site-001";

/// A server whose devices are to be heard each second.
async fn quick() -> Server {
    let server = Server::start_with(ServerOptions::default().env("HOMEPOT_HEARTBEAT_INTERVAL", "1s")).await;
    server.create_site(SITE, false).await;
    server
}

/// A viewer's stream, and what it has told.
struct Viewer {
    messages: Streaming<WatchResponse>,
    cursor: String,
}

impl Viewer {
    async fn open(server: &Server, token: &str, request: WatchRequest) -> Result<Self, Status> {
        let mut client = server.clients(&Caller::Operator(token.to_owned())).registry;
        let cursor = request.cursor.clone();
        Ok(Self { messages: client.watch(request).await?.into_inner(), cursor })
    }

    async fn of_admin(server: &Server, cursor: &str) -> Self {
        let request = WatchRequest { cursor: cursor.to_owned(), ..Default::default() };
        Self::open(server, &server.admin_token, request).await.unwrap()
    }

    async fn next(&mut self) -> Result<Vec<Device>, Status> {
        let message = tokio::time::timeout(PATIENCE, self.messages.message()).await.expect("the server keeps silent");
        let message = message?.expect("the stream goes on");
        self.cursor = message.cursor;
        Ok(message.devices)
    }

    /// The devices of the next message that has any.
    async fn news(&mut self) -> Vec<Device> {
        loop {
            let devices = self.next().await.unwrap();
            if !devices.is_empty() {
                return devices;
            }
        }
    }

    /// Reads on until `device_id` is as `is` wants it.
    async fn until(&mut self, device_id: &str, is: impl Fn(&Device) -> bool) -> Device {
        loop {
            let devices = self.next().await.unwrap();
            if let Some(device) = devices.into_iter().find(|device| device.device_id == device_id && is(device)) {
                return device;
            }
        }
    }

    async fn until_status(&mut self, device_id: &str, status: DeviceStatus) -> Device {
        self.until(device_id, |device| device.presence.as_ref().unwrap().status() == status).await
    }
}

async fn causes(server: &Server, device_id: &str) -> Vec<StateChangeCause> {
    let request = ListStateChangesRequest { device_id: device_id.to_owned(), ..Default::default() };
    let changes = server.admin().registry.list_state_changes(request).await.unwrap().into_inner().changes;
    changes.iter().rev().map(|change| change.cause()).collect()
}

async fn label(server: &Server, device_id: &str, labels: &[(&str, &str)]) {
    let labels = labels.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
    let labels = Some(Labels { labels });
    let request = UpdateDeviceRequest { device_id: device_id.to_owned(), labels, ..Default::default() };
    server.admin().registry.update_device(request).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pulled_cable_a_clean_end_and_a_poller_show_to_who_watches_each_with_its_cause() {
    let server = quick().await;
    let (cut, clean) = (server.enroll(SITE, "cut").await, server.enroll(SITE, "clean").await);
    let poller = server.enroll(SITE, "poller").await;
    let mut viewer = Viewer::of_admin(&server, "").await;
    assert_eq!(viewer.next().await.unwrap().len(), 3);

    // Its stream stays open and says nothing, as when a cable was pulled.
    let (silent, _) = Session::attach(&server, &cut).await;
    viewer.until_status("cut", DeviceStatus::Online).await;
    viewer.until_status("cut", DeviceStatus::Offline).await;
    drop(silent);
    assert_eq!(causes(&server, "cut").await, [StateChangeCause::Attached, StateChangeCause::Silent]);

    let (session, _) = Session::attach(&server, &clean).await;
    viewer.until_status("clean", DeviceStatus::Online).await;
    drop(session);
    let device = viewer.until_status("clean", DeviceStatus::Offline).await;
    // Not after a while of silence: because the stream ended.
    assert_eq!(causes(&server, "clean").await, [StateChangeCause::Attached, StateChangeCause::Detached]);
    let presence = device.presence.unwrap();
    assert!(presence.status_since.is_some() && presence.attached_at.is_none());
    // From a time on, and before it; a range that is none is told by its field.
    let within = async |start_time, end_time| {
        let request =
            ListStateChangesRequest { device_id: "clean".to_owned(), start_time, end_time, ..Default::default() };
        server.admin().registry.list_state_changes(request).await.map(|answer| answer.into_inner().changes)
    };
    let all = within(None, None).await.unwrap();
    let at = all[0].time;
    assert_eq!(within(at, None).await.unwrap(), all[..1]);
    assert_eq!(within(None, at).await.unwrap(), all[1..]);
    assert_eq!(within(all[1].time, at).await.unwrap(), all[1..]);
    let refused = homepot::Error::from(&within(at, at).await.unwrap_err());
    assert_eq!(refused.field_violations()[0].field, "start_time");

    let mut device = server.clients(&Caller::Device(poller)).device;
    device.fetch_commands(FetchCommandsRequest::default()).await.unwrap();
    viewer.until_status("poller", DeviceStatus::Online).await;
    assert_eq!(causes(&server, "poller").await, [StateChangeCause::Heard]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replica_that_is_killed_leaves_its_device_offline_by_the_others_judgement() {
    let first = quick().await;
    let options = ServerOptions::default().env("HOMEPOT_HEARTBEAT_INTERVAL", "1s");
    let mut second = first.start_beside(options).await;
    let key = first.enroll(SITE, "till").await;
    let (session, _) = Session::attach(&second, &key).await;
    let mut viewer = Viewer::of_admin(&first, "").await;
    viewer.until_status("till", DeviceStatus::Online).await;
    second.kill9();
    viewer.until_status("till", DeviceStatus::Offline).await;
    drop(session);
    assert_eq!(causes(&first, "till").await, [StateChangeCause::Attached, StateChangeCause::Silent]);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_comes_back_with_a_cursor_is_told_what_changed_meanwhile_also_by_another_replica() {
    let mut first = quick().await;
    let second = first.start_beside(ServerOptions::default()).await;
    for name in ["till", "kiosk", "scale"] {
        first.enroll(SITE, name).await;
    }
    let mut viewer = Viewer::of_admin(&first, "").await;
    viewer.next().await.unwrap();
    label(&second, "till", &[("ring", "canary")]).await;
    viewer.until("till", |device| device.labels.get("ring").is_some_and(|ring| ring == "canary")).await;
    let cursor = viewer.cursor.clone();
    drop(viewer);

    label(&first, "kiosk", &[("ring", "late")]).await;
    let mut again = Viewer::of_admin(&second, &cursor).await;
    again.until("kiosk", |device| device.labels.contains_key("ring")).await;
    label(&first, "scale", &[("ring", "late")]).await;
    again.until("scale", |device| device.labels.contains_key("ring")).await;

    let broken = WatchRequest { cursor: "yesterday".to_owned(), ..Default::default() };
    let refusal = Viewer::open(&first, &first.admin_token, broken).await.err().unwrap();
    assert_eq!(refusal.code(), Code::InvalidArgument);
    assert!(refusal.message().contains("cursor"), "{}", refusal.message());

    // A server that stops does not wait for viewers, and tells them to come back.
    drop((again, second));
    let mut last = Viewer::of_admin(&first, "").await;
    last.next().await.unwrap();
    assert!(first.stop(PATIENCE).await.success());
    loop {
        match last.next().await {
            Ok(_) => {}
            Err(status) => break assert_eq!(status.code(), Code::Unavailable),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_viewer_sees_its_sites_and_what_it_asked_for() {
    let server = quick().await;
    server.create_site("site-002", false).await;
    let keys: Vec<DeviceKey> = vec![server.enroll(SITE, "till").await, server.enroll("site-002", "kiosk").await];
    let token = server.create_operator("elsewhere", Role::Viewer, &["site-002"]).await;
    let mut bound = Viewer::open(&server, &token, WatchRequest::default()).await.unwrap();
    let names = |devices: Vec<Device>| devices.into_iter().map(|device| device.device_id).collect::<Vec<_>>();
    assert_eq!(names(bound.news().await), ["kiosk"]);
    let one = WatchRequest { device_ids: vec!["till".to_owned()], ..Default::default() };
    let mut one = Viewer::open(&server, &server.admin_token, one).await.unwrap();
    assert_eq!(names(one.news().await), ["till"]);
    for hidden in [
        WatchRequest { site_id: SITE.to_owned(), ..Default::default() },
        WatchRequest { device_ids: vec!["till".to_owned()], ..Default::default() },
    ] {
        assert_eq!(Viewer::open(&server, &token, hidden).await.err().unwrap().code(), Code::NotFound);
    }
    for key in &keys {
        let mut device = server.clients(&Caller::Device(key.clone())).device;
        device.fetch_commands(FetchCommandsRequest::default()).await.unwrap();
    }
    assert_eq!(names(bound.news().await), ["kiosk"]);
    assert_eq!(names(one.news().await), ["till"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn labels_are_shown_replaced_and_selected_by() {
    let server = quick().await;
    for name in ["till", "kiosk"] {
        server.enroll(SITE, name).await;
    }
    label(&server, "till", &[("kind", "till"), ("ring", "canary")]).await;
    label(&server, "kiosk", &[("gone", "soon")]).await;
    label(&server, "kiosk", &[("kind", "kiosk")]).await;
    let list = async |selector: &str| {
        let request = ListDevicesRequest { label_selector: selector.to_owned(), ..Default::default() };
        server.admin().registry.list_devices(request).await.map(|answer| answer.into_inner().devices)
    };
    let kiosk = list("kind=kiosk").await.unwrap().remove(0);
    assert_eq!((kiosk.device_id.as_str(), kiosk.labels), ("kiosk", HashMap::from([("kind".into(), "kiosk".into())])));
    assert_eq!(list("kind in (till, kiosk), ring=canary").await.unwrap()[0].device_id, "till");
    assert_eq!(list("gone").await.unwrap(), []);
    let refusal = list("kind==").await.map(drop);
    assert!(refusal.is_ok(), "an empty value is a value");
    let refusal = list("kind on (till)").await.unwrap_err();
    assert!(refusal.code() == Code::InvalidArgument && refusal.message().contains("label_selector"));

    let shown = server.rest(Request::get("/api/v1/devices/device/till").bearer(&server.admin_token)).await.json();
    assert_eq!(shown["labels"]["ring"], "canary");
    let labels = Some(Labels { labels: HashMap::from([("no good".to_owned(), String::new())]) });
    let request = UpdateDeviceRequest { device_id: "till".to_owned(), labels, ..Default::default() };
    let refusal = server.admin().registry.update_device(request).await.unwrap_err();
    assert!(refusal.code() == Code::InvalidArgument && refusal.message().contains("labels"));
}

#[tokio::test(flavor = "multi_thread")]
async fn two_machines_with_one_key_are_found_out_and_told_to_have_it_rotated() {
    let server = quick().await;
    let key = server.enroll(SITE, "till").await;
    let mut held: Option<Session> = None;
    let mut goodbyes = Vec::new();
    for boot_id in ["a", "b", "a", "b"] {
        let session = attach_from(&server, &key, boot_id).await;
        if let Some(mut older) = held.replace(session) {
            goodbyes.push(older.expect_goodbye(GoodbyeReason::Superseded).await.detail);
        }
    }
    assert!(!goodbyes[0].contains("rotated"), "{goodbyes:?}");
    assert!(goodbyes[2].contains("another machine uses this device's key"), "{goodbyes:?}");
    assert_eq!(causes(&server, "till").await, [StateChangeCause::Attached, StateChangeCause::Contested]);
    let request = GetPresenceRequest { device_id: "till".to_owned() };
    let presence = server.admin().registry.get_presence(request).await.unwrap().into_inner().presence.unwrap();
    assert!(presence.contested_since.is_some());
    let metrics = server.ops("/metrics").await.text();
    assert!(metrics.contains("homepot_sessions_contested_total 1"));
}

async fn attach_from(server: &Server, key: &DeviceKey, boot_id: &str) -> Session {
    let mut session = Session::open(server, key).await.unwrap();
    session.send(Up::Hello(Hello { boot_id: boot_id.to_owned(), ..hello() })).await;
    session.expect("Welcome", |message| matches!(message, Down::Welcome(_)).then_some(())).await;
    session
}

#[tokio::test(flavor = "multi_thread")]
async fn rest_tells_a_devices_history_page_by_page_newest_first() {
    let server = quick().await;
    let key = server.enroll(SITE, "till").await;
    let path = "/api/v2/devices/till/state-changes";
    let get =
        async |query: &str| server.rest(Request::get(&format!("{path}{query}")).bearer(&server.admin_token)).await;
    assert_eq!(get("").await.json()["changes"], serde_json::json!([]));
    let (session, _) = Session::attach(&server, &key).await;
    drop(session);
    eventually("both changes are told", async || {
        (get("").await.json()["changes"].as_array().unwrap().len() == 2).then_some(())
    })
    .await;
    let first = get("?page_size=1").await.json();
    let newest = &first["changes"][0];
    assert_eq!(
        ["status", "cause", "session_epoch"].map(|field| newest[field].as_str().unwrap()),
        ["DEVICE_STATUS_OFFLINE", "STATE_CHANGE_CAUSE_DETACHED", "1"]
    );
    let token = first["next_page_token"].as_str().unwrap();
    let last = get(&format!("?page_size=1&page_token={token}")).await.json();
    assert_eq!(last["changes"][0]["cause"], "STATE_CHANGE_CAUSE_ATTACHED");
    assert!(last["next_page_token"] == "" && last["changes"][0]["time"].as_str() < newest["time"].as_str());

    for (query, parameter) in [("?page_size=-1", "page_size"), ("?page_token=%25", "page_token")] {
        let refused = get(query).await;
        assert_eq!((refused.status, refused.json()["detail"][0]["loc"][1].as_str()), (422, Some(parameter)));
    }
    let nobody = server.rest(Request::get("/api/v2/devices/~/state-changes").bearer(&server.admin_token)).await;
    assert_eq!((nobody.status, nobody.json()["detail"][0]["loc"][0].as_str()), (422, Some("path")));
}

#[tokio::test(flavor = "multi_thread")]
async fn events_that_are_resumed_by_their_last_id_miss_nothing() {
    let server = quick().await;
    for name in ["till", "kiosk", "scale"] {
        server.enroll(SITE, name).await;
    }
    // The first event.
    let watch = async |target: &str, last_id: Option<&str>| {
        let mut request = Request::get(target).bearer(&server.admin_token);
        if let Some(last_id) = last_id {
            request = request.header("Last-Event-ID", last_id);
        }
        let answer = request.send_until(&server.rest_addr, "\n\n").await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        assert_eq!(answer.header("content-type"), Some("text/event-stream"));
        answer.text()
    };
    let first = watch("/api/v2/watch/devices", None).await;
    assert!(first.contains("\"devices\":[") && ["till", "kiosk", "scale"].iter().all(|name| first.contains(name)));
    let id = first.lines().find_map(|line| line.strip_prefix("id: ")).unwrap();

    label(&server, "kiosk", &[("seen", "meanwhile")]).await;
    for (target, last_id) in [
        ("/api/v2/watch/devices".to_owned(), Some(id)),
        (format!("/api/v2/watch/devices?cursor={id}"), None),
        // A browser comes back to the address it came from first.
        ("/api/v2/watch/devices?cursor=t1".to_owned(), Some(id)),
    ] {
        let resumed = watch(&target, last_id).await;
        assert!(resumed.contains("meanwhile"), "{resumed}");
    }
    let refused = server.rest(Request::get("/api/v2/watch/devices?cursor=yesterday").bearer(&server.admin_token)).await;
    assert_eq!((refused.status, refused.json()["detail"][0]["loc"][1].as_str()), (422, Some("cursor")));
}
