//! Packed history against what was stored, wherever packing has got to.

use std::{collections::BTreeMap, time::Duration};

use chrono::{DateTime, DurationRound as _, SubsecRound as _, TimeDelta, Utc};
use diesel::{Connection as _, QueryableByName, RunQueryDsl, connection::SimpleConnection as _, sql_query};
use homepot::model::{Aggregate, Metric, Sample, StoredSample, Temperature};
use homepot_store::{
    PgConnection, StoreError,
    devices::DeviceRef,
    maintenance::{self, Report, Retention},
    packed, rollups,
    samples::{self, Expected, NewSample},
    series::{self, SeriesQuery, Source},
    test_support::TestDatabase,
};
use serde_json::json;

use crate::{fixture::*, rollups::Dice};

const HOUR: TimeDelta = TimeDelta::hours(1);
const BUDGET: Duration = Duration::from_secs(60);

/// What was stored, by device and time.
type Stored = BTreeMap<(i64, DateTime<Utc>), (Sample, DateTime<Utc>)>;

/// Packs hours that ended longer than `after` ago.
fn kept(after: TimeDelta) -> Retention {
    Retention { packed_after: after.to_std().unwrap(), ..Retention::default() }
}

fn until_done(conn: &mut PgConnection, now: DateTime<Utc>, after: TimeDelta) -> Report {
    loop {
        let report = maintenance::run_at(conn, now, &kept(after)).unwrap().unwrap();
        if !report.more {
            return report;
        }
    }
}

#[derive(QueryableByName)]
struct Count {
    #[diesel(sql_type = diesel::sql_types::BigInt)]
    count: i64,
}

fn count(conn: &mut PgConnection, from: &str) -> i64 {
    sql_query(format!("SELECT count(*) AS count FROM {from}")).get_result::<Count>(conn).unwrap().count
}

/// Takes the rows away that are in blocks: whoever still finds these samples reads blocks.
fn only_blocks(conn: &mut PgConnection) -> usize {
    let delete = "DELETE FROM samples s USING packed_samples p
        WHERE s.device = p.device AND date_bin('1 hour', s.collected_at, 'epoch') = p.hour
        AND NOT EXISTS (SELECT FROM packing_late l WHERE l.device = p.device AND l.hour = p.hour)";
    sql_query(delete).execute(conn).unwrap()
}

fn list(conn: &mut PgConnection, pk: i64, from: DateTime<Utc>, to: DateTime<Utc>, size: u32) -> Vec<StoredSample> {
    all_pages(size, |page| samples::list(conn, pk, from, to, page).unwrap())
}

fn expected(all: &Stored, device: &DeviceRef, from: DateTime<Utc>, to: DateTime<Utc>) -> Vec<StoredSample> {
    let of_device = all.iter().filter(|((pk, at), _)| *pk == device.pk && (from..to).contains(at));
    let stored = |(_, (sample, received_at)): (_, &(Sample, DateTime<Utc>))| StoredSample {
        device_id: device.device_id.clone(),
        site_id: device.site_id.clone(),
        source: device.source,
        sample: sample.clone(),
        received_at: *received_at,
    };
    of_device.map(stored).collect()
}

/// With gaps, missing values and free-form parts; of a quarter of a second, so that some come twice.
fn random_sample(dice: &mut Dice, devices: &[i64], now: DateTime<Utc>) -> NewSample {
    let seconds = if dice.below(3) == 0 { dice.below(20 * 3_600) } else { dice.below(600) };
    let at = now - TimeDelta::milliseconds((seconds * 1_000 + dice.below(4) * 250) as i64);
    let sample = Sample {
        cpu_percent: dice.maybe(|dice| dice.below(10_000) as f64 / 100.0),
        transaction_volume: dice.maybe(|dice| dice.below(1_000_000) as f64 / 7.0 - 1_000.0),
        queue_depth: dice.maybe(|dice| dice.below(100) as i32),
        bytes_sent: dice.maybe(|dice| dice.below(1 << 40) as i64),
        collection_interval_ms: dice.maybe(|_| 5_000),
        temperatures: (0..dice.below(3))
            .map(|n| Temperature { sensor: format!("s{n}"), celsius: dice.below(1_000) as f64 / 8.0 })
            .collect(),
        extra: (dice.below(5) == 0).then(|| json!({ "n": dice.below(9), "f": 0.1 }).as_object().cloned().unwrap()),
        ..Sample::empty(at.duration_trunc(TimeDelta::milliseconds(250)).unwrap())
    };
    NewSample { device: devices[dice.below(devices.len() as u64) as usize], sample }
}

