//! When devices came and went. Entries are made where sessions change; see `sessions::record`.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use homepot::model::{Page, PageRequest, StateChange, TimeRange, Weigh};

use crate::{StoreError, paging, row, schema::device_states};

#[derive(Queryable, Selectable)]
#[diesel(table_name = device_states)]
struct Row {
    at: DateTime<Utc>,
    number: i64,
    session_epoch: i64,
    changes_not_shown: i32,
    flapping: bool,
    status: String,
    cause: String,
    detail: String,
}

impl Weigh for Row {
    fn weight(&self) -> usize {
        256 + self.detail.len()
    }
}

/// The history of a device within a range of time, newest first.
pub fn list(
    conn: &mut PgConnection,
    pk: i64,
    (start, end): TimeRange,
    page: &PageRequest,
) -> Result<Page<StateChange>, StoreError> {
    let mut query = device_states::table
        .filter(device_states::device.eq(pk))
        .select(Row::as_select())
        .into_boxed::<diesel::pg::Pg>();
    if let Some(start) = start {
        query = query.filter(device_states::at.ge(start));
    }
    if let Some(end) = end {
        query = query.filter(device_states::at.lt(end));
    }
    if let Some(after) = paging::after_time_key::<i64>(page)? {
        let earlier = device_states::at.lt(after.time);
        query = query.filter(earlier.or(device_states::at.eq(after.time).and(device_states::number.lt(after.name))));
    }
    let rows: Vec<Row> =
        query.order((device_states::at.desc(), device_states::number.desc())).limit(paging::limit(page)).load(conn)?;
    let key = |row: &Row| paging::time_key(row.at, row.number);
    let page = Page::cut(rows, page.size, key).within_bytes(key);
    let items = page.items.into_iter().map(change).collect::<Result<_, _>>()?;
    Ok(Page { items, next: page.next })
}

fn change(row: Row) -> Result<StateChange, StoreError> {
    Ok(StateChange {
        at: row.at,
        status: row::checked("device_states.status", &row.status)?,
        cause: row::checked("device_states.cause", &row.cause)?,
        detail: row.detail,
        flapping: row.flapping,
        changes_not_shown: row.changes_not_shown.try_into().unwrap_or_default(),
        session_epoch: row.session_epoch,
    })
}
