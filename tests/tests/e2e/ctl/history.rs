//! What devices measured over time, and live.

use chrono::{TimeDelta, Utc};
use homepot::{
    model::to_proto_timestamp,
    pb::{device::v1::ReportSamplesRequest, telemetry::v1::Sample},
};
use homepot_tests::{
    AnySystem, Process, System,
    grpc::{Caller, DeviceKey},
};
use serde_json::{Value, json};

use super::{command, ctl};

async fn report(server: &System, key: &DeviceKey, ago: TimeDelta, cpu_percent: f64) {
    let collected_at = Some(to_proto_timestamp(Utc::now() - ago));
    let sample = Sample { collected_at, cpu_percent: Some(cpu_percent), ..Default::default() };
    let request = ReportSamplesRequest { samples: vec![sample], ..Default::default() };
    let stored = server.clients(&Caller::Device(key.clone())).device.report_samples(request).await.unwrap();
    assert_eq!(stored.into_inner().accepted, 1);
}

async fn server() -> (AnySystem, DeviceKey) {
    let server = AnySystem::start().await;
    server.create_site("shop-7", false).await;
    let key = server.enroll("shop-7", "till-7").await;
    for (minutes, cpu_percent) in [(58, 10.0), (48, 30.0), (38, 40.0), (5, 50.0)] {
        report(&server, &key, TimeDelta::minutes(minutes), cpu_percent).await;
    }
    (server, key)
}

#[tokio::test(flavor = "multi_thread")]
async fn samples_of_a_device_are_listed_by_time() {
    let (server, _) = server().await;
    let cpu = async |more: &[&str]| {
        let list = ctl(&server, &[&["samples", "list", "till-7", "-o", "json"], more].concat()).await.json();
        list.as_array().unwrap().iter().map(|row| row["sample"]["cpu_percent"].clone()).collect::<Vec<_>>()
    };
    assert_eq!(cpu(&[]).await, [10.0, 30.0, 40.0, 50.0]);
    assert_eq!(cpu(&["--since", "20m"]).await, [50.0]);
    assert_eq!(cpu(&["--since", "2h", "--until", "20m", "--limit", "1"]).await, [10.0]);
    let at = (Utc::now() - TimeDelta::minutes(20)).to_rfc3339();
    assert_eq!(cpu(&["--since", &at]).await, [50.0]);
    let bad = ctl(&server, &["samples", "list", "till-7", "--since", "yesterday"]).await;
    assert!(bad.status == 2 && bad.err.contains("--since"), "{bad:?}");
    ctl(&server, &["samples", "list", "till-9"]).await.refused(1, &["not found"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_query_shows_points_and_says_where_there_are_none_and_why() {
    let (server, _) = server().await;
    let query = ["query", "--metric", "cpu_percent", "--since", "1h", "--every", "10m"];
    let of = async |more: &[&str]| ctl(&server, &[&query[..], more].concat()).await;
    let rows = of(&["--device", "till-7", "-o", "json"]).await.json();
    let rows = rows.as_array().unwrap();
    let counts: i64 = rows.iter().filter_map(|row| row["count"].as_i64()).sum();
    assert_eq!(counts, 4, "{rows:?}");
    let missing: Vec<_> = rows.iter().filter(|row| row["missing"] == "no_samples").collect();
    assert!(!missing.is_empty() && missing.iter().all(|row| row["average"] == Value::Null), "{rows:?}");
    let table = of(&["--site", "shop-7"]).await;
    let lines = table.lines();
    assert!(lines[0].starts_with("FROM") && lines[0].ends_with("MISSING"), "{table:?}");
    assert!(lines.iter().any(|line| line.contains("no samples until 20")), "{table:?}");
    let csv = of(&["--site", "shop-7", "-o", "csv"]).await;
    assert_eq!(csv.out.lines().count(), rows.len() + 1);

    ctl(&server, &["devices", "label", "till-7", "tier=pos"]).await.lines();
    let labelled = of(&["-l", "tier=pos", "--together", "-o", "json"]).await.json();
    assert!(labelled.as_array().unwrap().iter().any(|row| row["last"] == json!(50.0)), "{labelled}");
    of(&["-l", "tier=nothing"]).await.refused(1, &["no device matches"]);
    let none = of(&[]).await;
    assert!(none.status == 2 && none.err.contains("--device"), "{none:?}");
    of(&["--device", "till-9"]).await.refused(1, &["not found"]);
    let metric = ctl(&server, &["query", "--metric", "temper", "--site", "shop-7"]).await;
    assert!(metric.status == 2 && metric.err.contains("cpu_percent"), "{metric:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn live_values_come_as_they_are_reported() {
    let (server, key) = server().await;
    let arguments = ["latest", "--watch", "--site", "shop-7", "-o", "json"];
    let watch = Process::start("homepot ctl", &mut command(&server, &arguments));
    watch.prints(r#""cpu_percent":50.0"#).await;
    report(&server, &key, TimeDelta::zero(), 77.0).await;
    watch.prints(r#""cpu_percent":77.0"#).await;
    assert_eq!(watch.printed().lines().count(), 2, "{}", watch.printed());
}
