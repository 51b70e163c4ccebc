//! Real and simulated devices: every list filters them, and no total mixes them.

use chrono::{SubsecRound, Utc};
use homepot::model::{
    CommandState, CommandType, DeviceChange, DeviceSelection, DeviceSource, DeviceStatus, FleetSummary, LabelSelector,
    Run, RunDeviceFilter, RunId, RunOrder, Sample, SiteScope, StateCause, Target, Whom,
};
use homepot_store::{
    PgConnection, StoreError,
    commands::{self, ChangedFilter},
    devices::{self, DeviceFilter, Matching, SummaryFilter},
    runs::{self, Started},
    samples::{self, Expected, NewSample},
    sessions,
    test_support::TestDatabase,
};

use crate::fixture::*;

const REAL: DeviceSource = DeviceSource::Real;
const SIMULATED: DeviceSource = DeviceSource::Simulated;

/// A till and a robot at `site-1`, a robot alone at `site-2`.
async fn mixed() -> TestDatabase {
    let (database, _) = with_device("till").await;
    let mut conn = database.connect();
    enrolled_simulated(&mut conn, "robot", "site-1");
    enrolled_simulated(&mut conn, "lonely", "site-2");
    database
}

fn pk(conn: &mut PgConnection, id: &str) -> i64 {
    devices::find_ref(conn, &device_id(id)).unwrap().unwrap().pk
}

/// What `list` finds of real devices, of simulated ones, and of both.
fn by_source(mut list: impl FnMut(Option<DeviceSource>) -> Vec<String>) -> [Vec<String>; 3] {
    [Some(REAL), Some(SIMULATED), None].map(|source| {
        let mut found = list(source);
        found.sort();
        found
    })
}

#[tokio::test]
async fn every_list_filters_by_source_and_marks_what_it_shows() {
    let database = mixed().await;
    let mut conn = database.connect();
    let now = Utc::now().trunc_subsecs(6);
    for id in ["till", "robot", "lonely"] {
        let device = pk(&mut conn, id);
        let sample = NewSample { device, sample: Sample { cpu_percent: Some(1.0), ..Sample::empty(now) } };
        samples::write(&mut conn, &[sample], now, Expected::New).unwrap();
        let mut row = row(device, new_command(id, "PING"));
        row.source = if id == "till" { REAL } else { SIMULATED };
        commands::insert(&mut conn, &[row]).unwrap();
    }
    let expected = [vec!["till"], vec!["lonely", "robot"], vec!["lonely", "robot", "till"]];
    let of_source = |source| DeviceSelection { source, ..DeviceSelection::all(SiteScope::All) };

    let listed = by_source(|source| {
        let filter = DeviceFilter::of(of_source(source));
        let devices = all_pages(1, |page| devices::list(&mut conn, &filter, page).unwrap());
        devices.iter().map(|device| device.device_id.to_string()).collect()
    });
    assert_eq!(listed, expected);

    let watched = by_source(|source| {
        let filter = of_source(source);
        let watched = all_pages(1, |page| devices::watched(&mut conn, &filter, None, page, usize::MAX).unwrap());
        watched.iter().map(|watched| watched.device.device_id.to_string()).collect()
    });
    assert_eq!(watched, expected);

    let latest = by_source(|source| {
        let filter = of_source(source);
        let latest = all_pages(1, |page| samples::latest(&mut conn, &filter, page).unwrap());
        assert!(latest.iter().all(|stored| (stored.source == REAL) == (stored.device_id.as_str() == "till")));
        latest.iter().map(|stored| stored.device_id.to_string()).collect()
    });
    assert_eq!(latest, expected);

    let changed = by_source(|source| {
        let filter = ChangedFilter { selection: of_source(source), command_ids: [].into(), run_id: None };
        let changed = all_pages(1, |page| commands::changed_of(&mut conn, &filter, None, page, usize::MAX).unwrap());
        assert!(changed.iter().all(|command| filter.matches(command)));
        changed.iter().map(|command| command.device_id.to_string()).collect()
    });
    assert_eq!(changed, expected);

    let of_site = by_source(|source| {
        let found = devices::of_site(&mut conn, &site_id("site-1"), source, None, 9).unwrap();
        found.iter().map(|device| device.device_id.to_string()).collect()
    });
    assert_eq!(of_site, [vec!["till"], vec!["robot"], vec!["robot", "till"]]);

    let robot = pk(&mut conn, "robot");
    let day = chrono::TimeDelta::days(1);
    let history = samples::list(&mut conn, robot, now - day, now + day, &page(9, None)).unwrap().items;
    assert_eq!(history[0].source, SIMULATED);
    assert_eq!(commands::list(&mut conn, robot, &[], &page(9, None)).unwrap().items[0].source, SIMULATED);
}

fn order(whom: Whom, source: Option<DeviceSource>) -> RunOrder {
    RunOrder {
        target: Target { whom, source },
        command_type: CommandType::parse("PING").unwrap(),
        payload: None,
        max_in_flight: 9,
        max_failures: 0,
        time_to_live: std::time::Duration::from_secs(600),
        run_timeout: std::time::Duration::from_secs(60),
        idempotency_key: None,
        description: None,
    }
}

