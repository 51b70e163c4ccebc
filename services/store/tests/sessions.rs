//! Sessions, their fence, and presence.

use chrono::{SubsecRound, TimeDelta, Utc};
use homepot::model::{Device, DeviceStatus, Hello};
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
    assert_eq!(device(&mut conn).presence.status(Utc::now()), DeviceStatus::Unknown);
    let first = sessions::begin(&mut conn, d.pk, &hello("boot-1"), "r", HEARTBEAT).unwrap();
    let second = sessions::begin(&mut conn, d.pk, &hello("boot-2"), "r", HEARTBEAT).unwrap();
    assert!(second > first);
    assert!(!sessions::end(&mut conn, d.pk, first).unwrap());
    let presence = device(&mut conn).presence;
    assert_eq!((presence.session_epoch, presence.boot_id.as_deref()), (second, Some("boot-2")));
    assert_eq!(presence.status(Utc::now()), DeviceStatus::Online);
    assert_eq!(presence.capabilities, Some(vec!["PING".to_owned()]));
    assert!(sessions::end(&mut conn, d.pk, second).unwrap());
    let presence = device(&mut conn).presence;
    assert_eq!(presence.status(Utc::now()), DeviceStatus::Offline);
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
    let base = Utc::now().trunc_subsecs(6);
    let at = |seconds| base + TimeDelta::seconds(seconds);
    let touch = |epoch, seconds| Touch { pk: d.pk, epoch, seen_at: at(seconds), heartbeat: HEARTBEAT * 2 };

    sessions::touch(&mut conn, &[touch(Some(old), 100)]).unwrap();
    assert!(device(&mut conn).presence.last_seen_at.unwrap() <= base);
    // In one slice the latest counts, whatever the order.
    sessions::touch(&mut conn, &[touch(Some(new), 10), touch(Some(new), 20), touch(Some(new), 5)]).unwrap();
    let presence = device(&mut conn).presence;
    assert_eq!(presence.last_seen_at, Some(at(20)));
    assert_eq!(presence.heartbeat_interval, HEARTBEAT * 2);
    sessions::touch(&mut conn, &[touch(Some(new), 1)]).unwrap();
    assert_eq!(device(&mut conn).presence.last_seen_at, Some(at(20)));

    // A session that is over does not come back by a late touch; a call of the device's own brings it back.
    sessions::end(&mut conn, d.pk, new).unwrap();
    sessions::touch(&mut conn, &[touch(Some(new), 30)]).unwrap();
    assert_eq!(device(&mut conn).presence.status(at(30)), DeviceStatus::Offline);
    sessions::touch(&mut conn, &[touch(None, 40), touch(Some(old), 90)]).unwrap();
    let presence = device(&mut conn).presence;
    assert_eq!((presence.last_seen_at, presence.status(at(40))), (Some(at(40)), DeviceStatus::Online));
    sessions::touch(&mut conn, &[]).unwrap();
}

#[tokio::test]
async fn a_call_of_its_own_leaves_the_heartbeat_of_an_attached_session_alone() {
    let (database, d) = with_device("d").await;
    let mut conn = database.connect();
    let touch = |seconds| Touch {
        pk: d.pk,
        epoch: None,
        seen_at: Utc::now() + TimeDelta::seconds(seconds),
        heartbeat: HEARTBEAT * 6,
    };
    sessions::touch(&mut conn, &[touch(0)]).unwrap();
    assert_eq!(device(&mut conn).presence.heartbeat_interval, HEARTBEAT * 6);
    sessions::begin(&mut conn, d.pk, &hello("b"), "r", HEARTBEAT).unwrap();
    sessions::touch(&mut conn, &[touch(1)]).unwrap();
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
        let standing = sessions::standing(conn, &[d.pk, other.pk]).unwrap();
        assert_eq!(standing.len(), 2);
        let of_device = standing.iter().find(|standing| standing.pk == d.pk).unwrap();
        assert!(of_device.active);
        (of_device.epoch, of_device.waiting)
    };
    assert_eq!(waiting(&mut conn), (epoch, false));
    queue_this(&mut conn, d.pk, new_command("d", "REBOOT"));
    assert_eq!(waiting(&mut conn), (epoch, true));
    commands::claim(&mut conn, &[Claim { pk: d.pk, epoch }]).unwrap();
    assert_eq!(waiting(&mut conn), (epoch, false));
    let next = sessions::begin(&mut conn, d.pk, &journal, "r", HEARTBEAT).unwrap();
    assert_eq!(waiting(&mut conn), (next, true));
    // What is not safe to repeat does not wait for another journal.
    let next = sessions::begin(&mut conn, d.pk, &hello("b"), "r", HEARTBEAT).unwrap();
    assert_eq!(waiting(&mut conn), (next, false));
}
