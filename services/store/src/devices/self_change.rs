//! What a device changes of its own record.

use diesel::prelude::*;
use homepot::model::{Device, DeviceId, SelfChange};
use serde_json::Value;

use crate::{StoreError, row, schema::devices, sessions as session};

#[derive(Queryable, Selectable)]
#[diesel(table_name = devices)]
struct Row {
    device_id: String,
    ip_address: Option<String>,
    mac_address: Option<String>,
    firmware_version: Option<String>,
    config: Option<Value>,
}

#[derive(AsChangeset)]
#[diesel(table_name = devices)]
struct Changes<'a> {
    ip_address: Option<&'a str>,
    mac_address: Option<&'a str>,
    firmware_version: Option<&'a str>,
    config: Option<Value>,
}

/// Changes what a device says of itself and answers its record; `None`: there is no such device. What it said already is no
/// change, so an agent that repeats itself writes nothing and wakes nobody who watches.
pub fn update_self(conn: &mut PgConnection, pk: i64, change: &SelfChange) -> Result<Option<Device>, StoreError> {
    conn.transaction(|conn| {
        let found = devices::table.find(pk).select(Row::as_select()).for_no_key_update().first(conn).optional()?;
        let Some(row) = found else { return Ok(None) };
        let config = row::object("devices.config", row.config)?;
        let merged = change.merge(config.clone())?;
        let changes = Changes {
            ip_address: news(&change.ip_address, &row.ip_address),
            mac_address: news(&change.mac_address, &row.mac_address),
            firmware_version: news(&change.firmware_version, &row.firmware_version),
            config: row::json(merged.as_ref().filter(|_| merged != config)),
        };
        let is_new = changes.ip_address.is_some()
            || changes.mac_address.is_some()
            || changes.firmware_version.is_some()
            || changes.config.is_some();
        if is_new {
            let now = devices::updated_at.eq(row::database_time());
            diesel::update(devices::table.find(pk)).set((changes, now)).execute(conn)?;
            session::mark_changed(conn, pk)?;
        }
        let device_id: DeviceId = row::checked("devices.device_id", &row.device_id)?;
        super::find(conn, &device_id)
    })
}

/// What is said, where it differs from what stands there.
fn news<'a>(said: &'a Option<String>, stands: &Option<String>) -> Option<&'a str> {
    said.as_deref().filter(|said| Some(*said) != stands.as_deref())
}
