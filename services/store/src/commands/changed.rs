//! Commands that changed since a cursor, for watches.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use diesel::{pg::PgRowByRowLoadingMode, prelude::*};
use homepot::model::{Command, CommandId, DeviceSelection, Page, PageRequest, RunId};
use uuid::Uuid;

use super::read::{CHUNK, DEVICE, Row, RowOfDevice, command};
use crate::{
    StoreError, paging,
    schema::{devices, ledger},
    scope::selected,
};

/// Which commands.
#[derive(Clone, Debug)]
pub struct ChangedFilter {
    /// Only commands of these devices.
    pub selection: DeviceSelection,
    /// Only these; empty: any.
    pub command_ids: BTreeSet<CommandId>,
    /// Only of this run.
    pub run_id: Option<RunId>,
}

impl ChangedFilter {
    /// Whether a command is one of them.
    pub fn matches(&self, command: &Command) -> bool {
        self.selection.includes(&command.site_id, command.source, &command.device_id)
            && (self.command_ids.is_empty() || self.command_ids.contains(&command.command_id))
            && self.run_id.is_none_or(|run_id| command.run_id == Some(run_id))
    }
}

/// Commands of which one look may tell.
const MOST_CHANGED: i64 = 20_000;

// What ended is moved after its last change, so that what changed since then was moved since then, if at all: of the months of
// what ended a look reads the newest rows of the newest one.

/// All commands that changed since then, in no order: for the one look that serves all viewers. `None`: they are more than
/// `most` bytes.
pub fn changed_since(
    conn: &mut PgConnection,
    since: DateTime<Utc>,
    most: usize,
) -> Result<Option<Vec<Command>>, StoreError> {
    let changed = ledger::table
        .inner_join(devices::table)
        .filter(ledger::changed_at.ge(since))
        .filter(ledger::filed_at.ge(since))
        .select((Row::as_select(), DEVICE))
        .limit(MOST_CHANGED + 1);
    // Row by row: what is too much is never in memory.
    let rows = changed.load_iter::<RowOfDevice, PgRowByRowLoadingMode>(conn)?;
    let found = paging::all_within(rows.map(|row| command(row?)), most)?;
    Ok(found.filter(|found| found.len() <= MOST_CHANGED as usize))
}

/// The commands of `filter` by id, a page of so many bytes at a time; with `since`: those that changed since then.
pub fn changed_of(
    conn: &mut PgConnection,
    filter: &ChangedFilter,
    since: Option<DateTime<Utc>>,
    page: &PageRequest,
    most: usize,
) -> Result<Page<Command>, StoreError> {
    paging::within(page, CHUNK, most, key, |page| changed_chunk(conn, filter, since, page))
}

fn key(command: &Command) -> String {
    command.command_id.to_string()
}

fn changed_chunk(
    conn: &mut PgConnection,
    filter: &ChangedFilter,
    since: Option<DateTime<Utc>>,
    page: &PageRequest,
) -> Result<Page<Command>, StoreError> {
    let mut query = ledger::table.inner_join(devices::table).select((Row::as_select(), DEVICE)).into_boxed();
    if let Some(since) = since {
        query = query.filter(ledger::changed_at.ge(since)).filter(ledger::filed_at.ge(since));
    }
    query = selected(query, &filter.selection);
    if !filter.command_ids.is_empty() {
        query = query.filter(ledger::command_id.eq_any(filter.command_ids.iter().map(|id| id.0)));
    }
    if let Some(run_id) = filter.run_id {
        query = query.filter(ledger::run_id.eq(run_id.0));
    }
    if let Some(after) = page.after_as::<Uuid>()? {
        query = query.filter(ledger::command_id.gt(after));
    }
    let rows: Vec<RowOfDevice> = query.order(ledger::command_id).limit(paging::limit(page)).load(conn)?;
    let items = rows.into_iter().map(command).collect::<Result<_, _>>()?;
    Ok(Page::cut(items, page.size, key))
}
