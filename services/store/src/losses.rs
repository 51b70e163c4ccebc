//! Samples that devices had to drop: gaps that no backlog will fill.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use homepot::model::{Loss, LossReason};

use crate::{
    StoreError,
    schema::{devices, sample_losses},
};

type Row = (DateTime<Utc>, DateTime<Utc>, i64, String);

/// Keeps a loss. A device tells it until it is heard, so a repeat changes nothing. Of a device that is gone nothing is kept:
/// the lock waits for whoever removes it.
pub fn insert(conn: &mut PgConnection, device: i64, loss: &Loss, received_at: DateTime<Utc>) -> Result<(), StoreError> {
    conn.transaction(|conn| {
        let there: Option<i64> =
            devices::table.find(device).select(devices::device).for_key_share().first(conn).optional()?;
        if there.is_none() {
            return Ok(());
        }
        diesel::insert_into(sample_losses::table)
            .values((
                sample_losses::device.eq(device),
                sample_losses::start_at.eq(loss.start),
                sample_losses::end_at.eq(loss.end),
                sample_losses::received_at.eq(received_at),
                sample_losses::samples.eq(i64::try_from(loss.samples).unwrap_or(i64::MAX)),
                sample_losses::reason.eq(loss.reason.as_str()),
            ))
            .on_conflict_do_nothing()
            .execute(conn)?;
        Ok(())
    })
}

/// What of a device is lost between `start` and `end`, oldest first; what reaches over the edges is told whole.
pub fn list(
    conn: &mut PgConnection,
    device: i64,
    start: DateTime<Utc>,
    end: DateTime<Utc>,
) -> Result<Vec<Loss>, StoreError> {
    let rows: Vec<Row> = sample_losses::table
        .filter(sample_losses::device.eq(device))
        .filter(sample_losses::start_at.lt(end))
        .filter(sample_losses::end_at.ge(start))
        .select((sample_losses::start_at, sample_losses::end_at, sample_losses::samples, sample_losses::reason))
        .order((sample_losses::start_at, sample_losses::end_at))
        .load(conn)?;
    rows.into_iter()
        .map(|(start, end, samples, reason)| {
            let unknown = || StoreError::Corrupt(format!("sample_losses.reason: '{reason}' is not one"));
            let reason = LossReason::parse(&reason).ok_or_else(unknown)?;
            Ok(Loss { start, end, samples: u64::try_from(samples).unwrap_or_default(), reason })
        })
        .collect()
}

/// Forgets what ended before `oldest`.
pub(crate) fn delete_before(conn: &mut PgConnection, oldest: DateTime<Utc>) -> Result<usize, StoreError> {
    Ok(diesel::delete(sample_losses::table.filter(sample_losses::end_at.lt(oldest))).execute(conn)?)
}
