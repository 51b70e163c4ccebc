//! What people did.

use std::time::Duration;

use chrono::{DateTime, SubsecRound, TimeDelta, Utc};
use diesel::{QueryableByName, RunQueryDsl, sql_query};
use homepot::model::{
    Activity, ActivityFilter, ActivityGrouping, ActivitySum, ActivityType, DeviceSource, OperatorName, StoredActivity,
};
use homepot_store::{
    PgConnection, activities,
    maintenance::{self, Retention},
    test_support::TestDatabase,
};

use crate::fixture::*;

fn operator(name: &str) -> OperatorName {
    OperatorName::parse(name).unwrap()
}

fn did(name: &str, activity_type: ActivityType, at: DateTime<Utc>) -> StoredActivity {
    StoredActivity {
        activity: Activity {
            activity_type,
            page_url: Some("/devices".to_owned()),
            element_id: None,
            search_query: None,
            session_id: Some(format!("session-of-{name}")),
            duration: Some(Duration::from_millis(1_500)),
            metadata: serde_json::json!({"theme": "dark"}).as_object().cloned(),
        },
        operator: operator(name),
        at,
        source: DeviceSource::Real,
    }
}

fn keep(conn: &mut PgConnection, rows: &[StoredActivity]) {
    assert_eq!(activities::insert(conn, rows).unwrap().len(), rows.len());
}

fn listed(conn: &mut PgConnection, own: Option<&str>, filter: &ActivityFilter) -> Vec<StoredActivity> {
    let own = own.map(operator);
    all_pages(2, |page| activities::list(conn, own.as_ref(), filter, page).unwrap())
}

#[tokio::test]
async fn activity_comes_back_as_it_was_newest_first_and_to_whom_it_may() {
    let database = TestDatabase::new().await;
    let mut conn = database.connect();
    let now = Utc::now().trunc_subsecs(6);
    let mut rows: Vec<_> = (0..5).map(|n| did("ann", ActivityType::Click, now - TimeDelta::seconds(n))).collect();
    rows.push(did("bob", ActivityType::Search, now - TimeDelta::seconds(9)));
    keep(&mut conn, &rows);
    assert_eq!(listed(&mut conn, None, &ActivityFilter::default()), rows);
    assert_eq!(listed(&mut conn, Some("bob"), &ActivityFilter::default()), rows[5..]);
    let of_ann = ActivityFilter { operator: Some("ann".to_owned()), ..Default::default() };
    assert_eq!(listed(&mut conn, Some("bob"), &of_ann), []);
    let early = ActivityFilter { range: (None, Some(now - TimeDelta::seconds(3))), ..Default::default() };
    assert_eq!(listed(&mut conn, None, &early), rows[4..]);
    let searches = ActivityFilter { activity_type: Some(ActivityType::Search), ..Default::default() };
    assert_eq!(listed(&mut conn, None, &searches), rows[5..]);
    let simulated = ActivityFilter { source: Some(DeviceSource::Simulated), ..Default::default() };
    assert_eq!(listed(&mut conn, None, &simulated), []);
}

#[tokio::test]
async fn sums_count_activity_and_visits_and_average_what_was_timed() {
    let database = TestDatabase::new().await;
    let mut conn = database.connect();
    let minute = DateTime::from_timestamp(Utc::now().timestamp() / 60 * 60, 0).unwrap();
    let untimed = |mut row: StoredActivity| {
        row.activity.duration = None;
        row
    };
    let simulated = |mut row: StoredActivity| {
        row.source = DeviceSource::Simulated;
        row
    };
    keep(
        &mut conn,
        &[
            did("ann", ActivityType::Click, minute),
            untimed(did("ann", ActivityType::Click, minute)),
            did("bob", ActivityType::Click, minute - TimeDelta::minutes(1)),
            did("bob", ActivityType::Search, minute),
            simulated(did("bob", ActivityType::Search, minute)),
        ],
    );
    let real = ActivityFilter { source: Some(DeviceSource::Real), ..Default::default() };
    let mut sums = |group_by, resolution: Option<u64>| {
        let resolution = resolution.map(Duration::from_secs);
        let sums = |page: &_| activities::sums(&mut conn, None, &real, group_by, resolution, page).unwrap();
        all_pages(1, sums).into_iter().map(|sum| (sum.key, sum.start, sum.count, sum.sessions)).collect::<Vec<_>>()
    };
    assert_eq!(sums(None, None), [(String::new(), None, 4, 2)]);
    let by_type = sums(Some(ActivityGrouping::Type), None);
    assert_eq!(by_type, [("click".to_owned(), None, 3, 2), ("search".to_owned(), None, 1, 1)]);
    let by_time = sums(None, Some(60));
    assert_eq!(by_time.iter().map(|sum| sum.2).collect::<Vec<_>>(), [1, 3]);
    assert_eq!(by_time[1].1, Some(minute));
    let all = activities::sums(&mut conn, None, &real, None, None, &page(1, None)).unwrap();
    assert_eq!(all.items[0].average_duration, Some(Duration::from_millis(1_500)));
}

