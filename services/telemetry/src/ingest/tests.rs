//! Against a real Postgres that is made to refuse this and that.

use std::{future::Future, pin::pin};

use chrono::{DateTime, SubsecRound, TimeDelta, Utc};
use diesel::{RunQueryDsl, connection::SimpleConnection, sql_query, sql_types::BigInt};
use futures_util::{FutureExt as _, future::join_all};
use homepot::model::{DeviceSource, Sample};
use homepot_store::test_support::TestDatabase;

use super::*;

/// What `poisoned` refuses.
const POISON: f64 = 66.5;
/// Devices of a fixture.
const DEVICES: i64 = 50;

/// A database with devices 1 to [`DEVICES`].
async fn with_devices() -> TestDatabase {
    let database = TestDatabase::new().await;
    execute(
        &database,
        &format!(
            "INSERT INTO sites (site_id, name, open_enrollment) VALUES ('site', 'Site', false);
            INSERT INTO devices (device, device_id, site_id, name, device_type, source)
            OVERRIDING SYSTEM VALUE
            SELECT n, 'device-' || n, 'site', 'Device', 'unknown', 'real' FROM generate_series(1, {DEVICES}) n"
        ),
    );
    database
}

fn execute(database: &TestDatabase, sql: &str) {
    database.connect().batch_execute(sql).unwrap();
}

/// From now on Postgres refuses samples for which `condition` holds.
fn refuse(database: &TestDatabase, condition: &str) {
    execute(
        database,
        &format!(
            "CREATE SEQUENCE IF NOT EXISTS attempts; ALTER SEQUENCE attempts RESTART;
            CREATE OR REPLACE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS
            $$ BEGIN PERFORM nextval('attempts'); IF {condition} THEN RAISE EXCEPTION 'not this one'; END IF; RETURN NEW; END $$;
            CREATE OR REPLACE TRIGGER refuse BEFORE INSERT ON samples FOR EACH ROW EXECUTE FUNCTION refuse()"
        ),
    );
}

/// From now on Postgres takes every sample. To drop the trigger would need a lock that may be waited for by those who write.
fn refuse_nothing(database: &TestDatabase) {
    let refuse = "CREATE OR REPLACE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$";
    execute(database, refuse);
}

#[derive(diesel::QueryableByName)]
struct Count {
    #[diesel(sql_type = BigInt)]
    count: i64,
}

fn stored(database: &TestDatabase) -> i64 {
    sql_query("SELECT count(*) AS count FROM samples").get_result::<Count>(&mut database.connect()).unwrap().count
}

fn sample(at: DateTime<Utc>, ago: i64, cpu_percent: f64) -> Sample {
    Sample { cpu_percent: Some(cpu_percent), ..Sample::empty(at - TimeDelta::seconds(ago)) }
}

fn now() -> DateTime<Utc> {
    Utc::now().trunc_subsecs(0)
}

fn places(outcome: Outcome) -> Vec<usize> {
    outcome.unwrap().into_iter().map(|(place, _)| place).collect()
}

/// Polls once: whether it still waits.
fn waits(call: &mut (impl Future<Output = Outcome> + Unpin)) -> bool {
    call.now_or_never().is_none()
}

