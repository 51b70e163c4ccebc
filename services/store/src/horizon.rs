//! The horizon: how far back a change may still show up. Watches read it before each query for changes.
//!
//! Rows carry `changed_at = now()`, the start of the transaction that changed them, and are seen once it commits. So
//! everything stamped before the start of the oldest transaction under way is there to be seen.
//!
//! Two seconds back: a transaction shows in the list a little after it takes its stamp. Ten minutes at most: none of ours takes
//! that long (see `Lane::session_settings`), and a backup's, which takes hours, should not make every look read hours.
//!
//! Postgres shows a user the transactions of its own sessions, and servers may run as users of their own. So functions of the
//! schema's owner look, which has to see them all (see `users.rs`).

use chrono::{DateTime, Utc};
use diesel::{
    OptionalExtension as _, PgConnection, QueryableByName, RunQueryDsl, sql_query,
    sql_types::{Double, Integer, Nullable, Text, Timestamptz},
};

use crate::{StoreError, users};

#[derive(QueryableByName)]
struct Horizon {
    #[diesel(sql_type = Timestamptz)]
    horizon: DateTime<Utc>,
    #[diesel(sql_type = Nullable<Text>)]
    unseen: Option<String>,
}

/// Everything stamped before this is committed, or never will be. To be read before the rows, in a transaction of its
/// own; by the database's clock.
pub fn horizon(conn: &mut PgConnection) -> Result<DateTime<Utc>, StoreError> {
    let found: Horizon = sql_query("SELECT horizon, unseen FROM watch_horizon()").get_result(conn)?;
    match found.unseen {
        None => Ok(found.horizon),
        // Better no news than news with holes.
        Some(users) => Err(users::cant_see(conn, &users)?),
    }
}

/// The transaction that holds the horizon back most: what watches are told waits for it.
#[derive(Clone, Debug, PartialEq, QueryableByName)]
pub struct Holder {
    /// Its server process.
    #[diesel(sql_type = Integer)]
    pub pid: i32,
    /// Which program it says it is.
    #[diesel(sql_type = Text)]
    pub application_name: String,
    /// What it does, such as `idle in transaction`.
    #[diesel(sql_type = Text)]
    pub state: String,
    /// Seconds since its transaction began.
    #[diesel(sql_type = Double)]
    pub age: f64,
}

/// Whose transaction is the oldest; `None` where none is under way.
pub fn holder(conn: &mut PgConnection) -> Result<Option<Holder>, StoreError> {
    Ok(sql_query("SELECT pid, application_name, state, age FROM oldest_transaction()").get_result(conn).optional()?)
}
