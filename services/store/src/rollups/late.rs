//! Samples that arrive after their minute was folded: marked by whoever writes them, folded again by whoever rolls up.

use std::collections::BTreeSet;

use chrono::{DateTime, DurationRound as _, TimeDelta, Utc};
use diesel::{
    Connection as _, PgConnection, QueryDsl as _, QueryableByName, RunQueryDsl as _, sql_query,
    sql_types::{BigInt, Timestamptz},
};

use super::{
    advance::{HOURS, MINUTES, rolled_to},
    fold::{SOME_HOURS, SOME_MINUTES},
};
use crate::{
    StoreError,
    locks::{self, Lock},
    schema::{corrected_samples, rollup_progress},
    statement::Statement,
};

/// Marks that are worked off in one transaction.
const BATCH: i64 = 5_000;

/// What a writer of samples has to know before it writes.
pub(crate) struct Open {
    /// Of samples before it somebody has to be told by [`mark`].
    pub(crate) claimed_to: DateTime<Utc>,
    /// Whether any sample of the fleet was corrected: only then corrections have to be looked for.
    pub(crate) corrected: bool,
}

/// Keeps the line where it is until the transaction ends, and tells where that is. Samples from the line on are folded
/// only after this transaction.
pub(crate) fn hold_open(conn: &mut PgConnection) -> Result<Open, StoreError> {
    locks::share_in_transaction(conn, Lock::Rollups)?;
    // A statement of its own: its snapshot is taken after the lock. Both in one, because each write asks.
    let corrected = diesel::dsl::exists(corrected_samples::table.select(corrected_samples::device));
    let line = rollup_progress::table.find(MINUTES).select((rollup_progress::claimed_to, corrected));
    let (claimed_to, corrected) = line.first(conn)?;
    Ok(Open { claimed_to, corrected })
}

/// Says which minutes before the line got a sample.
pub(crate) fn mark(
    conn: &mut PgConnection,
    samples: impl Iterator<Item = (i64, DateTime<Utc>)>,
    claimed_to: DateTime<Utc>,
) -> Result<(), StoreError> {
    let late: BTreeSet<_> = samples
        .filter(|(_, collected_at)| *collected_at < claimed_to)
        .map(|(device, collected_at)| (device, truncated(collected_at, TimeDelta::minutes(1))))
        .collect();
    if late.is_empty() {
        return Ok(());
    }
    Statement::new("INSERT INTO rollup_late ({columns}) SELECT * FROM unnest({arrays})")
        .column::<BigInt, _>("device", late.iter().map(|(device, _)| *device))
        .column::<Timestamptz, _>("bucket", late.iter().map(|(_, bucket)| *bucket))
        .execute(conn)?;
    Ok(())
}

/// The minutes of a device from `from` up to `to` that are marked, in order: their rollups are not what they should be.
pub(crate) fn marked(
    conn: &mut PgConnection,
    device: i64,
    from: DateTime<Utc>,
    to: DateTime<Utc>,
) -> Result<Vec<DateTime<Utc>>, StoreError> {
    let marks: Vec<Mark> = sql_query(
        "SELECT DISTINCT device, bucket FROM rollup_late WHERE device = $1 AND bucket >= $2 AND bucket < $3 ORDER BY 2",
    )
    .bind::<BigInt, _>(device)
    .bind::<Timestamptz, _>(from)
    .bind::<Timestamptz, _>(to)
    .load(conn)?;
    Ok(marks.into_iter().map(|mark| mark.bucket).collect())
}

#[derive(QueryableByName)]
struct Mark {
    #[diesel(sql_type = BigInt)]
    device: i64,
    #[diesel(sql_type = Timestamptz)]
    bucket: DateTime<Utc>,
}

/// Folds a batch of marked minutes again, and their hours where these are folded already. Tells how many marks it worked
/// off and whether more are left.
pub fn recompute(conn: &mut PgConnection) -> Result<(usize, bool), StoreError> {
    conn.transaction(|conn| {
        // A mark that is seen here was committed together with its sample, which the statements below then see too.
        let marks: Vec<Mark> = sql_query(
            "DELETE FROM rollup_late WHERE ctid = ANY (ARRAY(SELECT ctid FROM rollup_late LIMIT $1))
            RETURNING device, bucket",
        )
        .bind::<BigInt, _>(BATCH)
        .load(conn)?;
        if marks.is_empty() {
            return Ok((0, false));
        }
        let minutes: BTreeSet<_> = marks.iter().map(|mark| (mark.device, mark.bucket)).collect();
        fold(conn, &SOME_MINUTES, &minutes, TimeDelta::minutes(1))?;
        let hours_end = rolled_to(conn, HOURS)?;
        let hours: BTreeSet<_> = minutes
            .into_iter()
            .map(|(device, minute)| (device, truncated(minute, TimeDelta::hours(1))))
            .filter(|(_, hour)| *hour < hours_end)
            .collect();
        fold(conn, &SOME_HOURS, &hours, TimeDelta::hours(1))?;
        Ok((marks.len(), marks.len() as i64 == BATCH))
    })
}

fn fold(
    conn: &mut PgConnection,
    statement: &str,
    buckets: &BTreeSet<(i64, DateTime<Utc>)>,
    width: TimeDelta,
) -> Result<(), StoreError> {
    let times = || buckets.iter().map(|(_, bucket)| *bucket);
    let (Some(first), Some(last)) = (times().min(), times().max()) else { return Ok(()) };
    Statement::new(statement)
        .value::<Timestamptz, _>("start", first)
        .value::<Timestamptz, _>("end", last + width)
        .column::<BigInt, _>("device", buckets.iter().map(|(device, _)| *device))
        .column::<Timestamptz, _>("bucket", times())
        .execute(conn)?;
    Ok(())
}

fn truncated(time: DateTime<Utc>, width: TimeDelta) -> DateTime<Utc> {
    time.duration_trunc(width).unwrap_or(time)
}
