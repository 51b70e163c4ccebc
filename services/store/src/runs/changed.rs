//! Runs that changed since a cursor, for watches. A run has changed when its row has, or a command of it.

use chrono::{DateTime, Utc};
use diesel::{
    dsl::sql,
    pg::{Pg, PgRowByRowLoadingMode},
    prelude::*,
    sql_types::{Bool, Timestamptz},
};
use homepot::model::{DeviceSource, Page, PageRequest, Run, RunId, RunProgress, SiteScope, Weigh};
use uuid::Uuid;

use super::read::{CHUNK, Condition, Row, of_source, progress, run};
use crate::{StoreError, paging, row, schema::runs, scope::reaching_only};

/// Runs of which one look may tell.
const MOST_CHANGED: i64 = 1_000;

/// A run, with what decides who may be told of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Watched {
    /// As it is.
    pub run: Run,
    /// The sites of its devices.
    pub reaches: SiteScope,
    /// When its row last changed: each change is later than the one before.
    pub changed_at: DateTime<Utc>,
}

impl Weigh for Watched {
    fn weight(&self) -> usize {
        self.run.weight()
    }
}

/// Which runs.
#[derive(Clone, Debug)]
pub struct WatchedFilter {
    /// Only runs that reach no other site.
    pub scope: SiteScope,
    /// Only runs whose target has this source.
    pub source: Option<DeviceSource>,
    /// Only this one.
    pub run_id: Option<RunId>,
}

impl WatchedFilter {
    /// Whether a run is one of them.
    pub fn matches(&self, watched: &Watched) -> bool {
        self.scope.covers(&watched.reaches)
            && self.source.is_none_or(|source| watched.run.order.target.source == Some(source))
            && self.run_id.is_none_or(|run_id| watched.run.run_id == run_id)
    }
}

type WatchedRow = (Row, Vec<String>, DateTime<Utc>);

/// All runs that changed since then, in no order: for the one look that serves all viewers. `None`: they are more than
/// `most` bytes.
pub fn changed_since(
    conn: &mut PgConnection,
    since: DateTime<Utc>,
    most: usize,
) -> Result<Option<Vec<Watched>>, StoreError> {
    let query = runs::table
        .filter(has_changed(since))
        .select((Row::as_select(), runs::site_ids, runs::changed_at))
        .limit(MOST_CHANGED + 1);
    // Row by row: what is too much is never in memory.
    let rows = query.load_iter::<WatchedRow, PgRowByRowLoadingMode>(conn)?;
    let found = paging::all_within(rows.map(|row| watched(row?)), most)?;
    let Some(mut found) = found.filter(|found| found.len() <= MOST_CHANGED as usize) else { return Ok(None) };
    count(conn, &mut found)?;
    Ok(Some(found))
}

/// The runs of `filter` by id, a page of so many bytes at a time; with `since`: those that changed since then.
pub fn changed_of(
    conn: &mut PgConnection,
    filter: &WatchedFilter,
    since: Option<DateTime<Utc>>,
    page: &PageRequest,
    most: usize,
) -> Result<Page<Watched>, StoreError> {
    paging::within(page, CHUNK, most, key, |page| changed_chunk(conn, filter, since, page))
}

fn key(watched: &Watched) -> String {
    watched.run.run_id.to_string()
}

fn changed_chunk(
    conn: &mut PgConnection,
    filter: &WatchedFilter,
    since: Option<DateTime<Utc>>,
    page: &PageRequest,
) -> Result<Page<Watched>, StoreError> {
    let mut query = runs::table.select((Row::as_select(), runs::site_ids, runs::changed_at)).into_boxed::<Pg>();
    query = reaching_only(query, runs::site_ids, &filter.scope);
    if let Some(since) = since {
        query = query.filter(has_changed(since));
    }
    if let Some(source) = filter.source {
        query = query.filter(of_source(source));
    }
    if let Some(run_id) = filter.run_id {
        query = query.filter(runs::run_id.eq(run_id.0));
    }
    if let Some(after) = page.after_as::<Uuid>()? {
        query = query.filter(runs::run_id.gt(after));
    }
    let rows: Vec<WatchedRow> = query.order(runs::run_id).limit(paging::limit(page)).load(conn)?;
    let mut items = rows.into_iter().map(watched).collect::<Result<Vec<_>, _>>()?;
    count(conn, &mut items)?;
    Ok(Page::cut(items, page.size, key))
}

/// Whether a run changed since then. Its commands are asked for once for all runs, not for each of them.
fn has_changed(since: DateTime<Utc>) -> Condition {
    const OF_COMMANDS: &str = "(SELECT run_id FROM ledger WHERE run_id IS NOT NULL AND changed_at >= ";
    let went_on = sql::<Bool>("runs.run_id IN ").sql(OF_COMMANDS).bind::<Timestamptz, _>(since);
    let went_on = went_on.sql(" AND filed_at >= ").bind::<Timestamptz, _>(since).sql(")");
    Box::new(runs::changed_at.ge(since).or(went_on))
}

fn watched((row, site_ids, changed_at): WatchedRow) -> Result<Watched, StoreError> {
    let site_ids = site_ids.iter().map(|id| row::checked("runs.site_ids", id)).collect::<Result<_, _>>()?;
    Ok(Watched { run: run(row, RunProgress::default())?, reaches: SiteScope::Only(site_ids), changed_at })
}

/// How far they are is counted after their rows are read: what a row does not tell yet, the next look finds.
fn count(conn: &mut PgConnection, found: &mut [Watched]) -> Result<(), StoreError> {
    let ids: Vec<_> = found.iter().map(|watched| watched.run.run_id.0).collect();
    let mut progress = progress(conn, &ids)?;
    for watched in found {
        watched.run.progress = progress.remove(&watched.run.run_id.0).unwrap_or_default();
    }
    Ok(())
}
