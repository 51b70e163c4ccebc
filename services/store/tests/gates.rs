//! What holds devices of a rollout back: windows, turns, approvals; and rollouts that replace others.

use std::time::Duration;

use chrono::{Datelike as _, TimeDelta, Utc};
use diesel::{RunQueryDsl, sql_query};
use homepot::model::{
    Phases, RolloutId, RolloutOrder, RolloutState, Sha256, SiteId, Target, UpdateAction, UpdatePolicy, UpdateState,
    Whom,
};
use homepot_store::{
    PgConnection,
    releases::{self, InPostgres},
    rollouts::{self, Approved, Started},
};

use crate::{
    fixture::*,
    rollouts::{get, release, say, start, start_for, told},
};

fn site(id: &str) -> SiteId {
    SiteId::parse(id).unwrap()
}

/// A policy whose only window is open on the day after tomorrow.
fn closed() -> UpdatePolicy {
    let day = (Utc::now() + TimeDelta::days(2)).weekday().to_string().to_lowercase();
    let window = format!("{day} 12:00-12:01").parse().unwrap();
    UpdatePolicy { time_zone: "UTC".to_owned(), windows: vec![window], needs_approval: false }
}

fn set(conn: &mut PgConnection, site_id: &str, policy: &UpdatePolicy) -> Vec<i64> {
    rollouts::set_policy(conn, &site(site_id), policy, "admin").unwrap()
}

fn state(conn: &mut PgConnection, id: RolloutId, device: &str) -> (UpdateState, String) {
    let devices = rollouts::devices(conn, id, &[], &page(10, None)).unwrap().items;
    let found = devices.into_iter().find(|one| one.device_id == device_id(device)).unwrap();
    (found.state, found.reason.unwrap_or_default())
}

/// All devices at once.
fn start_at_once(conn: &mut PgConnection, names: &[&str]) -> (RolloutId, Vec<i64>) {
    let release_id = release(conn);
    let devices = names.iter().map(|name| device_id(name)).collect();
    let order = RolloutOrder {
        phases: Phases::parse(&["100%".to_owned()]).unwrap(),
        ..start_for(conn, release_id, Target { whom: Whom::Devices(devices), source: None }).order
    };
    sql_query("UPDATE rollouts SET state = 'aborted'").execute(conn).unwrap();
    let id = RolloutId(uuid::Uuid::now_v7());
    rollouts::insert(conn, id, &order, &starter("admin"), |_, all| Ok(vec![Ok(None); all.len()])).unwrap();
    (id, told(conn))
}

#[tokio::test]
async fn a_device_waits_for_its_window_is_in_nobodys_way_and_is_asked_again_when_the_policy_changes() {
    let (database, _) = with_device("a").await;
    let mut conn = database.connect();
    enrolled(&mut conn, "b", "site-1");
    set(&mut conn, "site-1", &closed());
    let (id, first) = start_at_once(&mut conn, &["a", "b"]);
    assert_eq!(first.len(), 1);
    let held = say(&mut conn, first[0], 1, UpdateState::Verified);
    assert_eq!((held.action, held.is_new), (UpdateAction::Wait, true));
    assert_eq!(held.wait.unwrap().ask_again_seconds(), 3600, "the longest");
    let (found, reason) = state(&mut conn, id, "a");
    assert_eq!(found, UpdateState::Held);
    assert!(reason.starts_with("the next maintenance window of site site-1 opens at 20"), "{reason}");
    assert!(!say(&mut conn, first[0], 1, UpdateState::Verified).is_new, "asked again, and held as before");
    // The other one fetches meanwhile, and waits too.
    let second = told(&mut conn);
    assert_eq!(second.len(), 1);
    assert_eq!(say(&mut conn, second[0], 1, UpdateState::Verified).action, UpdateAction::Wait);
    // Nobody takes it for lost before it is to ask again.
    sql_query("UPDATE rollout_devices SET heard_at = now() - interval '90 minutes'").execute(&mut conn).unwrap();
    told(&mut conn);
    assert_eq!(state(&mut conn, id, "a").0, UpdateState::Held);
    assert_eq!(get(&mut conn, id).progress.held, 2);

    let mut asked = set(&mut conn, "site-1", &UpdatePolicy::default());
    asked.sort_unstable();
    let mut both = [first[0], second[0]];
    both.sort_unstable();
    assert_eq!(asked, both);
    assert_eq!(rollouts::desired(&mut conn, &[first[0]]).unwrap()[0].as_ref().unwrap().asks, 1);
    // Both may by their site, and one after the other by their turn.
    assert_eq!(say(&mut conn, first[0], 1, UpdateState::Verified).action, UpdateAction::Install);
    assert_eq!(say(&mut conn, second[0], 1, UpdateState::Verified).action, UpdateAction::Wait);
    assert_eq!(state(&mut conn, id, "b").1, "another device of its site is being updated");
    assert_eq!(
        say(&mut conn, first[0], 1, UpdateState::Verified).action,
        UpdateAction::Install,
        "it has its turn already"
    );
    say(&mut conn, first[0], 1, UpdateState::Applying);
    assert!(rollouts::next_turns(&mut conn).unwrap().is_empty());
    say(&mut conn, first[0], 1, UpdateState::Confirmed);
    assert_eq!(rollouts::next_turns(&mut conn).unwrap(), [second[0]]);
    assert!(rollouts::next_turns(&mut conn).unwrap().is_empty(), "told once");
    assert_eq!(say(&mut conn, second[0], 1, UpdateState::Verified).action, UpdateAction::Install);

    // Who does not ask when it should is lost after all.
    sql_query("UPDATE rollout_devices SET heard_at = now() - interval '61 minutes'").execute(&mut conn).unwrap();
    told(&mut conn);
    assert_eq!(state(&mut conn, id, "b").0, UpdateState::Unreachable);
}

