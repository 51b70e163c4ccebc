//! Where a stretch of a device's history is to be read: in blocks, in rows, or in both.

use std::collections::{BTreeMap, VecDeque};

use chrono::{DateTime, DurationRound as _, TimeDelta, Utc};
use diesel::{
    PgConnection, QueryableByName, RunQueryDsl as _, sql_query,
    sql_types::{BigInt, Binary, Bool, Integer, Timestamptz},
};
use homepot_packing::{Damaged, Key, samples::Hour};

use crate::{StoreError, statement::Statement};

pub(crate) const HOUR: TimeDelta = TimeDelta::hours(1);
/// Packed hours that are looked up at once: a week has 168.
const HOURS: i64 = 256;
/// Bytes of blocks that are read at once. A single block may be larger.
const TOGETHER: i64 = 1 << 20;

/// A part of history, from `from` up to but not at `to`.
#[derive(Debug)]
pub(crate) enum Part {
    /// It is in rows.
    Rows { from: DateTime<Utc>, to: DateTime<Utc> },
    /// It is in a block.
    Packed { block: Block, from: DateTime<Utc>, to: DateTime<Utc> },
}

/// A block as it is stored.
#[derive(Debug)]
pub(crate) struct Block {
    pub(crate) key: Key,
    pub(crate) bytes: Vec<u8>,
    /// There may be rows of this hour that are not in it.
    pub(crate) is_late: bool,
}

impl Block {
    pub(crate) fn open(&self) -> Result<Hour<'_>, StoreError> {
        Ok(Hour::open(self.key, &self.bytes)?)
    }
}

impl From<Damaged> for StoreError {
    fn from(damaged: Damaged) -> Self {
        Self::Corrupt(damaged.to_string())
    }
}

/// Goes through a stretch of a device's history, oldest first.
pub(crate) struct Walk {
    device: i64,
    /// What lies before it was given out, or is in `planned`.
    from: DateTime<Utc>,
    to: DateTime<Utc>,
    planned: VecDeque<Planned>,
    /// Blocks that are read and not given out.
    read: BTreeMap<DateTime<Utc>, Vec<u8>>,
    /// The rest of a part that was read in part.
    rest: Option<Part>,
}

struct Planned {
    from: DateTime<Utc>,
    to: DateTime<Utc>,
    /// `None`: in rows.
    packed: Option<Packed>,
}

/// What is known of a block before it is read.
#[derive(QueryableByName)]
struct Packed {
    #[diesel(sql_type = Timestamptz)]
    hour: DateTime<Utc>,
    #[diesel(sql_type = Integer)]
    samples: i32,
    #[diesel(sql_type = Integer)]
    bytes: i32,
    #[diesel(sql_type = Bool)]
    is_late: bool,
}

#[derive(QueryableByName)]
struct Stored {
    #[diesel(sql_type = Timestamptz)]
    hour: DateTime<Utc>,
    #[diesel(sql_type = Binary)]
    block: Vec<u8>,
}

// In one statement: a mark goes in the transaction that packs its hour anew, so a block without a mark has all that is committed.
const PLAN: &str = "\
SELECT p.hour, p.samples, octet_length(p.block) AS bytes,
    EXISTS (SELECT FROM packing_late l WHERE l.device = p.device AND l.hour = p.hour) AS is_late
FROM packed_samples p WHERE p.device = $1 AND p.hour >= $2 AND p.hour < $3 ORDER BY p.hour LIMIT $4";

const READ: &str = "\
SELECT hour, block FROM packed_samples
WHERE device = {device} AND hour >= {first} AND hour <= {last} AND hour = ANY ({hour})";

impl Walk {
    pub(crate) fn new(device: i64, from: DateTime<Utc>, to: DateTime<Utc>) -> Self {
        Self { device, from, to, planned: VecDeque::new(), read: BTreeMap::new(), rest: None }
    }

    /// The next part; `None`: there is none. Of blocks, those that hold the next `samples` are read at once.
    pub(crate) fn next(&mut self, conn: &mut PgConnection, samples: usize) -> Result<Option<Part>, StoreError> {
        if let Some(rest) = self.rest.take() {
            return Ok(Some(rest));
        }
        loop {
            if self.planned.is_empty() {
                if self.from >= self.to {
                    return Ok(None);
                }
                self.plan(conn)?;
            }
            let Some(Planned { from, to, packed }) = self.planned.pop_front() else { return Ok(None) };
            let Some(packed) = packed else { return Ok(Some(Part::Rows { from, to })) };
            if !self.read.contains_key(&packed.hour) {
                self.read(conn, &packed, samples)?;
            }
            // Where it is gone by now, so are its rows: the device was removed, or the hour has expired.
            let Some(bytes) = self.read.remove(&packed.hour) else { continue };
            let key = Key { device: self.device, hour: packed.hour };
            return Ok(Some(Part::Packed { block: Block { key, bytes, is_late: packed.is_late }, from, to }));
        }
    }

    /// Goes on with what is left of the part that was given out last.
    pub(crate) fn resume(&mut self, rest: Part) {
        self.rest = Some(rest);
    }

    fn plan(&mut self, conn: &mut PgConnection) -> Result<(), StoreError> {
        let first = self.from.duration_trunc(HOUR).unwrap_or(self.from);
        let found: Vec<Packed> = sql_query(PLAN)
            .bind::<BigInt, _>(self.device)
            .bind::<Timestamptz, _>(first)
            .bind::<Timestamptz, _>(self.to)
            .bind::<BigInt, _>(HOURS)
            .load(conn)?;
        let is_all = (found.len() as i64) < HOURS;
        for packed in found {
            if self.from < packed.hour {
                self.planned.push_back(Planned { from: self.from, to: packed.hour, packed: None });
                self.from = packed.hour;
            }
            let (from, to) = (self.from, self.to.min(packed.hour + HOUR));
            self.planned.push_back(Planned { from, to, packed: Some(packed) });
            self.from = to;
        }
        if is_all && self.from < self.to {
            self.planned.push_back(Planned { from: self.from, to: self.to, packed: None });
            self.from = self.to;
        }
        Ok(())
    }

    /// Reads a block, and those after it that are wanted soon.
    fn read(&mut self, conn: &mut PgConnection, first: &Packed, samples: usize) -> Result<(), StoreError> {
        let (mut found, mut bytes) = (i64::from(first.samples), i64::from(first.bytes));
        let mut hours = vec![first.hour];
        for packed in self.planned.iter().filter_map(|planned| planned.packed.as_ref()) {
            bytes += i64::from(packed.bytes);
            if usize::try_from(found).unwrap_or(0) >= samples || bytes > TOGETHER {
                break;
            }
            found += i64::from(packed.samples);
            hours.push(packed.hour);
        }
        let last = hours.last().copied().unwrap_or(first.hour);
        let stored: Vec<Stored> = Statement::new(READ)
            .column::<Timestamptz, _>("hour", hours)
            .value::<BigInt, _>("device", self.device)
            .value::<Timestamptz, _>("first", first.hour)
            .value::<Timestamptz, _>("last", last)
            .load(conn)?;
        self.read.extend(stored.into_iter().map(|Stored { hour, block }| (hour, block)));
        Ok(())
    }
}