fn start(conn: &mut PgConnection, whom: Whom, source: Option<DeviceSource>) -> Result<Run, String> {
    let order = order(whom, source);
    match runs::insert(conn, RunId(uuid::Uuid::now_v7()), &order, &starter("admin"), |_| None) {
        Ok(Started::New(run)) => Ok(run),
        Err(StoreError::Invalid(error)) => Err(error.to_string()),
        other => panic!("{other:?}"),
    }
}

fn of_run(conn: &mut PgConnection, run: &Run) -> Vec<(String, DeviceSource)> {
    let devices = all_pages(1, |page| runs::devices(conn, run.run_id, &RunDeviceFilter::default(), page).unwrap());
    devices.into_iter().map(|device| (device.device_id.to_string(), device.source)).collect()
}

#[tokio::test]
async fn a_run_reaches_devices_of_its_source_and_says_so_ever_after() {
    let database = mixed().await;
    let mut conn = database.connect();
    let real = start(&mut conn, Whom::Fleet, Some(REAL)).unwrap();
    assert_eq!(of_run(&mut conn, &real), [("till".to_owned(), REAL)]);
    let simulated = start(&mut conn, Whom::Fleet, Some(SIMULATED)).unwrap();
    assert_eq!(of_run(&mut conn, &simulated), ["lonely", "robot"].map(|id| (id.to_owned(), SIMULATED)));
    let found = runs::find(&mut conn, simulated.run_id, &SiteScope::All).unwrap().unwrap();
    assert_eq!(found.order.target, Target { whom: Whom::Fleet, source: Some(SIMULATED) });
    // Lists of runs and of their devices are of one source, where that is asked for.
    let named = start(&mut conn, Whom::Devices(vec![device_id("till"), device_id("robot")]), None).unwrap();
    for (source, run) in [(REAL, &real), (SIMULATED, &simulated)] {
        let runs = all_pages(1, |page| runs::list(&mut conn, &SiteScope::All, None, Some(source), page).unwrap());
        assert_eq!(runs.iter().map(|run| run.run_id).collect::<Vec<_>>(), [run.run_id]);
        let of_source = RunDeviceFilter { source: Some(source), ..RunDeviceFilter::default() };
        let devices = all_pages(1, |page| runs::devices(&mut conn, named.run_id, &of_source, page).unwrap());
        assert_eq!(devices.iter().map(|device| device.source).collect::<Vec<_>>(), [source]);
    }
    assert_eq!(all_pages(1, |page| runs::list(&mut conn, &SiteScope::All, None, None, page).unwrap()).len(), 3);
    runs::cancel(&mut conn, named.run_id, "done").unwrap();
    // What it queues knows what it is for.
    let mut queued: Vec<_> = runs::advance(&mut conn).unwrap().into_iter().flat_map(|step| step.queued).collect();
    queued.sort_unstable_by_key(|(pk, _)| *pk);
    assert_eq!(queued.into_iter().map(|(_, source)| source).collect::<Vec<_>>(), [REAL, SIMULATED, SIMULATED]);
}

#[tokio::test]
async fn named_devices_may_be_any_unless_a_source_is_given_and_then_the_others_are_named() {
    let database = mixed().await;
    let mut conn = database.connect();
    let named = |ids: &[&str]| Whom::Devices(ids.iter().map(|id| device_id(id)).collect());
    let both = start(&mut conn, named(&["robot", "till"]), None).unwrap();
    assert_eq!(of_run(&mut conn, &both), [("robot".to_owned(), SIMULATED), ("till".to_owned(), REAL)]);
    let told = start(&mut conn, named(&["robot", "lonely", "till"]), Some(REAL)).unwrap_err();
    assert_eq!(told, "target.device_ids: are not real: lonely, robot");
    for number in 0..12 {
        enrolled_simulated(&mut conn, &format!("r{number:02}"), "site-2");
    }
    let many: Vec<_> = (0..12).map(|number| format!("r{number:02}")).collect();
    let many: Vec<_> = many.iter().map(String::as_str).collect();
    let told = start(&mut conn, named(&many), Some(REAL)).unwrap_err();
    assert!(told.ends_with("r08, r09 and 2 more"), "{told}");
}

#[tokio::test]
async fn a_target_without_devices_of_its_source_tells_of_the_others_and_how_to_reach_them() {
    let database = mixed().await;
    let mut conn = database.connect();
    let of_site_2 = Whom::Matching { site_id: Some(site_id("site-2")), selector: None };
    let told = start(&mut conn, of_site_2, Some(REAL)).unwrap_err();
    let expected = "target: matches no real device, but 1 simulated one: set target.source to simulated to reach it";
    assert_eq!(told, expected);
    let selector = LabelSelector::parse("label_selector", "row=front").unwrap();
    let nobody = Whom::Matching { site_id: None, selector };
    assert_eq!(start(&mut conn, nobody, Some(REAL)).unwrap_err(), "target: matches no device");
}