fn assert_read(conn: &mut PgConnection, all: &Stored, device: &DeviceRef, dice: &mut Dice, now: DateTime<Utc>) {
    let from = (now - TimeDelta::seconds(dice.below(30 * 3_600) as i64)).trunc_subsecs(3);
    let to = from + TimeDelta::seconds(dice.below(30 * 3_600) as i64);
    let listed = list(conn, device.pk, from, to, 1 + dice.below(300) as u32);
    assert_eq!(listed, expected(all, device, from, to));

    let width = TimeDelta::seconds([1, 30][dice.below(2) as usize]);
    let metrics = vec![Metric::QueueDepth, Metric::CpuPercent, Metric::TransactionVolume];
    let (start, end) = (from.duration_trunc(width).unwrap(), to.duration_trunc(width).unwrap());
    let resolution = width.to_std().unwrap();
    let query = SeriesQuery { metrics: metrics.clone(), start, end, resolution, source: Source::Samples };
    for (metric, points) in metrics.into_iter().zip(series::read(conn, device.pk, &query).unwrap()) {
        let mut brute: Vec<(DateTime<Utc>, Aggregate)> = Vec::new();
        for stored in expected(all, device, start, end) {
            let at = stored.sample.collected_at;
            let widened = |value: f64| if metric.is_single() { f64::from(value as f32) } else { value };
            let Some(value) = metric.of(&stored.sample).map(widened) else { continue };
            let (bucket, one) = (at.duration_trunc(width).unwrap(), Aggregate::of(at, value));
            match brute.last_mut() {
                Some((last, known)) if *last == bucket => *known = known.merge(one),
                _ => brute.push((bucket, one)),
            }
        }
        for (_, one) in &mut brute {
            (one.min, one.max, one.last) = (metric.rounded(one.min), metric.rounded(one.max), metric.rounded(one.last));
        }
        assert_eq!(points, brute, "{metric:?}");
    }
}

#[tokio::test]
async fn history_is_what_was_stored_in_any_order_of_arrival_and_after_any_crash() {
    for seed in 1..=6 {
        let (database, d) = with_device("d").await;
        let mut conn = database.connect();
        let e = enrolled(&mut conn, "e", "site-1");
        let mut dice = Dice::new(seed);
        let mut now = Utc::now().trunc_subsecs(6);
        let (mut all, mut taken) = (Stored::new(), 0);
        for _ in 0..60 {
            now += TimeDelta::seconds(dice.below(6_000) as i64);
            match dice.below(8) {
                // The server dies in the middle.
                0 => {
                    rollups::claim(&mut conn, now).unwrap();
                    let died = conn.transaction::<(), _, _>(|conn| {
                        packed::pack(conn, now, &kept(HOUR), BUDGET).unwrap();
                        packed::pack_late(conn, now, &kept(HOUR), BUDGET).unwrap();
                        Err(diesel::result::Error::RollbackTransaction)
                    });
                    assert!(died.is_err());
                }
                1 => {
                    rollups::claim(&mut conn, now).unwrap();
                    packed::pack(&mut conn, now, &kept(TimeDelta::minutes(1)), BUDGET).unwrap();
                }
                2 => drop(until_done(&mut conn, now, HOUR * (dice.below(4) as i32))),
                3 => taken += only_blocks(&mut conn),
                _ => {
                    let batch: Vec<_> =
                        (0..1 + dice.below(90)).map(|_| random_sample(&mut dice, &[d.pk, e.pk], now)).collect();
                    let expected = if dice.below(2) == 0 { Expected::New } else { Expected::Repeats };
                    samples::write(&mut conn, &batch, now, expected).unwrap();
                    for NewSample { device, sample } in batch {
                        // The first of an identity stays.
                        all.entry((device, sample.collected_at)).or_insert((sample, now));
                    }
                }
            }
            for device in [&d, &e] {
                assert_read(&mut conn, &all, device, &mut dice, now);
            }
        }
        now += TimeDelta::hours(9);
        let last = until_done(&mut conn, now, HOUR);
        assert_eq!((last.packed.lag, last.packed.refused), (Duration::ZERO, 0), "{last:?}");
        taken += only_blocks(&mut conn);
        assert!(taken > 500, "{taken} rows were in blocks, seed {seed}");
        // What lies before the migration and did not come late is all that is in rows; here that is nothing.
        assert_eq!(count(&mut conn, "samples"), 0);
        assert_eq!(count(&mut conn, "packing_late"), 0);
        for device in [&d, &e] {
            let (from, to) = (now - TimeDelta::days(9), now + HOUR);
            assert_eq!(list(&mut conn, device.pk, from, to, 100), expected(&all, device, from, to));
        }
    }
}

