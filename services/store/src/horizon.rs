//! The horizon: how far back a change may still show up. Watches read it before each query for changes.
//!
//! Rows carry `changed_at = now()`, the start of the transaction that changed them, and are seen once it commits. So
//! everything stamped before the start of the oldest transaction under way is there to be seen.

use chrono::{DateTime, Utc};
use diesel::{
    OptionalExtension as _, PgConnection, QueryableByName, RunQueryDsl, sql_query,
    sql_types::{Double, Integer, Text, Timestamptz},
};

use crate::StoreError;

#[derive(QueryableByName)]
struct Horizon {
    #[diesel(sql_type = Timestamptz)]
    horizon: DateTime<Utc>,
}

// Two seconds back: a transaction shows in the list a little after it takes its stamp. Ten minutes at most: none of ours
// takes that long (see `Lane::session_settings`), and a backup's, which takes hours, should not make every look read hours.
// Postgres shows a role the transactions of its own sessions; all replicas come as the same one.
const HORIZON: &str = "\
SELECT greatest(least(min(xact_start), now()), now() - interval '10 minutes') - interval '2 seconds' AS horizon
FROM pg_stat_activity
WHERE datname = current_database() AND backend_type = 'client backend' AND pid <> pg_backend_pid()";

/// Everything stamped before this is committed, or never will be. To be read before the rows, in a transaction of its
/// own; by the database's clock.
pub fn horizon(conn: &mut PgConnection) -> Result<DateTime<Utc>, StoreError> {
    let found: Horizon = sql_query(HORIZON).get_result(conn)?;
    Ok(found.horizon)
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

// Not what it runs: that may hold what is nobody's business.
const HOLDER: &str = "\
SELECT pid, coalesce(application_name, '') AS application_name, coalesce(state, '') AS state,
    extract(epoch FROM clock_timestamp() - xact_start)::float8 AS age
FROM pg_stat_activity
WHERE datname = current_database() AND backend_type = 'client backend' AND pid <> pg_backend_pid()
    AND xact_start IS NOT NULL
ORDER BY xact_start LIMIT 1";

/// Whose transaction is the oldest; `None` where none is under way.
pub fn holder(conn: &mut PgConnection) -> Result<Option<Holder>, StoreError> {
    Ok(sql_query(HOLDER).get_result(conn).optional()?)
}
