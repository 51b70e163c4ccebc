//! Lists: no gap, no repeat, nothing that the caller may not see.

use std::time::Duration;

use chrono::Utc;
use homepot::model::{
    CommandState, CommandType, DeviceChange, DeviceId, DeviceOrder, DeviceSelection, DeviceSource, DeviceStatus,
    DeviceType, SiteChange, SiteScope, StateCause,
};
use homepot_store::{
    PgConnection, StoreError,
    commands::{self, RecentFilter},
    devices::{self, DeviceFilter, Matching, SummaryFilter},
    enrollment_tokens::{self, NewEnrollmentToken},
    sessions, sites,
    test_support::TestDatabase,
};

use crate::fixture::*;

fn filter(status: Option<DeviceStatus>) -> DeviceFilter {
    within(SiteScope::All, status)
}

fn within(scope: SiteScope, status: Option<DeviceStatus>) -> DeviceFilter {
    DeviceFilter {
        matching: Matching { status, ..Matching::default() },
        ..DeviceFilter::of(DeviceSelection::all(scope))
    }
}

fn ids(conn: &mut PgConnection, filter: &DeviceFilter) -> Vec<String> {
    let devices = all_pages(3, |page| devices::list(conn, filter, page).unwrap());
    devices.iter().map(|device| device.device_id.to_string()).collect()
}

#[tokio::test]
async fn pages_of_every_list_join_without_gap_or_repeat() {
    let database = TestDatabase::new().await;
    let mut conn = database.connect();
    let device = enrolled(&mut conn, "D-0", "s");
    let mut expected = vec!["D-0".to_owned()];
    // By byte: upper case before lower, whatever the locale.
    for id in ["a", "B", "a-1", "a.1", "a_1", "Z", "z"] {
        enrolled(&mut conn, id, "s");
        expected.push(id.to_owned());
    }
    expected.sort();
    for site in ["x", "Y", "s2"] {
        sites::insert(&mut conn, &new_site(site)).unwrap().unwrap();
    }
    assert_eq!(ids(&mut conn, &filter(None)), expected);
    let listed = all_pages(2, |page| sites::list(&mut conn, &SiteScope::All, page).unwrap());
    let listed: Vec<_> = listed.iter().map(|site| site.site_id.as_str()).collect();
    assert_eq!(listed, ["Y", "s", "s2", "x"]);

    let mut queued = Vec::new();
    for _ in 0..7 {
        queued.insert(0, queue_this(&mut conn, device.pk, new_command("D-0", "PING")));
    }
    let listed = all_pages(3, |page| commands::list(&mut conn, device.pk, &[CommandState::Queued], page).unwrap());
    assert_eq!(listed.iter().map(|command| command.command_id).collect::<Vec<_>>(), queued);
    assert!(commands::list(&mut conn, device.pk, &[CommandState::Sent], &page(9, None)).unwrap().items.is_empty());

    for number in 0..5 {
        enrollment_tokens::insert(&mut conn, &new_token(&format!("hpe_{number}"), "s", 1)).unwrap().unwrap();
    }
    let listed = all_pages(2, |page| enrollment_tokens::list(&mut conn, &SiteScope::All, None, None, page).unwrap());
    let listed: Vec<_> = listed.iter().map(|token| token.token_id.as_str()).collect();
    assert_eq!(listed, ["hpe_4", "hpe_3", "hpe_2", "hpe_1", "hpe_0"]);

    let simulated = NewEnrollmentToken { source: DeviceSource::Simulated, ..new_token("hpe_sim", "s", 1) };
    enrollment_tokens::insert(&mut conn, &simulated).unwrap().unwrap();
    for (source, count) in [(None, 6), (Some(DeviceSource::Real), 5), (Some(DeviceSource::Simulated), 1)] {
        let listed =
            all_pages(2, |page| enrollment_tokens::list(&mut conn, &SiteScope::All, None, source, page).unwrap());
        assert_eq!(listed.len(), count);
        assert!(listed.iter().all(|token| source.is_none_or(|source| token.source == source)));
    }
}

