//! Errors of applications, each with its repeats of one hour folded into it.

mod fold;
mod read;

use std::collections::HashMap;

use chrono::{DateTime, TimeDelta, Utc};
use diesel::prelude::*;
use homepot::model::{DeviceId, DeviceSource, SiteId};

pub use self::{
    fold::{MAX_GROUPS, NewError, fold},
    read::{Seen, list, sums},
};
use crate::{
    StoreError, row,
    schema::{devices, error_reporters},
};

/// How long it is known how many groups a reporter had in an hour: an error is folded seconds after it came.
const KEEP_REPORTERS: TimeDelta = TimeDelta::hours(3);

/// A device that an error names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ErrorDevice {
    /// The store's own number for it.
    pub pk: i64,
    /// Its site.
    pub site_id: SiteId,
    /// Real or simulated.
    pub source: DeviceSource,
}

/// The devices of these ids, in the same order; `None`: there is no such device.
pub fn devices_of(conn: &mut PgConnection, ids: &[DeviceId]) -> Result<Vec<Option<ErrorDevice>>, StoreError> {
    let rows: Vec<(String, i64, String, String)> = devices::table
        .filter(devices::device_id.eq_any(ids.iter().map(DeviceId::as_str)))
        .select((devices::device_id, devices::device, devices::site_id, devices::source))
        .load(conn)?;
    let mut known = HashMap::with_capacity(rows.len());
    for (device_id, pk, site_id, source) in rows {
        let site_id = row::checked("devices.site_id", &site_id)?;
        let source = row::checked("devices.source", &source)?;
        known.insert(device_id, ErrorDevice { pk, site_id, source });
    }
    Ok(ids.iter().map(|id| known.get(id.as_str()).cloned()).collect())
}

/// Forgets how many groups reporters had in hours that are over.
pub(crate) fn forget_reporters(conn: &mut PgConnection, now: DateTime<Utc>) -> Result<usize, StoreError> {
    let over = error_reporters::table.filter(error_reporters::hour.lt(now - KEEP_REPORTERS));
    Ok(diesel::delete(over).execute(conn)?)
}
