//! Whether Postgres answers.

use diesel::{PgConnection, RunQueryDsl, sql_query};

use crate::StoreError;

/// Asks Postgres for nothing.
pub fn ping(conn: &mut PgConnection) -> Result<(), StoreError> {
    sql_query("SELECT 1").execute(conn)?;
    Ok(())
}
