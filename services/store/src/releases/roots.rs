//! Trust roots, one a version.

use chrono::{DateTime, Utc};
use diesel::{prelude::*, sql_query, sql_types::BigInt};
use homepot::{
    Error, Kind,
    model::{Page, PageRequest, Signers, TrustRoot},
};

use crate::{StoreError, paging, schema::trust_roots};

#[derive(Queryable, Selectable)]
#[diesel(table_name = trust_roots)]
struct Row {
    version: i64,
    signed: Vec<u8>,
    expires_at: DateTime<Utc>,
    root_key_ids: Vec<String>,
    root_threshold: i32,
    release_key_ids: Vec<String>,
    release_threshold: i32,
    created_by: String,
    created_at: DateTime<Utc>,
}

fn root(row: Row) -> TrustRoot {
    let signers = |key_ids, threshold: i32| Signers { key_ids, threshold: threshold.try_into().unwrap_or_default() };
    TrustRoot {
        version: row.version.try_into().unwrap_or_default(),
        signed: row.signed,
        expires_at: row.expires_at,
        root_keys: signers(row.root_key_ids, row.root_threshold),
        release_keys: signers(row.release_key_ids, row.release_threshold),
        created_by: row.created_by,
        created_at: row.created_at,
    }
}

/// The newest root; `None`: there is none yet.
pub fn newest_root(conn: &mut PgConnection) -> Result<Option<TrustRoot>, StoreError> {
    let query = trust_roots::table.order(trust_roots::version.desc()).select(Row::as_select());
    Ok(query.first(conn).optional()?.map(root))
}

/// The newest `limit` roots, oldest first.
pub fn roots(conn: &mut PgConnection, limit: u32) -> Result<Vec<TrustRoot>, StoreError> {
    let query = trust_roots::table.order(trust_roots::version.desc()).limit(limit.into()).select(Row::as_select());
    let rows: Vec<Row> = query.load(conn)?;
    Ok(rows.into_iter().rev().map(root).collect())
}

/// Roots, newest first.
pub fn list_roots(conn: &mut PgConnection, page: &PageRequest) -> Result<Page<TrustRoot>, StoreError> {
    let mut query = trust_roots::table.select(Row::as_select()).into_boxed::<diesel::pg::Pg>();
    if let Some(after) = page.after_as::<i64>()? {
        query = query.filter(trust_roots::version.lt(after));
    }
    let rows: Vec<Row> = query.order(trust_roots::version.desc()).limit(paging::limit(page)).load(conn)?;
    let key = |root: &TrustRoot| root.version.to_string();
    Ok(Page::cut(rows.into_iter().map(root).collect(), page.size, key).within_bytes(key))
}

/// Held while a root is added, so that each follows the one that it was checked against.
const ADDING: i64 = 0x68_6f_6d_65_00_08;

/// Keeps a root and answers it; `follows` is the version of the newest one, which it was checked against. One that is there already
/// is answered as it is; where another one came meanwhile, that is a conflict.
pub fn insert_root(conn: &mut PgConnection, new: &TrustRoot, follows: Option<u64>) -> Result<TrustRoot, StoreError> {
    conn.transaction(|conn| {
        sql_query("SELECT pg_advisory_xact_lock($1)").bind::<BigInt, _>(ADDING).execute(conn)?;
        let newest = newest_root(conn)?;
        match newest {
            Some(newest) if newest.signed == new.signed => Ok(newest),
            newest if newest.as_ref().map(|root| root.version) == follows => keep(conn, new),
            _ => Err(Error::new(Kind::Conflict, "another trust root was added meanwhile").into()),
        }
    })
}

fn keep(conn: &mut PgConnection, new: &TrustRoot) -> Result<TrustRoot, StoreError> {
    let int = |number: u32| i32::try_from(number).unwrap_or(i32::MAX);
    let version = i64::try_from(new.version).unwrap_or(i64::MAX);
    diesel::insert_into(trust_roots::table)
        .values((
            trust_roots::version.eq(version),
            trust_roots::signed.eq(&new.signed),
            trust_roots::expires_at.eq(new.expires_at),
            trust_roots::root_key_ids.eq(&new.root_keys.key_ids),
            trust_roots::root_threshold.eq(int(new.root_keys.threshold)),
            trust_roots::release_key_ids.eq(&new.release_keys.key_ids),
            trust_roots::release_threshold.eq(int(new.release_keys.threshold)),
            trust_roots::created_by.eq(&new.created_by),
        ))
        .execute(conn)?;
    Ok(root(trust_roots::table.find(version).select(Row::as_select()).first(conn)?))
}
