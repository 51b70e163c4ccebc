//! Errors of applications and what people do, at the shell.

use homepot::pb::{
    analytics::v1::{Activity, ActivityType, ErrorReport, LogActivityRequest, LogErrorRequest, Severity},
    common::v1::DeviceSource,
    registry::v1::Role,
};
use homepot_tests::{AnySystem, System, grpc::Caller};
use serde_json::json;

use super::{ctl, ctl_as};

const SITE: &str = "shop-7";

async fn log_error(server: &System, device_id: &str, code: &str, message: &str, source: DeviceSource) {
    let error = ErrorReport {
        category: "payment".to_owned(),
        severity: Severity::Critical.into(),
        error_code: code.to_owned(),
        error_message: message.to_owned(),
        ..Default::default()
    };
    let request = LogErrorRequest { error: Some(error), device_id: device_id.to_owned(), source: source.into() };
    server.admin().analytics.log_error(request).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn errors_are_listed_with_their_counts_and_summed_by_what_is_asked_for() {
    let server = AnySystem::start().await;
    server.create_site(SITE, false).await;
    server.enroll(SITE, "till-7").await;
    let nothing = ctl(&server, &["errors", "summary"]).await;
    assert!(nothing.err.contains("--source simulated"), "{nothing:?}");
    for number in 1..=3 {
        log_error(&server, "till-7", "DECLINED", &format!("card {number}00 was declined"), DeviceSource::Real).await;
    }
    log_error(&server, "", "SIM", "not really", DeviceSource::Simulated).await;

    let list = ctl(&server, &["errors", "list", "--device", "till-7", "-o", "json"]).await.json();
    let group = &list[0];
    assert_eq!((list.as_array().unwrap().len(), &group["count"], &group["site_id"]), (1, &json!(3), &json!(SITE)));
    assert_eq!(group["newest"]["error_message"], "card 300 was declined");
    assert_eq!((&group["newest"]["severity"], &group["source"]), (&json!("critical"), &json!("real")));
    let table = ctl(&server, &["errors", "list"]).await.lines().join("\n");
    for word in ["critical", "DECLINED", "till-7", "SIM"] {
        assert!(table.contains(word), "{word} in\n{table}");
    }
    let of = async |more: &[&str]| {
        let arguments = [&["errors", "list", "-o", "json"], more].concat();
        ctl(&server, &arguments).await.json().as_array().unwrap().len()
    };
    assert_eq!(of(&["--source", "simulated"]).await, 1);
    assert_eq!(of(&["--code", "DECLINED", "--category", "payment", "--site", SITE, "--since", "1h"]).await, 1);
    assert_eq!(of(&["--severity", "info"]).await, 0);
    assert_eq!(of(&["--limit", "1"]).await, 1);

    let sums = ctl(&server, &["errors", "summary", "--by", "error_code", "-o", "json"]).await.json();
    assert_eq!(sums, json!([{"key": "DECLINED", "start_time": null, "count": 3, "groups": 1}]));
    let hourly = ctl(&server, &["errors", "summary", "--by", "device", "--every", "1h", "-o", "json"]).await.json();
    assert!(hourly[0]["start_time"].is_string() && hourly[0]["key"] == "till-7", "{hourly}");
    ctl(&server, &["errors", "summary", "--every", "90s"]).await.refused(1, &["resolution: "]);
    ctl(&server, &["errors", "list", "--device", "nobody"]).await.refused(1, &["Device not found"]);
    let bad = ctl(&server, &["errors", "list", "--severity", "bad"]).await;
    assert!(bad.status == 2 && bad.err.contains("critical, error, warning, info"), "{bad:?}");

    // Who sees other sites only is told nothing of this one.
    server.create_site("elsewhere", false).await;
    let guest = server.create_operator("guest", Role::Viewer, &["elsewhere"]).await;
    assert_eq!(ctl_as(&server, &guest, &["errors", "list", "-o", "json"]).await.json(), json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn activity_is_listed_newest_first_and_summed() {
    let server = AnySystem::start().await;
    let viewer = server.create_operator("vera", Role::Viewer, &[]).await;
    for (kind, page, source) in [
        (ActivityType::PageView, "/devices", DeviceSource::Real),
        (ActivityType::Search, "/devices", DeviceSource::Real),
        (ActivityType::Click, "/sites", DeviceSource::Simulated),
    ] {
        let activity = Activity {
            activity_type: kind.into(),
            page_url: page.to_owned(),
            session_id: "visit".to_owned(),
            duration: Some(prost_types::Duration { seconds: 2, nanos: 0 }),
            ..Default::default()
        };
        let request = LogActivityRequest { activity: Some(activity), source: source.into() };
        let mut analytics = server.clients(&Caller::Operator(viewer.clone())).analytics;
        analytics.log_activity(request).await.unwrap();
    }
    let list = ctl(&server, &["activity", "list", "--operator", "vera", "-o", "json"]).await.json();
    let kinds: Vec<_> = list.as_array().unwrap().iter().map(|one| one["activity"]["activity_type"].clone()).collect();
    assert_eq!(kinds, ["click", "search", "page_view"]);
    assert_eq!((&list[0]["source"], &list[1]["activity"]["duration_seconds"]), (&json!("simulated"), &json!(2)));
    let table = ctl(&server, &["activity", "list", "--type", "search"]).await;
    let table = table.lines();
    assert!(table.len() == 2 && table[1].contains("vera"), "{table:?}");
    let sums = ctl(&server, &["activity", "summary", "--by", "page", "-o", "json"]).await.json();
    let expected =
        json!([{"key": "/devices", "start_time": null, "count": 2, "sessions": 1, "average_duration_seconds": 2}]);
    assert_eq!(sums, expected);
    ctl(&server, &["activity", "summary", "--every", "90s"]).await.refused(1, &["resolution: "]);
}
