//! The end of sites.

use diesel::{
    QueryableByName,
    prelude::*,
    sql_query,
    sql_types::{BigInt, Text},
};
use homepot::model::{History, Site, SiteId};

use super::find;
use crate::{
    StoreError, row,
    schema::{devices, enrollment_tokens, sites},
};

/// Operators that are named where they stand in the way.
const NAMED: i64 = 5;
/// Groups of errors that are removed in one statement.
const TOGETHER: i64 = 5_000;

/// Whether a site can be removed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SiteRemoval {
    /// It is marked as removed: nothing joins it any more.
    Marked(Site),
    /// There is no such site.
    Missing,
    /// So many devices are in the way, and so many that were removed and keep their history.
    HasDevices(i64, i64),
    /// Operators are bound to it, some of them by name: they would reach the next site of that id.
    HasOperators(Vec<String>),
}

/// Marks a site as removed, unless something is in the way: it is in no list from now on, its enrolment tokens end, and nothing
/// can enrol there. What was removed before stays as it is.
pub fn mark_removed(
    conn: &mut PgConnection,
    site_id: &SiteId,
    history: History,
    with_devices: bool,
) -> Result<SiteRemoval, StoreError> {
    conn.transaction(|conn| {
        // Whoever enrols a device there or makes a token for it waits, and then finds it removed.
        let found: Option<bool> = sites::table
            .find(site_id.as_str())
            .select(sites::removed_at.is_not_null())
            .for_update()
            .first(conn)
            .optional()?;
        let Some(was_removed) = found else { return Ok(SiteRemoval::Missing) };
        if !with_devices {
            let (there, kept) = count_devices(conn, site_id)?;
            if there > 0 || (kept > 0 && history == History::Purge) {
                return Ok(SiteRemoval::HasDevices(there, kept));
            }
        }
        if history == History::Purge {
            let bound = operators_bound(conn, site_id)?;
            if !bound.is_empty() {
                return Ok(SiteRemoval::HasOperators(bound));
            }
        }
        if !was_removed {
            diesel::update(sites::table.find(site_id.as_str()))
                .set((
                    sites::removed_at.eq(row::database_time().nullable()),
                    sites::open_enrollment.eq(false),
                    sites::updated_at.eq(row::database_time()),
                ))
                .execute(conn)?;
            let tokens = enrollment_tokens::table
                .filter(enrollment_tokens::site_id.eq(site_id.as_str()))
                .filter(enrollment_tokens::revoked_at.is_null());
            diesel::update(tokens)
                .set(enrollment_tokens::revoked_at.eq(row::database_time().nullable()))
                .execute(conn)?;
        }
        Ok(find(conn, site_id)?.map_or(SiteRemoval::Missing, SiteRemoval::Marked))
    })
}

fn count_devices(conn: &mut PgConnection, site_id: &SiteId) -> Result<(i64, i64), StoreError> {
    let of_site = || devices::table.filter(devices::site_id.eq(site_id.as_str()));
    let there = of_site().filter(devices::removed_at.is_null()).count().get_result(conn)?;
    let kept = of_site().filter(devices::removed_at.is_not_null()).count().get_result(conn)?;
    Ok((there, kept))
}

#[derive(QueryableByName)]
struct Named {
    #[diesel(sql_type = Text)]
    name: String,
}

fn operators_bound(conn: &mut PgConnection, site_id: &SiteId) -> Result<Vec<String>, StoreError> {
    let bound: Vec<Named> = sql_query(
        "SELECT name FROM operators WHERE $1 = ANY (site_ids) AND revoked_at IS NULL \
         AND (expires_at IS NULL OR expires_at > now()) ORDER BY name LIMIT $2",
    )
    .bind::<Text, _>(site_id.as_str())
    .bind::<BigInt, _>(NAMED)
    .load(conn)?;
    Ok(bound.into_iter().map(|named| named.name).collect())
}

/// Removes some of the errors that applications reported of a site; tells whether there were any. To be called until there are not.
pub fn thin_out(conn: &mut PgConnection, site_id: &SiteId) -> Result<bool, StoreError> {
    let removed = sql_query(
        "DELETE FROM error_groups g USING (SELECT hour, fingerprint FROM error_groups WHERE site_id = $1 LIMIT $2) AS found \
         WHERE g.hour = found.hour AND g.fingerprint = found.fingerprint",
    )
    .bind::<Text, _>(site_id.as_str())
    .bind::<BigInt, _>(TOGETHER)
    .execute(conn)?;
    Ok(removed > 0)
}

/// Removes a site that is marked as removed and has no devices left; its id is free then. False: a device is still there.
pub fn purge(conn: &mut PgConnection, site_id: &SiteId) -> Result<bool, StoreError> {
    conn.transaction(|conn| {
        let marked = sites::table.find(site_id.as_str()).filter(sites::removed_at.is_not_null());
        let there: Option<String> = marked.select(sites::site_id).for_update().first(conn).optional()?;
        if there.is_none() {
            return Ok(true);
        }
        if count_devices(conn, site_id)? != (0, 0) {
            return Ok(false);
        }
        diesel::delete(enrollment_tokens::table.filter(enrollment_tokens::site_id.eq(site_id.as_str())))
            .execute(conn)?;
        diesel::delete(sites::table.find(site_id.as_str())).execute(conn)?;
        Ok(true)
    })
}
