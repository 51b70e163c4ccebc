//! Samples: once, by day, and "now" only forward.

use chrono::{DateTime, SubsecRound, TimeDelta, Utc};
use diesel::{Connection as _, connection::SimpleConnection as _};
use homepot::model::{DeviceSelection, PageRequest, Sample, SiteScope, StoredSample, Temperature};
use homepot_store::{
    PgConnection, StoreError,
    horizon::horizon,
    samples::{self, Expected, NewSample},
};

use crate::fixture::*;

fn sample(device: i64, at: DateTime<Utc>, cpu: f64) -> NewSample {
    NewSample { device, sample: Sample { cpu_percent: Some(cpu), ..Sample::empty(at) } }
}

fn latest(conn: &mut PgConnection) -> Vec<StoredSample> {
    let filter = DeviceSelection::all(SiteScope::All);
    all_pages(2, |page| samples::latest(conn, &filter, page).unwrap())
}

fn history(conn: &mut PgConnection, pk: i64, around: DateTime<Utc>) -> Vec<StoredSample> {
    let (start, end) = (around - TimeDelta::days(9), around + TimeDelta::days(1));
    all_pages(3, |page| samples::list(conn, pk, start, end, page).unwrap())
}

#[tokio::test]
async fn a_sample_comes_back_as_it_was_measured() {
    let (database, d) = with_device("d").await;
    let mut conn = database.connect();
    let now = Utc::now().trunc_subsecs(6);
    let extra = serde_json::json!({ "boot_time": 1_700_000_000, "rate": 0.5, "nested": { "list": [1, null, "x"] } });
    let measured = Sample {
        cpu_percent: Some(45.5),
        memory_percent: Some(60.21),
        disk_percent: Some(12.34),
        swap_percent: Some(0.0),
        load_1m: Some(0.07),
        load_5m: Some(1.25),
        load_15m: Some(33.3),
        network_latency_ms: Some(120.5),
        transaction_count: Some(150),
        transaction_volume: Some(-5_000.123_456_789),
        error_rate: Some(100.0),
        active_connections: Some(10),
        queue_depth: Some(i32::MAX),
        collection_interval_ms: Some(5_000),
        bytes_sent: Some(i64::MAX),
        bytes_received: Some(2),
        uptime_seconds: Some(1 << 53),
        temperatures: vec![Temperature { sensor: "cpu ❄".to_owned(), celsius: 40.25 }],
        extra: extra.as_object().cloned(),
        ..Sample::empty(now)
    };
    let new = [NewSample { device: d.pk, sample: measured.clone() }];
    assert_eq!(samples::write(&mut conn, &new, now, Expected::New).unwrap(), 1);
    let expected = StoredSample {
        device_id: d.device_id,
        site_id: d.site_id,
        source: d.source,
        sample: measured,
        received_at: now,
    };
    assert_eq!(latest(&mut conn), std::slice::from_ref(&expected));
    assert_eq!(history(&mut conn, d.pk, now), [expected]);
    assert_eq!(samples::write(&mut conn, &[], now, Expected::New).unwrap(), 0);
}

#[tokio::test]
async fn newest_samples_that_are_missing_are_taken_from_history_at_the_next_start() {
    let (database, d) = with_device("d").await;
    let mut conn = database.connect();
    enrolled(&mut conn, "never-reported", "site-1");
    let now = Utc::now().trunc_subsecs(6);
    let newest = Sample { load_1m: Some(1.0 / 3.0), ..sample(d.pk, now, 45.5).sample };
    let slice = [sample(d.pk, now - TimeDelta::days(1), 1.0), NewSample { device: d.pk, sample: newest }];
    samples::write(&mut conn, &slice, now, Expected::New).unwrap();
    let before = latest(&mut conn);
    assert_eq!(before.as_slice(), &history(&mut conn, d.pk, now)[1..], "history and latest have the same digits");
    // History of one device can't be read; that keeps nobody else's from being taken, nor the server from starting.
    let odd = enrolled(&mut conn, "odd", "site-1");
    samples::write(&mut conn, &[sample(odd.pk, now, 1.0)], now, Expected::New).unwrap();
    conn.batch_execute(&format!("UPDATE samples SET extra = '[]' WHERE device = {}", odd.pk)).unwrap();
    conn.batch_execute("DELETE FROM device_latest").unwrap();
    database.store().migrate().await.unwrap();
    assert_eq!(latest(&mut conn), before);
}

