//! Devices and sites that are removed for good, with their history or without.

use chrono::{TimeDelta, Utc};
use homepot::model::{
    CommandState, DeviceChange, DeviceSelection, DeviceSource, History, OperatorName, Role, SiteChange, SiteScope,
};
use homepot_store::{
    commands, device_keys,
    devices::{self, DeviceFilter, Enrolled, Matching, NewDevice, SummaryFilter},
    enrollment_tokens, maintenance,
    maintenance::Retention,
    operators::{self, NewOperator},
    samples,
    sites::{self, SiteRemoval},
    states,
    test_support::TestDatabase,
};

use crate::{
    fixture::*,
    removal::{full, is_empty, rows_of, simulated},
};

fn everything() -> DeviceSelection {
    DeviceSelection::all(SiteScope::All)
}

#[tokio::test]
async fn a_device_whose_history_is_kept_is_in_no_list_can_not_come_back_and_is_read_by_its_id() {
    let database = TestDatabase::new().await;
    let mut conn = database.connect();
    let device = full(&mut conn, &new_device("d", "s"));
    full(&mut conn, &new_device("neighbour", "s"));
    let queued = queue_this(&mut conn, device.pk, new_command("d", "PING"));
    let before = Utc::now() - TimeDelta::minutes(1);
    assert_eq!(devices::mark_removed(&mut conn, &device_id("nobody")).unwrap(), None);
    assert_eq!(devices::mark_removed(&mut conn, &device_id("d")).unwrap(), Some(device.pk));

    let filter = DeviceFilter::of(everything());
    let listed = devices::list(&mut conn, &filter, &page(10, None)).unwrap().items;
    assert_eq!(listed.iter().map(|device| device.device_id.as_str()).collect::<Vec<_>>(), ["neighbour"]);
    assert_eq!(devices::matching(&mut conn, &everything(), None).unwrap().len(), 1);
    assert_eq!(devices::count_matching(&mut conn, &everything(), None).unwrap(), 1);
    assert_eq!(devices::of_site(&mut conn, &site_id("s"), None, None, 9).unwrap().len(), 1);
    assert_eq!(samples::latest(&mut conn, &everything(), &page(10, None)).unwrap().items.len(), 1);
    let filter = SummaryFilter {
        scope: SiteScope::All,
        site_id: None,
        matching: Matching::default(),
        source: DeviceSource::Real,
    };
    assert_eq!(devices::summarize(&mut conn, &filter).unwrap().total, 1);
    let seen = devices::changed_since(&mut conn, before, usize::MAX).unwrap().unwrap();
    assert!(seen.iter().all(|seen| seen.device.device_id.as_str() == "neighbour"), "{seen:?}");
    let gone = devices::removed_since(&mut conn, before).unwrap();
    assert_eq!((gone.len(), gone[0].device_id.as_str(), gone[0].source), (1, "d", DeviceSource::Real));

    // It can't act, and nobody can change that.
    assert!(credential(&mut conn, "d", "hpd_AAAAAAAA").unwrap().key.is_none());
    let key = new_secret("hpd_BBBBBBBB", "hash");
    assert_eq!(device_keys::rotate(&mut conn, &device_id("d"), &key, Default::default()).unwrap(), None);
    let change = DeviceChange { active: Some(true), ..DeviceChange::default() };
    assert_eq!(devices::update(&mut conn, &device_id("d"), &change).unwrap(), None);
    let again = NewDevice { key, ..new_device("d", "s") };
    assert_eq!(devices::enroll(&mut conn, &again).unwrap(), Enrolled::Taken);
    let command = commands::find(&mut conn, queued).unwrap().unwrap();
    assert_eq!((command.state, command.history.len()), (CommandState::Cancelled, 2));
    assert_eq!(command.reason.as_deref(), Some("the device was removed"));

    // What it was is there, also after maintenance and a second removal.
    assert_eq!(devices::mark_removed(&mut conn, &device_id("d")).unwrap(), Some(device.pk));
    maintenance::run_at(&mut conn, Utc::now(), &Retention::default()).unwrap().unwrap();
    let found = devices::find(&mut conn, &device_id("d")).unwrap().unwrap();
    assert!(found.removed_at.is_some() && !found.active);
    assert_eq!(states::list(&mut conn, device.pk, (None, None), &page(10, None)).unwrap().items.len(), 2);
    let (start, end) = (Utc::now() - TimeDelta::days(3), Utc::now() + TimeDelta::minutes(1));
    assert_eq!(samples::list(&mut conn, device.pk, start, end, &page(10, None)).unwrap().items.len(), 3);
    let named = DeviceSelection { device_ids: [device_id("d")].into(), ..everything() };
    assert_eq!(samples::latest(&mut conn, &named, &page(10, None)).unwrap().items.len(), 1);
}

#[tokio::test]
async fn a_simulated_device_whose_history_is_kept_is_not_taken_over() {
    let database = TestDatabase::new().await;
    let mut conn = database.connect();
    full(&mut conn, &simulated("d", "s"));
    devices::mark_removed(&mut conn, &device_id("d")).unwrap();
    assert_eq!(devices::enroll(&mut conn, &new_device("d", "s")).unwrap(), Enrolled::Taken);
}

