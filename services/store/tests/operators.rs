//! Operators.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use homepot::model::{OperatorName, Role, SiteScope};
use homepot_store::{
    PgConnection, enrollment_tokens,
    operators::{self, Created, Made, NewOperator, Replaced, Revocation, Revoked},
    sites,
    test_support::TestDatabase,
};

use crate::fixture::*;

fn name(text: &str) -> OperatorName {
    OperatorName::parse(text).unwrap()
}

fn new(text: &str, role: Role, scope: SiteScope) -> NewOperator {
    let token = new_secret(&format!("hpo_{text}"), "hash");
    NewOperator { name: name(text), role, scope, token, expires_at: None, made_by: None }
}

fn revoke(conn: &mut PgConnection, who: &str, own_of: Option<&str>, with_made: bool) -> Revoked {
    operators::revoke(conn, &name(who), own_of.map(name).as_ref(), with_made).unwrap()
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
    assert_eq!(operators::list(&mut database.connect(), None, &page(10, None)).unwrap().items.len(), 1);
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
    operators::insert(&mut conn, &new("root", Role::Admin, SiteScope::All)).unwrap();
    let replace = |conn: &mut _, secret| {
        operators::replace_token(conn, &name("eve"), &new_secret(secret, "other"), &name("root"), false).unwrap()
    };
    assert!(matches!(replace(&mut conn, "hpo_new"), Replaced::Operator(_)));
    assert!(by_token(&mut conn, "hpo_eve").is_none());
    assert_eq!(by_token(&mut conn, "hpo_new").unwrap().secret.hash, "other");
    assert!(matches!(revoke(&mut conn, "eve", None, false), Revoked::Operator(_)));
    assert_eq!(replace(&mut conn, "hpo_3"), Replaced::Missing);
    assert!(!operators::find(&mut conn, &name("eve")).unwrap().unwrap().is_good(Utc::now()));
    assert_eq!(revoke(&mut conn, "bob", None, false), Revoked::Missing);
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
        move |conn: &mut PgConnection| operators::revoke(conn, &name(&format!("a{number}")), None, false)
    })
    .await;
    assert_eq!(revoked.iter().filter(|revoked| **revoked == Revoked::LastAdmin).count(), 1);
    for other in ["op", "local", "old"] {
        assert!(matches!(revoke(&mut conn, other, None, false), Revoked::Operator(_)), "{other}");
    }
}

fn make(conn: &mut PgConnection, maker: &str, who: &str, seconds: Option<u64>) -> Made<Created> {
    let new = new(who, Role::Admin, SiteScope::All);
    operators::make(conn, &name(maker), new, seconds.map(Duration::from_secs)).unwrap()
}

fn end(made: Made<Created>) -> Option<DateTime<Utc>> {
    match made {
        Made::Made(Created::Operator(operator)) => operator.expires_at,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn what_an_operator_makes_ends_with_it_at_the_latest() {
    let database = TestDatabase::new().await;
    let mut conn = database.connect();
    operators::insert(&mut conn, &new("root", Role::Admin, SiteScope::All)).unwrap();
    assert_eq!(end(make(&mut conn, "root", "lasting", None)), None);
    let of_short = end(make(&mut conn, "root", "short", Some(3_600))).unwrap();
    assert_eq!(end(make(&mut conn, "short", "same", None)), Some(of_short));
    assert!(end(make(&mut conn, "short", "shorter", Some(60))).unwrap() < of_short);
    assert_eq!(make(&mut conn, "short", "longer", Some(7_200)), Made::Outlasts(of_short));

    let token = new_token("hpe_1", "s", 1);
    let hour = Duration::from_secs(3_600);
    sites::insert(&mut conn, &new_site("s")).unwrap();
    let made = enrollment_tokens::make(&mut conn, &name("short"), token.clone(), None, hour * 24).unwrap();
    let Made::Made(Some(made)) = made else { panic!("{made:?}") };
    assert_eq!((made.expires_at, made.created_by.as_str()), (of_short, "short"));
    let longer = enrollment_tokens::make(&mut conn, &name("short"), token.clone(), Some(hour * 2), hour).unwrap();
    assert_eq!(longer, Made::Outlasts(of_short));

    // Nor can it make itself last by taking over one that does.
    let replace = |conn: &mut _, who| {
        operators::replace_token(conn, &name(who), &new_secret("hpo_x", "x"), &name("short"), false).unwrap()
    };
    assert_eq!(replace(&mut conn, "root"), Replaced::Outlasts);
    assert_eq!(replace(&mut conn, "lasting"), Replaced::Outlasts);
    assert!(matches!(replace(&mut conn, "short"), Replaced::Operator(_)));

    revoke(&mut conn, "short", None, false);
    assert_eq!(make(&mut conn, "short", "late", None), Made::MakerEnded);
    let late = enrollment_tokens::make(&mut conn, &name("short"), token, None, hour).unwrap();
    assert_eq!(late, Made::MakerEnded);
}

#[tokio::test]
async fn a_revocation_takes_along_what_was_made_where_it_is_told_to_and_tells_what_is_left() {
    let database = TestDatabase::new().await;
    let mut conn = database.connect();
    sites::insert(&mut conn, &new_site("s")).unwrap();
    operators::insert(&mut conn, &new("root", Role::Admin, SiteScope::All)).unwrap();
    for (maker, who) in [("root", "ann"), ("ann", "bob"), ("bob", "cyd"), ("root", "dan")] {
        end(make(&mut conn, maker, who, None));
    }
    let token = new_token("hpe_1", "s", 1);
    enrollment_tokens::make(&mut conn, &name("cyd"), token, None, Duration::from_secs(60)).unwrap();
    let names = |conn: &mut _, own_of: Option<&str>| -> Vec<String> {
        let own_of = own_of.map(name);
        let page = operators::list(conn, own_of.as_ref(), &page(10, None)).unwrap();
        page.items.into_iter().map(|operator| operator.name.to_string()).collect()
    };
    assert_eq!(names(&mut conn, Some("ann")), ["ann", "bob", "cyd"]);
    assert_eq!(names(&mut conn, None).len(), 5);
    assert_eq!(revoke(&mut conn, "dan", Some("ann"), false), Revoked::Missing, "it is another's");

    let revocation = |revoked| -> Revocation {
        match revoked {
            Revoked::Operator(revocation) => *revocation,
            other => panic!("{other:?}"),
        }
    };
    let alone = revocation(revoke(&mut conn, "ann", None, false));
    assert!(alone.operator.revoked_at.is_some());
    assert_eq!((alone.also_revoked.len(), alone.tokens_revoked), (0, 0));
    assert_eq!((alone.operators_left, alone.tokens_left), (2, 1));
    // Also later.
    let all = revocation(revoke(&mut conn, "ann", None, true));
    assert_eq!((all.also_revoked, all.tokens_revoked), (vec!["bob".to_owned(), "cyd".to_owned()], 1));
    assert_eq!((all.operators_left, all.tokens_left), (0, 0));
    assert_eq!(revoke(&mut conn, "root", None, true), Revoked::LastAdmin, "dan would go as well");
    assert!(matches!(revoke(&mut conn, "root", None, false), Revoked::Operator(_)));
}