/// Everything that a report tells, for each way to group and each of these ranges and resolutions.
fn reports(conn: &mut PgConnection, own: Option<&str>, hour: DateTime<Utc>) -> Vec<Vec<ActivitySum>> {
    let own = own.map(operator);
    let minutes = |minutes| Some(hour + TimeDelta::minutes(minutes));
    let ranges = [
        (None, None),
        (minutes(0), minutes(120)),
        (minutes(-90), minutes(200)),
        (minutes(10), minutes(50)),
        (minutes(-61), None),
        (None, minutes(59)),
        (minutes(60), minutes(60 * 24)),
    ];
    let mut all = Vec::new();
    for range in ranges {
        for resolution in [None, Some(60), Some(3_600), Some(7_200), Some(86_400)].map(|s| s.map(Duration::from_secs)) {
            for group_by in
                [None, Some(ActivityGrouping::Type), Some(ActivityGrouping::Page), Some(ActivityGrouping::Operator)]
            {
                let filter = ActivityFilter { range, ..Default::default() };
                let sums =
                    |page: &_| activities::sums(conn, own.as_ref(), &filter, group_by, resolution, page).unwrap();
                all.push(all_pages(3, sums));
            }
        }
    }
    all
}

#[tokio::test]
async fn totals_of_hours_say_what_the_rows_say_at_every_edge_and_after_late_rows() {
    let database = TestDatabase::new().await;
    let mut conn = database.connect();
    // Long ago, so that all hours are over; the marks of progress say where an upgrade found the first row.
    let hour = DateTime::from_timestamp(Utc::now().timestamp() / 3_600 * 3_600, 0).unwrap() - TimeDelta::hours(30);
    let mut rows = Vec::new();
    for n in 0..40_i64 {
        let at = hour + TimeDelta::minutes(n * 11 - 100) + TimeDelta::microseconds(n);
        let mut row = did(["ann", "bob", "eve"][n as usize % 3], ActivityType::Click, at);
        row.activity.session_id = Some(format!("session-{}", n % 5));
        row.activity.page_url = (n % 4 > 0).then(|| format!("/page-{}", n % 4));
        row.activity.duration = (n % 2 == 0).then(|| Duration::from_millis(n as u64 * 100));
        rows.push(row);
    }
    // Right on the edge of an hour.
    rows.push(did("ann", ActivityType::Search, hour));
    rows.push(did("ann", ActivityType::Search, hour + TimeDelta::hours(2)));
    keep(&mut conn, &rows[..30]);
    let first =
        "UPDATE activity_progress SET rolled_to = (SELECT date_bin('1 hour', min(at), 'epoch') FROM user_activities)";
    sql_query(first).execute(&mut conn).unwrap();
    keep(&mut conn, &rows[30..]);
    let of_rows = [None, Some("bob")].map(|own| reports(&mut conn, own, hour));
    maintenance::run_at(&mut conn, Utc::now(), &Retention::default()).unwrap().unwrap();
    assert!(count(&mut conn, "activity_hours") > 10, "hours were summed up");
    assert_eq!([None, Some("bob")].map(|own| reports(&mut conn, own, hour)), of_rows);

    // One that comes late is in the report after the next round.
    keep(&mut conn, &[did("bob", ActivityType::Filter, hour + TimeDelta::minutes(30))]);
    assert_eq!(count(&mut conn, "activity_late"), 1);
    maintenance::run_at(&mut conn, Utc::now(), &Retention::default()).unwrap().unwrap();
    assert_eq!(count(&mut conn, "activity_late"), 0);
    let range = (Some(hour), Some(hour + TimeDelta::hours(1)));
    let filter = ActivityFilter { range, activity_type: Some(ActivityType::Filter), ..Default::default() };
    let sums = activities::sums(&mut conn, None, &filter, None, None, &page(10, None)).unwrap();
    assert_eq!(sums.items[0].count, 1);
}

#[derive(QueryableByName)]
struct Counted {
    #[diesel(sql_type = diesel::sql_types::BigInt)]
    rows: i64,
}

fn count(conn: &mut PgConnection, table: &str) -> i64 {
    sql_query(format!("SELECT count(*) AS rows FROM {table}")).get_result::<Counted>(conn).unwrap().rows
}

#[tokio::test]
async fn a_flood_of_different_activities_makes_few_totals_and_a_report_of_too_much_is_refused_by_name() {
    let database = TestDatabase::new().await;
    let mut conn = database.connect();
    // 200,001 in the same hour, with a session of their own each.
    let flood = "INSERT INTO user_activities (at, activity_type, source, operator, session_id)
        SELECT date_bin('1 hour', now(), 'epoch') - interval '5 hours' + n * interval '10 ms', 'click', 'real', 'loud', n::text
        FROM generate_series(1, 200001) AS n";
    assert_eq!(sql_query(flood).execute(&mut conn).unwrap(), 200_001);
    let report = |conn: &mut PgConnection, resolution: Option<u64>| {
        let (filter, resolution) = (ActivityFilter::default(), resolution.map(Duration::from_secs));
        activities::sums(conn, None, &filter, None, resolution, &page(1_000, None))
    };
    let refused = homepot::Error::from(report(&mut conn, Some(60)).unwrap_err());
    assert_eq!(refused.field_violations()[0].field, "start_time");
    assert!(refused.message().contains("200000 activities"), "{refused}");

    sql_query("UPDATE activity_progress SET rolled_to = now() - interval '1 day'").execute(&mut conn).unwrap();
    let before = report(&mut conn, None).unwrap();
    maintenance::run_at(&mut conn, Utc::now(), &Retention::default()).unwrap().unwrap();
    assert!(count(&mut conn, "activity_hours") <= 2_001);
    let after = report(&mut conn, None).unwrap();
    assert_eq!((after.items[0].count, after.items[0].sessions), (200_001, 200_001));
    assert_eq!(after, before);
    assert!(report(&mut conn, Some(60)).is_err(), "minutes are still read from rows");
}
