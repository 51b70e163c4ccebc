//! Rollups and series against an answer worked out by brute force, whatever the order of arrival.

use std::{collections::BTreeMap, time::Duration};

use chrono::{DateTime, DurationRound as _, TimeDelta, Utc};
use diesel::{Connection as _, QueryableByName, RunQueryDsl, connection::SimpleConnection, sql_query};
use homepot::model::{Aggregate, DeviceSelection, Metric, PageRequest, Sample, SiteScope};
use homepot_store::{
    PgConnection,
    maintenance::{self, Retention},
    rollups,
    samples::{self, Expected, NewSample},
    series::{self, SeriesQuery, Source},
    test_support::TestDatabase,
};

use crate::fixture::*;

const METRICS: [Metric; 4] = [Metric::CpuPercent, Metric::TransactionVolume, Metric::QueueDepth, Metric::BytesSent];
const BUDGET: Duration = Duration::from_secs(60);

/// Numbers that look random and are the same in each run of a seed (xorshift64*).
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) % bound
    }

    pub(crate) fn maybe<T>(&mut self, value: impl FnOnce(&mut Self) -> T) -> Option<T> {
        if self.below(4) == 0 { None } else { Some(value(self)) }
    }
}

type Answer = BTreeMap<(i64, DateTime<Utc>), [Option<Aggregate>; 4]>;

/// What the samples come to, by device and stretch of `width`.
fn brute_force(all: &BTreeMap<(i64, DateTime<Utc>), Sample>, width: TimeDelta) -> Answer {
    let mut answer = Answer::new();
    for ((device, at), sample) in all {
        let bucket = answer.entry((*device, at.duration_trunc(width).unwrap())).or_default();
        for (metric, known) in METRICS.iter().zip(bucket) {
            if let Some(value) = metric.of(sample) {
                let one = Aggregate::of(*at, value);
                *known = Some(known.map_or(one, |known| known.merge(one)));
            }
        }
    }
    answer
}

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = diesel::sql_types::BigInt)]
    device: i64,
    #[diesel(sql_type = diesel::sql_types::Timestamptz)]
    bucket: DateTime<Utc>,
    #[diesel(sql_type = diesel::sql_types::Integer)]
    metric: i32,
    #[diesel(sql_type = diesel::sql_types::Nullable<diesel::sql_types::Integer>)]
    count: Option<i32>,
    #[diesel(sql_type = diesel::sql_types::Nullable<diesel::sql_types::Double>)]
    min: Option<f64>,
    #[diesel(sql_type = diesel::sql_types::Nullable<diesel::sql_types::Double>)]
    max: Option<f64>,
    #[diesel(sql_type = diesel::sql_types::Nullable<diesel::sql_types::Double>)]
    sum: Option<f64>,
    #[diesel(sql_type = diesel::sql_types::Nullable<diesel::sql_types::Double>)]
    last: Option<f64>,
}

type Told = BTreeMap<(i64, DateTime<Utc>), [Option<(i64, f64, f64, f64, f64)>; 4]>;

fn told(answer: &Answer) -> Told {
    let tell = |aggregate: Aggregate| (aggregate.count, aggregate.min, aggregate.max, aggregate.sum, aggregate.last);
    answer.iter().map(|(key, of_metrics)| (*key, of_metrics.map(|aggregate| aggregate.map(tell)))).collect()
}

/// What a rollup's table holds.
fn stored(conn: &mut PgConnection, table: &str) -> Told {
    let values: Vec<_> = METRICS
        .iter()
        .enumerate()
        .map(|(place, metric)| {
            let parts = ["count", "min::float8", "max::float8", "sum", "last::float8"];
            format!("({place}, {})", parts.map(|part| format!("r.{}_{part}", metric.name())).join(", "))
        })
        .collect();
    let query = format!(
        "SELECT r.device, r.bucket, v.* FROM {table} r
        CROSS JOIN LATERAL (VALUES {}) AS v (metric, count, min, max, sum, last)",
        values.join(", ")
    );
    let mut told = Told::new();
    for row in sql_query(query).load::<Row>(conn).unwrap() {
        let of_metrics = told.entry((row.device, row.bucket)).or_default();
        of_metrics[row.metric as usize] = row
            .count
            .map(|count| (count.into(), row.min.unwrap(), row.max.unwrap(), row.sum.unwrap(), row.last.unwrap()));
    }
    told
}