#[tokio::test]
async fn devices_are_found_by_what_people_type_and_sorted_by_what_they_choose() {
    let database = TestDatabase::new().await;
    let mut conn = database.connect();
    // Ids, names, sites and types in different orders, names that differ in case alone, and one that is awkward in a key.
    for (id, name, site, device_type) in [
        ("d-1", "beta", "north", "pos_terminal"),
        ("d-2", "Alpha", "south", "gateway"),
        ("d-3", "alpha", "north", "gateway"),
        ("d-4", "100%_sure\\", "south", "pos_terminal"),
        ("d-5", "line\nbreak", "north", "pos_terminal"),
    ] {
        enrolled(&mut conn, id, site);
        let change = DeviceChange {
            name: Some(name.to_owned()),
            device_type: Some(DeviceType::parse(device_type).unwrap()),
            labels: (id == "d-3").then(|| [("street".to_owned(), "Beta Road".to_owned())].into_iter().collect()),
            ..DeviceChange::default()
        };
        devices::update(&mut conn, &DeviceId::parse(id).unwrap(), &change).unwrap().unwrap();
    }
    let all = || DeviceFilter::of(DeviceSelection::all(SiteScope::All));
    let mut sorted = |order, descending| ids(&mut conn, &DeviceFilter { order, descending, ..all() });
    assert_eq!(sorted(DeviceOrder::Id, true), ["d-5", "d-4", "d-3", "d-2", "d-1"]);
    assert_eq!(sorted(DeviceOrder::Name, false), ["d-4", "d-2", "d-3", "d-1", "d-5"]);
    assert_eq!(sorted(DeviceOrder::Name, true), ["d-5", "d-1", "d-2", "d-3", "d-4"]);
    assert_eq!(sorted(DeviceOrder::Site, false), ["d-1", "d-3", "d-5", "d-2", "d-4"]);
    assert_eq!(sorted(DeviceOrder::Type, false), ["d-2", "d-3", "d-1", "d-4", "d-5"]);
    assert_eq!(sorted(DeviceOrder::Status, false).len(), 5);
    assert_eq!(sorted(DeviceOrder::LastSeen, true).len(), 5);

    let mut found = |search: &str| {
        let matching = Matching { search: search.to_owned(), ..Matching::default() };
        let listed = ids(&mut conn, &DeviceFilter { matching: matching.clone(), ..all() });
        let filter = SummaryFilter { scope: SiteScope::All, site_id: None, matching, source: DeviceSource::Real };
        let total = devices::summarize(&mut conn, &filter).unwrap().total;
        assert_eq!(total, listed.len() as u64, "a total and its list agree on {search}");
        listed
    };
    assert_eq!(found("ALPHA"), ["d-2", "d-3"]);
    assert_eq!(found("beta"), ["d-1", "d-3"], "a label's value counts");
    assert_eq!(found("street"), [""; 0], "a label's key does not");
    assert_eq!(found("south"), ["d-2", "d-4"]);
    assert_eq!(found("%"), ["d-4"], "what LIKE gives a meaning is a letter like any other");
    assert_eq!(found("_"), ["d-4"]);
    assert_eq!(found("\\"), ["d-4"]);
    assert_eq!(found("d-_"), [""; 0]);

    let gateways = Matching { device_type: Some(DeviceType::parse("gateway").unwrap()), ..Matching::default() };
    assert_eq!(ids(&mut conn, &DeviceFilter { matching: gateways, ..all() }), ["d-2", "d-3"]);

    let shut_out = DeviceChange { active: Some(false), ..DeviceChange::default() };
    devices::update(&mut conn, &DeviceId::parse("d-4").unwrap(), &shut_out).unwrap().unwrap();
    for (active, expected) in [(true, vec!["d-1", "d-2", "d-3", "d-5"]), (false, vec!["d-4"])] {
        let matching = Matching { active: Some(active), ..Matching::default() };
        assert_eq!(ids(&mut conn, &DeviceFilter { matching, ..all() }), expected);
    }

    // A token of one order is none of another: it would leave devices out without a word.
    let first = devices::list(&mut conn, &all(), &page(2, None)).unwrap();
    let other = DeviceFilter { order: DeviceOrder::Name, ..all() };
    assert!(devices::list(&mut conn, &other, &page(2, first.next)).is_err());
}

#[tokio::test]
async fn the_commands_of_all_devices_come_newest_first_within_a_scope() {
    let database = TestDatabase::new().await;
    let mut conn = database.connect();
    let devices = [enrolled(&mut conn, "a", "s1"), enrolled(&mut conn, "b", "s2")];
    let mut queued = Vec::new();
    for (number, device) in devices.iter().cycle().take(6).enumerate() {
        let command_type = if number < 3 { "PING" } else { "RUN_DIAGNOSTICS" };
        queued.insert(0, queue_this(&mut conn, device.pk, new_command(device.device_id.as_str(), command_type)));
    }
    let of = |scope| RecentFilter {
        selection: DeviceSelection::all(scope),
        states: Vec::new(),
        command_type: None,
        created_by: None,
    };
    let mut listed = |filter: &RecentFilter| -> Vec<_> {
        let listed = all_pages(2, |page| commands::recent(&mut conn, filter, page).unwrap());
        listed.iter().map(|command| command.command_id).collect()
    };
    assert_eq!(listed(&of(SiteScope::All)), queued);
    let own = of(SiteScope::Only(vec![site_id("s1")]));
    assert_eq!(listed(&own), queued.iter().copied().skip(1).step_by(2).collect::<Vec<_>>());
    let pings = RecentFilter { command_type: Some(CommandType::parse("PING").unwrap()), ..of(SiteScope::All) };
    assert_eq!(listed(&pings), queued[3..]);
    let sent = RecentFilter { states: vec![CommandState::Sent], ..of(SiteScope::All) };
    assert!(listed(&sent).is_empty());
}

