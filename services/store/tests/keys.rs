//! Keys of devices, and what is kept of secrets.

use std::time::Duration;

use chrono::{TimeDelta, Utc};
use homepot_store::{
    PgConnection, device_keys,
    secrets::{self, Owner},
    test_support::TestDatabase,
};

use crate::fixture::*;

fn live(conn: &mut PgConnection, key_id: &str) -> Option<device_keys::LiveKey> {
    credential(conn, "d", key_id).unwrap().key
}

#[tokio::test]
async fn rotation_overlaps_and_never_prolongs_an_older_key() {
    let (database, _) = with_device("d").await;
    let mut conn = database.connect();
    let rotate = |conn: &mut _, key_id, seconds| {
        device_keys::rotate(conn, &device_id("d"), &new_secret(key_id, "hash"), Duration::from_secs(seconds))
            .unwrap()
            .unwrap()
    };
    let first_end = rotate(&mut conn, "hpd_2", 60);
    assert!((first_end - Utc::now() - TimeDelta::seconds(60)).abs() < TimeDelta::seconds(5));
    assert_eq!(live(&mut conn, "hpd_AAAAAAAA").unwrap().expires_at, Some(first_end));
    assert_eq!(live(&mut conn, "hpd_2").unwrap().expires_at, None);

    let second_end = rotate(&mut conn, "hpd_3", 3_600);
    assert_eq!(live(&mut conn, "hpd_AAAAAAAA").unwrap().expires_at, Some(first_end));
    assert_eq!(live(&mut conn, "hpd_2").unwrap().expires_at, Some(second_end));

    // No overlap: all older ones end at once.
    rotate(&mut conn, "hpd_4", 0);
    assert_eq!(
        [live(&mut conn, "hpd_AAAAAAAA"), live(&mut conn, "hpd_2"), live(&mut conn, "hpd_3")],
        [None, None, None]
    );
    assert!(live(&mut conn, "hpd_4").is_some());
}

#[tokio::test]
async fn revocation_ends_every_key_and_raises_the_version() {
    let (database, _) = with_device("d").await;
    let mut conn = database.connect();
    device_keys::rotate(&mut conn, &device_id("d"), &new_secret("hpd_2", "hash"), Duration::from_secs(60))
        .unwrap()
        .unwrap();
    let before = credential(&mut conn, "d", "hpd_2").unwrap().credential_version;
    assert_eq!(device_keys::revoke_all(&mut conn, &device_id("d")).unwrap(), Some(2));
    let after = credential(&mut conn, "d", "hpd_2").unwrap();
    assert_eq!(after.key, None);
    assert!(after.credential_version > before);
    assert_eq!(device_keys::revoke_all(&mut conn, &device_id("d")).unwrap(), Some(0));
}

#[tokio::test]
async fn many_are_found_together_as_each_would_be_alone() {
    let (database, _) = with_device("d").await;
    let mut conn = database.connect();
    device_keys::rotate(&mut conn, &device_id("d"), &new_secret("hpd_2", "hash"), Duration::from_secs(60))
        .unwrap()
        .unwrap();
    let wanted = [("d", "hpd_2"), ("none", "hpd_2"), ("d", "hpd_AAAAAAAA"), ("d", "hpd_3"), ("d", "hpd_2")];
    let found = device_keys::find(&mut conn, &wanted.map(|(device, key)| (device_id(device), key.to_owned()))).unwrap();
    let keys: Vec<_> = found.iter().map(|found| found.as_ref().map(|credential| credential.key.clone())).collect();
    let alone = wanted.map(|(device, key)| credential(&mut conn, device, key).map(|credential| credential.key));
    assert_eq!(keys, alone);
    assert_eq!(keys[0].as_ref().unwrap().as_ref().unwrap().secret.hash, "hash");
    assert_eq!((&keys[1], &keys[3]), (&None, &Some(None)));
    assert_ne!(keys[0], keys[2]);
}

#[tokio::test]
async fn a_device_that_is_not_there_has_no_keys_to_change() {
    let (database, _) = with_device("d").await;
    let mut conn = database.connect();
    let other = device_id("other");
    assert!(credential(&mut conn, "other", "hpd_AAAAAAAA").is_none());
    assert_eq!(device_keys::rotate(&mut conn, &other, &new_secret("k", "h"), Duration::ZERO).unwrap(), None);
    assert_eq!(device_keys::revoke_all(&mut conn, &other).unwrap(), None);
}

#[tokio::test]
async fn a_tag_is_learned_for_the_secret_it_was_made_of_and_for_no_later_one() {
    let (database, device) = with_device("d").await;
    let mut conn = database.connect();
    let owner = Owner::Device { pk: device.pk, key_id: "hpd_AAAAAAAA".to_owned() };
    let tag = |conn: &mut _| live(conn, "hpd_AAAAAAAA").unwrap().secret.check_tag;
    secrets::learn(&mut conn, &owner, "another hash", [9; 8]).unwrap();
    assert_eq!(tag(&mut conn), Some([7; 8]));
    secrets::learn(&mut conn, &owner, "hash", [9; 8]).unwrap();
    assert_eq!(tag(&mut conn), Some([9; 8]));
}

#[tokio::test]
async fn a_second_secret_on_one_database_is_noticed_while_it_is_in_use() {
    let database = TestDatabase::new().await;
    let mut conn = database.connect();
    let minute = Duration::from_secs(60);
    let mut note = |secret, recent| secrets::note_in_use(&mut conn, &[secret; 16], recent).unwrap();
    assert!(!note(1, minute));
    assert!(!note(1, minute));
    assert!(note(2, minute), "the second sees the first");
    assert!(note(1, minute), "and the first the second");
    assert!(!note(1, Duration::ZERO), "what is long past counts no more");
}
