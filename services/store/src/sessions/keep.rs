//! What time alone changes of presence: silence that lasted too long, and calm that lasted long enough.
//!
//! Any process may do it, and all of them at once: what one has locked the others pass over. So a replica that dies
//! leaves nobody online for longer than silence may last.

use chrono::TimeDelta;
use diesel::{prelude::*, sql_query, sql_types::BigInt};
use homepot::model::{BySource, DeviceStatus, OFFLINE_AFTER_HEARTBEATS, StateCause};

use super::record::{self, COLUMNS, Record, Recorded, TOLD_APART};
use crate::{StoreError, row, schema::devices};

/// Rows in one transaction.
const BATCH: i64 = 1_000;
/// How far back a silence is entered that began while no server ran: further back there may be no partition for it.
const ENTERED_BACK: TimeDelta = TimeDelta::days(7);

/// What a round found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Kept {
    /// Devices that fell silent.
    pub silent: BySource,
    /// Devices that stopped coming and going.
    pub settled: usize,
    /// Devices of which watches are told now.
    pub told: usize,
    /// Devices whose session nobody else has taken any more for a while.
    pub calm: usize,
}

impl Kept {
    /// Whether watches have something to see.
    pub fn any(&self) -> bool {
        *self != Self::default()
    }
}

/// One round; to be called every second. However many devices fell silent at once, all are found.
pub fn keep(conn: &mut PgConnection) -> Result<Kept, StoreError> {
    let mut kept = Kept::default();
    loop {
        let silent = record_each(conn, SILENT, fell_silent)?;
        for (source, devices) in sources(conn, &silent)? {
            kept.silent.add(row::checked("devices.source", &source)?, u64::try_from(devices).unwrap_or_default());
        }
        if silent.len() < BATCH as usize {
            break;
        }
    }
    kept.settled = record_each(conn, SETTLED, |recorded| {
        let mut record = recorded.open()?;
        record.settle();
        Ok(record)
    })?
    .len();
    kept.calm = sql_query(CALM).bind::<BigInt, _>(BATCH).execute(conn)?;
    kept.told = sql_query(TOLD).bind::<BigInt, _>(BATCH).bind::<BigInt, _>(TOLD_APART.num_seconds()).execute(conn)?;
    Ok(kept)
}

const SILENT: &str = "s.status = 'online' AND NOT heard_lately(s.last_seen_at, s.heartbeat_ms)";
const SETTLED: &str = "s.flapping_since IS NOT NULL AND s.flapping_until <= now()";

const CALM: &str = "\
UPDATE sessions SET contested_since = NULL, contested_until = NULL, changed_at = now(), version = version + 1
WHERE device = ANY (ARRAY (
    SELECT device FROM sessions WHERE contested_since IS NOT NULL AND contested_until <= now()
    ORDER BY device LIMIT $1 FOR NO KEY UPDATE SKIP LOCKED))";

const TOLD: &str = "\
UPDATE sessions SET change_untold = false, changed_at = now(), version = version + 1
WHERE device = ANY (ARRAY (
    SELECT device FROM sessions WHERE change_untold AND changed_at <= now() - $2 * interval '1 second'
    ORDER BY device LIMIT $1 FOR NO KEY UPDATE SKIP LOCKED))";

/// Records what happens to the rows for which `condition` holds and that nobody else has locked; a batch of them, which it
/// tells.
fn record_each(
    conn: &mut PgConnection,
    condition: &str,
    happens: impl Fn(Recorded) -> Result<Record, StoreError>,
) -> Result<Vec<i64>, StoreError> {
    let query = format!(
        "SELECT {COLUMNS} FROM sessions s WHERE {condition} ORDER BY s.device LIMIT $1 FOR NO KEY UPDATE SKIP LOCKED"
    );
    conn.transaction(|conn| {
        let found: Vec<Recorded> = sql_query(query).bind::<BigInt, _>(BATCH).load(conn)?;
        let devices = found.iter().map(|recorded| recorded.device).collect();
        let records = found.into_iter().map(happens).collect::<Result<Vec<_>, _>>()?;
        record::write(conn, &records)?;
        Ok(devices)
    })
}

/// How many of these are real, and how many simulated.
fn sources(conn: &mut PgConnection, pks: &[i64]) -> Result<Vec<(String, i64)>, StoreError> {
    if pks.is_empty() {
        return Ok(Vec::new());
    }
    let of_source = devices::table.filter(devices::device.eq_any(pks)).group_by(devices::source);
    Ok(of_source.select((devices::source, diesel::dsl::count_star())).load(conn)?)
}

fn fell_silent(recorded: Recorded) -> Result<Record, StoreError> {
    let bound = row::span(recorded.heartbeat_ms).mul_f64(OFFLINE_AFTER_HEARTBEATS);
    let heard_at = recorded.last_seen_at.unwrap_or(recorded.now);
    let silent_at = heard_at + TimeDelta::from_std(bound).unwrap_or(TimeDelta::MAX);
    let at = silent_at.max(recorded.now - ENTERED_BACK);
    let mut record = recorded.open()?;
    let detail = format!("nothing was heard for {:?}, {OFFLINE_AFTER_HEARTBEATS} heartbeat intervals", bound);
    record.change(DeviceStatus::Offline, at, StateCause::Silent, detail);
    Ok(record)
}