/// A sample of a few hours before `now`, more often of the last minutes. Its values have few binary digits, so that sums
/// come out the same in any order.
fn random_sample(dice: &mut Dice, devices: &[i64], now: DateTime<Utc>) -> NewSample {
    let seconds = if dice.below(3) == 0 { dice.below(4 * 3_600) } else { dice.below(600) };
    let at = now - TimeDelta::milliseconds((seconds * 1_000 + dice.below(4) * 250) as i64);
    let at = at.duration_trunc(TimeDelta::milliseconds(250)).unwrap();
    let sample = Sample {
        cpu_percent: dice.maybe(|dice| dice.below(400) as f64 / 4.0),
        transaction_volume: dice.maybe(|dice| dice.below(1_000_000) as f64 / 4.0 - 1_000.0),
        queue_depth: dice.maybe(|dice| dice.below(100) as i32),
        bytes_sent: dice.maybe(|dice| dice.below(1 << 40) as i64),
        ..Sample::empty(at)
    };
    NewSample { device: devices[dice.below(devices.len() as u64) as usize], sample }
}

fn until_done(conn: &mut PgConnection, now: DateTime<Utc>) {
    while maintenance::run_at(conn, now, &Retention::default()).unwrap().unwrap().more {}
}

#[tokio::test]
async fn rollups_come_to_what_the_samples_say_in_any_order_of_arrival_and_after_any_crash() {
    for seed in 1..=8 {
        let (database, d) = with_device("d").await;
        let mut conn = database.connect();
        let e = enrolled(&mut conn, "e", "site-1");
        let mut dice = Dice::new(seed);
        let mut now = Utc::now();
        let mut all = BTreeMap::new();
        for _ in 0..60 {
            // Days in all, so that minutes and hours are folded on the way.
            now += TimeDelta::seconds(dice.below(6_000) as i64);
            match dice.below(8) {
                // The server dies between the steps: what comes next finds a line that is claimed and not rolled.
                0 => drop(rollups::claim(&mut conn, now).unwrap()),
                1 => {
                    rollups::claim(&mut conn, now).unwrap();
                    let died = conn.transaction::<(), _, _>(|conn| {
                        rollups::roll_minutes(conn, BUDGET).unwrap();
                        Err(diesel::result::Error::RollbackTransaction)
                    });
                    assert!(died.is_err());
                }
                2 => drop(rollups::recompute_late(&mut conn).unwrap()),
                3 => drop(rollups::roll_hours(&mut conn, BUDGET).unwrap()),
                4 => until_done(&mut conn, now),
                _ => {
                    let batch: Vec<_> =
                        (0..1 + dice.below(60)).map(|_| random_sample(&mut dice, &[d.pk, e.pk], now)).collect();
                    let expected = if dice.below(2) == 0 { Expected::New } else { Expected::Repeats };
                    samples::write(&mut conn, &batch, now, expected).unwrap();
                    for new in batch {
                        // The first of an identity stays.
                        all.entry((new.device, new.sample.collected_at)).or_insert(new.sample);
                    }
                }
            }
        }
        now += TimeDelta::hours(26);
        until_done(&mut conn, now);
        for (table, width) in [("rollup_1m", TimeDelta::minutes(1)), ("rollup_1h", TimeDelta::hours(1))] {
            assert_eq!(stored(&mut conn, table), told(&brute_force(&all, width)), "{table}, seed {seed}");
        }
    }
}

