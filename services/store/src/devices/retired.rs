//! Devices that are removed while their history stays, or before it goes.

use diesel::{pg::Pg, prelude::*, sql_query, sql_types::BigInt};
use homepot::model::{DeviceId, History, SiteId};

use super::removal::{remember, retried};
use crate::{StoreError, device_keys, row, schema::devices};

/// What becomes of commands that the device was not handed. An event of the model's machine: CancelAsked of a queued one.
const CANCEL: &str = "\
UPDATE commands SET state = 'cancelled', finished_at = now(), changed_at = now(), reason = 'the device was removed',
    history = history || jsonb_build_object('state', 'cancelled', 'time', now(), 'cause', 'the device was removed')
WHERE device = $1 AND state = 'queued'";

/// Marks a device as removed: it is shut out for good, its keys and queued commands end, and it is in no list from now on. What
/// was removed before stays as it is. The device's number; `None`: there is no such device.
pub fn mark_removed(conn: &mut PgConnection, device_id: &DeviceId) -> Result<Option<i64>, StoreError> {
    retried(conn, |conn| conn.transaction(|conn| mark_within(conn, device_id)))
}

fn mark_within(conn: &mut PgConnection, device_id: &DeviceId) -> Result<Option<i64>, StoreError> {
    // As for a purge: whoever would write a row that refers to it waits, and then finds it removed.
    let found: Option<(i64, bool)> = devices::table
        .filter(devices::device_id.eq(device_id.as_str()))
        .select((devices::device, devices::removed_at.is_not_null()))
        .for_update()
        .first(conn)
        .optional()?;
    let Some((device, was_removed)) = found else { return Ok(None) };
    if was_removed {
        return Ok(Some(device));
    }
    diesel::update(devices::table.find(device))
        .set((
            devices::removed_at.eq(row::database_time().nullable()),
            devices::active.eq(false),
            devices::credential_version.eq(devices::credential_version + 1),
            devices::proof_key.eq(None::<Vec<u8>>),
            devices::claim_hash.eq(None::<Vec<u8>>),
            devices::updated_at.eq(row::database_time()),
        ))
        .execute(conn)?;
    device_keys::revoke(conn, device)?;
    remember(conn, &[device], true)?;
    sql_query(CANCEL).bind::<BigInt, _>(device).execute(conn)?;
    Ok(Some(device))
}

/// The next devices of a site that are still to be removed: of those whose history is kept, the ones that are in lists; else all.
pub fn to_remove(
    conn: &mut PgConnection,
    site_id: &SiteId,
    history: History,
    limit: i64,
) -> Result<Vec<DeviceId>, StoreError> {
    let mut query =
        devices::table.filter(devices::site_id.eq(site_id.as_str())).select(devices::device_id).into_boxed::<Pg>();
    if history == History::Keep {
        query = query.filter(devices::removed_at.is_null());
    }
    let ids: Vec<String> = query.order(devices::device_id).limit(limit).load(conn)?;
    ids.iter().map(|id| row::checked("devices.device_id", id)).collect()
}
