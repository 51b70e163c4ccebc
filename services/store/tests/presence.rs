//! When devices came and went: every transition, devices that do so all the time, machines that share a key, and the
//! keeper of silence.

use std::{collections::HashMap, time::Duration};

use diesel::{RunQueryDsl, connection::SimpleConnection, sql_query};
use homepot::model::{
    BySource, DeviceChange, DeviceSelection, DeviceStatus, LabelSelector, Labels, Presence, SiteScope, StateCause,
    StateChange,
};
use homepot_store::{
    PgConnection, device_keys,
    devices::{self, DeviceFilter, Matching},
    horizon::horizon,
    sessions::{self, Kept, Touch},
    states,
};

use crate::fixture::*;

fn presence(conn: &mut PgConnection, id: &str) -> Presence {
    devices::find(conn, &device_id(id)).unwrap().unwrap().presence
}

fn one_real() -> BySource {
    BySource { real: 1, simulated: 0 }
}

/// Oldest first.
fn history(conn: &mut PgConnection, pk: i64) -> Vec<StateChange> {
    let mut changes = all_pages(3, |page| states::list(conn, pk, (None, None), page).unwrap());
    changes.reverse();
    changes
}

fn causes(conn: &mut PgConnection, pk: i64) -> Vec<StateCause> {
    history(conn, pk).iter().map(|change| change.cause).collect()
}

fn begin(conn: &mut PgConnection, pk: i64, boot_id: &str) -> i64 {
    crate::fixture::begin(conn, pk, &hello(boot_id)).unwrap()
}

fn end(conn: &mut PgConnection, pk: i64, epoch: i64) {
    assert!(sessions::end(conn, pk, epoch, StateCause::Detached, "its stream ended").unwrap());
}

fn touch(conn: &mut PgConnection, pk: i64, epoch: Option<i64>) -> usize {
    sessions::touch(conn, &[Touch { pk, epoch, age: Duration::ZERO, heartbeat: HEARTBEAT }]).unwrap()
}

fn version(conn: &mut PgConnection, id: &str) -> i64 {
    let filter = DeviceSelection { device_ids: [device_id(id)].into(), ..DeviceSelection::all(SiteScope::All) };
    devices::watched(conn, &filter, None, &page(1, None), usize::MAX).unwrap().items[0].version
}

#[tokio::test]
async fn each_way_to_come_and_to_go_is_recorded_once_with_its_cause() {
    let (database, d) = with_device("d").await;
    let mut conn = database.connect();
    assert_eq!(presence(&mut conn, "d").status_since(), None);
    let first = begin(&mut conn, d.pk, "boot");
    end(&mut conn, d.pk, first);
    // A repeat and an older session record nothing; neither does being heard while online.
    end(&mut conn, d.pk, first);
    assert_eq!(touch(&mut conn, d.pk, None), 1);
    assert_eq!(touch(&mut conn, d.pk, None), 0);
    let second = begin(&mut conn, d.pk, "boot");
    assert_eq!(touch(&mut conn, d.pk, Some(second)), 0);
    pass(&mut conn, d.pk, 30);
    assert_eq!(sessions::keep(&mut conn).unwrap(), Kept { silent: one_real(), ..Kept::default() });
    assert!(!sessions::keep(&mut conn).unwrap().any());
    assert_eq!(touch(&mut conn, d.pk, Some(second)), 1);

    let told: Vec<_> = history(&mut conn, d.pk)
        .into_iter()
        .map(|change| (change.status, change.cause, change.session_epoch))
        .collect();
    let (online, offline) = (DeviceStatus::Online, DeviceStatus::Offline);
    assert_eq!(
        told,
        [
            (online, StateCause::Attached, 1),
            (offline, StateCause::Detached, 1),
            (online, StateCause::Heard, 1),
            (offline, StateCause::Silent, 2),
            (online, StateCause::Heard, 2),
        ]
    );
    let presence = presence(&mut conn, "d");
    assert_eq!(presence.status(), online);
    assert_eq!(presence.status_since(), history(&mut conn, d.pk).last().map(|change| change.at));
}

