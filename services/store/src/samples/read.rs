//! Reading samples back, from rows and from blocks, as one history.

use std::collections::{BTreeMap, VecDeque};

use chrono::{DateTime, TimeDelta, Utc};
use diesel::{pg::PgRowByRowLoadingMode, prelude::*};
use homepot::model::{DeviceId, DeviceSource, PAGE_BYTES, Page, PageRequest, Sample, SiteId, StoredSample, Weigh as _};
use homepot_packing::samples::Received;

use super::{corrections, record::Record};
use crate::{
    StoreError,
    packed::blocks::{Block, HOUR, Part, Walk},
    row,
    schema::{devices, packed_samples, samples},
};

/// The newest sample of a device in history, and when it was received.
pub(super) fn newest(conn: &mut PgConnection, pk: i64) -> Result<Option<(Sample, DateTime<Utc>)>, StoreError> {
    let query = samples::table.filter(samples::device.eq(pk)).order(samples::collected_at.desc());
    let record = query.first::<Record>(conn).optional()?;
    let of_rows = record.map(received).transpose()?;
    let last_hour: Option<DateTime<Utc>> = packed_samples::table
        .filter(packed_samples::device.eq(pk))
        .order(packed_samples::hour.desc())
        .select(packed_samples::hour)
        .first(conn)
        .optional()?;
    let is_within = |hour: DateTime<Utc>| of_rows.as_ref().is_none_or(|row| row.sample.collected_at < hour + HOUR);
    let mut newest = of_rows.clone();
    if let Some(hour) = last_hour.filter(|hour| is_within(*hour)) {
        let mut walk = Walk::new(pk, hour, hour + HOUR);
        while let Some(part) = walk.next(conn, 1)? {
            let Part::Packed { block, .. } = part else { continue };
            let last = block.open()?.samples()?.pop();
            newest = [newest, last].into_iter().flatten().max_by_key(|found| found.sample.collected_at);
        }
    }
    Ok(newest.map(|Received { sample, received_at }| (sample, received_at)))
}

/// Samples that are read at once: each may have 4 KiB of extras.
const CHUNK: usize = 256;
/// As many of an hour that got some late: its block is read again for each of these.
const CHUNK_OF_LATE: usize = 4_096;

/// From, and up to but not at.
type Span = (DateTime<Utc>, DateTime<Utc>);

/// Samples of one device from `start` up to but not at `end`, oldest first. A device that is not there has none.
pub fn list(
    conn: &mut PgConnection,
    pk: i64,
    start: DateTime<Utc>,
    end: DateTime<Utc>,
    page: &PageRequest,
) -> Result<Page<StoredSample>, StoreError> {
    let after = page.after_as::<i64>()?.map(|micros| {
        let fault = || homepot::Error::invalid("page_token", "is not a token that this list gave");
        DateTime::from_timestamp_micros(micros).ok_or_else(fault)
    });
    let start = after.transpose()?.map_or(start, |after| start.max(after + TimeDelta::microseconds(1)));
    let columns = (devices::device_id, devices::site_id, devices::source);
    let names: Option<(String, String, String)> = devices::table.find(pk).select(columns).first(conn).optional()?;
    let Some((device_id, site_id, source)) = names else { return Ok(Page { items: Vec::new(), next: None }) };
    let device_id: DeviceId = row::checked("devices.device_id", &device_id)?;
    let site_id: SiteId = row::checked("devices.site_id", &site_id)?;
    let source: DeviceSource = row::checked("devices.source", &source)?;

    let mut history = History { device: pk, walk: Walk::new(pk, start, end), ready: VecDeque::new() };
    let (mut items, mut bytes) = (Vec::<StoredSample>::new(), 0);
    let key = |stored: &StoredSample| stored.sample.collected_at.timestamp_micros().to_string();
    // One more than the page holds tells whether there is another.
    while let Some(next) = history.next(conn, page.size as usize + 1 - items.len())? {
        let Received { sample, received_at } = next;
        let stored =
            StoredSample { device_id: device_id.clone(), site_id: site_id.clone(), source, sample, received_at };
        bytes += stored.weight();
        if items.len() == page.size as usize || (bytes > PAGE_BYTES && !items.is_empty()) {
            let next = items.last().map(key);
            return Ok(Page { items, next });
        }
        items.push(stored);
    }
    Ok(Page { items, next: None })
}

/// Samples of a device one by one, wherever they are.
struct History {
    device: i64,
    walk: Walk,
    /// Read and not given out.
    ready: VecDeque<Received>,
}

