//! Devices and what they measure.

use homepot::pb::{
    device::v1::{FetchCommandsRequest, ReportSamplesRequest},
    registry::v1 as pb,
    telemetry::v1::Sample,
};
use homepot_tests::{
    AnySystem, Session,
    grpc::{Caller, DeviceKey},
};
use serde_json::json;

use super::ctl;

async fn server() -> (AnySystem, DeviceKey) {
    let server = AnySystem::start().await;
    server.create_site("shop-7", false).await;
    server.create_site("shop-8", false).await;
    let key = server.enroll("shop-7", "till-7").await;
    server.enroll("shop-8", "till-8").await;
    (server, key)
}

#[tokio::test(flavor = "multi_thread")]
async fn devices_are_listed_by_site_status_and_source_with_their_presence() {
    let (server, key) = server().await;
    let (_session, _) = Session::attach(&server, &key).await;
    let ids = async |arguments: &[&str]| {
        let list = ctl(&server, &[&["devices", "list", "-o", "json"], arguments].concat()).await.json();
        list.as_array()
            .unwrap()
            .iter()
            .map(|device| device["device_id"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(ids(&[]).await, ["till-7", "till-8"]);
    assert_eq!(ids(&["--limit", "1"]).await, ["till-7"]);
    assert_eq!(ids(&["--site", "shop-8"]).await, ["till-8"]);
    assert_eq!(ids(&["--status", "online"]).await, ["till-7"]);
    assert_eq!(ids(&["--source", "simulated"]).await, [] as [&str; 0]);
    ctl(&server, &["devices", "list", "--site", "shop-9"]).await.refused(1, &["not found"]);

    let table = ctl(&server, &["devices", "list"]).await;
    let lines = table.lines();
    assert!(lines[0].starts_with("DEVICE  SITE    STATUS   SEEN"), "{}", lines[0]);
    assert!(lines[1].starts_with("till-7  shop-7  online   "), "{}", lines[1]);
    assert!(lines[2].starts_with("till-8  shop-8  unknown  -"), "{}", lines[2]);

    let device = ctl(&server, &["devices", "get", "till-7", "-o", "json"]).await.json();
    assert_eq!((&device["source"], &device["active"]), (&json!("real"), &json!(true)));
    assert_eq!(device["presence"]["status"], "online");
    assert_eq!(device["presence"]["capabilities"], json!(["PING", "REBOOT"]));
    assert_eq!(device["presence"]["heartbeat_interval_seconds"], 10);
    let shown = ctl(&server, &["devices", "get", "till-7"]).await;
    assert!(shown.lines().contains(&"can do    PING,REBOOT"), "{shown:?}");
    ctl(&server, &["devices", "get", "till-9"]).await.refused(1, &["not found"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_is_marked_shut_out_let_in_and_given_new_keys() {
    let (server, key) = server().await;
    let marked = ctl(&server, &["devices", "maintenance", "till-7", "on", "-o", "json"]).await.json();
    assert_eq!((&marked["maintenance"], &marked["presence"]["status"]), (&json!(true), &json!("maintenance")));
    let marked = ctl(&server, &["devices", "maintenance", "till-7", "off", "-o", "json"]).await.json();
    assert_eq!(marked["maintenance"], false);

    let shut_out = ctl(&server, &["devices", "deactivate", "till-7"]).await;
    assert!(shut_out.lines()[1].starts_with("till-7  shop-7  inactive"), "{shut_out:?}");
    assert!(
        server
            .clients(&Caller::Device(key.clone()))
            .device
            .fetch_commands(FetchCommandsRequest::default())
            .await
            .is_err()
    );
    assert_eq!(ctl(&server, &["devices", "activate", "till-7", "-o", "json"]).await.json()["active"], true);
    server.clients(&Caller::Device(key.clone())).device.fetch_commands(FetchCommandsRequest::default()).await.unwrap();

    let made = ctl(&server, &["devices", "rotate-key", "till-7", "--overlap", "0s", "-o", "json"]).await.json();
    let new = DeviceKey { device_id: "till-7".into(), api_key: made["api_key"].as_str().unwrap().into() };
    assert!(server.clients(&Caller::Device(key)).device.fetch_commands(FetchCommandsRequest::default()).await.is_err());
    server.clients(&Caller::Device(new.clone())).device.fetch_commands(FetchCommandsRequest::default()).await.unwrap();
    let ended = ctl(&server, &["devices", "revoke-keys", "till-7", "-o", "json"]).await.json();
    assert_eq!(ended, json!({ "device_id": "till-7", "revoked": 1 }));
    assert!(server.clients(&Caller::Device(new)).device.fetch_commands(FetchCommandsRequest::default()).await.is_err());
    ctl(&server, &["devices", "rotate-key", "till-7", "--overlap", "90d"]).await.refused(1, &["overlap: "]);
    let table = ctl(&server, &["devices", "rotate-key", "till-7"]).await;
    assert_eq!(table.out.matches("hpd_").count(), 1, "{table:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_device_is_called_cannot_play_with_the_terminal() {
    let (server, _) = server().await;
    let name = Some("\u{1b}[2Jtill\n\u{9b}7".to_owned());
    let request = pb::UpdateDeviceRequest { device_id: "till-7".into(), name, ..Default::default() };
    server.admin().registry.update_device(request).await.unwrap();
    for arguments in [&["devices", "list"][..], &["devices", "get", "till-7"], &["devices", "list", "-o", "wide"]] {
        let shown = ctl(&server, arguments).await;
        assert!(
            shown.out.contains(r"\u{1b}[2Jtill\n\u{9b}7") && !shown.out.contains(['\u{1b}', '\u{9b}']),
            "{shown:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_newest_samples_are_shown_with_their_numbers() {
    let (server, key) = server().await;
    let sample = Sample {
        cpu_percent: Some(12.5),
        disk_percent: Some(40.0),
        queue_depth: Some(7),
        uptime_seconds: Some(7_200),
        ..Default::default()
    };
    let request = ReportSamplesRequest { samples: vec![sample], ..Default::default() };
    let accepted = server.clients(&Caller::Device(key)).device.report_samples(request).await.unwrap().into_inner();
    assert_eq!(accepted.accepted, 1);

    let table = ctl(&server, &["latest"]).await;
    let lines = table.lines();
    let heads: Vec<_> = lines[0].split_whitespace().collect();
    assert_eq!(heads, ["DEVICE", "SITE", "MEASURED", "CPU", "MEMORY", "DISK", "LATENCY", "ERRORS", "UPTIME"]);
    assert!(lines[1].contains("12.5 %  -       40.0 %") && lines[1].ends_with("2h"), "{}", lines[1]);
    let json = ctl(&server, &["latest", "till-7", "--site", "shop-7", "-o", "json"]).await.json();
    assert_eq!(json[0]["device_id"], "till-7");
    let sample = &json[0]["sample"];
    assert_eq!((&sample["cpu_percent"], &sample["queue_depth"]), (&json!(12.5), &json!(7)));
    assert_eq!(sample["memory_percent"], json!(null));
    assert_eq!(ctl(&server, &["latest", "--site", "shop-8", "-o", "json"]).await.json(), json!([]));
    ctl(&server, &["latest", "till-9"]).await.refused(1, &["not found"]);
}
