//! Mending drift: who is offered a release again, how often, and who is not.

use std::time::Duration;

use diesel::{RunQueryDsl, connection::SimpleConnection, sql_query, sql_types::Binary};
use homepot::model::{DeviceTarget, RolloutState, Sha256, Target, UpdateReport, UpdateState, Whom};
use homepot_store::{
    PgConnection,
    rollouts::{self, MendLimits},
};

use crate::{
    fixture::*,
    rollouts::{get, release, start_for, told},
};

const LIMITS: MendLimits = MendLimits { attempts: 2, pause: Duration::from_secs(600) };

fn target(counter: u64, is_drifted: bool) -> DeviceTarget {
    let sha256 = Sha256::parse(&if is_drifted { "cd" } else { "ab" }.repeat(32)).unwrap();
    DeviceTarget { name: "prices".to_owned(), sha256: Some(sha256), counter, is_drifted }
}

/// Says that `prices` is what the release of `counter` put there, or something else.
fn say(conn: &mut PgConnection, pk: i64, generation: u64, counter: u64, is_drifted: bool) {
    let report = UpdateReport {
        generation,
        state: (generation > 0).then_some(UpdateState::Confirmed),
        fetched_bytes: 0,
        targets: vec![target(counter, is_drifted)],
        reason: None,
        can_wait: true,
    };
    rollouts::report(conn, &[(pk, report)]).unwrap();
}

/// Brings a release that is mended to device `a`, which has it then; answers its number.
fn brought(conn: &mut PgConnection) -> i64 {
    let release_id = release(conn);
    sql_query("UPDATE releases SET mend_drift = true").execute(conn).unwrap();
    let target = Target { whom: Whom::Devices(vec![device_id("a")]), source: None };
    start_for(conn, release_id, target);
    let pk = told(conn)[0];
    say(conn, pk, 1, 1, false);
    told(conn);
    pk
}

fn mend(conn: &mut PgConnection) -> Vec<i64> {
    rollouts::mend(conn, LIMITS).unwrap().into_iter().flat_map(|begun| begun.to_tell).collect()
}

fn notes(conn: &mut PgConnection, pk: i64) -> Vec<String> {
    rollouts::find_update(conn, pk).unwrap().drift_notes
}

fn be_due(conn: &mut PgConnection) {
    sql_query("UPDATE device_mends SET next_at = now()").execute(conn).unwrap();
}

#[tokio::test]
async fn drift_is_mended_once_at_a_time_ever_more_rarely_and_then_not_for_a_day() {
    let (database, _) = with_device("a").await;
    let mut conn = database.connect();
    let pk = brought(&mut conn);
    assert!(mend(&mut conn).is_empty(), "it is as it should be");
    say(&mut conn, pk, 1, 1, true);
    assert_eq!(
        notes(&mut conn, pk),
        ["prices (prices 1): is mended as soon as no other device of its site is being updated"]
    );
    let begun = rollouts::mend(&mut conn, LIMITS).unwrap().remove(0);
    assert_eq!(begun.to_tell, [pk]);
    assert!(notes(&mut conn, pk)[0].contains("is mending it"));
    assert!(mend(&mut conn).is_empty(), "it is under way");
    say(&mut conn, pk, 2, 1, false);
    told(&mut conn);
    let rollout = get(&mut conn, begun.rollout_id);
    assert_eq!((rollout.state, rollout.mends_drift), (RolloutState::Completed, true));
    assert!(notes(&mut conn, pk).is_empty());

    say(&mut conn, pk, 2, 1, true);
    assert!(mend(&mut conn).is_empty(), "it waits for the pause");
    assert!(notes(&mut conn, pk)[0].contains("was mended once since"));
    be_due(&mut conn);
    assert_eq!(mend(&mut conn), [pk]);
    say(&mut conn, pk, 3, 1, false);
    say(&mut conn, pk, 3, 1, true);
    assert!(mend(&mut conn).is_empty());
    assert!(notes(&mut conn, pk)[0].contains("was mended 2 times since"));
    // A day later a series begins anew.
    be_due(&mut conn);
    assert_eq!(mend(&mut conn), [pk]);
    say(&mut conn, pk, 4, 1, false);
    say(&mut conn, pk, 4, 1, true);
    assert!(notes(&mut conn, pk)[0].contains("was mended once since"));
}

