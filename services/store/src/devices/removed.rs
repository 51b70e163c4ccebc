//! Remembers removed devices for as long as a viewer that saw them may come back.

use std::collections::HashSet;

use chrono::{DateTime, TimeDelta, Utc};
use diesel::{pg::Pg, prelude::*};
use homepot::model::{DeviceId, DeviceSelection, DeviceSource, Page, PageRequest, SiteId};

use super::removal::delete_rows;
use crate::{StoreError, paging, row, schema::removed_devices, scope::within};

/// How long a device is remembered that is gone. Who watches and was away for longer begins anew.
pub const REMEMBERED: TimeDelta = TimeDelta::days(30);
/// Longer than it is remembered: a cursor may be as old as that, and clocks differ.
const KEPT: TimeDelta = TimeDelta::days(31);
/// Devices whose rollups are cleared away in one transaction.
const TOGETHER: i64 = 1_000;

/// A device that is gone.
#[derive(Clone, Debug, PartialEq)]
pub struct Removed {
    /// What it was called. Another device may be called so by now.
    pub device_id: DeviceId,
    /// Where it was.
    pub site_id: SiteId,
    /// What it was.
    pub source: DeviceSource,
    /// Greater than what [`super::Watched`] had of it, and less than what it has of a device that came later.
    pub version: i64,
}

/// Devices by id that a watch showed and that were removed at or after `since`.
pub fn removed(
    conn: &mut PgConnection,
    selection: &DeviceSelection,
    since: DateTime<Utc>,
    page: &PageRequest,
) -> Result<Page<Removed>, StoreError> {
    let mut query = removed_devices::table
        .filter(removed_devices::device_id.is_not_null())
        .filter(removed_devices::removed_at.ge(since))
        .select(COLUMNS)
        .into_boxed::<Pg>();
    query = within(query, removed_devices::site_id.assume_not_null(), &selection.scope);
    if let Some(site_id) = &selection.site_id {
        query = query.filter(removed_devices::site_id.eq(site_id.as_str()));
    }
    if let Some(source) = selection.source {
        query = query.filter(removed_devices::source.eq(source.as_str()));
    }
    if !selection.device_ids.is_empty() {
        query = query.filter(removed_devices::device_id.eq_any(selection.device_ids.iter().map(|id| id.as_str())));
    }
    if let Some(after) = &page.after {
        query = query.filter(removed_devices::device_id.gt(after));
    }
    // An id may have gone more than once, as somebody makes the same fleet again and again: the last time comes first.
    let order = (removed_devices::device_id, removed_devices::version.desc());
    let rows: Vec<Columns> = query.order(order).limit(paging::limit(page)).load(conn)?;
    let items = rows.into_iter().map(read).collect::<Result<_, _>>()?;
    let mut page = Page::cut(items, page.size, |removed: &Removed| removed.device_id.to_string());
    page.items.dedup_by(|later, kept| later.device_id == kept.device_id);
    Ok(page)
}

/// The devices that were removed at or after `since`, each id once, in the order in which they were.
pub fn removed_since(conn: &mut PgConnection, since: DateTime<Utc>) -> Result<Vec<Removed>, StoreError> {
    let rows: Vec<Columns> = removed_devices::table
        .filter(removed_devices::device_id.is_not_null())
        .filter(removed_devices::removed_at.ge(since))
        .select(COLUMNS)
        .order((removed_devices::removed_at.desc(), removed_devices::version.desc()))
        .load(conn)?;
    let mut seen = HashSet::new();
    let mut newest = rows.into_iter().map(read).collect::<Result<Vec<_>, _>>()?;
    newest.retain(|removed| seen.insert(removed.device_id.clone()));
    newest.reverse();
    Ok(newest)
}

type Columns = (Option<String>, Option<String>, String, Option<i64>);

type Selected =
    (removed_devices::device_id, removed_devices::site_id, removed_devices::source, removed_devices::version);
const COLUMNS: Selected =
    (removed_devices::device_id, removed_devices::site_id, removed_devices::source, removed_devices::version);

fn read((device_id, site_id, source, version): Columns) -> Result<Removed, StoreError> {
    Ok(Removed {
        device_id: row::checked("removed_devices.device_id", &device_id.unwrap_or_default())?,
        site_id: row::checked("removed_devices.site_id", &site_id.unwrap_or_default())?,
        source: row::checked("removed_devices.source", &source)?,
        version: version.unwrap_or_default(),
    })
}

/// Removes what a rollup left of devices that were removed while it was under way, and forgets those that are long gone. Only
/// who holds the lock of maintenance may call it, after it folded: then no other rollup is under way.
pub fn sweep_removed(conn: &mut PgConnection, now: DateTime<Utc>) -> Result<(), StoreError> {
    let gone: Vec<i64> = removed_devices::table
        .filter(removed_devices::swept.eq(false))
        .select(removed_devices::device)
        .limit(TOGETHER)
        .load(conn)?;
    if !gone.is_empty() {
        conn.transaction(|conn| {
            delete_rows(conn, &gone)?;
            let swept = diesel::update(removed_devices::table.filter(removed_devices::device.eq_any(&gone)));
            swept.set(removed_devices::swept.eq(true)).execute(conn)?;
            Ok::<_, StoreError>(())
        })?;
    }
    let forgotten =
        removed_devices::table.filter(removed_devices::swept).filter(removed_devices::removed_at.lt(now - KEPT));
    diesel::delete(forgotten).execute(conn)?;
    Ok(())
}