#[tokio::test]
async fn a_series_is_what_the_samples_say_wherever_rollups_have_got_to() {
    for seed in 1..=6 {
        let (database, d) = with_device("d").await;
        let mut conn = database.connect();
        let mut dice = Dice::new(seed);
        let start = Utc::now();
        let mut all = BTreeMap::new();
        let batch: Vec<_> = (0..500).map(|_| random_sample(&mut dice, &[d.pk], start)).collect();
        samples::write(&mut conn, &batch, start, Expected::Repeats).unwrap();
        for new in batch {
            all.entry((new.device, new.sample.collected_at)).or_insert(new.sample);
        }
        // From not at all to all of it.
        until_done(&mut conn, start + TimeDelta::minutes(dice.below(30 * 60) as i64) - TimeDelta::hours(3));
        // Samples that come late show before they are in any rollup.
        let late: Vec<_> = (0..dice.below(40)).map(|_| random_sample(&mut dice, &[d.pk], start)).collect();
        samples::write(&mut conn, &late, start, Expected::Repeats).unwrap();
        for new in late {
            all.entry((new.device, new.sample.collected_at)).or_insert(new.sample);
        }
        for (source, seconds) in [
            (Source::Samples, 1),
            (Source::Samples, 30),
            (Source::Minutes, 60),
            (Source::Minutes, 300),
            (Source::Hours, 3_600),
            (Source::Hours, 7_200),
        ] {
            let width = TimeDelta::seconds(seconds);
            let query = SeriesQuery {
                metrics: METRICS.to_vec(),
                start: (start - TimeDelta::hours(3)).duration_trunc(width).unwrap(),
                end: start.duration_trunc(width).unwrap(),
                resolution: width.to_std().unwrap(),
                source,
            };
            let within = all.iter().filter(|((_, at), _)| (query.start..query.end).contains(at));
            let within = within.map(|(key, sample)| (*key, sample.clone())).collect();
            let expected = brute_force(&within, width);
            let mut got = Told::new();
            for (place, points) in series::read(&mut conn, d.pk, &query).unwrap().into_iter().enumerate() {
                for (at, aggregate) in points {
                    let Aggregate { count, min, max, sum, last, .. } = aggregate;
                    got.entry((d.pk, at)).or_default()[place] = Some((count, min, max, sum, last));
                }
            }
            let expected: Told = told(&expected).into_iter().filter(|(_, of)| of.iter().any(Option::is_some)).collect();
            assert_eq!(got, expected, "{source:?} by {seconds} s, seed {seed}");
        }
    }
}

