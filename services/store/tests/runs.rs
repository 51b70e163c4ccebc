//! Runs: paced, stopped by failures, and driven on by whoever comes.

use chrono::{DateTime, Days, TimeDelta, Utc};
use diesel::{Connection, RunQueryDsl, dsl::sql, sql_types::Timestamptz};
use homepot::model::{
    CommandId, CommandState, CommandType, DeviceChange, DeviceId, DeviceSource, Event, Run, RunDevice, RunDeviceFilter,
    RunId, RunOrder, RunProgress, RunResumption, RunState, SiteId, SiteScope, Target, Whom,
};
use homepot_store::{
    PgConnection, StoreError,
    commands::{self, Changed, Speaker, Word},
    devices,
    maintenance::{self, Retention},
    runs::{self, Started},
};

use crate::fixture::*;

const FIRST: usize = 5;

fn order(target: Target) -> RunOrder {
    RunOrder {
        target,
        command_type: CommandType::parse("PING").unwrap(),
        payload: None,
        max_in_flight: 2,
        max_failures: 0,
        time_to_live: std::time::Duration::from_secs(600),
        run_timeout: std::time::Duration::from_secs(60),
        idempotency_key: None,
        description: None,
    }
}

fn start(conn: &mut PgConnection, order: &RunOrder) -> Run {
    let id = RunId(uuid::Uuid::now_v7());
    match runs::insert(conn, id, order, &starter("admin"), |device| (!device.active).then(|| "inactive".to_owned())) {
        Ok(Started::New(run)) => run,
        other => panic!("{other:?}"),
    }
}

/// A fleet of `FIRST` devices at one site and one at another.
async fn fleet() -> homepot_store::test_support::TestDatabase {
    let (database, _) = with_device("d0").await;
    let mut conn = database.connect();
    (1..FIRST).for_each(|number| drop(enrolled(&mut conn, &format!("d{number}"), "site-1")));
    enrolled(&mut conn, "elsewhere", "site-2");
    database
}

fn whole_fleet(source: DeviceSource) -> Target {
    Target { whom: Whom::Fleet, source: Some(source) }
}

fn site_1() -> Target {
    Target {
        whom: Whom::Matching { site_id: Some(SiteId::parse("site-1").unwrap()), selector: None },
        source: Some(DeviceSource::Real),
    }
}

fn listed(conn: &mut PgConnection, run: &Run) -> Vec<RunDevice> {
    all_pages(2, |page| runs::devices(conn, run.run_id, &RunDeviceFilter::default(), page).unwrap())
}

/// Ends the commands that are queued.
fn end_all(conn: &mut PgConnection, run: &Run, end: CommandState) {
    for device in listed(conn, run) {
        let Some((command_id, CommandState::Queued)) = device.command else { continue };
        let pk = devices::find_ref(conn, &device.device_id).unwrap().unwrap().pk;
        let word =
            Word { command_id, speaker: Speaker::Poller { pk }, event: Event::Ended(end), result: None, reason: None };
        assert!(matches!(commands::change(conn, &[word]).unwrap()[..], [Changed::Done(_)]));
    }
}

fn found(conn: &mut PgConnection, run: &Run) -> Run {
    runs::find(conn, run.run_id, &SiteScope::All).unwrap().unwrap()
}

fn queued(conn: &mut PgConnection) -> usize {
    runs::advance(conn).unwrap().iter().map(|step| step.queued.len()).sum()
}