/// The begin of an hour some hours ago, and a database with one device; what is stored there is late from the start.
async fn at_hour() -> (TestDatabase, DeviceRef, DateTime<Utc>) {
    let (database, d) = with_device("d").await;
    (database, d, Utc::now().duration_trunc(HOUR).unwrap() - HOUR * 6)
}

fn cpu(device: i64, at: DateTime<Utc>, cpu: f64) -> NewSample {
    NewSample { device, sample: Sample { cpu_percent: Some(cpu), ..Sample::empty(at) } }
}

fn write(conn: &mut PgConnection, samples: &[NewSample]) {
    samples::write(conn, samples, Utc::now().trunc_subsecs(6), Expected::New).unwrap();
}

fn seen(conn: &mut PgConnection, pk: i64, hour: DateTime<Utc>) -> Vec<f64> {
    let listed = list(conn, pk, hour - HOUR * 24, hour + HOUR * 24, 1_000);
    listed.iter().map(|stored| stored.sample.cpu_percent.unwrap()).collect()
}

#[tokio::test]
async fn a_sample_that_is_committed_while_its_hour_is_packed_is_read_once_before_and_after_it_is_packed_anew() {
    let (database, d, hour) = at_hour().await;
    let (mut writer, mut conn) = (database.connect(), database.connect());
    write(&mut conn, &[cpu(d.pk, hour, 1.0)]);
    writer
        .transaction::<_, StoreError, _>(|writer| {
            write(writer, &[cpu(d.pk, hour, 9.0), cpu(d.pk, hour + TimeDelta::seconds(1), 2.0)]);
            let report = until_done(&mut conn, hour + HOUR * 6, HOUR);
            assert_eq!(count(&mut conn, "packed_samples"), 1, "{report:?}");
            assert_eq!(seen(&mut conn, d.pk, hour), [1.0]);
            Ok(())
        })
        .unwrap();
    assert_eq!(seen(&mut conn, d.pk, hour), [1.0, 2.0]);
    let report = until_done(&mut conn, hour + HOUR * 6, HOUR);
    assert_eq!((report.packed_late.again, report.packed_late.samples), (1, 2));
    assert_eq!(only_blocks(&mut conn), 2);
    assert_eq!(seen(&mut conn, d.pk, hour), [1.0, 2.0]);
}

