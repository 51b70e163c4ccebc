//! Files by their digests, in parts of [`CHUNK_BYTES`].

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use homepot::{
    Error,
    model::{Artifact, CHUNK_BYTES, Sha256},
};

use crate::{
    StoreError, row,
    schema::{artifact_parts, artifacts},
};

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
        diesel::insert_into(artifact_parts::table)
            .values((
                artifact_parts::sha256.eq(sha256.as_str()),
                artifact_parts::start.eq(i64::from(start)),
                artifact_parts::data.eq(data),
            ))
            .execute(conn)?;
        let received = there.received + u32::try_from(data.len()).unwrap_or(u32::MAX);
        diesel::update(artifacts::table.find(sha256.as_str()))
            .set((artifacts::received.eq(i64::from(received)), artifacts::changed_at.eq(row::database_time())))
            .execute(conn)?;
        Ok(Artifact { received, ..there })
    })
}

/// The bytes of the part that begins at `start`, a multiple of [`CHUNK_BYTES`]; `None`: there is none.
pub fn part(conn: &mut PgConnection, sha256: &Sha256, start: u32) -> Result<Option<Vec<u8>>, StoreError> {
    debug_assert!(start.is_multiple_of(CHUNK_BYTES));
    let query = artifact_parts::table.find((sha256.as_str(), i64::from(start))).select(artifact_parts::data);
    Ok(query.first(conn).optional()?)
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
pub fn discard(conn: &mut PgConnection, sha256: &Sha256) -> Result<(), StoreError> {
    diesel::delete(artifacts::table.find(sha256.as_str())).filter(artifacts::completed_at.is_null()).execute(conn)?;
    Ok(())
}