#[tokio::test]
async fn silence_is_dated_to_the_moment_it_became_too_long_before_and_after_it_is_recorded() {
    let (database, d) = with_device("d").await;
    let mut conn = database.connect();
    begin(&mut conn, d.pk, "boot");
    pass(&mut conn, d.pk, 100);
    let before = presence(&mut conn, "d");
    assert_eq!(before.status(), DeviceStatus::Offline);
    let silent_at = before.last_seen_at.unwrap() + HEARTBEAT * 5 / 2;
    assert_eq!(before.status_since(), Some(silent_at));
    sessions::keep(&mut conn).unwrap();
    assert_eq!(presence(&mut conn, "d").status_since(), Some(silent_at));
    assert_eq!(history(&mut conn, d.pk).last().unwrap().at, silent_at);
}

#[tokio::test]
async fn a_silence_that_began_long_before_the_server_came_back_is_recorded_all_the_same() {
    let (database, d) = with_device("d").await;
    let mut conn = database.connect();
    begin(&mut conn, d.pk, "boot");
    pass(&mut conn, d.pk, 200 * 24 * 3600);
    assert_eq!(sessions::keep(&mut conn).unwrap().silent, one_real());
    assert!(causes(&mut conn, d.pk).contains(&StateCause::Silent));
}

#[tokio::test]
async fn a_device_that_comes_and_goes_all_the_time_is_counted_told_seldom_and_settles() {
    let (database, d) = with_device("d").await;
    let mut conn = database.connect();
    // Three times there and back, and once more there: the seventh change.
    for _ in 0..3 {
        let epoch = begin(&mut conn, d.pk, "boot");
        end(&mut conn, d.pk, epoch);
    }
    assert!(!presence(&mut conn, "d").flapping);
    let mut epoch = begin(&mut conn, d.pk, "boot");
    assert!(presence(&mut conn, "d").flapping);
    let flapping = history(&mut conn, d.pk).pop().unwrap();
    assert_eq!(
        (flapping.cause, flapping.flapping, flapping.status),
        (StateCause::Flapping, true, DeviceStatus::Online)
    );

    let told = version(&mut conn, "d");
    for _ in 0..5 {
        end(&mut conn, d.pk, epoch);
        // What is true shows, though nobody is told.
        assert_eq!(presence(&mut conn, "d").status(), DeviceStatus::Offline);
        epoch = begin(&mut conn, d.pk, "boot");
        assert_eq!(presence(&mut conn, "d").status(), DeviceStatus::Online);
    }
    assert_eq!((causes(&mut conn, d.pk).len(), version(&mut conn, "d")), (7, told));
    assert!(!sessions::keep(&mut conn).unwrap().any(), "not yet");
    pass(&mut conn, d.pk, 20);
    assert!(!sessions::keep(&mut conn).unwrap().any(), "not yet");
    touch(&mut conn, d.pk, Some(epoch));
    pass(&mut conn, d.pk, 11);
    assert_eq!(sessions::keep(&mut conn).unwrap(), Kept { told: 1, ..Kept::default() });
    assert!(version(&mut conn, "d") > told);

    // Calm for a quarter of an hour, and heard all the while.
    pass(&mut conn, d.pk, 16 * 60);
    touch(&mut conn, d.pk, Some(epoch));
    assert_eq!(sessions::keep(&mut conn).unwrap(), Kept { settled: 1, ..Kept::default() });
    let settled = history(&mut conn, d.pk).pop().unwrap();
    assert_eq!((settled.cause, settled.flapping, settled.changes_not_shown), (StateCause::Settled, false, 10));
    assert_eq!(settled.status, DeviceStatus::Online);
    assert!(!presence(&mut conn, "d").flapping);
    // And the next change is one like any other.
    end(&mut conn, d.pk, epoch);
    assert_eq!(history(&mut conn, d.pk).pop().unwrap().cause, StateCause::Detached);
}

#[tokio::test]
async fn machines_that_take_a_session_from_one_another_are_found_out_and_forgotten_when_they_stop() {
    let (database, d) = with_device("d").await;
    let mut conn = database.connect();
    begin(&mut conn, d.pk, "a");
    begin(&mut conn, d.pk, "b");
    begin(&mut conn, d.pk, "a");
    assert_eq!(presence(&mut conn, "d").contested_since, None);
    let epoch = begin(&mut conn, d.pk, "b");
    assert!(presence(&mut conn, "d").contested_since.is_some());
    assert!(sessions::standing(&mut conn, &[(d.pk, "hpd_AAAAAAAA")]).unwrap()[0].contested);
    begin(&mut conn, d.pk, "a");
    assert_eq!(causes(&mut conn, d.pk), [StateCause::Attached, StateCause::Contested]);
    let entry = history(&mut conn, d.pk).pop().unwrap();
    assert_eq!(entry.session_epoch, epoch);
    assert!(entry.detail.contains("two use its key"), "{}", entry.detail);

    pass(&mut conn, d.pk, 20 * 60);
    touch(&mut conn, d.pk, None);
    let told = version(&mut conn, "d");
    assert_eq!(sessions::keep(&mut conn).unwrap().calm, 1);
    assert_eq!(presence(&mut conn, "d").contested_since, None);
    assert!(version(&mut conn, "d") > told);
}