#[tokio::test]
async fn a_late_sample_of_a_server_of_the_version_before_is_packed_too() {
    let (database, d, hour) = at_hour().await;
    let mut conn = database.connect();
    write(&mut conn, &[cpu(d.pk, hour, 1.0)]);
    until_done(&mut conn, hour + HOUR * 6, HOUR);
    // It marks the minute, as it always did, and knows of nothing else.
    let old = format!(
        "BEGIN; INSERT INTO samples (device, collected_at, received_at, cpu_percent) VALUES ({0}, '{1}', now(), 2.0);
        INSERT INTO rollup_late (device, bucket) VALUES ({0}, date_bin('1 minute', '{1}', 'epoch')); COMMIT",
        d.pk,
        (hour + TimeDelta::minutes(59)).to_rfc3339(),
    );
    conn.batch_execute(&old).unwrap();
    assert_eq!(seen(&mut conn, d.pk, hour), [1.0, 2.0]);
    until_done(&mut conn, hour + HOUR * 6, HOUR);
    assert_eq!(only_blocks(&mut conn), 2);
    assert_eq!(seen(&mut conn, d.pk, hour), [1.0, 2.0]);
}

#[tokio::test]
async fn hours_are_packed_once_they_ended_long_enough_ago_device_by_device_by_one_that_may_stop_at_any_time() {
    let database = TestDatabase::new().await;
    let mut conn = database.connect();
    let now = Utc::now().trunc_subsecs(6);
    let hour = now.duration_trunc(HOUR).unwrap() + HOUR;
    let devices: Vec<_> = (0..120).map(|n| enrolled(&mut conn, &format!("d{n}"), "s").pk).collect();
    let batch: Vec<_> = devices.iter().map(|pk| cpu(*pk, hour + TimeDelta::minutes(7), *pk as f64 / 4.0)).collect();
    write(&mut conn, &batch);
    let ended = hour + HOUR;
    let early = until_done(&mut conn, ended + HOUR - TimeDelta::seconds(1), HOUR);
    assert_eq!((early.packed.blocks, early.packed.lag), (0, Duration::ZERO));
    let later = ended + HOUR;
    rollups::claim(&mut conn, later + HOUR).unwrap();
    // Each call does a part of it at least, in a transaction of its own, and the next goes on from there.
    let parts: Vec<_> = (0..3).map(|_| packed::pack(&mut conn, later, &kept(HOUR), Duration::ZERO).unwrap()).collect();
    let told: Vec<_> = parts.iter().map(|part| (part.blocks, part.samples, part.more)).collect();
    assert_eq!(told, [(50, 50, true), (50, 50, true), (20, 20, false)]);
    assert_eq!(
        parts.iter().map(|part| part.lag).collect::<Vec<_>>(),
        [HOUR, HOUR, TimeDelta::zero()].map(|lag| lag.to_std().unwrap())
    );
    assert_eq!(count(&mut conn, "packed_samples"), 120);
    assert_eq!(only_blocks(&mut conn), 120);
    for pk in devices {
        assert_eq!(seen(&mut conn, pk, hour), [pk as f64 / 4.0]);
    }
    // Too late for what is dropped soon.
    let long = Retention { packed_after: Duration::from_secs(30 * 86_400), ..Retention::default() };
    write(&mut conn, &batch);
    let idle = packed::pack(&mut conn, later + HOUR * 24 * 5, &long, BUDGET).unwrap();
    assert_eq!(idle, packed::Packing::default());
}

fn fault<T>(outcome: Result<T, StoreError>) -> String {
    match outcome {
        Err(error @ StoreError::Corrupt(_)) => error.to_string(),
        Err(error) => panic!("{error}"),
        Ok(_) => panic!("it can be read"),
    }
}

