//! Enrolment under races and repeats.

use homepot::model::DeviceChange;
use homepot_store::{
    devices::{self, Enrolled},
    enrollment_tokens, sites,
    test_support::TestDatabase,
};

use crate::fixture::*;

#[tokio::test]
async fn of_concurrent_enrolments_of_one_id_exactly_one_wins_and_one_use_is_spent() {
    let database = TestDatabase::new().await;
    let mut conn = database.connect();
    sites::insert(&mut conn, &new_site("s")).unwrap();
    enrollment_tokens::insert(&mut conn, &new_token("hpe_t", "s", 100)).unwrap().unwrap();
    let answers = at_once(database.store(), 16, |number| {
        let mut new = new_device("d", "s");
        new.token_id = Some("hpe_t".to_owned());
        new.key.public_id = format!("hpd_{number:08}");
        move |conn| devices::enroll(conn, &new)
    })
    .await;
    assert_eq!(answers.iter().filter(|answer| matches!(answer, Enrolled::Device(_))).count(), 1);
    assert_eq!(answers.iter().filter(|answer| **answer == Enrolled::Taken).count(), 15);
    assert_eq!(uses_left(&mut conn, "hpe_t"), 99);
}

#[tokio::test]
async fn a_token_of_three_uses_enrols_three_devices_however_many_try_at_once() {
    let database = TestDatabase::new().await;
    let mut conn = database.connect();
    sites::insert(&mut conn, &new_site("s")).unwrap();
    enrollment_tokens::insert(&mut conn, &new_token("hpe_t", "s", 3)).unwrap().unwrap();
    let answers = at_once(database.store(), 20, |number| {
        let mut new = new_device(&format!("d{number}"), "s");
        new.token_id = Some("hpe_t".to_owned());
        move |conn| devices::enroll(conn, &new)
    })
    .await;
    assert_eq!(answers.iter().filter(|answer| matches!(answer, Enrolled::Device(_))).count(), 3);
    assert_eq!(answers.iter().filter(|answer| **answer == Enrolled::TokenSpent).count(), 17);
    assert_eq!(uses_left(&mut conn, "hpe_t"), 0);
    // Who was turned away left nothing behind.
    let known = (0..20).filter(|n| devices::find(&mut conn, &device_id(&format!("d{n}"))).unwrap().is_some()).count();
    assert_eq!(known, 3);
}

#[tokio::test]
async fn a_token_is_good_only_for_its_site_while_it_lasts_and_not_once_revoked() {
    let database = TestDatabase::new().await;
    let mut conn = database.connect();
    for site in ["s", "other"] {
        sites::insert(&mut conn, &new_site(site)).unwrap();
    }
    let mut expired = new_token("hpe_old", "s", 5);
    expired.expires_at = chrono::Utc::now() - chrono::TimeDelta::seconds(1);
    enrollment_tokens::insert(&mut conn, &expired).unwrap().unwrap();
    enrollment_tokens::insert(&mut conn, &new_token("hpe_other", "other", 5)).unwrap().unwrap();
    enrollment_tokens::insert(&mut conn, &new_token("hpe_gone", "s", 5)).unwrap().unwrap();
    enrollment_tokens::revoke(&mut conn, "hpe_gone", &homepot::model::SiteScope::All).unwrap().unwrap();
    for token in ["hpe_old", "hpe_other", "hpe_gone", "hpe_none"] {
        let mut new = new_device("d", "s");
        new.token_id = Some(token.to_owned());
        assert_eq!(devices::enroll(&mut conn, &new).unwrap(), Enrolled::TokenSpent, "{token}");
    }
    assert_eq!(devices::enroll(&mut conn, &new_device("d", "nowhere")).unwrap(), Enrolled::SiteMissing);
    assert!(devices::find(&mut conn, &device_id("d")).unwrap().is_none());
}

#[tokio::test]
async fn a_claim_gives_new_keys_until_the_device_was_seen_and_spends_nothing() {
    let database = TestDatabase::new().await;
    let mut conn = database.connect();
    sites::insert(&mut conn, &new_site("s")).unwrap();
    enrollment_tokens::insert(&mut conn, &new_token("hpe_t", "s", 1)).unwrap().unwrap();
    let mut new = new_device("d", "s");
    new.token_id = Some("hpe_t".to_owned());
    new.claim_hash = Some(vec![7; 32]);
    assert!(matches!(devices::enroll(&mut conn, &new).unwrap(), Enrolled::Device(_)));
    let version = |conn: &mut _| credential(conn, "d", "x").unwrap().credential_version;
    let before = version(&mut conn);

    new.key.public_id = "hpd_BBBBBBBB".to_owned();
    assert!(matches!(devices::enroll(&mut conn, &new).unwrap(), Enrolled::Device(_)));
    assert_eq!(uses_left(&mut conn, "hpe_t"), 0);
    assert!(version(&mut conn) > before);
    let key = |conn: &mut _, key_id| credential(conn, "d", key_id).unwrap().key;
    assert_eq!(key(&mut conn, "hpd_AAAAAAAA"), None);
    assert!(key(&mut conn, "hpd_BBBBBBBB").is_some());

    // Somebody else's claim, at a spent token, is told of the token and not of the device.
    new.claim_hash = Some(vec![8; 32]);
    assert_eq!(devices::enroll(&mut conn, &new).unwrap(), Enrolled::TokenSpent);
    new.token_id = None;
    assert_eq!(devices::enroll(&mut conn, &new).unwrap(), Enrolled::Taken);

    let pk = devices::find_ref(&mut conn, &device_id("d")).unwrap().unwrap().pk;
    begin(&mut conn, pk, &hello("b")).unwrap();
    new.claim_hash = Some(vec![7; 32]);
    assert_eq!(devices::enroll(&mut conn, &new).unwrap(), Enrolled::Taken);
}

#[tokio::test]
async fn shutting_a_device_out_voids_what_was_verified_and_keeps_the_rest() {
    let (database, _) = with_device("d").await;
    let mut conn = database.connect();
    let before = credential(&mut conn, "d", "hpd_AAAAAAAA").unwrap();
    let change = DeviceChange { active: Some(false), ..Default::default() };
    let device = devices::update(&mut conn, &device_id("d"), &change).unwrap().unwrap();
    assert!(!device.active);
    assert_eq!(device.name, "d");
    let after = credential(&mut conn, "d", "hpd_AAAAAAAA").unwrap();
    assert!(after.credential_version > before.credential_version);
    assert!(!after.device.active);
    assert_eq!(devices::update(&mut conn, &device_id("none"), &change).unwrap(), None);
}
