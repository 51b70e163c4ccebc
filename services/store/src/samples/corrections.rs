//! Samples that are stored at another time than their device's clock showed.
//!
//! With the device, the time that its clock showed is a sample's identity. A correction depends on when it is made, so a
//! sample that is sent again may come with another one, or with none because the clock was set meanwhile. The first word
//! holds: `corrected_samples` remembers each correction, and what was stored without one stays so.

use std::{
    borrow::Cow,
    collections::{BTreeSet, HashMap},
};

use chrono::{DateTime, Utc};
use diesel::{
    ExpressionMethods as _, PgConnection, QueryDsl as _, QueryableByName, RunQueryDsl as _,
    sql_types::{BigInt, Timestamptz},
};

use super::NewSample;
use crate::{StoreError, schema::corrected_samples, statement::Statement};

#[derive(QueryableByName)]
struct Corrected {
    #[diesel(sql_type = BigInt)]
    device: i64,
    #[diesel(sql_type = Timestamptz)]
    device_time: DateTime<Utc>,
    #[diesel(sql_type = Timestamptz)]
    collected_at: DateTime<Utc>,
}

#[derive(QueryableByName)]
struct Device {
    #[diesel(sql_type = BigInt)]
    device: i64,
}

// What is stored as it came needs no correction any more. In order, so that two writers don't wait for one another in a circle.
const REMEMBER: &str = "\
INSERT INTO corrected_samples ({columns}) SELECT n.* FROM unnest({arrays}) AS n ({columns})
WHERE NOT EXISTS (SELECT FROM samples s WHERE s.device = n.device AND s.collected_at = n.device_time)
ORDER BY 1, 2 ON CONFLICT DO NOTHING";

const KNOWN: &str = "\
SELECT c.device, c.device_time, c.collected_at FROM corrected_samples c
JOIN unnest({arrays}) AS k ({columns}) USING (device, device_time)";

const HAVE_SOME: &str = "\
SELECT d.device FROM unnest({arrays}) AS d ({columns})
WHERE EXISTS (SELECT FROM corrected_samples c WHERE c.device = d.device)";

/// Puts each sample where it is stored: where it was corrected to first, or else where it says. In order again, by device and
/// time. To be called within the transaction that stores them.
pub(super) fn settle<'a>(
    conn: &mut PgConnection,
    sorted: &[&'a NewSample],
) -> Result<Vec<Cow<'a, NewSample>>, StoreError> {
    let mut settled: Vec<_> = sorted.iter().map(|new| Cow::Borrowed(*new)).collect();
    let concerned = concerned(conn, sorted)?;
    if concerned.is_empty() {
        return Ok(settled);
    }
    remember(conn, sorted)?;
    let keys: Vec<_> = sorted.iter().filter(|new| concerned.contains(&new.device)).map(|new| key(new)).collect();
    let known: Vec<Corrected> = Statement::new(KNOWN)
        .column::<BigInt, _>("device", keys.iter().map(|(device, _)| *device))
        .column::<Timestamptz, _>("device_time", keys.iter().map(|(_, device_time)| *device_time))
        .load(conn)?;
    let known: HashMap<_, _> = known.into_iter().map(|row| ((row.device, row.device_time), row.collected_at)).collect();
    for new in settled.iter_mut().filter(|new| concerned.contains(&new.device)) {
        let (device, device_time) = key(new);
        let (collected_at, shown) = match known.get(&(device, device_time)) {
            Some(at) => (*at, Some(device_time)),
            None => (device_time, None),
        };
        if (new.sample.collected_at, new.sample.device_time) != (collected_at, shown) {
            let sample = &mut new.to_mut().sample;
            (sample.collected_at, sample.device_time) = (collected_at, shown);
        }
    }
    settled.sort_by_key(|new| (new.device, new.sample.collected_at));
    settled.dedup_by_key(|new| (new.device, new.sample.collected_at));
    Ok(settled)
}

/// What a sample is told by.
fn key(new: &NewSample) -> (i64, DateTime<Utc>) {
    (new.device, new.sample.device_time.unwrap_or(new.sample.collected_at))
}

/// The devices with corrections, now or before.
fn concerned(conn: &mut PgConnection, sorted: &[&NewSample]) -> Result<BTreeSet<i64>, StoreError> {
    let devices: BTreeSet<_> = sorted.iter().map(|new| new.device).collect();
    let found: Vec<Device> = Statement::new(HAVE_SOME).column::<BigInt, _>("device", devices).load(conn)?;
    let corrected = sorted.iter().filter(|new| new.sample.device_time.is_some()).map(|new| new.device);
    Ok(found.into_iter().map(|row| row.device).chain(corrected).collect())
}

fn remember(conn: &mut PgConnection, sorted: &[&NewSample]) -> Result<(), StoreError> {
    let corrected = || sorted.iter().filter_map(|new| Some((new, new.sample.device_time?)));
    if corrected().next().is_none() {
        return Ok(());
    }
    Statement::new(REMEMBER)
        .column::<BigInt, _>("device", corrected().map(|(new, _)| new.device))
        .column::<Timestamptz, _>("device_time", corrected().map(|(_, device_time)| device_time))
        .column::<Timestamptz, _>("collected_at", corrected().map(|(new, _)| new.sample.collected_at))
        .execute(conn)?;
    Ok(())
}

/// What the device's clock showed for those samples of a device that were corrected, by the time at which they are stored.
pub(super) fn between(
    conn: &mut PgConnection,
    device: i64,
    start: DateTime<Utc>,
    end: DateTime<Utc>,
) -> Result<HashMap<DateTime<Utc>, DateTime<Utc>>, StoreError> {
    let rows: Vec<(DateTime<Utc>, DateTime<Utc>)> = corrected_samples::table
        .filter(corrected_samples::device.eq(device))
        .filter(corrected_samples::collected_at.between(start, end))
        .select((corrected_samples::collected_at, corrected_samples::device_time))
        .load(conn)?;
    Ok(rows.into_iter().collect())
}

/// Forgets corrections of samples that are not kept any more.
pub(crate) fn delete_before(conn: &mut PgConnection, oldest: DateTime<Utc>) -> Result<usize, StoreError> {
    Ok(diesel::delete(corrected_samples::table.filter(corrected_samples::collected_at.lt(oldest))).execute(conn)?)
}
