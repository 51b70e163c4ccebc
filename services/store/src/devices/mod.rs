//! Devices.

mod enroll;
pub(crate) mod labels;
mod list;
mod removal;
mod removed;
mod retired;
mod self_change;
mod summary;
mod watch;

use std::collections::HashMap;

use chrono::{DateTime, TimeDelta, Utc};
use diesel::{dsl::InnerJoinQuerySource, prelude::*};
use homepot::model::{Device, DeviceChange, DeviceId, DeviceSource, Presence, SiteId};
use serde_json::Value;

pub use self::{
    enroll::{Enrolled, NewDevice, enroll},
    labels::{count_matching, matching},
    list::{DeviceFilter, Matching, list},
    removal::{RemovalFilter, purge, remove_simulated, shut_out_simulated, thin_out},
    removed::{REMEMBERED, Removed, removed, removed_since, sweep_removed},
    retired::{mark_removed, to_remove},
    self_change::update_self,
    summary::{SummaryFilter, summarize},
    watch::{Watched, changed_since, watched},
};
use crate::{
    StoreError, row,
    schema::{devices, sessions},
    sessions as session,
};

#[derive(Queryable, Selectable)]
#[diesel(table_name = devices)]
struct Row {
    device_id: String,
    site_id: String,
    name: String,
    device_type: String,
    ip_address: Option<String>,
    mac_address: Option<String>,
    firmware_version: Option<String>,
    config: Option<Value>,
    source: String,
    active: bool,
    maintenance: bool,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
    labels: Value,
    proof_key: Option<Vec<u8>>,
    removed_at: Option<DateTime<Utc>>,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = sessions)]
struct SessionRow {
    session_epoch: i64,
    last_seen_at: Option<DateTime<Utc>>,
    attached_at: Option<DateTime<Utc>>,
    ended: bool,
    heartbeat_ms: i32,
    agent_version: Option<String>,
    boot_id: Option<String>,
    capabilities: Option<Vec<String>>,
    status: String,
    status_since: Option<DateTime<Utc>>,
    flapping_since: Option<DateTime<Utc>>,
    contested_since: Option<DateTime<Utc>>,
    clock_skew_ms: Option<i64>,
    /// The database's clock.
    #[diesel(select_expression = row::database_time(), select_expression_type = row::database_time)]
    read_at: DateTime<Utc>,
}

/// A device with its session.
type Joined = InnerJoinQuerySource<devices::table, sessions::table>;

impl TryFrom<SessionRow> for Presence {
    type Error = StoreError;

    fn try_from(row: SessionRow) -> Result<Self, StoreError> {
        Ok(Self {
            last_seen_at: row.last_seen_at,
            attached_at: row.attached_at,
            ended: row.ended,
            session_epoch: row.session_epoch,
            agent_version: row.agent_version,
            boot_id: row.boot_id,
            capabilities: row.capabilities,
            heartbeat_interval: row::span(row.heartbeat_ms),
            recorded: row::checked("sessions.status", &row.status)?,
            recorded_since: row.status_since,
            flapping: row.flapping_since.is_some(),
            contested_since: row.contested_since,
            clock_skew: row.clock_skew_ms.and_then(TimeDelta::try_milliseconds),
            read_at: row.read_at,
        })
    }
}

fn device((row, session): (Row, SessionRow)) -> Result<Device, StoreError> {
    Ok(Device {
        device_id: row::checked("devices.device_id", &row.device_id)?,
        site_id: row::checked("devices.site_id", &row.site_id)?,
        name: row.name,
        device_type: row::checked("devices.device_type", &row.device_type)?,
        ip_address: row.ip_address,
        mac_address: row.mac_address,
        firmware_version: row.firmware_version,
        config: row::object("devices.config", row.config)?,
        source: row::checked("devices.source", &row.source)?,
        active: row.active,
        maintenance: row.maintenance,
        labels: labels::read("devices.labels", row.labels)?,
        proves: row.proof_key.is_some(),
        presence: session.try_into()?,
        created_at: row.created_at,
        updated_at: row.updated_at,
        removed_at: row.removed_at,
    })
}

/// What a caller needs to act for a device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeviceRef {
    /// The store's own number for it.
    pub pk: i64,
    /// Unique in the fleet.
    pub device_id: DeviceId,
    /// Its site.
    pub site_id: SiteId,
    /// Real or simulated; never changes.
    pub source: DeviceSource,
    /// False while it is shut out.
    pub active: bool,
    /// As told in the last Hello; `None`: it never said Hello.
    pub capabilities: Option<Vec<String>>,
}

/// What a [`DeviceRef`] is read from, for the modules that join it in.
pub(crate) type RefRow = (i64, String, String, String, bool, Option<Vec<String>>);
pub(crate) type RefColumns =
    (devices::device, devices::device_id, devices::site_id, devices::source, devices::active, sessions::capabilities);
/// The columns of a [`RefRow`].
pub(crate) const REF: RefColumns =
    (devices::device, devices::device_id, devices::site_id, devices::source, devices::active, sessions::capabilities);

