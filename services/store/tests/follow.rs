//! A store goes over to another address of its database while it works.

use std::{sync::mpsc, time::Duration};

use diesel::{Connection as _, QueryableByName, RunQueryDsl as _, connection::SimpleConnection as _, sql_query};
use homepot_store::{
    Lane, PgConnection, Store, StoreConfig, StoreError,
    listen::{Notifications, Patience},
    notify::notify,
    test_support::TestDatabase,
};
use tokio::sync::oneshot;

const LANES: [Lane; 4] = [Lane::Devices, Lane::Operators, Lane::Reports, Lane::Upkeep];
const CHANNEL: &str = "news";
/// Longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(30);

#[derive(QueryableByName)]
struct Name {
    #[diesel(sql_type = diesel::sql_types::Text)]
    name: String,
}

#[derive(QueryableByName)]
struct Count {
    #[diesel(sql_type = diesel::sql_types::BigInt)]
    count: i64,
}

/// An address of the database, by which connections have that name.
fn url(database: &TestDatabase, name: &str) -> String {
    format!("{}&application_name={name}", database.url())
}

async fn store(url: String) -> Store {
    Store::open(StoreConfig { threads: 4, ..StoreConfig::new(url) }).await.unwrap()
}

fn name(conn: &mut PgConnection) -> Result<String, StoreError> {
    Ok(sql_query("SELECT current_setting('application_name') AS name").get_result::<Name>(conn)?.name)
}

/// The names of the connections by which the lanes work.
async fn names(store: &Store) -> Vec<String> {
    let mut found = Vec::new();
    for lane in LANES {
        found.push(store.lane(lane).run("name", name).await.unwrap());
    }
    found
}

fn connections(database: &TestDatabase, name: &str) -> i64 {
    let query = format!(
        "SELECT count(*) AS count FROM pg_stat_activity WHERE datname = current_database() AND application_name = '{name}'"
    );
    sql_query(query).get_result::<Count>(&mut database.connect()).unwrap().count
}

async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let waited = async {
        while !holds() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(PATIENCE, waited).await.unwrap_or_else(|_| panic!("{what} takes too long"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_runs_ends_at_the_old_address_and_all_else_is_done_at_the_new_one() {
    let database = TestDatabase::new().await;
    let store = store(url(&database, "first")).await;
    store.settle().await.unwrap();
    assert_eq!(names(&store).await, ["first"; 4]);
    let mut news = Notifications::open(&store, CHANNEL, Patience::default()).await.unwrap();

    let (begun, has_begun) = oneshot::channel();
    let (go_on, goes_on) = mpsc::channel();
    let transaction = move |conn: &mut PgConnection| {
        conn.transaction(|conn| {
            let before = name(conn)?;
            begun.send(()).unwrap();
            goes_on.recv().unwrap();
            Ok::<_, StoreError>((before, name(conn)?))
        })
    };
    let running = tokio::spawn({
        // The lane with a second thread, which does what comes after.
        let store = store.lane(Lane::Devices);
        async move { store.run("transaction", transaction).await }
    });
    has_begun.await.unwrap();

    assert!(store.follow(&url(&database, "second")).await.unwrap());
    assert!(!store.follow(&url(&database, "second")).await.unwrap(), "it is no other one");
    assert_eq!(names(&store).await, ["second"; 4]);
    // Who listens is told that something may have been missed, and hears what comes after.
    assert_eq!(news.next().await.unwrap(), None);
    store.run("notify", |conn| notify(conn, CHANNEL, &["a word".to_owned()])).await.unwrap();
    assert_eq!(news.next().await.unwrap().as_deref(), Some("a word"));

    until("closing what nobody uses", || connections(&database, "first") == 1).await;
    go_on.send(()).unwrap();
    assert_eq!(running.await.unwrap().unwrap(), ("first".to_owned(), "first".to_owned()));
    until("closing the last one", || connections(&database, "first") == 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_that_leads_elsewhere_or_nowhere_is_refused_and_the_old_one_stays() {
    let (database, other, empty) = tokio::join!(TestDatabase::new(), TestDatabase::new(), TestDatabase::empty());
    // Users are the whole cluster's, so their names have the database's in them.
    let late = format!("late_of_{}", database.name());
    database.connect().batch_execute(&format!("CREATE ROLE {late}")).unwrap();
    let store = store(url(&database, "first")).await;
    store.settle().await.unwrap();
    for (address, expected) in [
        (other.url(), "another one than the database"),
        (empty.url(), "of the migrations that this server needs"),
        (format!("{}&options=-c%20role%3D{late}", database.url()), "have the schema's owner run: GRANT"),
        (format!("{}&user=nobody", database.url()), "nobody"),
        ("postgres://u:hidden@127.0.0.1:1/db".to_owned(), "out of reach"),
        ("mysql://u:hidden@h".to_owned(), "libpq can't read it"),
        (String::new(), "it is empty"),
    ] {
        let told = store.follow(&address).await.unwrap_err().to_string();
        assert!(told.contains(expected) && !told.contains("hidden"), "{told}");
        assert_eq!(names(&store).await, ["first"; 4], "{told}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn until_a_store_knows_its_database_it_goes_by_any_address() {
    let database = TestDatabase::new().await;
    let store = Store::start(StoreConfig::new(format!("{}&user=nobody", database.url()))).unwrap();
    let waiting = tokio::spawn({
        let store = store.clone();
        async move { store.wait_for_database().await }
    });
    assert!(store.follow(&database.url()).await.unwrap());
    waiting.await.unwrap().unwrap();
    store.settle().await.unwrap();
}
