//! The database's trouble is never the data's fault: each class of error at each kind of write, and databases that can't
//! be written at all.

use std::time::Duration;

use chrono::Utc;
use diesel::{RunQueryDsl, connection::SimpleConnection as _, sql_query};
use homepot::{
    Error, Kind,
    model::{
        Activity, ActivityType, DeviceChange, DeviceSource, ErrorReport, Loss, LossReason, OperatorName, Role, Sample,
        Severity, SiteChange, SiteScope, StateCause, StoredActivity,
    },
};
use homepot_store::{
    Lane, Meaning, PgConnection, Store, StoreConfig, StoreError, Trouble, activities,
    commands::{self, Claim},
    device_keys, devices, enrollment_tokens,
    error_groups::{self, NewError},
    health, losses,
    operators::{self, NewOperator},
    samples::{self, Expected, NewSample},
    sessions, sites,
    test_support::TestDatabase,
};

use crate::fixture::*;

/// From now on every write of every table fails with `code` and a text that no English rule would know.
fn fail_with(conn: &mut PgConnection, code: &str) {
    let statement = format!(
        "CREATE OR REPLACE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN RAISE EXCEPTION 'Verklemmung entdeckt' USING ERRCODE = '{code}'; END $$;
        DO $$ DECLARE name text; BEGIN
            FOR name IN SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
                WHERE n.nspname = 'public' AND c.relkind IN ('r', 'p') AND NOT c.relispartition
                AND c.relname NOT LIKE '%diesel%' LOOP
                EXECUTE format('CREATE OR REPLACE TRIGGER fail BEFORE INSERT OR UPDATE OR DELETE ON %I
                    FOR EACH STATEMENT EXECUTE FUNCTION fail()', name);
            END LOOP;
        END $$"
    );
    conn.batch_execute(&statement).unwrap();
}

type Write = fn(&mut PgConnection, i64) -> Result<(), StoreError>;

/// One of each kind.
const WRITES: &[(&str, Write)] = &[
    ("samples", |conn, pk| {
        let new = NewSample { device: pk, sample: Sample { cpu_percent: Some(1.0), ..Sample::empty(Utc::now()) } };
        for expected in [Expected::New, Expected::Repeats] {
            samples::write(conn, std::slice::from_ref(&new), Utc::now(), expected)?;
        }
        Ok(())
    }),
    ("losses", |conn, pk| {
        let loss = Loss { start: Utc::now(), end: Utc::now(), samples: 1, reason: LossReason::SpoolFull };
        losses::insert(conn, pk, &loss, Utc::now())
    }),
    ("sites", |conn, _| sites::insert(conn, &new_site("other")).map(drop)),
    ("a change of a site", |conn, _| {
        let change = SiteChange { name: Some("Other".to_owned()), ..SiteChange::default() };
        sites::update(conn, &site_id("site-1"), &change).map(drop)
    }),
    ("enrolment", |conn, _| devices::enroll(conn, &new_device("e", "site-1")).map(drop)),
    ("a change of a device", |conn, _| {
        let change = DeviceChange { name: Some("Other".to_owned()), ..DeviceChange::default() };
        devices::update(conn, &device_id("d"), &change).map(drop)
    }),
    ("keys", |conn, _| {
        device_keys::rotate(conn, &device_id("d"), &new_secret("hpd_9", "hash"), Duration::ZERO).map(drop)
    }),
    ("revocation", |conn, _| device_keys::revoke_all(conn, &device_id("d")).map(drop)),
    ("tokens", |conn, _| enrollment_tokens::insert(conn, &new_token("hpe_t", "site-1", 1)).map(drop)),
    ("operators", |conn, _| {
        let new = NewOperator {
            name: OperatorName::parse("eve").unwrap(),
            role: Role::Admin,
            scope: SiteScope::All,
            token: new_secret("hpo_eve", "hash"),
            expires_at: None,
            made_by: None,
        };
        operators::insert(conn, &new).map(drop)
    }),
    ("sessions", |conn, pk| sessions::begin(conn, pk, &hello("b"), "r", HEARTBEAT, &stream(Duration::ZERO)).map(drop)),
    ("the end of a session", |conn, pk| sessions::end(conn, pk, 1, StateCause::Detached, "").map(drop)),
    ("commands", |conn, pk| commands::insert(conn, &[row(pk, new_command("d", "PING"))]).map(drop)),
    ("claims", |conn, pk| commands::claim(conn, &[Claim { pk, epoch: 1, again: false }]).map(drop)),
    ("polling", |conn, pk| commands::claim_by_poller(conn, pk, 1).map(drop)),
    ("activity", |conn, _| {
        let activity = Activity {
            activity_type: ActivityType::PageView,
            page_url: None,
            element_id: None,
            search_query: None,
            session_id: None,
            duration: None,
            metadata: None,
        };
        let operator = OperatorName::parse("eve").unwrap();
        let new = StoredActivity { activity, operator, at: Utc::now(), source: DeviceSource::Real };
        activities::insert(conn, &[new]).map(drop)
    }),
    ("errors", |conn, _| {
        let report = ErrorReport {
            category: "api".to_owned(),
            severity: Severity::Error,
            error_code: None,
            message: "it broke".to_owned(),
            stack_trace: None,
            endpoint: None,
            user_id: None,
            context: None,
        };
        let operator = OperatorName::parse("eve").unwrap();
        let new =
            NewError { report, device: None, operator: Some(operator), source: DeviceSource::Real, at: Utc::now() };
        error_groups::fold(conn, &[new]).map(drop)
    }),
];

/// A code of each class that tells of the database and not of the data.
const TROUBLES: &[&str] = &[
    "08006", "25006", "28000", "40001", "40P01", "53000", "53100", "53200", "53300", "53400", "55006", "55P03",
    "57014", "57P01", "57P02", "57P03", "58000", "58030",
];

#[tokio::test]
async fn whatever_is_written_the_databases_trouble_is_told_as_such() {
    let (database, d) = with_device("d").await;
    let mut conn = database.connect();
    sessions::begin(&mut conn, d.pk, &hello("b"), "r", HEARTBEAT, &stream(Duration::ZERO)).unwrap();
    queue_this(&mut conn, d.pk, new_command("d", "PING"));
    // By the store's own connections, whose errors have codes.
    let run = |write: Write| database.store().run("write", move |conn| write(conn, d.pk));
    for code in TROUBLES {
        fail_with(&mut conn, code);
        for (name, write) in WRITES {
            let error = run(*write).await.expect_err(name);
            assert!(error.is_passing(), "{code} at {name}: {error:?}");
            let told = Error::from(error);
            assert_eq!(told.kind(), Kind::Unavailable, "{code} at {name}");
            assert!(told.retry_delay().is_some(), "{code} at {name}");
        }
    }
    conn.batch_execute("DROP FUNCTION fail() CASCADE").unwrap();
    for (name, write) in WRITES {
        run(*write).await.unwrap_or_else(|error| panic!("{name}: {error}"));
    }
}

#[tokio::test]
async fn the_code_of_an_error_is_known_for_as_long_as_the_error_is_and_on_every_thread() {
    let database = TestDatabase::new().await;
    let fail = |code: &'static str| {
        let statement = format!("DO $$ BEGIN RAISE EXCEPTION 'x' USING ERRCODE = '{code}'; END $$");
        database.store().run("fail", move |conn| Ok(conn.batch_execute(&statement)?))
    };
    let (first, second) = (fail("55P03").await.unwrap_err(), fail("22021").await.unwrap_err());
    assert_eq!(first.sql_state().unwrap().as_str(), "55P03");
    assert_eq!(second.sql_state().unwrap().as_str(), "22021");
    assert_eq!(second.meaning(), Meaning::Value);
    assert_eq!(Error::from(second).kind(), Kind::Invalid);
    drop(first);
    // A value with a NUL is the caller's fault, wherever it comes from.
    let nul = database.store().run("find", |conn| enrollment_tokens::find(conn, "a\0b").map(drop)).await.unwrap_err();
    assert_eq!(Error::from(nul).kind(), Kind::Invalid);
}