impl History {
    /// The next one, of which `wanted` are wanted in all.
    fn next(&mut self, conn: &mut PgConnection, wanted: usize) -> Result<Option<Received>, StoreError> {
        while self.ready.is_empty() {
            let found = match self.walk.next(conn, wanted)? {
                None => return Ok(None),
                Some(Part::Rows { from, to }) => {
                    let limit = wanted.min(CHUNK);
                    let found = rows(conn, self.device, (from, to), limit)?;
                    if let Some(from) = after(&found, limit) {
                        self.walk.resume(Part::Rows { from, to });
                    }
                    found
                }
                Some(Part::Packed { block, from, to }) => self.of_block(conn, block, (from, to))?,
            };
            self.ready.extend(found);
        }
        Ok(self.ready.pop_front())
    }

    fn of_block(
        &mut self,
        conn: &mut PgConnection,
        block: Block,
        (from, to): Span,
    ) -> Result<Vec<Received>, StoreError> {
        let mut packed = block.open()?.samples()?;
        if !block.is_late {
            packed.retain(|found| (from..to).contains(&found.sample.collected_at));
            return Ok(packed);
        }
        let rows = rows(conn, self.device, (from, to), CHUNK_OF_LATE)?;
        let rest = after(&rows, CHUNK_OF_LATE);
        let read_to = rest.unwrap_or(to);
        packed.retain(|found| (from..read_to).contains(&found.sample.collected_at));
        if let Some(from) = rest {
            self.walk.resume(Part::Packed { block, from, to });
        }
        Ok(merged(packed, rows))
    }
}

/// Where to go on after rows that were as many as might be read; `None`: there are no more.
fn after(rows: &[Received], limit: usize) -> Option<DateTime<Utc>> {
    let last = rows.last().filter(|_| rows.len() == limit)?;
    Some(last.sample.collected_at + TimeDelta::microseconds(1))
}

/// Rows of a device, the first so many.
fn rows(conn: &mut PgConnection, device: i64, (from, to): Span, limit: usize) -> Result<Vec<Received>, StoreError> {
    let found = between(device, from, to).limit(i64::try_from(limit).unwrap_or(i64::MAX)).load::<Record>(conn)?;
    let mut found = found.into_iter().map(received).collect::<Result<Vec<_>, _>>()?;
    correct(conn, device, &mut found)?;
    Ok(found)
}

/// All rows of an hour; `None`: they are more than so many, or weigh more than so much.
pub(crate) fn rows_of_hour(
    conn: &mut PgConnection,
    device: i64,
    hour: DateTime<Utc>,
    (most, most_bytes): (usize, usize),
) -> Result<Option<Vec<Received>>, StoreError> {
    let mut found = Vec::new();
    let mut bytes = 0;
    // Row by row, so that no more than that is in memory.
    for record in between(device, hour, hour + HOUR).load_iter::<Record, PgRowByRowLoadingMode>(conn)? {
        let one = received(record?)?;
        bytes += weight(&one);
        if found.len() == most || bytes > most_bytes {
            return Ok(None);
        }
        found.push(one);
    }
    correct(conn, device, &mut found)?;
    Ok(Some(found))
}

fn weight(received: &Received) -> usize {
    let temperatures = &received.sample.temperatures;
    std::mem::size_of::<Received>()
        + temperatures.iter().map(|reading| 40 + reading.sensor.len()).sum::<usize>()
        + received.sample.extra.weight()
}

#[diesel::dsl::auto_type]
fn between(device: i64, from: DateTime<Utc>, to: DateTime<Utc>) -> _ {
    samples::table
        .filter(samples::device.eq(device))
        .filter(samples::collected_at.ge(from))
        .filter(samples::collected_at.lt(to))
        .order(samples::collected_at)
}

fn received(record: Record) -> Result<Received, StoreError> {
    let received_at = record.received_at;
    Ok(Received { sample: record.sample()?, received_at })
}

/// Adds what the device's clock showed. After the rows are read: a correction is stored together with its sample.
fn correct(conn: &mut PgConnection, device: i64, rows: &mut [Received]) -> Result<(), StoreError> {
    let Some((first, last)) = rows.first().zip(rows.last()) else { return Ok(()) };
    let (first, last) = (first.sample.collected_at, last.sample.collected_at);
    let corrected = corrections::between(conn, device, first, last)?;
    for row in rows {
        row.sample.device_time = corrected.get(&row.sample.collected_at).copied();
    }
    Ok(())
}

/// The samples of a block and of rows, each once, in order.
pub(crate) fn merged(packed: Vec<Received>, rows: Vec<Received>) -> Vec<Received> {
    let mut all: BTreeMap<_, _> = rows.into_iter().map(|row| (row.sample.collected_at, row)).collect();
    // What was packed was there first.
    all.extend(packed.into_iter().map(|packed| (packed.sample.collected_at, packed)));
    all.into_values().collect()
}