#[tokio::test]
async fn damage_is_told_with_device_and_hour_and_keeps_nothing_else_from_being_read_or_packed() {
    let (database, d, hour) = at_hour().await;
    let mut conn = database.connect();
    let next = hour + HOUR;
    write(&mut conn, &[cpu(d.pk, hour, 1.0), cpu(d.pk, next, 2.0)]);
    until_done(&mut conn, hour + HOUR * 6, HOUR);
    only_blocks(&mut conn);
    let length = count(
        &mut conn,
        "packed_samples, generate_series(1, length(block)) WHERE hour = (SELECT min(hour) FROM packed_samples)",
    );
    let told = format!("device {} from {} on are damaged", d.pk, hour.format("%Y-%m-%dT%H:%M:%SZ"));
    for byte in 0..length {
        let damage = "UPDATE packed_samples SET block = set_byte(block, $1, get_byte(block, $1) # 255) WHERE hour = $2";
        let damage = |conn: &mut PgConnection| {
            let damage = sql_query(damage).bind::<diesel::sql_types::Integer, _>(byte as i32);
            damage.bind::<diesel::sql_types::Timestamptz, _>(hour).execute(conn).unwrap()
        };
        damage(&mut conn);
        let listed = fault(samples::list(&mut conn, d.pk, hour, next + HOUR, &page(10, None)));
        assert!(listed.contains(&told), "{listed}");
        damage(&mut conn);
    }
    conn.batch_execute(&format!("UPDATE packed_samples SET block = '\\x01' WHERE hour = '{}'", hour.to_rfc3339()))
        .unwrap();
    let query = |start| SeriesQuery {
        metrics: vec![Metric::CpuPercent],
        start,
        end: next + HOUR,
        resolution: Duration::from_secs(30),
        source: Source::Samples,
    };
    let read = fault(series::read(&mut conn, d.pk, &query(hour)));
    assert!(read.contains(&told), "{read}");
    assert_eq!(series::read(&mut conn, d.pk, &query(next)).unwrap()[0].len(), 1);
    assert_eq!(list(&mut conn, d.pk, next, next + HOUR, 10).len(), 1);
    // Samples that come late for both hours: one is packed, the other waits in its row, for good.
    write(&mut conn, &[cpu(d.pk, hour + TimeDelta::minutes(1), 3.0), cpu(d.pk, next + TimeDelta::minutes(1), 4.0)]);
    let report = until_done(&mut conn, hour + HOUR * 6, HOUR);
    assert_eq!((report.packed_late.again, report.packed_late.refused), (1, 1));
    assert_eq!(until_done(&mut conn, hour + HOUR * 6, HOUR).packed_late, packed::Packing::default());
    assert_eq!(list(&mut conn, d.pk, next, next + HOUR, 10).len(), 2);
    assert_eq!(count(&mut conn, "samples WHERE cpu_percent = 3.0"), 1);
}

#[tokio::test]
async fn an_hour_that_cant_be_packed_stays_in_rows_and_one_that_grows_beyond_is_read_from_both() {
    let (database, d, hour) = at_hour().await;
    let mut conn = database.connect();
    let odd = enrolled(&mut conn, "odd", "site-1");
    write(&mut conn, &[cpu(d.pk, hour, 1.0), cpu(odd.pk, hour, 1.0)]);
    // A row that nobody can read.
    conn.batch_execute(&format!("UPDATE samples SET extra = '[]' WHERE device = {}", odd.pk)).unwrap();
    let report = until_done(&mut conn, hour + HOUR * 6, HOUR);
    assert_eq!((report.packed_late.blocks, report.packed_late.refused), (1, 1));
    assert_eq!(only_blocks(&mut conn), 1);

    // More than a block holds, some of them at the same time as the one that is packed.
    let rows = 65_540;
    let flood = format!(
        "INSERT INTO samples (device, collected_at, received_at, cpu_percent)
        SELECT {0}, '{1}'::timestamptz + n * interval '50 milliseconds', now(), 2.0 FROM generate_series(0, {rows} - 1) n;
        INSERT INTO rollup_late (device, bucket) VALUES ({0}, '{1}')",
        d.pk,
        hour.to_rfc3339(),
    );
    conn.batch_execute(&flood).unwrap();
    for round in 0..2 {
        let listed = seen(&mut conn, d.pk, hour);
        assert_eq!((listed.len(), listed[0], listed[1]), (rows, 1.0, 2.0), "round {round}");
        let query = SeriesQuery {
            metrics: vec![Metric::CpuPercent],
            start: hour,
            end: hour + HOUR,
            resolution: Duration::from_secs(30),
            source: Source::Samples,
        };
        let series = series::read(&mut conn, d.pk, &query).unwrap();
        assert_eq!(series[0].iter().map(|(_, point)| point.count).sum::<i64>(), rows as i64);
        let refused = until_done(&mut conn, hour + HOUR * 6, HOUR).packed_late.refused;
        assert_eq!(refused, 1 - round, "it is tried once");
    }
}

