//! Packs hours that are closed, and anew those that got a sample since.

use std::time::{Duration, Instant};

use chrono::{DateTime, DurationRound as _, TimeDelta, Utc};
use diesel::{
    Connection as _, ExpressionMethods as _, OptionalExtension as _, PgConnection, QueryDsl as _, QueryableByName,
    RunQueryDsl as _, sql_query,
    sql_types::{BigInt, Timestamptz},
};
use homepot::model::to_struct;
use homepot_packing::{
    Key,
    block::{MAX_BLOB_BYTES, MAX_ROWS},
    samples::{self, Hour, Received},
};

use super::blocks::HOUR;
use crate::{
    StoreError,
    maintenance::Retention,
    partitions,
    rollups::advance,
    samples::{merged, rows_of_hour},
    schema::{devices, packed_samples, packing_late, packing_progress},
    statement::Statement,
};

/// Devices whose hour is packed in one transaction.
const TOGETHER: i64 = 50;
/// In memory, of one hour of one device: rows, and about their bytes. What is more stays in rows.
const BOUNDS: (usize, usize) = (MAX_ROWS, 4 * MAX_BLOB_BYTES);

/// What packing came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Packing {
    /// Blocks written.
    pub blocks: usize,
    /// Samples in these.
    pub samples: usize,
    /// Bytes of these.
    pub bytes: usize,
    /// Blocks among these that were there before, and lacked a sample.
    pub again: usize,
    /// Hours that can't be packed and stay in rows.
    pub refused: usize,
    /// How far packing is behind the hours that it may pack.
    pub lag: Duration,
    /// Whether there is more to do at once.
    pub more: bool,
}

/// Packs hours that are closed and ended longer than `retention.packed_after` ago, oldest first, until `budget` is used up.
pub fn pack(
    conn: &mut PgConnection,
    now: DateTime<Utc>,
    retention: &Retention,
    budget: Duration,
) -> Result<Packing, StoreError> {
    let started = Instant::now();
    // Below this line every sample is committed, or will be marked.
    let closed = advance::claimed_to(conn)?;
    let end = whole_hour(closed.min(back(now, retention.packed_after)));
    let expired = whole_hour(back(now, retention.samples));
    let mut packing = Packing::default();
    let (mut hour, mut device) = progress(conn)?;
    if hour < expired {
        (hour, device) = (expired, 0);
    }
    while hour < end && !packing.more {
        if device == 0 {
            let day = hour.date_naive();
            partitions::make_missing_days(conn, day, day)?;
        }
        (hour, device) = conn.transaction(|conn| pack_some(conn, hour, device, &mut packing))?;
        packing.more = hour < end && started.elapsed() > budget;
    }
    packing.lag = (end - hour).to_std().unwrap_or_default();
    Ok(packing)
}

/// Packs the hour of the next devices after this one, and tells where to go on.
fn pack_some(
    conn: &mut PgConnection,
    hour: DateTime<Utc>,
    after: i64,
    packing: &mut Packing,
) -> Result<(DateTime<Utc>, i64), StoreError> {
    let devices = measured(conn, hour, after)?;
    unmark(conn, devices.iter().map(|device| (*device, hour)))?;
    for device in &devices {
        pack_hour(conn, Key { device: *device, hour }, packing)?;
    }
    let last = devices.last().copied().filter(|_| devices.len() as i64 == TOGETHER);
    let (hour, device) = last.map_or((hour + HOUR, 0), |last| (hour, last));
    diesel::update(packing_progress::table)
        .set((packing_progress::packed_to.eq(hour), packing_progress::packed_device.eq(device)))
        .execute(conn)?;
    Ok((hour, device))
}

fn back(now: DateTime<Utc>, by: Duration) -> DateTime<Utc> {
    let time = TimeDelta::from_std(by).ok().and_then(|by| now.checked_sub_signed(by));
    time.unwrap_or_default()
}

fn whole_hour(time: DateTime<Utc>) -> DateTime<Utc> {
    time.duration_trunc(HOUR).unwrap_or_default()
}