#[tokio::test(flavor = "multi_thread")]
async fn samples_of_many_callers_are_stored_once_and_repeats_are_harmless() {
    let database = with_devices().await;
    let ingest = Ingest::start(Config::default(), database.store());
    let now = now();
    let calls = (1..=DEVICES).flat_map(|device| [(device, Expected::New), (device, Expected::Repeats)]);
    let calls = calls.map(|(device, expected)| {
        ingest.submit(device, DeviceSource::Real, (0..40).map(|n| sample(now, n, 1.0)).collect(), expected)
    });
    for outcome in join_all(calls).await {
        assert!(places(outcome).is_empty());
    }
    assert_eq!(stored(&database), DEVICES * 40);
    assert!(places(ingest.submit(1, DeviceSource::Real, Vec::new(), Expected::New).await).is_empty());
    ingest.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sample_that_postgres_refuses_is_named_and_all_others_are_stored() {
    let database = with_devices().await;
    refuse(&database, &format!("NEW.cpu_percent = {POISON}"));
    let ingest = Ingest::start(Config::default(), database.store());
    let now = now();
    let calls = (1..=DEVICES).map(|device| {
        let value = |n| if device == 7 && (n == 3 || n == 11) { POISON } else { 1.0 };
        ingest.submit(device, DeviceSource::Real, (0..20).map(|n| sample(now, n, value(n))).collect(), Expected::New)
    });
    for (device, outcome) in (1..).zip(join_all(calls).await) {
        assert_eq!(places(outcome), if device == 7 { vec![3, 11] } else { vec![] }, "device {device}");
    }
    assert_eq!(stored(&database), DEVICES * 20 - 2);
    // Also when there is nothing beside it that could be stored.
    let alone = ingest.submit(8, DeviceSource::Real, vec![sample(now, 100, POISON)], Expected::New).await.unwrap();
    assert_eq!((alone[0].0, alone[0].1.field.as_str()), (0, "sample"));
    ingest.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn while_postgres_takes_nothing_callers_wait_and_memory_is_bounded() {
    let database = with_devices().await;
    refuse(&database, "true");
    let config = Config { budget: 10, ..Config::default() };
    let ingest = Ingest::start(config, database.store());
    let now = now();
    let batch = |ago: i64| (0..10).map(|n| sample(now, ago + n, 1.0)).collect();
    let mut first = pin!(ingest.submit(1, DeviceSource::Real, batch(0), Expected::New));
    let mut second = pin!(ingest.submit(2, DeviceSource::Real, batch(0), Expected::New));
    // What is larger than all there is gets all there is.
    let mut large =
        pin!(ingest.submit(3, DeviceSource::Real, (0..25).map(|n| sample(now, n, 1.0)).collect(), Expected::New));
    assert!(waits(&mut first) && waits(&mut second) && waits(&mut large));
    assert_eq!(ingest.budget.available_permits(), 0);

    refuse_nothing(&database);
    let (first, second, large) = tokio::join!(first, second, large);
    assert!([first, second, large].into_iter().all(|outcome| places(outcome).is_empty()));
    assert_eq!(stored(&database), 45);
    ingest.shutdown().await;
    assert_eq!(
        ingest.submit(1, DeviceSource::Real, batch(50), Expected::New).await.unwrap_err().kind(),
        Kind::Unavailable
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waits_for_postgres_is_told_when_the_server_stops() {
    let database = with_devices().await;
    refuse(&database, "true");
    let ingest = Ingest::start(Config::default(), database.store());
    let mut call = pin!(ingest.submit(1, DeviceSource::Real, vec![sample(now(), 0, 1.0)], Expected::New));
    assert!(waits(&mut call));
    let (outcome, ()) = tokio::join!(call, ingest.shutdown());
    assert_eq!(outcome.unwrap_err().kind(), Kind::Unavailable);
    assert_eq!(stored(&database), 0);
}

/// From now on Postgres fails with `code` at samples for which `condition` holds.
fn fail(database: &TestDatabase, condition: &str, code: &str) {
    refuse(
        database,
        &format!("{condition} THEN RAISE EXCEPTION 'Verklemmung' USING ERRCODE = '{code}'; END IF; IF false"),
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_the_database_suffers_from_no_sample_is_refused_for_it() {
    let database = with_devices().await;
    let ingest = Ingest::start(Config::default(), database.store());
    let now = now();
    let codes =
        ["40P01", "53100", "53200", "53300", "55P03", "57014", "57P01", "57P03", "58030", "25006", "42P01", "XX000"];
    for (number, code) in (0..).zip(codes) {
        fail(&database, "true", code);
        let samples = (0..3).map(|n| sample(now, number * 10 + n, 1.0)).collect();
        let mut call = pin!(ingest.submit(1, DeviceSource::Real, samples, Expected::New));
        assert!(waits(&mut call));
        // Until it has failed more often than a sample that is refused does.
        let retried = async {
            while attempts(&database) < 4 {
                tokio::task::yield_now().await
            }
        };
        tokio::select! {
            outcome = &mut call => panic!("{code}: {outcome:?}"),
            () = retried => {}
        }
        refuse_nothing(&database);
        assert!(places(call.await).is_empty(), "{code}");
        assert_eq!(stored(&database), (number + 1) * 3, "{code}");
    }
    ingest.shutdown().await;
}

/// How often the trigger was there to be met; a sequence counts what transactions take back.
fn attempts(database: &TestDatabase) -> i64 {
    sql_query("SELECT CASE WHEN is_called THEN last_value ELSE 0 END AS count FROM attempts")
        .get_result::<Count>(&mut database.connect())
        .unwrap()
        .count
}

#[tokio::test(flavor = "multi_thread")]
async fn samples_wait_for_a_lock_however_long_it_is_held() {
    let database = with_devices().await;
    let ingest = Ingest::start(Config::default(), database.store());
    let now = now();
    let mut holder = database.connect();
    holder.batch_execute("BEGIN; LOCK TABLE samples IN ACCESS EXCLUSIVE MODE").unwrap();
    let mut call = pin!(ingest.submit(1, DeviceSource::Real, vec![sample(now, 0, 1.0)], Expected::New));
    assert!(waits(&mut call));
    // A writer gives up waiting for the lock, and comes again.
    let given_up = async {
        while !database.store().is_in_trouble() {
            tokio::task::yield_now().await;
        }
    };
    tokio::select! {
        outcome = &mut call => panic!("{outcome:?}"),
        () = given_up => {}
    }
    holder.batch_execute("COMMIT").unwrap();
    assert!(places(call.await).is_empty());
    assert_eq!(stored(&database), 1);
    ingest.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sample_that_we_fail_to_store_stays_with_its_device_and_stops_nobody_else() {
    let database = with_devices().await;
    fail(&database, &format!("NEW.cpu_percent = {POISON}"), "XX000");
    let ingest = Ingest::start(Config::default(), database.store());
    let now = now();
    let calls = (1..=DEVICES).map(|device| {
        let value = |n| if device == 7 && n == 3 { POISON } else { 1.0 };
        ingest.submit(device, DeviceSource::Real, (0..5).map(|n| sample(now, n, value(n))).collect(), Expected::New)
    });
    for (device, outcome) in (1..).zip(join_all(calls).await) {
        match device {
            7 => assert_eq!(outcome.unwrap_err().kind(), Kind::Internal),
            _ => assert!(places(outcome).is_empty(), "device {device}"),
        }
    }
    assert_eq!(stored(&database), DEVICES * 5 - 1);
    ingest.shutdown().await;
}
