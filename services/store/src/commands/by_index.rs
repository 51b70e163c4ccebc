//! Queries over what devices may claim, which is a queue: rows pass through its index by the thousand and leave dead
//! entries behind.

use diesel::{Connection as _, PgConnection, connection::SimpleConnection as _};

use crate::StoreError;

/// Runs `work` in a transaction that reads indexes one entry after the other. Postgres likes bitmaps for so few rows, but
/// these visit every dead entry each time, where an index scan marks it and passes it by from then on: without this,
/// claims take longer with every command that a device has had since the last vacuum.
pub(crate) fn by_index<T>(
    conn: &mut PgConnection,
    work: impl FnOnce(&mut PgConnection) -> Result<T, StoreError>,
) -> Result<T, StoreError> {
    conn.transaction(|conn| {
        conn.batch_execute("SET LOCAL enable_bitmapscan = off")?;
        work(conn)
    })
}