#[tokio::test]
async fn a_newest_sample_that_is_not_ours_is_told_and_spoils_nothing_after_it() {
    let (database, d) = with_device("d").await;
    let mut conn = database.connect();
    let e = enrolled(&mut conn, "e", "site-1");
    let now = Utc::now().trunc_subsecs(6);
    samples::write(&mut conn, &[sample(d.pk, now, 1.0), sample(e.pk, now, 2.0)], now, Expected::New).unwrap();
    conn.batch_execute(&format!("UPDATE device_latest SET sample = '\\xff' WHERE device = {}", d.pk)).unwrap();
    let filter = DeviceSelection::all(SiteScope::All);
    let page = PageRequest { size: 10, after: None };
    let told = samples::latest(&mut conn, &filter, &page).unwrap_err();
    assert!(matches!(&told, StoreError::Corrupt(told) if told.starts_with("device_latest.sample: ")), "{told}");
    assert_eq!(history(&mut conn, d.pk, now).len(), 1, "the connection is ready for the next");
}

#[tokio::test]
async fn retries_duplicates_and_late_samples_are_stored_once_and_never_move_now_back() {
    let (database, d) = with_device("d").await;
    let mut conn = database.connect();
    let now = Utc::now().trunc_subsecs(6);
    let at = |seconds| now + TimeDelta::seconds(seconds);
    // Twice in one slice: the first stays.
    let slice = [sample(d.pk, at(0), 1.0), sample(d.pk, at(-5), 2.0), sample(d.pk, at(0), 3.0)];
    assert_eq!(samples::write(&mut conn, &slice, now, Expected::New).unwrap(), 2);
    assert_eq!(samples::write(&mut conn, &slice, now, Expected::New).unwrap(), 0);
    assert_eq!(
        samples::write(&mut conn, &[sample(d.pk, at(-3_600), 4.0), sample(d.pk, at(0), 9.0)], now, Expected::New)
            .unwrap(),
        1
    );
    assert_eq!(latest(&mut conn)[0].sample.cpu_percent, Some(1.0));
    let measured: Vec<_> = history(&mut conn, d.pk, now).iter().map(|s| s.sample.cpu_percent.unwrap()).collect();
    assert_eq!(measured, [4.0, 2.0, 1.0]);
    assert_eq!(samples::write(&mut conn, &[sample(d.pk, at(1), 5.0)], now, Expected::New).unwrap(), 1);
    assert_eq!(latest(&mut conn)[0].sample.cpu_percent, Some(5.0));
}

#[tokio::test]
async fn writers_of_the_same_samples_at_once_store_each_once_and_none_fails() {
    let (database, d) = with_device("d").await;
    let other = enrolled(&mut database.connect(), "e", "site-1");
    let now = Utc::now().trunc_subsecs(6);
    let stored = at_once(database.store(), 8, |number| {
        let mut slice: Vec<_> =
            (0..500).flat_map(|n| [d.pk, other.pk].map(|pk| sample(pk, now - TimeDelta::seconds(n), 1.0))).collect();
        // Each in another order.
        slice.rotate_left(number * 100);
        move |conn: &mut PgConnection| samples::write(conn, &slice, now, Expected::New)
    })
    .await;
    assert_eq!(stored.iter().sum::<usize>(), 1_000);
    let newest: Vec<_> = latest(&mut database.connect()).iter().map(|stored| stored.sample.collected_at).collect();
    assert_eq!(newest, [now, now]);
}