fn progress(conn: &mut PgConnection) -> Result<(DateTime<Utc>, i64), StoreError> {
    Ok(packing_progress::table.select((packing_progress::packed_to, packing_progress::packed_device)).first(conn)?)
}

#[derive(QueryableByName)]
struct Measured {
    #[diesel(sql_type = BigInt)]
    device: i64,
}

/// The next devices after this one that have rows in the hour.
fn measured(conn: &mut PgConnection, hour: DateTime<Utc>, after: i64) -> Result<Vec<i64>, StoreError> {
    let found: Vec<Measured> = sql_query(
        "SELECT d.device FROM devices d WHERE d.device > $1 AND EXISTS (
            SELECT FROM samples s WHERE s.device = d.device AND s.collected_at >= $2 AND s.collected_at < $3)
        ORDER BY d.device LIMIT $4",
    )
    .bind::<BigInt, _>(after)
    .bind::<Timestamptz, _>(hour)
    .bind::<Timestamptz, _>(hour + HOUR)
    .bind::<BigInt, _>(TOGETHER)
    .load(conn)?;
    Ok(found.into_iter().map(|found| found.device).collect())
}

#[derive(QueryableByName)]
struct Mark {
    #[diesel(sql_type = BigInt)]
    device: i64,
    #[diesel(sql_type = Timestamptz)]
    hour: DateTime<Utc>,
}

/// Packs hours anew that got a sample late, in several transactions, until `budget` is used up.
pub fn pack_late(
    conn: &mut PgConnection,
    now: DateTime<Utc>,
    retention: &Retention,
    budget: Duration,
) -> Result<Packing, StoreError> {
    let started = Instant::now();
    // Nothing is left of these hours.
    let gone = now.checked_sub_signed(partitions::samples_kept(retention)).unwrap_or_default();
    diesel::delete(packing_late::table.filter(packing_late::hour.lt(gone))).execute(conn)?;
    let mut packing = Packing::default();
    while !packing.more {
        let (packed_to, _) = progress(conn)?;
        let marks: Vec<Mark> = sql_query(
            "SELECT DISTINCT device, hour FROM packing_late WHERE NOT refused AND hour < $1 ORDER BY device, hour LIMIT $2",
        )
        .bind::<Timestamptz, _>(packed_to)
        .bind::<BigInt, _>(TOGETHER)
        .load(conn)?;
        if marks.is_empty() {
            break;
        }
        for Mark { hour, .. } in &marks {
            let day = hour.date_naive();
            partitions::make_missing_days(conn, day, day)?;
        }
        conn.transaction(|conn| {
            unmark(conn, marks.iter().map(|mark| (mark.device, mark.hour)))?;
            let there = there(conn, &marks)?;
            for Mark { device, hour } in &marks {
                // Of a device that was removed meanwhile nothing is to come back.
                if there.contains(device) {
                    pack_hour(conn, Key { device: *device, hour: *hour }, &mut packing)?;
                }
            }
            Ok::<_, StoreError>(())
        })?;
        packing.more = started.elapsed() > budget;
    }
    Ok(packing)
}

fn there(conn: &mut PgConnection, marks: &[Mark]) -> Result<Vec<i64>, StoreError> {
    let marked = marks.iter().map(|mark| mark.device);
    Ok(devices::table.filter(devices::device.eq_any(marked)).select(devices::device).load(conn)?)
}

/// Takes the marks away that are seen now: the samples that they stand for are seen by every statement from here on.
fn unmark(
    conn: &mut PgConnection,
    hours: impl Iterator<Item = (i64, DateTime<Utc>)> + Clone,
) -> Result<(), StoreError> {
    if hours.clone().next().is_none() {
        return Ok(());
    }
    Statement::new(
        "DELETE FROM packing_late l USING unnest({arrays}) AS m ({columns}) WHERE l.device = m.device AND l.hour = m.hour",
    )
    .column::<BigInt, _>("device", hours.clone().map(|(device, _)| device))
    .column::<Timestamptz, _>("hour", hours.map(|(_, hour)| hour))
    .execute(conn)?;
    Ok(())
}

