//! What errors there are, one by one and summed up.

use std::time::Duration;

use chrono::{DateTime, Utc};
use diesel::{
    prelude::*,
    sql_query,
    sql_types::{Array, BigInt, Bool, Jsonb, Nullable, Text, Timestamptz},
};
use homepot::model::{
    ErrorFilter, ErrorGroup, ErrorGrouping, ErrorReport, ErrorSum, OperatorName, Page, PageRequest, SiteScope, Weigh,
};
use serde_json::Value;

use crate::{StoreError, paging, row};

/// Which errors the caller may see: those of devices in its scope, and what it logged itself.
#[derive(Clone, Debug)]
pub struct Seen {
    /// Where.
    pub scope: SiteScope,
    /// Who it is.
    pub operator: OperatorName,
}

const FROM: &str = "error_groups g LEFT JOIN devices d ON d.device = g.device";
/// What [`Seen`] and [`ErrorFilter`] say: `$1` to `$11`.
const FILTER: &str = "\
($1::text[] IS NULL OR g.site_id = ANY ($1) OR g.operator = $2)
    AND ($3::text IS NULL OR g.category = $3) AND ($4::text IS NULL OR g.severity = $4)
    AND ($5::text IS NULL OR g.error_code = $5) AND ($6::text IS NULL OR g.endpoint = $6)
    AND ($7::text IS NULL OR d.device_id = $7) AND ($8::text IS NULL OR g.site_id = $8)
    AND ($9::text IS NULL OR g.source = $9)
    AND ($10::timestamptz IS NULL OR g.hour >= $10) AND ($11::timestamptz IS NULL OR g.hour < $11)";

/// Binds what [`FILTER`] reads. The type of a query grows with each bind, so no function can name it.
macro_rules! bound {
    ($query:expr, $seen:expr, $filter:expr) => {
        $query
            .bind::<Nullable<Array<Text>>, _>($seen.scope.site_ids())
            .bind::<Text, _>($seen.operator.as_str())
            .bind::<Nullable<Text>, _>($filter.category.as_deref())
            .bind::<Nullable<Text>, _>($filter.severity.map(|severity| severity.as_str()))
            .bind::<Nullable<Text>, _>($filter.error_code.as_deref())
            .bind::<Nullable<Text>, _>($filter.endpoint.as_deref())
            .bind::<Nullable<Text>, _>($filter.device_id.as_ref().map(|id| id.as_str()))
            .bind::<Nullable<Text>, _>($filter.site_id.as_ref().map(|id| id.as_str()))
            .bind::<Nullable<Text>, _>($filter.source.map(|source| source.as_str()))
            .bind::<Nullable<Timestamptz>, _>($filter.range.0)
            .bind::<Nullable<Timestamptz>, _>($filter.range.1)
    };
}

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = Timestamptz)]
    hour: DateTime<Utc>,
    #[diesel(sql_type = BigInt)]
    number: i64,
    #[diesel(sql_type = Timestamptz)]
    first_seen_at: DateTime<Utc>,
    #[diesel(sql_type = Timestamptz)]
    last_seen_at: DateTime<Utc>,
    #[diesel(sql_type = BigInt)]
    count: i64,
    #[diesel(sql_type = Bool)]
    overflow: bool,
    #[diesel(sql_type = Text)]
    source: String,
    #[diesel(sql_type = Text)]
    severity: String,
    #[diesel(sql_type = Text)]
    category: String,
    #[diesel(sql_type = Nullable<Text>)]
    device_id: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    site_id: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    operator: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    error_code: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    endpoint: Option<String>,
    #[diesel(sql_type = Text)]
    message: String,
    #[diesel(sql_type = Nullable<Text>)]
    stack_trace: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    user_id: Option<String>,
    #[diesel(sql_type = Nullable<Jsonb>)]
    context: Option<Value>,
}

/// Groups that are read at once: each may have a stack trace of 16,000 characters and a context of 8 KiB.
const CHUNK: u32 = 32;

/// A group with the place it has in the list.
struct Placed {
    key: String,
    group: ErrorGroup,
}

impl Weigh for Placed {
    fn weight(&self) -> usize {
        self.group.weight()
    }
}

/// Groups, by hour, the newest first; within one, the group that began last comes first.
pub fn list(
    conn: &mut PgConnection,
    seen: &Seen,
    filter: &ErrorFilter,
    page: &PageRequest,
) -> Result<Page<ErrorGroup>, StoreError> {
    let key = |placed: &Placed| placed.key.clone();
    let page = paging::by_bytes(page, CHUNK, key, |page| list_chunk(conn, seen, filter, page))?;
    Ok(Page { items: page.items.into_iter().map(|placed| placed.group).collect(), next: page.next })
}

fn list_chunk(
    conn: &mut PgConnection,
    seen: &Seen,
    filter: &ErrorFilter,
    page: &PageRequest,
) -> Result<Page<Placed>, StoreError> {
    let after = paging::after_time_key::<i64>(page)?;
    let query = format!(
        "SELECT g.hour, g.number, g.first_seen_at, g.last_seen_at, g.count, g.overflow, g.source, g.severity, g.category,
            d.device_id, g.site_id, g.operator, g.error_code, g.endpoint, g.message, g.stack_trace, g.user_id, g.context
        FROM {FROM} WHERE {FILTER} AND ($12::timestamptz IS NULL OR (g.hour, g.number) < ($12, $13))
        ORDER BY g.hour DESC, g.number DESC LIMIT $14"
    );
    let rows: Vec<Row> = bound!(sql_query(query), seen, filter)
        .bind::<Nullable<Timestamptz>, _>(after.as_ref().map(|after| after.time))
        .bind::<Nullable<BigInt>, _>(after.as_ref().map(|after| after.name))
        .bind::<BigInt, _>(paging::limit(page))
        .load(conn)?;
    let page = Page::cut(rows, page.size, |row: &Row| paging::time_key(row.hour, row.number));
    let placed = |row: Row| Ok(Placed { key: paging::time_key(row.hour, row.number), group: group(row)? });
    let items = page.items.into_iter().map(placed).collect::<Result<_, StoreError>>()?;
    Ok(Page { items, next: page.next })
}

