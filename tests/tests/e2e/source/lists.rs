//! Devices: listed, watched, counted.

use homepot::pb::registry::v1::{DeviceStatus, SummarizeFleetRequest, UpdateDeviceRequest, WatchRequest};
use homepot_tests::{grpc::Caller, rest::Request};
use serde_json::json;

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn lists_and_watches_of_devices_show_both_marked_or_one_of_them() {
    let world = World::build().await;
    let both = vec![ROBOT, TILL];
    let (real, simulated) = ("?source=DEVICE_SOURCE_REAL", "?source=DEVICE_SOURCE_SIMULATED");
    let marks = |ids: &[&str], real: &str, simulated: &str| -> Vec<String> {
        ids.iter().map(|id| if *id == TILL { real } else { simulated }.to_owned()).collect()
    };
    let fleet = &world.json("/api/v1/devices/device").await["devices"];
    for list in [fleet, &world.json(&format!("/api/v1/devices/sites/{SITE}/devices")).await] {
        assert_eq!(
            (texts(list, "device_id"), texts(list, "source")),
            (to_texts(&both), marks(&both, "real", "simulated"))
        );
    }
    for (query, ids) in [("", both), (real, vec![TILL]), (simulated, vec![ROBOT])] {
        let list = &world.json(&format!("/api/v2/devices{query}")).await["devices"];
        let due = marks(&ids, "DEVICE_SOURCE_REAL", "DEVICE_SOURCE_SIMULATED");
        assert_eq!((texts(list, "device_id"), texts(list, "source")), (to_texts(&ids), due));
        let request = Request::get(&format!("/api/v2/watch/devices{query}")).bearer(&world.server.admin_token);
        let told = request.send_until(&world.server.rest_addr, "\n\n").await.text();
        for id in [TILL, ROBOT] {
            assert_eq!(told.contains(&format!("\"device_id\":\"{id}\"")), ids.contains(&id), "{query}: {told}");
        }
    }
    let routes =
        ["devices", "watch/devices", "fleet/summary", "watch/commands", "samples/latest", "watch/samples", "series"];
    for route in routes {
        let answer = world.get(&format!("/api/v2/{route}?source=both")).await;
        let fault = &answer.json()["detail"][0];
        assert_eq!((answer.status, &fault["loc"]), (422, &json!(["query", "source"])), "{route}");
        assert!(fault["msg"].as_str().unwrap().ends_with("DEVICE_SOURCE_REAL or DEVICE_SOURCE_SIMULATED"), "{fault}");
    }
    let answer = world.get("/telemetry/prometheus?source=both").await;
    let told = json!([{"type": "enum", "loc": ["query", "source"], "msg": "Input should be 'real' or 'simulated'"}]);
    assert_eq!((answer.status, &answer.json()["detail"]), (422, &told));
}

fn to_texts(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_watch_of_one_source_is_told_of_its_changes_only() {
    let world = World::build().await;
    let mut registry = world.server.admin().registry;
    let filter = WatchRequest { source: REAL.into(), ..Default::default() };
    let mut news = registry.watch(filter).await.unwrap().into_inner();
    let mut next = async || news.message().await.unwrap().expect("the watch goes on").devices;
    let first: Vec<_> = next().await.into_iter().map(|device| device.device_id).collect();
    assert_eq!(first, [TILL]);
    for device_id in [ROBOT, TILL] {
        let (device_id, name) = (device_id.to_owned(), Some("renamed".to_owned()));
        registry.update_device(UpdateDeviceRequest { device_id, name, ..Default::default() }).await.unwrap();
    }
    // The robot changed before, and would have been told before.
    loop {
        let changed = next().await;
        assert!(changed.iter().all(|device| device.device_id == TILL && device.source() == REAL));
        if changed.iter().any(|device| device.name == "renamed") {
            break;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn totals_count_the_real_devices_unless_told_otherwise_and_say_what_they_leave_out() {
    let world = World::build().await;
    enroll(&world.server, "robot-2", SIMULATED).await;
    let _sessions = world.measured().await;
    let mut registry = world.server.admin().registry;
    let told = registry.summarize_fleet(SummarizeFleetRequest::default()).await.unwrap().into_inner();
    assert_eq!((told.source(), told.total, told.not_counted, told.inactive), (REAL, 1, 2, 0));
    let statuses: Vec<_> = told.by_status.iter().map(|count| (count.status(), count.devices)).collect();
    assert!(statuses.len() == 4 && statuses.contains(&(DeviceStatus::Online, 1)), "{statuses:?}");

    let told = world.json("/api/v2/fleet/summary?source=DEVICE_SOURCE_SIMULATED").await;
    assert_eq!((&told["source"], &told["total"]), (&json!("DEVICE_SOURCE_SIMULATED"), &json!("2")));
    assert_eq!((&told["not_counted"], &told["inactive"]), (&json!("1"), &json!("0")));
    let statuses = told["by_status"].as_array().unwrap();
    for status in ["ONLINE", "UNKNOWN"] {
        let due = json!({"status": format!("DEVICE_STATUS_{status}"), "devices": "1"});
        assert!(statuses.contains(&due), "{statuses:?}");
    }
    assert_eq!(told["by_device_type"], json!([{"device_type": "pos_terminal", "devices": "2"}]));
    assert_eq!(told["by_site"], json!([{"site_id": SITE, "devices": "2", "online": "1"}]));
    assert_eq!((&told["device_types_left_out"], &told["sites_left_out"]), (&json!(0), &json!(0)));
    let told = world.json("/api/v2/fleet/summary?label_selector=row%3Dfront").await;
    assert_eq!((&told["total"], &told["not_counted"], &told["by_site"]), (&json!("0"), &json!("0"), &json!([])));
    assert_eq!(world.get("/api/v2/fleet/summary?site_id=nowhere").await.status, 404);

    // Who sees other sites only counts these.
    world.server.create_site("beta", false).await;
    let token = world.server.create_operator("guest", pb::Role::Viewer, &["beta"]).await;
    let mut guest = world.server.clients(&Caller::Operator(token)).registry;
    let told = guest.summarize_fleet(SummarizeFleetRequest::default()).await.unwrap().into_inner();
    assert_eq!((told.total, told.not_counted), (0, 0));
    let ours = SummarizeFleetRequest { site_id: SITE.to_owned(), ..Default::default() };
    assert_eq!(guest.summarize_fleet(ours).await.unwrap_err().code(), tonic::Code::NotFound);
    let odd = SummarizeFleetRequest { source: 9, ..Default::default() };
    assert_eq!(fault(registry.summarize_fleet(odd).await.unwrap_err()).0, "source");
}
