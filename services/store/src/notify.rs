//! Sends notifications to the listeners of a channel of this database; see [`crate::listen`].

use diesel::{
    PgConnection, RunQueryDsl, sql_query,
    sql_types::{Array, Text},
};

use crate::StoreError;

/// Sends `messages`, each shorter than 8,000 bytes, in one statement. Not to be called in a transaction that writes: a
/// notification makes commits wait for each other.
pub fn notify(conn: &mut PgConnection, channel: &str, messages: &[String]) -> Result<(), StoreError> {
    sql_query("SELECT pg_notify($1, message) FROM unnest($2) AS message")
        .bind::<Text, _>(channel)
        .bind::<Array<Text>, _>(messages)
        .execute(conn)?;
    Ok(())
}
