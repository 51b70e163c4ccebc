//! Sessions, their fence, and presence.

use std::time::{Duration, Instant};

use diesel::RunQueryDsl as _;

use homepot::model::{Device, DeviceStatus, Hello, StateCause};
use homepot_store::{
    PgConnection,
    commands::{self, Claim},
    devices,
    sessions::{self, Begun, Stream, Touch},
};

use crate::fixture::*;

fn device(conn: &mut PgConnection) -> Device {
    devices::find(conn, &device_id("d")).unwrap().unwrap()
}

#[tokio::test]
async fn each_session_has_a_higher_epoch_and_only_the_newest_can_end() {
    let (database, d) = with_device("d").await;
    let mut conn = database.connect();
    assert_eq!(device(&mut conn).presence.status(), DeviceStatus::Unknown);
    let first = begin(&mut conn, d.pk, &hello("boot-1")).unwrap();
    let second = begin(&mut conn, d.pk, &hello("boot-2")).unwrap();
    assert!(second > first);
    assert!(!sessions::end(&mut conn, d.pk, first, StateCause::Detached, "").unwrap());
    let presence = device(&mut conn).presence;
    assert_eq!((presence.session_epoch, presence.boot_id.as_deref()), (second, Some("boot-2")));
    assert_eq!(presence.status(), DeviceStatus::Online);
    assert_eq!(presence.capabilities, Some(vec!["PING".to_owned()]));
    assert!(sessions::end(&mut conn, d.pk, second, StateCause::Detached, "").unwrap());
    let presence = device(&mut conn).presence;
    assert_eq!(presence.status(), DeviceStatus::Offline);
    assert_eq!(presence.attached_at, None);
}