#[tokio::test]
async fn what_a_wrong_clock_showed_and_the_newest_sample_come_out_of_blocks_too() {
    let (database, d, hour) = at_hour().await;
    let mut conn = database.connect();
    let (at, shown) = (hour + TimeDelta::minutes(5), hour - TimeDelta::days(400));
    let corrected = Sample { device_time: Some(shown), ..cpu(d.pk, at, 2.0).sample };
    write(&mut conn, &[cpu(d.pk, hour, 1.0), NewSample { device: d.pk, sample: corrected.clone() }]);
    until_done(&mut conn, hour + HOUR * 6, HOUR);
    assert_eq!(only_blocks(&mut conn), 2);
    let listed = list(&mut conn, d.pk, hour, hour + HOUR, 1);
    assert_eq!(listed.iter().map(|stored| stored.sample.device_time).collect::<Vec<_>>(), [None, Some(shown)]);
    conn.batch_execute("DELETE FROM device_latest").unwrap();
    database.store().migrate().await.unwrap();
    let newest = "device_latest WHERE collected_at = (SELECT max(hour) FROM packed_samples) + interval '5 minutes'";
    assert_eq!(count(&mut conn, newest), 1);
}

#[tokio::test]
async fn blocks_are_dropped_with_the_samples_that_they_hold() {
    let (database, d, hour) = at_hour().await;
    let mut conn = database.connect();
    write(&mut conn, &[cpu(d.pk, hour, 1.0)]);
    until_done(&mut conn, hour + HOUR * 6, HOUR);
    assert_eq!(count(&mut conn, "packed_samples"), 1);
    let report = until_done(&mut conn, hour + TimeDelta::days(11), HOUR);
    let day = hour.format("%Y%m%d");
    for table in ["samples", "packed_samples"] {
        assert!(report.dropped.contains(&format!("{table}_{day}")), "{:?}", report.dropped);
    }
    assert_eq!(count(&mut conn, "packed_samples"), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn writers_readers_and_packing_at_once_lose_nothing_and_show_nothing_twice() {
    let (database, d, hour) = at_hour().await;
    let mut conn = database.connect();
    let (writers, rounds) = (3_i64, 40_i64);
    let writing: Vec<_> = (0..writers)
        .map(|writer| {
            let (store, device) = (database.store().clone(), d.pk);
            tokio::spawn(async move {
                for round in 0..rounds {
                    // All over four hours, so that each hour is packed many times; every fourth sample comes twice.
                    let at = move |round: i64| hour + TimeDelta::seconds((round * writers + writer) * 120);
                    let batch = vec![cpu(device, at(round), 1.0), cpu(device, at(round / 4 * 4), 2.0)];
                    let write = move |conn: &mut _| samples::write(conn, &batch, at(round), Expected::Repeats);
                    store.run("write", write).await.unwrap();
                }
            })
        })
        .collect();
    let (mut known, mut done) = (0, false);
    while !done {
        done = writing.iter().all(|task| task.is_finished());
        until_done(&mut conn, hour + HOUR * 6, HOUR);
        only_blocks(&mut conn);
        let listed = list(&mut conn, d.pk, hour, hour + HOUR * 6, 50);
        assert!(listed.is_sorted_by(|a, b| a.sample.collected_at < b.sample.collected_at));
        assert!(listed.len() >= known, "{} of {known} samples are left", listed.len());
        known = listed.len();
    }
    for task in writing {
        task.await.unwrap();
    }
    until_done(&mut conn, hour + HOUR * 6, HOUR);
    only_blocks(&mut conn);
    assert_eq!(count(&mut conn, "samples"), 0);
    assert_eq!(seen(&mut conn, d.pk, hour), vec![1.0; (writers * rounds) as usize]);
}
