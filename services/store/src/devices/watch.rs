//! Devices as watches read them: all of them page by page, and those that changed.

use chrono::{DateTime, Utc};
use diesel::{pg::Pg, prelude::*};
use homepot::model::{Device, DeviceId, DeviceSource, Page, PageRequest, SiteId, SiteScope};

use super::{Row, SessionRow, device};
use crate::{
    StoreError, paging,
    schema::{devices, sessions},
};

/// A device, and a number that grows whenever its record or its presence changes.
#[derive(Clone, Debug, PartialEq)]
pub struct Watched {
    /// As it is.
    pub device: Device,
    /// See above.
    pub version: i64,
}

/// Which devices a watch shows.
#[derive(Clone, Debug)]
pub struct WatchFilter {
    /// Sites the caller may see.
    pub scope: SiteScope,
    /// One of them.
    pub site_id: Option<SiteId>,
    /// Real or simulated only.
    pub source: Option<DeviceSource>,
    /// These devices only; empty: all.
    pub device_ids: Vec<DeviceId>,
}

/// Devices by id: those that changed at or after `since`, or all.
pub fn watched(
    conn: &mut PgConnection,
    filter: &WatchFilter,
    since: Option<DateTime<Utc>>,
    page: &PageRequest,
) -> Result<Page<Watched>, StoreError> {
    let mut query = devices::table
        .inner_join(sessions::table)
        .select((Row::as_select(), SessionRow::as_select(), sessions::version))
        .into_boxed::<Pg>();
    if let Some(site_ids) = filter.scope.site_ids() {
        query = query.filter(devices::site_id.eq_any(site_ids));
    }
    if let Some(site_id) = &filter.site_id {
        query = query.filter(devices::site_id.eq(site_id.as_str()));
    }
    if let Some(source) = filter.source {
        query = query.filter(devices::source.eq(source.as_str()));
    }
    if !filter.device_ids.is_empty() {
        query = query.filter(devices::device_id.eq_any(filter.device_ids.iter().map(|id| id.as_str())));
    }
    if let Some(since) = since {
        query = query.filter(sessions::changed_at.ge(since));
    }
    if let Some(after) = &page.after {
        query = query.filter(devices::device_id.gt(after));
    }
    let rows: Vec<(Row, SessionRow, i64)> = query.order(devices::device_id).limit(paging::limit(page)).load(conn)?;
    let items = rows.into_iter().map(read).collect::<Result<_, _>>()?;
    Ok(Page::cut(items, page.size, |watched: &Watched| watched.device.device_id.to_string()))
}

/// The devices that changed at or after `since`, in the order in which they did.
pub fn changed_since(conn: &mut PgConnection, since: DateTime<Utc>) -> Result<Vec<Watched>, StoreError> {
    let rows: Vec<(Row, SessionRow, i64)> = devices::table
        .inner_join(sessions::table)
        .select((Row::as_select(), SessionRow::as_select(), sessions::version))
        .filter(sessions::changed_at.ge(since))
        .order(sessions::changed_at)
        .load(conn)?;
    rows.into_iter().map(read).collect()
}

fn read((row, session, version): (Row, SessionRow, i64)) -> Result<Watched, StoreError> {
    Ok(Watched { device: device((row, session))?, version })
}
