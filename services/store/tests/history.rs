//! A command's history tells what happened in the order in which it happened.

use diesel::Connection as _;
use homepot::model::Event;
use homepot_store::{
    PgConnection, StoreError,
    commands::{self, Claim, Inserted, Speaker, Word},
};

use crate::fixture::*;

#[tokio::test]
async fn a_history_goes_forward_however_long_ago_a_transaction_began() {
    let (database, d) = with_device("d").await;
    let (mut early, mut conn) = (database.connect(), database.connect());
    let epoch = begin(&mut conn, d.pk, &hello("b")).unwrap();
    let id = early.transaction(|early: &mut PgConnection| {
        let inserted = commands::insert(&mut conn, &[row(d.pk, new_command("d", "PING"))])?.pop();
        let Some(Inserted::New(command)) = inserted else { panic!("it is new") };
        let command_id = command.command_id;
        commands::claim(early, &[Claim { pk: d.pk, epoch, again: false }])?;
        let speaker = Speaker::Session { pk: d.pk, epoch };
        commands::change(early, &[Word { command_id, speaker, event: Event::Started, result: None, reason: None }])?;
        Ok::<_, StoreError>(command_id)
    });
    let history = commands::find(&mut conn, id.unwrap()).unwrap().unwrap().history;
    assert_eq!(history.len(), 3);
    assert!(history.is_sorted_by_key(|step| step.time), "{history:?}");
}