#[tokio::test]
async fn what_a_device_itself_holds_back_gives_its_turn_to_another() {
    let (database, _) = with_device("a").await;
    let mut conn = database.connect();
    enrolled(&mut conn, "b", "site-1");
    let (id, first) = start_at_once(&mut conn, &["a", "b"]);
    assert_eq!(say(&mut conn, first[0], 1, UpdateState::Verified).action, UpdateAction::Install);
    assert!(told(&mut conn).is_empty(), "the site is not free");
    // It was a moment too late: the till sells.
    say(&mut conn, first[0], 1, UpdateState::Held);
    let second = told(&mut conn);
    assert_eq!(say(&mut conn, second[0], 1, UpdateState::Verified).action, UpdateAction::Install);
    assert_eq!(say(&mut conn, first[0], 1, UpdateState::Verified).action, UpdateAction::Wait);
    // A batch of several that ask at once gives each turn once.
    let rollout = get(&mut conn, id);
    assert_eq!((rollout.progress.in_flight, rollout.progress.held), (2, 1));
}

#[tokio::test]
async fn nothing_that_is_held_begins_once_its_rollout_is_paused() {
    let (database, _) = with_device("a").await;
    let mut conn = database.connect();
    set(&mut conn, "site-1", &closed());
    let (id, device) = start_at_once(&mut conn, &["a"]);
    say(&mut conn, device[0], 1, UpdateState::Verified);
    rollouts::pause(&mut conn, id, "paused").unwrap().unwrap();
    set(&mut conn, "site-1", &UpdatePolicy::default());
    assert_eq!(say(&mut conn, device[0], 1, UpdateState::Verified).action, UpdateAction::Wait);
    assert_eq!(state(&mut conn, id, "a").1, "its rollout is paused");
    assert!(rollouts::next_turns(&mut conn).unwrap().is_empty());
    rollouts::resume(&mut conn, id).unwrap().unwrap();
    assert_eq!(rollouts::next_turns(&mut conn).unwrap(), device);
    assert_eq!(say(&mut conn, device[0], 1, UpdateState::Verified).action, UpdateAction::Install);
}

#[tokio::test]
async fn a_rollout_waits_for_a_second_person_where_a_site_asks_for_one() {
    let (database, _) = with_device("a").await;
    let mut conn = database.connect();
    enrolled(&mut conn, "b", "site-2");
    set(&mut conn, "site-2", &UpdatePolicy { needs_approval: true, ..UpdatePolicy::default() });
    let release_id = release(&mut conn);
    let only = |name| Target { whom: Whom::Devices(vec![device_id(name)]), source: None };
    assert_eq!(start_for(&mut conn, release_id, only("a")).state, RolloutState::Running, "the site does not ask");
    let waiting = start(&mut conn, release_id);
    assert_eq!((waiting.state, &waiting.approval.site_ids), (RolloutState::AwaitingApproval, &vec![site("site-2")]));
    let id = waiting.rollout_id;
    told(&mut conn);
    assert_eq!(state(&mut conn, id, "b").0, UpdateState::Waiting);
    // There is no way around it.
    assert!(rollouts::pause(&mut conn, id, "paused").unwrap().is_none());
    assert!(rollouts::resume(&mut conn, id).unwrap().is_none());
    assert_eq!(rollouts::approve(&mut conn, id, "admin").unwrap(), Approved::BySamePerson);
    for _ in 0..2 {
        match rollouts::approve(&mut conn, id, "second").unwrap() {
            Approved::Yes(rollout) => {
                assert_eq!(rollout.state, RolloutState::Running);
                assert_eq!(rollout.approval.given.unwrap().0, "second");
            }
            other => panic!("{other:?}"),
        }
    }
    let aborted = start(&mut conn, release_id);
    let (aborted, to_tell) = rollouts::abort(&mut conn, aborted.rollout_id, "aborted").unwrap().unwrap();
    assert_eq!((aborted.state, to_tell.len()), (RolloutState::Aborted, 0));
    assert_eq!(rollouts::approve(&mut conn, aborted.rollout_id, "second").unwrap(), Approved::NotAwaited);
}

