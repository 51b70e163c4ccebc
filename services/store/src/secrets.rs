//! Secrets that all replicas share and nobody chose.

use diesel::prelude::*;

use crate::{StoreError, schema::secrets};

/// The secret called `name`; `random` becomes it when there is none yet. Every caller gets the same one.
pub fn find_or_insert(conn: &mut PgConnection, name: &str, random: [u8; 32]) -> Result<[u8; 32], StoreError> {
    diesel::insert_into(secrets::table)
        .values((secrets::name.eq(name), secrets::secret.eq(random.as_slice())))
        .on_conflict_do_nothing()
        .execute(conn)?;
    let secret: Vec<u8> = secrets::table.find(name).select(secrets::secret).first(conn)?;
    secret.try_into().map_err(|_| StoreError::Corrupt("secrets.secret: is not 32 bytes".to_owned()))
}