#[tokio::test]
async fn a_run_goes_through_its_devices_some_at_a_time_and_completes() {
    let database = fleet().await;
    let mut conn = database.connect();
    let run = start(&mut conn, &order(site_1()));
    assert_eq!(run.progress, RunProgress { total: 5, waiting: 5, ..RunProgress::default() });
    for expected in [2, 2, 1] {
        assert_eq!(queued(&mut conn), expected);
        assert_eq!(queued(&mut conn), 0);
        end_all(&mut conn, &run, CommandState::Succeeded);
    }
    let steps = runs::advance(&mut conn).unwrap();
    assert_eq!(steps.iter().map(|step| step.state).collect::<Vec<_>>(), [RunState::Completed]);
    let run = found(&mut conn, &run);
    assert_eq!((run.state, run.finished_at.is_some()), (RunState::Completed, true));
    assert_eq!(run.progress, RunProgress { total: 5, succeeded: 5, ..RunProgress::default() });
    assert!(listed(&mut conn, &run).iter().all(|device| matches!(device.command, Some((_, CommandState::Succeeded)))));
    // What a run queued says so.
    let command_id: CommandId = listed(&mut conn, &run)[0].command.unwrap().0;
    let command = commands::find(&mut conn, command_id).unwrap().unwrap();
    assert_eq!(command.run_id, Some(run.run_id));
    assert!(command.history[0].cause.contains(&run.run_id.to_string()));
}

#[tokio::test]
async fn commands_of_a_run_are_moved_once_it_has_ended_and_it_is_told_as_before_until_it_goes() {
    let database = fleet().await;
    let mut conn = database.connect();
    let run = start(&mut conn, &RunOrder { max_in_flight: 10, ..order(site_1()) });
    queued(&mut conn);
    end_all(&mut conn, &run, CommandState::Succeeded);
    let soon = Utc::now() + commands::STAYS + TimeDelta::seconds(1);
    let file = |conn: &mut PgConnection| commands::file(conn, soon, uuid::Uuid::nil(), 100).unwrap();
    assert_eq!(file(&mut conn), None);
    runs::advance(&mut conn).unwrap();
    let (completed, devices) = (found(&mut conn, &run), listed(&mut conn, &run));
    assert_eq!(completed.state, RunState::Completed);
    assert_eq!(file(&mut conn).map(|(filed, _)| filed), Some(5));
    assert_eq!((found(&mut conn, &run), listed(&mut conn, &run)), (completed, devices));
    let failed = RunDeviceFilter { states: vec![CommandState::Failed], ..RunDeviceFilter::default() };
    let none = all_pages(2, |page| runs::devices(&mut conn, run.run_id, &failed, page).unwrap());
    assert!(none.is_empty());
    let kept = Retention { commands: std::time::Duration::from_secs(40 * 24 * 3_600), ..Retention::default() };
    for (days, is_kept) in [(39, true), (41, false)] {
        maintenance::run_at(&mut conn, soon + Days::new(days), &kept).unwrap().unwrap();
        assert_eq!(runs::find(&mut conn, run.run_id, &SiteScope::All).unwrap().is_some(), is_kept);
    }
}

#[tokio::test]
async fn one_failure_too_many_halts_a_run_and_a_resumption_goes_on() {
    let database = fleet().await;
    let mut conn = database.connect();
    let run = start(&mut conn, &RunOrder { max_failures: 1, ..order(site_1()) });
    queued(&mut conn);
    end_all(&mut conn, &run, CommandState::Failed);
    runs::advance(&mut conn).unwrap();
    let halted = found(&mut conn, &run);
    assert_eq!((halted.state, halted.reason.as_deref()), (RunState::Halted, Some("2 devices failed, 1 may")));
    assert_eq!(queued(&mut conn), 0);

    let resumed = runs::resume(&mut conn, run.run_id, &RunResumption::default()).unwrap().unwrap();
    assert_eq!((resumed.state, resumed.order.max_failures), (RunState::Running, 2));
    let faster = RunResumption { max_in_flight: Some(10), max_failures: Some(7) };
    runs::pause(&mut conn, run.run_id, "paused by bob").unwrap().unwrap();
    assert_eq!(queued(&mut conn), 0);
    assert_eq!(found(&mut conn, &run).reason.as_deref(), Some("paused by bob"));
    runs::resume(&mut conn, run.run_id, &faster).unwrap().unwrap();
    assert_eq!(queued(&mut conn), 3);
    end_all(&mut conn, &run, CommandState::Succeeded);
    runs::advance(&mut conn).unwrap();
    assert_eq!(found(&mut conn, &run).state, RunState::Completed);
    // An end stays.
    assert_eq!(runs::resume(&mut conn, run.run_id, &faster).unwrap(), None);
    assert_eq!(runs::pause(&mut conn, run.run_id, "").unwrap(), None);
    assert_eq!(runs::cancel(&mut conn, run.run_id, "").unwrap(), None);
}