pub(crate) fn device_ref(
    (pk, device_id, site_id, source, active, capabilities): RefRow,
) -> Result<DeviceRef, StoreError> {
    Ok(DeviceRef {
        pk,
        device_id: row::checked("devices.device_id", &device_id)?,
        site_id: row::checked("devices.site_id", &site_id)?,
        source: row::checked("devices.source", &source)?,
        active,
        capabilities,
    })
}

/// The device of that id, removed or not.
pub fn find(conn: &mut PgConnection, device_id: &DeviceId) -> Result<Option<Device>, StoreError> {
    devices::table
        .inner_join(sessions::table)
        .filter(devices::device_id.eq(device_id.as_str()))
        .select((Row::as_select(), SessionRow::as_select()))
        .first(conn)
        .optional()?
        .map(device)
        .transpose()
}

/// The id of the device with that number, for a log line.
pub fn id_of(conn: &mut PgConnection, pk: i64) -> Result<Option<String>, StoreError> {
    Ok(devices::table.find(pk).select(devices::device_id).first(conn).optional()?)
}

/// What is needed to act for the device of that id.
pub fn find_ref(conn: &mut PgConnection, device_id: &DeviceId) -> Result<Option<DeviceRef>, StoreError> {
    devices::table
        .inner_join(sessions::table)
        .filter(devices::device_id.eq(device_id.as_str()))
        .select(REF)
        .first::<RefRow>(conn)
        .optional()?
        .map(device_ref)
        .transpose()
}

/// As [`find_ref`], for many at once, by device id; those that do not exist are missing.
fn find_refs(conn: &mut PgConnection, device_ids: &[DeviceId]) -> Result<Vec<DeviceRef>, StoreError> {
    let rows: Vec<RefRow> = devices::table
        .inner_join(sessions::table)
        .filter(devices::device_id.eq_any(device_ids.iter().map(|id| id.as_str())))
        .select(REF)
        .order(devices::device_id)
        .load(conn)?;
    rows.into_iter().map(device_ref).collect()
}

/// As [`find_ref`], for many at once, with an answer for each in the same order.
pub fn find_each(conn: &mut PgConnection, device_ids: &[DeviceId]) -> Result<Vec<Option<DeviceRef>>, StoreError> {
    let found: HashMap<DeviceId, DeviceRef> =
        find_refs(conn, device_ids)?.into_iter().map(|device| (device.device_id.clone(), device)).collect();
    Ok(device_ids.iter().map(|id| found.get(id).cloned()).collect())
}

/// As [`find_ref`], for many at once, by the store's own keys and in their order.
pub(crate) fn by_pk(conn: &mut PgConnection, pks: &[i64]) -> Result<Vec<DeviceRef>, StoreError> {
    let rows: Vec<RefRow> = devices::table
        .inner_join(sessions::table)
        .filter(devices::device.eq_any(pks))
        .select(REF)
        .order(devices::device)
        .load(conn)?;
    rows.into_iter().map(device_ref).collect()
}

/// The devices of a site by device id, of one source or of both, none that was removed: at most `limit` that come after `after`.
pub fn of_site(
    conn: &mut PgConnection,
    site_id: &SiteId,
    source: Option<DeviceSource>,
    after: Option<&DeviceId>,
    limit: u32,
) -> Result<Vec<DeviceRef>, StoreError> {
    let mut query = devices::table
        .inner_join(sessions::table)
        .filter(devices::site_id.eq(site_id.as_str()))
        .filter(devices::device_id.gt(after.map_or("", |id| id.as_str())))
        .filter(devices::removed_at.is_null())
        .select(REF)
        .into_boxed::<diesel::pg::Pg>();
    if let Some(source) = source {
        query = query.filter(devices::source.eq(source.as_str()));
    }
    let rows: Vec<RefRow> = query.order(devices::device_id).limit(limit.into()).load(conn)?;
    rows.into_iter().map(device_ref).collect()
}

#[derive(AsChangeset)]
#[diesel(table_name = devices)]
struct Changes<'a> {
    name: Option<&'a str>,
    device_type: Option<&'a str>,
    maintenance: Option<bool>,
    active: Option<bool>,
    labels: Option<Value>,
}

/// Changes a device; `None`: there is no such device, or it was removed. Shutting it out voids what was verified of it before.
pub fn update(
    conn: &mut PgConnection,
    device_id: &DeviceId,
    change: &DeviceChange,
) -> Result<Option<Device>, StoreError> {
    let changes = Changes {
        name: change.name.as_deref(),
        device_type: change.device_type.as_ref().map(|device_type| device_type.as_str()),
        maintenance: change.maintenance,
        active: change.active,
        labels: change.labels.as_ref().map(labels::json),
    };
    let voided = i32::from(change.active == Some(false));
    conn.transaction(|conn| {
        let there = devices::device_id.eq(device_id.as_str()).and(devices::removed_at.is_null());
        let changed: Option<i64> = diesel::update(devices::table.filter(there))
            .set((
                changes,
                devices::credential_version.eq(devices::credential_version + voided),
                devices::updated_at.eq(row::database_time()),
            ))
            .returning(devices::device)
            .get_result(conn)
            .optional()?;
        let Some(pk) = changed else { return Ok(None) };
        session::mark_changed(conn, pk)?;
        find(conn, device_id)
    })
}