/// Makes the block of an hour from the block that is there and from rows. What can't be packed is left as it is, and readers know.
fn pack_hour(conn: &mut PgConnection, key: Key, packing: &mut Packing) -> Result<(), StoreError> {
    let Key { device, hour } = key;
    let known: Option<Vec<u8>> =
        packed_samples::table.find((device, hour)).select(packed_samples::block).first(conn).optional()?;
    let is_again = known.is_some();
    let rows = match rows_of_hour(conn, device, hour, BOUNDS) {
        Ok(rows) => rows.ok_or_else(|| "there is too much of it".to_owned()),
        // A row that can't be read stays where it is, and must not keep the others from being packed.
        Err(StoreError::Corrupt(reason)) => Err(reason),
        Err(error) => return Err(error),
    };
    match rows.and_then(|rows| block(key, known, rows)) {
        Ok(None) => {}
        Ok(Some((samples, bytes))) => {
            packing.blocks += 1;
            packing.again += usize::from(is_again);
            packing.samples += samples;
            packing.bytes += bytes.len();
            put(conn, key, samples, &bytes)?;
        }
        Err(reason) => {
            tracing::warn!(device, %hour, reason, "an hour of samples can't be packed, and stays in rows");
            packing.refused += 1;
            if is_again {
                refuse(conn, key)?;
            }
        }
    }
    Ok(())
}

/// Packs, and reads what came of it back: a block that does not hold what went in is none. `None`: there are no samples.
fn block(key: Key, known: Option<Vec<u8>>, rows: Vec<Received>) -> Result<Option<(usize, Vec<u8>)>, String> {
    let known = known.map(|bytes| Hour::open(key, &bytes)?.samples()).transpose();
    let samples = merged(known.map_err(|damaged| damaged.to_string())?.unwrap_or_default(), rows);
    if samples.is_empty() {
        return Ok(None);
    }
    let bytes = samples::pack(key, &samples).map_err(|unpackable| unpackable.to_string())?;
    let read = Hour::open(key, &bytes).and_then(|hour| hour.samples()).map_err(|damaged| damaged.to_string())?;
    let is_same = read.len() == samples.len() && read.iter().zip(&samples).all(|(a, b)| is_same(a, b));
    if is_same { Ok(Some((samples.len(), bytes))) } else { Err("what is read back is not what went in".to_owned()) }
}

/// Numbers of free-form parts are compared as callers get them: `1.0` and `1` are the same there.
fn is_same(a: &Received, b: &Received) -> bool {
    let extra = |of: &Received| of.sample.extra.as_ref().map(to_struct);
    if a.sample.extra == b.sample.extra {
        return a == b;
    }
    let (a_extra, b_extra) = (extra(a), extra(b));
    let (mut a, mut b) = (a.clone(), b.clone());
    (a.sample.extra, b.sample.extra) = (None, None);
    a == b && a_extra == b_extra
}

fn put(conn: &mut PgConnection, key: Key, samples: usize, bytes: &[u8]) -> Result<(), StoreError> {
    let count = i32::try_from(samples).unwrap_or(i32::MAX);
    let new = (packed_samples::samples.eq(count), packed_samples::block.eq(bytes));
    diesel::insert_into(packed_samples::table)
        .values((packed_samples::device.eq(key.device), packed_samples::hour.eq(key.hour), new))
        .on_conflict((packed_samples::device, packed_samples::hour))
        .do_update()
        .set(new)
        .execute(conn)?;
    Ok(())
}

/// The block lacks samples for good: readers take rows too.
fn refuse(conn: &mut PgConnection, key: Key) -> Result<(), StoreError> {
    diesel::insert_into(packing_late::table)
        .values((packing_late::device.eq(key.device), packing_late::hour.eq(key.hour), packing_late::refused.eq(true)))
        .execute(conn)?;
    Ok(())
}