#[tokio::test]
async fn a_cancelled_run_takes_back_what_waits_and_leaves_out_the_rest() {
    let database = fleet().await;
    let mut conn = database.connect();
    let run = start(&mut conn, &order(site_1()));
    queued(&mut conn);
    let (cancelled, to_ask) = runs::cancel(&mut conn, run.run_id, "cancelled by bob").unwrap().unwrap();
    assert!(to_ask.is_empty());
    assert_eq!(cancelled.state, RunState::Cancelled);
    assert_eq!(cancelled.progress, RunProgress { total: 5, cancelled: 2, skipped: 3, ..RunProgress::default() });
    assert_eq!(queued(&mut conn), 0);
    let again = runs::cancel(&mut conn, run.run_id, "again").unwrap().unwrap();
    assert_eq!(again, (cancelled, vec![]));
}

#[tokio::test]
async fn replicas_that_drive_at_once_queue_each_device_once() {
    let database = fleet().await;
    let mut conn = database.connect();
    let run = start(&mut conn, &RunOrder { max_in_flight: 3, ..order(site_1()) });
    at_once(database.store(), 8, |_| |conn: &mut PgConnection| runs::advance(conn)).await;
    assert_eq!(found(&mut conn, &run).progress.in_flight, 3);
    let mut of_run: Vec<_> = listed(&mut conn, &run).into_iter().filter_map(|device| device.command).collect();
    of_run.dedup();
    assert_eq!(of_run.len(), 3);
}

#[tokio::test]
async fn inactive_devices_are_left_out_whenever_they_become_so() {
    let database = fleet().await;
    let mut conn = database.connect();
    let shut_out = |conn: &mut PgConnection, id: &str| {
        let change = DeviceChange { active: Some(false), ..DeviceChange::default() };
        devices::update(conn, &DeviceId::parse(id).unwrap(), &change).unwrap();
    };
    shut_out(&mut conn, "d0");
    let run = start(&mut conn, &order(site_1()));
    assert_eq!(run.progress.skipped, 1);
    shut_out(&mut conn, "d1");
    assert_eq!(queued(&mut conn), 1);
    let progress = found(&mut conn, &run).progress;
    assert_eq!((progress.skipped, progress.in_flight, progress.waiting), (2, 1, 2));
}

#[tokio::test]
async fn a_target_is_settled_at_the_start_and_within_the_callers_sites() {
    let database = fleet().await;
    let mut conn = database.connect();
    let of_site_2 = SiteScope::Only(vec![SiteId::parse("site-2").unwrap()]);
    let try_start = |conn: &mut PgConnection, target, scope: &SiteScope| {
        let starter = runs::Starter { scope: scope.clone(), ..starter("admin") };
        runs::insert(conn, RunId(uuid::Uuid::now_v7()), &order(target), &starter, |_| None)
    };
    let Started::New(run) = try_start(&mut conn, whole_fleet(DeviceSource::Real), &of_site_2).unwrap() else {
        panic!()
    };
    assert_eq!(run.progress.total, 1);
    let named = |ids: &[&str]| Target {
        whom: Whom::Devices(ids.iter().map(|id| DeviceId::parse(id).unwrap()).collect()),
        source: None,
    };
    for (target, told) in [
        (named(&["d0", "elsewhere"]), "Device d0 not found"),
        (named(&["nobody"]), "Device nobody not found"),
        (site_1(), "target"),
    ] {
        let Err(StoreError::Invalid(error)) = try_start(&mut conn, target, &of_site_2) else { panic!() };
        assert!(error.to_string().contains(told), "{error}");
    }
    // A run that reaches further than the caller is not there.
    let both = start(&mut conn, &order(named(&["d0", "elsewhere"])));
    assert_eq!(runs::find(&mut conn, both.run_id, &of_site_2).unwrap(), None);
    let seen = all_pages(1, |page| runs::list(&mut conn, &of_site_2, None, None, page).unwrap());
    assert_eq!(seen.iter().map(|run| run.run_id).collect::<Vec<_>>(), [run.run_id]);
    assert_eq!(
        all_pages(1, |page| runs::list(&mut conn, &SiteScope::All, Some(RunState::Running), None, page).unwrap()).len(),
        2
    );
}

