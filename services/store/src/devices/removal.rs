//! Removes devices with all of their data. Simulated devices can be removed as a set; a real device only by its own id,
//! after it was marked as removed.
//!
//! What is written of a device either checks, under a lock, that its row is there (foreign keys do) or is removed once more
//! later (rollups, see [`super::sweep_removed`]): whoever was about to write leaves nothing behind.

use diesel::{
    pg::Pg,
    prelude::*,
    sql_query,
    sql_types::{Array, BigInt, Bool, Nullable, Timestamptz},
};
use homepot::model::{DeviceSource, LabelSelector, SiteId, SiteScope};

use super::labels;
use crate::{
    Meaning, StoreError,
    schema::{devices, sessions},
    scope::within,
};

/// Devices that are shut out in one transaction.
const SHUT_OUT: i64 = 1_000;
/// Devices that are removed in one transaction, and samples of a day of so many.
const TOGETHER: i64 = 20;
/// Commands that are removed in one transaction.
const COMMANDS_TOGETHER: i64 = 5_000;
/// Tries of a transaction that Postgres ended because another one waited for it.
const TRIES: usize = 5;

/// Tables with rows of a device that no foreign key takes along.
const BY_DEVICE: [&str; 11] = [
    "commands_ended",
    "samples",
    "packed_samples",
    "packing_late",
    "corrected_samples",
    "rollup_1m",
    "rollup_1h",
    "rollup_late",
    "sample_losses",
    "device_states",
    "error_groups",
];

/// Which simulated devices are meant.
#[derive(Clone, Debug)]
pub struct RemovalFilter {
    /// Sites the caller may reach.
    pub scope: SiteScope,
    /// Some of them; empty: all.
    pub site_ids: Vec<SiteId>,
    /// With such labels only.
    pub selector: Option<LabelSelector>,
}

/// Shuts out the next of the devices that are meant, so that their streams end and nothing more comes of them; tells how
/// many. To be called until none is left.
pub fn shut_out_simulated(conn: &mut PgConnection, filter: &RemovalFilter) -> Result<usize, StoreError> {
    let pks = meant(conn, filter, true, SHUT_OUT)?;
    let mine = devices::table.filter(devices::device.eq_any(pks)).filter(devices::source.eq(simulated()));
    retried(conn, |conn| {
        let shut_out = diesel::update(mine.clone())
            .set((devices::active.eq(false), devices::credential_version.eq(devices::credential_version + 1)))
            .execute(conn)?;
        Ok(shut_out)
    })
}

/// Removes the next few of the devices that are meant; tells how many, `None`: none is left. To be called until then.
pub fn remove_simulated(conn: &mut PgConnection, filter: &RemovalFilter) -> Result<Option<usize>, StoreError> {
    let pks: Vec<i64> = meant(conn, filter, false, TOGETHER)?;
    if pks.is_empty() {
        return Ok(None);
    }
    while thin_out(conn, &pks)? {}
    purge(conn, &pks).map(Some)
}

/// Removes those of these devices that are simulated or marked as removed, with all that is kept of them; tells how many.
pub fn purge(conn: &mut PgConnection, pks: &[i64]) -> Result<usize, StoreError> {
    retried(conn, |conn| conn.transaction(|conn| purge_within(conn, pks)))
}

/// The first of the devices that are meant, by id; only of those that are not shut out, where that is asked for.
fn meant(conn: &mut PgConnection, filter: &RemovalFilter, let_in: bool, limit: i64) -> Result<Vec<i64>, StoreError> {
    let mut query = devices::table
        .inner_join(sessions::table)
        .select(devices::device)
        .filter(devices::source.eq(simulated()))
        .into_boxed::<Pg>();
    if let_in {
        query = query.filter(devices::active);
    }
    query = within(query, devices::site_id, &filter.scope);
    if !filter.site_ids.is_empty() {
        query = query.filter(devices::site_id.eq_any(filter.site_ids.iter().map(|id| id.as_str())));
    }
    for condition in filter.selector.iter().flat_map(labels::conditions) {
        query = query.filter(condition);
    }
    Ok(query.order(devices::device_id).limit(limit).load(conn)?)
}

fn simulated() -> &'static str {
    DeviceSource::Simulated.as_str()
}

