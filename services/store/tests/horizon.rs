//! How far back changes may still show up.

use chrono::{DateTime, TimeDelta, Utc};
use diesel::{Connection, QueryableByName, RunQueryDsl, connection::SimpleConnection, sql_query};
use homepot_store::{
    PgConnection,
    horizon::{holder, horizon},
    test_support::TestDatabase,
};

#[derive(QueryableByName)]
struct Stamp {
    #[diesel(sql_type = diesel::sql_types::Timestamptz)]
    stamp: DateTime<Utc>,
}

fn stamp(conn: &mut PgConnection) -> DateTime<Utc> {
    sql_query("SELECT now() AS stamp").get_result::<Stamp>(conn).unwrap().stamp
}

#[tokio::test]
async fn a_transaction_under_way_holds_the_horizon_back_until_it_ends_and_others_do_not() {
    let database = TestDatabase::new().await;
    let elsewhere = TestDatabase::new().await;
    let (mut look, mut writer, mut other) = (database.connect(), database.connect(), elsewhere.connect());
    other.batch_execute("BEGIN").unwrap();
    let in_other = stamp(&mut other);
    writer.batch_execute("BEGIN").unwrap();
    let in_writer = stamp(&mut writer);
    sql_query("SELECT pg_sleep(2.2)").execute(&mut look).unwrap();
    assert!(horizon(&mut look).unwrap() <= in_writer);
    writer.batch_execute("COMMIT").unwrap();
    let free = horizon(&mut look).unwrap();
    assert!(free > in_writer && free > in_other);
    assert!(free <= stamp(&mut look) - TimeDelta::seconds(2));
    // Within one transaction too: its own start is no reason to wait for itself.
    let own = look.transaction(horizon).unwrap();
    assert!(own >= free);
}

#[tokio::test]
async fn whoever_holds_the_horizon_back_is_named_without_what_it_runs() {
    let database = TestDatabase::new().await;
    let (mut look, mut idle) = (database.connect(), database.connect());
    idle.batch_execute("SET application_name = 'a forgotten psql'; BEGIN; SELECT 'secret'").unwrap();
    let found = holder(&mut look).unwrap().unwrap();
    assert_eq!((found.application_name.as_str(), found.state.as_str()), ("a forgotten psql", "idle in transaction"));
    assert!(found.pid > 0 && found.age >= 0.0 && !format!("{found:?}").contains("secret"));
    idle.batch_execute("COMMIT").unwrap();
    assert_ne!(holder(&mut look).unwrap().map(|holder| holder.pid), Some(found.pid));
}
