//! The newest sample of each device, as the message that tells it: one value to write and to read instead of twenty.

use chrono::{DateTime, Utc};
use diesel::{
    pg::PgRowByRowLoadingMode,
    prelude::*,
    sql_types::{BigInt, Binary, Timestamptz},
};
use homepot::{
    model::{DeviceSelection, Page, PageRequest, Sample, StoredSample},
    pb::telemetry::v1 as pb,
};
use prost::Message as _;

use super::{NewSample, read, record::kept};
use crate::{
    StoreError, paging, row,
    schema::{device_latest, devices},
    scope::selected,
    statement::Statement,
};

/// Newest samples that are read at once: each may have 4 KiB of extras.
const CHUNK: u32 = 256;

/// What a list selects: device id, site id, source, when it was collected and received, and the rest of it.
type Row = (String, String, String, DateTime<Utc>, DateTime<Utc>, Vec<u8>);

/// The newest sample of each device, by device id.
pub fn latest(
    conn: &mut PgConnection,
    selection: &DeviceSelection,
    page: &PageRequest,
) -> Result<Page<StoredSample>, StoreError> {
    paging::by_bytes(page, CHUNK, key, |page| latest_chunk(conn, selection, None, page))
}

/// As [`latest`], a page of so many bytes at a time; with `since` those that came in at or after it.
pub fn watched(
    conn: &mut PgConnection,
    selection: &DeviceSelection,
    since: Option<DateTime<Utc>>,
    page: &PageRequest,
    most: usize,
) -> Result<Page<StoredSample>, StoreError> {
    paging::within(page, CHUNK, most, key, |page| latest_chunk(conn, selection, since, page))
}

fn key(stored: &StoredSample) -> String {
    stored.device_id.to_string()
}

fn latest_chunk(
    conn: &mut PgConnection,
    selection: &DeviceSelection,
    since: Option<DateTime<Utc>>,
    page: &PageRequest,
) -> Result<Page<StoredSample>, StoreError> {
    let mut query = selected(rows().into_boxed(), selection);
    if let Some(since) = since {
        query = query.filter(came_in_since(since));
    }
    if let Some(after) = &page.after {
        query = query.filter(devices::device_id.gt(after));
    }
    let query = query.order(devices::device_id).limit(paging::limit(page));
    // Row by row: one is read while Postgres is at the next.
    let rows = query.load_iter::<Row, PgRowByRowLoadingMode>(conn)?;
    let items = rows.map(|row| stored(row?)).collect::<Result<_, _>>()?;
    Ok(Page::cut(items, page.size, key))
}

/// Versions before this one don't stamp what they write. Beside them, while replicas are replaced, the time at which a sample was
/// received stands in for the stamp.
#[diesel::dsl::auto_type]
fn came_in_since(since: DateTime<Utc>) -> _ {
    device_latest::changed_at.ge(since).or(device_latest::received_at.ge(since))
}

/// The newest samples that came in at or after `since`, by device id: what has changed since somebody last looked. `None`:
/// they are more than `most` bytes.
pub fn changed_since(
    conn: &mut PgConnection,
    since: DateTime<Utc>,
    most: usize,
) -> Result<Option<Vec<StoredSample>>, StoreError> {
    let received = rows().filter(came_in_since(since)).filter(devices::removed_at.is_null()).order(devices::device_id);
    let rows = received.load_iter::<Row, PgRowByRowLoadingMode>(conn)?;
    paging::all_within(rows.map(|row| stored(row?)), most)
}

#[diesel::dsl::auto_type]
fn rows() -> _ {
    device_latest::table.inner_join(devices::table).select((
        devices::device_id,
        devices::site_id,
        devices::source,
        device_latest::collected_at,
        device_latest::received_at,
        device_latest::sample,
    ))
}

fn stored((device_id, site_id, source, collected_at, received_at, packed): Row) -> Result<StoredSample, StoreError> {
    let corrupt = |told: String| StoreError::Corrupt(format!("device_latest.sample: {told}"));
    let message = pb::Sample::decode(packed.as_slice()).map_err(|error| corrupt(error.to_string()))?;
    let sample = Sample::from_proto(message, Some(collected_at));
    Ok(StoredSample {
        device_id: row::checked("devices.device_id", &device_id)?,
        site_id: row::checked("devices.site_id", &site_id)?,
        source: row::checked("devices.source", &source)?,
        sample: sample.map_err(|fault| corrupt(format!("{}: {}", fault.field, fault.reason)))?,
        received_at,
    })
}

/// Makes what is missing from what history has: after a migration made the table anew. A device of which that can't be
/// made is passed over until it reports; it must not keep the server from starting.
pub(crate) fn restore(conn: &mut PgConnection) -> Result<usize, StoreError> {
    let missing: Vec<i64> = devices::table
        .left_join(device_latest::table)
        .filter(device_latest::device.nullable().is_null())
        .select(devices::device)
        .load(conn)?;
    let mut restored = 0;
    for device in missing {
        match restore_one(conn, device) {
            Ok(rows) => restored += rows,
            Err(error) if error.is_passing() => return Err(error),
            Err(error) => {
                let device_id = crate::devices::id_of(conn, device)?;
                tracing::warn!(%error, device_id, "can't restore the newest sample of a device");
            }
        }
    }
    Ok(restored)
}

fn restore_one(conn: &mut PgConnection, device: i64) -> Result<usize, StoreError> {
    let Some((sample, received_at)) = read::newest(conn, device)? else { return Ok(0) };
    Ok(move_forward(conn, [&NewSample { device, sample }].into_iter(), received_at)?)
}

const MOVE_FORWARD: &str = "\
INSERT INTO device_latest ({columns}, received_at) SELECT new.*, {received_at} FROM unnest({arrays}) AS new ({columns})
ON CONFLICT (device) DO UPDATE SET
    collected_at = excluded.collected_at, received_at = excluded.received_at, sample = excluded.sample, changed_at = now()
WHERE device_latest.collected_at < excluded.collected_at";

/// Takes samples that are newer than what is known of their device; one a device.
pub(super) fn move_forward<'a>(
    conn: &mut PgConnection,
    newest: impl Iterator<Item = &'a NewSample>,
    received_at: DateTime<Utc>,
) -> QueryResult<usize> {
    let newest: Vec<_> = newest.collect();
    Statement::prepared(MOVE_FORWARD)
        .value::<Timestamptz, _>("received_at", received_at)
        .column::<BigInt, _>("device", newest.iter().map(|new| new.device))
        .column::<Timestamptz, _>("collected_at", newest.iter().map(|new| new.sample.collected_at))
        .column::<Binary, _>("sample", newest.iter().map(|new| packed(&new.sample)))
        .execute(conn)
}

fn packed(sample: &Sample) -> Vec<u8> {
    pb::Sample { collected_at: None, ..kept(sample).into() }.encode_to_vec()
}