#[tokio::test]
async fn a_scope_hides_other_sites_from_every_list() {
    let database = TestDatabase::new().await;
    let mut conn = database.connect();
    enrolled(&mut conn, "mine", "s1");
    enrolled(&mut conn, "theirs", "s2");
    for site in ["s1", "s2"] {
        enrollment_tokens::insert(&mut conn, &new_token(&format!("hpe_{site}"), site, 1)).unwrap().unwrap();
    }
    let scope = SiteScope::Only(vec![site_id("s1")]);
    assert_eq!(ids(&mut conn, &within(scope.clone(), None)), ["mine"]);
    let mut elsewhere = within(scope.clone(), None);
    elsewhere.selection.site_id = Some(site_id("s2"));
    assert!(ids(&mut conn, &elsewhere).is_empty());
    assert!(ids(&mut conn, &within(SiteScope::Only(vec![]), None)).is_empty());
    assert_eq!(sites::list(&mut conn, &scope, &page(9, None)).unwrap().items.len(), 1);
    assert_eq!(enrollment_tokens::list(&mut conn, &scope, None, None, &page(9, None)).unwrap().items.len(), 1);
    assert_eq!(enrollment_tokens::revoke(&mut conn, "hpe_s2", &scope).unwrap(), None);
    assert!(enrollment_tokens::find(&mut conn, "hpe_s2").unwrap().unwrap().token.revoked_at.is_none());
}

#[tokio::test]
async fn the_status_filter_judges_as_the_model_does() {
    let database = TestDatabase::new().await;
    let mut conn = database.connect();
    for id in ["never", "online", "silent", "ended", "marked"] {
        let device = enrolled(&mut conn, id, "s");
        if id == "never" {
            continue;
        }
        let epoch = begin(&mut conn, device.pk, &hello("b")).unwrap();
        if id == "ended" {
            assert!(sessions::end(&mut conn, device.pk, epoch, StateCause::Detached, "").unwrap());
        }
        if id == "marked" {
            let change = DeviceChange { maintenance: Some(true), ..Default::default() };
            devices::update(&mut conn, &device_id(id), &change).unwrap().unwrap();
        }
        pass(&mut conn, device.pk, 60);
        if id == "online" {
            let age = Duration::from_secs(1);
            let touch = sessions::Touch { pk: device.pk, epoch: Some(epoch), age, heartbeat: HEARTBEAT };
            sessions::touch(&mut conn, &[touch]).unwrap();
        }
    }
    let everything = devices::list(&mut conn, &filter(None), &page(100, None)).unwrap().items;
    for status in [DeviceStatus::Unknown, DeviceStatus::Online, DeviceStatus::Offline, DeviceStatus::Maintenance] {
        let judged = everything.iter().filter(|device| match device.maintenance {
            true => status == DeviceStatus::Maintenance,
            false => status == device.presence.status(),
        });
        let judged: Vec<_> = judged.map(|device| device.device_id.to_string()).collect();
        assert!(!judged.is_empty(), "{status:?}");
        assert_eq!(ids(&mut conn, &filter(Some(status))), judged, "{status:?}");
    }
}

#[tokio::test]
async fn a_page_token_of_no_list_is_the_callers_fault() {
    let (database, device) = with_device("d").await;
    let mut conn = database.connect();
    let request = page(10, Some("nonsense".to_owned()));
    assert!(matches!(commands::list(&mut conn, device.pk, &[], &request), Err(StoreError::Invalid(_))));
    let query = homepot_store::samples::list(&mut conn, device.pk, Utc::now(), Utc::now(), &request);
    assert!(matches!(query, Err(StoreError::Invalid(_))));
}

#[tokio::test]
async fn a_site_is_made_once_and_a_change_touches_only_what_it_names() {
    let database = TestDatabase::new().await;
    let mut conn = database.connect();
    let mut new = new_site("s");
    new.description = Some("here".to_owned());
    let site = sites::insert(&mut conn, &new).unwrap().unwrap();
    assert_eq!(sites::insert(&mut conn, &new).unwrap(), None);
    let change = SiteChange { location: Some("there".to_owned()), ..Default::default() };
    let changed = sites::update(&mut conn, &site.site_id, &change).unwrap().unwrap();
    assert_eq!((changed.description.as_deref(), changed.location.as_deref()), (Some("here"), Some("there")));
    let change = SiteChange { description: Some(String::new()), ..Default::default() };
    assert_eq!(sites::update(&mut conn, &site.site_id, &change).unwrap().unwrap().description, None);
    assert_eq!(sites::update(&mut conn, &site_id("none"), &change).unwrap(), None);
}