#[tokio::test]
async fn a_purge_leaves_nothing_frees_the_id_and_goes_on_where_it_was_cut_short() {
    let database = TestDatabase::new().await;
    let mut conn = database.connect();
    let device = full(&mut conn, &new_device("d", "s"));
    let neighbour = full(&mut conn, &new_device("neighbour", "s"));
    let neighbours = rows_of(&mut conn, neighbour.pk);
    // Not marked, a real device is never purged.
    assert_eq!(devices::purge(&mut conn, &[device.pk, neighbour.pk]).unwrap(), 0);
    devices::mark_removed(&mut conn, &device_id("d")).unwrap();
    assert!(devices::thin_out(&mut conn, &[device.pk]).unwrap());
    // Whoever did it died here. Another begins anew.
    assert_eq!(devices::mark_removed(&mut conn, &device_id("d")).unwrap(), Some(device.pk));
    while devices::thin_out(&mut conn, &[device.pk]).unwrap() {}
    assert_eq!(devices::purge(&mut conn, &[device.pk]).unwrap(), 1);
    assert!(is_empty(&mut conn, device.pk));
    assert_eq!(rows_of(&mut conn, neighbour.pk), neighbours);
    assert_eq!(devices::find(&mut conn, &device_id("d")).unwrap(), None);
    assert!(matches!(devices::enroll(&mut conn, &new_device("d", "s")).unwrap(), Enrolled::Device(_)));
    // What a rollup that was under way leaves is cleared later.
    maintenance::run_at(&mut conn, Utc::now(), &Retention::default()).unwrap().unwrap();
    assert!(is_empty(&mut conn, device.pk));
}

#[tokio::test]
async fn a_site_goes_only_without_devices_unless_they_go_too() {
    let database = TestDatabase::new().await;
    let mut conn = database.connect();
    let site = site_id("s");
    let mark = |conn: &mut _, history, with_devices| sites::mark_removed(conn, &site, history, with_devices).unwrap();
    assert_eq!(mark(&mut conn, History::Keep, false), SiteRemoval::Missing);
    for id in ["a", "b"] {
        full(&mut conn, &new_device(id, "s"));
    }
    enrollment_tokens::insert(&mut conn, &new_token("hpe_one", "s", 9)).unwrap();
    devices::mark_removed(&mut conn, &device_id("b")).unwrap();
    for history in [History::Keep, History::Purge] {
        assert_eq!(mark(&mut conn, history, false), SiteRemoval::HasDevices(1, 1));
    }
    assert!(sites::find(&mut conn, &site).unwrap().unwrap().removed_at.is_none(), "a refusal changes nothing");

    let SiteRemoval::Marked(removed) = mark(&mut conn, History::Keep, true) else { panic!("it goes") };
    assert!(removed.removed_at.is_some());
    assert_eq!(devices::to_remove(&mut conn, &site, History::Keep, 9).unwrap(), [device_id("a")]);
    assert_eq!(devices::to_remove(&mut conn, &site, History::Purge, 9).unwrap().len(), 2);
    // Nothing joins it any more, and it is in no list.
    assert_eq!(sites::list(&mut conn, &SiteScope::All, &page(9, None)).unwrap().items, []);
    let by_token = NewDevice { token_id: Some("hpe_one".to_owned()), ..new_device("c", "s") };
    for late in [new_device("c", "s"), by_token] {
        assert_eq!(devices::enroll(&mut conn, &late).unwrap(), Enrolled::SiteMissing);
    }
    assert_eq!(enrollment_tokens::insert(&mut conn, &new_token("hpe_two", "s", 9)).unwrap(), None);
    assert!(enrollment_tokens::find(&mut conn, "hpe_one").unwrap().unwrap().token.revoked_at.is_some());
    assert_eq!(sites::update(&mut conn, &site, &SiteChange::default()).unwrap(), None);
    assert_eq!(sites::insert(&mut conn, &new_site("s")).unwrap(), None, "its id stays taken");

    // As long as one of its devices is there it stays.
    devices::mark_removed(&mut conn, &device_id("a")).unwrap();
    assert_eq!(mark(&mut conn, History::Purge, false), SiteRemoval::HasDevices(0, 2));
    assert!(!sites::purge(&mut conn, &site).unwrap());
    for id in ["a", "b"] {
        let pk = devices::mark_removed(&mut conn, &device_id(id)).unwrap().unwrap();
        while devices::thin_out(&mut conn, &[pk]).unwrap() {}
        devices::purge(&mut conn, &[pk]).unwrap();
    }
    while sites::thin_out(&mut conn, &site).unwrap() {}
    assert!(sites::purge(&mut conn, &site).unwrap());
    assert_eq!(sites::find(&mut conn, &site).unwrap(), None);
    assert!(sites::insert(&mut conn, &new_site("s")).unwrap().is_some(), "its id is free");
    // Not marked, a site is never purged.
    assert!(sites::purge(&mut conn, &site).unwrap());
    assert!(sites::find(&mut conn, &site).unwrap().is_some());
}

#[tokio::test]
async fn a_sites_id_is_not_freed_while_operators_are_bound_to_it() {
    let database = TestDatabase::new().await;
    let mut conn = database.connect();
    sites::insert(&mut conn, &new_site("s")).unwrap();
    let bound = NewOperator {
        name: OperatorName::parse("guard").unwrap(),
        role: Role::Viewer,
        scope: SiteScope::Only(vec![site_id("s")]),
        token: new_secret("hpo_one", "hash"),
        expires_at: None,
        made_by: None,
    };
    operators::insert(&mut conn, &bound).unwrap();
    let refused = sites::mark_removed(&mut conn, &site_id("s"), History::Purge, false).unwrap();
    assert_eq!(refused, SiteRemoval::HasOperators(vec!["guard".to_owned()]));
    let kept = sites::mark_removed(&mut conn, &site_id("s"), History::Keep, false).unwrap();
    assert!(matches!(kept, SiteRemoval::Marked(_)));
}
