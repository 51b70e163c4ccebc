//! What people and applications do.

use std::ops::Deref;

use homepot::pb::{
    analytics::v1 as analytics_pb, common::v1 as common_pb, device::v1 as device_pb, registry::v1 as pb,
};
use homepot_tests::{
    Server, System,
    grpc::Caller,
    rest::{Request, Response},
};
use serde_json::{Value, json};

use super::{PREFIXES, SITE, TILL, World, assert_error};

const ACTIVITIES: &str = "SELECT count(*) FROM user_activities";
const ERRORS: &str = "SELECT coalesce(sum(count), 0)::bigint FROM error_groups";
const GROUPS: &str = "SELECT count(*) FROM error_groups";

fn activity() -> Value {
    json!({
        "activity_type": "search", "page_url": "/devices", "element_id": "search-box", "search_query": "till 7",
        "session_id": "f3a1", "duration_ms": 1500, "metadata": {"theme": "dark"}, "operator": "somebody else"
    })
}

fn error() -> Value {
    json!({
        "category": "payment", "severity": "error", "error_code": "E_TIMEOUT",
        "error_message": "no answer after 3000 ms", "stack_trace": "at pay (till.js:17)", "endpoint": "/pay",
        "user_id": "cashier-3", "device_id": TILL, "context": {"attempt": 2}, "nobody knows": "this"
    })
}

/// `value` with one more field.
fn with(mut value: Value, name: &str, field: Value) -> Value {
    value[name] = field;
    value
}

fn logged(answer: &Response, message: &str) {
    assert_eq!((answer.status, answer.text()), (201, format!("{{\"success\":true,\"message\":\"{message}\"}}")));
}

/// What operators are told of what was stored.
async fn listed<S: Deref<Target = System>>(world: &World<S>, target: &str, rows: &str) -> Vec<Value> {
    let answer = world.operator(Request::get(&format!("/api/v2{target}"))).await;
    assert_eq!(answer.status, 200, "{target}: {}", answer.text());
    assert_eq!(answer.json()["next_page_token"], "");
    answer.json()[rows].as_array().unwrap().clone()
}

async fn count<S: Deref<Target = System>>(world: &World<S>, what: &str, query: &str) -> u64 {
    let sums = listed(world, &format!("/{what}/summary{query}"), "sums").await;
    sums.iter().map(number).sum()
}

