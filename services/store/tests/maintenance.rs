//! Storage that runs itself: partitions made ahead and dropped, by one replica at a time.

use std::time::Duration;

use chrono::{DateTime, Days, SubsecRound, TimeDelta, Utc};
use diesel::{QueryableByName, RunQueryDsl, connection::SimpleConnection, sql_query};
use homepot::model::{Loss, LossReason, Sample};
use homepot_store::{
    PgConnection, Store, StoreConfig, StoreError, losses,
    maintenance::{self, Report, Retention},
    samples::{self, Expected, NewSample},
    test_support::TestDatabase,
};

use crate::fixture::*;

const DAY: Duration = Duration::from_secs(24 * 3600);

#[derive(QueryableByName)]
struct Named {
    #[diesel(sql_type = diesel::sql_types::Text)]
    name: String,
}

/// The partitions of a table, oldest first.
fn partitions(conn: &mut PgConnection, table: &str) -> Vec<String> {
    let query = "SELECT c.relname::text AS name FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
        WHERE i.inhparent = $1::regclass ORDER BY 1";
    let found: Vec<Named> = sql_query(query).bind::<diesel::sql_types::Text, _>(table).load(conn).unwrap();
    found.into_iter().map(|named| named.name).collect()
}

fn until_done(conn: &mut PgConnection, now: DateTime<Utc>, retention: &Retention) -> Vec<Report> {
    let mut reports = Vec::new();
    loop {
        let report = maintenance::run_at(conn, now, retention).unwrap().expect("nobody else is at it");
        let more = report.more;
        reports.push(report);
        if !more {
            return reports;
        }
    }
}

fn sample(device: i64, at: DateTime<Utc>) -> NewSample {
    NewSample { device, sample: Sample { cpu_percent: Some(1.0), ..Sample::empty(at) } }
}

#[tokio::test]
async fn partitions_are_made_ahead_and_dropped_behind_and_what_is_made_is_never_dropped() {
    let database = TestDatabase::new().await;
    let mut conn = database.connect();
    let start = Utc::now();
    let retention = Retention { samples: DAY * 2, minutes: DAY * 10, hours: DAY * 40, ..Default::default() };
    for day in 0..70 {
        let now = start + Days::new(day);
        let reports = until_done(&mut conn, now, &retention);
        let again = maintenance::run_at(&mut conn, now, &retention).unwrap().unwrap();
        assert_eq!((again.made, again.dropped.len()), (0, 0), "day {day}: {reports:?}");
    }
    // Two days kept, one more behind, today and two ahead; of weeks and months those that overlap what is kept.
    let days = partitions(&mut conn, "samples");
    assert_eq!(days.len(), 6, "{days:?}");
    let last = start + Days::new(69);
    assert_eq!(days[0], format!("samples_{}", (last - TimeDelta::days(3)).format("%Y%m%d")));
    assert!((2..=4).contains(&partitions(&mut conn, "rollup_1m").len()));
    assert!((2..=3).contains(&partitions(&mut conn, "rollup_1h").len()));
}

#[tokio::test]
async fn one_replica_at_a_time_looks_after_storage() {
    let database = TestDatabase::new().await;
    let (mut first, mut second) = (database.connect(), database.connect());
    first.batch_execute("SELECT pg_advisory_lock(x'686f6d650005'::bigint)").unwrap();
    let now = Utc::now();
    assert_eq!(maintenance::run_at(&mut second, now, &Retention::default()).unwrap(), None);
    first.batch_execute("SELECT pg_advisory_unlock(x'686f6d650005'::bigint)").unwrap();
    assert!(maintenance::run_at(&mut second, now, &Retention::default()).unwrap().is_some());
}

#[tokio::test]
async fn replicas_that_come_at_once_make_each_partition_once_and_writers_go_on_meanwhile() {
    let (database, d) = with_device("d").await;
    let mut writer = database.connect();
    let now = Utc::now().trunc_subsecs(6);
    writer.batch_execute("BEGIN").unwrap();
    samples::write(&mut writer, &[sample(d.pk, now)], now, Expected::New).unwrap();
    let later = now + Days::new(100);
    let stored = at_once(database.store(), 4, |_| {
        move |conn: &mut PgConnection| samples::write(conn, &[sample(d.pk, later)], later, Expected::Repeats)
    })
    .await;
    writer.batch_execute("COMMIT").unwrap();
    assert_eq!(stored.iter().sum::<usize>(), 1);
    let indexes = "SELECT indexname::text AS name FROM pg_indexes
        WHERE tablename = 'samples_' || to_char(current_date + 100, 'YYYYMMDD')";
    let indexes: Vec<Named> = sql_query(indexes).load(&mut writer).unwrap();
    assert_eq!(indexes.len(), 2);
}

#[tokio::test]
async fn samples_that_no_rollup_has_yet_are_not_dropped() {
    let (database, d) = with_device("d").await;
    let mut conn = database.connect();
    let start = Utc::now().trunc_subsecs(6);
    samples::write(&mut conn, &[sample(d.pk, start)], start, Expected::New).unwrap();
    // The server was away for a month: the first round folds before it drops.
    let later = start + TimeDelta::days(30);
    let reports = until_done(&mut conn, later, &Retention::default());
    assert_eq!(reports.iter().map(|report| report.minutes).sum::<usize>(), 1);
    let dropped = reports.iter().flat_map(|report| &report.dropped).collect::<Vec<_>>();
    assert!(dropped.contains(&&format!("samples_{}", start.format("%Y%m%d"))), "{dropped:?}");
}

#[tokio::test]
async fn a_loss_is_kept_once_and_told_where_it_reaches_into_the_range() -> Result<(), StoreError> {
    let (database, d) = with_device("d").await;
    let mut conn = database.connect();
    let now = Utc::now().trunc_subsecs(6);
    let at = |minutes| now - TimeDelta::minutes(minutes);
    let loss = |start, end, samples| Loss { start: at(start), end: at(end), samples, reason: LossReason::SpoolFull };
    for _ in 0..2 {
        losses::insert(&mut conn, d.pk, &loss(50, 40, 120), now)?;
        losses::insert(&mut conn, d.pk, &loss(30, 20, 1), now)?;
    }
    assert_eq!(losses::list(&mut conn, d.pk, at(60), now)?, [loss(50, 40, 120), loss(30, 20, 1)]);
    assert_eq!(losses::list(&mut conn, d.pk, at(45), at(42))?, [loss(50, 40, 120)]);
    assert_eq!(losses::list(&mut conn, d.pk, at(39), at(30))?, []);
    Ok(())
}

#[tokio::test]
async fn the_start_makes_no_partition_that_the_next_round_would_drop() {
    let database = TestDatabase::empty().await;
    let kept = Retention { samples: DAY * 2, ..Retention::default() };
    let config = StoreConfig { retention: kept, ..StoreConfig::new(database.url()) };
    let store = Store::open(config).await.unwrap();
    store.migrate().await.unwrap();
    let made = partitions(&mut database.connect(), "samples");
    // Two days back, today and two days ahead, and one more where a day has just begun.
    assert!((4..=6).contains(&made.len()), "{made:?}");
}
