//! Rollouts: phases that bring something, sites one at a time, and roots that follow one another.

use std::time::Duration;

use chrono::{TimeDelta, Utc};
use diesel::{RunQueryDsl, sql_query};
use homepot::{
    Kind,
    model::{
        DeviceTarget, Phases, Release, ReleaseFile, ReleaseId, Rollout, RolloutId, RolloutOrder, RolloutState, Sha256,
        Signers, SiteScope, Target, TrustRoot, UpdateAction, UpdateReport, UpdateState, Whom,
    },
};
use homepot_store::{
    PgConnection, StoreError,
    releases::{self, InPostgres, NewRelease},
    rollouts::{self, Reported, Started},
};

use crate::fixture::*;

fn root(version: u64, signed: &[u8]) -> TrustRoot {
    let signers = Signers { key_ids: vec!["0123456789abcdef".to_owned()], threshold: 1 };
    TrustRoot {
        version,
        signed: signed.to_vec(),
        expires_at: Utc::now() + TimeDelta::days(1),
        root_keys: signers.clone(),
        release_keys: signers,
        created_by: "admin".to_owned(),
        created_at: Utc::now(),
    }
}

/// A release of one file, which is there.
pub(crate) fn release(conn: &mut PgConnection) -> ReleaseId {
    let sha256 = Sha256::parse(&"ab".repeat(32)).unwrap();
    releases::add_part(conn, &InPostgres, &sha256, 3, 0, b"abc", "admin").unwrap();
    releases::complete(conn, &sha256).unwrap();
    let release_id = ReleaseId(uuid::Uuid::now_v7());
    let file = ReleaseFile { target: "prices".to_owned(), sha256: sha256.clone(), size: 3, is_template: false };
    let release = Release {
        release_id,
        name: "prices".to_owned(),
        version: "1".to_owned(),
        counter: 1,
        files: vec![file],
        expires_at: Utc::now() + TimeDelta::days(1),
        key_ids: Vec::new(),
        sha256,
        created_by: "admin".to_owned(),
        created_at: Utc::now(),
        mends_drift: false,
    };
    releases::insert(conn, &NewRelease { release, signed: b"signed".to_vec() }).unwrap();
    release_id
}

pub(crate) fn start(conn: &mut PgConnection, release_id: ReleaseId) -> Rollout {
    start_for(conn, release_id, Target { whom: Whom::Fleet, source: None })
}

pub(crate) fn start_for(conn: &mut PgConnection, release_id: ReleaseId, target: Target) -> Rollout {
    let order = RolloutOrder {
        release_id,
        target,
        phases: Phases::default(),
        soak: Duration::ZERO,
        max_in_flight: 10,
        max_in_flight_per_site: 1,
        max_failure_percent: 5,
        silence: Duration::from_secs(3600),
        idempotency_key: None,
        description: None,
        replaces: None,
    };
    let id = RolloutId(uuid::Uuid::now_v7());
    match rollouts::insert(conn, id, &order, &starter("admin"), |_, all| Ok(vec![Ok(None); all.len()])) {
        Ok(Started::New(rollout)) => rollout,
        other => panic!("{other:?}"),
    }
}

pub(crate) fn say(conn: &mut PgConnection, pk: i64, generation: u64, state: UpdateState) -> Reported {
    // That of the release.
    let sha256 = (state == UpdateState::Confirmed).then(|| Sha256::parse(&"ab".repeat(32)).unwrap());
    say_with(conn, pk, generation, state, sha256)
}

fn say_with(conn: &mut PgConnection, pk: i64, generation: u64, state: UpdateState, sha256: Option<Sha256>) -> Reported {
    let target = DeviceTarget { name: "prices".to_owned(), sha256, counter: 0, is_drifted: false };
    let report = UpdateReport {
        generation,
        state: Some(state),
        fetched_bytes: 0,
        targets: vec![target],
        reason: None,
        can_wait: true,
    };
    rollouts::report(conn, &[(pk, report)]).unwrap().pop().unwrap()
}

pub(crate) fn told(conn: &mut PgConnection) -> Vec<i64> {
    rollouts::advance(conn).unwrap().into_iter().flat_map(|step| step.to_tell).collect()
}

pub(crate) fn get(conn: &mut PgConnection, id: RolloutId) -> Rollout {
    rollouts::find(conn, id, &SiteScope::All).unwrap().unwrap()
}

#[tokio::test]
async fn a_phase_that_brings_it_to_no_further_device_is_passed_over() {
    let (database, _) = with_device("a").await;
    let mut conn = database.connect();
    enrolled(&mut conn, "b", "site-1");
    enrolled(&mut conn, "c", "site-2");
    let release_id = release(&mut conn);
    // One device, then 5 % and 25 %, which are that device, then all.
    let rollout = start(&mut conn, release_id);
    let first = told(&mut conn);
    assert_eq!(first.len(), 1);
    assert!(told(&mut conn).is_empty(), "it is under way");
    let reported = say(&mut conn, first[0], 1, UpdateState::Verified);
    assert_eq!((reported.action, reported.is_newest), (UpdateAction::Install, true));
    say(&mut conn, first[0], 1, UpdateState::Confirmed);
    assert!(told(&mut conn).is_empty(), "the soak begins");
    assert!(told(&mut conn).is_empty(), "the next phase begins");
    assert_eq!(get(&mut conn, rollout.rollout_id).phase, 4);
    let rest = told(&mut conn);
    assert_eq!(rest.len(), 2, "one of each site");
    for pk in rest {
        say(&mut conn, pk, 1, UpdateState::Confirmed);
    }
    told(&mut conn);
    assert_eq!(get(&mut conn, rollout.rollout_id).state, RolloutState::Completed);
}

