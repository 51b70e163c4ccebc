//! Sessions, their fence, and presence.

use std::time::Duration;

use homepot::model::{Device, DeviceStatus, Hello, StateCause};
use homepot_store::{
    PgConnection,
    commands::{self, Claim},
    devices,
    sessions::{self, Touch},
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
    let first = sessions::begin(&mut conn, d.pk, &hello("boot-1"), "r", HEARTBEAT).unwrap();
    let second = sessions::begin(&mut conn, d.pk, &hello("boot-2"), "r", HEARTBEAT).unwrap();
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
        move |conn: &mut PgConnection| sessions::begin(conn, pk, &hello("b"), "r", HEARTBEAT)
    })
    .await;
    epochs.sort_unstable();
    assert_eq!(epochs, (1..=12).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_touch_is_fenced_and_only_moves_forward() {
    let (database, d) = with_device("d").await;
    let mut conn = database.connect();
    let old = sessions::begin(&mut conn, d.pk, &hello("b"), "r", HEARTBEAT).unwrap();
    let new = sessions::begin(&mut conn, d.pk, &hello("b"), "r", HEARTBEAT).unwrap();
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
    sessions::begin(&mut conn, d.pk, &hello("b"), "r", HEARTBEAT).unwrap();
    sessions::touch(&mut conn, &[touch]).unwrap();
    assert_eq!(device(&mut conn).presence.heartbeat_interval, HEARTBEAT);
}

#[tokio::test]
async fn standing_tells_of_the_newest_session_and_of_waiting_commands() {
    let (database, d) = with_device("d").await;
    let mut conn = database.connect();
    let other = enrolled(&mut conn, "other", "site-1");
    let journal = Hello { journal_id: Some("journal".to_owned()), ..hello("b") };
    let epoch = sessions::begin(&mut conn, d.pk, &journal, "r", HEARTBEAT).unwrap();
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
    let next = sessions::begin(&mut conn, d.pk, &journal, "r", HEARTBEAT).unwrap();
    assert_eq!(waiting(&mut conn), (next, true));
    // What is not safe to repeat does not wait for another journal.
    let next = sessions::begin(&mut conn, d.pk, &hello("b"), "r", HEARTBEAT).unwrap();
    assert_eq!(waiting(&mut conn), (next, false));
}
