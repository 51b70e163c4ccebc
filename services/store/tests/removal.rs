//! Simulated devices: taken over by real ones, and removed as a set.

use chrono::{TimeDelta, Utc};
use diesel::{
    Connection as _, QueryableByName, RunQueryDsl,
    connection::SimpleConnection as _,
    sql_query,
    sql_types::{BigInt, Text},
};
use homepot::model::{
    DeviceChange, DeviceSelection, DeviceSource, DeviceStatus, LabelSelector, Labels, Loss, LossReason, PageRequest,
    RunId, RunOrder, RunState, Sample, SiteScope, StateCause, Target, Whom,
};
use homepot_store::{
    PgConnection, StoreError,
    devices::{self, DeviceRef, Enrolled, NewDevice, RemovalFilter},
    losses, maintenance,
    maintenance::Retention,
    runs,
    samples::{self, Expected, NewSample},
    sessions, sites, states,
    test_support::TestDatabase,
};

use crate::fixture::*;

pub(crate) fn simulated(id: &str, site: &str) -> NewDevice {
    NewDevice { source: DeviceSource::Simulated, ..new_device(id, site) }
}

fn labels(pairs: &[(&str, &str)]) -> Labels {
    pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

fn sample(pk: i64, ago: TimeDelta) -> NewSample {
    NewSample { device: pk, sample: Sample { cpu_percent: Some(1.0), ..Sample::empty(Utc::now() - ago) } }
}

/// A device with a row of everything.
pub(crate) fn full(conn: &mut PgConnection, new: &NewDevice) -> DeviceRef {
    sites::insert(conn, &new_site(new.enrollment.site_id.as_str())).unwrap();
    assert!(matches!(devices::enroll(conn, new).unwrap(), Enrolled::Device(_)));
    let device = devices::find_ref(conn, &new.enrollment.device_id).unwrap().unwrap();
    let epoch = begin(conn, device.pk, &hello("boot")).unwrap();
    sessions::end(conn, device.pk, epoch, StateCause::Detached, "gone").unwrap();
    let now = Utc::now();
    let measured = [TimeDelta::days(2), TimeDelta::hours(2), TimeDelta::zero()].map(|ago| sample(device.pk, ago));
    samples::write(conn, &measured, now, Expected::New).unwrap();
    let loss = Loss { start: now, end: now, samples: 1, reason: LossReason::SpoolFull };
    losses::insert(conn, device.pk, &loss, now).unwrap();
    queue_this(conn, device.pk, new_command(new.enrollment.device_id.as_str(), "PING"));
    conn.batch_execute(&format!("INSERT INTO rollup_late VALUES ({}, now())", device.pk)).unwrap();
    device
}

#[derive(QueryableByName)]
struct Named {
    #[diesel(sql_type = Text)]
    name: String,
}

#[derive(QueryableByName)]
struct Counted {
    #[diesel(sql_type = BigInt)]
    count: i64,
}

/// Every table that has rows of devices, whichever they are, with its count for this one.
pub(crate) fn rows_of(conn: &mut PgConnection, pk: i64) -> Vec<(String, i64)> {
    let tables: Vec<Named> = sql_query(
        "SELECT c.relname::text AS name FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'device' \
        WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition \
        AND c.relname <> 'removed_devices' ORDER BY 1",
    )
    .load(conn)
    .unwrap();
    let count = |Named { name }| {
        let query = format!("SELECT count(*) FROM {name} WHERE device = {pk}");
        let counted: Counted = sql_query(query).get_result(conn).unwrap();
        (name, counted.count)
    };
    tables.into_iter().map(count).collect()
}

pub(crate) fn is_empty(conn: &mut PgConnection, pk: i64) -> bool {
    rows_of(conn, pk).into_iter().all(|(table, count)| {
        assert_eq!(count, 0, "{table}");
        true
    })
}

fn roll_up(conn: &mut PgConnection) {
    // The window that the oldest sample lies in was passed when the database was made.
    let back = "date_bin('1 day', now() - interval '3 days', 'epoch')";
    conn.batch_execute(&format!("UPDATE rollup_progress SET rolled_to = {back}, claimed_to = {back}")).unwrap();
    while maintenance::run_at(conn, Utc::now(), &Retention::default()).unwrap().unwrap().more {}
}

fn filter(selector: &str) -> RemovalFilter {
    let selector = LabelSelector::parse("label_selector", selector).unwrap();
    RemovalFilter { scope: SiteScope::All, site_ids: Vec::new(), selector }
}

fn remove(conn: &mut PgConnection, filter: &RemovalFilter) -> usize {
    while devices::shut_out_simulated(conn, filter).unwrap() > 0 {}
    std::iter::from_fn(|| devices::remove_simulated(conn, filter).unwrap()).sum()
}

#[tokio::test]
async fn a_real_device_takes_a_simulated_ones_id_over_and_nothing_of_that_one_is_left() {
    let database = TestDatabase::new().await;
    let mut conn = database.connect();
    let neighbour = full(&mut conn, &new_device("neighbour", "s"));
    let of_simulator = labels(&[("fleet", "load"), ("ring", "early")]);
    let old = full(&mut conn, &NewDevice { labels: of_simulator.clone(), ..simulated("d", "s") });
    // An operator changes one of the simulator's labels and adds one.
    let by_operator = labels(&[("fleet", "load"), ("ring", "late"), ("kind", "till")]);
    let change = DeviceChange { labels: Some(by_operator), ..DeviceChange::default() };
    devices::update(&mut conn, &device_id("d"), &change).unwrap();
    roll_up(&mut conn);
    let neighbours = rows_of(&mut conn, neighbour.pk);
    assert!(neighbours.iter().any(|(table, count)| table == "rollup_1m" && *count > 0), "{neighbours:?}");

    let real = NewDevice {
        key: new_secret("hpd_REAL", "hash"),
        labels: labels(&[("owner", "shop"), ("ring", "token's")]),
        ..new_device("d", "s")
    };
    let Enrolled::TookOver(device) = devices::enroll(&mut conn, &real).unwrap() else { panic!("not taken over") };
    assert_eq!(device.source, DeviceSource::Real);
    assert_eq!(device.labels, labels(&[("kind", "till"), ("owner", "shop"), ("ring", "late")]));
    let new = devices::find_ref(&mut conn, &device_id("d")).unwrap().unwrap();
    assert_ne!(new.pk, old.pk);
    assert!(is_empty(&mut conn, old.pk));
    assert_eq!(rows_of(&mut conn, neighbour.pk), neighbours);
    assert!(credential(&mut conn, "d", "hpd_AAAAAAAA").unwrap().key.is_none());

    let history = states::list(&mut conn, new.pk, (None, None), &page(10, None)).unwrap().items;
    let [first] = &history[..] else { panic!("{history:?}") };
    assert_eq!((first.status, first.cause), (DeviceStatus::Unknown, StateCause::TookOver));
    assert!(first.detail.contains("took over"), "{}", first.detail);
}

#[tokio::test]
async fn who_watches_takes_the_real_device_for_the_newer_one() {
    let database = TestDatabase::new().await;
    let mut conn = database.connect();
    full(&mut conn, &simulated("d", "s"));
    let since = Utc::now() - TimeDelta::minutes(1);
    let version = |conn: &mut _| devices::changed_since(conn, since, usize::MAX).unwrap().unwrap()[0].version;
    let before = version(&mut conn);
    devices::enroll(&mut conn, &new_device("d", "s")).unwrap();
    assert!(version(&mut conn) > before);
}

#[tokio::test]
async fn nothing_else_takes_over_a_device() {
    let database = TestDatabase::new().await;
    let mut conn = database.connect();
    full(&mut conn, &simulated("simulated", "s"));
    full(&mut conn, &new_device("real", "s"));
    sites::insert(&mut conn, &new_site("elsewhere")).unwrap();
    for (new, why) in [
        (simulated("simulated", "s"), "a simulated one a simulated one"),
        (simulated("real", "s"), "a simulated one a real one"),
        (new_device("real", "s"), "a real one a real one"),
    ] {
        assert_eq!(devices::enroll(&mut conn, &new).unwrap(), Enrolled::Taken, "{why}");
    }
    let of_another_site = devices::enroll(&mut conn, &new_device("simulated", "elsewhere")).unwrap();
    assert_eq!(of_another_site, Enrolled::TakenElsewhere);
    // Nor does one whose token has no use left, and what it would have taken over stays.
    homepot_store::enrollment_tokens::insert(&mut conn, &new_token("hpe_one", "s", 1)).unwrap();
    let spends = |id: &str| NewDevice { token_id: Some("hpe_one".to_owned()), ..new_device(id, "s") };
    assert!(matches!(devices::enroll(&mut conn, &spends("other")).unwrap(), Enrolled::Device(_)));
    assert_eq!(devices::enroll(&mut conn, &spends("simulated")).unwrap(), Enrolled::TokenSpent);
    let left = devices::find(&mut conn, &device_id("simulated")).unwrap().unwrap();
    assert_eq!(left.source, DeviceSource::Simulated);
}

#[tokio::test]
async fn of_real_devices_that_take_over_at_once_one_does() {
    let database = TestDatabase::new().await;
    full(&mut database.connect(), &simulated("d", "s"));
    let answers = at_once(database.store(), 8, |_| |conn: &mut _| devices::enroll(conn, &new_device("d", "s"))).await;
    assert_eq!(answers.iter().filter(|answer| matches!(answer, Enrolled::TookOver(_))).count(), 1);
    assert_eq!(answers.iter().filter(|answer| **answer == Enrolled::Taken).count(), 7);
}

#[tokio::test]
async fn what_comes_late_of_a_device_that_was_taken_over_is_refused_or_leaves_nothing() {
    let database = TestDatabase::new().await;
    let mut conn = database.connect();
    let old = full(&mut conn, &simulated("d", "s"));
    let epoch = begin(&mut conn, old.pk, &hello("boot")).unwrap();
    devices::enroll(&mut conn, &new_device("d", "s")).unwrap();

    for expected in [Expected::New, Expected::Repeats] {
        let late = samples::write(&mut conn, &[sample(old.pk, TimeDelta::hours(1))], Utc::now(), expected);
        assert!(late.is_err_and(|error| error.is_about_data()));
    }
    let now = Utc::now();
    let loss = Loss { start: now, end: now, samples: 1, reason: LossReason::SpoolFull };
    losses::insert(&mut conn, old.pk, &loss, now).unwrap();
    assert!(!sessions::end(&mut conn, old.pk, epoch, StateCause::Detached, "late").unwrap());
    assert!(begin(&mut conn, old.pk, &hello("boot")).is_err());
    assert!(sessions::standing(&mut conn, &[(old.pk, "hpd_AAAAAAAA")]).unwrap().is_empty());
    assert!(is_empty(&mut conn, old.pk));
}

/// The takeover begins while a batch of the simulator is written, and is held up until that is committed.
#[tokio::test(flavor = "multi_thread")]
async fn a_batch_that_is_under_way_when_its_device_is_taken_over_leaves_nothing() {
    let database = TestDatabase::new().await;
    let mut conn = database.connect();
    let old = full(&mut conn, &simulated("d", "s"));
    let store = database.store().clone();
    let mut taking = None;
    let mut batch = database.connect();
    batch
        .transaction::<_, StoreError, _>(|batch| {
            samples::write(batch, &[sample(old.pk, TimeDelta::seconds(-1))], Utc::now(), Expected::New)?;
            taking = Some(tokio::spawn(async move {
                store.run("enroll", |conn| devices::enroll(conn, &new_device("d", "s"))).await
            }));
            // Until it waits for this transaction.
            let waits = "SELECT count(*) FROM pg_locks WHERE NOT granted AND pid IN \
                (SELECT pid FROM pg_stat_activity WHERE datname = current_database())";
            tokio::task::block_in_place(|| {
                loop {
                    let waiting: Counted = sql_query(waits).get_result(&mut conn)?;
                    if waiting.count > 0 {
                        return Ok::<_, StoreError>(());
                    }
                    std::thread::yield_now();
                }
            })
        })
        .unwrap();
    assert!(matches!(taking.unwrap().await.unwrap().unwrap(), Enrolled::TookOver(_)));
    assert!(is_empty(&mut conn, old.pk));
}

#[tokio::test]
async fn a_rollup_that_was_under_way_when_its_device_was_removed_is_cleared_away_by_the_next_round() {
    let database = TestDatabase::new().await;
    let mut conn = database.connect();
    let old = full(&mut conn, &simulated("d", "s"));
    assert_eq!(remove(&mut conn, &filter("")), 1);
    conn.batch_execute(&format!("INSERT INTO rollup_1m (device, bucket) VALUES ({}, now())", old.pk)).unwrap();
    maintenance::run_at(&mut conn, Utc::now(), &Retention::default()).unwrap().unwrap();
    assert!(is_empty(&mut conn, old.pk));
    // Who watched it and comes back is told, for a month.
    let told = |conn: &mut PgConnection| {
        let gone = devices::removed_since(conn, Utc::now() - TimeDelta::days(40)).unwrap();
        gone.into_iter().map(|removed| removed.device_id.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(told(&mut conn), ["d"]);
    for (days, remembered) in [(29, 1), (30, 1), (32, 0)] {
        let later = Utc::now() + TimeDelta::days(days);
        maintenance::run_at(&mut conn, later, &Retention::default()).unwrap().unwrap();
        assert_eq!(told(&mut conn).len(), remembered, "after {days} days");
    }
}

#[tokio::test]
async fn a_viewer_that_was_away_is_told_of_what_it_saw_and_is_gone_page_by_page() {
    let database = TestDatabase::new().await;
    let mut conn = database.connect();
    for (id, site) in [("a", "s"), ("b", "s"), ("c", "s"), ("z", "elsewhere")] {
        full(&mut conn, &simulated(id, site));
    }
    let before = Utc::now() - TimeDelta::minutes(1);
    assert_eq!(remove(&mut conn, &filter("")), 4);
    // One comes back, and goes once more.
    let again = full(&mut conn, &simulated("b", "s"));
    let back = devices::changed_since(&mut conn, before, usize::MAX).unwrap().unwrap().pop().unwrap();
    let first = devices::removed_since(&mut conn, before).unwrap();
    assert!(first.iter().all(|removed| removed.version < back.version), "what came later is newer: {first:?}");
    assert_eq!(remove(&mut conn, &filter("")), 1);
    assert!(is_empty(&mut conn, again.pk));

    let of = |scope, source| DeviceSelection { source, ..DeviceSelection::all(scope) };
    let told = |conn: &mut PgConnection, filter: &DeviceSelection, since| {
        let (mut ids, mut after) = (Vec::new(), None);
        loop {
            let page = devices::removed(conn, filter, since, &PageRequest { size: 2, after }).unwrap();
            ids.extend(page.items.into_iter().map(|removed| (removed.device_id.to_string(), removed.version)));
            after = page.next;
            if after.is_none() {
                return ids;
            }
        }
    };
    let all = told(&mut conn, &of(SiteScope::All, None), before);
    assert_eq!(all.iter().map(|(id, _)| id.as_str()).collect::<Vec<_>>(), ["a", "b", "c", "z"]);
    assert!(all[1].1 > back.version, "the last time counts");
    let ours = SiteScope::Only(vec!["s".parse().unwrap()]);
    assert_eq!(told(&mut conn, &of(ours, Some(DeviceSource::Simulated)), before).len(), 3);
    assert_eq!(told(&mut conn, &of(SiteScope::All, Some(DeviceSource::Real)), before), []);
    let mut one = of(SiteScope::All, None);
    one.device_ids = ["c".parse().unwrap()].into();
    assert_eq!(told(&mut conn, &one, before).len(), 1);
    assert_eq!(told(&mut conn, &of(SiteScope::All, None), Utc::now() + TimeDelta::minutes(1)), []);
}

#[tokio::test]
async fn simulated_devices_are_removed_as_a_set_and_real_ones_never() {
    let database = TestDatabase::new().await;
    let mut conn = database.connect();
    let marked = labels(&[("fleet", "load")]);
    let real = full(&mut conn, &NewDevice { labels: marked.clone(), ..new_device("real", "s") });
    let rows = rows_of(&mut conn, real.pk);
    // More than go in one transaction.
    for number in 0..30 {
        sites::insert(&mut conn, &new_site("s")).unwrap();
        let new = NewDevice { labels: marked.clone(), ..simulated(&format!("sim-{number}"), "s") };
        assert!(matches!(devices::enroll(&mut conn, &new).unwrap(), Enrolled::Device(_)));
    }
    let other_fleet = full(&mut conn, &simulated("unmarked", "s"));
    let elsewhere = full(&mut conn, &NewDevice { labels: marked, ..simulated("elsewhere", "elsewhere") });

    let of_site = RemovalFilter { site_ids: vec![site_id("s")], ..filter("fleet=load") };
    let out_of_reach = RemovalFilter { scope: SiteScope::Only(vec![site_id("elsewhere")]), ..of_site.clone() };
    assert_eq!(remove(&mut conn, &out_of_reach), 0);
    assert_eq!(remove(&mut conn, &of_site), 30);
    assert_eq!(remove(&mut conn, &of_site), 0);
    assert!(rows_of(&mut conn, other_fleet.pk).iter().any(|(table, count)| table == "samples" && *count == 3));
    assert_eq!(remove(&mut conn, &filter("")), 2);
    assert!(is_empty(&mut conn, other_fleet.pk) && is_empty(&mut conn, elsewhere.pk));
    assert_eq!(rows_of(&mut conn, real.pk), rows);
    assert!(devices::find(&mut conn, &device_id("real")).unwrap().unwrap().active);
}

#[tokio::test]
async fn a_removal_that_died_half_way_is_done_with_by_another() {
    let database = TestDatabase::new().await;
    let mut conn = database.connect();
    sites::insert(&mut conn, &new_site("s")).unwrap();
    for number in 0..30 {
        devices::enroll(&mut conn, &simulated(&format!("sim-{number}"), "s")).unwrap();
    }
    let all = filter("");
    assert_eq!(devices::shut_out_simulated(&mut conn, &all).unwrap(), 30);
    let first = devices::remove_simulated(&mut conn, &all).unwrap().unwrap();
    assert!(first < 30);
    assert_eq!(first + remove(&mut conn, &all), 30);
}

#[tokio::test]
async fn a_run_goes_on_without_the_devices_that_were_removed_and_completes() {
    let database = TestDatabase::new().await;
    let mut conn = database.connect();
    sites::insert(&mut conn, &new_site("s")).unwrap();
    for number in 0..3 {
        devices::enroll(&mut conn, &simulated(&format!("sim-{number}"), "s")).unwrap();
    }
    let order = RunOrder {
        target: Target {
            whom: Whom::Matching { site_id: Some(site_id("s")), selector: None },
            source: Some(DeviceSource::Simulated),
        },
        command_type: homepot::model::CommandType::parse("PING").unwrap(),
        payload: None,
        max_in_flight: 1,
        max_failures: 0,
        time_to_live: std::time::Duration::from_secs(600),
        run_timeout: std::time::Duration::from_secs(60),
        idempotency_key: None,
        description: None,
    };
    let run_id = RunId(uuid::Uuid::now_v7());
    runs::insert(&mut conn, run_id, &order, &starter("admin"), |_| None).unwrap();
    runs::advance(&mut conn).unwrap();
    assert_eq!(remove(&mut conn, &filter("")), 3);
    runs::advance(&mut conn).unwrap();
    assert_eq!(runs::find(&mut conn, run_id, &SiteScope::All).unwrap().unwrap().state, RunState::Completed);
}