fn group(row: Row) -> Result<ErrorGroup, StoreError> {
    Ok(ErrorGroup {
        newest: ErrorReport {
            category: row.category,
            severity: row::checked("error_groups.severity", &row.severity)?,
            error_code: row.error_code,
            message: row.message,
            stack_trace: row.stack_trace,
            endpoint: row.endpoint,
            user_id: row.user_id,
            context: row::object("error_groups.context", row.context)?,
        },
        count: row.count.unsigned_abs(),
        first_seen_at: row.first_seen_at,
        last_seen_at: row.last_seen_at,
        device_id: row.device_id.map(|id| row::checked("devices.device_id", &id)).transpose()?,
        site_id: row.site_id.map(|id| row::checked("error_groups.site_id", &id)).transpose()?,
        operator: row.operator.map(|name| row::checked("error_groups.operator", &name)).transpose()?,
        source: row::checked("error_groups.source", &row.source)?,
        overflow: row.overflow,
    })
}

#[derive(QueryableByName)]
struct SumRow {
    #[diesel(sql_type = Text)]
    key: String,
    #[diesel(sql_type = Timestamptz)]
    start_at: DateTime<Utc>,
    #[diesel(sql_type = BigInt)]
    count: i64,
    #[diesel(sql_type = BigInt)]
    groups: i64,
}

impl Weigh for SumRow {
    fn weight(&self) -> usize {
        64 + self.key.len()
    }
}

/// Groups that a report may read.
const MOST_GROUPS: i64 = 1_000_000;

#[derive(QueryableByName)]
struct Cost {
    #[diesel(sql_type = BigInt)]
    groups: i64,
}

/// Counts what a report would read, as far as the most that it may.
fn check_cost(conn: &mut PgConnection, filter: &ErrorFilter) -> Result<(), StoreError> {
    let count = "SELECT count(*) AS groups FROM (SELECT FROM error_groups WHERE ($1::timestamptz IS NULL OR hour >= $1)
        AND ($2::timestamptz IS NULL OR hour < $2) LIMIT $3) AS g";
    let cost: Cost = sql_query(count)
        .bind::<Nullable<Timestamptz>, _>(filter.range.0)
        .bind::<Nullable<Timestamptz>, _>(filter.range.1)
        .bind::<BigInt, _>(MOST_GROUPS + 1)
        .get_result(conn)?;
    if cost.groups > MOST_GROUPS {
        let told = format!("spans more than {MOST_GROUPS} groups of errors; ask for a shorter time");
        return Err(homepot::Error::invalid("start_time", told).into());
    }
    Ok(())
}

/// How many errors there were, by time and then by what they are told apart by.
pub fn sums(
    conn: &mut PgConnection,
    seen: &Seen,
    filter: &ErrorFilter,
    group_by: Option<ErrorGrouping>,
    resolution: Option<Duration>,
    page: &PageRequest,
) -> Result<Page<ErrorSum>, StoreError> {
    check_cost(conn, filter)?;
    let key = match group_by {
        None => "''",
        Some(ErrorGrouping::Category) => "g.category",
        Some(ErrorGrouping::Severity) => "g.severity",
        Some(ErrorGrouping::ErrorCode) => "g.error_code",
        Some(ErrorGrouping::Endpoint) => "g.endpoint",
        Some(ErrorGrouping::Device) => "d.device_id",
        Some(ErrorGrouping::Site) => "g.site_id",
    };
    let (start, after) = (paging::bucket("g.hour", resolution), paging::after_time_key::<String>(page)?);
    let query = format!(
        "SELECT * FROM (
            SELECT coalesce({key}, '') COLLATE \"C\" AS key, {start} AS start_at, sum(g.count)::bigint AS count,
                count(*) AS groups
            FROM {FROM} WHERE {FILTER} GROUP BY 1, 2) AS sums
        WHERE $12::timestamptz IS NULL OR (start_at, key) > ($12, $13) ORDER BY start_at, key LIMIT $14"
    );
    let rows: Vec<SumRow> = bound!(sql_query(query), seen, filter)
        .bind::<Nullable<Timestamptz>, _>(after.as_ref().map(|after| after.time))
        .bind::<Nullable<Text>, _>(after.as_ref().map(|after| &after.name))
        .bind::<BigInt, _>(paging::limit(page))
        .load(conn)?;
    let key = |row: &SumRow| paging::time_key(row.start_at, &row.key);
    let page = Page::cut(rows, page.size, key).within_bytes(key);
    let sum = |row: SumRow| ErrorSum {
        key: row.key,
        start: resolution.map(|_| row.start_at),
        count: row.count.unsigned_abs(),
        groups: row.groups.unsigned_abs(),
    };
    Ok(Page { items: page.items.into_iter().map(sum).collect(), next: page.next })
}
