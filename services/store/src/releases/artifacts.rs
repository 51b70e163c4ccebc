//! What is known of files, by their digests. Their bytes are behind [`ArtifactBytes`].

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use homepot::{
    Error,
    model::{Artifact, Sha256},
};

use super::ArtifactBytes;
use crate::{StoreError, row, schema::artifacts};

type Row = (String, i64, i64, Option<DateTime<Utc>>);
const COLUMNS: (artifacts::sha256, artifacts::size, artifacts::received, artifacts::completed_at) =
    (artifacts::sha256, artifacts::size, artifacts::received, artifacts::completed_at);

fn artifact((sha256, size, received, completed_at): Row) -> Result<Artifact, StoreError> {
    let bytes = |number: i64| u32::try_from(number).unwrap_or(u32::MAX);
    Ok(Artifact {
        sha256: row::checked("artifacts.sha256", &sha256)?,
        size: bytes(size),
        received: bytes(received),
        is_complete: completed_at.is_some(),
    })
}

/// A file, of which all or a beginning is there.
pub fn find_artifact(conn: &mut PgConnection, sha256: &Sha256) -> Result<Option<Artifact>, StoreError> {
    let row: Option<Row> = artifacts::table.find(sha256.as_str()).select(COLUMNS).first(conn).optional()?;
    row.map(artifact).transpose()
}

/// Keeps a part that begins where those before it end; one that begins elsewhere changes nothing.
pub fn add_part(
    conn: &mut PgConnection,
    bytes: &dyn ArtifactBytes,
    sha256: &Sha256,
    size: u32,
    start: u32,
    data: &[u8],
    created_by: &str,
) -> Result<Artifact, StoreError> {
    conn.transaction(|conn| {
        diesel::insert_into(artifacts::table)
            .values((
                artifacts::sha256.eq(sha256.as_str()),
                artifacts::size.eq(i64::from(size)),
                artifacts::created_by.eq(created_by),
            ))
            .on_conflict_do_nothing()
            .execute(conn)?;
        let locked: Row = artifacts::table.find(sha256.as_str()).select(COLUMNS).for_no_key_update().first(conn)?;
        let there = artifact(locked)?;
        if there.size != size {
            let told = format!("the upload of this file began with {} bytes", there.size);
            return Err(Error::invalid("size", told).into());
        }
        if there.received != start || there.received == there.size {
            return Ok(there);
        }
        bytes.put(conn, sha256, start, data)?;
        let received = there.received + u32::try_from(data.len()).unwrap_or(u32::MAX);
        diesel::update(artifacts::table.find(sha256.as_str()))
            .set((artifacts::received.eq(i64::from(received)), artifacts::changed_at.eq(row::database_time())))
            .execute(conn)?;
        Ok(Artifact { received, ..there })
    })
}

/// Notes that all of a file is there and has its digest.
pub fn complete(conn: &mut PgConnection, sha256: &Sha256) -> Result<Option<Artifact>, StoreError> {
    diesel::update(artifacts::table.find(sha256.as_str()))
        .filter(artifacts::received.eq(artifacts::size))
        .filter(artifacts::completed_at.is_null())
        .set(artifacts::completed_at.eq(row::database_time().nullable()))
        .execute(conn)?;
    find_artifact(conn, sha256)
}

/// Throws away what was uploaded of a file that turned out to be another.
pub fn discard(conn: &mut PgConnection, bytes: &dyn ArtifactBytes, sha256: &Sha256) -> Result<(), StoreError> {
    conn.transaction(|conn| {
        let incomplete = artifacts::table.find(sha256.as_str()).filter(artifacts::completed_at.is_null());
        if diesel::delete(incomplete).execute(conn)? > 0 {
            bytes.remove(conn, sha256)?;
        }
        Ok(())
    })
}