#[tokio::test]
async fn a_connection_to_a_node_that_takes_no_writes_is_given_up() {
    let database = TestDatabase::new().await;
    let store = Store::open(StoreConfig { threads: 1, ..StoreConfig::new(database.url()) }).await.unwrap();
    let write = |conn: &mut PgConnection| sites::insert(conn, &new_site("s")).map(drop);
    let devices = store.lane(Lane::Devices);
    for lane in [&store, &devices] {
        let demote = |conn: &mut PgConnection| Ok(conn.batch_execute("SET default_transaction_read_only = on")?);
        lane.run("demote", demote).await.unwrap();
    }
    let error = store.run("write", write).await.unwrap_err();
    assert!(matches!(error, StoreError::Lost { trouble: Trouble::ReadOnly }), "{error:?}");
    assert!(store.is_in_trouble());
    // The next ones lead to wherever the address leads now; those of other lanes too, before they fail.
    devices.run("write", write).await.unwrap();
    store.run("write", write).await.unwrap();
    assert_eq!(store.check().await, Ok(()));
}

#[tokio::test]
async fn a_check_tells_what_operations_find_until_they_work_again() {
    let (database, d) = with_device("d").await;
    let (mut conn, store) = (database.connect(), database.store().lane(Lane::Devices));
    let write = |conn: &mut PgConnection| WRITES[0].1(conn, 1);
    assert_eq!((d.pk, store.check().await), (1, Ok(())));
    fail_with(&mut conn, "53100");
    store.run("write_samples", write).await.unwrap_err();
    // The probe itself would pass: its tables have no trigger.
    assert_eq!(store.check().await, Err(Trouble::DiskFull));
    conn.batch_execute("DROP FUNCTION fail() CASCADE").unwrap();
    store.run("write_samples", write).await.unwrap();
    assert_eq!(store.check().await, Ok(()));
}

