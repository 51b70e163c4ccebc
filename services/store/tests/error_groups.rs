//! Errors of applications: folded, counted once each, and bounded.

use std::time::Duration;

use chrono::{DateTime, DurationRound, TimeDelta, Utc};
use diesel::{QueryableByName, RunQueryDsl, sql_query};
use homepot::model::{
    DeviceSource, ErrorFilter, ErrorGroup, ErrorGrouping, ErrorReport, ErrorSum, OperatorName, Severity, SiteScope,
};
use homepot_store::{
    Combiner, PgConnection, StoreError,
    devices::DeviceRef,
    error_groups::{self, ErrorDevice, MAX_GROUPS, NewError, Seen},
    maintenance::{self, Retention},
    test_support::TestDatabase,
};

use crate::fixture::*;

fn everything() -> Seen {
    Seen { scope: SiteScope::All, operator: OperatorName::parse("admin").unwrap() }
}

fn report(message: &str) -> ErrorReport {
    ErrorReport {
        category: "api".to_owned(),
        severity: Severity::Error,
        error_code: Some("E1".to_owned()),
        message: message.to_owned(),
        stack_trace: Some(format!("at {message}")),
        endpoint: Some("/pay".to_owned()),
        user_id: None,
        context: None,
    }
}

/// The middle of the hour: what happens a second before or after lies in the same one.
fn noon() -> DateTime<Utc> {
    Utc::now().duration_trunc(TimeDelta::hours(1)).unwrap() + TimeDelta::minutes(30)
}

fn by(device: &DeviceRef, report: ErrorReport, at: DateTime<Utc>) -> NewError {
    let source = DeviceSource::Real;
    let device = ErrorDevice { pk: device.pk, site_id: device.site_id.clone(), source };
    NewError { report, device: Some(device), operator: None, source, at }
}

fn listed(conn: &mut PgConnection, seen: &Seen, filter: &ErrorFilter) -> Vec<ErrorGroup> {
    all_pages(3, |page| error_groups::list(conn, seen, filter, page).unwrap())
}

fn sums(conn: &mut PgConnection, group_by: Option<ErrorGrouping>, resolution: Option<u64>) -> Vec<ErrorSum> {
    let (filter, resolution) = (ErrorFilter::default(), resolution.map(Duration::from_secs));
    all_pages(2, |page| error_groups::sums(conn, &everything(), &filter, group_by, resolution, page).unwrap())
}

fn total(conn: &mut PgConnection) -> u64 {
    sums(conn, None, None).iter().map(|sum| sum.count).sum()
}

