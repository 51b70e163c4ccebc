//! Values of variables: which of them a device has, and what goes away with what.

use diesel::{RunQueryDsl as _, sql_query};
use homepot::model::{PageRequest, SiteId, SiteScope, VariableName};
use homepot_store::{
    PgConnection,
    values::{self, Content, Owner, StoredValue, ValueFilter},
};

use crate::fixture::*;

fn set(conn: &mut PgConnection, variable: &str, owner: &Owner, text: &str) {
    let variable = VariableName::parse(variable).unwrap();
    values::set(conn, &variable, owner, &Content::Clear(text.to_owned()), "admin").unwrap();
}

fn site(id: &str) -> Owner {
    Owner::site(&SiteId::parse(id).unwrap())
}

fn run(conn: &mut PgConnection, statement: &str) {
    sql_query(statement).execute(conn).unwrap();
}

fn all(conn: &mut PgConnection) -> Vec<String> {
    let filter = ValueFilter { within: SiteScope::All, variable: None, scope: None };
    let page = values::list(conn, &filter, &PageRequest { size: 100, after: None }).unwrap();
    page.items.into_iter().map(|value| format!("{} of {}", value.variable, value.scope)).collect()
}

#[tokio::test]
async fn a_device_has_the_values_of_what_it_belongs_to_the_nearest_last() {
    let (database, a) = with_device("a").await;
    let mut conn = database.connect();
    let b = enrolled(&mut conn, "b", "site-2");
    run(&mut conn, "UPDATE devices SET labels = '{\"ring\": \"canary\"}' WHERE device_id = 'a'");
    set(&mut conn, "port", &Owner::device(a.pk), "5");
    set(&mut conn, "port", &Owner::label("ring=canary"), "4");
    set(&mut conn, "port", &Owner::label("ring=late"), "6");
    set(&mut conn, "port", &site(a.site_id.as_str()), "3");
    set(&mut conn, "port", &Owner::fleet(), "1");
    set(&mut conn, "port", &Owner::fleet(), "2");
    set(&mut conn, "other", &Owner::fleet(), "9");
    let found = values::of_devices(&mut conn, &["port"], [&a, &b].into_iter()).unwrap();
    let texts = |device| -> Vec<String> {
        let text = |value: &StoredValue| match &value.content {
            Content::Clear(text) => text.clone(),
            Content::Sealed(_) => "sealed".to_owned(),
        };
        found.of(device).map(text).collect()
    };
    assert_eq!(texts(&a), ["2", "3", "4", "5"]);
    assert_eq!(texts(&b), ["2"]);
}

#[tokio::test]
async fn a_value_is_clear_or_sealed_and_goes_with_its_device_and_its_site() {
    let (database, device) = with_device("a").await;
    let mut conn = database.connect();
    let pin = VariableName::parse("pin").unwrap();
    let owner = Owner::device(device.pk);
    set(&mut conn, "pin", &owner, "1234");
    let sealed = Content::Sealed(vec![1, 2, 3]);
    let value = values::set(&mut conn, &pin, &owner, &sealed, "ann").unwrap();
    assert_eq!((value.value, value.set_by.as_str()), (None, "ann"), "the clear one is gone");
    set(&mut conn, "port", &site("site-1"), "1");
    set(&mut conn, "port", &Owner::fleet(), "1");
    assert_eq!(all(&mut conn), ["pin of device a", "port of the fleet", "port of site site-1"]);
    // Whoever takes the device's id later is another device.
    run(&mut conn, "DELETE FROM devices");
    assert_eq!(all(&mut conn), ["port of the fleet", "port of site site-1"]);
    run(&mut conn, "DELETE FROM sites");
    assert_eq!(all(&mut conn), ["port of the fleet"]);
    let port = VariableName::parse("port").unwrap();
    assert!(values::delete(&mut conn, &port, &Owner::fleet()).unwrap());
    assert!(!values::delete(&mut conn, &port, &Owner::fleet()).unwrap());
}