#[tokio::test]
async fn a_check_tells_a_database_that_takes_no_writes() {
    let database = TestDatabase::new().await;
    let mut conn = database.connect();
    conn.batch_execute(
        "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET default_transaction_read_only = on', current_database()); END $$",
    )
    .unwrap();
    sql_query(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
        WHERE datname = current_database() AND pid <> pg_backend_pid()",
    )
    .execute(&mut conn)
    .unwrap();
    let told = loop {
        // The first ones may meet connections that were ended just now.
        match database.store().check().await {
            Err(Trouble::ShuttingDown | Trouble::OutOfReach) => {}
            told => break told,
        }
    };
    assert_eq!(told, Err(Trouble::ReadOnly));
}

#[tokio::test]
async fn a_database_of_another_encoding_is_refused_at_the_start_with_what_to_do() {
    let database = TestDatabase::empty().await;
    let mut conn = database.connect();
    conn.batch_execute("DROP DATABASE IF EXISTS latin").unwrap();
    conn.batch_execute("CREATE DATABASE latin ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0").unwrap();
    let url = database.url();
    let (before, after) = url.split_once('?').unwrap();
    let url = format!("{}/latin?{after}", before.rsplit_once('/').unwrap().0);
    let error = Store::open(StoreConfig::new(url)).await.unwrap_err();
    assert!(matches!(error, StoreError::Unsuitable(_)), "{error:?}");
    assert!(error.to_string().contains("LATIN1") && error.to_string().contains("ENCODING 'UTF8'"), "{error}");
}

#[tokio::test]
async fn a_health_check_needs_no_rights_beyond_a_migrations() {
    let database = TestDatabase::new().await;
    database.store().run("ping", health::ping).await.unwrap();
    assert_eq!(database.store().check().await, Ok(()));
}
