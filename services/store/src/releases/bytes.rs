//! Where the bytes of files lie.

use diesel::prelude::*;
use homepot::model::{CHUNK_BYTES, Sha256};

use crate::{StoreError, schema::artifact_parts};

/// Where the bytes of files lie: parts of [`CHUNK_BYTES`], the last one of a file shorter, by the digest of the file and where they
/// begin in it. What is known of a file, and which releases use it, lies in Postgres in any case.
///
/// Each call is within the transaction that changes the file's row, so that [`InPostgres`] is in step with it for nothing. Storage
/// outside of Postgres is in step because of the order: bytes are there before the row says so, and are removed after the row. Each
/// call may come again, after the one before it was rolled back.
pub trait ArtifactBytes: Send + Sync {
    /// Keeps a part. Another may lie there, of an upload that was rolled back; it is replaced.
    fn put(&self, conn: &mut PgConnection, sha256: &Sha256, start: u32, data: &[u8]) -> Result<(), StoreError>;

    /// The part that begins at `start`, a multiple of [`CHUNK_BYTES`]; `None`: there is none.
    fn get(&self, conn: &mut PgConnection, sha256: &Sha256, start: u32) -> Result<Option<Vec<u8>>, StoreError>;

    /// Removes all parts of a file whose row is gone.
    fn remove(&self, conn: &mut PgConnection, sha256: &Sha256) -> Result<(), StoreError>;
}

/// In the table `artifact_parts`, whose rows come and go with the row of their file. A file is a few MiB, and whoever backs up
/// Postgres has all of HOMEPOT.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct InPostgres;

impl ArtifactBytes for InPostgres {
    fn put(&self, conn: &mut PgConnection, sha256: &Sha256, start: u32, data: &[u8]) -> Result<(), StoreError> {
        diesel::insert_into(artifact_parts::table)
            .values((
                artifact_parts::sha256.eq(sha256.as_str()),
                artifact_parts::start.eq(i64::from(start)),
                artifact_parts::data.eq(data),
            ))
            .execute(conn)?;
        Ok(())
    }

    fn get(&self, conn: &mut PgConnection, sha256: &Sha256, start: u32) -> Result<Option<Vec<u8>>, StoreError> {
        debug_assert!(start.is_multiple_of(CHUNK_BYTES));
        let query = artifact_parts::table.find((sha256.as_str(), i64::from(start))).select(artifact_parts::data);
        Ok(query.first(conn).optional()?)
    }

    /// They have gone with the row.
    fn remove(&self, _: &mut PgConnection, _: &Sha256) -> Result<(), StoreError> {
        Ok(())
    }
}