#[tokio::test]
async fn a_device_that_comes_back_by_itself_takes_nothing_from_anybody() {
    let (database, d) = with_device("d").await;
    let mut conn = database.connect();
    // The same boot after a cable was pulled; another boot after a clean end; another boot after silence; a poller.
    for round in 0..10 {
        begin(&mut conn, d.pk, "a");
        let epoch = begin(&mut conn, d.pk, "a");
        end(&mut conn, d.pk, epoch);
        begin(&mut conn, d.pk, &format!("b{round}"));
        pass(&mut conn, d.pk, 26);
        let epoch = begin(&mut conn, d.pk, &format!("c{round}"));
        end(&mut conn, d.pk, epoch);
        touch(&mut conn, d.pk, None);
    }
    assert_eq!(presence(&mut conn, "d").contested_since, None);
}

#[tokio::test]
async fn two_keepers_at_once_record_each_silence_once_and_find_all_of_a_large_fleet() {
    let (database, _) = with_device("d").await;
    let mut conn = database.connect();
    conn.batch_execute(
        "INSERT INTO devices (device_id, site_id, name, device_type, source)
            SELECT 'till-' || n, 'site-1', 'till', 'pos_terminal', 'simulated' FROM generate_series(1, 2500) n;
        INSERT INTO sessions (device, session_epoch, last_seen_at, attached_at, heartbeat_ms, status, status_since)
            SELECT device, 1, now() - interval '1 minute', now(), 10000, 'online', now()
            FROM devices WHERE device_id <> 'd'",
    )
    .unwrap();
    let kept = at_once(database.store(), 2, |_| |conn: &mut PgConnection| sessions::keep(conn)).await;
    // Who passes over what the other has locked may end first; what is left is found by the next round.
    let later = sessions::keep(&mut conn).unwrap();
    assert_eq!(kept.iter().chain([&later]).map(|kept| kept.silent.simulated).sum::<u64>(), 2_500);
    let entered = sql_query("SELECT 1 FROM device_states WHERE cause = 'silent'").execute(&mut conn).unwrap();
    let devices = sql_query("SELECT DISTINCT device FROM device_states").execute(&mut conn).unwrap();
    assert_eq!((entered, devices), (2_500, 2_500));
    assert!(!sessions::keep(&mut conn).unwrap().any());
}

#[tokio::test]
async fn a_change_and_its_record_are_one_transaction() {
    let (database, d) = with_device("d").await;
    let mut conn = database.connect();
    // The history can't be written: then nothing happened.
    conn.batch_execute("ALTER TABLE device_states ADD CONSTRAINT no CHECK (cause <> 'attached')").unwrap();
    assert!(crate::fixture::begin(&mut conn, d.pk, &hello("b")).is_err());
    let presence = presence(&mut conn, "d");
    assert_eq!((presence.session_epoch, presence.status()), (0, DeviceStatus::Unknown));
}

