//! Whether history takes samples at all.

use chrono::{DateTime, Utc};
use diesel::{Connection, PgConnection, result::Error as DieselError};

use super::{Expected, NewSample, write};
use crate::StoreError;

/// Whether `sample` would be stored; it is not. Tells a sample that Postgres refuses from a Postgres that takes none.
pub fn probe(conn: &mut PgConnection, sample: &NewSample, received_at: DateTime<Utc>) -> Result<(), StoreError> {
    let outcome = conn.transaction(|conn| {
        write(conn, std::slice::from_ref(sample), received_at, Expected::Repeats)?;
        Err::<(), StoreError>(DieselError::RollbackTransaction.into())
    });
    match outcome {
        Err(StoreError::Database(DieselError::RollbackTransaction)) => Ok(()),
        outcome => outcome,
    }
}