#[tokio::test]
async fn every_time_within_the_accepted_range_finds_its_partition() {
    let (database, d) = with_device("d").await;
    let mut conn = database.connect();
    let now = Utc::now().trunc_subsecs(6);
    let edges = [now - TimeDelta::days(7), now + TimeDelta::minutes(5), now];
    let slice: Vec<_> = edges.map(|at| sample(d.pk, at, 1.0)).into();
    assert_eq!(samples::write(&mut conn, &slice, now, Expected::New).unwrap(), 3);
}

#[tokio::test]
async fn a_write_after_days_asleep_makes_the_partitions_it_needs() {
    let (database, d) = with_device("d").await;
    let mut conn = database.connect();
    let woken = (Utc::now() + TimeDelta::days(40)).trunc_subsecs(6);
    let slice = [sample(d.pk, woken, 1.0), sample(d.pk, woken - TimeDelta::days(7), 2.0)];
    assert_eq!(samples::write(&mut conn, &slice, woken, Expected::New).unwrap(), 2);
    assert_eq!(history(&mut conn, d.pk, woken).len(), 2);
}

#[tokio::test]
async fn a_range_includes_its_start_and_not_its_end_and_a_list_can_name_devices() {
    let (database, d) = with_device("d").await;
    let mut conn = database.connect();
    let e = enrolled(&mut conn, "e", "site-2");
    let now = Utc::now().trunc_subsecs(6);
    let at = |seconds| now - TimeDelta::seconds(seconds);
    let slice =
        [sample(d.pk, at(2), 1.0), sample(d.pk, at(1), 2.0), sample(d.pk, at(0), 3.0), sample(e.pk, at(0), 4.0)];
    samples::write(&mut conn, &slice, now, Expected::New).unwrap();
    let found = samples::list(&mut conn, d.pk, at(2), at(0), &page(10, None)).unwrap();
    assert_eq!(found.items.len(), 2);
    assert!(samples::list(&mut conn, -1, at(2), at(0), &page(10, None)).unwrap().items.is_empty());
    let device_ids = [device_id("e"), device_id("none")].into();
    let mut filter = DeviceSelection { device_ids, ..DeviceSelection::all(SiteScope::All) };
    let named = samples::latest(&mut conn, &filter, &page(10, None)).unwrap().items;
    assert_eq!(named.iter().map(|stored| stored.device_id.as_str()).collect::<Vec<_>>(), ["e"]);
    filter.scope = SiteScope::Only(vec![site_id("site-1")]);
    assert!(samples::latest(&mut conn, &filter, &page(10, None)).unwrap().items.is_empty());
}

#[tokio::test]
async fn a_newest_sample_that_is_committed_late_lies_after_the_horizon_of_every_look_before() {
    let (database, d) = with_device("d").await;
    let (mut conn, mut look) = (database.connect(), database.connect());
    let now = Utc::now().trunc_subsecs(6);
    // Received an hour ago, by the clock of who writes it.
    let received_at = now - TimeDelta::hours(1);
    let since = conn
        .transaction(|conn| {
            samples::write(conn, &[sample(d.pk, now, 1.0)], received_at, Expected::New)?;
            let since = horizon(&mut look)?;
            assert!(samples::changed_since(&mut look, since, usize::MAX)?.unwrap().is_empty());
            Ok::<_, StoreError>(since)
        })
        .unwrap();
    let found = samples::changed_since(&mut look, since, usize::MAX).unwrap().unwrap();
    assert_eq!(found.iter().map(|stored| stored.received_at).collect::<Vec<_>>(), [received_at]);
    let all = DeviceSelection::all(SiteScope::All);
    let watched = |since, most| {
        let mut look = database.connect();
        samples::watched(&mut look, &all, since, &page(10, None), most).unwrap().items.len()
    };
    assert_eq!((watched(None, usize::MAX), watched(Some(since), usize::MAX)), (1, 1));
    let later = since + TimeDelta::hours(1);
    assert_eq!(watched(Some(later), usize::MAX), 0);
    assert_eq!(samples::changed_since(&mut look, since, 1).unwrap(), None, "more than fits");
}