fn summary(conn: &mut PgConnection, source: DeviceSource, site: Option<&str>, selector: &str) -> FleetSummary {
    let filter = SummaryFilter {
        scope: SiteScope::All,
        site_id: site.map(site_id),
        matching: Matching {
            selector: LabelSelector::parse("label_selector", selector).unwrap(),
            ..Matching::default()
        },
        source,
    };
    devices::summarize(conn, &filter).unwrap()
}

#[tokio::test]
async fn a_summary_counts_one_source_as_lists_judge_and_says_how_many_it_leaves_out() {
    let database = mixed().await;
    let mut conn = database.connect();
    for id in ["online", "silent", "ended", "marked", "out"] {
        let device = enrolled(&mut conn, id, "site-3");
        let epoch = begin(&mut conn, device.pk, &hello("b")).unwrap();
        let change = match id {
            "marked" => DeviceChange { maintenance: Some(true), ..Default::default() },
            "out" => DeviceChange { active: Some(false), ..Default::default() },
            _ => DeviceChange::default(),
        };
        devices::update(&mut conn, &device_id(id), &change).unwrap();
        match id {
            "ended" => drop(sessions::end(&mut conn, device.pk, epoch, StateCause::Detached, "").unwrap()),
            "silent" => pass(&mut conn, device.pk, 60),
            _ => {}
        }
    }
    let told = summary(&mut conn, REAL, None, "");
    assert_eq!((told.source, told.total, told.not_counted, told.inactive), (REAL, 6, 2, 1));
    for (status, devices) in &told.by_status {
        let selection = DeviceSelection { source: Some(REAL), ..DeviceSelection::all(SiteScope::All) };
        let (status, selector) = (Some(*status), None);
        let matching = Matching { status, selector, ..Matching::default() };
        let filter = DeviceFilter { matching, ..DeviceFilter::of(selection) };
        let listed = devices::list(&mut conn, &filter, &page(100, None)).unwrap().items.len();
        assert_eq!((status, *devices), (status, listed as u64));
        assert!(*devices > 0, "{status:?}");
    }
    assert_eq!(told.by_status.iter().map(|(_, devices)| devices).sum::<u64>(), told.total);
    let sites: Vec<_> = told.by_site.iter().map(|site| (site.site_id.as_str(), site.devices, site.online)).collect();
    assert_eq!(sites, [("site-3", 5, 2), ("site-1", 1, 0)]);
    assert_eq!(told.by_device_type.iter().map(|(_, devices)| devices).sum::<u64>(), told.total);

    let told = summary(&mut conn, SIMULATED, None, "");
    assert_eq!((told.total, told.not_counted), (2, 6));
    let told = summary(&mut conn, REAL, Some("site-2"), "");
    assert_eq!((told.total, told.not_counted, told.by_site.len()), (0, 1, 0));
    assert_eq!(told.by_status.len(), 4);
    assert!(told.by_status.contains(&(DeviceStatus::Unknown, 0)));
    let labels = [("row".to_owned(), "front".to_owned())].into_iter().collect();
    let change = DeviceChange { labels: Some(labels), ..Default::default() };
    devices::update(&mut conn, &device_id("till"), &change).unwrap();
    assert_eq!(summary(&mut conn, REAL, None, "row=front").total, 1);
    assert_eq!(summary(&mut conn, REAL, None, "!row").not_counted, 2);
}

#[tokio::test]
async fn a_summary_names_a_hundred_sites_and_counts_the_rest() {
    let database = TestDatabase::new().await;
    let mut conn = database.connect();
    for number in 0..103 {
        enrolled(&mut conn, &format!("d{number}"), &format!("s{number:03}"));
    }
    enrolled(&mut conn, "second", "s102");
    let told = summary(&mut conn, REAL, None, "");
    assert_eq!((told.total, told.by_site.len(), told.sites_left_out), (104, 100, 3));
    assert_eq!((told.by_site[0].site_id.as_str(), told.by_site[0].devices), ("s102", 2));
    assert_eq!(told.by_site[1].site_id.as_str(), "s000");
    let scope = SiteScope::Only(vec![site_id("s001"), site_id("s102")]);
    let filter = SummaryFilter { scope, site_id: None, matching: Matching::default(), source: REAL };
    assert_eq!(devices::summarize(&mut conn, &filter).unwrap().total, 3);
}

#[tokio::test]
async fn what_the_sweep_and_the_keeper_find_is_counted_apart() {
    let database = mixed().await;
    let mut conn = database.connect();
    for id in ["till", "robot"] {
        let device = pk(&mut conn, id);
        queue_this(&mut conn, device, new_command(id, "PING"));
        begin(&mut conn, device, &hello("b")).unwrap();
        pass(&mut conn, device, 60);
    }
    let later = Some(Utc::now() + chrono::TimeDelta::seconds(700));
    let expired = commands::sweep(&mut conn, later, 100).unwrap().expired;
    assert_eq!((expired.real, expired.simulated), (1, 1));
    let silent = sessions::keep(&mut conn).unwrap().silent;
    assert_eq!((silent.real, silent.simulated), (1, 1));
    let till = pk(&mut conn, "till");
    assert_eq!(commands::list(&mut conn, till, &[CommandState::Expired], &page(9, None)).unwrap().items.len(), 1);
}
