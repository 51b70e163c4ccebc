//! Sites.

mod removal;

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use homepot::model::{NewSite, Page, PageRequest, Site, SiteChange, SiteId, SiteScope};

pub use self::removal::{SiteRemoval, mark_removed, purge, thin_out};
use crate::{StoreError, clock, paging, row, schema::sites, scope::within};

#[derive(Queryable, Selectable)]
#[diesel(table_name = sites)]
struct Row {
    site_id: String,
    name: String,
    description: Option<String>,
    location: Option<String>,
    open_enrollment: bool,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
    removed_at: Option<DateTime<Utc>>,
}

impl TryFrom<Row> for Site {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        Ok(Self {
            site_id: row::checked("sites.site_id", &row.site_id)?,
            name: row.name,
            description: row.description,
            location: row.location,
            open_enrollment: row.open_enrollment,
            created_at: row.created_at,
            updated_at: row.updated_at,
            removed_at: row.removed_at,
        })
    }
}

/// Makes a site; `None`: the id is taken.
pub fn insert(conn: &mut PgConnection, site: &NewSite) -> Result<Option<Site>, StoreError> {
    diesel::insert_into(sites::table)
        .values((
            sites::site_id.eq(site.site_id.as_str()),
            sites::name.eq(&site.name),
            sites::description.eq(&site.description),
            sites::location.eq(&site.location),
            sites::open_enrollment.eq(site.open_enrollment),
        ))
        .on_conflict_do_nothing()
        .returning(Row::as_returning())
        .get_result(conn)
        .optional()?
        .map(Site::try_from)
        .transpose()
}

/// The site of that id, removed or not.
pub fn find(conn: &mut PgConnection, site_id: &SiteId) -> Result<Option<Site>, StoreError> {
    sites::table.find(site_id.as_str()).select(Row::as_select()).first(conn).optional()?.map(Site::try_from).transpose()
}

/// Whether there is such a site that was not removed. It is not removed before the caller's transaction ends.
pub(crate) fn is_open(conn: &mut PgConnection, site_id: &SiteId) -> Result<bool, StoreError> {
    let open = sites::table
        .find(site_id.as_str())
        .filter(sites::removed_at.is_null())
        .select(sites::site_id)
        .for_key_share()
        .first::<String>(conn)
        .optional()?;
    Ok(open.is_some())
}

/// Sites within `scope`, by id; none that was removed.
pub fn list(conn: &mut PgConnection, scope: &SiteScope, page: &PageRequest) -> Result<Page<Site>, StoreError> {
    let mut query = sites::table.filter(sites::removed_at.is_null()).select(Row::as_select()).into_boxed();
    query = within(query, sites::site_id, scope);
    if let Some(after) = &page.after {
        query = query.filter(sites::site_id.gt(after));
    }
    let rows: Vec<Row> = query.order(sites::site_id).limit(paging::limit(page)).load(conn)?;
    let items = rows.into_iter().map(Site::try_from).collect::<Result<_, _>>()?;
    let key = |site: &Site| site.site_id.to_string();
    Ok(Page::cut(items, page.size, key).within_bytes(key))
}

#[derive(AsChangeset)]
#[diesel(table_name = sites)]
struct Changes<'a> {
    name: Option<&'a str>,
    description: Option<Option<&'a str>>,
    location: Option<Option<&'a str>>,
    open_enrollment: Option<bool>,
    updated_at: DateTime<Utc>,
}

/// Changes a site; `None`: there is no such site, or it was removed.
pub fn update(conn: &mut PgConnection, site_id: &SiteId, change: &SiteChange) -> Result<Option<Site>, StoreError> {
    // An empty text clears the column.
    fn cleared(text: &Option<String>) -> Option<Option<&str>> {
        text.as_deref().map(|text| Some(text).filter(|text| !text.is_empty()))
    }
    let changes = Changes {
        name: change.name.as_deref(),
        description: cleared(&change.description),
        location: cleared(&change.location),
        open_enrollment: change.open_enrollment,
        updated_at: clock::database_now(conn)?,
    };
    diesel::update(sites::table.find(site_id.as_str()).filter(sites::removed_at.is_null()))
        .set(changes)
        .returning(Row::as_returning())
        .get_result(conn)
        .optional()?
        .map(Site::try_from)
        .transpose()
}