/// The count of a group or of a sum: whole numbers of 64 bits are texts.
fn number(counted: &Value) -> u64 {
    counted["count"].as_str().unwrap().parse().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn activity_is_stored_when_it_is_answered_in_the_name_of_the_token() {
    let world = World::build().await;
    let viewer = world.server.create_operator("ann", pb::Role::Viewer, &[SITE]).await;
    for (number, prefix) in (1..).zip(PREFIXES) {
        let request = Request::post(&format!("{prefix}/analytics/user-activity")).json(&activity()).bearer(&viewer);
        logged(&world.server.rest(request).await, "Activity logged");
        assert_eq!(world.server.database().number(ACTIVITIES).await, number);
    }
    let filter = "filter.activity_type=ACTIVITY_TYPE_SEARCH&filter.page_url=/devices";
    let rows = listed(&world, &format!("/activities?{filter}"), "activities").await;
    assert_eq!(rows.len(), 2);
    let stored = &rows[0]["activity"];
    for field in ["page_url", "element_id", "search_query", "session_id", "metadata"] {
        assert_eq!(stored[field], activity()[field], "{field}");
    }
    assert_eq!((&stored["activity_type"], &stored["duration"]), (&json!("ACTIVITY_TYPE_SEARCH"), &json!("1.500s")));
    assert_eq!((&rows[0]["operator"], &rows[0]["source"]), (&json!("ann"), &json!("DEVICE_SOURCE_REAL")));

    let sums = listed(&world, "/activities/summary?group_by=ACTIVITY_GROUPING_TYPE", "sums").await;
    assert_eq!((sums.len(), number(&sums[0])), (1, 2));
    let told = ["key", "sessions", "average_duration"].map(|field| sums[0][field].clone());
    assert_eq!(told, [json!("search"), json!("1"), json!("1.500s")]);
    let by_time = listed(&world, "/activities/summary?resolution=3600s", "sums").await;
    assert!(by_time.iter().all(|sum| sum["start_time"].as_str().unwrap().ends_with(":00:00Z")), "{by_time:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_error_is_stored_when_it_is_answered_and_its_repeats_are_counted() {
    let world = World::build().await;
    for (number, prefix) in (1..).zip(PREFIXES) {
        let log = |body| Request::post(&format!("{prefix}/analytics/error")).json(&body);
        logged(&world.device(log(error())).await, "Error logged");
        let again = with(error(), "error_message", json!(format!("no answer after {number} ms")));
        logged(&world.device(log(with(again, "device_id", json!(null)))).await, "Error logged");
        logged(&world.operator(log(error())).await, "Error logged");
        assert_eq!(world.server.database().number(ERRORS).await, 3 * number);
    }
    // The hour may have changed in between; nothing is lost by that.
    assert!((2..=4).contains(&world.server.database().number(GROUPS).await));
    assert_eq!(count(&world, "errors", "").await, 6);
    assert_eq!(count(&world, "errors", "?filter.severity=SEVERITY_CRITICAL").await, 0);
    for group_by in ["CATEGORY", "SEVERITY", "ERROR_CODE", "ENDPOINT", "DEVICE", "SITE"] {
        let query = format!("?group_by=ERROR_GROUPING_{group_by}&filter.device_id={TILL}");
        assert_eq!(count(&world, "errors", &query).await, 6, "{group_by}");
    }
    assert_eq!(count(&world, "errors", &format!("?resolution=3600s&filter.device_id={TILL}")).await, 6);

    // What can't be stored is no filter either.
    for (list, field, longest) in
        [("errors", "category", 64), ("errors", "error_code", 128), ("activities", "session_id", 128)]
    {
        for (length, status) in [(longest, 200), (longest + 1, 422)] {
            let target = format!("/api/v2/{list}?filter.{field}={}", "x".repeat(length));
            let answer = world.server.rest(Request::get(&target).bearer(&world.server.admin_token)).await;
            assert_eq!(answer.status, status, "{target}: {}", answer.text());
        }
    }
    let filter = format!("filter.device_id={TILL}&filter.severity=SEVERITY_ERROR&filter.category=payment");
    let target = format!("/errors?{filter}&filter.endpoint=/pay&filter.source=DEVICE_SOURCE_REAL");
    let groups = listed(&world, &target, "errors").await;
    let of_device: Vec<_> = groups.iter().filter(|group| group["operator"] == "").collect();
    assert_eq!(of_device.iter().map(|group| number(group)).sum::<u64>(), 4);
    let newest = &of_device[0]["newest"];
    assert_eq!(newest["error_message"], "no answer after 2 ms");
    for field in ["category", "error_code", "stack_trace", "endpoint", "user_id", "context"] {
        let due = if field == "context" { json!({"attempt": 2.0}) } else { error()[field].clone() };
        assert_eq!(newest[field], due, "{field}");
    }
    assert_eq!(newest["severity"], "SEVERITY_ERROR");
    let told = ["device_id", "site_id", "source"].map(|field| of_device[0][field].clone());
    assert_eq!(told, [json!(TILL), json!(SITE), json!("DEVICE_SOURCE_REAL")]);
    assert!(of_device[0]["first_seen_at"].as_str() <= of_device[0]["last_seen_at"].as_str());
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_not_and_what_is_not_there_is_told_with_the_contracts_bytes() {
    let world = World::build().await;
    world.server.create_site("site-002", false).await;
    let other = world.server.enroll("site-002", "other").await;
    let viewer = world.server.create_operator("ann", pb::Role::Viewer, &[SITE]).await;
    for prefix in PREFIXES {
        let log = || Request::post(&format!("{prefix}/analytics/error"));
        let missing = "Missing X-API-Key or X-Device-ID header";
        assert_error(&world.server.rest(log().json(&error())).await, 401, missing);
        assert_error(&world.server.rest(log().json(&error()).header("X-Device-ID", TILL)).await, 401, missing);
        let of_other = with(error(), "device_id", json!("other"));
        assert_error(&world.device(log().json(&of_other)).await, 403, "Device ID mismatch");
        let by_other = log().json(&error()).device("other", &other.api_key);
        assert_error(&world.server.rest(by_other).await, 403, "Device ID mismatch");
        for absent in ["absent", "other"] {
            let body = with(error(), "device_id", json!(absent));
            let answer = world.server.rest(log().json(&body).bearer(&viewer)).await;
            assert_error(&answer, 404, "Device not found");
            let list = Request::get(&format!("/api/v2/errors?filter.device_id={absent}")).bearer(&viewer);
            assert_error(&world.server.rest(list).await, 404, "Device not found");
        }
        let of_site = Request::get("/api/v2/errors/summary?filter.site_id=site-002").bearer(&viewer);
        assert_error(&world.server.rest(of_site).await, 404, "Site site-002 not found");

        let activity = Request::post(&format!("{prefix}/analytics/user-activity")).json(&activity());
        assert_error(&world.server.rest(activity.clone()).await, 401, "Invalid or missing operator token");
        assert_error(&world.device(activity).await, 401, "Invalid or missing operator token");
    }
    assert_eq!(world.server.database().number(ERRORS).await, 0);
    assert_eq!(world.server.database().number(ACTIVITIES).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_at_fault_is_told_all_at_once_and_nothing_is_stored() {
    let world = World::build().await;
    let faults = async |path: &str, body: Value| {
        let answer = world.operator(Request::post(path).json(&body)).await;
        assert_eq!(answer.status, 422, "{}", answer.text());
        let detail = answer.json()["detail"].as_array().unwrap().clone();
        let told =
            |fault: &Value| (fault["loc"][1].as_str().unwrap().to_owned(), fault["type"].as_str().unwrap().to_owned());
        detail.iter().map(told).collect::<Vec<_>>()
    };
    let expected =
        |faults: &[(&str, &str)]| faults.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect::<Vec<_>>();

    let path = "/api/v1/analytics/user-activity";
    assert_eq!(faults(path, json!({})).await, expected(&[("activity_type", "missing")]));
    let bad = json!({
        "activity_type": "sleep", "page_url": "x".repeat(2_049), "element_id": 7, "search_query": "a\0b",
        "session_id": [], "duration_ms": -1, "metadata": {"k": "x".repeat(5_000)}
    });
    let told = [
        ("activity_type", "enum"),
        ("page_url", "string_too_long"),
        ("element_id", "string_type"),
        ("search_query", "value_error"),
        ("session_id", "string_type"),
        ("duration_ms", "greater_than_equal"),
        ("metadata", "value_error"),
    ];
    assert_eq!(faults(path, bad).await, expected(&told));

    let path = "/analytics/error";
    let told = [("category", "missing"), ("severity", "missing"), ("error_message", "missing")];
    assert_eq!(faults(path, json!({})).await, expected(&told));
    let bad = json!({
        "category": "", "severity": "fatal", "error_code": "x".repeat(129), "error_message": "x".repeat(4_001),
        "stack_trace": "x".repeat(16_001), "endpoint": 1, "user_id": {}, "device_id": "no id", "context": [1]
    });
    let told = [
        ("category", "string_too_short"),
        ("severity", "enum"),
        ("error_code", "string_too_long"),
        ("error_message", "string_too_long"),
        ("stack_trace", "string_too_long"),
        ("endpoint", "string_type"),
        ("user_id", "string_type"),
        ("device_id", "value_error"),
        ("context", "dict_type"),
    ];
    assert_eq!(faults(path, bad).await, expected(&told));

    let large = format!("{{\"x\": \"{}\"}}", "y".repeat(1024 * 1024));
    for path in ["/analytics/error", "/analytics/user-activity"] {
        let post = || Request::post(path).header("Content-Type", "application/json");
        assert_error(
            &world.operator(post().body(large.clone())).await,
            413,
            "Request body is larger than 1048576 bytes",
        );
        assert_eq!(world.operator(post().body("{")).await.json()["detail"][0]["type"], "json_invalid");
        let odd = world.operator(post().body("{}").header("X-Device-Source", "fake")).await;
        assert_eq!((odd.status, &odd.json()["detail"][0]["loc"]), (422, &json!(["header", "x-device-source"])));
    }
    for query in
        ["group_by=COLOUR", "resolution=90s", "filter.source=both", "filter.start_time=yesterday", "page_size=-1"]
    {
        let answer = world.operator(Request::get(&format!("/api/v2/errors/summary?{query}"))).await;
        let name = query.split_once('=').unwrap().0;
        assert_eq!((answer.status, &answer.json()["detail"][0]["loc"]), (422, &json!(["query", name])), "{query}");
    }
    assert_eq!(world.server.database().number(ERRORS).await, 0);
    assert_eq!(world.server.database().number(ACTIVITIES).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_simulated_is_marked_so_and_never_in_the_sums_of_what_is_real() {
    let world = World::build().await;
    let key = enroll_simulated(&world.server).await;
    let simulated = |request: Request| request.header("X-Device-Source", "simulated");
    let log = |body: &Value| Request::post("/analytics/error").json(body);
    let mut plain = error();
    plain.as_object_mut().unwrap().remove("device_id");
    logged(&world.operator(log(&plain)).await, "Error logged");
    logged(&world.operator(simulated(log(&plain))).await, "Error logged");
    // A simulated device's errors are simulated, whoever tells of them; it can't say that it is real.
    logged(&world.operator(log(&with(plain.clone(), "device_id", json!("sim")))).await, "Error logged");
    let by_device = log(&plain).device("sim", &key);
    let pretends = by_device.clone().header("X-Device-Source", "real");
    assert_eq!(world.server.rest(pretends).await.status, 403);
    logged(&world.server.rest(by_device).await, "Error logged");
    let did = Request::post("/analytics/user-activity").json(&activity());
    logged(&world.operator(did.clone()).await, "Activity logged");
    logged(&world.operator(simulated(did)).await, "Activity logged");

    for (source, errors, activities) in [("UNSPECIFIED", 1, 1), ("REAL", 1, 1), ("SIMULATED", 3, 1)] {
        let query = format!("?filter.source=DEVICE_SOURCE_{source}");
        assert_eq!(count(&world, "errors", &query).await, errors, "{source}");
        assert_eq!(count(&world, "activities", &query).await, activities, "{source}");
    }
    assert_eq!(listed(&world, "/activities", "activities").await.len(), 2);
    let groups = listed(&world, "/errors", "errors").await;
    let marked = groups.iter().filter(|group| group["source"] == "DEVICE_SOURCE_SIMULATED");
    assert_eq!(marked.map(number).sum::<u64>(), 3);
}

async fn enroll_simulated(server: &System) -> String {
    let request = pb::CreateEnrollmentTokenRequest {
        site_id: SITE.to_owned(),
        source: common_pb::DeviceSource::Simulated.into(),
        ..Default::default()
    };
    let token = server.admin().registry.create_enrollment_token(request).await.unwrap().into_inner().secret;
    let request = device_pb::EnrollRequest {
        site_id: SITE.to_owned(),
        device_id: "sim".to_owned(),
        name: "Simulated".to_owned(),
        source: common_pb::DeviceSource::Simulated.into(),
        ..Default::default()
    };
    server.clients(&Caller::Enrollee(token)).device.enroll(request).await.unwrap().into_inner().api_key
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_come_in_pages_without_gap_or_overlap() {
    let world = World::build().await;
    for number in 0..5 {
        let body = with(error(), "category", json!(format!("part-{}", ["a", "b", "c", "d", "e"][number])));
        logged(&world.operator(Request::post("/analytics/error").json(&body)).await, "Error logged");
        let body = with(activity(), "page_url", json!(format!("/page/{number}")));
        logged(&world.operator(Request::post("/analytics/user-activity").json(&body)).await, "Activity logged");
    }
    for (target, rows, field) in [
        ("/api/v2/errors", "errors", "/newest/category"),
        ("/api/v2/activities", "activities", "/activity/page_url"),
        ("/api/v2/errors/summary?group_by=ERROR_GROUPING_CATEGORY", "sums", "/key"),
        ("/api/v2/activities/summary?group_by=ACTIVITY_GROUPING_PAGE", "sums", "/key"),
    ] {
        let mut seen = Vec::new();
        let mut token = String::new();
        loop {
            let separator = if target.contains('?') { '&' } else { '?' };
            // A parameter that is empty is a fault, so the first page has none.
            let token_of = if token.is_empty() { String::new() } else { format!("&page_token={token}") };
            let page = format!("{target}{separator}page_size=2{token_of}");
            let answer = world.operator(Request::get(&page)).await.json();
            let fields = answer[rows].as_array().unwrap().iter().map(|row| row.pointer(field).unwrap().clone());
            seen.extend(fields.map(|field| field.as_str().unwrap().to_owned()));
            token = answer["next_page_token"].as_str().unwrap().to_owned();
            if token.is_empty() {
                break;
            }
        }
        assert_eq!(seen.len(), 5, "{target}: {seen:?}");
        seen.sort();
        seen.dedup();
        assert_eq!(seen.len(), 5, "{target}: {seen:?}");
        let odd = world.operator(Request::get("/api/v2/errors?page_token=%25")).await;
        assert_eq!((odd.status, &odd.json()["detail"][0]["loc"][1]), (422, &json!("page_token")));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_answered_with_201_outlives_a_crash_of_the_server_and_its_database() {
    let mut world = World::of(Server::start().await).await;
    let mut errors = 0;
    for round in 1..=3 {
        for number in 0..20 {
            let body = with(error(), "error_message", json!(format!("no answer after {number} ms")));
            logged(&world.device(Request::post("/analytics/error").json(&body)).await, "Error logged");
            errors += 1;
        }
        logged(&world.operator(Request::post("/analytics/user-activity").json(&activity())).await, "Activity logged");
        world.server.kill9();
        world.server.restart().await;
        assert_eq!(count(&world, "errors", "").await, errors);
        assert_eq!(count(&world, "activities", "").await, round);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn errors_of_many_callers_at_once_are_counted_once_each_and_share_few_rows() {
    let world = World::build().await;
    let callers = (0..16).map(|caller| {
        let mut device = world.server.clients(&Caller::Device(world.till.clone())).device;
        let mut operator = world.server.admin().analytics;
        async move {
            for number in 0..25 {
                let error = Some(analytics_pb::ErrorReport {
                    category: "payment".to_owned(),
                    severity: analytics_pb::Severity::Critical.into(),
                    error_message: format!("caller {caller} waits for {number} s"),
                    ..Default::default()
                });
                let device_id = TILL.to_owned();
                let by_operator = analytics_pb::LogErrorRequest { error: error.clone(), device_id, source: 0 };
                operator.log_error(by_operator).await.unwrap();
                device.report_error(device_pb::ReportErrorRequest { error, ..Default::default() }).await.unwrap();
            }
        }
    });
    let callers: Vec<_> = callers.map(tokio::spawn).collect();
    for caller in callers {
        caller.await.unwrap();
    }
    assert_eq!(count(&world, "errors", "?group_by=ERROR_GROUPING_SEVERITY").await, 800);
    assert!((2..=4).contains(&world.server.database().number(GROUPS).await));
}