/// Removes a day of what these devices measured, or once none is left some of their commands: the transaction that removes the
/// rest is then short. Tells whether there was anything; to be called until there is not.
pub fn thin_out(conn: &mut PgConnection, pks: &[i64]) -> Result<bool, StoreError> {
    const OLDEST: &str = "SELECT min(oldest) AS oldest FROM unnest($1) AS d (device), LATERAL \
        (SELECT min(collected_at) AS oldest FROM samples WHERE samples.device = d.device) AS of_device";
    const DELETE: &str =
        "DELETE FROM samples WHERE device = ANY ($1) AND collected_at >= $2 AND collected_at < $2 + interval '1 day'";
    const COMMANDS: &str = "DELETE FROM commands WHERE command_id IN \
        (SELECT command_id FROM commands WHERE device = ANY ($1) ORDER BY command_id LIMIT $2 FOR UPDATE)";
    let oldest: Oldest = sql_query(OLDEST).bind::<Array<BigInt>, _>(pks).get_result(conn)?;
    if let Some(oldest) = oldest.oldest {
        sql_query(DELETE).bind::<Array<BigInt>, _>(pks).bind::<Timestamptz, _>(oldest).execute(conn)?;
        return Ok(true);
    }
    const ENDED: &str = "DELETE FROM commands_ended WHERE (command_id, filed_at) IN \
        (SELECT command_id, filed_at FROM commands_ended WHERE device = ANY ($1) ORDER BY command_id LIMIT $2 FOR UPDATE)";
    let mut commands = 0;
    for delete in [COMMANDS, ENDED] {
        commands += retried(conn, |conn| {
            Ok(sql_query(delete).bind::<Array<BigInt>, _>(pks).bind::<BigInt, _>(COMMANDS_TOGETHER).execute(conn)?)
        })?;
    }
    Ok(commands > 0)
}

#[derive(QueryableByName)]
struct Oldest {
    #[diesel(sql_type = Nullable<Timestamptz>)]
    oldest: Option<chrono::DateTime<chrono::Utc>>,
}

/// As [`purge`], within the caller's transaction.
pub(super) fn purge_within(conn: &mut PgConnection, pks: &[i64]) -> Result<usize, StoreError> {
    // A device's row first: whoever would write a row that refers to it waits, and then finds it gone.
    let gone: Vec<i64> = devices::table
        .filter(devices::device.eq_any(pks))
        .filter(devices::source.eq(simulated()).or(devices::removed_at.is_not_null()))
        .select(devices::device)
        .order(devices::device)
        .for_update()
        .load(conn)?;
    if gone.is_empty() {
        return Ok(0);
    }
    // Who stores samples has its device's newest one locked until it commits, and who writes history the session: they are
    // waited for, and what they wrote is seen below.
    for table in ["sessions", "device_latest"] {
        sql_query(format!("SELECT 1 FROM {table} WHERE device = ANY ($1) ORDER BY device FOR UPDATE"))
            .bind::<Array<BigInt>, _>(&gone)
            .execute(conn)?;
    }
    remember(conn, &gone, false)?;
    delete_rows(conn, &gone)?;
    // Keys, sessions, newest samples, commands and places in runs go with the row.
    Ok(diesel::delete(devices::table.filter(devices::device.eq_any(&gone))).execute(conn)?)
}

/// Remembers devices that are gone, for whoever watches. What is not `swept` is cleared of rollups later; of what keeps its
/// history nothing is.
pub(super) fn remember(conn: &mut PgConnection, pks: &[i64], swept: bool) -> Result<(), StoreError> {
    sql_query(
        "INSERT INTO removed_devices (device, device_id, site_id, source, version, swept) \
         SELECT device, device_id, site_id, source, version + 1, $2 FROM devices JOIN sessions USING (device) \
         WHERE device = ANY ($1) \
         ON CONFLICT (device) DO UPDATE SET version = excluded.version, swept = excluded.swept, removed_at = now()",
    )
    .bind::<Array<BigInt>, _>(pks)
    .bind::<Bool, _>(swept)
    .execute(conn)?;
    Ok(())
}

/// Deletes what refers to these devices by no foreign key.
pub(super) fn delete_rows(conn: &mut PgConnection, pks: &[i64]) -> Result<(), StoreError> {
    for table in BY_DEVICE {
        sql_query(format!("DELETE FROM {table} WHERE device = ANY ($1)"))
            .bind::<Array<BigInt>, _>(pks)
            .execute(conn)?;
    }
    Ok(())
}

/// Does it again where it and a writer waited for one another: Postgres then ends one of the two.
pub(super) fn retried<T>(
    conn: &mut PgConnection,
    mut work: impl FnMut(&mut PgConnection) -> Result<T, StoreError>,
) -> Result<T, StoreError> {
    for _ in 1..TRIES {
        match work(conn) {
            Err(error) if error.meaning() == Meaning::Retry => tracing::debug!(%error, "removal put off"),
            outcome => return outcome,
        }
    }
    work(conn)
}