#[tokio::test]
async fn sessions_that_begin_at_once_get_epochs_of_their_own() {
    let (database, d) = with_device("d").await;
    let mut epochs = at_once(database.store(), 12, |_| {
        let pk = d.pk;
        move |conn: &mut PgConnection| begin(conn, pk, &hello("b"))
    })
    .await;
    epochs.sort_unstable();
    assert_eq!(epochs, (1..=12).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_touch_is_fenced_and_only_moves_forward() {
    let (database, d) = with_device("d").await;
    let mut conn = database.connect();
    let old = begin(&mut conn, d.pk, &hello("b")).unwrap();
    let new = begin(&mut conn, d.pk, &hello("b")).unwrap();
    let touch = |epoch, ago| Touch { pk: d.pk, epoch, age: Duration::from_secs(ago), heartbeat: HEARTBEAT * 2 };
    let ago = |conn: &mut PgConnection| {
        let presence = device(conn).presence;
        (presence.read_at - presence.last_seen_at.unwrap()).num_seconds()
    };
    pass(&mut conn, d.pk, 20);

    sessions::touch(&mut conn, &[touch(Some(old), 0)]).unwrap();
    assert!(ago(&mut conn) >= 20);
    // In one slice the latest counts, whatever the order.
    sessions::touch(&mut conn, &[touch(Some(new), 15), touch(Some(new), 8), touch(Some(new), 18)]).unwrap();
    assert!((8..15).contains(&ago(&mut conn)));
    assert_eq!(device(&mut conn).presence.heartbeat_interval, HEARTBEAT * 2);
    sessions::touch(&mut conn, &[touch(Some(new), 15)]).unwrap();
    assert!((8..15).contains(&ago(&mut conn)));

    // A session that is over does not come back by a late touch; a call of the device's own brings it back.
    sessions::end(&mut conn, d.pk, new, StateCause::Detached, "").unwrap();
    sessions::touch(&mut conn, &[touch(Some(new), 0)]).unwrap();
    assert_eq!(device(&mut conn).presence.status(), DeviceStatus::Offline);
    sessions::touch(&mut conn, &[touch(None, 1), touch(Some(old), 0)]).unwrap();
    assert_eq!(device(&mut conn).presence.status(), DeviceStatus::Online);
    assert!(ago(&mut conn) < 8);
    sessions::touch(&mut conn, &[]).unwrap();
}

#[tokio::test]
async fn a_call_of_its_own_leaves_the_heartbeat_of_an_attached_session_alone() {
    let (database, d) = with_device("d").await;
    let mut conn = database.connect();
    let touch = Touch { pk: d.pk, epoch: None, age: Duration::ZERO, heartbeat: HEARTBEAT * 6 };
    sessions::touch(&mut conn, &[touch]).unwrap();
    assert_eq!(device(&mut conn).presence.heartbeat_interval, HEARTBEAT * 6);
    begin(&mut conn, d.pk, &hello("b")).unwrap();
    sessions::touch(&mut conn, &[touch]).unwrap();
    assert_eq!(device(&mut conn).presence.heartbeat_interval, HEARTBEAT);
}

#[tokio::test]
async fn standing_tells_of_the_newest_session_and_of_waiting_commands() {
    let (database, d) = with_device("d").await;
    let mut conn = database.connect();
    let other = enrolled(&mut conn, "other", "site-1");
    let journal = Hello { journal_id: Some("journal".to_owned()), ..hello("b") };
    let epoch = begin(&mut conn, d.pk, &journal).unwrap();
    let waiting = |conn: &mut PgConnection| {
        let standing = sessions::standing(conn, &[(d.pk, "hpd_AAAAAAAA"), (other.pk, "hpd_AAAAAAAA")]).unwrap();
        assert_eq!(standing.len(), 2);
        let of_device = standing.iter().find(|standing| standing.pk == d.pk).unwrap();
        assert!(of_device.active && of_device.key_is_good);
        (of_device.epoch, of_device.waiting)
    };
    assert_eq!(waiting(&mut conn), (epoch, false));
    queue_this(&mut conn, d.pk, new_command("d", "REBOOT"));
    assert_eq!(waiting(&mut conn), (epoch, true));
    commands::claim(&mut conn, &[Claim { pk: d.pk, epoch, again: false }]).unwrap();
    assert_eq!(waiting(&mut conn), (epoch, false));
    let next = begin(&mut conn, d.pk, &journal).unwrap();
    assert_eq!(waiting(&mut conn), (next, true));
    // What is not safe to repeat does not wait for another journal.
    let next = begin(&mut conn, d.pk, &hello("b")).unwrap();
    assert_eq!(waiting(&mut conn), (next, false));
}

/// Begins a session on a stream that was opened so long ago.
fn begin_late(conn: &mut PgConnection, pk: i64, hello: &Hello, age: Duration) -> Begun {
    sessions::begin(conn, pk, hello, "r", HEARTBEAT, &stream(age)).unwrap()
}

#[tokio::test]
async fn an_older_attempt_takes_nothing_from_a_newer_one() {
    let (database, d) = with_device("d").await;
    let mut conn = database.connect();
    let old = Duration::from_secs(8);
    // Nothing says which is the newer machine but when their streams were opened.
    for boot in ["b", "other", ""] {
        let newer = begin(&mut conn, d.pk, &hello("b")).unwrap();
        assert_eq!(begin_late(&mut conn, d.pk, &hello(boot), old), Begun::Late);
        assert_eq!(sessions::standing(&mut conn, &[(d.pk, "hpd_AAAAAAAA")]).unwrap()[0].epoch, newer);
        // A stream that was opened since is a newer one.
        begin(&mut conn, d.pk, &hello(boot)).unwrap();
    }
    // Once the newer one has ended, there is nothing to take.
    let newer = begin(&mut conn, d.pk, &hello("b")).unwrap();
    sessions::end(&mut conn, d.pk, newer, StateCause::Detached, "").unwrap();
    assert_eq!(begin_late(&mut conn, d.pk, &hello("b"), old), Begun::Epoch(newer + 1));
}

#[tokio::test]
async fn within_one_boot_the_devices_own_clock_orders_its_attempts() {
    let (database, d) = with_device("d").await;
    let mut conn = database.connect();
    let at = |boot: &str, seconds| Hello { since_boot: Some(Duration::from_secs(seconds)), ..hello(boot) };
    let first = begin(&mut conn, d.pk, &at("b", 100)).unwrap();
    // Both streams reach the server together: the order in which it takes them means nothing.
    assert_eq!(begin_late(&mut conn, d.pk, &at("b", 95), Duration::ZERO), Begun::Late);
    assert_eq!(begin_late(&mut conn, d.pk, &at("b", 105), Duration::from_secs(8)), Begun::Epoch(first + 1));
    // Another boot has a clock of its own.
    assert_eq!(begin_late(&mut conn, d.pk, &at("c", 1), Duration::ZERO), Begun::Epoch(first + 2));
}

#[tokio::test]
async fn an_attempt_whose_stream_is_gone_changes_nothing() {
    let (database, d) = with_device("d").await;
    let mut conn = database.connect();
    let epoch = begin(&mut conn, d.pk, &hello("b")).unwrap();
    let gone = Stream { opened: Instant::now(), is_open: &|| false };
    let begun = sessions::begin(&mut conn, d.pk, &hello("other"), "r", HEARTBEAT, &gone).unwrap();
    assert_eq!(
        (begun, sessions::standing(&mut conn, &[(d.pk, "hpd_AAAAAAAA")]).unwrap()[0].epoch),
        (Begun::Gone, epoch)
    );
}

#[tokio::test]
async fn a_database_clock_that_was_set_back_keeps_no_new_attempt_out() {
    let (database, d) = with_device("d").await;
    let mut conn = database.connect();
    let epoch = begin(&mut conn, d.pk, &hello("b")).unwrap();
    // As a session has it that began before the clock went back by an hour.
    diesel::sql_query(
        "UPDATE sessions SET opened_at = now() + interval '1 hour', attached_at = now() + interval '1 hour'",
    )
    .execute(&mut conn)
    .unwrap();
    assert_eq!(begin(&mut conn, d.pk, &hello("b")).unwrap(), epoch + 1);
}
