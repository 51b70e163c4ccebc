//! What devices measured, as operators ask for it by nothing but HTTP.

use chrono::SecondsFormat;
use homepot_tests::{
    AnySystem, ServerOptions, System,
    rest::{Request, Response},
};
use serde_json::{Value, json};

use super::*;

async fn get(server: &System, target: &str) -> Response {
    server.rest(Request::get(&format!("/api/v2/{target}")).bearer(&server.admin_token)).await
}

async fn table(server: &System, target: &str) -> Vec<String> {
    let request = Request::get(&format!("/api/v2/{target}")).header("Accept", "text/csv");
    let answer = server.rest(request.bearer(&server.admin_token)).await;
    assert_eq!((answer.status, answer.header("content-type")), (200, Some("text/csv; charset=utf-8")));
    answer.text().split_terminator("\r\n").map(str::to_owned).collect()
}

/// As proto3's JSON writes a time of whole seconds.
fn text(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Secs, true)
}

fn places(answer: &Response) -> Vec<Value> {
    assert_eq!(answer.status, 422, "{}", answer.text());
    answer.json()["detail"].as_array().unwrap().iter().map(|fault| fault["loc"].clone()).collect()
}

async fn till_with(measured: &[(i64, f64)]) -> (AnySystem, DateTime<Utc>, Session) {
    let server = AnySystem::start().await;
    server.create_site(SITE, false).await;
    let start = minutes_ago(30);
    let samples: Vec<_> = measured.iter().map(|(at, cpu)| (start + TimeDelta::seconds(*at), *cpu)).collect();
    let session = device_with(&server, SITE, "till", &samples).await;
    (server, start, session)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_newest_sample_is_told_for_one_device_and_for_many() {
    let (server, _, _till) = till_with(&[(0, 1.0), (10, 2.0)]).await;
    server.enroll(SITE, "silent").await;
    for target in [format!("samples/latest?site_id={SITE}"), "samples/latest?device_ids=till".to_owned()] {
        let told = get(&server, &target).await.json();
        let samples = told["samples"].as_array().unwrap();
        assert_eq!(
            (samples.len(), &samples[0]["device_id"], &samples[0]["site_id"]),
            (1, &json!("till"), &json!(SITE))
        );
        assert_eq!((&samples[0]["sample"]["cpu_percent"], &told["next_page_token"]), (&json!(2.0), &json!("")));
    }
    assert_eq!(get(&server, "samples/latest?device_ids=silent").await.json()["samples"], json!([]));
    assert_eq!(get(&server, "samples/latest?device_ids=absent").await.status, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn samples_come_in_pages_and_as_a_table_all_at_once() {
    let (server, start, _till) = till_with(&[(0, 1.0), (10, 2.0), (20, 3.5)]).await;
    let range = format!("start_time={}&end_time={}", text(start), text(start + TimeDelta::seconds(20)));
    let path = "devices/till/samples";
    let first = get(&server, &format!("{path}?{range}&page_size=1")).await.json();
    let token = first["next_page_token"].as_str().unwrap();
    let second = get(&server, &format!("{path}?{range}&page_size=1&page_token={token}")).await.json();
    let values = [&first, &second].map(|page| page["samples"][0]["sample"]["cpu_percent"].clone());
    assert_eq!((values, &second["samples"][1]), ([json!(1.0), json!(2.0)], &Value::Null));

    // Also where it takes a page for each row, from whichever page on.
    let from_start = format!("{path}?start_time={}", text(start));
    for (target, rows) in [
        (from_start.clone(), 3),
        (format!("{from_start}&page_size=1"), 3),
        (format!("{path}?{range}&page_token={token}"), 1),
    ] {
        let lines = table(&server, &target).await;
        assert_eq!(lines.len(), 1 + rows, "{target}: {lines:?}");
        assert!(lines[0].starts_with("device_id,site_id,sample.collected_at,sample.cpu_percent,"), "{lines:?}");
    }
    let lines = table(&server, &from_start).await;
    assert!(lines[3].starts_with(&format!("till,{SITE},{},3.5,", text(start + TimeDelta::seconds(20)))), "{lines:?}");
    assert_eq!(places(&get(&server, &format!("{path}?start_time=today")).await), [json!(["query", "start_time"])]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_series_is_told_as_events_with_its_gaps_and_as_a_table_of_its_points() {
    let (server, start, _till) = till_with(&[(0, 10.0), (30, 20.0), (60, 30.0), (240, 40.0)]).await;
    let end = start + TimeDelta::minutes(5);
    let range = format!("start_time={}&end_time={}&resolution=60s", text(start), text(end));
    let target = format!("series?device_ids=till&metrics=METRIC_CPU_PERCENT&metrics=METRIC_LOAD_1M&{range}");
    let told = get(&server, &target).await.series();
    assert_eq!((&told["plan"]["resolution"], &told["plan"]["source"]), (&json!("60s"), &json!("QUERY_SOURCE_MINUTES")));
    assert_eq!((&told["plan"]["start_time"], &told["plan"]["end_time"]), (&json!(text(start)), &json!(text(end))));
    let cpu = &told["series"][0];
    let whose = ["device_id", "site_id", "metric", "source"].map(|name| cpu[name].as_str().unwrap());
    assert_eq!(whose, ["till", SITE, "METRIC_CPU_PERCENT", "DEVICE_SOURCE_REAL"]);
    let first = json!({
        "start_time": text(start), "count": "2", "min": 10.0, "max": 20.0, "average": 15.0, "sum": 30.0, "last": 20.0
    });
    assert_eq!((cpu["points"].as_array().unwrap().len(), &cpu["points"][0]), (3, &first));
    let gap = json!({
        "device_id": "till", "start_time": text(start + TimeDelta::minutes(2)),
        "end_time": text(start + TimeDelta::minutes(4)), "reason": "GAP_REASON_NO_SAMPLES", "samples": "0",
        "source": "DEVICE_SOURCE_REAL"
    });
    assert_eq!(told["gaps"], json!([gap]));

    let lines = table(&server, &format!("series?site_id={SITE}&metrics=METRIC_CPU_PERCENT&{range}")).await;
    let row = |minute, numbers| {
        let start = text(start + TimeDelta::minutes(minute));
        format!("till,{SITE},METRIC_CPU_PERCENT,DEVICE_SOURCE_REAL,{start},{numbers}")
    };
    let head = "device_id,site_id,metric,source,start_time,count,min,max,average,sum,last".to_owned();
    let rows = [
        row(0, "2,10.0,20.0,15.0,30.0,20.0"),
        row(1, "1,30.0,30.0,30.0,30.0,30.0"),
        row(4, "1,40.0,40.0,40.0,40.0,40.0"),
    ];
    assert_eq!(lines, [&[head][..], &rows].concat());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_query_at_fault_is_told_where_and_an_answer_that_cannot_be_had_what_there_is() {
    let (server, _, _till) = till_with(&[(0, 1.0)]).await;
    let whole = "device_ids=till&metrics=METRIC_CPU_PERCENT";
    let faults = [
        ("device_ids=till".to_owned(), "metrics"),
        ("device_ids=till&metrics=METRIC_HEAT".to_owned(), "metrics"),
        (format!("{whole}&start_time=yesterday"), "start_time"),
        (format!("{whole}&resolution=90.5s"), "resolution"),
        (format!("{whole}&resolution=fast"), "resolution"),
        (format!("{whole}&max_points=10001"), "max_points"),
        (format!("{whole}&grouping=none"), "grouping"),
        (format!("{whole}&format=csv"), "format"),
    ];
    for (query, parameter) in faults {
        assert_eq!(places(&get(&server, &format!("series?{query}")).await), [json!(["query", parameter])], "{query}");
    }
    for accept in ["text/event-stream", "text/csv"] {
        let absent =
            Request::get("/api/v2/series?device_ids=absent&metrics=METRIC_CPU_PERCENT").header("Accept", accept);
        assert_eq!(server.rest(absent.bearer(&server.admin_token)).await.status, 404, "{accept}");
    }
    for (target, told) in [
        ("series?metrics=METRIC_CPU_PERCENT", "The answer can be had as text/event-stream or as text/csv"),
        ("samples/latest", "The answer can be had as application/json or as text/csv"),
        ("watch/samples", "The answer can be had as text/event-stream"),
        ("whoami", "The answer can be had as application/json"),
    ] {
        let request = Request::get(&format!("/api/v2/{target}")).header("Accept", "text/html");
        let answer = server.rest(request.clone().bearer(&server.admin_token)).await;
        assert_eq!((answer.status, &answer.json()["detail"]), (406, &json!(told)), "{target}");
        assert_eq!(server.rest(request).await.status, 401, "{target}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_watches_by_events_is_told_what_is_there_and_what_comes() {
    let (server, _, mut till) = till_with(&[(0, 1.5)]).await;
    let watch = Request::get("/api/v2/watch/samples").bearer(&server.admin_token);
    let address = server.rest_addr.clone();
    let seen = tokio::spawn(async move { watch.send_until(&address, "\"cpu_percent\":77.5").await });
    // Whatever moment the watch begins, one of these comes after it.
    let mut seq = 2;
    while !seen.is_finished() {
        till.send(message(seq, vec![sample(Utc::now(), 77.5)])).await;
        ack(&mut till).await;
        seq += 1;
    }
    let answer = seen.await.unwrap();
    assert_eq!((answer.status, answer.header("content-type")), (200, Some("text/event-stream")));
    assert!(answer.text().contains("data: {\"samples\":["), "{}", answer.text());
    assert_eq!(get(&server, "watch/samples?device_ids=absent").await.status, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_prometheus_is_told_of_the_fleet_only_where_it_is_switched_on() {
    let target = "/api/v1/telemetry/prometheus";
    let server = AnySystem::start().await;
    let answer = server.rest(Request::get(target).bearer(&server.admin_token)).await;
    assert_eq!((answer.status, answer.json()), (404, json!({"detail": "Not Found", "status_code": 404})));

    let options = ServerOptions::default().env("HOMEPOT_FLEET_METRICS", "on").env("HOMEPOT_FLEET_METRICS_DEVICES", "1");
    let server = AnySystem::start_with(options).await;
    server.create_site(SITE, false).await;
    let _sessions = [
        device_with(&server, SITE, "a", &[(Utc::now(), 45.5)]).await,
        device_with(&server, SITE, "b", &[(Utc::now(), 45.5)]).await,
    ];
    let answer = server.rest(Request::get(target).bearer(&server.admin_token)).await;
    assert_eq!(answer.header("content-type"), Some("text/plain; version=0.0.4; charset=utf-8"));
    let text = answer.text();
    let line = "homepot_device_cpu_percent{device_id=\"a\",site_id=\"site-001\",source=\"real\"} 45.5\n";
    assert!(text.contains(line), "{text}");
    assert!(text.contains("homepot_device_last_sample_timestamp_seconds{device_id=\"a\""), "{text}");
    assert!(!text.contains("device_id=\"b\"") && text.ends_with("homepot_fleet_devices_left_out 1\n"), "{text}");
}
