//! What people did: rows as they came, by the week they came in, and totals of each hour.

mod fold;
mod sums;

use chrono::{DateTime, Utc};
use diesel::{
    prelude::*,
    sql_query,
    sql_types::{BigInt, Integer, Jsonb, Nullable, Text, Timestamptz},
};
use homepot::model::{Activity, ActivityFilter, OperatorName, Page, PageRequest, StoredActivity, Weigh};
use serde_json::Value;

use crate::{StoreError, paging, row, statement::Statement};

pub(crate) use self::fold::fold;
pub use self::sums::sums;

/// What comes after its hour was summed up is marked, so that the hour is summed up again.
const INSERT: &str = "\
WITH new AS (
    INSERT INTO user_activities ({columns}) SELECT * FROM unnest({arrays}) RETURNING at)
INSERT INTO activity_late (hour)
SELECT DISTINCT date_bin('1 hour', at, 'epoch') FROM new, activity_progress WHERE at < rolled_to";

/// Keeps activities, all or none; the same again is kept again.
pub fn insert(conn: &mut PgConnection, new: &[StoredActivity]) -> Result<Vec<()>, StoreError> {
    let activities = || new.iter().map(|new| &new.activity);
    Statement::new(INSERT)
        .column::<Timestamptz, _>("at", new.iter().map(|new| new.at))
        .column::<Nullable<Integer>, _>("duration_ms", activities().map(|it| it.duration.map(row::millis)))
        .column::<Text, _>("activity_type", activities().map(|it| it.activity_type.as_str()))
        .column::<Text, _>("source", new.iter().map(|new| new.source.as_str()))
        .column::<Text, _>("operator", new.iter().map(|new| new.operator.as_str()))
        .column::<Nullable<Text>, _>("page_url", activities().map(|it| it.page_url.as_ref()))
        .column::<Nullable<Text>, _>("element_id", activities().map(|it| it.element_id.as_ref()))
        .column::<Nullable<Text>, _>("search_query", activities().map(|it| it.search_query.as_ref()))
        .column::<Nullable<Text>, _>("session_id", activities().map(|it| it.session_id.as_ref()))
        .column::<Nullable<Jsonb>, _>("metadata", activities().map(|it| row::json(it.metadata.as_ref())))
        .execute(conn)?;
    Ok(vec![(); new.len()])
}

/// What [`ActivityFilter`] says, and whose the caller may see: `$1` to `$8`.
const FILTER: &str = "\
($1::text IS NULL OR operator = $1) AND ($2::text IS NULL OR operator = $2)
    AND ($3::text IS NULL OR activity_type = $3) AND ($4::text IS NULL OR page_url = $4)
    AND ($5::text IS NULL OR session_id = $5) AND ($6::text IS NULL OR source = $6)
    AND ($7::timestamptz IS NULL OR at >= $7) AND ($8::timestamptz IS NULL OR at < $8)";

/// Binds what [`FILTER`] reads. The type of a query grows with each bind, so no function can name it.
macro_rules! bound {
    ($query:expr, $own:expr, $filter:expr) => {
        $query
            .bind::<Nullable<Text>, _>($own.map(OperatorName::as_str))
            .bind::<Nullable<Text>, _>($filter.operator.as_deref())
            .bind::<Nullable<Text>, _>($filter.activity_type.map(|activity_type| activity_type.as_str()))
            .bind::<Nullable<Text>, _>($filter.page_url.as_deref())
            .bind::<Nullable<Text>, _>($filter.session_id.as_deref())
            .bind::<Nullable<Text>, _>($filter.source.map(|source| source.as_str()))
            .bind::<Nullable<Timestamptz>, _>($filter.range.0)
            .bind::<Nullable<Timestamptz>, _>($filter.range.1)
    };
}
use bound;

#[derive(QueryableByName)]
#[diesel(table_name = crate::schema::user_activities)]
struct Row {
    at: DateTime<Utc>,
    number: i64,
    duration_ms: Option<i32>,
    activity_type: String,
    source: String,
    operator: String,
    page_url: Option<String>,
    element_id: Option<String>,
    search_query: Option<String>,
    session_id: Option<String>,
    metadata: Option<Value>,
}

/// Activities that are read at once: each may have 4 KiB of metadata and an address of 2,048 characters.
const CHUNK: u32 = 128;

/// An activity with the place it has in the list.
struct Placed {
    key: String,
    activity: StoredActivity,
}

impl Weigh for Placed {
    fn weight(&self) -> usize {
        self.activity.weight()
    }
}

/// Activity, newest first; of `own` only where the caller may see no other.
pub fn list(
    conn: &mut PgConnection,
    own: Option<&OperatorName>,
    filter: &ActivityFilter,
    page: &PageRequest,
) -> Result<Page<StoredActivity>, StoreError> {
    let key = |placed: &Placed| placed.key.clone();
    let page = paging::by_bytes(page, CHUNK, key, |page| list_chunk(conn, own, filter, page))?;
    Ok(Page { items: page.items.into_iter().map(|placed| placed.activity).collect(), next: page.next })
}

fn list_chunk(
    conn: &mut PgConnection,
    own: Option<&OperatorName>,
    filter: &ActivityFilter,
    page: &PageRequest,
) -> Result<Page<Placed>, StoreError> {
    let after = paging::after_time_key::<i64>(page)?;
    let query = format!(
        "SELECT at, number, duration_ms, activity_type, source, operator, page_url, element_id, search_query, session_id,
            metadata
        FROM user_activities WHERE {FILTER} AND ($9::timestamptz IS NULL OR (at, number) < ($9, $10))
        ORDER BY at DESC, number DESC LIMIT $11"
    );
    let rows: Vec<Row> = bound!(sql_query(query), own, filter)
        .bind::<Nullable<Timestamptz>, _>(after.as_ref().map(|after| after.time))
        .bind::<Nullable<BigInt>, _>(after.as_ref().map(|after| after.name))
        .bind::<BigInt, _>(paging::limit(page))
        .load(conn)?;
    let page = Page::cut(rows, page.size, |row: &Row| paging::time_key(row.at, row.number));
    let placed = |row: Row| Ok(Placed { key: paging::time_key(row.at, row.number), activity: stored(row)? });
    let items = page.items.into_iter().map(placed).collect::<Result<_, StoreError>>()?;
    Ok(Page { items, next: page.next })
}

fn stored(row: Row) -> Result<StoredActivity, StoreError> {
    Ok(StoredActivity {
        activity: Activity {
            activity_type: row::checked("user_activities.activity_type", &row.activity_type)?,
            page_url: row.page_url,
            element_id: row.element_id,
            search_query: row.search_query,
            session_id: row.session_id,
            duration: row.duration_ms.map(row::span),
            metadata: row::object("user_activities.metadata", row.metadata)?,
        },
        operator: row::checked("user_activities.operator", &row.operator)?,
        at: row.at,
        source: row::checked("user_activities.source", &row.source)?,
    })
}
