//! Simulated devices go as a set.

use std::collections::BTreeSet;

use homepot::pb::{common::v1::DeviceSource, device::v1::GoodbyeReason, registry::v1::Role};
use homepot_tests::{Session, System, rest::Request};
use serde_json::json;
use tonic::Code;

use super::*;

fn of_site(site_id: &str) -> registry_pb::RemoveSimulatedDevicesRequest {
    registry_pb::RemoveSimulatedDevicesRequest { site_ids: vec![site_id.to_owned()], ..Default::default() }
}

#[tokio::test(flavor = "multi_thread")]
async fn simulated_devices_are_removed_while_their_sessions_are_attached_and_no_real_one_is() {
    let server = server().await;
    server.create_site("elsewhere", false).await;
    let real = server.enroll(SITE, "till").await;
    let (mut live, _) = Session::attach(&server, &real).await;
    let token = token(&server, DeviceSource::Simulated, &[("fleet", "load")]).await;
    let mut simulators = Vec::new();
    for number in 0..3 {
        let key = enrol(&server, &token, request(&format!("sim-{number}"))).await.unwrap();
        let (mut session, _) = Session::attach(&server, &key).await;
        is_live(&mut session, 1).await;
        simulators.push((key, session));
    }
    // Marked as they are, and still real.
    let labels = [("fleet".to_owned(), "load".to_owned())].into();
    let update = registry_pb::UpdateDeviceRequest {
        device_id: "till".to_owned(),
        labels: Some(registry_pb::Labels { labels }),
        ..Default::default()
    };
    server.admin().registry.update_device(update).await.unwrap();

    let bound = server.create_operator("elsewhere-admin", Role::Admin, &["elsewhere"]).await;
    let mut bound = server.clients(&Caller::Operator(bound)).registry;
    assert_eq!(bound.remove_simulated_devices(of_site(SITE)).await.unwrap_err().code(), Code::NotFound);
    // Without a condition it is a mistake, unless it is said in so many words.
    for lost in ["", " "] {
        let lost = registry_pb::RemoveSimulatedDevicesRequest { label_selector: lost.to_owned(), ..Default::default() };
        let refused = server.admin().registry.remove_simulated_devices(lost).await.unwrap_err();
        assert_eq!(refused.code(), Code::InvalidArgument);
    }
    for query in
        ["", "?site=elsewhere", "?site_ids=", "?label_selector=%20", "?site_ids=elsewhere&all=true", "?all=false"]
    {
        let request = Request::new("DELETE", &format!("/api/v2/simulated-devices{query}")).bearer(&server.admin_token);
        let answer = server.rest(request).await;
        assert_eq!(answer.status, 422, "{query}: {}", answer.text());
    }
    is_live(&mut simulators[0].1, 2).await;
    let all = registry_pb::RemoveSimulatedDevicesRequest { all: true, ..Default::default() };
    assert_eq!(bound.remove_simulated_devices(all).await.unwrap().into_inner().removed, 0);

    let marked =
        registry_pb::RemoveSimulatedDevicesRequest { label_selector: "fleet=load".to_owned(), ..of_site(SITE) };
    let mut admin = server.admin().registry;
    // Who looked at another number has to look again, and nobody is shut out meanwhile.
    for expected in [0, 2, 4] {
        let stale = registry_pb::RemoveSimulatedDevicesRequest { expected_devices: Some(expected), ..marked.clone() };
        let refused = admin.remove_simulated_devices(stale).await.unwrap_err();
        assert_eq!(refused.code(), Code::FailedPrecondition);
        assert_eq!(homepot::Error::from(&refused).reason(), Some("DEVICES_CHANGED"));
    }
    is_live(&mut simulators[0].1, 3).await;
    let marked = registry_pb::RemoveSimulatedDevicesRequest { expected_devices: Some(3), ..marked };
    assert_eq!(admin.remove_simulated_devices(marked.clone()).await.unwrap().into_inner().removed, 3);
    for (key, session) in &mut simulators {
        session.expect_goodbye(GoodbyeReason::Revoked).await;
        assert_eq!(Session::open(&server, key).await.unwrap_err().code(), Code::Unauthenticated);
    }
    assert_eq!(foreign_samples(&server).await, 0);
    let marked = registry_pb::RemoveSimulatedDevicesRequest { expected_devices: Some(0), ..marked };
    assert_eq!(admin.remove_simulated_devices(marked).await.unwrap().into_inner().removed, 0);
    is_live(&mut live, 1).await;
    assert_eq!(server.database().number("SELECT count(*) FROM devices").await, 1);
    let bad = registry_pb::RemoveSimulatedDevicesRequest { label_selector: "a b c".to_owned(), ..Default::default() };
    assert_eq!(admin.remove_simulated_devices(bad).await.unwrap_err().code(), Code::InvalidArgument);

    // The ids are free again.
    enrol(&server, &token, request("sim-0")).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn rest_removes_simulated_devices_too() {
    let server = server().await;
    server.enroll(SITE, "till").await;
    simulated(&server, "sim-1").await;
    simulated(&server, "sim-2").await;
    let remove = async |query: &str| {
        let request = Request::new("DELETE", &format!("/api/v2/simulated-devices{query}"));
        server.rest(request.bearer(&server.admin_token)).await
    };
    let none = remove("?label_selector=fleet%3Dload").await;
    assert_eq!((none.status, none.json()), (200, json!({"removed": 0})));
    assert_eq!(remove("?site_ids=nowhere").await.status, 404);
    assert_eq!(remove("?label_selector=a+b+c").await.status, 422);
    let gone = remove(&format!("?site_ids={SITE}")).await;
    assert_eq!((gone.status, gone.json()), (200, json!({"removed": 2})));
    assert_eq!(device(&server, "till").await.source(), DeviceSource::Real);
}

/// Reads messages until one satisfies `is_last`; all ids that were told as gone, and all that came, in their order.
async fn news(
    watch: &mut tonic::Streaming<registry_pb::WatchResponse>,
    mut is_last: impl FnMut(&registry_pb::WatchResponse) -> bool,
) -> (Vec<String>, Vec<String>) {
    let (mut gone, mut came) = (Vec::new(), Vec::new());
    loop {
        let message = watch.message().await.unwrap().expect("the watch goes on");
        gone.extend(message.removed_device_ids.iter().cloned());
        came.extend(message.devices.iter().map(|device| device.device_id.clone()));
        if is_last(&message) {
            return (gone, came);
        }
    }
}

async fn rename(server: &System, device_id: &str, name: &str) {
    let (device_id, name) = (device_id.to_owned(), Some(name.to_owned()));
    let update = registry_pb::UpdateDeviceRequest { device_id, name, ..Default::default() };
    server.admin().registry.update_device(update).await.unwrap();
}

/// Whether a message shows a device of that name.
fn shows(name: &str) -> impl FnMut(&registry_pb::WatchResponse) -> bool {
    move |message| message.devices.iter().any(|device| device.name == name)
}

#[tokio::test(flavor = "multi_thread")]
async fn who_watches_is_told_who_went_also_when_it_comes_back_and_nobody_else_is() {
    let server = server().await;
    server.create_site("elsewhere", false).await;
    server.enroll(SITE, "till").await;
    server.enroll("elsewhere", "kiosk").await;
    for device_id in ["sim-1", "sim-2", "sim-3"] {
        simulated(&server, device_id).await;
    }
    let watch = async |caller: &Caller, request: registry_pb::WatchRequest| {
        server.clients(caller).registry.watch(request).await.map(tonic::Response::into_inner)
    };
    let admin = Caller::Operator(server.admin_token.clone());
    let guest = Caller::Operator(server.create_operator("guest", Role::Viewer, &["elsewhere"]).await);
    let of = |source: DeviceSource| registry_pb::WatchRequest { source: source.into(), ..Default::default() };
    let mut all = watch(&admin, of(DeviceSource::Unspecified)).await.unwrap();
    let mut real = watch(&admin, of(DeviceSource::Real)).await.unwrap();
    let mut elsewhere = watch(&guest, of(DeviceSource::Unspecified)).await.unwrap();
    let mut cursor = String::new();
    let mut has_cursor = |message: &registry_pb::WatchResponse| {
        cursor.clone_from(&message.cursor);
        !cursor.is_empty()
    };
    assert_eq!(news(&mut all, &mut has_cursor).await.1.len(), 5);
    news(&mut real, |_| true).await;
    news(&mut elsewhere, |_| true).await;

    let removal = of_site(SITE);
    assert_eq!(
        server.admin().registry.remove_simulated_devices(removal.clone()).await.unwrap().into_inner().removed,
        3
    );
    let mut missing = 3;
    let (mut gone, _) = news(&mut all, |message| {
        missing -= message.removed_device_ids.len();
        missing == 0
    })
    .await;
    gone.sort();
    assert_eq!(gone, ["sim-1", "sim-2", "sim-3"]);
    // What came later is told, and nothing of the removal before it.
    rename(&server, "till", "renamed").await;
    rename(&server, "kiosk", "renamed").await;
    for watch in [&mut real, &mut elsewhere] {
        assert_eq!(news(watch, shows("renamed")).await.0, [""; 0]);
    }

    // Who was away: one of them is back by now, and a real machine has the name of another.
    simulated(&server, "sim-1").await;
    server.enroll(SITE, "sim-2").await;
    rename(&server, "sim-2", "the last").await;
    let away = |source: DeviceSource| registry_pb::WatchRequest { cursor: cursor.clone(), ..of(source) };
    let mut seen = BTreeSet::from(["sim-1", "sim-2", "sim-3"].map(str::to_owned));
    let now = BTreeSet::from(["kiosk", "sim-1", "sim-2", "till"].map(str::to_owned));
    let mut back = watch(&admin, away(DeviceSource::Unspecified)).await.unwrap();
    news(&mut back, |message| {
        seen.retain(|id| !message.removed_device_ids.contains(id));
        seen.extend(message.devices.iter().map(|device| device.device_id.clone()));
        seen == now
    })
    .await;
    let mut simulated_only = watch(&admin, away(DeviceSource::Simulated)).await.unwrap();
    let (gone, came) = news(&mut simulated_only, |message| !message.devices.is_empty()).await;
    assert_eq!((gone, came), (["sim-1", "sim-2", "sim-3"].map(str::to_owned).to_vec(), vec!["sim-1".to_owned()]));
    let told = Request::get("/api/v2/watch/devices?source=DEVICE_SOURCE_SIMULATED").bearer(&server.admin_token);
    let told = told.header("last-event-id", &cursor).send_until(&server.rest_addr, "sim-3").await.text();
    assert!(told.contains("\"removed_device_ids\":[") && told.contains("\"sim-3\""), "{told}");

    let old = format!("t{}", (chrono::Utc::now() - chrono::TimeDelta::days(31)).timestamp_micros());
    let too_old = registry_pb::WatchRequest { cursor: old.clone(), ..Default::default() };
    let refused = watch(&admin, too_old).await.unwrap_err();
    assert_eq!(refused.code(), Code::InvalidArgument);
    assert!(refused.message().contains("30 days"), "{refused:?}");
    let refused = Request::get(&format!("/api/v2/watch/devices?cursor={old}")).bearer(&server.admin_token);
    let refused = server.rest(refused).await;
    assert_eq!((refused.status, &refused.json()["detail"][0]["loc"]), (422, &json!(["query", "cursor"])));
}