#[tokio::test]
async fn an_idempotency_key_starts_one_run_an_operator() {
    let database = fleet().await;
    let with_key = RunOrder { idempotency_key: Some("k".to_owned()), ..order(site_1()) };
    let started = at_once(database.store(), 4, |_| {
        let order = with_key.clone();
        move |conn: &mut PgConnection| {
            runs::insert(conn, RunId(uuid::Uuid::now_v7()), &order, &starter("admin"), |_| None)
        }
    })
    .await;
    assert_eq!(started.iter().filter(|started| matches!(started, Started::New(_))).count(), 1);
    let mut conn = database.connect();
    let of_other = runs::insert(&mut conn, RunId(uuid::Uuid::now_v7()), &with_key, &starter("other"), |_| None);
    assert!(matches!(of_other, Ok(Started::New(_))));
}

#[tokio::test]
async fn runs_of_a_restored_database_are_halted_until_somebody_resumes_them() {
    let database = fleet().await;
    let mut conn = database.connect();
    let run = start(&mut conn, &order(site_1()));
    homepot_store::restored::end_under_way(&mut conn).unwrap();
    let before = queued(&mut conn);
    runs::advance(&mut conn).unwrap();
    let halted = found(&mut conn, &run);
    assert_eq!((halted.state, queued(&mut conn)), (RunState::Halted, before));
    assert!(halted.reason.unwrap().contains("restored from a backup"));
}

fn now(conn: &mut PgConnection) -> DateTime<Utc> {
    diesel::select(sql::<Timestamptz>("clock_timestamp()")).get_result(conn).unwrap()
}

#[tokio::test]
async fn a_watch_finds_each_change_of_a_run_and_each_is_later_than_the_one_before() {
    let database = fleet().await;
    let mut conn = database.connect();
    let everything = usize::MAX;
    let quiet = start(&mut conn, &order(site_1()));
    runs::cancel(&mut conn, quiet.run_id, "cancelled by bob").unwrap();
    let run = start(&mut conn, &order(site_1()));

    let since = now(&mut conn);
    assert_eq!(runs::changed_since(&mut conn, since, everything).unwrap(), Some(Vec::new()));
    let changed = |conn: &mut PgConnection| {
        let found = runs::changed_since(conn, since, everything).unwrap().unwrap();
        let [watched] = &found[..] else { panic!("{found:?}") };
        assert_eq!((watched.run.run_id, &watched.reaches), (run.run_id, &SiteScope::Only(vec![site_id("site-1")])));
        watched.clone()
    };
    // Its commands tell that it went on.
    queued(&mut conn);
    assert_eq!(changed(&mut conn).run.progress.in_flight, 2);
    end_all(&mut conn, &run, CommandState::Succeeded);
    let went_on = changed(&mut conn);
    assert_eq!((went_on.run.progress.succeeded, went_on.changed_at < since), (2, true));
    // What becomes of the run itself tells its row, and two changes of one transaction are told apart.
    let times = conn.transaction(|conn| {
        runs::pause(conn, run.run_id, "paused by bob")?;
        let paused = changed(conn).changed_at;
        runs::resume(conn, run.run_id, &RunResumption::default())?;
        Ok::<_, StoreError>([went_on.changed_at, paused, changed(conn).changed_at])
    });
    assert!(times.unwrap().is_sorted_by(|earlier, later| earlier < later));
    // And so does a device that is left out, of which no command tells.
    let since = now(&mut conn);
    for number in 2..FIRST {
        let inactive = DeviceChange { active: Some(false), ..DeviceChange::default() };
        devices::update(&mut conn, &device_id(&format!("d{number}")), &inactive).unwrap();
    }
    queued(&mut conn);
    let found = runs::changed_since(&mut conn, since, everything).unwrap().unwrap();
    assert_eq!(found.iter().map(|watched| watched.run.progress.skipped).collect::<Vec<_>>(), [2]);
    // More than may be in memory is not told at once.
    assert_eq!(runs::changed_since(&mut conn, since, 1).unwrap(), None);
}

