//! The database threads when something goes wrong: Postgres away, work that panics, too much work.

use std::sync::mpsc;

use diesel::{RunQueryDsl, sql_query};
use homepot::{Error, Kind};
use homepot_store::{Store, StoreConfig, StoreError, Trouble, health, test_support::TestDatabase};

const END_OTHERS: &str = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
    WHERE datname = current_database() AND pid <> pg_backend_pid()";

#[tokio::test]
async fn after_every_connection_was_cut_the_next_operations_work() {
    let database = TestDatabase::new().await;
    let store = database.store();
    for _ in 0..8 {
        store.run("ping", health::ping).await.unwrap();
    }
    // Cut in the middle of an operation: that one is told, and the connections beside it are not trusted any more.
    let url = database.url();
    let outcome = store
        .run("cut", move |conn| {
            let mut other = <homepot_store::PgConnection as diesel::Connection>::establish(&url).unwrap();
            sql_query(END_OTHERS).execute(&mut other)?;
            health::ping(conn)
        })
        .await;
    let error = outcome.unwrap_err();
    assert!(matches!(error, StoreError::Lost { trouble: Trouble::ShuttingDown }), "{error:?}");
    let told = Error::from(error);
    assert_eq!(told.kind(), Kind::Unavailable);
    assert!(told.retry_delay().is_some());
    for _ in 0..8 {
        store.run("ping", health::ping).await.unwrap();
    }
}

#[tokio::test]
async fn work_that_panics_is_told_and_the_threads_go_on() {
    let database = TestDatabase::new().await;
    for _ in 0..8 {
        let outcome = database.store().run::<()>("panics", |_| panic!("on purpose")).await;
        assert!(matches!(outcome, Err(StoreError::Panicked("panics"))));
    }
    database.store().run("ping", health::ping).await.unwrap();
}

#[tokio::test]
async fn a_transaction_left_open_is_not_seen_by_the_next_operation() {
    let database = TestDatabase::new().await;
    let store = Store::open(StoreConfig { threads: 1, ..StoreConfig::new(database.url()) }).await.unwrap();
    let outcome = store
        .run("fails", |conn| {
            diesel::Connection::transaction(conn, |conn| {
                sql_query("SELECT 1/0").execute(conn)?;
                Ok::<_, StoreError>(())
            })
        })
        .await;
    assert!(matches!(outcome, Err(StoreError::Database(_))));
    assert_eq!(Error::from(outcome.unwrap_err()).kind(), Kind::Internal);
    store.run("ping", health::ping).await.unwrap();
}

#[tokio::test]
async fn a_queue_that_stays_full_is_busy_and_abandoned_work_is_not_done() {
    let database = TestDatabase::new().await;
    let config = StoreConfig { threads: 1, queue: 1, ..StoreConfig::new(database.url()) };
    let store = Store::open(config).await.unwrap();
    let (release, released) = mpsc::channel::<()>();
    let (started, has_started) = tokio::sync::oneshot::channel();
    let blocker = tokio::spawn({
        let store = store.clone();
        async move {
            let work = move |_: &mut _| {
                started.send(()).unwrap();
                released.recv().unwrap();
                Ok(())
            };
            store.run("blocks", work).await
        }
    });
    has_started.await.unwrap();
    let (ran, has_run) = mpsc::channel();
    // Takes the one place in the queue, then its caller leaves.
    let abandoned = store.run("abandoned", move |_| {
        ran.send(()).unwrap();
        Ok(())
    });
    assert!(tokio::time::timeout(std::time::Duration::from_millis(20), abandoned).await.is_err());
    let outcome = store.run("waits", health::ping).await;
    assert!(matches!(outcome, Err(StoreError::Busy)));
    assert_eq!(Error::from(StoreError::Busy).kind(), Kind::Unavailable);
    release.send(()).unwrap();
    blocker.await.unwrap().unwrap();
    store.run("ping", health::ping).await.unwrap();
    assert!(has_run.try_recv().is_err());
}

#[tokio::test]
async fn an_address_that_is_wrong_is_told_without_its_password() {
    for url in ["postgres//u:hidden@h/db", "mysql://u:hidden@h/db"] {
        let error = Store::open(StoreConfig::new(url)).await.unwrap_err();
        assert!(matches!(error, StoreError::Address(_)), "{error:?}");
        assert!(!format!("{error} {error:?}").contains("hidden"));
    }
    assert!(!format!("{:?}", StoreConfig::new("postgres://u:hidden@h/db")).contains("hidden"));
}

#[tokio::test]
async fn libpq_speaks_tls() {
    // Refused by the port and not by libpq, which says so when it was built without.
    let url = "postgres://127.0.0.1:1/db?sslmode=require";
    let error = <homepot_store::PgConnection as diesel::Connection>::establish(url).err().unwrap().to_string();
    assert!(error.contains("refused") && !error.contains("SSL"), "{error}");
}