#[tokio::test]
async fn a_later_rollout_takes_over_and_what_is_said_of_the_earlier_one_begins_nothing() {
    let (database, _) = with_device("a").await;
    let mut conn = database.connect();
    let release_id = release(&mut conn);
    let earlier = start(&mut conn, release_id);
    let pk = told(&mut conn)[0];
    // What is broken is not in the way of what mends it. Ids are no help in telling which is later: they have the times of servers.
    let later = start(&mut conn, release_id);
    let shift = |conn: &mut _, by: i32| {
        let shift = format!("UPDATE rollouts SET number = number + {by} WHERE rollout_id = '{}'", earlier.rollout_id);
        sql_query(shift).execute(conn).unwrap()
    };
    shift(&mut conn, 10);
    assert!(told(&mut conn).is_empty());
    shift(&mut conn, -10);
    assert_eq!(told(&mut conn), [pk]);
    let state = |conn: &mut _, id| rollouts::devices(conn, id, &[], &page(10, None)).unwrap().items[0].state;
    assert_eq!(state(&mut conn, earlier.rollout_id), UpdateState::Superseded);
    let late = say(&mut conn, pk, 1, UpdateState::Verified);
    assert_eq!((late.action, late.is_newest), (UpdateAction::Cancel, false));
    assert_eq!(state(&mut conn, earlier.rollout_id), UpdateState::Superseded, "nobody will hear of it again");
    assert_eq!(state(&mut conn, later.rollout_id), UpdateState::Offered);
    // Said twice, kept once.
    let repeated = [say(&mut conn, pk, 2, UpdateState::Confirmed), say(&mut conn, pk, 2, UpdateState::Confirmed)];
    assert_eq!(repeated.map(|reported| reported.is_new), [true, false]);
}

#[tokio::test]
async fn a_device_that_an_aborted_rollout_left_behind_does_not_block_its_site_for_ever() {
    let (database, _) = with_device("a").await;
    let mut conn = database.connect();
    enrolled(&mut conn, "b", "site-1");
    let release_id = release(&mut conn);
    let named = |name| Target { whom: Whom::Devices(vec![device_id(name)]), source: None };
    let aborted = start_for(&mut conn, release_id, named("a"));
    let silent = told(&mut conn);
    let (_, to_tell) = rollouts::abort(&mut conn, aborted.rollout_id, "aborted").unwrap().unwrap();
    assert_eq!((to_tell, silent.len()), (silent, 1));
    start_for(&mut conn, release_id, named("b"));
    assert!(told(&mut conn).is_empty(), "it may be at it");
    sql_query("UPDATE rollout_devices SET heard_at = now() - interval '61 minutes' WHERE state = 'offered'")
        .execute(&mut conn)
        .unwrap();
    assert_eq!(told(&mut conn).len(), 1);
    let left = rollouts::devices(&mut conn, aborted.rollout_id, &[], &page(10, None)).unwrap().items.remove(0);
    assert_eq!(left.state, UpdateState::Unreachable);
    assert_eq!(left.reason.as_deref(), Some("nothing was heard of it for 60 minutes"));
}

#[tokio::test]
async fn who_says_that_it_has_a_release_is_believed_only_with_the_files_of_it() {
    let (database, _) = with_device("a").await;
    let mut conn = database.connect();
    let release_id = release(&mut conn);
    let rollout = start(&mut conn, release_id).rollout_id;
    let pk = told(&mut conn)[0];
    let other = Sha256::parse(&"cd".repeat(32)).unwrap();
    let ours = |conn: &mut _| rollouts::devices(conn, rollout, &[], &page(10, None)).unwrap().items.remove(0);
    for sha256 in [None, Some(other.clone())] {
        let reported = say_with(&mut conn, pk, 1, UpdateState::Confirmed, sha256);
        assert!(reported.lie.unwrap().contains("target prices"));
        let device = ours(&mut conn);
        assert_eq!(device.state, UpdateState::Failed);
        assert!(device.reason.unwrap().contains("holds something else"));
        assert_eq!(rollouts::find_update(&mut conn, pk).unwrap().state, Some(UpdateState::Failed));
    }
    told(&mut conn);
    assert_eq!(get(&mut conn, rollout).state, RolloutState::Halted);
    // Once it has it, that is the truth; and what is changed afterwards is drift and no lie.
    assert_eq!(say(&mut conn, pk, 1, UpdateState::Confirmed).lie, None);
    assert_eq!(say_with(&mut conn, pk, 1, UpdateState::Confirmed, Some(other)).lie, None);
    assert_eq!(ours(&mut conn).state, UpdateState::Confirmed);
    assert_eq!(rollouts::find_update(&mut conn, pk).unwrap().state, Some(UpdateState::Confirmed));
}

#[tokio::test]
async fn a_root_follows_the_one_it_was_checked_against_or_is_not_kept() {
    let (database, _) = with_device("a").await;
    let mut conn = database.connect();
    assert_eq!(releases::insert_root(&mut conn, &root(1, b"one"), None).unwrap().version, 1);
    assert_eq!(releases::insert_root(&mut conn, &root(1, b"one"), None).unwrap().version, 1, "sent twice");
    // Checked when there was none, or when another one was the newest.
    for (other, follows) in [(root(5, b"five"), None), (root(1, b"other"), None), (root(3, b"three"), Some(2))] {
        match releases::insert_root(&mut conn, &other, follows) {
            Err(StoreError::Invalid(error)) => assert_eq!(error.kind(), Kind::Conflict),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(releases::insert_root(&mut conn, &root(2, b"two"), Some(1)).unwrap().version, 2);
    assert_eq!(releases::newest_root(&mut conn).unwrap().unwrap().signed, b"two");
}
