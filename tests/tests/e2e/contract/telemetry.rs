//! What devices measured, as operators ask for it.

use chrono::{DateTime, DurationRound, SecondsFormat, TimeDelta, Utc};
use homepot_tests::{
    Server, ServerOptions,
    rest::{Request, Response},
};
use serde_json::{Value, json};

use super::{PREFIXES, SITE, TILL, World, assert_begins, assert_error, assert_time};

/// The start of a minute half an hour ago.
fn minute() -> DateTime<Utc> {
    (Utc::now() - TimeDelta::minutes(30)).duration_trunc(TimeDelta::minutes(1)).unwrap()
}

fn rfc3339(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Micros, true)
}

/// Has the till report these shares of its processor, at so many seconds from `start`.
async fn report(world: &World, start: DateTime<Utc>, measured: &[(i64, f64)]) {
    for (seconds, cpu) in measured {
        let time = rfc3339(start + TimeDelta::seconds(*seconds));
        let body =
            json!({"cpu_percent": cpu, "bytes_sent": 7, "collected_at": time, "extra_metrics": {"a": "b,\"c\""}});
        let answer = world.device(Request::post("/analytics/device-metrics").json(&body)).await;
        assert_eq!(answer.status, 201, "{}", answer.text());
    }
}

async fn get(world: &World, target: &str) -> Response {
    world.operator(Request::get(target)).await
}

