//! How much people did: whole hours from their totals, what is left at the edges and since then from the rows.

use std::time::Duration;

use chrono::{DateTime, DurationRound as _, TimeDelta, Utc};
use diesel::{
    PgConnection, QueryableByName, RunQueryDsl as _, sql_query,
    sql_types::{BigInt, Double, Nullable, Text, Timestamptz},
};
use homepot::{
    Error,
    model::{ActivityFilter, ActivityGrouping, ActivitySum, OperatorName, Page, PageRequest, Weigh},
};

use super::{FILTER, bound, fold};
use crate::{StoreError, clock, paging};

const HOUR: TimeDelta = TimeDelta::hours(1);
/// Activities that a report may read one by one.
const MOST_ROWS: i64 = 200_000;
/// Hourly totals that a report may read.
const MOST_TOTALS: i64 = 2_000_000;
/// While the totals are further behind than this (after an upgrade), reports read rows instead of them, however many: the
/// time limit of reports is what bounds them then.
const BEHIND: TimeDelta = TimeDelta::hours(3);

/// Which part of a report comes from totals: from `from` up to but not at `to`, both whole hours.
struct Totals {
    from: DateTime<Utc>,
    to: DateTime<Utc>,
}

impl Totals {
    fn of(filter: &ActivityFilter, resolution: Option<Duration>, rolled_to: DateTime<Utc>) -> Self {
        let by_hours = resolution.is_none_or(|resolution| resolution.as_secs() % 3_600 == 0);
        if !by_hours {
            let never = rolled_to + TimeDelta::days(36_500);
            return Self { from: never, to: never };
        }
        let floor = |time: DateTime<Utc>| time.duration_trunc(HOUR).unwrap_or(time);
        let from = filter.range.0.map_or(DateTime::UNIX_EPOCH, |start| {
            let floor = floor(start);
            if floor == start { start } else { floor + HOUR }
        });
        let to = filter.range.1.map_or(rolled_to, |end| floor(end).min(rolled_to)).max(from);
        Self { from, to }
    }
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
    sessions: i64,
    #[diesel(sql_type = Nullable<Double>)]
    average_ms: Option<f64>,
}

impl Weigh for SumRow {
    fn weight(&self) -> usize {
        64 + self.key.len()
    }
}

/// How much activity there was, by time and then by what it is told apart by. A report that would read too much is refused.
pub fn sums(
    conn: &mut PgConnection,
    own: Option<&OperatorName>,
    filter: &ActivityFilter,
    group_by: Option<ActivityGrouping>,
    resolution: Option<Duration>,
    page: &PageRequest,
) -> Result<Page<ActivitySum>, StoreError> {
    let rolled_to = fold::rolled_to(conn)?;
    let totals = Totals::of(filter, resolution, rolled_to);
    check_cost(conn, own, filter, &totals, rolled_to)?;
    let key = match group_by {
        None => "''",
        Some(ActivityGrouping::Type) => "activity_type",
        Some(ActivityGrouping::Page) => "page_url",
        Some(ActivityGrouping::SearchQuery) => "search_query",
        Some(ActivityGrouping::Operator) => "operator",
    };
    let (start, after) = (paging::bucket("at", resolution), paging::after_time_key::<String>(page)?);
    let apart = "at, activity_type, operator, page_url, search_query, session_id";
    let one = "1::bigint AS n, (duration_ms IS NOT NULL)::integer::bigint AS durations, \
        coalesce(duration_ms, 0)::bigint AS ms, 0::bigint AS more_sessions";
    let query = format!(
        "WITH told AS (
            SELECT {apart}, {one} FROM user_activities WHERE {FILTER} AND at < $12
            UNION ALL SELECT {apart}, {one} FROM user_activities WHERE {FILTER} AND at >= $13
            UNION ALL SELECT {apart}, n, durations, ms, more_sessions FROM (
                SELECT hour AS at, activity_type, source, operator, page_url, search_query, session_id, count AS n, durations,
                    duration_ms AS ms, sessions AS more_sessions
                FROM activity_hours WHERE hour >= $12 AND hour < $13) AS hours
                WHERE {FILTER})
        SELECT * FROM (
            SELECT coalesce({key}, '') COLLATE \"C\" AS key, {start} AS start_at, sum(n)::bigint AS count,
                (count(DISTINCT session_id) + sum(more_sessions))::bigint AS sessions,
                sum(ms)::double precision / nullif(sum(durations), 0)::double precision AS average_ms
            FROM told GROUP BY 1, 2) AS sums
        WHERE $9::timestamptz IS NULL OR (start_at, key) > ($9, $10) ORDER BY start_at, key LIMIT $11"
    );
    let rows: Vec<SumRow> = bound!(sql_query(query), own, filter)
        .bind::<Nullable<Timestamptz>, _>(after.as_ref().map(|after| after.time))
        .bind::<Nullable<Text>, _>(after.as_ref().map(|after| &after.name))
        .bind::<BigInt, _>(paging::limit(page))
        .bind::<Timestamptz, _>(totals.from)
        .bind::<Timestamptz, _>(totals.to)
        .load(conn)?;
    let key = |row: &SumRow| paging::time_key(row.start_at, &row.key);
    let page = Page::cut(rows, page.size, key).within_bytes(key);
    let sum = |row: SumRow| ActivitySum {
        key: row.key,
        start: resolution.map(|_| row.start_at),
        count: row.count.unsigned_abs(),
        sessions: row.sessions.unsigned_abs(),
        average_duration: row.average_ms.and_then(|millis| Duration::try_from_secs_f64(millis / 1_000.0).ok()),
    };
    Ok(Page { items: page.items.into_iter().map(sum).collect(), next: page.next })
}

