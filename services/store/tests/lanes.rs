//! Lanes keep apart: what one is busy with, another does not wait for. And reports end with their callers.

use std::time::Duration;

use diesel::{QueryableByName, RunQueryDsl, sql_query, sql_types::BigInt};
use homepot_store::{Lane, PgConnection, health, test_support::TestDatabase};

#[derive(QueryableByName)]
struct Count {
    #[diesel(sql_type = BigInt)]
    count: i64,
}

/// How many of `slow` are at work.
fn at_work(conn: &mut PgConnection) -> i64 {
    let query = "SELECT count(*) AS count FROM pg_stat_activity
        WHERE datname = current_database() AND pid <> pg_backend_pid() AND state = 'active' AND query LIKE '%pg_sleep%'";
    sql_query(query).get_result::<Count>(conn).unwrap().count
}

fn slow(conn: &mut PgConnection) -> Result<(), homepot_store::StoreError> {
    sql_query("SELECT pg_sleep(25)").execute(conn)?;
    Ok(())
}

async fn until(mut holds: impl FnMut() -> bool) {
    while !holds() {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn twelve_heavy_reports_keep_neither_devices_nor_operators_nor_the_probe_waiting() {
    let database = TestDatabase::new().await;
    let (mut conn, store) = (database.connect(), database.store());
    let reports = store.lane(Lane::Reports);
    let running: Vec<_> = (0..12)
        .map(|_| {
            let reports = reports.clone();
            tokio::spawn(async move { reports.run("slow", slow).await })
        })
        .collect();
    // Of four threads one is for reports, and it is taken until all of this is over.
    until(|| at_work(&mut conn) == 1).await;
    for lane in [Lane::Devices, Lane::Operators, Lane::Upkeep] {
        store.lane(lane).run("ping", health::ping).await.unwrap();
    }
    assert_eq!(store.check().await, Ok(()));
    assert_eq!(at_work(&mut conn), 1);
    running.iter().for_each(|task| task.abort());
    until(|| at_work(&mut conn) == 0).await;
    reports.run("ping", health::ping).await.unwrap();
}

#[tokio::test]
async fn a_report_ends_with_its_caller_and_a_write_does_not() {
    let database = TestDatabase::new().await;
    let (mut conn, store) = (database.connect(), database.store());
    let report = tokio::spawn({
        let store = store.lane(Lane::Reports);
        async move { store.run("slow", slow).await }
    });
    until(|| at_work(&mut conn) == 1).await;
    report.abort();
    until(|| at_work(&mut conn) == 0).await;

    let (done, is_done) = tokio::sync::oneshot::channel();
    let write = tokio::spawn({
        let store = store.lane(Lane::Devices);
        async move {
            let work = move |conn: &mut PgConnection| {
                sql_query("SELECT pg_sleep(0.5)").execute(conn)?;
                let _ = done.send(());
                Ok(())
            };
            store.run("write", work).await
        }
    });
    until(|| at_work(&mut conn) == 1).await;
    write.abort();
    is_done.await.unwrap();
}