fn places(answer: &Response) -> Vec<Value> {
    assert_eq!(answer.status, 422, "{}", answer.text());
    answer.json()["detail"].as_array().unwrap().iter().map(|fault| fault["loc"].clone()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_newest_sample_is_told_for_one_device_and_for_many() {
    let world = World::build().await;
    world.server.enroll(SITE, "silent").await;
    report(&world, minute(), &[(0, 1.0), (10, 2.0)]).await;
    for prefix in PREFIXES {
        let one = get(&world, &format!("{prefix}/telemetry/devices/{TILL}/latest")).await;
        assert_eq!(one.status, 200, "{}", one.text());
        assert_begins(&one.text(), &["device_id", "site_id", "collected_at", "received_at", "cpu_percent"]);
        assert_eq!((&one.json()["cpu_percent"], &one.json()["site_id"]), (&json!(2.0), &json!(SITE)));
        assert_time(&one.json()["received_at"]);

        let all = get(&world, &format!("{prefix}/telemetry/latest?site_id={SITE}")).await.json();
        assert_eq!(all, json!({"samples": [one.json()], "next_page_token": null}));
    }
    assert_error(&get(&world, "/telemetry/devices/silent/latest").await, 404, "Device never reported");
    for target in ["/telemetry/devices/absent/latest", "/telemetry/latest?device_id=absent"] {
        assert_eq!(get(&world, target).await.status, 404, "{target}");
    }
    let odd = get(&world, "/telemetry/latest?page_size=0&format=xml").await;
    assert_eq!(places(&odd), [json!(["query", "format"]), json!(["query", "page_size"])]);
}

#[tokio::test(flavor = "multi_thread")]
async fn samples_come_in_pages_and_as_csv_all_at_once() {
    let world = World::build().await;
    let start = minute();
    report(&world, start, &[(0, 1.0), (10, 2.0), (20, 3.5)]).await;
    let range = format!("start={}&end={}", rfc3339(start), rfc3339(start + TimeDelta::seconds(20)));
    let path = format!("/api/v1/telemetry/devices/{TILL}/samples");
    let first = get(&world, &format!("{path}?{range}&page_size=1")).await.json();
    let token = first["next_page_token"].as_str().unwrap();
    let second = get(&world, &format!("{path}?{range}&page_size=1&page_token={token}")).await.json();
    let values = [&first, &second].map(|page| page["samples"][0]["cpu_percent"].clone());
    assert_eq!((values, &second["samples"][1]), ([json!(1.0), json!(2.0)], &Value::Null));

    let wanted = Request::get(&format!("{path}?start={}", rfc3339(start))).header("Accept", "text/csv");
    let csv = world.operator(wanted).await;
    assert_eq!((csv.status, csv.header("content-type")), (200, Some("text/csv; charset=utf-8")));
    let text = csv.text();
    let lines: Vec<_> = text.split_terminator("\r\n").collect();
    assert!(lines[0].starts_with("device_id,site_id,collected_at,received_at,cpu_percent,memory_percent,"), "{text}");
    assert_eq!(lines.len(), 4);
    assert!(lines[3].starts_with(&format!("{TILL},{SITE},{},", rfc3339(start + TimeDelta::seconds(20)))), "{text}");
    assert!(lines[3].contains(",3.5,") && lines[3].ends_with(r#","{""a"":""b,\""c\""""}",real,"#), "{text}");

    assert_eq!(places(&get(&world, &format!("{path}?start=today")).await), [json!(["query", "start"])]);
    assert_error(&get(&world, "/telemetry/devices/-/samples").await, 404, "Device not found");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_query_answers_points_and_gaps_and_csv_with_empty_cells() {
    let world = World::build().await;
    let start = minute();
    report(&world, start, &[(0, 10.0), (30, 20.0), (60, 30.0), (240, 40.0)]).await;
    let end = start + TimeDelta::minutes(5);
    let range = format!("start={}&end={}&resolution=60s", rfc3339(start), rfc3339(end));
    let query = format!("telemetry/query?device_id={TILL}&metric=cpu_percent&metric=load_1m&{range}");
    for prefix in PREFIXES {
        let answer = get(&world, &format!("{prefix}/{query}")).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        assert_begins(&answer.text(), &["resolution_seconds", "source", "start", "end", "series", "gaps"]);
        let answer = answer.json();
        assert_eq!((&answer["resolution_seconds"], &answer["source"]), (&json!(60), &json!("minutes")));
        assert_eq!((&answer["start"], &answer["end"]), (&json!(rfc3339(start)), &json!(rfc3339(end))));
        let cpu = &answer["series"][0];
        assert_eq!(
            (&cpu["device_id"], &cpu["site_id"], &cpu["metric"]),
            (&json!(TILL), &json!(SITE), &json!("cpu_percent"))
        );
        let first = json!({
            "start": rfc3339(start), "count": 2, "min": 10.0, "max": 20.0, "average": 15.0, "sum": 30.0, "last": 20.0
        });
        assert_eq!(cpu["points"][0], first);
        assert_eq!(cpu["points"].as_array().unwrap().len(), 3);
        let gap = json!({
            "device_id": TILL, "start": rfc3339(start + TimeDelta::minutes(2)),
            "end": rfc3339(start + TimeDelta::minutes(4)), "reason": "no_samples", "samples": 0,
            "device_source": "real"
        });
        assert_eq!(answer["gaps"], json!([gap]));
    }
    let csv = get(&world, &format!("/telemetry/query?site_id={SITE}&metric=cpu_percent&format=csv&{range}")).await;
    let row = |minute, numbers| {
        let start = rfc3339(start + TimeDelta::minutes(minute));
        format!("{TILL},{SITE},cpu_percent,{start},{numbers},real\r\n")
    };
    let expected = "device_id,site_id,metric,start,count,min,max,average,sum,last,device_source\r\n".to_owned()
        + &row(0, "2,10,20,15,30,20")
        + &row(1, "1,30,30,30,30,30")
        + &row(2, "0,,,,,")
        + &row(3, "0,,,,,")
        + &row(4, "1,40,40,40,40,40");
    assert_eq!(csv.text(), expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_query_at_fault_is_told_where() {
    let world = World::build().await;
    let whole = format!("device_id={TILL}&metric=cpu_percent");
    let faults = [
        (format!("device_id={TILL}"), "metric"),
        (format!("device_id={TILL}&metric=heat"), "metric"),
        (format!("{whole}&start=yesterday"), "start"),
        (format!("{whole}&resolution=90s"), "resolution"),
        (format!("{whole}&resolution=fast"), "resolution"),
        (format!("{whole}&max_points=10001"), "max_points"),
        (format!("{whole}&grouping=none"), "grouping"),
        (format!("{whole}&format=xml"), "format"),
    ];
    for (query, parameter) in faults {
        let answer = get(&world, &format!("/telemetry/query?{query}")).await;
        assert_eq!(places(&answer), [json!(["query", parameter])], "{query}");
    }
    assert_eq!(get(&world, "/telemetry/query?device_id=absent&metric=cpu_percent").await.status, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_watches_is_told_what_is_there_and_what_comes() {
    let world = World::build().await;
    let start = minute();
    report(&world, start, &[(0, 1.5)]).await;
    let watch = Request::get("/api/v1/telemetry/watch").bearer(&world.server.admin_token);
    let address = world.server.rest_addr.clone();
    let seen = tokio::spawn(async move { watch.send_until(&address, "\"cpu_percent\":77.5").await });
    // Whatever moment the watch begins, one of these comes after it.
    let mut seconds = 1;
    while !seen.is_finished() {
        report(&world, start, &[(seconds, 77.5)]).await;
        seconds += 1;
    }
    let answer = seen.await.unwrap();
    assert_eq!((answer.status, answer.header("content-type")), (200, Some("text/event-stream")));
    assert!(answer.text().starts_with("event: samples\ndata: {\"samples\":["), "{}", answer.text());
    assert_eq!(get(&world, "/telemetry/watch?device_id=absent").await.status, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_prometheus_is_told_of_the_fleet_only_where_it_is_switched_on() {
    let world = World::build().await;
    assert_error(&get(&world, "/telemetry/prometheus").await, 404, "Not Found");

    let options = ServerOptions::default().env("HOMEPOT_FLEET_METRICS", "on").env("HOMEPOT_FLEET_METRICS_DEVICES", "1");
    let server = Server::start_with(options).await;
    server.create_site(SITE, false).await;
    for device in ["a", "b"] {
        let key = server.enroll(SITE, device).await;
        let body = json!({"cpu_percent": 45.5});
        let sent = Request::post("/analytics/device-metrics").json(&body).device(&key.device_id, &key.api_key);
        assert_eq!(server.rest(sent).await.status, 201);
    }
    let answer = server.rest(Request::get("/api/v1/telemetry/prometheus").bearer(&server.admin_token)).await;
    assert_eq!(answer.header("content-type"), Some("text/plain; version=0.0.4; charset=utf-8"));
    let text = answer.text();
    assert!(
        text.contains("homepot_device_cpu_percent{device_id=\"a\",site_id=\"site-001\",source=\"real\"} 45.5\n"),
        "{text}"
    );
    assert!(text.contains("homepot_device_last_sample_timestamp_seconds{device_id=\"a\""), "{text}");
    assert!(!text.contains("device_id=\"b\"") && text.ends_with("homepot_fleet_devices_left_out 1\n"), "{text}");
}
