//! Devices, sites and health.

use homepot_tests::rest::Request;
use serde_json::json;

use super::{PREFIXES, SITE, TILL, World, assert_begins, assert_error, assert_time, text};

#[tokio::test(flavor = "multi_thread")]
async fn a_device_enrols_once_and_its_key_is_shown_once() {
    let world = World::open().await;
    for (prefix, device) in PREFIXES.into_iter().zip(["till-1", "till-2"]) {
        let enroll = |body| Request::post(&format!("{prefix}/devices/sites/site-001/devices")).json(&body);
        let body = json!({
            "device_id": device, "name": "Till", "device_type": null, "ip_address": "192.0.2.7",
            "mac_address": "00:11:22:33:44:55", "firmware_version": "1.0", "config": {"lane": 4}, "unknown": {}
        });
        // This machine, this site: open enrolment, so a legacy agent sends no token.
        let answer = world.server.rest(enroll(body.clone())).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        let key = text(&answer.json()["api_key"]);
        let bytes = format!(
            "{{\"message\":\"Device {device} created successfully\",\"device_id\":\"{device}\",\
             \"site_id\":\"site-001\",\"api_key\":\"{key}\"}}"
        );
        assert_eq!(answer.text(), bytes);
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        let pending = Request::get(&format!("{prefix}/devices/pending")).device(device, &key);
        assert_eq!(world.server.rest(pending).await.text(), "[]", "the key is good");

        assert_error(&world.server.rest(enroll(body)).await, 409, &format!("Device {device} already exists"));

        let one = world.operator(Request::get(&format!("{prefix}/devices/device/{device}"))).await;
        assert_eq!(one.status, 200);
        assert_eq!((&one.json()["device_type"], &one.json()["config"]), (&json!("pos_terminal"), &json!({"lane": 4})));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_not_enrol_openly_needs_a_token() {
    let world = World::open().await;
    world.server.create_site("closed", false).await;
    let enroll = |site: &str, device: &str| {
        let body = json!({"device_id": device, "name": "Till"});
        Request::post(&format!("/api/v1/devices/sites/{site}/devices")).json(&body)
    };
    let refusal = "Invalid or missing enrollment token";
    assert_error(&world.server.rest(enroll("closed", "a")).await, 401, refusal);
    // What a proxy or a page in a browser sends on may come from anywhere.
    let proxied = enroll(SITE, "a").header("X-Forwarded-For", "127.0.0.1");
    assert_error(&world.server.rest(proxied).await, 401, refusal);
    let page = enroll(SITE, "a").header("Origin", "http://localhost:8000");
    assert_error(&world.server.rest(page).await, 401, refusal);

    let token = world.server.enrollment_token("closed").await;
    let answer = world.server.rest(enroll("closed", "a").header("X-Enrollment-Token", &token)).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let again = world.server.rest(enroll("closed", "b").header("X-Enrollment-Token", &token)).await;
    assert_error(&again, 401, refusal);
    assert_error(&world.server.rest(enroll("absent", "c")).await, 404, "Site absent not found");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_register_is_listed_with_the_contracts_fields_and_in_full() {
    let world = World::open().await;
    for number in 0..120 {
        let body = json!({"device_id": format!("many-{number:03}"), "name": "One of many"});
        let enroll = Request::post("/devices/sites/site-001/devices").json(&body);
        assert_eq!(world.server.rest(enroll).await.status, 200);
    }
    for prefix in PREFIXES {
        let of_site = world.operator(Request::get(&format!("{prefix}/devices/sites/site-001/devices"))).await;
        assert_eq!(of_site.status, 200);
        let list = of_site.json();
        assert_eq!(list.as_array().unwrap().len(), 121);
        let first = of_site.text();
        let fields =
            ["site_id", "device_id", "name", "device_type", "status", "ip_address", "created_at", "updated_at"];
        assert_begins(first.split('}').next().unwrap(), &fields);
        assert_eq!(list[0]["status"], "unknown");
        assert_time(&list[0]["created_at"]);
        assert_time(&list[0]["updated_at"]);

        let all = world.operator(Request::get(&format!("{prefix}/devices/device"))).await.json();
        assert_eq!(all["devices"].as_array().unwrap().len(), 121);
        for field in ["site_id", "device_id", "name", "ip_address", "created_at"] {
            assert!(all["devices"][0].get(field).is_some(), "{field}");
        }

        let one = world.operator(Request::get(&format!("{prefix}/devices/device/{TILL}"))).await.json();
        assert_eq!((&one["device_id"], &one["site_id"]), (&json!(TILL), &json!(SITE)));
        for field in ["name", "ip_address", "created_at", "updated_at"] {
            assert!(one.get(field).is_some(), "{field}");
        }
    }
    world.device(Request::get("/devices/pending")).await;
    let online = homepot_tests::eventually("the device is online", || async {
        let one = world.operator(Request::get(&format!("/devices/device/{TILL}"))).await.json();
        (one["status"] == "online").then_some(one)
    });
    assert_time(&online.await["last_seen_at"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn sites_are_made_and_listed() {
    let world = World::build().await;
    for (path, site) in ["/api/v1/sites/", "/sites/", "/api/v1/sites", "/sites"].into_iter().zip(["a", "b", "c", "d"]) {
        let body = json!({"site_id": site, "name": "Shop", "description": null, "location": "Leipzig", "unknown": 1});
        let answer = world.operator(Request::post(path).json(&body)).await;
        let bytes =
            format!("{{\"message\":\"Site {site} created successfully\",\"site_id\":\"{site}\",\"name\":\"Shop\"}}");
        assert_eq!((answer.status, answer.text()), (200, bytes));

        let list = world.operator(Request::get(path)).await;
        assert_begins(&list.text(), &["sites", "site_id", "name", "description", "location", "created_at"]);
        let list = list.json();
        let made = list["sites"].as_array().unwrap().iter().find(|row| row["site_id"] == site).unwrap();
        assert_eq!((&made["description"], &made["location"]), (&json!(null), &json!("Leipzig")));
        assert_time(&made["created_at"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn health_is_open_to_anyone() {
    let world = World::build().await;
    for prefix in PREFIXES {
        let answer = world.server.rest(Request::get(&format!("{prefix}/health/health"))).await;
        assert_eq!(answer.status, 200);
        assert!(answer.text().starts_with("{\"status\":\"healthy\",\"version\":\""), "{}", answer.text());
    }
}