#[tokio::test]
async fn a_watch_is_told_of_the_runs_that_its_filter_lets_in() {
    let database = fleet().await;
    let mut conn = database.connect();
    let near = start(&mut conn, &order(site_1())).run_id;
    let far = start(&mut conn, &order(whole_fleet(DeviceSource::Real))).run_id;
    let everything = runs::WatchedFilter { scope: SiteScope::All, source: None, run_id: None };
    let yesterday = now(&mut conn) - TimeDelta::days(1);
    let all = runs::changed_since(&mut conn, yesterday, usize::MAX).unwrap().unwrap();
    for (filter, expected) in [
        (everything.clone(), vec![near, far]),
        (runs::WatchedFilter { scope: SiteScope::Only(vec![site_id("site-1")]), ..everything.clone() }, vec![near]),
        (runs::WatchedFilter { scope: SiteScope::Only(vec![site_id("site-2")]), ..everything.clone() }, vec![]),
        (runs::WatchedFilter { source: Some(DeviceSource::Simulated), ..everything.clone() }, vec![]),
        (runs::WatchedFilter { source: Some(DeviceSource::Real), ..everything.clone() }, vec![near, far]),
        (runs::WatchedFilter { run_id: Some(far), ..everything }, vec![far]),
    ] {
        let read = all_pages(1, |page| runs::changed_of(&mut conn, &filter, None, page, usize::MAX).unwrap());
        assert_eq!(read.iter().map(|watched| watched.run.run_id).collect::<Vec<_>>(), expected);
        // A look tells each viewer the same.
        let mut seen: Vec<_> = all.iter().filter(|watched| filter.matches(watched)).map(|one| one.run.run_id).collect();
        seen.sort_unstable();
        assert_eq!(seen, expected);
    }
}

#[tokio::test]
async fn each_number_of_the_progress_has_a_list_of_exactly_that_many() {
    let database = fleet().await;
    let mut conn = database.connect();
    let inactive = DeviceChange { active: Some(false), ..DeviceChange::default() };
    devices::update(&mut conn, &device_id("d0"), &inactive).unwrap();
    let run = start(&mut conn, &order(site_1()));
    queued(&mut conn);
    let progress = found(&mut conn, &run).progress;
    assert_eq!(progress, RunProgress { total: 5, skipped: 1, in_flight: 2, waiting: 2, ..RunProgress::default() });
    let of_queued = || RunDeviceFilter { states: vec![CommandState::Queued], ..RunDeviceFilter::default() };
    for (filter, expected) in [
        (RunDeviceFilter::default(), progress.total),
        (of_queued(), progress.in_flight),
        (RunDeviceFilter { waiting: true, ..RunDeviceFilter::default() }, progress.waiting),
        (RunDeviceFilter { skipped: true, ..RunDeviceFilter::default() }, progress.skipped),
        // Any of them, and each of this run and this source.
        (RunDeviceFilter { waiting: true, skipped: true, ..of_queued() }, progress.total),
        (RunDeviceFilter { waiting: true, source: Some(DeviceSource::Simulated), ..of_queued() }, 0),
    ] {
        let list = all_pages(1, |page| runs::devices(&mut conn, run.run_id, &filter, page).unwrap());
        assert_eq!(u32::try_from(list.len()).unwrap(), expected, "{filter:?}");
        assert!(list.iter().all(|device| !filter.skipped || filter.waiting || device.skipped));
    }
    let other = start(&mut conn, &order(site_1()));
    let waiting = RunDeviceFilter { waiting: true, skipped: true, ..of_queued() };
    assert_eq!(all_pages(9, |page| runs::devices(&mut conn, other.run_id, &waiting, page).unwrap()).len(), 5);
}
