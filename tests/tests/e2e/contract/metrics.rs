//! What devices measure.

use homepot::pb::telemetry::v1 as pb;
use homepot_tests::rest::Request;
use serde_json::{Value, json};

use super::{PREFIXES, TILL, World};

const STORED: &str = "SELECT count(*) FROM samples";

async fn stored(world: &World) -> Vec<pb::Sample> {
    let request = pb::ListSamplesRequest { device_id: TILL.to_owned(), ..Default::default() };
    let answer = world.server.admin().telemetry.list_samples(request).await.unwrap().into_inner();
    answer.samples.into_iter().filter_map(|stored| stored.sample).collect()
}

fn example() -> Value {
    json!({
        "device_id": "pos-terminal-001", "cpu_percent": 45.5, "memory_percent": 60.2, "disk_percent": 30.1,
        "network_latency_ms": 120.5, "transaction_count": 150, "transaction_volume": 5000.0, "error_rate": 0.5,
        "active_connections": 10, "queue_depth": 2, "collection_interval_seconds": 5,
        "extra_metrics": {"boot_time": 1.7e9, "bytes_sent": 1, "bytes_recv": 2}
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn the_contracts_example_is_stored_when_it_is_answered_with_every_value() {
    let world = World::build().await;
    for (number, prefix) in PREFIXES.into_iter().enumerate() {
        let answer = world.device(Request::post(&format!("{prefix}/analytics/device-metrics")).json(&example())).await;
        let bytes = r#"{"success":true,"message":"Device metrics logged"}"#;
        assert_eq!((answer.status, answer.text().as_str()), (201, bytes));
        assert_eq!(stored(&world).await.len(), number + 1);
    }
    let sample = stored(&world).await.remove(0);
    let percents = [sample.cpu_percent, sample.memory_percent, sample.disk_percent, sample.error_rate];
    assert_eq!(percents, [Some(45.5), Some(60.2), Some(30.1), Some(0.5)]);
    assert_eq!(sample.network_latency_ms, Some(120.5));
    assert_eq!((sample.transaction_count, sample.transaction_volume), (Some(150), Some(5000.0)));
    assert_eq!((sample.active_connections, sample.queue_depth), (Some(10), Some(2)));
    assert_eq!(sample.collection_interval.map(|interval| interval.seconds), Some(5));
    assert_eq!((sample.bytes_sent, sample.bytes_received), (Some(1), Some(2)));
    assert_eq!(sample.extra.unwrap().fields.len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_field_is_optional_and_unknown_ones_are_ignored() {
    let world = World::build().await;
    let bodies = [json!({}), json!({"cpu_percent": null, "anything": ["else"]}), json!({"queue_depth": 0})];
    for (number, body) in bodies.into_iter().enumerate() {
        let answer = world.device(Request::post("/analytics/device-metrics").json(&body)).await;
        assert_eq!(answer.status, 201, "{body}: {}", answer.text());
        assert_eq!(world.server.database().number(STORED).await, i64::try_from(number + 1).unwrap());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_number_out_of_range_or_too_large_is_422_and_nothing_is_stored() {
    let world = World::build().await;
    let report = |body: &str| {
        let request = Request::post("/api/v1/analytics/device-metrics").header("Content-Type", "application/json");
        world.device(request.body(body))
    };
    let faults = [
        ("cpu_percent", "101", "less_than_equal"),
        ("memory_percent", "-0.1", "greater_than_equal"),
        ("disk_percent", "\"full\"", "float_parsing"),
        ("error_rate", "\"NaN\"", "finite_number"),
        ("network_latency_ms", "true", "float_type"),
        ("transaction_count", "1.5", "int_from_float"),
        ("active_connections", "99999999999999999999", "less_than_equal"),
        ("queue_depth", "[]", "int_type"),
        ("collection_interval_seconds", "0", "value_error"),
        ("extra_metrics", "[1]", "dict_type"),
    ];
    for (field, value, kind) in faults {
        let answer = report(&format!("{{\"{field}\": {value}}}")).await;
        assert_eq!(answer.status, 422, "{field}: {value}");
        assert_eq!(answer.json()["detail"][0]["loc"], json!(["body", field]));
        assert_eq!(answer.json()["detail"][0]["type"], kind, "{field}: {value}");
    }
    for text in ["{\"cpu_percent\": NaN}", "{\"cpu_percent\": Infinity}", "{\"cpu_percent\": 1e999}", "[]", "{"] {
        assert_eq!(report(text).await.status, 422, "{text}");
    }
    let large = json!({"extra_metrics": {"k": "x".repeat(5_000)}}).to_string();
    assert_eq!(report(&large).await.status, 422);
    assert_eq!(report(&format!("{{\"x\": \"{}\"}}", "y".repeat(1024 * 1024))).await.status, 413);
    assert_eq!(world.server.database().number(STORED).await, 0);

    let several = report("{\"queue_depth\": -1, \"cpu_percent\": 101, \"memory_percent\": \"x\"}").await.json();
    let places: Vec<_> = several["detail"].as_array().unwrap().iter().map(|fault| fault["loc"][1].clone()).collect();
    assert_eq!(places, ["cpu_percent", "memory_percent", "queue_depth"]);
}