/// Counts what a report would read, as far as the most that it may, by what has an index: time and operator.
const COST: &str = "\
SELECT
    (SELECT count(*) FROM (SELECT FROM user_activities WHERE ($1::text IS NULL OR operator = $1)
        AND ($2::timestamptz IS NULL OR at >= $2) AND ($3::timestamptz IS NULL OR at < $3) AND at < $4 LIMIT $6) AS r)
    + (SELECT count(*) FROM (SELECT FROM user_activities WHERE ($1::text IS NULL OR operator = $1)
        AND ($2::timestamptz IS NULL OR at >= $2) AND ($3::timestamptz IS NULL OR at < $3) AND at >= $5 LIMIT $6) AS r)
    AS rows,
    (SELECT count(*) FROM (SELECT FROM activity_hours WHERE ($1::text IS NULL OR operator = $1)
        AND hour >= $4 AND hour < $5 LIMIT $7) AS t) AS totals";

#[derive(QueryableByName)]
struct Cost {
    #[diesel(sql_type = BigInt)]
    rows: i64,
    #[diesel(sql_type = BigInt)]
    totals: i64,
}

fn check_cost(
    conn: &mut PgConnection,
    own: Option<&OperatorName>,
    filter: &ActivityFilter,
    totals: &Totals,
    rolled_to: DateTime<Utc>,
) -> Result<(), StoreError> {
    let cost: Cost = sql_query(COST)
        .bind::<Nullable<Text>, _>(own.map(OperatorName::as_str).or(filter.operator.as_deref()))
        .bind::<Nullable<Timestamptz>, _>(filter.range.0)
        .bind::<Nullable<Timestamptz>, _>(filter.range.1)
        .bind::<Timestamptz, _>(totals.from)
        .bind::<Timestamptz, _>(totals.to)
        .bind::<BigInt, _>(MOST_ROWS + 1)
        .bind::<BigInt, _>(MOST_TOTALS + 1)
        .get_result(conn)?;
    let catching_up =
        totals.from <= totals.to && totals.to == rolled_to && clock::database_now(conn)? - rolled_to > BEHIND;
    if cost.rows > MOST_ROWS && !catching_up {
        let told = format!(
            "spans more than {MOST_ROWS} activities that have to be read one by one; ask for a shorter time, or for a \
             resolution of whole hours, which is read from hourly totals"
        );
        return Err(Error::invalid("start_time", told).into());
    }
    if cost.totals > MOST_TOTALS {
        let told = format!("spans more than {MOST_TOTALS} hourly totals; ask for a shorter time, or for one operator");
        return Err(Error::invalid("start_time", told).into());
    }
    Ok(())
}