#[tokio::test]
async fn repeats_become_one_row_with_the_newest_words_and_anything_else_a_row_of_its_own() {
    let (database, d) = with_device("d").await;
    let mut conn = database.connect();
    let at = noon();
    let later = at + TimeDelta::seconds(5);
    let fold = |conn: &mut PgConnection, errors: &[NewError]| error_groups::fold(conn, errors).unwrap();
    fold(&mut conn, &[by(&d, report("timeout after 30 ms"), at), by(&d, report("timeout after 31 ms"), at)]);
    fold(&mut conn, &[by(&d, report("timeout after 4 ms"), later)]);
    let groups = listed(&mut conn, &everything(), &ErrorFilter::default());
    assert_eq!(groups.len(), 1);
    assert_eq!((groups[0].count, groups[0].first_seen_at, groups[0].last_seen_at), (3, at, later));
    assert_eq!(groups[0].newest, report("timeout after 4 ms"));
    assert_eq!((groups[0].device_id.as_ref(), groups[0].site_id.as_ref()), (Some(&d.device_id), Some(&d.site_id)));

    let other = ErrorReport { severity: Severity::Info, ..report("timeout after 4 ms") };
    let unlike = [
        by(&d, other.clone(), at),
        by(&d, report("out of paper"), at),
        by(&d, ErrorReport { endpoint: None, ..report("timeout after 4 ms") }, at),
        by(&d, report("timeout after 4 ms"), at - TimeDelta::hours(1)),
        NewError { source: DeviceSource::Simulated, ..by(&d, report("timeout after 4 ms"), at) },
        NewError { operator: Some(OperatorName::parse("ann").unwrap()), ..by(&d, report("timeout after 4 ms"), at) },
    ];
    fold(&mut conn, &unlike);
    assert_eq!(listed(&mut conn, &everything(), &ErrorFilter::default()).len(), 1 + unlike.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn every_error_of_a_flood_from_all_sides_is_counted_exactly_once_and_the_rows_stay_few() {
    const CALLERS: u64 = 24;
    const EACH: u64 = 60;
    let (database, d) = with_device("d").await;
    let e = enrolled(&mut database.connect(), "e", "site-2");
    // Two replicas, each with its own batches.
    let replicas = [0, 1].map(|_| Combiner::start(database.store().clone(), "fold_errors", 32, error_groups::fold));
    let at = noon();
    let callers: Vec<_> = (0..CALLERS)
        .map(|caller| {
            let replica = replicas[usize::try_from(caller % 2).unwrap()].clone();
            let devices = [d.clone(), e.clone()];
            tokio::spawn(async move {
                for n in 0..EACH {
                    // Letters, as numbers are not told apart: some kinds are common, most are seen once.
                    let kind: String = format!("{}", if n % 2 == 0 { n % 6 } else { caller * EACH + n });
                    let kind: String = kind.bytes().map(|digit| char::from(digit - b'0' + b'k')).collect();
                    let device = &devices[usize::try_from(n % 2 * (caller / 2 % 2)).unwrap()];
                    let severity = Severity::ALL[usize::try_from(n % 4).unwrap()];
                    let report = ErrorReport { severity, ..report(&kind) };
                    assert!(replica.run(by(device, report, at)).await.unwrap());
                }
            })
        })
        .collect();
    for caller in callers {
        caller.await.unwrap();
    }
    let mut conn = database.connect();
    assert_eq!(total(&mut conn), CALLERS * EACH);
    for group_by in ErrorGrouping::ALL {
        let counted: u64 = sums(&mut conn, Some(*group_by), Some(3_600)).iter().map(|sum| sum.count).sum();
        assert_eq!(counted, CALLERS * EACH, "{group_by:?}");
    }
    let by_severity = sums(&mut conn, Some(ErrorGrouping::Severity), None);
    assert!(by_severity.iter().all(|sum| sum.count == CALLERS * EACH / 4), "{by_severity:?}");
    let groups = listed(&mut conn, &everything(), &ErrorFilter::default());
    for device in [&d, &e] {
        let of_device: Vec<_> = groups.iter().filter(|g| g.device_id.as_ref() == Some(&device.device_id)).collect();
        let (overflow, told_apart): (Vec<_>, Vec<_>) = of_device.into_iter().partition(|group| group.overflow);
        assert_eq!(told_apart.len(), usize::try_from(MAX_GROUPS).unwrap(), "{}", device.device_id);
        assert!((1..=Severity::ALL.len()).contains(&overflow.len()));
        assert!(overflow.iter().all(|group| group.newest.category == "overflow" && group.newest.endpoint.is_none()));
    }
}

#[tokio::test]
async fn a_batch_that_fails_counts_nothing() {
    let (database, d) = with_device("d").await;
    let mut conn = database.connect();
    // There is no partition for it.
    let long_ago = by(&d, report("b"), DateTime::UNIX_EPOCH);
    assert!(error_groups::fold(&mut conn, &[by(&d, report("a"), noon()), long_ago]).is_err());
    assert_eq!(total(&mut conn), 0);
}

#[tokio::test]
async fn an_error_of_a_device_that_is_gone_is_not_counted_and_the_others_are() -> Result<(), StoreError> {
    let (database, d) = with_device("d").await;
    let mut conn = database.connect();
    let gone = DeviceRef { pk: d.pk + 1_000, ..d.clone() };
    let no_device = NewError { device: None, ..by(&d, report("c"), noon()) };
    let errors = [by(&gone, report("a"), noon()), by(&d, report("b"), noon()), no_device];
    assert_eq!(error_groups::fold(&mut conn, &errors)?, [false, true, true]);
    assert_eq!(total(&mut conn), 2);
    Ok(())
}

#[tokio::test]
async fn who_is_bound_to_sites_sees_their_devices_and_what_it_logged_itself() {
    let (database, d) = with_device("d").await;
    let mut conn = database.connect();
    let e = enrolled(&mut conn, "e", "site-2");
    let own = |name: &str| Some(OperatorName::parse(name).unwrap());
    let logged = |name: &str| NewError { device: None, operator: own(name), ..by(&d, report("mine"), noon()) };
    let errors = [by(&d, report("a"), noon()), by(&e, report("b"), noon()), logged("ann"), logged("bob")];
    error_groups::fold(&mut conn, &errors).unwrap();
    let ann = Seen { scope: SiteScope::Only(vec![site_id("site-1")]), operator: own("ann").unwrap() };
    let mut seen: Vec<_> = listed(&mut conn, &ann, &ErrorFilter::default())
        .into_iter()
        .map(|group| (group.newest.message, group.operator))
        .collect();
    seen.sort();
    assert_eq!(seen, [("a".to_owned(), None), ("mine".to_owned(), own("ann"))]);
    let filter = ErrorFilter { device_id: Some(e.device_id.clone()), ..Default::default() };
    assert_eq!(listed(&mut conn, &ann, &filter), []);
    assert_eq!(listed(&mut conn, &everything(), &filter).len(), 1);
    let filter = ErrorFilter { site_id: Some(site_id("site-2")), ..Default::default() };
    assert_eq!(listed(&mut conn, &everything(), &filter)[0].newest.message, "b");
}

#[derive(QueryableByName)]
struct Rows {
    #[diesel(sql_type = diesel::sql_types::BigInt)]
    rows: i64,
}

fn rows(conn: &mut PgConnection, table: &str) -> i64 {
    sql_query(format!("SELECT count(*) AS rows FROM {table}")).get_result::<Rows>(conn).unwrap().rows
}

#[tokio::test]
async fn what_has_expired_goes_and_what_has_not_stays() -> Result<(), StoreError> {
    let (database, d) = with_device("d").await;
    let mut conn = database.connect();
    let now = noon();
    error_groups::fold(&mut conn, &[by(&d, report("a"), now)])?;
    let retention = Retention::default();
    let after = |days| now + TimeDelta::days(days);
    for (day, errors, reporters) in [(0, 1, 1), (1, 1, 0), (89, 1, 0), (98, 0, 0)] {
        maintenance::run_at(&mut conn, after(day), &retention)?.unwrap();
        assert_eq!((rows(&mut conn, "error_groups"), rows(&mut conn, "error_reporters")), (errors, reporters), "{day}");
    }
    Ok(())
}

#[tokio::test]
async fn activity_is_kept_for_a_month_by_default() -> Result<(), StoreError> {
    let database = TestDatabase::new().await;
    let mut conn = database.connect();
    let now = noon();
    sql_query(
        "INSERT INTO user_activities (at, activity_type, source, operator) VALUES (now(), 'click', 'real', 'ann')",
    )
    .execute(&mut conn)?;
    for (day, kept) in [(29, 1), (38, 0)] {
        maintenance::run_at(&mut conn, now + TimeDelta::days(day), &Retention::default())?.unwrap();
        assert_eq!(rows(&mut conn, "user_activities"), kept, "{day}");
    }
    Ok(())
}
