//! Operators.

use chrono::{TimeDelta, Utc};
use homepot::model::{OperatorName, Role, SiteScope};
use homepot_store::{
    PgConnection,
    operators::{self, Created, NewOperator, Revoked},
    sites,
    test_support::TestDatabase,
};

use crate::fixture::*;

fn name(text: &str) -> OperatorName {
    OperatorName::parse(text).unwrap()
}

fn new(text: &str, role: Role, scope: SiteScope) -> NewOperator {
    let token = new_secret(&format!("hpo_{text}"), "hash");
    NewOperator { name: name(text), role, scope, token, expires_at: None }
}

/// As the door asks: for many at once, some of whom there are not.
fn by_token(conn: &mut PgConnection, token_id: &str) -> Option<operators::Credential> {
    let asked = ["hpo_nobody", token_id, "hpo_nobody"].map(str::to_owned);
    let found = operators::find_by_tokens(conn, &asked).unwrap();
    let [None, found, None] = &found[..] else { panic!("{found:?}") };
    found.clone()
}

#[tokio::test]
async fn of_replicas_that_start_at_once_one_makes_the_first_admin() {
    let database = TestDatabase::new().await;
    let made = at_once(database.store(), 8, |number| {
        let new = new(&format!("admin{number}"), Role::Admin, SiteScope::All);
        move |conn: &mut PgConnection| operators::insert_first(conn, &new)
    })
    .await;
    assert_eq!(made.iter().filter(|made| **made).count(), 1);
    assert_eq!(operators::list(&mut database.connect(), &page(10, None)).unwrap().items.len(), 1);
}

#[tokio::test]
async fn an_operator_is_found_by_its_token_until_that_is_replaced() {
    let database = TestDatabase::new().await;
    let mut conn = database.connect();
    sites::insert(&mut conn, &new_site("s")).unwrap();
    let scoped = SiteScope::Only(vec![site_id("s")]);
    let made = operators::insert(&mut conn, &new("eve", Role::Viewer, scoped.clone())).unwrap();
    let Created::Operator(eve) = made else { panic!("{made:?}") };
    assert_eq!((eve.scope, eve.role), (scoped, Role::Viewer));
    assert_eq!(operators::insert(&mut conn, &new("eve", Role::Admin, SiteScope::All)).unwrap(), Created::NameTaken);
    let astray = SiteScope::Only(vec![site_id("s"), site_id("none")]);
    let missing = operators::insert(&mut conn, &new("bob", Role::Viewer, astray)).unwrap();
    assert_eq!(missing, Created::SiteMissing(site_id("none")));

    let found = by_token(&mut conn, "hpo_eve").unwrap();
    assert_eq!((found.operator.name, found.secret.hash.as_str(), found.is_good), (name("eve"), "hash", true));
    operators::replace_token(&mut conn, &name("eve"), &new_secret("hpo_new", "other")).unwrap().unwrap();
    assert!(by_token(&mut conn, "hpo_eve").is_none());
    assert_eq!(by_token(&mut conn, "hpo_new").unwrap().secret.hash, "other");
    assert!(matches!(operators::revoke(&mut conn, &name("eve")).unwrap(), Revoked::Operator(_)));
    assert_eq!(operators::replace_token(&mut conn, &name("eve"), &new_secret("hpo_3", "x")).unwrap(), None);
    assert!(!operators::find(&mut conn, &name("eve")).unwrap().unwrap().is_good(Utc::now()));
    assert_eq!(operators::revoke(&mut conn, &name("bob")).unwrap(), Revoked::Missing);
}

#[tokio::test]
async fn the_last_admin_of_the_fleet_stays_whoever_revokes_at_once() {
    let database = TestDatabase::new().await;
    let mut conn = database.connect();
    sites::insert(&mut conn, &new_site("s")).unwrap();
    for number in 0..4 {
        operators::insert(&mut conn, &new(&format!("a{number}"), Role::Admin, SiteScope::All)).unwrap();
    }
    // None of these could take over.
    operators::insert(&mut conn, &new("op", Role::Operator, SiteScope::All)).unwrap();
    operators::insert(&mut conn, &new("local", Role::Admin, SiteScope::Only(vec![site_id("s")]))).unwrap();
    let mut expired = new("old", Role::Admin, SiteScope::All);
    expired.expires_at = Some(Utc::now() - TimeDelta::seconds(1));
    operators::insert(&mut conn, &expired).unwrap();

    let revoked = at_once(database.store(), 4, |number| {
        move |conn: &mut PgConnection| operators::revoke(conn, &name(&format!("a{number}")))
    })
    .await;
    assert_eq!(revoked.iter().filter(|revoked| **revoked == Revoked::LastAdmin).count(), 1);
    for other in ["op", "local", "old"] {
        assert!(matches!(operators::revoke(&mut conn, &name(other)).unwrap(), Revoked::Operator(_)), "{other}");
    }
}
