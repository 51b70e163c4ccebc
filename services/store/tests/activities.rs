//! What people did.

use std::time::Duration;

use chrono::{DateTime, SubsecRound, TimeDelta, Utc};
use homepot::model::{
    Activity, ActivityFilter, ActivityGrouping, ActivityType, DeviceSource, OperatorName, StoredActivity,
};
use homepot_store::{PgConnection, activities, test_support::TestDatabase};

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
