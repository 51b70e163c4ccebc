//! The same seed, the same samples.

use std::collections::BTreeMap;

use homepot_tests::{Simulator, System};
use serde_json::Value;

use super::server;

const SAMPLES: &str = "40";

/// Every value of every sample of the fleet, by device and time.
async fn rows(server: &System) -> BTreeMap<(String, i64), Value> {
    let query = "SELECT d.device_id, (extract(epoch FROM s.collected_at) * 1000000)::bigint AS at, \
                 to_jsonb(s) - 'device' - 'received_at' - 'collected_at' AS values \
                 FROM samples s JOIN devices d USING (device)";
    let rows = server.database().rows(query).await;
    let key = |row: &Value| (row["device_id"].as_str().unwrap().to_owned(), row["at"].as_i64().unwrap());
    rows.iter().map(|row| (key(row), row["values"].clone())).collect()
}

async fn played(simulator: &Simulator, start: &str, seed: &str) {
    let fixed = ["--scenario", "degraded", "--interval", "30s", "--samples", SAMPLES];
    let ran = simulator.run(&[&["fleet", "-n", "6", "--start", start, "--seed", seed], &fixed[..]].concat()).await;
    assert_eq!(ran.code, 0, "{}\n{}", ran.summary, ran.said);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_seed_start_and_interval_store_the_same_samples_and_another_seed_others() {
    let start = (chrono::Utc::now() - chrono::TimeDelta::hours(2)).format("%Y-%m-%dT%H:00:00Z").to_string();
    let mut stored = Vec::new();
    for seed in ["7", "7", "8"] {
        let (server, simulator) = server().await;
        played(&simulator, &start, seed).await;
        stored.push(rows(&server).await);
    }
    assert_eq!(stored[0].len(), 6 * 40);
    assert_eq!(stored[0], stored[1]);
    let differ = stored[2].iter().filter(|(key, values)| stored[0].get(*key) != Some(*values)).count();
    assert_eq!(differ, 6 * 40, "nothing of one seed is in the other");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_preview_tells_what_a_fleet_sends() {
    let start = (chrono::Utc::now() - chrono::TimeDelta::hours(2)).format("%Y-%m-%dT%H:00:00Z").to_string();
    let (server, simulator) = server().await;
    played(&simulator, &start, "3").await;
    let rows = rows(&server).await;
    for device in 1..=6 {
        let device = device.to_string();
        let mut preview = simulator.start(&[
            "preview",
            "--scenario",
            "degraded",
            "--seed",
            "3",
            "--start",
            &start,
            "--interval",
            "30s",
            "--samples",
            SAMPLES,
            "--device",
            &device,
        ]);
        assert!(preview.ended(std::time::Duration::from_secs(20)).await.success());
        let lines: Vec<Value> = preview.printed().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(lines.len(), 40);
        for line in lines {
            let at = chrono::DateTime::parse_from_rfc3339(line["collected_at"].as_str().unwrap()).unwrap();
            let found = rows.iter().find(|((id, time), _)| {
                *time == at.timestamp_micros() && id.rsplit('-').next() == Some(device.as_str())
            });
            let (_, values) = found.unwrap_or_else(|| panic!("{line} was not stored"));
            for name in ["cpu_percent", "memory_percent", "disk_percent", "network_latency_ms", "bytes_sent"] {
                let (told, stored) = (line[name].as_f64().unwrap(), values[name].as_f64().unwrap());
                assert!((told - stored).abs() < 1e-9, "{name}: {told} and {stored}");
            }
        }
    }
}