#[tokio::test]
async fn a_watch_sees_what_changed_of_record_and_presence_and_a_heartbeat_is_no_change() {
    let (database, d) = with_device("d").await;
    let mut conn = database.connect();
    let mut last = version(&mut conn, "d");
    let mut grew = |conn: &mut PgConnection| {
        let before = std::mem::replace(&mut last, version(conn, "d"));
        last > before
    };
    let since = horizon(&mut conn).unwrap();
    let epoch = begin(&mut conn, d.pk, "b");
    assert!(grew(&mut conn), "attached");
    touch(&mut conn, d.pk, Some(epoch));
    assert!(!grew(&mut conn), "heard");
    begin(&mut conn, d.pk, "b");
    assert!(grew(&mut conn), "a session after the other");
    let change = DeviceChange { maintenance: Some(true), ..DeviceChange::default() };
    devices::update(&mut conn, &device_id("d"), &change).unwrap().unwrap();
    assert!(grew(&mut conn), "marked");
    device_keys::revoke_all(&mut conn, &device_id("d")).unwrap();
    assert!(grew(&mut conn), "shut out");

    let changed = devices::changed_since(&mut conn, since, usize::MAX).unwrap().unwrap();
    assert_eq!(changed.iter().map(|watched| watched.device.device_id.as_str()).collect::<Vec<_>>(), ["d"]);
    let filter = DeviceSelection { site_id: Some(site_id("site-1")), ..DeviceSelection::all(SiteScope::All) };
    let now = presence(&mut conn, "d").read_at;
    pass(&mut conn, d.pk, 60);
    assert!(devices::watched(&mut conn, &filter, Some(now), &page(10, None), usize::MAX).unwrap().items.is_empty());
    let elsewhere = DeviceSelection { scope: SiteScope::Only(vec![]), ..filter.clone() };
    assert!(devices::watched(&mut conn, &elsewhere, None, &page(10, None), usize::MAX).unwrap().items.is_empty());
}

fn labels(pairs: &[(&str, &str)]) -> Labels {
    pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

#[tokio::test]
async fn labels_replace_one_another_and_a_selector_finds_what_the_model_says_it_matches() {
    let (database, d) = with_device("none").await;
    let mut conn = database.connect();
    let mut fleet = HashMap::from([("none".to_owned(), Labels::new())]);
    for (id, site, marks) in [
        ("till", "s", labels(&[("kind", "till"), ("ring", "canary")])),
        ("quoted", "s", labels(&[("kind", "till"), ("site/row", "2"), ("empty", "")])),
        ("server", "other", labels(&[("kind", "server"), ("ring", "late")])),
    ] {
        enrolled(&mut conn, id, site);
        for labels in [labels(&[("first", "gone")]), marks.clone()] {
            let change = DeviceChange { labels: Some(labels.clone()), ..DeviceChange::default() };
            let device = devices::update(&mut conn, &device_id(id), &change).unwrap().unwrap();
            assert_eq!(device.labels, labels);
        }
        fleet.insert(id.to_owned(), marks);
    }
    // A change of something else leaves them.
    let change = DeviceChange { name: Some("x".to_owned()), ..DeviceChange::default() };
    assert_eq!(devices::update(&mut conn, &device_id("till"), &change).unwrap().unwrap().labels, fleet["till"]);

    for text in [
        "kind=till",
        "kind!=till",
        "kind",
        "!kind",
        "ring in (canary, late)",
        "ring notin (canary)",
        "empty=",
        "site/row=2, kind=till",
        "kind=till, ring",
        "first",
        "kind in (till, server), !empty",
    ] {
        let selector = LabelSelector::parse("s", text).unwrap().unwrap();
        let mut expected: Vec<_> =
            fleet.iter().filter(|(_, labels)| selector.matches(labels)).map(|(id, _)| id.clone()).collect();
        expected.sort_unstable();
        let found = devices::matching(&mut conn, &DeviceSelection::all(SiteScope::All), Some(&selector)).unwrap();
        assert_eq!(found.iter().map(|device| device.device_id.to_string()).collect::<Vec<_>>(), expected, "{text}");
        let selection = DeviceSelection::all(SiteScope::All);
        let matching = Matching { selector: Some(selector.clone()), ..Matching::default() };
        let filter = DeviceFilter { matching, ..DeviceFilter::of(selection) };
        let listed = all_pages(1, |page| devices::list(&mut conn, &filter, page).unwrap());
        assert_eq!(listed.iter().map(|device| device.device_id.to_string()).collect::<Vec<_>>(), expected, "{text}");
    }
    let till = LabelSelector::parse("s", "kind").unwrap().unwrap();
    let mut of = |scope: &SiteScope, site: Option<&str>| {
        let selection = DeviceSelection { site_id: site.map(site_id), ..DeviceSelection::all(scope.clone()) };
        devices::matching(&mut conn, &selection, Some(&till)).unwrap().len()
    };
    assert_eq!(of(&SiteScope::All, Some("s")), 2);
    assert_eq!(of(&SiteScope::Only(vec![site_id("other")]), None), 1);
    assert_eq!(of(&SiteScope::Only(vec![site_id("other")]), Some("s")), 0);
    drop(d);
}