macro_rules! full_sample {
    ($(#[doc = $about:literal] $metric:ident $name:ident: $value:ident in $range:tt as $column:ident $more:tt)*) => {
        /// A sample with every metric of the table, each as large as it may be.
        fn full_sample(at: DateTime<Utc>) -> Sample {
            Sample { $($name: Some(*$range.end()),)* ..Sample::empty(at) }
        }
    };
}
homepot::metric_table!(full_sample);

#[tokio::test]
async fn every_metric_of_the_table_comes_back_from_samples_from_the_newest_and_from_each_rollup() {
    for expected in [Expected::New, Expected::Repeats] {
        let (database, d) = with_device("d").await;
        let mut conn = database.connect();
        let now = Utc::now().duration_trunc(TimeDelta::days(1)).unwrap();
        let sample = full_sample(now - TimeDelta::days(2));
        let new = [NewSample { device: d.pk, sample: sample.clone() }];
        assert_eq!(samples::write(&mut conn, &new, now, expected).unwrap(), 1);
        until_done(&mut conn, now + TimeDelta::hours(1));

        let page = PageRequest { size: 10, after: None };
        let stored = samples::list(&mut conn, d.pk, now - TimeDelta::days(3), now, &page).unwrap().items;
        assert_eq!(stored.iter().map(|stored| &stored.sample).collect::<Vec<_>>(), [&sample]);
        let newest = samples::latest(&mut conn, &DeviceSelection::all(SiteScope::All), &page).unwrap().items;
        assert_eq!(newest.iter().map(|stored| &stored.sample).collect::<Vec<_>>(), [&sample]);
        for source in [Source::Samples, Source::Minutes, Source::Hours] {
            let query = SeriesQuery {
                metrics: Metric::ALL.to_vec(),
                start: now - TimeDelta::days(3),
                end: now,
                resolution: Duration::from_secs(3_600),
                source,
            };
            let series = series::read(&mut conn, d.pk, &query).unwrap();
            for (metric, points) in Metric::ALL.into_iter().zip(series) {
                let values: Vec<_> = points.iter().map(|(_, point)| (point.count, point.last)).collect();
                assert_eq!(values, [(1, metric.of(&sample).unwrap())], "{metric:?} from {source:?}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_line_is_not_drawn_over_a_writer_that_has_not_committed() {
    let (database, d) = with_device("d").await;
    let (mut writer, mut watcher) = (database.connect(), database.connect());
    let now = Utc::now();
    let sample = NewSample { device: d.pk, sample: Sample { cpu_percent: Some(1.0), ..Sample::empty(now) } };
    writer
        .transaction::<_, homepot_store::StoreError, _>(|writer| {
            samples::write(writer, &[sample], now, Expected::New)?;
            let store = database.store().clone();
            let later = now + TimeDelta::hours(2);
            let claiming =
                tokio::spawn(async move { store.run("claim", move |conn| rollups::claim(conn, later)).await });
            // It waits for this transaction: Postgres says so.
            wait_for_a_waiter(&mut watcher);
            assert!(!claiming.is_finished());
            Ok(())
        })
        .unwrap();
    until_done(&mut watcher, now + TimeDelta::hours(2));
    assert_eq!(stored(&mut watcher, "rollup_1m").len(), 1);
}

#[derive(QueryableByName)]
struct Waiters {
    #[diesel(sql_type = diesel::sql_types::BigInt)]
    waiters: i64,
}

fn wait_for_a_waiter(conn: &mut PgConnection) {
    let waiting = "SELECT count(*) AS waiters FROM pg_locks WHERE locktype = 'advisory' AND NOT granted
        AND database = (SELECT oid FROM pg_database WHERE datname = current_database())";
    while sql_query(waiting).get_result::<Waiters>(conn).unwrap().waiters == 0 {
        conn.batch_execute("SELECT pg_sleep(0.01)").unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn writers_and_the_roller_at_once_lose_nothing() {
    let (database, d) = with_device("d").await;
    let mut conn = database.connect();
    let start = Utc::now().duration_trunc(TimeDelta::minutes(1)).unwrap();
    let (writers, rounds) = (4_i64, 40_i64);
    let writing: Vec<_> = (0..writers)
        .map(|writer| {
            let (store, device) = (database.store().clone(), d.pk);
            tokio::spawn(async move {
                for round in 0..rounds {
                    // Half of them behind the line that moves meanwhile, half ahead of it.
                    let at = start + TimeDelta::minutes(round * writers + writer);
                    let sample = Sample { cpu_percent: Some(50.0), ..Sample::empty(at) };
                    let batch = vec![NewSample { device, sample }];
                    store.run("write", move |conn| samples::write(conn, &batch, at, Expected::New)).await.unwrap();
                }
            })
        })
        .collect();
    let mut now = start;
    while writing.iter().any(|task| !task.is_finished()) {
        now = (now + TimeDelta::minutes(3)).min(start + TimeDelta::hours(2));
        until_done(&mut conn, now);
    }
    for task in writing {
        task.await.unwrap();
    }
    until_done(&mut conn, start + TimeDelta::hours(28));
    let count: i64 = stored(&mut conn, "rollup_1m").values().map(|of_metrics| of_metrics[0].unwrap().0).sum();
    assert_eq!(count, writers * rounds);
    let hours: i64 = stored(&mut conn, "rollup_1h").values().map(|of_metrics| of_metrics[0].unwrap().0).sum();
    assert_eq!(hours, writers * rounds);
}

#[tokio::test]
async fn a_minute_whose_newest_sample_lacks_a_metric_tells_the_newest_that_has_it() {
    let database = TestDatabase::new().await;
    let mut conn = database.connect();
    let d = enrolled(&mut conn, "d", "s");
    let minute = Utc::now().duration_trunc(TimeDelta::minutes(5)).unwrap();
    let at = |second| minute + TimeDelta::seconds(second);
    let sample = |second, cpu, depth| NewSample {
        device: d.pk,
        sample: Sample { cpu_percent: cpu, queue_depth: depth, ..Sample::empty(at(second)) },
    };
    let batch = [sample(10, Some(1.0), None), sample(20, Some(2.0), Some(7)), sample(30, None, Some(8))];
    samples::write(&mut conn, &batch, minute, Expected::New).unwrap();
    until_done(&mut conn, minute + TimeDelta::hours(2));
    let told = stored(&mut conn, "rollup_1m");
    assert_eq!(told[&(d.pk, minute)], [Some((2, 1.0, 2.0, 3.0, 2.0)), None, Some((2, 7.0, 8.0, 15.0, 8.0)), None]);
}