#[tokio::test]
async fn a_mend_that_fails_ends_by_itself_and_is_tried_again_later() {
    let (database, _) = with_device("a").await;
    let mut conn = database.connect();
    let pk = brought(&mut conn);
    say(&mut conn, pk, 1, 1, true);
    let begun = rollouts::mend(&mut conn, LIMITS).unwrap().remove(0);
    let failed = UpdateReport {
        generation: 2,
        state: Some(UpdateState::Failed),
        fetched_bytes: 0,
        targets: rollouts::find_update(&mut conn, pk).unwrap().targets,
        reason: Some("no room".to_owned()),
        can_wait: true,
    };
    rollouts::report(&mut conn, &[(pk, failed)]).unwrap();
    told(&mut conn);
    assert_eq!(get(&mut conn, begun.rollout_id).state, RolloutState::Completed, "nobody has to resume it");
    assert!(notes(&mut conn, pk)[0].contains("could not mend it, failed: no room"));
    be_due(&mut conn);
    assert_eq!(mend(&mut conn), [pk]);
}

#[tokio::test]
async fn nobody_is_offered_what_it_was_never_told_to_have_and_no_site_has_two_devices_at_it() {
    let (database, _) = with_device("a").await;
    let mut conn = database.connect();
    let stranger = enrolled(&mut conn, "b", "site-1").pk;
    let pk = brought(&mut conn);
    // It asks for a file that was never meant for it, by a counter that it may have heard of, or any other.
    for counter in [1, u64::MAX] {
        say(&mut conn, stranger, 0, counter, true);
        assert!(mend(&mut conn).is_empty());
        assert!(notes(&mut conn, stranger).is_empty());
    }
    // Another device of the site is at it.
    let release_id = rollouts::find_update(&mut conn, pk).unwrap().release_id.unwrap();
    let target = Target { whom: Whom::Devices(vec![device_id("b")]), source: None };
    start_for(&mut conn, release_id, target);
    assert_eq!(told(&mut conn), [stranger]);
    say(&mut conn, pk, 1, 1, true);
    assert!(mend(&mut conn).is_empty());
    say(&mut conn, stranger, 1, 1, false);
    assert_eq!(mend(&mut conn), [pk]);
}

#[tokio::test]
async fn what_is_not_mended_says_why() {
    let (database, _) = with_device("a").await;
    let mut conn = database.connect();
    let pk = brought(&mut conn);
    say(&mut conn, pk, 1, 1, true);
    let mut refused = |change: &str, undo: &str, reason: &str| {
        conn.batch_execute(change).unwrap();
        assert!(mend(&mut conn).is_empty(), "{reason}");
        let notes = notes(&mut conn, pk);
        assert!(notes[0].contains(reason), "{notes:?}");
        conn.batch_execute(undo).unwrap();
    };
    refused(
        "UPDATE releases SET expires_at = now()",
        "UPDATE releases SET expires_at = now() + interval '1 day'",
        "the release has expired",
    );
    refused(
        "INSERT INTO release_files SELECT release_id, 'logo', sha256, size, false FROM release_files",
        "DELETE FROM release_files WHERE target = 'logo'",
        "another release has since brought one of its targets",
    );
    sql_query("UPDATE devices SET active = false").execute(&mut conn).unwrap();
    assert!(mend(&mut conn).is_empty());
    sql_query("UPDATE devices SET active = true").execute(&mut conn).unwrap();
    assert_eq!(mend(&mut conn), [pk]);
}

#[tokio::test]
async fn a_mend_brings_the_values_that_the_device_confirmed_whatever_it_was_told_since() {
    let (database, _) = with_device("a").await;
    let mut conn = database.connect();
    let release_id = release(&mut conn);
    sql_query("UPDATE releases SET mend_drift = true").execute(&mut conn).unwrap();
    let named = || Target { whom: Whom::Devices(vec![device_id("a")]), source: None };
    let with = |conn: &mut PgConnection, release_id, values: &[u8]| {
        start_for(conn, release_id, named());
        sql_query("UPDATE rollout_devices SET sealed_values = $1 WHERE state = 'waiting'")
            .bind::<Binary, _>(values)
            .execute(conn)
            .unwrap();
        told(conn)[0]
    };
    let pk = with(&mut conn, release_id, b"good");
    say(&mut conn, pk, 1, 1, false);
    told(&mut conn);
    // The same release with other values, which the device does not bear.
    with(&mut conn, release_id, b"bad");
    let undone = UpdateReport {
        generation: 2,
        state: Some(UpdateState::RolledBack),
        fetched_bytes: 0,
        targets: rollouts::find_update(&mut conn, pk).unwrap().targets,
        reason: None,
        can_wait: true,
    };
    rollouts::report(&mut conn, &[(pk, undone.clone())]).unwrap();
    told(&mut conn);
    let drifted = UpdateReport { targets: vec![target(1, true)], ..undone };
    rollouts::report(&mut conn, &[(pk, drifted)]).unwrap();
    assert_eq!(mend(&mut conn), [pk]);
    assert_eq!(
        rollouts::desired(&mut conn, &[pk]).unwrap()[0].as_ref().unwrap().sealed_values.as_deref(),
        Some(&b"good"[..])
    );
}
