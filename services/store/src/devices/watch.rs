//! Devices as watches read them: all of them page by page, and those that changed.

use chrono::{DateTime, Utc};
use diesel::{
    pg::{Pg, PgRowByRowLoadingMode},
    prelude::*,
};
use homepot::model::{Device, DeviceSelection, Page, PageRequest, Weigh};

use super::{Row, SessionRow, device, list::CHUNK};
use crate::{
    StoreError, paging,
    schema::{devices, sessions},
    scope::selected,
};

/// A device, and a number that grows whenever its record or its presence changes.
#[derive(Clone, Debug, PartialEq)]
pub struct Watched {
    /// As it is.
    pub device: Device,
    /// See above.
    pub version: i64,
}

impl Weigh for Watched {
    fn weight(&self) -> usize {
        self.device.weight()
    }
}

/// Devices by id, a page of so many bytes at a time: those that changed at or after `since`, or all.
pub fn watched(
    conn: &mut PgConnection,
    selection: &DeviceSelection,
    since: Option<DateTime<Utc>>,
    page: &PageRequest,
    most: usize,
) -> Result<Page<Watched>, StoreError> {
    paging::within(page, CHUNK, most, key, |page| watched_chunk(conn, selection, since, page))
}

fn key(watched: &Watched) -> String {
    watched.device.device_id.to_string()
}

fn watched_chunk(
    conn: &mut PgConnection,
    selection: &DeviceSelection,
    since: Option<DateTime<Utc>>,
    page: &PageRequest,
) -> Result<Page<Watched>, StoreError> {
    let mut query = devices::table
        .inner_join(sessions::table)
        .filter(devices::removed_at.is_null())
        .select((Row::as_select(), SessionRow::as_select(), sessions::version))
        .into_boxed::<Pg>();
    query = selected(query, selection);
    if let Some(since) = since {
        query = query.filter(sessions::changed_at.ge(since));
    }
    if let Some(after) = &page.after {
        query = query.filter(devices::device_id.gt(after));
    }
    let rows: Vec<(Row, SessionRow, i64)> = query.order(devices::device_id).limit(paging::limit(page)).load(conn)?;
    let items = rows.into_iter().map(read).collect::<Result<_, _>>()?;
    Ok(Page::cut(items, page.size, key))
}

/// The devices that changed at or after `since`, in the order in which they did; `None`: they are more than `most` bytes.
pub fn changed_since(
    conn: &mut PgConnection,
    since: DateTime<Utc>,
    most: usize,
) -> Result<Option<Vec<Watched>>, StoreError> {
    let changed = devices::table
        .inner_join(sessions::table)
        .select((Row::as_select(), SessionRow::as_select(), sessions::version))
        .filter(sessions::changed_at.ge(since))
        .filter(devices::removed_at.is_null())
        .order(sessions::changed_at);
    let rows = changed.load_iter::<(Row, SessionRow, i64), PgRowByRowLoadingMode>(conn)?;
    paging::all_within(rows.map(|row| read(row?)), most)
}

fn read((row, session, version): (Row, SessionRow, i64)) -> Result<Watched, StoreError> {
    Ok(Watched { device: device((row, session))?, version })
}