#[tokio::test]
async fn a_rollout_replaces_another_for_the_devices_that_have_begun_with_it() {
    let (database, _) = with_device("a").await;
    let mut conn = database.connect();
    enrolled(&mut conn, "b", "site-2");
    let release_id = release(&mut conn);
    let earlier = start(&mut conn, release_id);
    let begun = told(&mut conn);
    assert_eq!(begun.len(), 1, "the first phase");
    let replace = |conn: &mut _, replaces| {
        let order = RolloutOrder { replaces: Some(replaces), ..earlier.order.clone() };
        rollouts::start(conn, RolloutId(uuid::Uuid::now_v7()), &order, &starter("admin"), |_, all| {
            Ok(vec![Ok(None); all.len()])
        })
    };
    let (started, to_tell) = replace(&mut conn, earlier.rollout_id).unwrap();
    let Started::New(later) = started else { panic!("{started:?}") };
    assert_eq!(to_tell, begun);
    assert_eq!((later.progress.waiting, later.order.replaces), (1, Some(earlier.rollout_id)));
    let earlier = get(&mut conn, earlier.rollout_id);
    assert_eq!(earlier.state, RolloutState::Aborted);
    assert_eq!(earlier.reason.unwrap(), format!("replaced by rollout {}, which admin started", later.rollout_id));
    assert_eq!(told(&mut conn), begun, "what is broken is not in the way of what mends it");
    // A rollout that nobody has begun with leads nowhere, and is left alone.
    let untouched = start(&mut conn, release_id);
    assert!(replace(&mut conn, untouched.rollout_id).is_err());
    assert_eq!(get(&mut conn, untouched.rollout_id).state, RolloutState::Running);
}

#[tokio::test]
async fn files_that_no_release_uses_go_after_a_day_and_rollouts_long_after_their_end() {
    let (database, _) = with_device("a").await;
    let mut conn = database.connect();
    let release_id = release(&mut conn);
    let day = Duration::from_secs(24 * 3600);
    let clean_up = |conn: &mut _| releases::clean_up(conn, &InPostgres, 30 * day);
    let (used, left) = (Sha256::parse(&"ab".repeat(32)).unwrap(), Sha256::parse(&"cd".repeat(32)).unwrap());
    let rollout = start(&mut conn, release_id);
    releases::add_part(&mut conn, &InPostgres, &left, 300_000, 0, &[0; 262_144], "admin").unwrap();
    assert_eq!(clean_up(&mut conn).unwrap(), 0, "it may go on");
    sql_query("UPDATE artifacts SET changed_at = now() - interval '25 hours'").execute(&mut conn).unwrap();
    sql_query("UPDATE rollouts SET created_at = now() - interval '3 years'").execute(&mut conn).unwrap();
    assert_eq!(clean_up(&mut conn).unwrap(), 1);
    assert!(releases::find_artifact(&mut conn, &left).unwrap().is_none());
    assert!(releases::find_artifact(&mut conn, &used).unwrap().is_some(), "a release uses it");
    assert_eq!(get(&mut conn, rollout.rollout_id).state, RolloutState::Running, "it has not ended");
    rollouts::abort(&mut conn, rollout.rollout_id, "aborted").unwrap();
    sql_query("UPDATE rollouts SET finished_at = now() - interval '29 days'").execute(&mut conn).unwrap();
    assert_eq!(clean_up(&mut conn).unwrap(), 0, "rollouts are kept for as long as the setting says");
    sql_query("UPDATE rollouts SET finished_at = now() - interval '31 days'").execute(&mut conn).unwrap();
    assert_eq!(clean_up(&mut conn).unwrap(), 1);
    assert_eq!(clean_up(&mut conn).unwrap(), 0);
    assert!(releases::find(&mut conn, release_id).unwrap().is_some(), "releases stay");
}
