//! Rollouts that changed since a cursor, for watches. A rollout has changed when its row has, or a device of it.

use chrono::{DateTime, Utc};
use diesel::{
    pg::Pg,
    prelude::*,
    sql_query,
    sql_types::{Timestamptz, Uuid as SqlUuid},
};
use homepot::model::{MAX_PAGE_SIZE, Page, PageRequest, Rollout, RolloutId, SiteScope, Weigh};
use uuid::Uuid;

use super::read::{Joined, Row, with_progress};
use crate::{
    StoreError, paging, row,
    schema::{releases, rollouts},
    scope::reaching_only,
};

/// Rollouts of which one look may tell.
const MOST_CHANGED: usize = MAX_PAGE_SIZE as usize;

/// A rollout, with what decides who may be told of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Watched {
    /// As it is.
    pub rollout: Rollout,
    /// The sites of its devices.
    pub reaches: SiteScope,
    /// When its row last changed: each change is later than the one before.
    pub changed_at: DateTime<Utc>,
}

impl Weigh for Watched {
    fn weight(&self) -> usize {
        self.rollout.weight()
    }
}

/// Which rollouts.
#[derive(Clone, Debug)]
pub struct WatchedFilter {
    /// Only rollouts that reach no other site.
    pub scope: SiteScope,
    /// Only this one.
    pub rollout_id: Option<RolloutId>,
}

impl WatchedFilter {
    /// Whether a rollout is one of them.
    pub fn matches(&self, watched: &Watched) -> bool {
        self.scope.covers(&watched.reaches)
            && self.rollout_id.is_none_or(|rollout_id| watched.rollout.rollout_id == rollout_id)
    }
}

type WatchedRow = (Row, (String, String), Vec<String>, DateTime<Utc>);

/// All rollouts that changed since then, in no order: for the one look that serves all viewers. `None`: they are more than
/// `most` bytes.
pub fn changed_since(
    conn: &mut PgConnection,
    since: DateTime<Utc>,
    most: usize,
) -> Result<Option<Vec<Watched>>, StoreError> {
    let ids = changed_ids(conn, since)?;
    if ids.len() > MOST_CHANGED {
        return Ok(None);
    }
    let all = WatchedFilter { scope: SiteScope::All, rollout_id: None };
    let page = PageRequest { size: MAX_PAGE_SIZE, after: None };
    let found = read(conn, &all, Some(&ids), &page)?;
    let bytes: usize = found.iter().map(Weigh::weight).sum();
    Ok((bytes <= most).then_some(found))
}

/// The rollouts of `filter` by id; with `since`: those that changed since then.
pub fn changed_of(
    conn: &mut PgConnection,
    filter: &WatchedFilter,
    since: Option<DateTime<Utc>>,
    page: &PageRequest,
) -> Result<Page<Watched>, StoreError> {
    let ids = since.map(|since| changed_ids(conn, since)).transpose()?;
    let found = read(conn, filter, ids.as_deref(), page)?;
    let key = |watched: &Watched| watched.rollout.rollout_id.to_string();
    Ok(Page::cut(found, page.size, key).within_bytes(key))
}

#[derive(QueryableByName)]
struct Changed {
    #[diesel(sql_type = SqlUuid)]
    rollout_id: Uuid,
}

fn changed_ids(conn: &mut PgConnection, since: DateTime<Utc>) -> Result<Vec<Uuid>, StoreError> {
    const CHANGED: &str = "SELECT rollout_id FROM rollouts WHERE changed_at >= $1 \
        UNION SELECT rollout_id FROM rollout_devices WHERE changed_at >= $1";
    let changed: Vec<Changed> = sql_query(CHANGED).bind::<Timestamptz, _>(since).load(conn)?;
    Ok(changed.into_iter().map(|changed| changed.rollout_id).collect())
}

fn read(
    conn: &mut PgConnection,
    filter: &WatchedFilter,
    ids: Option<&[Uuid]>,
    page: &PageRequest,
) -> Result<Vec<Watched>, StoreError> {
    let mut query = rollouts::table
        .inner_join(releases::table)
        .select((Row::as_select(), (releases::name, releases::version), rollouts::site_ids, rollouts::changed_at))
        .into_boxed::<Pg>();
    query = reaching_only(query, rollouts::site_ids, &filter.scope);
    if let Some(ids) = ids {
        query = query.filter(rollouts::rollout_id.eq_any(ids.to_vec()));
    }
    if let Some(id) = filter.rollout_id {
        query = query.filter(rollouts::rollout_id.eq(id.0));
    }
    if let Some(after) = page.after_as::<Uuid>()? {
        query = query.filter(rollouts::rollout_id.gt(after));
    }
    let rows: Vec<WatchedRow> = query.order(rollouts::rollout_id).limit(paging::limit(page)).load(conn)?;
    let apart = |(row, release, site_ids, changed_at): WatchedRow| ((row, release), (site_ids, changed_at));
    let (rows, rest): (Vec<Joined>, Vec<_>) = rows.into_iter().map(apart).unzip();
    // How far they are is counted after their rows are read: what a row does not tell yet, the next look finds.
    let found = with_progress(conn, rows)?.into_iter().zip(rest);
    let watched = |(rollout, (site_ids, changed_at)): (Rollout, (Vec<String>, DateTime<Utc>))| {
        let site_ids = site_ids.iter().map(|id| row::checked("rollouts.site_ids", id)).collect::<Result<_, _>>()?;
        Ok(Watched { rollout, reaches: SiteScope::Only(site_ids), changed_at })
    };
    found.map(watched).collect()
}
