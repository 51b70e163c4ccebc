//! What is kept of keys and tokens, and which secrets the servers on this database use. Nothing in here is enough to become
//! anybody: a hash opens nothing, and a tag is made under a secret that the database does not hold.

use std::time::Duration;

use diesel::{
    prelude::*,
    sql_query,
    sql_types::{Binary, Bool, Double},
};

use crate::{
    StoreError,
    schema::{device_keys, enrollment_tokens, operators},
};

/// Four bytes that name the server's secret, then four bytes of a MAC under it.
pub type CheckTag = [u8; 8];

/// A key or token to keep.
#[derive(Clone, Debug)]
pub struct NewSecret {
    /// Its public letters, by which it is found.
    pub public_id: String,
    /// The secret as a PHC string.
    pub hash: String,
    /// Its tag under the server's secret.
    pub check_tag: CheckTag,
}

/// A key or token as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredSecret {
    /// The secret as a PHC string.
    pub hash: String,
    /// Its tag; `None`: an earlier version made it, and it was not used since.
    pub check_tag: Option<CheckTag>,
}

/// The hash and the tag of a secret, as its row has them.
pub(crate) type Columns = (String, Option<Vec<u8>>);

impl StoredSecret {
    /// From its columns; a tag of another length is of a later version and says nothing here.
    pub(crate) fn from_columns((hash, check_tag): Columns) -> Self {
        Self { hash, check_tag: check_tag.and_then(|tag| tag.try_into().ok()) }
    }
}

/// Where a secret is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Owner {
    /// With a device's keys.
    Device {
        /// The device.
        pk: i64,
        /// The public letters of its key.
        key_id: String,
    },
    /// With an operator, by the public letters of its token.
    Operator(String),
    /// As a token for enrolment, by its public letters.
    Enrollment(String),
}

/// Keeps the tag of a secret that was just proved right, unless it was replaced meanwhile.
pub fn learn(conn: &mut PgConnection, owner: &Owner, hash: &str, tag: CheckTag) -> Result<(), StoreError> {
    let tag = Some(tag.as_slice());
    match owner {
        Owner::Device { pk, key_id } => diesel::update(device_keys::table.find((*pk, key_id)))
            .filter(device_keys::hash.eq(hash))
            .set(device_keys::check_tag.eq(tag))
            .execute(conn)?,
        Owner::Operator(token_id) => diesel::update(operators::table.filter(operators::token_id.eq(token_id)))
            .filter(operators::token_hash.eq(hash))
            .set(operators::check_tag.eq(tag))
            .execute(conn)?,
        Owner::Enrollment(token_id) => diesel::update(enrollment_tokens::table.find(token_id))
            .filter(enrollment_tokens::token_hash.eq(hash))
            .set(enrollment_tokens::check_tag.eq(tag))
            .execute(conn)?,
    };
    Ok(())
}

#[derive(QueryableByName)]
struct Others {
    #[diesel(sql_type = Bool)]
    any: bool,
}

/// Notes that a server uses the secret with this fingerprint, and answers whether another secret was in use within `recent`.
pub fn note_in_use(conn: &mut PgConnection, fingerprint: &[u8; 16], recent: Duration) -> Result<bool, StoreError> {
    let fingerprint = fingerprint.as_slice();
    sql_query(
        "INSERT INTO server_secrets (fingerprint) VALUES ($1) ON CONFLICT (fingerprint) DO UPDATE SET seen_at = now()",
    )
    .bind::<Binary, _>(fingerprint)
    .execute(conn)?;
    let others: Others = sql_query(
        "SELECT EXISTS (SELECT FROM server_secrets
            WHERE fingerprint <> $1 AND seen_at > now() - $2 * interval '1 second') AS any",
    )
    .bind::<Binary, _>(fingerprint)
    .bind::<Double, _>(recent.as_secs_f64())
    .get_result(conn)?;
    Ok(others.any)
}
